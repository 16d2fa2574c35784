//! A stereo recording as Ogg Opus (RFC 7845).

use std::fmt;

use ogg::writing::{PacketWriteEndInfo, PacketWriter};
use ropus::OpusMSEncoder;
use ropus::opus::repacketizer::opus_multistream_packet_pad;

use crate::{FRAME_SAMPLES, SAMPLE_RATE};

const CHANNELS: usize = 2;
/// Of both channels together, in bits a second.
const BITRATE: i32 = 32_000;
/// Granule positions count 48 kHz (RFC 7845 section 4).
const TICKS: u64 = 48_000 / SAMPLE_RATE as u64;
/// What the encoder looks ahead, in samples: a decoder throws as much away at the beginning.
const LOOKAHEAD: u64 = 52;
/// Most packets of a page: a second.
const PAGE_PACKETS: usize = 50;
/// Octets of the smallest packet. Silence is a handful of octets, which would keep a second from being
/// sealed and written for a long time: 50 packets of this are more than 1 KiB.
const MIN_PACKET: usize = 21;
/// How much computing a frame is worth, 0 to 10.
const COMPLEXITY: i32 = 1;
/// Octets of the largest packet of two streams (RFC 6716 section 3.4).
const MAX_PACKET: usize = CHANNELS * (1275 + 2);

/// Octets before the first packet of sound, of files that [`OggOpusWriter`] makes.
pub const OGG_OPUS_HEADER_LENGTH: usize = 104;

/// Makes an Ogg Opus file out of both sides of a call at 8 kHz, caller left, agent right.
///
/// **Each side is a stream of its own within the packets** (channel mapping family 1, two streams, none
/// coupled): nothing of one side is ever heard on the other, which joint stereo does not promise. Whatever
/// [`OggOpusWriter::write`] appended is whole pages, and plays to its end without what would have come later.
///
/// A second takes 4 KB while both sides speak, at least 1 KiB. It allocates: it is not for media threads.
pub struct OggOpusWriter {
    encoder: Box<OpusMSEncoder>,
    pages: PacketWriter<'static, Vec<u8>>,
    serial: u32,
    /// Samples of both sides that make no packet yet.
    waiting: Vec<i16>,
    packets: u64,
    packets_in_page: usize,
}

impl OggOpusWriter {
    /// Begins a file, and gives its header. `serial` names the stream within it; any number will do.
    #[must_use]
    pub fn begin(serial: u32) -> (Self, Vec<u8>) {
        let mut encoder = OpusMSEncoder::new(
            SAMPLE_RATE as i32,
            CHANNELS as i32,
            CHANNELS as i32,
            0,
            &[0, 1],
            // The other one, for telephony, bends the phase of low voices.
            ropus::OPUS_APPLICATION_AUDIO,
        )
        .expect("Opus knows 8 kHz, and two streams of a channel each");
        let codes = [
            encoder.set_bitrate(BITRATE),
            encoder.set_complexity(COMPLEXITY),
            encoder.set_signal(ropus::OPUS_SIGNAL_VOICE),
        ];
        debug_assert_eq!(codes, [ropus::OPUS_OK; 3]);
        let lookahead = encoder.get_encoder(0).map(|stream| stream.get_lookahead());
        debug_assert_eq!(lookahead, Some(LOOKAHEAD as i32));
        let mut writer = Self {
            encoder: Box::new(encoder),
            pages: PacketWriter::new(Vec::new()),
            serial,
            waiting: Vec::with_capacity(CHANNELS * FRAME_SAMPLES),
            packets: 0,
            packets_in_page: 0,
        };
        for packet in [head(), tags()] {
            writer.packet(packet, PacketWriteEndInfo::EndPage, 0);
        }
        let mut header = Vec::new();
        writer.take(&mut header);
        debug_assert_eq!(header.len(), OGG_OPUS_HEADER_LENGTH);
        (writer, header)
    }

    /// Takes the next samples, left and right in turn, and appends the pages of all that make whole 20 ms.
    pub fn write(&mut self, samples: &[i16], out: &mut Vec<u8>) {
        const FRAME: usize = CHANNELS * FRAME_SAMPLES;
        let mut left = (self.waiting.len() + samples.len()) / FRAME;
        let mut rest = samples;
        while left > 0 {
            let (now, later) = rest.split_at(FRAME - self.waiting.len());
            self.waiting.extend_from_slice(now);
            rest = later;
            left -= 1;
            let packet = self.encode();
            let ends = left == 0 || self.packets_in_page + 1 == PAGE_PACKETS;
            self.packets += 1;
            self.packets_in_page = match ends {
                true => 0,
                false => self.packets_in_page + 1,
            };
            let end = match ends {
                true => PacketWriteEndInfo::EndPage,
                false => PacketWriteEndInfo::NormalPacket,
            };
            let position = self.packets * FRAME_SAMPLES as u64 * TICKS;
            self.packet(packet, end, position);
        }
        self.waiting.extend_from_slice(rest);
        self.take(out);
    }

