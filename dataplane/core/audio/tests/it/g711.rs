//! Against the properties of the laws and against the vectors of ITU-T G.191.

use callplane_audio::Law;

use crate::support::{vector, words};

const LAWS: [Law; 2] = [Law::Mu, Law::A];

#[test]
fn every_octet_survives_decoding_and_encoding() {
    for law in LAWS {
        for octet in 0..=u8::MAX {
            let sample = law.decode_sample(octet);
            // mu-law has two zeros; the negative one is never sent (G.711 table 2a).
            let expected = match (law, octet) {
                (Law::Mu, 0x7F) => 0xFF,
                (_, octet) => octet,
            };
            assert_eq!(law.encode_sample(sample), expected, "{law:?} {octet:#x}");
        }
    }
}

#[test]
fn decoding_keeps_the_order_of_samples() {
    for law in LAWS {
        let decoded =
            (i16::MIN..=i16::MAX).map(|sample| law.decode_sample(law.encode_sample(sample)));
        assert!(decoded.is_sorted(), "{law:?}");
    }
}

#[test]
fn the_error_stays_below_a_thirtieth_of_the_sample() {
    for law in LAWS {
        for sample in i16::MIN..=i16::MAX {
            let error = i32::from(law.decode_sample(law.encode_sample(sample))) - i32::from(sample);
            let clipped = i32::from(sample).abs() > 32_124;
            let allowed = i32::from(sample).abs() / 30 + 16;
            assert!(
                clipped || error.abs() <= allowed,
                "{law:?} {sample} {error}"
            );
        }
    }
}

#[test]
fn silence_is_the_octet_of_zero() {
    assert_eq!(Law::Mu.silence(), 0xFF);
    assert_eq!(Law::A.silence(), 0xD5);
    assert!(Law::Mu.is_quiet(&[0xFF; 160]));
    assert!(Law::A.is_quiet(&[0xD5; 160]));
    assert!(!Law::A.is_quiet(&[0x2A; 160]));
}

#[test]
fn the_vectors_of_the_itu_are_met_bit_by_bit() {
    let read = |name: &str| vector(&format!("g711/test_data/{name}")).map(|octets| words(&octets));
    let Some(linear) = read("sweep.src") else {
        return;
    };
    assert_eq!(linear.len(), 65_536);
    for (law, coded, decoded) in [
        (Law::A, "sweep-r.a", "sweep-r.a-a"),
        (Law::Mu, "sweep-r.u", "sweep-r.u-u"),
    ] {
        let (coded, decoded) = (read(coded).unwrap(), read(decoded).unwrap());
        for ((linear, coded), decoded) in linear.iter().zip(&coded).zip(&decoded) {
            let octet = u8::try_from(*coded).unwrap();
            assert_eq!(law.encode_sample(*linear), octet, "{law:?} of {linear}");
            assert_eq!(law.decode_sample(octet), *decoded, "{law:?} of {octet}");
        }
    }
}
