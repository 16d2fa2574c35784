//! Writes compounds.

use crate::rtcp::read::{
    CNAME, EXTENDED_REPORT, GOODBYE, RECEIVER_REPORT, SENDER_REPORT, SOURCE_DESCRIPTION,
    VOIP_METRICS, VOIP_METRICS_WORDS,
};
use crate::rtcp::{ControlPacket, ReportBlock, VoipMetrics};

/// The most of anything in one packet: its counter has five bits.
const MAX_COUNT: usize = 31;

/// Appends a compound to `out`. What exceeds the format (more than 31 entries, texts above 255
/// octets) is cut; [`ControlPacket::Other`], whose body is unknown, is left out.
pub fn write(packets: &[ControlPacket], out: &mut Vec<u8>) {
    for packet in packets {
        match packet {
            ControlPacket::SenderReport {
                ssrc,
                info,
                reports,
            } => framed(SENDER_REPORT, reports.len(), out, |out| {
                word(*ssrc, out);
                out.extend_from_slice(&info.ntp.to_be_bytes());
                word(info.timestamp, out);
                word(info.packets, out);
                word(info.octets, out);
                write_reports(reports, out);
            }),
            ControlPacket::ReceiverReport { ssrc, reports } => {
                framed(RECEIVER_REPORT, reports.len(), out, |out| {
                    word(*ssrc, out);
                    write_reports(reports, out);
                });
            }
            ControlPacket::SourceDescription(sources) => {
                framed(SOURCE_DESCRIPTION, sources.len(), out, |out| {
                    for (ssrc, name) in sources.iter().take(MAX_COUNT) {
                        word(*ssrc, out);
                        out.push(CNAME);
                        text(name, out);
                        out.push(0);
                        pad(out);
                    }
                });
            }
            ControlPacket::Goodbye { sources, reason } => {
                framed(GOODBYE, sources.len(), out, |out| {
                    sources.iter().take(MAX_COUNT).for_each(|s| word(*s, out));
                    if let Some(reason) = reason {
                        text(reason, out);
                        pad(out);
                    }
                });
            }
            ControlPacket::ExtendedReport { ssrc, voip } => {
                framed(EXTENDED_REPORT, 0, out, |out| {
                    word(*ssrc, out);
                    voip.iter()
                        .take(MAX_COUNT)
                        .for_each(|metrics| write_voip(metrics, out));
                });
            }
            ControlPacket::Other { .. } => {}
        }
    }
}

/// Header, body, then the length that has become known. Packets are whole words, so the padding of
/// texts may count from the start of the buffer only if that is whole words too: it counts from the
/// start of the packet.
fn framed(packet_type: u8, count: usize, out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    let mut packet = vec![2 << 6 | count.min(MAX_COUNT) as u8, packet_type, 0, 0];
    body(&mut packet);
    let words = (packet.len() / 4 - 1) as u16;
    packet[2..4].copy_from_slice(&words.to_be_bytes());
    out.extend_from_slice(&packet);
}

fn write_reports(reports: &[ReportBlock], out: &mut Vec<u8>) {
    for report in reports.iter().take(MAX_COUNT) {
        word(report.ssrc, out);
        let lost = report.cumulative_lost.clamp(-0x80_0000, 0x7F_FFFF);
        let lost = lost.cast_unsigned() & 0xFF_FFFF;
        word(u32::from(report.fraction_lost) << 24 | lost, out);
        word(report.highest_sequence, out);
        word(report.jitter, out);
        word(report.last_sender_report, out);
        word(report.delay_since_last_sender_report, out);
    }
}

/// What we do not measure is written as unknown (RFC 3611 section 4.7).
fn write_voip(metrics: &VoipMetrics, out: &mut Vec<u8>) {
    const UNKNOWN: u8 = 127;
    out.extend_from_slice(&[VOIP_METRICS, 0]);
    out.extend_from_slice(&VOIP_METRICS_WORDS.to_be_bytes());
    word(metrics.ssrc, out);
    out.extend_from_slice(&[metrics.loss_rate, metrics.discard_rate, 0, 0, 0, 0, 0, 0]);
    out.extend_from_slice(&metrics.round_trip_ms.to_be_bytes());
    out.extend_from_slice(&metrics.end_system_delay_ms.to_be_bytes());
    // Signal, noise, residual echo; Gmin of 16, as the RFC recommends; both R factors; MOS.
    out.extend_from_slice(&[UNKNOWN, UNKNOWN, UNKNOWN, 16, UNKNOWN, UNKNOWN, UNKNOWN]);
    out.extend_from_slice(&[metrics.mos_cq, 0, 0]);
    out.extend_from_slice(&metrics.buffer_nominal_ms.to_be_bytes());
    out.extend_from_slice(&metrics.buffer_max_ms.to_be_bytes());
    // The most it can be if the network gets worse: what it can be.
    out.extend_from_slice(&metrics.buffer_max_ms.to_be_bytes());
}

fn word(value: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(&value.to_be_bytes());
}

fn text(value: &str, out: &mut Vec<u8>) {
    let mut end = value.len().min(255);
    while !value.is_char_boundary(end) {
        end -= 1;
    }
    out.push(end as u8);
    out.extend_from_slice(&value.as_bytes()[..end]);
}

fn pad(packet: &mut Vec<u8>) {
    packet.resize(packet.len().next_multiple_of(4), 0);
}