    /// Appends the last page, which says exactly where the sound ends (section 4.4).
    pub fn finish(mut self, out: &mut Vec<u8>) {
        let samples = self.packets * FRAME_SAMPLES as u64 + (self.waiting.len() / CHANNELS) as u64;
        let end = (samples + LOOKAHEAD) * TICKS;
        let needed = (samples + LOOKAHEAD).div_ceil(FRAME_SAMPLES as u64);
        while self.packets < needed {
            self.waiting.resize(CHANNELS * FRAME_SAMPLES, 0);
            let packet = self.encode();
            self.packets += 1;
            let (info, position) = match self.packets == needed {
                true => (PacketWriteEndInfo::EndStream, end),
                false => (
                    PacketWriteEndInfo::NormalPacket,
                    self.packets * FRAME_SAMPLES as u64 * TICKS,
                ),
            };
            self.packet(packet, info, position);
        }
        self.take(out);
    }

    /// The frame that waits, as a packet of both streams.
    fn encode(&mut self) -> Vec<u8> {
        let mut packet = vec![0; MAX_PACKET];
        let length = self
            .encoder
            .encode(
                &self.waiting,
                FRAME_SAMPLES as i32,
                &mut packet,
                MAX_PACKET as i32,
            )
            .expect("20 ms of both channels, and room for the largest packet");
        self.waiting.clear();
        let length = length as usize;
        if length < MIN_PACKET {
            let streams = CHANNELS as i32;
            let padded =
                opus_multistream_packet_pad(&mut packet, length as i32, MIN_PACKET as i32, streams);
            debug_assert!(padded >= 0, "{padded}");
        }
        packet.truncate(length.max(MIN_PACKET));
        packet
    }

    fn packet(&mut self, packet: Vec<u8>, end: PacketWriteEndInfo, position: u64) {
        self.pages
            .write_packet(packet, self.serial, end, position)
            .expect("it writes into memory");
    }

    fn take(&mut self, out: &mut Vec<u8>) {
        out.append(self.pages.inner_mut());
    }
}

impl fmt::Debug for OggOpusWriter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("OggOpusWriter")
            .field("packets", &self.packets)
            .finish_non_exhaustive()
    }
}

/// Where the last whole page in `octets` ends: what is behind it was cut. Nothing if there is none.
#[must_use]
pub fn last_ogg_page(octets: &[u8]) -> Option<usize> {
    (0..octets.len())
        .rev()
        .find_map(|at| Some(at + page_length(&octets[at..])?))
}

/// How long the page is that begins here, if it does and is whole (RFC 3533 section 6).
fn page_length(octets: &[u8]) -> Option<usize> {
    const HEADER: usize = 27;
    let segments = match octets {
        // The pattern, the version, and flags of which there are three.
        [b'O', b'g', b'g', b'S', 0, 0..=7, ..] => usize::from(*octets.get(HEADER - 1)?),
        _ => return None,
    };
    let sizes = octets.get(HEADER..HEADER + segments)?;
    let content: usize = sizes.iter().map(|size| usize::from(*size)).sum();
    let length = HEADER + segments + content;
    (length <= octets.len()).then_some(length)
}

/// The identification header (section 5.1).
fn head() -> Vec<u8> {
    const VERSION: u8 = 1;
    /// Channels are those of a loudspeaker each, left and right (section 5.1.1.2).
    const FAMILY: u8 = 1;
    let mut head = b"OpusHead".to_vec();
    head.extend([VERSION, CHANNELS as u8]);
    head.extend(((LOOKAHEAD * TICKS) as u16).to_le_bytes());
    head.extend(SAMPLE_RATE.to_le_bytes());
    // No gain; then the family, streams, coupled ones, and the stream of each channel.
    head.extend([0, 0, FAMILY, CHANNELS as u8, 0, 0, 1]);
    head
}

/// The comment header (section 5.2): who made it, and no comments.
fn tags() -> Vec<u8> {
    const VENDOR: &[u8] = b"callplane";
    let mut tags = b"OpusTags".to_vec();
    tags.extend((VENDOR.len() as u32).to_le_bytes());
    tags.extend(VENDOR);
    tags.extend(0u32.to_le_bytes());
    tags
}
