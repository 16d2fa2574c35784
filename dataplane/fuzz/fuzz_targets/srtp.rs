//! The first octet chooses a profile. What follows is a packet from the network and a line of SDP.

#![no_main]

use callplane_srtp::{CryptoAttribute, KeyingMaterial, Profile, Protector, Unprotector};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    let Some((first, input)) = octets.split_first() else {
        return;
    };
    let profile = Profile::ALL[usize::from(*first) % Profile::ALL.len()];
    let keys = KeyingMaterial::new(profile, &[0x5A; 44][..profile.keying_length()])
        .expect("as long as the profile says");
    from_the_network(&keys, input);
    round_trip(&keys, input);
    if let Ok(text) = str::from_utf8(input) {
        attribute(text);
    }
});

/// Seeds are under the right key: what opens does so once, and changes what is remembered.
fn from_the_network(keys: &KeyingMaterial, input: &[u8]) {
    let mut receiver = Unprotector::new(keys);
    for unprotect in [Unprotector::unprotect_rtp, Unprotector::unprotect_rtcp] {
        let before = receiver.positions().count();
        let opens = unprotect(&mut receiver, &mut input.to_vec()).is_ok();
        assert_eq!(receiver.positions().count(), before + usize::from(opens));
        assert!(unprotect(&mut receiver, &mut input.to_vec()).is_err());
    }
}

fn round_trip(keys: &KeyingMaterial, input: &[u8]) {
    let mut packet = input.to_vec();
    if Protector::new(keys).protect_rtp(&mut packet).is_ok() {
        let opened = Unprotector::new(keys).unprotect_rtp(&mut packet);
        assert_eq!(opened.expect("what we protect opens"), input);
    }
    let mut packet = input.to_vec();
    if Protector::new(keys).protect_rtcp(&mut packet).is_ok() {
        let opened = Unprotector::new(keys).unprotect_rtcp(&mut packet);
        assert_eq!(opened.expect("what we protect opens"), input);
    }
}

fn attribute(text: &str) {
    let Ok(attribute) = text.parse::<CryptoAttribute>() else {
        return;
    };
    let written = attribute.to_string();
    let again: CryptoAttribute = written.parse().expect("what we write is valid");
    assert_eq!(again.to_string(), written);
    let _ = format!("{attribute:?}");
}
