//! What DTLS shows of this process.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant as StdInstant};

use callplane_types::Instant;
use dimpl::certificate::generate_self_signed_certificate;
use dimpl::{Config, DtlsCertificate};

use crate::fingerprint::{Fingerprint, HashFunction};

/// The first wait for an answer; each later one is twice as long.
const FIRST_TIMEOUT: Duration = Duration::from_millis(400);
/// How often a flight is sent again.
const RETRIES: usize = 5;
/// From the first ClientHello to the keys.
const HANDSHAKE: Duration = Duration::from_secs(15);

/// The certificate that DTLS shows, of ECDSA on P-256. Making one costs a key pair, so a process makes one and
/// every call shares it; the fingerprint in a description is what binds it to a call.
#[derive(Clone)]
pub struct Identity(Arc<Shown>);

struct Shown {
    certificate: DtlsCertificate,
    fingerprint: Fingerprint,
    config: Arc<Config>,
    /// What [`Instant::ZERO`] stands for.
    origin: StdInstant,
}

/// There is no randomness, or no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("failed to make a certificate for DTLS")]
pub struct NoCertificate;

impl Identity {
    /// A self-signed certificate. `origin` is the moment that [`Instant::ZERO`] stands for.
    ///
    /// # Errors
    /// The crypto library has no randomness.
    pub fn generate(origin: StdInstant) -> Result<Self, NoCertificate> {
        let certificate = generate_self_signed_certificate().map_err(|_| NoCertificate)?;
        let config = Config::builder()
            // Where no check of ICE came before, nothing else proves an address (RFC 6347 section 4.2.1).
            .use_server_cookie(true)
            .flight_start_rto(FIRST_TIMEOUT)
            .flight_retries(RETRIES)
            .handshake_timeout(HANDSHAKE)
            .build()
            .map_err(|_| NoCertificate)?;
        Ok(Self(Arc::new(Shown {
            fingerprint: Fingerprint::of(HashFunction::Sha256, &certificate.certificate),
            certificate,
            config: Arc::new(config),
            origin,
        })))
    }

    /// What descriptions say of the certificate.
    #[must_use]
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.0.fingerprint
    }

    pub(crate) fn certificate(&self) -> DtlsCertificate {
        self.0.certificate.clone()
    }

    pub(crate) fn config(&self) -> Arc<Config> {
        Arc::clone(&self.0.config)
    }

    pub(crate) fn std(&self, now: Instant) -> StdInstant {
        self.0.origin + now.since_origin()
    }

    pub(crate) fn own(&self, at: StdInstant) -> Instant {
        Instant::from_origin(at.saturating_duration_since(self.0.origin))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Identity")
            .field(&self.0.fingerprint)
            .finish()
    }
}
