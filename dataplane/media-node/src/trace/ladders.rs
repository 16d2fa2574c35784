//! The ladders of calls that go on and of those that ended last.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use callplane_sip::Traced;
use callplane_types::{CallId, WallTime};

use super::Ladder;

/// Calls that are over whose ladder is kept.
const KEPT: usize = 256;
/// Call-IDs of no call yet, or of none ever: an INVITE is here before its call is.
const UNKNOWN: usize = 64;

/// **A ladder is found by its call until [`KEPT`] others have ended after it.** It is bounded itself, and what
/// strangers send moves nothing out but what other strangers sent.
#[derive(Default)]
pub(super) struct Ladders {
    ladders: HashMap<CallId, Ladder>,
    calls: HashMap<Bytes, CallId>,
    /// Oldest first.
    ended: VecDeque<CallId>,
    unknown: VecDeque<(Bytes, Ladder)>,
}

impl Ladders {
    /// A call with this Call-ID begins; what came of it before is its.
    pub(super) fn begin(&mut self, call: CallId, sip_call_id: Bytes) {
        let place = self.unknown.iter().position(|(id, _)| *id == sip_call_id);
        let ladder = place.and_then(|place| self.unknown.remove(place));
        let ladder = ladder.map(|(_, ladder)| ladder).unwrap_or_default();
        self.ladders.insert(call, ladder);
        self.calls.insert(sip_call_id, call);
    }

    /// The call is over; what comes of it still is added.
    pub(super) fn end(&mut self, call: CallId) {
        if !self.ladders.contains_key(&call) {
            return;
        }
        self.ended.push_back(call);
        if self.ended.len() > KEPT
            && let Some(oldest) = self.ended.pop_front()
        {
            self.ladders.remove(&oldest);
            self.calls.retain(|_, of| *of != oldest);
        }
    }

    pub(super) fn push(&mut self, at: WallTime, message: &Traced) {
        let call = self.calls.get(&message.call_id);
        if let Some(ladder) = call.and_then(|call| self.ladders.get_mut(call)) {
            return ladder.push(at, message);
        }
        let known = self.unknown.iter_mut();
        if let Some((_, ladder)) = known.rev().find(|(id, _)| *id == message.call_id) {
            return ladder.push(at, message);
        }
        if self.unknown.len() == UNKNOWN {
            self.unknown.pop_front();
        }
        let mut ladder = Ladder::default();
        ladder.push(at, message);
        // The message's own octets are not held for its sake.
        let call_id = Bytes::copy_from_slice(&message.call_id);
        self.unknown.push_back((call_id, ladder));
    }

    pub(super) fn of(&self, call: CallId) -> Option<&Ladder> {
        self.ladders.get(&call)
    }
}

#[cfg(test)]
mod tests {
    use callplane_sip::{Heading, Instant, Transport};
    use uuid::Uuid;

    use super::*;

    fn message(call_id: &str, text: &str) -> Traced {
        Traced {
            at: Instant::ZERO,
            heading: Heading::Received,
            peer: "192.0.2.1:5060".parse().unwrap(),
            transport: Transport::Udp,
            call_id: Bytes::copy_from_slice(call_id.as_bytes()),
            bytes: Bytes::copy_from_slice(text.as_bytes()),
        }
    }

    fn push(ladders: &mut Ladders, call_id: &str, text: &str) {
        ladders.push(WallTime::from_unix_micros(1), &message(call_id, text));
    }

    fn call(number: u128) -> CallId {
        CallId::new(Uuid::from_u128(number))
    }

    #[test]
    fn what_came_before_the_call_was_known_and_after_its_end_is_its() {
        let mut ladders = Ladders::default();
        push(&mut ladders, "a", "INVITE sip:h SIP/2.0\r\n\r\n");
        for scan in 0..UNKNOWN - 1 {
            push(
                &mut ladders,
                &format!("scan-{scan}"),
                "OPTIONS sip:h SIP/2.0\r\n\r\n",
            );
        }
        ladders.begin(call(1), Bytes::from_static(b"a"));
        push(&mut ladders, "a", "ACK sip:h SIP/2.0\r\n\r\n");
        ladders.end(call(1));
        push(&mut ladders, "a", "BYE sip:h SIP/2.0\r\n\r\n");
        let lines: Vec<_> = ladders
            .of(call(1))
            .unwrap()
            .steps()
            .iter()
            .map(|step| step.start_line().split(' ').next().unwrap())
            .collect();
        assert_eq!(lines, ["INVITE", "ACK", "BYE"]);
    }

    #[test]
    fn strangers_move_no_call_out_and_later_calls_the_oldest() {
        let mut ladders = Ladders::default();
        ladders.begin(call(0), Bytes::from_static(b"0"));
        push(&mut ladders, "0", "BYE sip:h SIP/2.0\r\n\r\n");
        ladders.end(call(0));
        for scan in 0..10 * UNKNOWN {
            push(
                &mut ladders,
                &format!("scan-{scan}"),
                "OPTIONS sip:h SIP/2.0\r\n\r\n",
            );
        }
        assert_eq!(ladders.unknown.len(), UNKNOWN);
        assert_eq!(ladders.of(call(0)).unwrap().steps().len(), 1);
        for number in 1..=KEPT as u128 {
            ladders.begin(call(number), Bytes::from(number.to_string()));
            ladders.end(call(number));
        }
        assert!(ladders.of(call(0)).is_none());
        assert!(ladders.of(call(1)).is_some());
        assert_eq!((ladders.ladders.len(), ladders.calls.len()), (KEPT, KEPT));
    }
}
