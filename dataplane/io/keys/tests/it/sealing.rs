//! What opens a sealed value, and what does not.

use callplane_keys::{
    DataKey, Envelope, Error, KeyId, KeyRing, ParseEnvelopeError, ParseKeyRingError, Place,
};
use callplane_types::TenantId;
use proptest::prelude::*;
use uuid::Uuid;

pub(crate) fn tenant() -> TenantId {
    TenantId::new(Uuid::from_u128(1))
}

pub(crate) fn place() -> Place {
    Place::cell(tenant(), "trunks", "password_enc", Uuid::from_u128(2))
}

fn key(byte: u8) -> DataKey {
    let id = KeyId::new(Uuid::from_u128(u128::from(byte)));
    DataKey::new(id, &[byte; DataKey::LEN]).unwrap()
}

fn with(sealing: u8, others: &[u8]) -> KeyRing {
    let mut ring = KeyRing::new(key(sealing));
    for other in others {
        ring.add(key(*other));
    }
    ring
}

#[test]
fn a_value_opens_with_its_key_in_its_place_and_nowhere_else() {
    let ring = with(1, &[2]);
    let sealed = ring.seal(&place(), b"secret").unwrap();
    assert_eq!(ring.open(&place(), &sealed).unwrap().as_slice(), b"secret");
    assert_ne!(sealed, ring.seal(&place(), b"secret").unwrap());
    assert!(!sealed.windows(6).any(|part| part == b"secret"));
    for (what, elsewhere) in [
        (
            "row",
            Place::cell(tenant(), "trunks", "password_enc", Uuid::from_u128(3)),
        ),
        (
            "column",
            Place::cell(tenant(), "trunks", "other_enc", Uuid::from_u128(2)),
        ),
        (
            "table",
            Place::cell(tenant(), "tools", "password_enc", Uuid::from_u128(2)),
        ),
        (
            "tenant",
            Place::cell(
                TenantId::new(Uuid::from_u128(9)),
                "trunks",
                "password_enc",
                Uuid::from_u128(2),
            ),
        ),
    ] {
        let opened = ring.open(&elsewhere, &sealed);
        assert_eq!(opened.unwrap_err(), Error::Refused, "{what}");
    }
    let stranger = with(2, &[]).open(&place(), &sealed).unwrap_err();
    assert_eq!(stranger, Error::UnknownKey(key(1).id()));
}

#[test]
fn a_value_whose_envelope_names_another_key_does_not_open() {
    let ring = with(1, &[2]);
    let mut sealed = ring.seal(&place(), b"secret").unwrap();
    sealed[1..17].copy_from_slice(key(2).id().uuid().as_bytes());
    assert_eq!(ring.open(&place(), &sealed).unwrap_err(), Error::Refused);
}

#[test]
fn a_changed_octet_is_noticed_wherever_it_is() {
    let ring = with(1, &[]);
    let sealed = ring.seal(&place(), b"secret").unwrap();
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        ring.open(&place(), &changed).unwrap_err();
    }
    for length in 0..sealed.len() {
        ring.open(&place(), &sealed[..length]).unwrap_err();
    }
}

#[test]
fn a_key_seals_only_so_often_and_opens_for_ever() {
    let mut ring = KeyRing::new(key(1).with_limit(2));
    let sealed = ring.seal(&place(), b"one").unwrap();
    assert_eq!(ring.room(), 1);
    ring.seal(&place(), b"two").unwrap();
    let spent = ring.seal(&place(), b"three").unwrap_err();
    assert_eq!(spent, Error::Exhausted(key(1).id()));
    assert_eq!(ring.room(), 0);
    assert_eq!(ring.open(&place(), &sealed).unwrap().as_slice(), b"one");
    // The next key takes over.
    ring.add(key(2));
    ring.seal_with(key(2).id()).unwrap();
    ring.seal(&place(), b"three").unwrap();
}

#[test]
fn a_ring_that_is_read_again_goes_on_counting() {
    let earlier = with(1, &[]);
    earlier.seal(&place(), b"one").unwrap();
    let mut again = KeyRing::parse(&earlier.to_text()).unwrap();
    assert_eq!(again.key(key(1).id()).unwrap().sealed(), 0);
    again.carry_on(&earlier);
    assert_eq!(again.key(key(1).id()).unwrap().sealed(), 1);
    // Another key under the same name is another key.
    let id = key(1).id();
    let mut other = KeyRing::new(DataKey::new(id, &[9; DataKey::LEN]).unwrap());
    other.carry_on(&earlier);
    assert_eq!(other.key(id).unwrap().sealed(), 0);
}

