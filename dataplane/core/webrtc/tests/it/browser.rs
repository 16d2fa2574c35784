//! The browser's end of a call, and a network without loss between both.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant as StdInstant};

use callplane_audio::{OpusConfig, OpusDecoder, OpusEncoder, Upsampler};
use callplane_types::Instant;
use callplane_webrtc::{
    AudioUse, Credentials, Fragment, FragmentError, Frame, Identity, OfferError, Output, Peer,
    PeerConfig, Reoffer, TransportAddress,
};
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::format::{Codec, FormatParams};
use str0m::media::{Direction, Frequency, MediaKind, Mid, Pt};
use str0m::net::{Protocol, Receive};
use str0m::rtp::RtpWrite;
use str0m::{Candidate, Event, Input, Output as RtcOutput, Rtc, RtcConfig};

pub(crate) const FRAME: Duration = Duration::from_millis(20);

pub(crate) fn server() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 40_000))
}

pub(crate) fn browser_address() -> SocketAddr {
    SocketAddr::from(([198, 51, 100, 7], 50_000))
}

#[allow(
    clippy::disallowed_methods,
    reason = "str0m wants a moment to count from; nothing here waits for it"
)]
pub(crate) fn origin() -> StdInstant {
    StdInstant::now()
}

pub(crate) fn config(origin: StdInstant) -> PeerConfig {
    static PEERS: AtomicU8 = AtomicU8::new(0);
    let seed = PEERS.fetch_add(1, Ordering::Relaxed);
    PeerConfig {
        identity: Identity::generate().unwrap(),
        credentials: Credentials::from_random(std::array::from_fn(|place| place as u8 ^ seed)),
        addresses: vec![
            TransportAddress::udp(server()),
            TransportAddress::tcp(server()),
        ],
        audio: AudioUse::Conversation,
        origin,
    }
}

/// An offerer with one audio line.
pub(crate) struct Browser {
    pub(crate) rtc: Rtc,
    pub(crate) mid: Mid,
    pub(crate) codec: Codec,
    pub(crate) here: SocketAddr,
    pub(crate) connected: bool,
    pub(crate) closed: bool,
    /// DTLS has failed, as it sees it.
    pub(crate) failed: bool,
    /// What was decoded of the agent, 16 kHz.
    pub(crate) heard: Vec<i16>,
    origin: StdInstant,
    decoder: OpusDecoder,
    encoder: OpusEncoder,
    wide: Upsampler,
    sequence: u64,
    outbox: Vec<(SocketAddr, Vec<u8>)>,
}

impl Browser {
    pub(crate) fn offer(origin: StdInstant, codec: Codec) -> (Self, String, SdpPendingOffer) {
        Self::offer_with(
            origin,
            codec,
            &[
                (110, Frequency::FORTY_EIGHT_KHZ),
                (126, Frequency::EIGHT_KHZ),
            ],
        )
    }

    pub(crate) fn offer_with(
        origin: StdInstant,
        codec: Codec,
        events: &[(u8, Frequency)],
    ) -> (Self, String, SdpPendingOffer) {
        let mut config = RtcConfig::new().set_rtp_mode(true).clear_codecs();
        config = match codec {
            Codec::Opus => config.enable_opus(true, false).enable_pcmu(true, false),
            _ => config.enable_pcma(true, false),
        };
        for (payload_type, clock) in events {
            let payload_type = Pt::from(*payload_type);
            config.codec_config().add_config(
                payload_type,
                None,
                Codec::Tele,
                *clock,
                None,
                FormatParams::default(),
            );
        }
        let mut rtc = config.build(origin);
        rtc.add_local_candidate(Candidate::host(browser_address(), "udp").unwrap());
        let mut changes = rtc.sdp_api();
        let mid = changes.add_media(MediaKind::Audio, Direction::SendRecv, None, None, None);
        let (offer, pending) = changes.apply().unwrap();
        let browser = Self {
            rtc,
            mid,
            codec,
            here: browser_address(),
            connected: false,
            closed: false,
            failed: false,
            heard: Vec::new(),
            origin,
            decoder: OpusDecoder::new(),
            encoder: OpusEncoder::new(OpusConfig::default()),
            wide: Upsampler::default(),
            sequence: 1,
            outbox: Vec::new(),
        };
        (browser, offer.to_sdp_string(), pending)
    }

    pub(crate) fn accept(&mut self, pending: SdpPendingOffer, answer: &str) {
        let answer = SdpAnswer::from_sdp_string(answer).unwrap();
        self.rtc.sdp_api().accept_answer(pending, answer).unwrap();
    }

    pub(crate) fn payload_type(&self, codec: Codec) -> Pt {
        let agreed = self.rtc.media(self.mid).unwrap().remote_pts();
        let params = self.rtc.codec_config().params();
        let found = params
            .iter()
            .find(|one| agreed.contains(&one.pt()) && one.spec().codec == codec);
        found.unwrap().pt()
    }

