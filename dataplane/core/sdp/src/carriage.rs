//! How our line is carried: what it says beside codecs and directions.

use std::net::SocketAddr;

use callplane_dtls::{Fingerprint, Setup};
use callplane_ice::Credentials;
use callplane_srtp::CryptoAttribute;

use crate::description::Attribute;
use crate::ice;

/// What one description of ours says of keys, addresses and ports.
#[derive(Debug, Default)]
pub(crate) struct Carriage {
    pub(crate) keys: Keys,
    pub(crate) ice: Ice,
    pub(crate) rtcp_mux: bool,
}

/// What it says of keys.
#[derive(Debug, Default)]
pub(crate) enum Keys {
    #[default]
    Plain,
    Sdes(Vec<CryptoAttribute>),
    Dtls(Fingerprint, Setup),
}

/// What it says of ICE.
#[derive(Debug, Default)]
pub(crate) enum Ice {
    #[default]
    Unspoken,
    Mismatch,
    Spoken(Credentials),
}

impl Carriage {
    pub(crate) fn attributes(&self, rtp: SocketAddr) -> Vec<Attribute> {
        let mut attributes = match &self.keys {
            Keys::Plain => Vec::new(),
            Keys::Sdes(crypto) => crypto
                .iter()
                .map(|crypto| Attribute::with("crypto", crypto.to_string()))
                .collect(),
            Keys::Dtls(fingerprint, setup) => vec![
                Attribute::with("fingerprint", fingerprint.to_string()),
                Attribute::with("setup", setup.to_string()),
            ],
        };
        match &self.ice {
            Ice::Unspoken => {}
            Ice::Mismatch => attributes.push(Attribute::flag("ice-mismatch")),
            Ice::Spoken(ours) => attributes.extend(ice::attributes(ours, rtp, self.rtcp_mux)),
        }
        if self.rtcp_mux {
            attributes.push(Attribute::flag("rtcp-mux"));
        }
        attributes
    }

    /// What the description says above its lines.
    pub(crate) fn session_attributes(&self) -> Vec<Attribute> {
        match self.ice {
            Ice::Spoken(_) => vec![Attribute::flag("ice-lite")],
            Ice::Unspoken | Ice::Mismatch => Vec::new(),
        }
    }
}
