//! Ogg Opus: read with another reader of Ogg, decoded by the codec of this repository. What players of others
//! make of it is tested where there are files.

use std::io::Cursor;

use callplane_audio::{OGG_OPUS_HEADER_LENGTH, OggOpusWriter, last_ogg_page};
use ogg::PacketReader;
use proptest::prelude::*;
use ropus::OpusMSDecoder;

/// What is read of a file.
struct Read {
    /// Left and right in turn, without what the file says to throw away.
    samples: Vec<i16>,
    /// Octets of the packets with sound.
    packets: Vec<usize>,
    /// Granule positions of the pages.
    positions: Vec<u64>,
    is_ended: bool,
}

fn read(file: &[u8]) -> Read {
    let mut reader = PacketReader::new(Cursor::new(file));
    let head = reader.read_packet().unwrap().unwrap();
    assert!(head.first_in_stream());
    assert_eq!(&head.data[..10], b"OpusHead\x01\x02");
    let skipped = u16::from_le_bytes([head.data[10], head.data[11]]) as usize;
    assert_eq!(head.data[12..16], 8_000u32.to_le_bytes());
    // No gain; family 1 with two streams, none coupled.
    assert_eq!(head.data[16..], [0, 0, 1, 2, 0, 0, 1]);
    let tags = reader.read_packet().unwrap().unwrap();
    assert!(tags.data.starts_with(b"OpusTags"));
    let mut decoder = OpusMSDecoder::new(8_000, 2, 2, 0, &[0, 1]).unwrap();
    let mut read = Read {
        samples: Vec::new(),
        packets: Vec::new(),
        positions: Vec::new(),
        is_ended: false,
    };
    while let Ok(Some(packet)) = reader.read_packet() {
        let mut frame = [0; 320];
        let length = packet.data.len() as i32;
        let decoded = decoder.decode(Some(&packet.data), length, &mut frame, 160, false);
        assert_eq!(decoded, Ok(160));
        read.samples.extend(frame);
        read.packets.push(packet.data.len());
        if packet.last_in_page() {
            read.positions.push(packet.absgp_page());
        }
        read.is_ended |= packet.last_in_stream();
    }
    let end = read.positions.last().map_or(0, |end| *end as usize / 6 * 2);
    read.samples.truncate(end);
    read.samples.drain(..(skipped / 6 * 2).min(end));
    read
}

/// Two voices of a kind, each with pauses of its own: what is said is in the rhythm and the pitch.
fn voices(seconds: usize) -> Vec<i16> {
    let voice = |at: usize, pitch: f64, every: usize| {
        let time = at as f64 / 8_000.0;
        let speaks = (at / 2_000).is_multiple_of(every);
        let glide = pitch * (1.0 + 0.1 * (time * 3.0).sin());
        let wave: f64 = (1..6)
            .map(|harmonic| (time * glide * f64::from(harmonic) * std::f64::consts::TAU).sin())
            .sum();
        if speaks { (wave * 2_000.0) as i16 } else { 0 }
    };
    (0..seconds * 8_000)
        .flat_map(|at| [voice(at, 120.0, 2), voice(at, 210.0, 3)])
        .collect()
}

fn written(samples: &[i16], piece: usize) -> Vec<u8> {
    let (mut writer, mut file) = OggOpusWriter::begin(7);
    for piece in samples.chunks(piece) {
        writer.write(piece, &mut file);
    }
    writer.finish(&mut file);
    file
}

fn channel(samples: &[i16], channel: usize) -> Vec<f64> {
    let samples = samples.iter().skip(channel).step_by(2);
    samples.map(|sample| f64::from(*sample)).collect()
}

/// -1 to 1.
fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let product: f64 = a.iter().zip(b).map(|(a, b)| a * b).sum();
    let power = |of: &[f64]| of.iter().map(|sample| sample * sample).sum::<f64>();
    product / (power(a) * power(b)).sqrt().max(1.0)
}

#[test]
fn each_side_is_heard_on_its_channel_and_at_its_time() {
    let sent = voices(10);
    let heard = read(&written(&sent, 16_000));
    assert!(heard.is_ended);
    assert_eq!(heard.samples.len(), sent.len());
    for side in [0, 1] {
        let (sent, heard) = (channel(&sent, side), channel(&heard.samples, side));
        let alike = correlation(&sent, &heard);
        assert!(alike > 0.9, "side {side}: {alike}");
    }
}

#[test]
fn nothing_of_one_side_is_heard_on_the_other() {
    let mut sent = voices(5);
    for pair in sent.chunks_exact_mut(2) {
        pair[1] = 0;
    }
    let heard = read(&written(&sent, 16_000));
    let loudest = channel(&heard.samples, 1).into_iter().fold(0.0, f64::max);
    assert!(loudest <= 2.0, "{loudest}");
}

#[test]
fn the_file_is_as_long_as_the_sound_to_the_sample() {
    // What is left over at the end takes none, one or two more packets.
    for samples in [0, 1, 107, 108, 109, 159, 160, 161, 8_000, 8_123] {
        let sent = &voices(2)[..samples * 2];
        let heard = read(&written(sent, 3_333 * 2));
        assert_eq!(heard.samples.len(), sent.len());
        assert_eq!(*heard.positions.last().unwrap(), (samples as u64 + 52) * 6);
        assert!(heard.positions.is_sorted());
    }
}

#[test]
fn what_was_written_so_far_plays_and_takes_a_page_a_second() {
    let sent = voices(4);
    let (mut writer, mut file) = OggOpusWriter::begin(7);
    assert_eq!(file.len(), OGG_OPUS_HEADER_LENGTH);
    for (second, piece) in sent.chunks(16_000).enumerate() {
        writer.write(piece, &mut file);
        let heard = read(&file);
        assert!(!heard.is_ended);
        assert_eq!(heard.positions.len(), second + 1);
        assert_eq!(heard.packets.len(), (second + 1) * 50);
        assert_eq!(last_ogg_page(&file), Some(file.len()));
    }
    // Of one that was cut anywhere, the whole pages are found.
    let third = (0..file.len())
        .rev()
        .find_map(|end| last_ogg_page(&file[..end]));
    let third = third.unwrap();
    assert_eq!(read(&file[..third]).packets.len(), 150);
    for end in (third..file.len()).step_by(97) {
        assert_eq!(last_ogg_page(&file[..end]), Some(third));
    }
}

#[test]
fn a_second_of_silence_is_more_than_is_sealed_at_once_and_one_of_speech_is_small() {
    let silence = written(&vec![0; 10 * 16_000], 16_000).len() / 10;
    assert!((1_024..1_500).contains(&silence), "{silence} octets");
    let speech = written(&voices(10), 16_000).len() / 10;
    assert!((1_500..5_000).contains(&speech), "{speech} octets");
}

proptest! {
    #[test]
    fn no_octets_panic(mut octets in proptest::collection::vec(any::<u8>(), 0..400), at in 0..300usize) {
        let at = at.min(octets.len());
        octets.splice(at..at, *b"OggS\0\0");
        if let Some(end) = last_ogg_page(&octets) {
            prop_assert!(end <= octets.len());
        }
    }
}
