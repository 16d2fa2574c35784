//! What the first octets of an Opus packet say.

use std::time::Duration;

use callplane_audio::OpusPacket;
use proptest::prelude::*;

fn read(packet: &[u8]) -> Option<(u128, u8, bool)> {
    OpusPacket::read(packet).map(|read| (read.frame_time.as_micros(), read.frames, read.stereo))
}

#[test]
fn each_configuration_has_the_duration_of_table_2() {
    let silk = [10_000, 20_000, 40_000, 60_000];
    let hybrid = [10_000, 20_000];
    let celt = [2500, 5000, 10_000, 20_000];
    let table = [
        &silk[..],
        &silk,
        &silk,
        &hybrid,
        &hybrid,
        &celt,
        &celt,
        &celt,
        &celt,
    ]
    .concat();
    assert_eq!(table.len(), 32);
    for (configuration, micros) in table.into_iter().enumerate() {
        let toc = (configuration as u8) << 3;
        assert_eq!(read(&[toc]), Some((micros, 1, false)));
        assert_eq!(read(&[toc | 4]), Some((micros, 1, true)));
        assert_eq!(read(&[toc | 1]), Some((micros, 2, false)));
        assert_eq!(read(&[toc | 2, 0]), Some((micros, 2, false)));
    }
}

#[test]
fn a_count_of_frames_may_not_be_zero_missing_or_longer_than_120_ms() {
    // 20 ms of SILK, 2.5 ms of CELT.
    let (long, short) = (0b0100_1011, 0b1110_0011);
    assert_eq!(read(&[long, 6]), Some((20_000, 6, false)));
    assert_eq!(read(&[long, 7]), None);
    assert_eq!(read(&[long, 0]), None);
    assert_eq!(read(&[long]), None);
    assert_eq!(read(&[short, 48]), Some((2500, 48, false)));
    assert_eq!(read(&[short, 49]), None);
    assert_eq!(read(&[]), None);
    let packet = OpusPacket::read(&[long, 3]).unwrap();
    assert_eq!(packet.duration(), Duration::from_millis(60));
}

#[test]
fn a_pause_is_told_from_talk_without_decoding() {
    let voice = |packet: &[u8]| OpusPacket::read(packet).unwrap().voice;
    // One 20 ms frame of SILK, then three in 60 ms: a bit each.
    assert!(voice(&[0b0100_1000, 0b1000_0000]));
    assert!(!voice(&[0b0100_1000, 0b0111_1111]));
    assert!(voice(&[0b0101_1000, 0b0010_0000]));
    assert!(!voice(&[0b0101_1000, 0b0001_1111]));
    // CELT does not say; what holds no frame says that there is none.
    assert!(voice(&[0b1111_1000, 0]));
    assert!(!voice(&[0b1111_1000]) && !voice(&[0b0100_1000]));
}

#[test]
fn the_copy_is_found_behind_lengths_and_padding() {
    let fec = |packet: &[u8]| OpusPacket::read(packet).unwrap().fec;
    // One 20 ms frame of SILK: the bit after that of its activity.
    assert!(fec(&[0b0100_1000, 0b0100_0000]));
    assert!(!fec(&[0b0100_1000, 0b1000_0000]));
    // 60 ms have three such bits.
    assert!(fec(&[0b0101_1000, 0b0001_0000]));
    // The other channel's.
    assert!(fec(&[0b0100_1100, 0b0001_0000]));
    // Two frames, the first of one octet; of 252 and more, whose length has two octets; of none.
    assert!(fec(&[0b0100_1010, 1, 0b0100_0000, 0]));
    assert!(fec(&[0b0100_1010, 252, 0, 0b0100_0000]));
    assert!(!fec(&[0b0100_1010, 0, 0b0100_0000]));
    // A count, its padding, its lengths.
    assert!(fec(&[0b0100_1011, 2, 0b0100_0000, 0]));
    assert!(fec(&[0b0100_1011, 2 | 0x40, 1, 0b0100_0000, 0, 0]));
    assert!(fec(&[0b0100_1011, 3 | 0x80, 1, 1, 0b0100_0000, 0, 0]));
    // CELT has none.
    assert!(!fec(&[0b1110_0000, 0b0100_0000]));
}

proptest! {
    #[test]
    fn any_octets_are_read_as_the_codec_reads_them(packet in proptest::collection::vec(any::<u8>(), 0..40)) {
        let read = OpusPacket::read(&packet);
        let codec = ropus::opus::decoder::opus_packet_get_nb_samples(&packet, 48_000);
        let micros = read.map(|read| read.duration().as_micros());
        prop_assert_eq!(micros, codec.ok().filter(|n| *n > 0).map(|n| n as u128 * 125 / 6));
    }
}
