//! The DTLS of a phone, which is `dimpl` alone, and what the phone says of it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant as StdInstant};

use callplane_call::{MediaSecurity, Opening, Outgoing, Port, Profile};
use callplane_dtls::{Fingerprint, HashFunction};
use callplane_sdp::MediaCrypto;
use callplane_sip::{Command, Event};
use callplane_srtp::{DtlsKeys, Unprotector};
use callplane_types::Instant;
use dimpl::certificate::generate_self_signed_certificate;
use dimpl::{Config, Dtls, DtlsCertificate, Output, SrtpProfile};

use crate::phone::{Line, Plan, contexts, digits, origin, phone};

const FRAME: Duration = Duration::from_millis(20);
pub(crate) const CONTROL: &str = "192.0.2.9:4001";

/// A phone's end of the handshakes, one a port.
pub(crate) struct Far {
    certificate: DtlsCertificate,
    origin: StdInstant,
    is_client: bool,
    media: End,
    control: End,
    /// Datagrams of the node that were no media.
    pub(crate) received: Vec<Outgoing>,
    /// It has vanished, and answers nothing.
    pub(crate) is_gone: bool,
    /// It vanishes after as many datagrams.
    pub(crate) answers: usize,
    lost_percent: u64,
    /// Only so much is lost as the attempts bear for certain, since what DTLS draws by itself is no part of the seed.
    may_lose: usize,
    random: u64,
}

struct End {
    dtls: Dtls,
    crypto: Option<MediaCrypto>,
}

/// How a phone offers DTLS.
#[derive(Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) protocol: &'static str,
    pub(crate) setup: &'static str,
    pub(crate) mux: bool,
    /// More lines of its audio.
    pub(crate) more: &'static str,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            protocol: "UDP/TLS/RTP/SAVPF",
            setup: "actpass",
            mux: false,
            more: "",
        }
    }
}

impl Terms {
    /// The description, as baresip writes it.
    pub(crate) fn description(self, fingerprint: &str) -> String {
        let Self {
            protocol,
            setup,
            mux,
            more,
        } = self;
        let mux = if mux { "a=rtcp-mux\r\n" } else { "" };
        format!(
            "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n\
             a=setup:{setup}\r\na=fingerprint:{fingerprint}\r\n\
             m=audio 4000 {protocol} 0 101\r\na=rtpmap:0 PCMU/8000\r\n\
             a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=sendrecv\r\n{mux}{more}"
        )
    }
}

/// What a certificate is vouched for with.
pub(crate) fn fingerprint(certificate: &DtlsCertificate) -> String {
    Fingerprint::of(HashFunction::Sha256, &certificate.certificate).to_string()
}

pub(crate) fn certificate() -> DtlsCertificate {
    generate_self_signed_certificate().unwrap()
}

/// A call from a phone with this description.
pub(crate) fn call(node: MediaSecurity, offer: String) -> Line {
    let plan = Plan {
        security: node,
        ..Plan::plain(Opening::Inbound {
            offer: Some(offer.into()),
        })
    };
    let mut line = Line::new(digits(), phone(MediaSecurity::Disabled, 1), plan);
    line.sip(Event::Acknowledged { sdp: None });
    line
}

/// The last description of the node.
pub(crate) fn answer(line: &Line) -> String {
    let mut commands = line.commands.iter().rev();
    let sdp = commands.find_map(|command| match command {
        Command::Answer { sdp } | Command::AnswerReinvite { sdp } => Some(sdp),
        _ => None,
    });
    String::from_utf8(sdp.unwrap().to_vec()).unwrap()
}

impl Far {
    pub(crate) fn new(now: Instant, certificate: DtlsCertificate, is_client: bool) -> Self {
        let origin = origin();
        let end = || End::new(origin + now.since_origin(), certificate.clone(), is_client);
        Self {
            media: end(),
            control: end(),
            certificate,
            origin,
            is_client,
            received: Vec::new(),
            is_gone: false,
            answers: usize::MAX,
            lost_percent: 0,
            may_lose: 4,
            random: 1,
        }
    }

    /// A phone whose network loses and repeats.
    pub(crate) fn losing(self, seed: u64, lost_percent: u64) -> Self {
        Self {
            random: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
            lost_percent,
            ..self
        }
    }

    /// Forgets its associations.
    pub(crate) fn forget(&mut self, now: Instant) {
        let at = self.origin + now.since_origin();
        let end = || End::new(at, self.certificate.clone(), self.is_client);
        (self.media, self.control) = (end(), end());
    }

    pub(crate) fn has_keys(&self, port: Port) -> bool {
        match port {
            Port::Rtp => self.media.crypto.is_some(),
            Port::Rtcp => self.control.crypto.is_some(),
        }
    }

