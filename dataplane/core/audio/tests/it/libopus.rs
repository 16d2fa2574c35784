//! Against libopus, where there is one: it decodes what we encode, and we what it does.

use std::io::Write;
use std::process::{Command, Stdio};

use callplane_audio::{OPUS_MAX_OCTETS, OPUS_MAX_SAMPLES, OpusConfig, OpusDecoder, OpusEncoder};

use crate::support::{decibels, likeness, rms, voice_like, words};

/// Packets have their length before them, in two octets, the low one first.
const SCRIPT: &str = r"
import ctypes, ctypes.util, struct, sys
name = ctypes.util.find_library('opus')
if name is None:
    sys.exit(77)
opus = ctypes.CDLL(name)
opus.opus_decoder_create.restype = opus.opus_encoder_create.restype = ctypes.c_void_p
octets, error = sys.stdin.buffer.read(), ctypes.c_int()
if sys.argv[1] == 'decode':
    decoder = ctypes.c_void_p(opus.opus_decoder_create(16000, 1, ctypes.byref(error)))
    samples = (ctypes.c_int16 * 1920)()
    while octets:
        length, = struct.unpack_from('<H', octets)
        packet, octets = octets[2:2 + length], octets[2 + length:]
        made = opus.opus_decode(decoder, packet, length, samples, 1920, 0)
        assert made > 0, made
        sys.stdout.buffer.write(bytes(samples)[:2 * made])
else:
    encoder = ctypes.c_void_p(opus.opus_encoder_create(16000, 1, 2048, ctypes.byref(error)))
    # OPUS_SET_BITRATE
    opus.opus_encoder_ctl(encoder, 4002, ctypes.c_int(24000))
    packet = ctypes.create_string_buffer(1275)
    for start in range(0, len(octets) - 639, 640):
        length = opus.opus_encode(encoder, octets[start:start + 640], 320, packet, 1275)
        assert length > 0, length
        sys.stdout.buffer.write(struct.pack('<H', length) + packet.raw[:length])
";

/// Nothing, and a word about it, without Python or libopus.
fn libopus(what: &str, input: &[u8]) -> Option<Vec<u8>> {
    let child = Command::new("python3")
        .args(["-c", SCRIPT, what])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        println!("SKIPPED: python3 is not installed");
        return None;
    };
    // The script reads all of its input before it writes; it is gone already without libopus.
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    if output.status.code() == Some(77) {
        println!("SKIPPED: libopus is not installed");
        return None;
    }
    assert!(output.status.success());
    Some(output.stdout)
}

fn decode(packets: &[u8]) -> Vec<i16> {
    let mut decoder = OpusDecoder::default();
    let mut samples = Vec::new();
    let mut rest = packets;
    while let [low, high, after @ ..] = rest {
        let (packet, after) = after.split_at(usize::from(u16::from_le_bytes([*low, *high])));
        rest = after;
        let mut frame = [0; OPUS_MAX_SAMPLES];
        let length = decoder.decode(packet, &mut frame).unwrap();
        samples.extend_from_slice(&frame[..length]);
    }
    samples
}

fn same_signal(ours: &[i16], theirs: &[i16]) {
    assert_eq!(ours.len(), theirs.len());
    let error: Vec<i16> = ours
        .iter()
        .zip(theirs)
        .map(|(a, b)| a.saturating_sub(*b))
        .collect();
    let ratio = decibels(rms(theirs) / rms(&error).max(0.01));
    println!("decoders differ by {ratio:.1} dB below the signal");
    assert!(ratio > 40.0, "{ratio} dB");
}

#[test]
fn libopus_decodes_what_we_encode_as_we_do() {
    let voice = voice_like(48_000);
    for bitrate in [12_000, 24_000, 64_000] {
        let mut encoder = OpusEncoder::new(OpusConfig {
            bitrate,
            expected_loss_percent: 10,
            ..OpusConfig::default()
        });
        let mut packets = Vec::new();
        for frame in voice.chunks_exact(320) {
            let mut packet = [0; OPUS_MAX_OCTETS];
            let length = encoder.encode(frame, &mut packet).unwrap();
            packets.extend_from_slice(&(length as u16).to_le_bytes());
            packets.extend_from_slice(&packet[..length]);
        }
        let Some(theirs) = libopus("decode", &packets) else {
            return;
        };
        same_signal(&decode(&packets), &words(&theirs));
        let likeness = likeness(&words(&theirs), &voice, 0..400);
        println!("{bitrate} bit/s: {likeness:.4}");
        assert!(likeness > 0.9, "{likeness}");
    }
}

#[test]
fn we_decode_what_libopus_encodes_as_it_does() {
    let voice = voice_like(48_000);
    let octets: Vec<u8> = voice
        .iter()
        .flat_map(|sample| sample.to_le_bytes())
        .collect();
    let Some(packets) = libopus("encode", &octets) else {
        return;
    };
    let theirs = libopus("decode", &packets).unwrap();
    let ours = decode(&packets);
    same_signal(&ours, &words(&theirs));
    let likeness = likeness(&ours, &voice, 0..400);
    println!("{likeness:.4}");
    assert!(likeness > 0.95, "{likeness}");
}
