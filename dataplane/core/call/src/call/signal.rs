//! What SIP says, and what the call answers.

use bytes::Bytes;
use callplane_sip::{Command, Ending, Event, StatusCode};
use callplane_types::{CallStatus, Instant};

use super::{Call, Phase};
use crate::facts::EventKind;
use crate::hangup::{Hangup, HangupCause};
use crate::media::Line;
use crate::output::Output;

/// RFC 3261 section 21.4.26: the session description cannot be used.
pub(super) const NOT_ACCEPTABLE_HERE: StatusCode = StatusCode::NOT_ACCEPTABLE_HERE;

impl Call {
    /// Answers at once; the agent begins to talk when the caller can hear it.
    pub(super) fn open_inbound(&mut self, now: Instant, offer: Option<&[u8]>) {
        self.phase = Phase::Answering {
            until: now + self.guards.acknowledgement,
        };
        match self.describe(now, offer) {
            Some(sdp) => {
                self.sip_status = Some(200);
                self.timeline.set_status(now, CallStatus::InProgress);
                self.outputs.push_back(Output::Sip(Command::Answer { sdp }));
                self.outputs.push_back(Output::Answered);
            }
            None => self.reject(now),
        }
    }

    /// Asks for the INVITE.
    pub(super) fn open_outbound(&mut self) {
        let sdp = self.agreement.offer();
        self.outputs.push_back(Output::Invite { sdp });
    }

    pub(super) fn signal(&mut self, now: Instant, event: Event) {
        match event {
            // The session was made for this call; it opens only once.
            Event::Incoming(_) => {}
            Event::Acknowledged { sdp } => self.acknowledged(now, sdp),
            Event::Ringing { status } => {
                self.progressed();
                if status.code() == 180 {
                    self.timeline.set_status(now, CallStatus::Ringing);
                }
            }
            Event::EarlyMedia { sdp } => {
                self.progressed();
                self.timeline.set_status(now, CallStatus::Ringing);
                // The 200 may leave the description out when it is the same.
                self.negotiate_answer(now, &sdp);
            }
            Event::Answered { sdp } => self.answered(now, &sdp),
            Event::Reinvite { offer } => self.reinvited(now, offer.as_deref()),
            Event::Info { content_type, body } => {
                if let Some(key) = info_digit(&content_type, &body)
                    && self.line.as_mut().is_none_or(|line| line.is_news(now, key))
                {
                    self.key(now, key);
                }
            }
            Event::Ended(ending) => self.ended(now, &ending),
        }
    }

    fn progressed(&mut self) {
        if let Phase::Inviting { progressed, .. } = &mut self.phase {
            *progressed = true;
        }
    }

    fn acknowledged(&mut self, now: Instant, sdp: Option<Bytes>) {
        // RFC 3264 has no second answer: what comes with the ACK of an answer is no description.
        let answer = sdp.filter(|_| self.agreement.takes_answer());
        let agreed = match answer {
            Some(answer) => self.negotiate_answer(now, &answer),
            None => self.line.is_some(),
        };
        match agreed {
            true => self.connect(now),
            false => {
                let hangup = Hangup::system(HangupCause::IncompatibleDestination);
                self.hang_up(now, hangup);
            }
        }
    }

    fn answered(&mut self, now: Instant, sdp: &[u8]) {
        self.sip_status = Some(200);
        match self.phase {
            Phase::Inviting { .. } => {
                self.timeline.set_status(now, CallStatus::InProgress);
                let agreed = match sdp.is_empty() {
                    true => self.line.is_some(),
                    false => self.negotiate_answer(now, sdp),
                };
                // The user agent has acknowledged it.
                self.phase = Phase::Answering { until: now };
                self.outputs.push_back(Output::Answered);
                match agreed {
                    true => self.connect(now),
                    false => {
                        let hangup = Hangup::system(HangupCause::IncompatibleDestination);
                        self.hang_up(now, hangup);
                    }
                }
            }
            // The answer crossed our CANCEL; the user agent sends the BYE.
            Phase::Closing { .. } => self.timeline.set_status(now, CallStatus::InProgress),
            _ => {}
        }
    }

    /// Both sides can hear each other: the agent begins.
    pub(super) fn connect(&mut self, now: Instant) {
        if matches!(self.phase, Phase::Answering { .. }) && self.line.is_some() {
            self.phase = Phase::Talking { since: now };
            self.timeline.connected_at = Some(self.timeline.wall(now));
            self.timeline.event(now, EventKind::Connected);
            self.begin_recording(now);
            self.tell_agent(now, callplane_agent::Input::Started);
        }
    }

    fn reinvited(&mut self, now: Instant, offer: Option<&[u8]>) {
        let command = match self.describe(now, offer) {
            Some(sdp) => Command::AnswerReinvite { sdp },
            None => Command::RejectReinvite {
                status: NOT_ACCEPTABLE_HERE,
            },
        };
        self.outputs.push_back(Output::Sip(command));
    }

