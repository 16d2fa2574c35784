//! What a peer shows of itself: a certificate and ICE credentials, both made beforehand.

use std::fmt;
use std::sync::Arc;

use str0m::IceCreds;
use str0m::config::{CryptoProvider, DtlsCert};

/// The certificate that DTLS shows, and the crypto behind it. Making one costs a key pair, so a process
/// makes one and every call shares it; the fingerprint in the answer is what binds it to a call.
#[derive(Clone)]
pub struct Identity {
    pub(crate) provider: Arc<CryptoProvider>,
    pub(crate) certificate: DtlsCert,
}

impl Identity {
    /// A self-signed certificate, as WebRTC wants it (RFC 8827 section 6.5). Nothing if the crypto
    /// library has no randomness.
    #[must_use]
    pub fn generate() -> Option<Self> {
        let provider = str0m::crypto::from_feature_flags();
        let certificate = provider.dtls_provider.generate_certificate()?;
        Some(Self {
            provider: Arc::new(provider),
            certificate,
        })
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(<certificate and key>)")
    }
}

/// What checks of the other side must show: the user name fragment, which also finds the peer among
/// those of one port, and the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// `a=ice-ufrag`: 4 to 256 letters, digits, `+` or `/` (RFC 8839 section 5.4).
    pub ufrag: String,
    /// `a=ice-pwd`: 22 to 256 of them.
    pub password: String,
}

impl Credentials {
    /// Signs of a fragment: 48 bits, so that two among a million calls are the same rarely, and RFC 8445
    /// section 5.3 wants 24.
    const UFRAG: usize = 8;
    /// Signs of a password: 144 bits where RFC 8445 section 5.3 wants 128.
    const PASSWORD: usize = 24;

    /// Makes them of 32 random octets.
    #[must_use]
    pub fn from_random(octets: [u8; 32]) -> Self {
        const SIGNS: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let sign = |octet: &u8| char::from(SIGNS[usize::from(octet & 63)]);
        let (ufrag, password) = octets.split_at(Self::UFRAG);
        Self {
            ufrag: ufrag.iter().map(sign).collect(),
            password: password[..Self::PASSWORD].iter().map(sign).collect(),
        }
    }

    pub(crate) fn to_ice(&self) -> IceCreds {
        IceCreds {
            ufrag: self.ufrag.clone(),
            pass: self.password.clone(),
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({}, <password>)", self.ufrag)
    }
}
