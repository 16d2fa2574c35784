//! Whose datagram it is, where many peers share one UDP port.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::SocketAddr;

use crate::stun;

/// Addresses remembered for one peer: what a change of network, or a browser with many of them, needs.
const MAX_ADDRESSES: usize = 16;
/// Fragments that one peer is found by: a restart keeps the one before it until the checks of the new one come.
const MAX_UFRAGS: usize = 4;
/// Peers that one address may be of at once.
const MAX_OWNERS: usize = 4;

/// A datagram of nobody: it is not answered, whatever it asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dropped;

/// The peers that a datagram may be of: one, but for addresses that more than one peer lays claim to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owners<K>([Option<K>; MAX_OWNERS]);

impl<K: Copy + Eq> Owners<K> {
    const NONE: Self = Self([None; MAX_OWNERS]);

    fn one(key: K) -> Self {
        let mut owners = Self::NONE;
        owners.0[0] = Some(key);
        owners
    }

    fn has(&self, key: K) -> bool {
        self.0.contains(&Some(key))
    }

    /// Last. In the place of another when there are too many, whose key is given back.
    fn add(&mut self, key: K) -> Option<K> {
        let lost = match self.0[MAX_OWNERS - 1] {
            // The first has the oldest claim and stays.
            Some(_) => {
                let lost = self.0[1];
                self.0.copy_within(2.., 1);
                self.0[MAX_OWNERS - 1] = None;
                lost
            }
            None => None,
        };
        if let Some(free) = self.0.iter_mut().find(|owner| owner.is_none()) {
            *free = Some(key);
        }
        lost
    }

    /// Whether nobody is left.
    fn remove(&mut self, key: K) -> bool {
        let kept = self.0.into_iter().filter(|owner| *owner != Some(key));
        let mut owners = Self::NONE;
        for (place, owner) in owners.0.iter_mut().zip(kept) {
            *place = owner;
        }
        *self = owners;
        owners == Self::NONE
    }
}

impl<K> IntoIterator for Owners<K> {
    type Item = K;
    type IntoIter = std::iter::Flatten<std::array::IntoIter<Option<K>, MAX_OWNERS>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter().flatten()
    }
}

/// Finds peers by what their datagrams say of themselves.
///
/// A check names our user name fragment and may come from anywhere, because that is how a browser that
/// changed its network is found again (RFC 8445 section 7.3). Everything else is known by the address
/// that it comes from, and **an address belongs to a peer only once the peer has sent something there**,
/// which it does for those alone who showed its password. So strangers neither reach a peer nor get an
/// answer, and a forged address gets none either.
///
/// **An address is never taken from a peer.** Whoever has a call of his own can forge checks of it from the address
/// of somebody else, and a NAT may give an address to another browser before the call of the first is over: in
/// both cases a second peer sends to the same address, and who really is there cannot be told from checks,
/// since a lite agent sends none that would have to come back. So what comes from there is handed to each of the peers
/// in turn. It is DTLS or SRTP, which only the peer that has the keys takes, and which is nothing to the others.
#[derive(Debug, Clone)]
pub struct Demux<K> {
    by_ufrag: HashMap<String, K>,
    by_address: HashMap<SocketAddr, Owners<K>>,
    known: HashMap<K, Known>,
}

#[derive(Debug, Clone, Default)]
struct Known {
    ufrags: Vec<String>,
    /// Oldest first.
    addresses: Vec<SocketAddr>,
}

impl<K> Default for Demux<K> {
    fn default() -> Self {
        Self {
            by_ufrag: HashMap::new(),
            by_address: HashMap::new(),
            known: HashMap::new(),
        }
    }
}

impl<K: Copy + Eq + Hash> Demux<K> {
    /// A peer with this fragment; again for each that a restart of ICE brings.
    pub fn insert(&mut self, key: K, ufrag: &str) {
        let known = self.known.entry(key).or_default();
        if known.ufrags.len() >= MAX_UFRAGS {
            let oldest = known.ufrags.remove(0);
            self.by_ufrag.remove(&oldest);
        }
        known.ufrags.push(ufrag.to_owned());
        self.by_ufrag.insert(ufrag.to_owned(), key);
    }

    /// The peer sends to this address: what comes from there may be the peer's.
    pub fn learn(&mut self, key: K, address: SocketAddr) {
        if let Some(owners) = self.by_address.get(&address)
            && owners.has(key)
        {
            return;
        }
        let Some(known) = self.known.get_mut(&key) else {
            return;
        };
        known.addresses.push(address);
        let oldest = match known.addresses.len() > MAX_ADDRESSES {
            true => Some(known.addresses.remove(0)),
            false => None,
        };
        if let Some(oldest) = oldest {
            self.forget(key, oldest);
        }
        let owners = self.by_address.entry(address).or_insert(Owners::NONE);
        if let Some(lost) = owners.add(key)
            && let Some(known) = self.known.get_mut(&lost)
        {
            known.addresses.retain(|known| *known != address);
        }
    }

    fn forget(&mut self, key: K, address: SocketAddr) {
        if let Some(owners) = self.by_address.get_mut(&address)
            && owners.remove(key)
        {
            self.by_address.remove(&address);
        }
    }

    /// Forgets a peer.
    pub fn remove(&mut self, key: K) {
        let Some(known) = self.known.remove(&key) else {
            return;
        };
        for ufrag in known.ufrags {
            self.by_ufrag.remove(&ufrag);
        }
        for address in known.addresses {
            self.forget(key, address);
        }
    }

    /// The peer that a check names; nothing of anything else. Whose a connection of TCP is, whose first datagram it is.
    #[must_use]
    pub fn named(&self, datagram: &[u8]) -> Option<K> {
        let ufrag = stun::local_ufrag(datagram)?;
        self.by_ufrag.get(ufrag).copied()
    }

    /// Whose datagram it is, or may be. Checks go by their user name: the address may have been another call's a
    /// moment ago.
    ///
    /// # Errors
    /// [`Dropped`]: nobody's.
    pub fn find(&self, from: SocketAddr, datagram: &[u8]) -> Result<Owners<K>, Dropped> {
        let named = stun::local_ufrag(datagram).map(|ufrag| self.by_ufrag.get(ufrag));
        match named {
            Some(key) => key.copied().map(Owners::one),
            None => self.by_address.get(&from).copied(),
        }
        .ok_or(Dropped)
    }
}
