//! One handshake, and what is left of it.

use std::fmt;

use callplane_srtp::{DtlsKeys, KeyingMaterial, Profile};
use callplane_types::Instant;
use dimpl::{Dtls, Output, SrtpProfile};

use crate::fingerprint::Vouched;
use crate::identity::Identity;
use crate::role::Role;

/// The largest datagram that is read; an Ethernet frame holds less.
const MAX_DATAGRAM: usize = 2048;
/// Room for the longest certificate: `dimpl` asserts that there is, and a certificate is no longer than the 30
/// datagrams that it keeps at most.
const ROOM: usize = 32 * MAX_DATAGRAM;

/// Where the type of a message stands in a datagram (RFC 6347 section 4.2.2), and that of the question for a cookie.
const MESSAGE: usize = 13;
const HELLO_VERIFY_REQUEST: u8 = 3;

/// Why there are no keys, and never will be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The certificate is not the one that the description vouches for.
    #[error("the certificate is not that of the description")]
    Fingerprint,
    /// The other side gave up, broke the protocol, or can do nothing of what we can.
    #[error("the handshake failed")]
    Handshake,
    /// The other side does not answer.
    #[error("the handshake took too long")]
    Timeout,
}

/// The keys of one end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    /// What we protect with.
    pub local: KeyingMaterial,
    /// What the other side protects with.
    pub remote: KeyingMaterial,
}

/// One association with one other side. It is kept as long as its keys: the other side may not have got our last
/// message, and asks for it again.
///
/// **It gives keys once, and only if the certificate of the other side is vouched for.** After a [`Failure`] it
/// does nothing any more.
pub struct Association {
    dtls: Dtls,
    identity: Identity,
    role: Role,
    vouched: Vouched,
    progress: Progress,
    /// When something is due by time.
    due: Option<Instant>,
    /// Octets that may be sent to somebody whose address nothing proves yet: as many as came. A cookie that comes back
    /// proves it, and so does that the association is ours to begin.
    credit: Option<usize>,
}

/// How far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Progress {
    /// Nothing is known of the other side.
    Begun,
    /// It shows a certificate that is vouched for, and has not proved that it is its own.
    Shown,
    /// The same with keys, which are not to be used yet.
    Keyed(Keys),
    /// The keys were given out.
    Established,
    /// The same, and the other side has ended it: the keys are good all the same.
    Spent,
    Failed(Failure),
}

impl Association {
    /// A handshake with whom `vouched` names. The client's first message is due at once.
    #[must_use]
    pub fn new(now: Instant, identity: &Identity, role: Role, vouched: Vouched) -> Self {
        let at = identity.std(now);
        let mut dtls = Dtls::new_12(identity.config(), identity.certificate(), at);
        dtls.set_active(role == Role::Client);
        Self {
            dtls,
            identity: identity.clone(),
            role,
            vouched,
            progress: Progress::Begun,
            due: Some(now),
            credit: (role == Role::Server).then_some(0),
        }
    }

    /// Whether the keys were given out.
    #[must_use]
    pub fn is_established(&self) -> bool {
        matches!(self.progress, Progress::Established | Progress::Spent)
    }

    /// A datagram came. What is to be sent goes to `send`; the keys are given when they are there.
    ///
    /// # Errors
    /// There will be no keys.
    pub fn handle(
        &mut self,
        now: Instant,
        datagram: &[u8],
        send: &mut dyn FnMut(&[u8]),
    ) -> Result<Option<Keys>, Failure> {
        self.turn(now, Some(datagram), send)
    }

    /// Time passed: sends again what was not answered.
    ///
    /// # Errors
    /// There will be no keys.
    pub fn advance(
        &mut self,
        now: Instant,
        send: &mut dyn FnMut(&[u8]),
    ) -> Result<Option<Keys>, Failure> {
        match self.due {
            Some(due) if due <= now => self.turn(now, None, send),
            _ => Ok(None),
        }
    }

