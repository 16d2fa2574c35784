//! Looking into calls: the ladder of their SIP messages, kept masked for a while, and captures of what is on the
//! wire, made while somebody asks for them.
//!
//! **Nothing here is waited for**: messages come through a bounded channel, captured packets leave through another,
//! and what does not fit is left out and counted.

mod capture;
mod ladders;
mod pcap;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;
use callplane_call::Quality;
use callplane_transport::sip::{Seen, Tracing};
use callplane_types::{CallId, WallTime};
use tokio_util::sync::CancellationToken;

use crate::media::MediaInput;
use capture::SipTap;
pub(crate) use capture::{Capture, CaptureError, Channel, Datagram, Masking, Tap};
use ladders::Ladders;
pub(crate) use pcap::PcapWriter;

/// The messages of one call.
pub(crate) type Ladder = callplane_sip::Ladder<WallTime>;

/// What is known of the calls of this node. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Traces {
    // Held for moments by the SIP side of calls and by who looks at them; media threads never come here.
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    ladders: Ladders,
    running: HashMap<CallId, RunningCall>,
    captures: HashMap<CallId, SipTap>,
}

/// A call that goes on.
struct RunningCall {
    /// Its Call-ID; a browser's call has none.
    sip_call_id: Option<Bytes>,
    media: MediaInput,
    over: CancellationToken,
}

/// A call that is watched. Dropping it says that the call is over.
pub(crate) struct Watched {
    traces: Traces,
    call: CallId,
    over: CancellationToken,
}

impl Traces {
    /// Takes in messages until the SIP task ends.
    pub(crate) async fn watch(self, mut tracing: Tracing) {
        while let Some(seen) = tracing.next().await {
            self.saw(&seen);
        }
    }

    /// A call begins; `sip_call_id` is that of its SIP, if it has any.
    pub(crate) fn begin(
        &self,
        call: CallId,
        sip_call_id: Option<&str>,
        media: MediaInput,
    ) -> Watched {
        let over = CancellationToken::new();
        let sip_call_id = sip_call_id.map(|id| Bytes::copy_from_slice(id.as_bytes()));
        let mut inner = self.lock();
        if let Some(sip_call_id) = &sip_call_id {
            inner.ladders.begin(call, sip_call_id.clone());
        }
        let running = RunningCall {
            sip_call_id,
            media,
            over: over.clone(),
        };
        inner.running.insert(call, running);
        Watched {
            traces: self.clone(),
            call,
            over,
        }
    }

    /// A call was over before it began: refused.
    pub(crate) fn refused(&self, call: CallId, sip_call_id: &str) {
        let sip_call_id = Bytes::copy_from_slice(sip_call_id.as_bytes());
        let mut inner = self.lock();
        inner.ladders.begin(call, sip_call_id);
        inner.ladders.end(call);
    }

    /// How a call that goes on here has sounded so far.
    pub(crate) async fn quality(&self, call: CallId) -> Option<Quality> {
        let media = self.lock().running.get(&call)?.media.clone();
        media.quality().await
    }

    /// The messages of a call, if they are kept.
    pub(crate) fn ladder(&self, call: CallId) -> Option<Ladder> {
        self.lock().ladders.of(call).cloned()
    }

    /// Whether the call goes on here.
    pub(crate) fn is_running(&self, call: CallId) -> bool {
        self.lock().running.contains_key(&call)
    }

    fn saw(&self, seen: &Seen) {
        let mut inner = self.lock();
        let Inner {
            ladders,
            running: _,
            captures,
        } = &mut *inner;
        ladders.push(wall(seen.at), &seen.message);
        for tap in captures.values().filter(|tap| tap.is_of(&seen.message)) {
            tap.message(seen);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing in there panics halfway through a change.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.over.cancel();
        let mut inner = self.traces.lock();
        inner.running.remove(&self.call);
        inner.ladders.end(self.call);
    }
}

fn wall(at: SystemTime) -> WallTime {
    let since = at.duration_since(SystemTime::UNIX_EPOCH);
    let micros = since.map_or(0, |since| since.as_micros());
    WallTime::from_unix_micros(i64::try_from(micros).unwrap_or(i64::MAX))
}