    pub(crate) fn write(&mut self, now: Instant, codec: Codec, payload: &[u8], timestamp: u32) {
        let payload_type = self.payload_type(codec);
        let at = self.origin + now.since_origin();
        let write = RtpWrite::new(payload_type, self.sequence.into(), timestamp, at, payload);
        self.sequence += 1;
        let mut api = self.rtc.direct_api();
        api.stream_tx_by_mid(self.mid, None)
            .unwrap()
            .write_rtp(write);
    }

    fn speak(&mut self, now: Instant, frame: &Frame) {
        if !self.connected {
            return;
        }
        let number = self.sequence as u32;
        if self.codec == Codec::Opus {
            let (mut wide, mut payload) = (Vec::new(), [0; 1275]);
            self.wide.process(frame, &mut wide);
            let length = self.encoder.encode(&wide, &mut payload).unwrap();
            self.write(now, Codec::Opus, &payload[..length], number * 960);
        } else {
            let mut payload = [0; 160];
            callplane_audio::Law::A.encode(frame, &mut payload);
            self.write(now, Codec::PCMA, &payload, number * 160);
        }
    }

    pub(crate) fn advance(&mut self, now: Instant) {
        let at = self.origin + now.since_origin();
        self.feed(Input::Timeout(at));
    }

    fn receive(&mut self, now: Instant, datagram: &[u8]) {
        let at = self.origin + now.since_origin();
        let received = Receive::new(Protocol::Udp, server(), self.here, datagram).unwrap();
        self.feed(Input::Receive(at, received));
    }

    fn feed(&mut self, input: Input<'_>) {
        if self.failed || !self.rtc.is_alive() {
            return;
        }
        self.failed = self.rtc.handle_input(input).is_err();
        self.drain();
    }

    fn drain(&mut self) {
        loop {
            let Ok(output) = self.rtc.poll_output() else {
                self.failed = true;
                return;
            };
            match output {
                RtcOutput::Timeout(_) => return,
                RtcOutput::Transmit(sent) => {
                    self.outbox.push((sent.destination, sent.contents.to_vec()));
                }
                RtcOutput::Event(Event::Connected) => self.connected = true,
                RtcOutput::Event(Event::Closed) => self.closed = true,
                RtcOutput::Event(Event::RtpPacket(packet)) => {
                    let mut samples = [0; 1920];
                    match self.codec {
                        Codec::Opus => {
                            let length =
                                self.decoder.decode(&packet.payload, &mut samples).unwrap();
                            self.heard.extend(&samples[..length]);
                        }
                        _ => {
                            let length = packet.payload.len();
                            callplane_audio::Law::A.decode(&packet.payload, &mut samples[..length]);
                            self.heard.extend(&samples[..length]);
                        }
                    }
                }
                RtcOutput::Event(_) => {}
            }
        }
    }
}

/// Which way a datagram goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    ToPeer,
    ToBrowser,
}

/// What becomes of a datagram on its way: nothing, it, or others.
type Network = Box<dyn FnMut(Way, &[u8]) -> Vec<Vec<u8>>>;

/// Both ends.
pub(crate) struct Pair {
    pub(crate) now: Instant,
    pub(crate) browser: Browser,
    pub(crate) peer: Peer,
    pub(crate) outputs: Vec<Output>,
    /// What was heard of the caller, 8 kHz.
    pub(crate) heard: Vec<i16>,
    /// Whether datagrams of the browser arrive.
    pub(crate) reachable: bool,
    /// Datagrams from the browser that never arrive: one of so many, by count.
    pub(crate) loses_each: usize,
    /// Where the peer sees the browser: its NAT may give it another address than it knows of.
    pub(crate) seen: SocketAddr,
    /// What happens between both.
    pub(crate) network: Network,
    carried: usize,
    identity: Identity,
}

impl Pair {
    pub(crate) fn new(codec: Codec) -> Self {
        let origin = origin();
        Self::of(origin, Browser::offer(origin, codec))
    }

    /// A browser that knows no telephone events.
    pub(crate) fn without_events() -> Self {
        let origin = origin();
        Self::of(origin, Browser::offer_with(origin, Codec::Opus, &[]))
    }

    /// A pair whose peer is given another offer than the browser made.
    pub(crate) fn with_offer(changed: impl FnOnce(String) -> String) -> Self {
        let origin = origin();
        let (browser, offer, pending) = Browser::offer(origin, Codec::Opus);
        Self::of(origin, (browser, changed(offer), pending))
    }

    fn of(origin: StdInstant, offer: (Browser, String, SdpPendingOffer)) -> Self {
        let (mut browser, offer, pending) = offer;
        let config = config(origin);
        let identity = config.identity.clone();
        let (peer, answer) = Peer::answer(Instant::ZERO, config, &offer).unwrap();
        browser.accept(pending, &answer);
        Self {
            now: Instant::ZERO,
            browser,
            peer,
            outputs: Vec::new(),
            heard: Vec::new(),
            reachable: true,
            loses_each: usize::MAX,
            seen: browser_address(),
            network: Box::new(|_, datagram| vec![datagram.to_vec()]),
            carried: 0,
            identity,
        }
    }