    pub(crate) fn profile(&self) -> Option<Profile> {
        self.media.crypto.as_ref().map(MediaCrypto::profile)
    }

    /// What the node protects its reports with, if a report can be opened with it.
    pub(crate) fn opens_report(&self, port: Port, report: &[u8]) -> bool {
        let end = match port {
            Port::Rtp => &self.media,
            Port::Rtcp => &self.control,
        };
        let mut report = report.to_vec();
        let opened = end.crypto.as_ref().map(|crypto| {
            let mut opener = Unprotector::new(&crypto.remote);
            opener.unprotect_rtcp(&mut report).is_ok()
        });
        opened == Some(true)
    }

    fn is_lost(&mut self) -> bool {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 33) % 100 < self.lost_percent
    }

    fn loses(&mut self) -> bool {
        let is_lost = self.may_lose > 0 && self.is_lost();
        self.may_lose -= usize::from(is_lost);
        is_lost
    }

    /// Time passes for both sides.
    pub(crate) fn pass(&mut self, line: &mut Line, time: Duration) {
        let end = line.now + time;
        while line.now < end && line.facts.is_none() {
            line.pass(FRAME);
            for port in [Port::Rtp, Port::Rtcp] {
                self.turn(line, port, None);
            }
            while let Some(outgoing) = line.call.poll_outgoing() {
                let repeated = self.lost_percent > 0 && self.is_lost();
                for _ in 0..=usize::from(repeated) {
                    if !self.loses() {
                        self.turn(line, outgoing.port, Some(&outgoing.octets));
                    }
                }
                self.received.push(outgoing);
            }
            line.collect();
        }
    }

    fn turn(&mut self, line: &mut Line, port: Port, datagram: Option<&[u8]>) {
        self.is_gone |= self.received.len() >= self.answers;
        if self.is_gone {
            return;
        }
        let (at, is_client) = (self.origin + line.now.since_origin(), self.is_client);
        let end = match port {
            Port::Rtp => &mut self.media,
            Port::Rtcp => &mut self.control,
        };
        let had_keys = end.crypto.is_some();
        let sent = end.turn(at, is_client, datagram);
        if port == Port::Rtp && !had_keys {
            let crypto = end.crypto.as_ref();
            line.crypto = crypto.map(contexts).or(line.crypto.take());
        }
        for mut octets in sent {
            if self.loses() {
                continue;
            }
            match port {
                Port::Rtp => {
                    let from = line.address.clone();
                    line.inject(&from, &mut octets);
                }
                Port::Rtcp => {
                    let from: SocketAddr = CONTROL.parse().unwrap();
                    line.call.rtcp(line.now, line.wall(), from, &mut octets);
                }
            }
        }
    }
}

impl End {
    fn new(at: StdInstant, certificate: DtlsCertificate, is_client: bool) -> Self {
        let config = Config::builder().flight_start_rto(Duration::from_millis(400));
        let config = Arc::new(config.flight_retries(8).build().unwrap());
        let mut dtls = Dtls::new_12(config, certificate, at);
        dtls.set_active(is_client);
        Self { dtls, crypto: None }
    }

    fn turn(&mut self, at: StdInstant, is_client: bool, datagram: Option<&[u8]>) -> Vec<Vec<u8>> {
        let mut sent = Vec::new();
        // Who is given up says nothing more.
        let _ = self.dtls.handle_timeout(at);
        self.poll(is_client, &mut sent);
        if let Some(datagram) = datagram {
            let _ = self.dtls.handle_packet(datagram);
            self.poll(is_client, &mut sent);
        }
        sent
    }

    fn poll(&mut self, is_client: bool, sent: &mut Vec<Vec<u8>>) {
        let mut buffer = vec![0; 4096];
        loop {
            match self.dtls.poll_output(&mut buffer) {
                Output::Packet(packet) => sent.push(packet.to_vec()),
                Output::Timeout(_) => return,
                Output::KeyingMaterial(octets, profile) => {
                    let profile = match profile {
                        SrtpProfile::AEAD_AES_128_GCM => Profile::AeadAes128Gcm,
                        SrtpProfile::AEAD_AES_256_GCM => Profile::AeadAes256Gcm,
                        _ => Profile::AesCm128HmacSha1Tag80,
                    };
                    let DtlsKeys { client, server } = DtlsKeys::split(profile, &octets).unwrap();
                    let (local, remote) = match is_client {
                        true => (client, server),
                        false => (server, client),
                    };
                    self.crypto = Some(MediaCrypto { local, remote });
                }
                _ => {}
            }
        }
    }
}