    fn turn(
        &mut self,
        now: Instant,
        datagram: Option<&[u8]>,
        send: &mut dyn FnMut(&[u8]),
    ) -> Result<Option<Keys>, Failure> {
        match self.progress {
            Progress::Failed(failure) => return Err(failure),
            Progress::Spent => return Ok(None),
            _ => {}
        }
        if datagram.is_some_and(|datagram| datagram.len() > MAX_DATAGRAM) {
            return Ok(None);
        }
        if let (Some(credit), Some(datagram)) = (&mut self.credit, datagram) {
            *credit += datagram.len();
        }
        // Handshakes are rare, and calls are many: no association keeps as much.
        let mut buffer = vec![0; ROOM];
        let at = self.identity.std(now);
        let mut done = self.dtls.handle_timeout(at);
        if done.is_ok() {
            // Poll between any two changes, as dimpl wants it.
            let polled = self.poll(&mut buffer, send);
            if let (Some(datagram), true) = (datagram, polled.is_ok()) {
                done = self.dtls.handle_packet(datagram);
            }
        }
        let failure = done.err().map(|error| match error {
            dimpl::Error::Timeout(_) => Failure::Timeout,
            _ => Failure::Handshake,
        });
        // What was to be sent before it failed tells the other side why.
        let polled = self.poll(&mut buffer, send);
        if let Some(failure) = polled.err().or(failure) {
            self.due = None;
            if self.progress == Progress::Established {
                self.progress = Progress::Spent;
                return Ok(None);
            }
            self.progress = Progress::Failed(failure);
            return Err(failure);
        }
        Ok(self.take_keys())
    }

    /// Sends what is to be sent and notes what was learned.
    fn poll(&mut self, buffer: &mut Vec<u8>, send: &mut dyn FnMut(&[u8])) -> Result<(), Failure> {
        loop {
            match self.dtls.poll_output(buffer) {
                Output::Packet(packet) => self.pass(packet, send),
                Output::BufferTooSmall { needed } => buffer.resize(needed, 0),
                Output::Timeout(at) => {
                    self.due = Some(self.identity.own(at));
                    return match self.progress {
                        Progress::Failed(failure) => Err(failure),
                        _ => Ok(()),
                    };
                }
                Output::PeerCert(certificate) => {
                    self.progress = match self.vouched.includes(certificate) {
                        true => Progress::Shown,
                        false => Progress::Failed(Failure::Fingerprint),
                    };
                }
                Output::KeyingMaterial(octets, profile) => {
                    if self.progress == Progress::Shown
                        && let Some(keys) = keys(self.role, &octets, profile)
                    {
                        self.progress = Progress::Keyed(keys);
                    }
                }
                // Nobody sends data, and the end of a call is what SIP says.
                _ => {}
            }
        }
    }

    /// Sends a packet if it is within what may be sent. What follows the question for a cookie follows the cookie.
    fn pass(&mut self, packet: &[u8], send: &mut dyn FnMut(&[u8])) {
        if packet.get(MESSAGE) != Some(&HELLO_VERIFY_REQUEST) {
            self.credit = None;
        }
        match &mut self.credit {
            Some(credit) if *credit < packet.len() => return,
            Some(credit) => *credit -= packet.len(),
            None => {}
        }
        send(packet);
    }

    /// The keys, once: when the handshake is through, which is when they come out of it.
    fn take_keys(&mut self) -> Option<Keys> {
        match std::mem::replace(&mut self.progress, Progress::Established) {
            Progress::Keyed(keys) => Some(keys),
            other => {
                self.progress = other;
                None
            }
        }
    }
}

fn keys(role: Role, octets: &[u8], profile: SrtpProfile) -> Option<Keys> {
    let profile = match profile {
        SrtpProfile::AES128_CM_SHA1_80 => Profile::AesCm128HmacSha1Tag80,
        SrtpProfile::AEAD_AES_128_GCM => Profile::AeadAes128Gcm,
        SrtpProfile::AEAD_AES_256_GCM => Profile::AeadAes256Gcm,
        // One that a later dimpl knows and we do not.
        _ => return None,
    };
    let DtlsKeys { client, server } = DtlsKeys::split(profile, octets).ok()?;
    let (local, remote) = match role {
        Role::Client => (client, server),
        Role::Server => (server, client),
    };
    Some(Keys { local, remote })
}

impl fmt::Debug for Association {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Association")
            .field("role", &self.role)
            .field("progress", &self.progress)
            .finish_non_exhaustive()
    }
}
