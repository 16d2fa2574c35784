//! What the agent says, as payloads.

use callplane_audio::{Law, OPUS_MAX_OCTETS, OpusConfig, OpusEncoder, Upsampler};

use crate::{Frame, Voice};

/// Frames of silence that are still sent: the end of a word, and what tells the listener's jitter buffer
/// that the pause is one.
const TAIL: u32 = 10;
/// In a longer pause, one frame of so many is sent, so that the path and the listener stay awake: 400 ms,
/// as Opus itself does (RFC 6716 section 2.1.9).
const KEEP_AWAKE: u32 = 20;

/// Encodes one stream, and nothing while nothing is said: encoding is the dearest part of a call.
#[derive(Debug)]
pub(crate) struct Speaker {
    voice: Voice,
    opus: Option<Box<OpusEncoder>>,
    wide: Upsampler,
    wideband: Vec<i16>,
    payload: Vec<u8>,
    silent: u32,
}

impl Speaker {
    pub(crate) fn new(voice: Voice) -> Self {
        Self {
            voice,
            opus: (voice == Voice::Opus).then(|| Box::new(OpusEncoder::new(OpusConfig::default()))),
            wide: Upsampler::default(),
            wideband: Vec::with_capacity(2 * crate::FRAME_SAMPLES),
            payload: vec![0; OPUS_MAX_OCTETS],
            silent: 0,
        }
    }

    /// The payload of a frame; nothing if it need not be sent.
    pub(crate) fn encode(&mut self, frame: &Frame) -> Option<&[u8]> {
        self.silent = match frame.iter().all(|sample| *sample == 0) {
            true => self.silent.saturating_add(1),
            false => 0,
        };
        if self.silent > TAIL && !self.silent.is_multiple_of(KEEP_AWAKE) {
            return None;
        }
        let length = match (self.opus.as_mut(), self.voice) {
            (Some(opus), _) => {
                self.wideband.clear();
                self.wide.process(frame, &mut self.wideband);
                opus.encode(&self.wideband, &mut self.payload).ok()?
            }
            (None, Voice::Pcma) => self.encode_law(Law::A, frame),
            (None, _) => self.encode_law(Law::Mu, frame),
        };
        (length > 0).then_some(&self.payload[..length])
    }

    fn encode_law(&mut self, law: Law, frame: &Frame) -> usize {
        law.encode(frame, &mut self.payload[..frame.len()]);
        frame.len()
    }
}
