//! Our end of one component.

use std::net::SocketAddr;

use aws_lc_rs::hmac;
use crc::{CRC_32_ISO_HDLC, Crc};
use is::stun::StunMessage;

use crate::credentials::Credentials;

/// Addresses that may be proved at a time; the oldest makes room.
const MAX_PROVEN: usize = 8;
/// Room for an answer: header, address, integrity, fingerprint, and the words of an error.
const ANSWER: usize = 256;
/// The last attribute of a check (RFC 8489 section 14.7), and its length.
const FINGERPRINT: [u8; 4] = [0x80, 0x28, 0, 4];
/// What its value differs by from the sum.
const FINGERPRINT_MASK: u32 = 0x5354_554E;

/// What a check was good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checked {
    /// It proved an address.
    Proved,
    /// It proved the address, and the other side takes it from now on.
    Nominated,
    /// The other side wants to be told what to take, as we do: it is told to do it itself.
    Conflict,
}

/// The end of a component that answers checks.
///
/// **An address is taken only after a check from it that showed our password**, which nobody knows but who read
/// our description. What is sent goes to the address that was nominated, and until one is, to the one that was
/// proved last. Of several that are nominated the best goes: who speaks RFC 5245 may nominate all, and takes the best
/// (RFC 8445 section 8.1.1 lets nobody else nominate two). One as good is the same behind another port of its NAT.
#[derive(Debug)]
pub struct LiteAgent {
    ours: Credentials,
    /// The fragment of the other side, which its checks show behind ours.
    theirs: String,
    /// The newest is the last.
    proven: Vec<SocketAddr>,
    nominated: Option<Nominated>,
}

#[derive(Debug, Clone, Copy)]
struct Nominated {
    address: SocketAddr,
    /// `PRIORITY` of the check.
    priority: u32,
}

impl LiteAgent {
    /// Nothing was checked. `theirs` is the user name fragment of the other side.
    #[must_use]
    pub fn new(ours: Credentials, theirs: &str) -> Self {
        Self {
            ours,
            theirs: theirs.to_owned(),
            proven: Vec::new(),
            nominated: None,
        }
    }

    /// Other credentials were agreed on (RFC 8445 section 9). Checks with those of before count no more; media goes
    /// on where it went until other addresses are proved.
    pub fn restart(&mut self, ours: Credentials, theirs: &str) {
        if (&self.ours, self.theirs.as_str()) != (&ours, theirs) {
            self.ours = ours;
            theirs.clone_into(&mut self.theirs);
            if let Some(nominated) = &mut self.nominated {
                nominated.priority = 0;
            }
        }
    }

    /// Whether datagrams that are no checks are taken from there.
    #[must_use]
    pub fn admits(&self, from: SocketAddr) -> bool {
        self.proven.contains(&from)
    }

    /// Where datagrams go; nowhere before the first check.
    #[must_use]
    pub fn remote(&self) -> Option<SocketAddr> {
        let nominated = self.nominated.map(|nominated| nominated.address);
        nominated.or(self.proven.last().copied())
    }

    /// Looks at a datagram that is no media; writes the answer to `answer`, which is empty else.
    pub fn handle(
        &mut self,
        from: SocketAddr,
        datagram: &[u8],
        answer: &mut Vec<u8>,
    ) -> Option<Checked> {
        answer.clear();
        if !has_fingerprint(datagram) {
            return None;
        }
        let message = StunMessage::parse(datagram).ok()?;
        let password = self.ours.password.as_bytes();
        let is_ours = message.is_binding_request()
            && message.split_username() == Some((&self.ours.ufrag, &self.theirs))
            && message.verify(password, sha1);
        if !is_ours {
            return None;
        }
        // A lite agent is never the one that decides (RFC 8445 section 6.1.1).
        let (checked, reply) = match (message.ice_controlled(), message.use_candidate()) {
            (Some(_), _) => (
                Checked::Conflict,
                StunMessage::binding_role_conflict_reply(message.trans_id()),
            ),
            (None, nominates) => {
                self.prove(from);
                let checked = match nominates {
                    true => self.nominate(from, message.prio().unwrap_or(0)),
                    false => Checked::Proved,
                };
                (
                    checked,
                    StunMessage::binding_reply(message.trans_id(), from),
                )
            }
        };
        answer.resize(ANSWER, 0);
        let password = self.ours.password.as_bytes();
        let written = reply.to_bytes(Some(password), answer, sha1);
        answer.truncate(written.unwrap_or(0));
        Some(checked)
    }

    fn prove(&mut self, from: SocketAddr) {
        self.proven.retain(|known| *known != from);
        if self.proven.len() == MAX_PROVEN {
            let used = self.nominated.map(|nominated| nominated.address);
            let oldest = self.proven.iter().position(|known| Some(*known) != used);
            self.proven.remove(oldest.unwrap_or(0));
        }
        self.proven.push(from);
    }

    fn nominate(&mut self, address: SocketAddr, priority: u32) -> Checked {
        match self.nominated {
            Some(best) if best.priority > priority => Checked::Proved,
            _ => {
                self.nominated = Some(Nominated { address, priority });
                Checked::Nominated
            }
        }
    }
}

/// Whether the message ends with the sum of what stands before it, as every check does (RFC 8445 section 7.1.1).
/// What would otherwise be read is longer than 8 octets.
fn has_fingerprint(datagram: &[u8]) -> bool {
    let Some((message, [a, b, c, d, sum @ ..])) = datagram.split_last_chunk::<8>() else {
        return false;
    };
    let expected = Crc::<u32>::new(&CRC_32_ISO_HDLC).checksum(message) ^ FINGERPRINT_MASK;
    [*a, *b, *c, *d] == FINGERPRINT && *sum == expected.to_be_bytes()
}

/// Of `is`, which has no HMAC of its own.
fn sha1(key: &[u8], parts: &[&[u8]]) -> [u8; 20] {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key);
    let mut context = hmac::Context::with_key(&key);
    for part in parts {
        context.update(part);
    }
    let tag = context.sign();
    tag.as_ref().try_into().expect("SHA-1 has 20 octets")
}