#[test]
fn a_ring_is_read_as_it_was_written_and_seals_with_the_same_key() {
    let ring = with(1, &[2, 3]);
    let again = KeyRing::parse(&ring.to_text()).unwrap();
    assert_eq!(again.sealing(), key(1).id());
    assert_eq!(again.ids().count(), 3);
    let sealed = ring.seal(&place(), b"secret").unwrap();
    assert_eq!(again.open(&place(), &sealed).unwrap().as_slice(), b"secret");
    for (wrong, error) in [
        ("", ParseKeyRingError::Malformed),
        ("[]", ParseKeyRingError::Malformed),
        (
            r#"{"seal":"00000000-0000-0000-0000-000000000001","keys":{}}"#,
            ParseKeyRingError::NothingSeals,
        ),
        (
            r#"{"seal":"00000000-0000-0000-0000-000000000001","keys":{"00000000-0000-0000-0000-000000000001":"AAAA"}}"#,
            ParseKeyRingError::Key,
        ),
    ] {
        assert_eq!(KeyRing::parse(wrong).unwrap_err(), error, "{wrong}");
    }
}

#[test]
fn a_value_is_sealed_again_only_when_another_key_sealed_it() {
    let mut ring = with(1, &[2]);
    let old = ring.seal(&place(), b"secret").unwrap();
    assert_eq!(ring.reseal(&place(), &old).unwrap(), None);
    ring.seal_with(key(2).id()).unwrap();
    let new = ring.reseal(&place(), &old).unwrap().unwrap();
    assert_eq!(Envelope::parse(&new).unwrap().key_id(), key(2).id());
    assert_eq!(
        with(2, &[]).open(&place(), &new).unwrap().as_slice(),
        b"secret"
    );
    let unknown = ring.seal_with(key(7).id()).unwrap_err();
    assert_eq!(unknown, Error::UnknownKey(key(7).id()));
}

#[test]
fn nothing_prints_a_key() {
    let key = DataKey::generate().unwrap();
    let octets = format!("{:?}", key.expose());
    let ring = KeyRing::new(key);
    let printed = format!("{ring:?} {ring:#?}");
    assert!(
        printed.contains("<secret>") && !printed.contains(&octets),
        "{printed}"
    );
    let of_array = octets.trim_matches(['[', ']']).split(", ").take(4);
    let start: Vec<&str> = of_array.collect();
    assert!(!printed.contains(&start.join(", ")), "{printed}");
}

#[test]
fn an_object_without_its_last_part_is_not_taken_for_a_whole_one() {
    let ring = with(1, &[]);
    let part = |n| Place::object(tenant(), "archive/1", n);
    let sealed = ring.seal(&part(0), b"rows").unwrap();
    ring.open(&part(1), &sealed).unwrap_err();
    ring.open(&part(0), &sealed).unwrap();
}

proptest! {
    #[test]
    fn every_value_comes_back(value: Vec<u8>, table: String, column: String, row: u128) {
        let ring = with(1, &[]);
        let place = Place::cell(tenant(), &table, &column, Uuid::from_u128(row));
        let sealed = ring.seal(&place, &value).unwrap();
        prop_assert_eq!(sealed.len(), value.len() + Envelope::OVERHEAD);
        let opened = ring.open(&place, &sealed).unwrap();
        prop_assert_eq!(opened.as_slice(), value.as_slice());
    }

    #[test]
    fn any_octets_are_an_envelope_or_none(octets: Vec<u8>) {
        match Envelope::parse(&octets) {
            Ok(envelope) => prop_assert_eq!(envelope.to_vec(), octets.clone()),
            Err(ParseEnvelopeError::TooShort) => prop_assert!(octets.len() < Envelope::OVERHEAD),
            Err(ParseEnvelopeError::UnknownVersion(version)) => prop_assert_ne!(version, 1),
        }
        // Whatever it is, it does not open.
        prop_assert!(with(1, &[]).open(&place(), &octets).is_err());
    }
}
