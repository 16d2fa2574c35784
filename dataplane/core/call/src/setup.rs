//! What a call is told when it begins.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use callplane_dtls::Identity;
use callplane_flow::Program;
use callplane_sdp::{KeyExchange, LocalMedia, MediaSecurity};
use callplane_srtp::KeySource;

use crate::media::Clip;

/// Everything a [`Call`](crate::Call) needs from outside; it asks for nothing later.
#[derive(Debug)]
pub struct Setup {
    /// Who opened it.
    pub opening: Opening,
    /// Where we receive media.
    pub local: LocalMedia,
    /// Whether media is encrypted, and with what of ours.
    pub secrecy: Secrecy,
    /// What the agent says and does.
    pub program: Arc<Program>,
    /// The variables that the call brings along.
    pub variables: Vec<(String, String)>,
    /// What is played when speech is down: a spoken apology, or a tone.
    pub apology: Clip,
    /// Randomness for SSRC, sequence numbers, RTCP and the SDP session.
    pub seed: u64,
    /// The times that guard it.
    pub guards: Guards,
}

/// How the media of one line is kept secret.
#[derive(Debug)]
pub struct Secrecy {
    /// Whether it is encrypted.
    pub security: MediaSecurity,
    /// Where the keys are from that our offers want.
    pub exchange: KeyExchange,
    /// Where our keys and passwords come from. Not from a seed, which is too short to be a secret and is written
    /// into packets.
    pub keys: KeySource,
    /// The certificate of the process.
    pub identity: Identity,
}

/// Who opened the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opening {
    /// They called us. `None`: they want our offer.
    Inbound {
        /// Their offer.
        offer: Option<Bytes>,
    },
    /// We call them.
    Outbound,
    /// They called us by other means than SIP, and were answered. Their audio is handed in by
    /// [`Call::hear`](crate::Call::hear), the agent's taken from [`Call::say`](crate::Call::say), and
    /// [`Setup::local`] is not looked at.
    Joined {
        /// What is spoken with, as the record names it.
        codec: &'static str,
    },
}

/// How long a call waits for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guards {
    /// Outbound: how long it rings until nobody answers.
    pub ring: Duration,
    /// Inbound: how long the ACK of our answer may take, or the way to who joined. SIP gives up by
    /// itself after 32 s.
    pub acknowledgement: Duration,
    /// How long media may wait for the keys of a handshake, counted from the answer or from when the handshake was
    /// agreed on.
    pub handshake: Duration,
    /// How long no packet may come, counted from the answer or the last packet.
    pub media: Duration,
    /// How long the end of a session may take that we asked to end.
    pub closing: Duration,
}

impl Default for Guards {
    fn default() -> Self {
        Self {
            ring: Duration::from_secs(30),
            acknowledgement: Duration::from_secs(40),
            handshake: Duration::from_secs(15),
            media: Duration::from_secs(30),
            closing: Duration::from_secs(5),
        }
    }
}
