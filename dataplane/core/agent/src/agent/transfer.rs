//! A person is brought into the call: the agent steps back until they are gone.

use callplane_flow::{Event, TransferEnd};
use callplane_types::Instant;

use super::{Agent, Phase};
use crate::output::{Capture, Output, Transfer};

impl Agent {
    /// Steps back. Whatever the caller did before is not taken for an answer afterwards.
    pub(super) fn transfer(&mut self, transfer: callplane_flow::Transfer) {
        let callplane_flow::Transfer {
            to,
            whisper,
            ring,
            waiting,
        } = transfer;
        self.phase = Phase::Transferring;
        self.stop_listening();
        self.keys.forget();
        self.recognizing = None;
        self.unanswered = None;
        if self.gate.reset() {
            self.outputs.push_back(Output::Capture(Capture::Discard));
        }
        let whisper = whisper.map(|text| {
            let utterance = self.speech.whisper();
            self.outputs
                .push_back(Output::Synthesize { utterance, text });
            utterance
        });
        self.outputs.push_back(Output::Transfer(Transfer {
            to,
            ring,
            waiting,
            whisper,
        }));
    }

    /// The person is gone, or never came: the time of the caller's silence counts from now.
    pub(super) fn transferred(&mut self, now: Instant, end: TransferEnd) {
        if self.phase != Phase::Transferring {
            return;
        }
        self.phase = Phase::Talking;
        self.last_sound = now;
        self.last_frame = Some(now);
        self.tell(now, Event::Transferred(end));
    }
}
