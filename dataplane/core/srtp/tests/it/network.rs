//! Two peers over a network that loses, delays, doubles and forges, the same way for the same seed.

use std::collections::{BTreeMap, BTreeSet};

use callplane_srtp::{Error, Profile, Protector, Unprotector};

use crate::{keys, rtp};

/// Numbers that look random and are the same in each run.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        println!("seed {seed}");
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 8
    }

    /// Whether something happens that happens so often in a thousand.
    pub(crate) fn chance(&mut self, permille: u64) -> bool {
        self.next() % 1000 < permille
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

/// A packet may be overtaken by so many, fewer than the window remembers.
const DELAY: u64 = 100;
/// Packets sent; the sequence number wraps four times.
const PACKETS: u64 = 3 * 0x1_0000 + 20_000;

#[test]
fn each_packet_that_arrives_is_delivered_once_over_several_wraps() {
    for (seed, profile) in [
        (1, Profile::AesCm128HmacSha1Tag32),
        (2, Profile::AeadAes128Gcm),
    ] {
        let mut random = Random::new(seed);
        let mut sender = Protector::new(&keys(profile, 1));
        let mut receiver = Unprotector::new(&keys(profile, 1));
        let first = 60_000;
        let mut on_their_way: BTreeMap<u64, Vec<(u64, Vec<u8>)>> = BTreeMap::new();
        let (mut arrived, mut delivered) = (BTreeSet::new(), BTreeSet::new());
        for now in 0..PACKETS + 10 * DELAY {
            if now < PACKETS {
                let mut packet = rtp(7, (first + now) as u16);
                packet[12..20].copy_from_slice(&now.to_be_bytes());
                sender.protect_rtp(&mut packet).unwrap();
                // Nothing of the beginning is lost, or its rollover counter could not be known.
                let lost = now > DELAY && random.chance(50);
                // A copy may come much later, when only its number tells that it is one.
                let copies = [Some(DELAY), random.chance(50).then_some(10 * DELAY)];
                for delay in copies.into_iter().flatten().filter(|_| !lost) {
                    let delay = if now == 0 { 0 } else { random.below(delay) };
                    let copy = (now, packet.clone());
                    on_their_way.entry(now + delay).or_default().push(copy);
                }
            }
            for (number, mut packet) in on_their_way.remove(&now).unwrap_or_default() {
                if random.chance(20) {
                    let mut forged = packet.clone();
                    let bit = random.below(8 * forged.len() as u64) as usize;
                    forged[bit / 8] ^= 1 << (bit % 8);
                    receiver.unprotect_rtp(&mut forged).unwrap_err();
                }
                let known = !arrived.insert(number);
                match receiver.unprotect_rtp(&mut packet) {
                    Ok(plain) => {
                        assert_eq!(plain[12..20], number.to_be_bytes());
                        assert!(delivered.insert(number), "{number} came twice");
                    }
                    Err(error) => {
                        assert!(known, "{number} was refused: {error}");
                        assert_eq!(error, Error::Replayed);
                    }
                }
            }
        }
        assert_eq!(arrived, delivered);
        assert!(delivered.len() as u64 > PACKETS * 9 / 10);
        let highest = receiver.positions().next().unwrap().rtp_index.unwrap();
        assert_eq!(highest >> 16, 4);
        assert!(first + PACKETS - highest < 10, "{highest}");
    }
}
