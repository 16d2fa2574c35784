//! What a peer shows of itself: a certificate and ICE credentials, both made beforehand.

use std::fmt;
use std::sync::Arc;

use callplane_ice::Credentials;
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

/// As str0m has them.
pub(crate) fn to_ice(credentials: &Credentials) -> IceCreds {
    IceCreds {
        ufrag: credentials.ufrag.clone(),
        pass: credentials.password.clone(),
    }
}
