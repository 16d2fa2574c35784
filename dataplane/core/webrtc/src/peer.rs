//! The server's end of one call.

mod events;
pub(crate) mod setup;

use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, Instant as StdInstant};

use callplane_audio::{DtmfDetector, DtmfEvent};
use callplane_ice::Credentials;
use callplane_rtp::dtmf::{Digit, DigitReceiver};
use callplane_rtp::{FarEnd, ReceiverStats};
use callplane_types::Instant;
use str0m::media::{Mid, Pt};
use str0m::net::Receive;
use str0m::rtp::RtpWrite;
use str0m::{Input, Rtc};

use crate::fragment::{Fragment, FragmentError};
use crate::identity::Identity;
use crate::offer::{AudioUse, OfferError};
use crate::playout::{Heard, Playout};
use crate::speaker::Speaker;
use crate::{Frame, Reoffer, TransportAddress, Voice};

/// How long the other side may send no checks (RFC 7675 section 5.1).
const CONSENT: Duration = Duration::from_secs(30);
/// What of it has passed when the lost connection is noticed.
const NOTICED_AFTER: Duration = Duration::from_secs(15);
/// Outputs that may wait; beyond it the newest datagrams are lost.
const MAX_OUTPUTS: usize = 256;

/// What a [`Peer`] is told when it is made.
#[derive(Debug, Clone)]
pub struct PeerConfig {
    /// The certificate.
    pub identity: Identity,
    /// What checks have to show.
    pub credentials: Credentials,
    /// Where the other side reaches this one; the first of UDP and the first of TCP is where what comes by it is
    /// taken to have come to.
    pub addresses: Vec<TransportAddress>,
    /// What the audio is for.
    pub audio: AudioUse,
    /// The moment that [`Instant::ZERO`] stands for.
    pub origin: StdInstant,
}

/// What a peer wants, or what became of it.
#[derive(Debug, PartialEq, Eq)]
pub enum Output {
    /// Send this datagram.
    Transmit {
        /// Where to.
        to: TransportAddress,
        /// The octets.
        datagram: Vec<u8>,
    },
    /// Both sides can hear each other.
    Connected,
    /// The caller pressed a key (RFC 4733).
    Key(char),
    /// It is over; nothing follows but datagrams that say so to the other side.
    Closed(Closed),
}

/// Why a peer is no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    /// The other side closed it.
    ByPeer,
    /// The other side has sent no checks for 30 s: it is gone, or its network is.
    ConsentExpired,
    /// DTLS or SRTP failed.
    Failed,
}

/// One call with a browser. **After each call of a method that takes the time, drain [`Peer::poll`] to
/// `None`.**
pub struct Peer {
    rtc: Rtc,
    origin: StdInstant,
    addresses: Vec<TransportAddress>,
    credentials: Credentials,
    /// As it was read, for a restart.
    offer: String,
    remote_ufrag: String,
    mid: Mid,
    voice: Voice,
    payload_type: Pt,
    sequence: u64,
    timestamp: u32,
    /// The next packet is the first after a pause.
    marks: bool,
    sent: u32,
    speaker: Speaker,
    playout: Playout,
    digits: DigitReceiver,
    /// For who agreed on no telephone events: keys are heard as tones.
    tones: Option<DtmfDetector>,
    /// How many round trips were measured, and how long they took together.
    round_trips: (u32, Duration),
    far_end: Option<FarEnd>,
    last_heard: Option<Instant>,
    deadline: Instant,
    connected: bool,
    /// When the call is over unless checks come again.
    expires: Option<Instant>,
    closed: bool,
    outputs: VecDeque<Output>,
}

impl Peer {
    /// What the call is spoken with.
    #[must_use]
    pub fn voice(&self) -> Voice {
        self.voice
    }

    /// Our user name fragment, which checks name.
    #[must_use]
    pub fn ufrag(&self) -> &str {
        &self.credentials.ufrag
    }

