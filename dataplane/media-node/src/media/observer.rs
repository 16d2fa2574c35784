//! A supervisor's browser in somebody else's call: carries between the browser and the call.

use callplane_call::Call;
use callplane_types::{Instant, LegId};
use callplane_webrtc::{FRAME_SAMPLES, Output, Peer, TransportAddress};
use tokio::sync::oneshot;

use super::browser::{Browser, BrowserPort};
use super::{Key, MediaInput, ToPeer};

/// A supervisor who is to join a call.
pub(crate) struct NewObserver {
    /// Who, and what they may do.
    pub(crate) observer: callplane_call::Observer,
    /// Their browser.
    pub(crate) peer: Box<Peer>,
}

/// A supervisor in a call.
pub(crate) struct Observing {
    /// The way to their browser.
    pub(crate) input: MediaInput,
    over: oneshot::Receiver<()>,
}

impl Observing {
    pub(super) fn new(input: MediaInput, over: oneshot::Receiver<()>) -> Self {
        Self { input, over }
    }

    /// Resolves when they are out of it, at the latest with the call.
    pub(crate) async fn over(self) {
        // The other end is dropped, never used.
        let _ = self.over.await;
    }
}

/// A supervisor's browser, as the thread has it.
pub(super) struct Observer {
    leg: LegId,
    browser: Browser,
    /// Dropped with the rest: whoever waits for the end sees it.
    _over: oneshot::Sender<()>,
}

impl Observer {
    pub(super) fn new(leg: LegId, browser: Browser, over: oneshot::Sender<()>) -> Self {
        Self {
            leg,
            browser,
            _over: over,
        }
    }

    pub(super) fn key(&self) -> Key {
        self.browser.key()
    }

    /// Whether the call has a place for it.
    pub(super) fn is_in(&self, call: &Call) -> bool {
        call.has_observer(self.leg)
    }

    /// A datagram that is the browser's.
    pub(super) fn receive(
        &mut self,
        now: Instant,
        from: TransportAddress,
        datagram: &[u8],
        call: &mut Call,
        port: &mut BrowserPort,
    ) {
        let leg = self.leg;
        let told = |output: &Output| tell(now, leg, call, output);
        self.browser.receive(now, from, datagram, port, told);
    }

    /// A change to the way in.
    pub(super) fn change(
        &mut self,
        now: Instant,
        change: ToPeer,
        call: &mut Call,
        port: &mut BrowserPort,
    ) {
        let leg = self.leg;
        let told = |output: &Output| tell(now, leg, call, output);
        self.browser.change(now, change, port, told);
    }

    /// It hangs up.
    pub(super) fn leave(&self, now: Instant, call: &mut Call) {
        call.observer_left(now, self.leg);
    }

    /// Its side of the next 20 ms, before the call makes them.
    pub(super) fn hear(&mut self, now: Instant, call: &mut Call) {
        let mut frame = [0; FRAME_SAMPLES];
        self.browser.hear(now, &mut frame);
        call.hear_observer(self.leg, &frame);
        call.observer_measured(self.leg, self.browser.measured());
    }

    /// The other sides, once the call has made them.
    pub(super) fn say(&mut self, now: Instant, call: &mut Call, port: &mut BrowserPort) {
        let Some(says) = call.tell_observer(self.leg).copied() else {
            return;
        };
        let leg = self.leg;
        let told = |output: &Output| tell(now, leg, call, output);
        self.browser.say(now, &says, port, told);
    }

    /// Tells the browser that it is over.
    pub(super) fn close(&mut self, now: Instant, port: &mut BrowserPort) {
        self.browser.close(now, port);
    }
}

fn tell(now: Instant, leg: LegId, call: &mut Call, output: &Output) {
    match output {
        Output::Connected => call.observer_joined(now, leg),
        Output::Closed(_) => call.observer_left(now, leg),
        // Keys of a supervisor are nobody's; datagrams the port has sent.
        Output::Key(_) | Output::Transmit { .. } => {}
    }
}
