use callplane_webrtc::stun::{local_ufrag, username};
use proptest::prelude::*;
use serde_json::Value;

use crate::demux::check;

fn octets(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex
        .chars()
        .map(|sign| sign.to_digit(16).unwrap() as u8)
        .collect();
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

#[test]
fn the_samples_of_rfc_5769_name_who_they_are_for() {
    let Some(folder) = std::env::var_os("CONFORMANCE_DATA") else {
        println!("SKIPPED: CONFORMANCE_DATA is not set");
        return;
    };
    let file = std::path::Path::new(&folder).join("crypto-vectors/stun-rfc5769.json");
    let text = std::fs::read_to_string(&file).unwrap();
    let samples: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert!(samples.len() >= 4);
    for sample in samples {
        let datagram = octets(sample["hex"].as_str().unwrap());
        let source = sample["source"].as_str().unwrap();
        let expected = match source {
            source if source.starts_with("RFC 5769 2.1 ") => Some("evtj:h6vY"),
            source if source.starts_with("RFC 5769 2.4 ") => Some("マトリックス"),
            _ => None,
        };
        assert_eq!(username(&datagram), expected, "{source}");
    }
}

#[test]
fn a_user_name_is_read_whatever_stands_before_it() {
    let mut datagram = check("ours:theirs");
    // SOFTWARE of three octets, padded.
    let software = [0x80, 0x22, 0, 3, b'a', b'b', b'c', 0];
    datagram.splice(20..20, software);
    datagram[3] += 8;
    assert_eq!(username(&datagram), Some("ours:theirs"));
    assert_eq!(local_ufrag(&datagram), Some("ours"));
    for cut in 0..datagram.len() {
        assert_eq!(username(&datagram[..cut]), None, "cut at {cut}");
    }
    assert_eq!(local_ufrag(&check("no-colon")), None);
}

proptest! {
    #[test]
    fn nothing_makes_it_stumble(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = username(&octets);
        let mut like_stun = check("ours:theirs");
        let length = like_stun.len().min(octets.len());
        for (place, octet) in octets.iter().take(length).enumerate().skip(8) {
            like_stun[place] ^= octet;
        }
        let _ = local_ufrag(&like_stun);
    }
}