    /// The next output.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Peer::advance`] has something to do at the latest.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.expires
            .map_or(self.deadline, |at| at.min(self.deadline))
    }

    /// When audio or a key last came.
    #[must_use]
    pub fn last_heard(&self) -> Option<Instant> {
        self.last_heard
    }

    /// What came so far.
    #[must_use]
    pub fn received(&self) -> ReceiverStats {
        self.playout.stats()
    }

    /// Packets sent so far.
    #[must_use]
    pub fn sent_packets(&self) -> u32 {
        self.sent
    }

    /// There and back, from RTCP: the mean of what was measured.
    #[must_use]
    pub fn round_trip(&self) -> Option<Duration> {
        let (count, sum) = self.round_trips;
        (count > 0).then(|| sum / count)
    }

    /// What the other side received of us, as its reports say.
    #[must_use]
    pub fn far_end(&self) -> Option<FarEnd> {
        self.far_end
    }

    /// A datagram of the other side, or of somebody who says so. Garbage changes nothing.
    pub fn handle(&mut self, now: Instant, from: TransportAddress, datagram: &[u8]) {
        let TransportAddress {
            transport,
            address: source,
        } = from;
        let mut addresses = self.addresses.iter();
        let Some(here) = addresses.find(|here| here.transport == transport) else {
            return;
        };
        let Ok(received) = Receive::new(transport.to_ice(), source, here.address, datagram) else {
            return;
        };
        let at = self.std(now);
        let taken = self.rtc.handle_input(Input::Receive(at, received));
        self.settle(now, taken.is_err());
    }

    /// Time passed.
    pub fn advance(&mut self, now: Instant) {
        if self.expires.is_some_and(|at| now >= at) {
            self.expires = None;
            self.end(Closed::ConsentExpired);
            let _ = self.rtc.close();
        }
        let at = self.std(now);
        let failed = self.rtc.handle_input(Input::Timeout(at)).is_err();
        self.settle(now, failed);
    }

    /// The next 20 ms of the caller. Once every 20 ms, whether anything came or not.
    pub fn hear(&mut self, now: Instant, frame: &mut Frame) -> Heard {
        self.digits.tick(now);
        let heard = self.playout.pop(frame);
        if let Some(tones) = self.tones.as_mut() {
            let outputs = &mut self.outputs;
            tones.push(frame, |event| {
                if let DtmfEvent::Begin { key, .. } = event
                    && let Some(digit) = Digit::from_event(key)
                {
                    outputs.push_back(Output::Key(digit.as_char()));
                }
            });
        }
        heard
    }

    /// The next 20 ms of the agent, and time: stands for [`Peer::advance`]. Once every 20 ms.
    pub fn say(&mut self, now: Instant, frame: &Frame) {
        let at = self.std(now);
        if self.connected && !self.closed {
            match self.speaker.encode(frame) {
                Some(payload) => {
                    let write = RtpWrite::new(
                        self.payload_type,
                        self.sequence.into(),
                        self.timestamp,
                        at,
                        payload,
                    )
                    .marker(self.marks);
                    if let Some(stream) = self.rtc.direct_api().stream_tx_by_mid(self.mid, None) {
                        stream.write_rtp(write);
                        self.sequence += 1;
                        self.sent = self.sent.saturating_add(1);
                    }
                    self.marks = false;
                }
                None => self.marks = true,
            }
        }
        self.timestamp = self.timestamp.wrapping_add(self.voice.frame_ticks());
        // The packet leaves with the passing of time, not with the writing.
        self.advance(now);
    }

    /// The offer that was taken last, as it was read.
    #[must_use]
    pub fn offer(&self) -> &str {
        &self.offer
    }

    /// Takes what trickled in. With other ICE credentials than before it restarts ICE (RFC 8445 section
    /// 9), as [`Fragment::after`] prepared it, and gives the fragment to answer with; the demultiplexer has to learn
    /// [`Peer::ufrag`] anew.
    ///
    /// # Errors
    /// [`FragmentError::NoRestart`] and [`FragmentError::Outdated`]; the call goes on as it was.
    pub fn trickle(
        &mut self,
        now: Instant,
        fragment: Fragment,
    ) -> Result<Option<String>, FragmentError> {
        let Fragment {
            ufrag,
            password: _,
            candidates,
            restart,
        } = fragment;
        let answer = match restart {
            None if ufrag.as_ref() == Some(&self.remote_ufrag) => None,
            None => return Err(FragmentError::Outdated),
            Some(reoffer) => {
                let sdp = self.take(now, *reoffer).map_err(|error| match error {
                    OfferError::Outdated => FragmentError::Outdated,
                    _ => FragmentError::NoRestart,
                })?;
                let own = sdp
                    .lines()
                    .filter_map(|line| line.strip_prefix("a="))
                    .filter(|line| line.starts_with("candidate:"))
                    .map(str::to_owned);
                Some(Fragment::answer(
                    &self.credentials,
                    &own.collect::<Vec<_>>(),
                ))
            }
        };
        for candidate in candidates {
            self.rtc.add_remote_candidate(candidate);
        }
        self.advance(now);
        Ok(answer)
    }

    /// Answers another offer about the same call: other candidates, other ICE credentials (a restart).
    ///
    /// # Errors
    /// [`OfferError::Outdated`]; the call goes on as it was. [`OfferError::Fatal`], where it does not.
    pub fn restart(&mut self, now: Instant, reoffer: Reoffer) -> Result<String, OfferError> {
        self.take(now, reoffer)
    }

    /// Ends it from our side: the other side is told.
    pub fn close(&mut self, now: Instant) {
        self.closed = true;
        let _ = self.rtc.close();
        self.advance(now);
    }

    fn std(&self, now: Instant) -> StdInstant {
        self.origin + now.since_origin()
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer")
            .field("voice", &self.voice)
            .field("connected", &self.connected)
            .field("closed", &self.closed)
            .finish_non_exhaustive()
    }
}