    /// Another offer, read and taken.
    pub(crate) fn restart(&mut self, text: &str) -> Result<String, OfferError> {
        let reoffer = self.read(text)?;
        self.peer.restart(self.now, reoffer)
    }

    pub(crate) fn read(&self, text: &str) -> Result<Reoffer, OfferError> {
        Reoffer::read(&self.identity, self.browser.origin, self.peer.offer(), text)
    }

    /// A fragment, read and taken.
    pub(crate) fn trickle(&mut self, text: &str) -> Result<Option<String>, FragmentError> {
        let fragment =
            Fragment::parse(text)?.after(&self.identity, self.browser.origin, self.peer.offer())?;
        self.peer.trickle(self.now, fragment)
    }

    /// 20 ms of both.
    pub(crate) fn frame(&mut self, caller: &Frame, agent: &Frame) {
        self.speak(caller, agent);
        self.carry();
        self.hear();
    }

    /// 20 ms of both, with nothing delivered: for who delivers otherwise.
    pub(crate) fn speak(&mut self, caller: &Frame, agent: &Frame) {
        self.now += FRAME;
        self.browser.speak(self.now, caller);
        self.browser.advance(self.now);
        self.peer.say(self.now, agent);
    }

    pub(crate) fn hear(&mut self) {
        let mut frame = [0; 160];
        self.peer.hear(self.now, &mut frame);
        self.heard.extend(frame);
    }

    pub(crate) fn sent_by_browser(&mut self) -> Vec<Vec<u8>> {
        let sent = std::mem::take(&mut self.browser.outbox);
        sent.into_iter().map(|(_, datagram)| datagram).collect()
    }

    pub(crate) fn sent_by_peer(&mut self) -> Vec<(SocketAddr, Vec<u8>)> {
        let mut sent = Vec::new();
        while let Some(output) = self.peer.poll() {
            match output {
                Output::Transmit { to, datagram } => sent.push((to.address, datagram)),
                other => self.outputs.push(other),
            }
        }
        sent
    }

    pub(crate) fn received_by_browser(&mut self, datagram: &[u8]) {
        self.browser.receive(self.now, datagram);
    }

    /// Delivers until nobody has anything to say.
    fn carry(&mut self) {
        loop {
            let mut quiet = true;
            for (to, datagram) in std::mem::take(&mut self.browser.outbox) {
                assert_eq!(to, server());
                self.carried += 1;
                let lost = self.browser.connected && self.carried.is_multiple_of(self.loses_each);
                if self.reachable && !lost {
                    let from = TransportAddress::udp(self.seen);
                    for datagram in (self.network)(Way::ToPeer, &datagram) {
                        self.peer.handle(self.now, from, &datagram);
                    }
                }
                quiet = false;
            }
            while let Some(output) = self.peer.poll() {
                match output {
                    Output::Transmit { to, datagram } => {
                        if to.address == self.seen && self.reachable {
                            for datagram in (self.network)(Way::ToBrowser, &datagram) {
                                self.browser.receive(self.now, &datagram);
                            }
                        }
                        quiet = false;
                    }
                    other => self.outputs.push(other),
                }
            }
            if quiet {
                return;
            }
        }
    }

    /// Silence of both until it is so, at most for `limit`.
    pub(crate) fn until(&mut self, limit: Duration, mut is_so: impl FnMut(&Self) -> bool) {
        let end = self.now + limit;
        while !is_so(self) {
            assert!(self.now < end, "not within {limit:?}: {:?}", self.outputs);
            self.frame(&[0; 160], &[0; 160]);
        }
    }

    pub(crate) fn connect(&mut self) {
        self.until(Duration::from_secs(5), |pair| {
            pair.browser.connected && pair.outputs.contains(&Output::Connected)
        });
    }
}

/// A tone, to be found again.
pub(crate) fn tone(hertz: f64, frame: usize) -> Frame {
    std::array::from_fn(|place| {
        let at = (frame * 160 + place) as f64 / 8_000.0;
        ((std::f64::consts::TAU * hertz * at).sin() * 8_000.0) as i16
    })
}

/// How much of the energy of `samples` is at `hertz`, 0 to 1.
pub(crate) fn share(samples: &[i16], rate: f64, hertz: f64) -> f64 {
    let (mut re, mut im, mut energy) = (0.0, 0.0, 0.0);
    for (place, sample) in samples.iter().enumerate() {
        let (sin, cos) = (std::f64::consts::TAU * hertz * place as f64 / rate).sin_cos();
        let sample = f64::from(*sample);
        re += sample * cos;
        im += sample * sin;
        energy += sample * sample;
    }
    if energy == 0.0 {
        return 0.0;
    }
    2.0 * (re * re + im * im) / (energy * samples.len() as f64)
}