    fn reject(&mut self, now: Instant) {
        self.sip_status = Some(NOT_ACCEPTABLE_HERE.code());
        self.outputs.push_back(Output::Sip(Command::Reject {
            status: NOT_ACCEPTABLE_HERE,
            reason: String::new(),
            retry_after: None,
        }));
        let hangup = Hangup::system(HangupCause::IncompatibleDestination);
        self.finish(now, hangup, CallStatus::Failed);
    }

    fn ended(&mut self, now: Instant, ending: &Ending) {
        if self.answer_was_missed(ending) {
            self.timeline.retract_answer();
        }
        let progressed = !matches!(
            self.phase,
            Phase::Inviting {
                progressed: false,
                ..
            }
        );
        let by = |cause, party| Hangup { cause, party };
        let hangup = match ending {
            // Who is told that the handshake failed may hang up before we do.
            Ending::Bye if self.line.as_ref().is_some_and(Line::has_failed) => {
                by(HangupCause::HandshakeFailed, self.remote_party())
            }
            Ending::Bye => by(HangupCause::NormalClearing, self.remote_party()),
            Ending::Local => self
                .hangup
                .unwrap_or(by(HangupCause::NormalClearing, self.own_party())),
            Ending::Cancelled => {
                self.sip_status = Some(StatusCode::REQUEST_TERMINATED.code());
                self.hangup
                    .unwrap_or(by(HangupCause::OriginatorCancel, self.remote_party()))
            }
            Ending::Failed { status, .. } => {
                self.sip_status = Some(status.code());
                let cause = HangupCause::from_sip_status(status.code());
                // 487 answers our own CANCEL.
                self.hangup.unwrap_or(by(cause, self.remote_party()))
            }
            Ending::Timeout => self.hangup.unwrap_or(Hangup::system(match progressed {
                true => HangupCause::NoAnswer,
                false => HangupCause::NetworkOutOfOrder,
            })),
            Ending::NotAcknowledged => Hangup::system(HangupCause::ProtocolTimeout),
            Ending::TransportFailed => Hangup::system(HangupCause::NetworkOutOfOrder),
        };
        self.finish(now, hangup, hangup.cause.unanswered_status());
    }

    /// Whether the caller never got our answer: the CANCEL was faster than the 200, or nothing came
    /// back, neither an ACK nor a packet.
    fn answer_was_missed(&self, ending: &Ending) -> bool {
        matches!(self.phase, Phase::Answering { .. })
            && match ending {
                Ending::Cancelled => true,
                Ending::NotAcknowledged => !self.line.as_ref().is_some_and(Line::has_heard),
                _ => false,
            }
    }

    /// What our 200 says; nothing in common gives nothing.
    fn describe(&mut self, now: Instant, offer: Option<&[u8]>) -> Option<Bytes> {
        self.watching_hold(now, |call| {
            call.agreement.describe(now, offer, &mut call.line)
        })
    }

    /// Takes an answer to our offer; whether it can be used.
    fn negotiate_answer(&mut self, now: Instant, answer: &[u8]) -> bool {
        self.watching_hold(now, |call| {
            call.agreement.accept(now, answer, &mut call.line)
        })
    }

    /// Notes what `negotiate` changes of who wants to hear whom.
    fn watching_hold<T>(&mut self, now: Instant, negotiate: impl FnOnce(&mut Self) -> T) -> T {
        let was_held = self.line.as_ref().map(Line::is_held);
        let result = negotiate(self);
        match (was_held, self.line.as_ref().map(Line::is_held)) {
            (Some(false), Some(true)) => self.timeline.event(now, EventKind::Hold),
            (Some(true), Some(false)) => self.timeline.event(now, EventKind::Resumed),
            _ => {}
        }
        result
    }
}

/// The key in the body of an INFO: `Signal=5` of application/dtmf-relay, or the bare sign of
/// application/dtmf.
fn info_digit(content_type: &[u8], body: &[u8]) -> Option<char> {
    let text = std::str::from_utf8(body).ok()?;
    let sign = match content_type {
        b"application/dtmf-relay" => text.lines().find_map(|line| {
            let (name, value) = line.split_once('=')?;
            name.trim()
                .eq_ignore_ascii_case("signal")
                .then(|| value.trim())
        })?,
        b"application/dtmf" => text.trim(),
        _ => return None,
    };
    match sign {
        "10" => Some('*'),
        "11" => Some('#'),
        sign => {
            let mut signs = sign.chars();
            signs.next().filter(|_| signs.next().is_none())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::info_digit;

    #[test]
    fn keys_are_read_from_both_kinds_of_info() {
        let relay = b"application/dtmf-relay".as_slice();
        assert_eq!(info_digit(relay, b"Signal=5\r\nDuration=160"), Some('5'));
        assert_eq!(info_digit(relay, b"signal= #\r\n"), Some('#'));
        assert_eq!(info_digit(relay, b"Signal=10\r\n"), Some('*'));
        assert_eq!(info_digit(b"application/dtmf", b"7\r\n"), Some('7'));
        assert_eq!(info_digit(b"text/plain", b"7"), None);
        assert_eq!(info_digit(relay, b"\xff"), None);
    }
}
