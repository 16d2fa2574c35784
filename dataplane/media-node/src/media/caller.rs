//! The caller who calls from a browser: carries between the browser and the call.

use callplane_call::{Call, Input, Left};
use callplane_types::{Instant, WallTime};
use callplane_webrtc::{Closed, FRAME_SAMPLES, Output, TransportAddress};

use super::ToPeer;
use super::browser::{Browser, BrowserPort};

/// A caller's browser.
pub(super) struct BrowserCaller {
    browser: Browser,
}

impl BrowserCaller {
    pub(super) fn new(browser: Browser) -> Self {
        Self { browser }
    }

    pub(super) fn ufrag(&self) -> &str {
        self.browser.ufrag()
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
        let told = |output: &Output| tell(now, call, output);
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
        let told = |output: &Output| tell(now, call, output);
        self.browser.change(now, change, port, told);
    }

    /// 20 ms of both sides.
    pub(super) fn tick(
        &mut self,
        now: Instant,
        wall: WallTime,
        call: &mut Call,
        port: &mut BrowserPort,
    ) {
        let mut frame = [0; FRAME_SAMPLES];
        self.browser.hear(now, &mut frame);
        call.hear(&frame, self.browser.last_heard());
        call.measured(self.browser.measured());
        // There are no packets: the agent's side is taken as a frame.
        let _ = call.tick(now, wall);
        let says = *call.say();
        let told = |output: &Output| tell(now, call, output);
        self.browser.say(now, &says, port, told);
    }

    /// Tells the browser once the call is over.
    pub(super) fn close_if_over(&mut self, now: Instant, call: &Call, port: &mut BrowserPort) {
        if call.is_over() {
            self.browser.close(now, port);
        }
    }
}

fn tell(now: Instant, call: &mut Call, output: &Output) {
    match output {
        // The port has sent it.
        Output::Transmit { .. } => {}
        Output::Connected => call.handle(now, Input::Joined),
        Output::Key(key) => call.handle(now, Input::Key(*key)),
        Output::Closed(why) => {
            let left = match why {
                Closed::ByPeer => Left::HungUp,
                Closed::ConsentExpired => Left::Lost,
                Closed::Failed => Left::Failed,
            };
            call.handle(now, Input::Left(left));
        }
    }
}
