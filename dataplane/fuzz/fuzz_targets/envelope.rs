//! A sealed value as it may lie in a row, and the texts that keys are read from.

#![no_main]

use std::io::{Cursor, Read as _};

use callplane_keys::{
    DataKey, Envelope, KeyId, KeyRing, LocalKek, Passwords, Place, STREAM_HEADER, StreamChunk, StreamReader,
    StreamSealer,
};
use callplane_types::TenantId;
use libfuzzer_sys::fuzz_target;
use uuid::Uuid;

fuzz_target!(|octets: &[u8]| {
    let tenant = TenantId::new(Uuid::nil());
    let place = Place::cell(tenant, "trunks", "password_enc", Uuid::nil());
    let key = DataKey::new(KeyId::new(Uuid::nil()), &[7; DataKey::LEN]).expect("32 octets");
    let ring = KeyRing::new(key);
    if let Ok(envelope) = Envelope::parse(octets) {
        assert_eq!(envelope.to_vec(), octets);
        assert_eq!(envelope.content_len() + Envelope::OVERHEAD, octets.len());
    }
    // Nobody guesses a tag.
    assert!(ring.open(&place, octets).is_err());
    let sealed = ring.seal(&place, octets).expect("a new key");
    assert_eq!(
        ring.open(&place, &sealed).expect("our own").as_slice(),
        octets
    );

    assert!(StreamReader::open(Cursor::new(octets), &ring, &place).is_err());
    let (mut sealer, mut file) = StreamSealer::begin(&ring, &place, StreamChunk::Short).expect("a new key");
    // Behind a header of ours, octets are no chunks.
    let forged = [&file[..STREAM_HEADER], octets].concat();
    let reader = StreamReader::open(Cursor::new(&forged), &ring, &place).expect("a header");
    assert!(!reader.is_whole());
    sealer.push(octets, &mut file).expect("a chunk");
    sealer.finish(&mut file).expect("a chunk");
    let mut clear = Vec::new();
    StreamReader::open(Cursor::new(&file), &ring, &place)
        .and_then(|mut reader| reader.read_to_end(&mut clear))
        .expect("our own");
    assert_eq!(clear, octets);

    let Ok(text) = std::str::from_utf8(octets) else {
        return;
    };
    if let Ok(read) = KeyRing::parse(text) {
        let again = KeyRing::parse(&read.to_text()).expect("what we write is a ring");
        assert_eq!(again.sealing(), read.sealing());
        assert!(again.ids().eq(read.ids()));
    }
    let _ = LocalKek::parse(text);
    // A stored hash of another platform: anything may lie there.
    if text.len() < 128 {
        let _ = Passwords::cheap().verify("x", Some(text));
    }
});
