//! The other side: `dimpl` alone, and a network that loses, repeats and delays by a seed.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant as StdInstant};

use callplane_dtls::{
    Association, Failure, Fingerprint, HashFunction, Identity, Keys, Role, Vouched,
};
use callplane_srtp::{DtlsKeys, KeyingMaterial, Profile};
use callplane_types::Instant;
use dimpl::certificate::generate_self_signed_certificate;
use dimpl::{Config, Dtls, DtlsCertificate, Output, SrtpProfile};

pub(crate) const STEP: Duration = Duration::from_millis(20);

#[allow(
    clippy::disallowed_methods,
    reason = "the standard library has no other way to make one"
)]
pub(crate) fn origin() -> StdInstant {
    static ORIGIN: OnceLock<StdInstant> = OnceLock::new();
    *ORIGIN.get_or_init(StdInstant::now)
}

pub(crate) fn identity() -> Identity {
    static IDENTITY: OnceLock<Identity> = OnceLock::new();
    IDENTITY
        .get_or_init(|| Identity::generate(origin()).unwrap())
        .clone()
}

pub(crate) fn certificate() -> DtlsCertificate {
    generate_self_signed_certificate().unwrap()
}

pub(crate) fn vouched(certificate: &[u8]) -> Vouched {
    Vouched::new([Fingerprint::of(HashFunction::Sha256, certificate)]).unwrap()
}

/// What dimpl exports, split by role of the peer.
pub(crate) struct Peer {
    dtls: Dtls,
    is_client: bool,
    pub(crate) keys: Option<Keys>,
    pub(crate) shown: Option<Vec<u8>>,
    pub(crate) failed: bool,
}

impl Peer {
    pub(crate) fn new(certificate: DtlsCertificate, is_client: bool) -> Self {
        let config = Config::builder().flight_start_rto(Duration::from_millis(400));
        let config = Arc::new(config.flight_retries(8).build().unwrap());
        let mut dtls = Dtls::new_12(config, certificate, origin());
        dtls.set_active(is_client);
        Self {
            dtls,
            is_client,
            keys: None,
            shown: None,
            failed: false,
        }
    }

    pub(crate) fn turn(&mut self, now: Instant, datagram: Option<&[u8]>) -> Vec<Vec<u8>> {
        let mut sent = Vec::new();
        let at = origin() + now.since_origin();
        self.failed |= self.dtls.handle_timeout(at).is_err();
        self.poll(&mut sent);
        if let Some(datagram) = datagram {
            self.failed |= self.dtls.handle_packet(datagram).is_err();
            self.poll(&mut sent);
        }
        sent
    }

    fn poll(&mut self, sent: &mut Vec<Vec<u8>>) {
        let mut buffer = vec![0; 65_536];
        loop {
            match self.dtls.poll_output(&mut buffer) {
                Output::Packet(packet) => sent.push(packet.to_vec()),
                Output::Timeout(_) => return,
                Output::PeerCert(certificate) => self.shown = Some(certificate.to_vec()),
                Output::KeyingMaterial(octets, profile) => {
                    let profile = match profile {
                        SrtpProfile::AEAD_AES_128_GCM => Profile::AeadAes128Gcm,
                        SrtpProfile::AEAD_AES_256_GCM => Profile::AeadAes256Gcm,
                        _ => Profile::AesCm128HmacSha1Tag80,
                    };
                    let DtlsKeys { client, server } = DtlsKeys::split(profile, &octets).unwrap();
                    let (local, remote): (KeyingMaterial, KeyingMaterial) = match self.is_client {
                        true => (client, server),
                        false => (server, client),
                    };
                    self.keys = Some(Keys { local, remote });
                }
                _ => {}
            }
        }
    }
}

/// Loses, repeats and delays what is sent over it. Only so much is lost as six attempts bear for certain, since what
/// DTLS draws by itself is no part of the seed.
pub(crate) struct Network {
    random: u64,
    may_lose: usize,
    lost_percent: u64,
    repeated_percent: u64,
    under_way: Vec<(Instant, Vec<u8>)>,
}

impl Network {
    pub(crate) fn new(seed: u64, lost_percent: u64, repeated_percent: u64) -> Self {
        Self {
            random: seed | 1,
            may_lose: if lost_percent == 100 { usize::MAX } else { 2 },
            lost_percent,
            repeated_percent,
            under_way: Vec::new(),
        }
    }

    fn percent(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % 100
    }

    pub(crate) fn send(&mut self, now: Instant, datagram: Vec<u8>) {
        if self.percent() < self.repeated_percent {
            let delay = Duration::from_millis(20 + self.percent());
            self.under_way.push((now + delay, datagram.clone()));
        }
        let is_lost = self.percent() < self.lost_percent && self.may_lose > 0;
        if is_lost {
            self.may_lose -= 1;
        } else {
            let delay = Duration::from_millis(20 + self.percent() / 2);
            self.under_way.push((now + delay, datagram));
        }
    }

    pub(crate) fn arrived(&mut self, now: Instant) -> Vec<Vec<u8>> {
        let (due, later) = std::mem::take(&mut self.under_way)
            .into_iter()
            .partition(|(at, _)| *at <= now);
        self.under_way = later;
        let due: Vec<(Instant, Vec<u8>)> = due;
        due.into_iter().map(|(_, datagram)| datagram).collect()
    }
}

/// Both sides and what is between.
pub(crate) struct Pair {
    pub(crate) now: Instant,
    pub(crate) ours: Association,
    pub(crate) peer: Peer,
    pub(crate) keys: Vec<Keys>,
    pub(crate) failure: Option<Failure>,
    /// Datagrams of ours.
    pub(crate) sent: usize,
    there: Network,
    back: Network,
}

impl Pair {
    /// `role` is ours; the peer shows `shown`, and `expected` is vouched for.
    pub(crate) fn new(role: Role, shown: DtlsCertificate, expected: Vouched, seed: u64) -> Self {
        let now = Instant::ZERO + Duration::from_secs(5);
        Self {
            now,
            ours: Association::new(now, &identity(), role, expected),
            peer: Peer::new(shown, role == Role::Server),
            keys: Vec::new(),
            failure: None,
            sent: 0,
            there: Network::new(seed, 0, 0),
            back: Network::new(seed ^ 0x5555, 0, 0),
        }
    }

    pub(crate) fn over(self, seed: u64, lost: u64, repeated: u64) -> Self {
        Self {
            there: Network::new(seed, lost, repeated),
            back: Network::new(seed.rotate_left(32) ^ 0x5555, lost, repeated),
            ..self
        }
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.now += STEP;
            let now = self.now;
            let mut sent = Vec::new();
            let mut results = vec![
                self.ours
                    .advance(now, &mut |octets| sent.push(octets.to_vec())),
            ];
            for datagram in self.back.arrived(now) {
                let mut send = |octets: &[u8]| sent.push(octets.to_vec());
                results.push(self.ours.handle(now, &datagram, &mut send));
            }
            for result in results {
                match result {
                    Ok(keys) => self.keys.extend(keys),
                    Err(failure) => self.failure = Some(failure),
                }
            }
            self.sent += sent.len();
            sent.into_iter()
                .for_each(|octets| self.there.send(now, octets));
            let mut answers = self.peer.turn(now, None);
            for datagram in self.there.arrived(now) {
                answers.extend(self.peer.turn(now, Some(&datagram)));
            }
            answers
                .into_iter()
                .for_each(|octets| self.back.send(now, octets));
        }
    }
}
