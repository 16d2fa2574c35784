//! Nonces that need no memory until they are used.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use aws_lc_rs::hmac;
use callplane_types::Instant;

use super::digest::hex;

/// How many used nonces are remembered; beyond it the oldest is forgotten.
const REMEMBERED: usize = 10_000;

/// Makes nonces and recognises them. A nonce is the time it was made and an HMAC of that time and
/// the peer's address, so one cannot be made up, outlive its time or move to another peer.
pub(crate) struct NonceBook {
    key: hmac::Key,
    lifetime: Duration,
    serial: u32,
    /// The highest `nc` a nonce was used with, for those used at all.
    used: BTreeMap<(u64, u32), u64>,
}

/// What a nonce is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Validity {
    /// Ours, in time, and the count is new.
    Fresh,
    /// Ours, but too old or its count was seen: challenge again with `stale=true`.
    Stale,
    /// Not made here.
    Foreign,
}

impl NonceBook {
    pub(crate) fn new(secret: &[u8; 32], lifetime: Duration) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, secret),
            lifetime,
            serial: 0,
            used: BTreeMap::new(),
        }
    }

    /// A nonce for that peer.
    pub(crate) fn issue(&mut self, now: Instant, peer: IpAddr) -> String {
        self.serial = self.serial.wrapping_add(1);
        self.nonce(millis(now), self.serial, peer)
    }

    /// Judges a nonce that came back, and remembers its count when it is fresh. Without `qop`
    /// there is no count and a nonce can be used once.
    pub(crate) fn redeem(
        &mut self,
        now: Instant,
        peer: IpAddr,
        nonce: &[u8],
        count: u64,
    ) -> Validity {
        let Some((made, serial)) = read(nonce) else {
            return Validity::Foreign;
        };
        let expected = self.nonce(made, serial, peer);
        if !constant_time_eq(expected.as_bytes(), nonce) {
            return Validity::Foreign;
        }
        let lifetime = u64::try_from(self.lifetime.as_millis()).unwrap_or(u64::MAX);
        let oldest = millis(now).saturating_sub(lifetime);
        if made < oldest {
            return Validity::Stale;
        }
        self.used = self.used.split_off(&(oldest, 0));
        let highest = self.used.entry((made, serial)).or_insert(0);
        if *highest >= count {
            return Validity::Stale;
        }
        *highest = count;
        if self.used.len() > REMEMBERED {
            self.used.pop_first();
        }
        Validity::Fresh
    }

    fn nonce(&self, made: u64, serial: u32, peer: IpAddr) -> String {
        let text = format!("{made:016x}{serial:08x}");
        let tag = hmac::sign(&self.key, format!("{text}{peer}").as_bytes());
        format!("{text}{}", hex(&tag.as_ref()[..16]))
    }
}

fn read(nonce: &[u8]) -> Option<(u64, u32)> {
    let text = std::str::from_utf8(nonce).ok()?;
    let made = u64::from_str_radix(text.get(..16)?, 16).ok()?;
    let serial = u32::from_str_radix(text.get(16..24)?, 16).ok()?;
    Some((made, serial))
}

fn millis(now: Instant) -> u64 {
    u64::try_from(now.since_origin().as_millis()).unwrap_or(u64::MAX)
}

/// Compares without telling by its time where the difference is.
pub(super) fn constant_time_eq(a: &[u8], b: &[u8]) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(a, b).is_ok()
}
