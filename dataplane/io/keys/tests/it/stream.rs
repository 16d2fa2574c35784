//! What is sealed while it grows.

use std::io::{Cursor, ErrorKind, Read as _, Seek as _, SeekFrom};

use callplane_keys::{
    DataKey, KeyRing, Place, STREAM_HEADER, StreamChunk, StreamOpener, StreamReader, StreamSealer,
};
use callplane_types::CallId;
use proptest::prelude::*;
use uuid::Uuid;

use crate::sealing::tenant;

const TAG: usize = 16;
const STREAM_CHUNK: usize = StreamChunk::Long.octets();
const SIZES: [StreamChunk; 2] = [StreamChunk::Long, StreamChunk::Short];

fn place() -> Place {
    Place::recording(tenant(), CallId::new(Uuid::from_u128(7)), "audio")
}

fn ring() -> KeyRing {
    KeyRing::new(DataKey::generate().unwrap())
}

/// Octets that tell where they stand.
fn octets(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at / 7 + at % 251) as u8).collect()
}

fn sealed(ring: &KeyRing, clear: &[u8], piece: usize) -> Vec<u8> {
    sealed_in(StreamChunk::Long, ring, clear, piece)
}

fn sealed_in(chunk: StreamChunk, ring: &KeyRing, clear: &[u8], piece: usize) -> Vec<u8> {
    let (mut sealer, mut file) = StreamSealer::begin(ring, &place(), chunk).unwrap();
    for piece in clear.chunks(piece) {
        sealer.push(piece, &mut file).unwrap();
    }
    sealer.finish(&mut file).unwrap();
    file
}

fn reader(ring: &KeyRing, file: &[u8]) -> StreamReader<Cursor<Vec<u8>>> {
    StreamReader::open(Cursor::new(file.to_vec()), ring, &place()).unwrap()
}

fn read(reader: &mut StreamReader<Cursor<Vec<u8>>>) -> Vec<u8> {
    let mut clear = Vec::new();
    reader.read_to_end(&mut clear).unwrap();
    clear
}

#[test]
fn what_was_pushed_in_any_pieces_reads_the_same_from_any_place() {
    let ring = ring();
    let cases = SIZES.iter().flat_map(|size| {
        let chunk = size.octets();
        let lengths = [0, 1, chunk - 1, chunk, chunk + 1, 5 * chunk / 2];
        lengths.map(|length| (*size, length))
    });
    for (size, length) in cases {
        let clear = octets(length);
        for piece in [1_000, size.octets(), 100_000] {
            let file = sealed_in(size, &ring, &clear, piece);
            let mut reader = reader(&ring, &file);
            assert!(reader.is_whole());
            assert_eq!(reader.length(), length as u64);
            assert_eq!(read(&mut reader), clear);
            for from in [0, length / 3, length.saturating_sub(1), length] {
                reader.seek(SeekFrom::Start(from as u64)).unwrap();
                assert_eq!(read(&mut reader), clear[from..], "{from} of {length}");
            }
        }
    }
}

#[test]
fn a_stream_that_was_cut_reads_up_to_its_last_whole_chunk_and_says_so() {
    let ring = ring();
    for size in SIZES {
        let chunk = size.octets();
        let clear = octets(3 * chunk + 100);
        let file = sealed_in(size, &ring, &clear, 4_000);
        for length in STREAM_HEADER..file.len() {
            // Every length near the edges, some between.
            let into = (length - STREAM_HEADER) % (chunk + TAG);
            if into > 40 && !into.is_multiple_of(997) {
                continue;
            }
            let mut reader = reader(&ring, &file[..length]);
            assert!(!reader.is_whole(), "{length}");
            let whole = (length - STREAM_HEADER) / (chunk + TAG);
            assert_eq!(read(&mut reader), clear[..whole * chunk], "{length}");
        }
    }
    let file = sealed(&ring, b"", 1);
    let short = StreamReader::open(Cursor::new(&file[..STREAM_HEADER - 1]), &ring, &place());
    assert_eq!(short.unwrap_err().kind(), ErrorKind::UnexpectedEof);
}

#[test]
fn chunks_that_were_changed_exchanged_or_taken_away_do_not_open() {
    let ring = ring();
    let clear = octets(3 * STREAM_CHUNK + 100);
    let file = sealed(&ring, &clear, 4_000);
    let chunk = |number: usize| {
        let begin = STREAM_HEADER + number * (STREAM_CHUNK + TAG);
        begin..(begin + STREAM_CHUNK + TAG).min(file.len())
    };
    let refused = |file: &[u8]| {
        let Ok(mut reader) = StreamReader::open(Cursor::new(file), &ring, &place()) else {
            return true;
        };
        let mut clear = Vec::new();
        !reader.is_whole() || reader.read_to_end(&mut clear).is_err()
    };
    assert!(!refused(&file));
    for at in [
        0,
        7,
        8,
        30,
        STREAM_HEADER - 1,
        STREAM_HEADER,
        chunk(1).start + 9,
        file.len() - 1,
    ] {
        let mut changed = file.clone();
        changed[at] ^= 1;
        assert!(refused(&changed), "{at}");
    }
    let mut exchanged = file.clone();
    exchanged[chunk(0)].copy_from_slice(&file[chunk(1)]);
    exchanged[chunk(1)].copy_from_slice(&file[chunk(0)]);
    assert!(refused(&exchanged));
    let without = [&file[..chunk(1).start], &file[chunk(2).start..]].concat();
    assert!(refused(&without));
    let another = sealed(&ring, &clear, 4_000);
    let mut short = sealed_in(StreamChunk::Short, &ring, &clear, 4_000);
    short[7] = 1;
    assert!(refused(&short), "the size of chunks is authentic, too");
    let mixed = [&another[..chunk(1).start], &file[chunk(1).start..]].concat();
    assert!(refused(&mixed));
}

#[test]
fn a_stream_opens_in_its_place_and_with_its_key_only() {
    let ring = ring();
    let file = sealed(&ring, &octets(100), 100);
    let other_call = Place::recording(tenant(), CallId::new(Uuid::from_u128(8)), "audio");
    for (ring, place) in [(&ring, &other_call), (&self::ring(), &place())] {
        let error = StreamReader::open(Cursor::new(&file), ring, place).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
    }
    let two = sealed(&ring, &octets(100), 100);
    assert_ne!(file, two, "each stream has a key of its own");
    assert!(!file.windows(16).any(|part| octets(100).starts_with(part)));
}

proptest! {
    #[test]
    fn no_octets_panic(file in proptest::collection::vec(any::<u8>(), 0..400), number in any::<u32>()) {
        let ring = ring();
        prop_assert!(StreamReader::open(Cursor::new(&file), &ring, &place()).is_err());
        let good = sealed(&ring, b"", 1);
        let header = good[..STREAM_HEADER].try_into().unwrap();
        let opener = StreamOpener::begin(&ring, &place(), header).unwrap();
        prop_assert!(opener.open(u64::from(number), &file).is_err());
        let _ = opener.length_of(file.len() as u64);
        let joined = [&good[..STREAM_HEADER], &file].concat();
        let reader = StreamReader::open(Cursor::new(&joined), &ring, &place()).unwrap();
        prop_assert!(!reader.is_whole());
    }
}
