//! Both directions against libsrtp 2 (Debian: gcc, libsrtp2-dev), which is what most phones have.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use callplane_srtp::{KeyingMaterial, Profile, Protector, Unprotector};

use crate::{octets, rtcp, rtp};

/// Ends well before the wrap, over it, and well after.
const SEQUENCES: [u16; 7] = [20_000, 50_000, 65_534, 65_535, 0, 1, 30_000];

/// Builds the other end; none where the library or a compiler is missing.
fn peer() -> Option<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/libsrtp_peer.c");
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("libsrtp_peer");
    let built = Command::new("gcc")
        .args(["-Wall", "-Werror", "-O1", "-o"])
        .args([&program, &source])
        .arg("-lsrtp2")
        .output();
    match built {
        Ok(output) if output.status.success() => Some(program),
        Ok(output) if Path::new("/usr/include/srtp2/srtp.h").exists() => {
            panic!("{}", String::from_utf8_lossy(&output.stderr))
        }
        Ok(_) | Err(_) => {
            println!("SKIPPED: gcc and libsrtp2-dev are not installed");
            None
        }
    }
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// What the other end makes of `(action, protocol, packet)`.
fn ask(
    program: &Path,
    profile: Profile,
    key: &[u8],
    requests: &[(&str, &str, Vec<u8>)],
) -> Vec<Vec<u8>> {
    let mut child = Command::new(program)
        .args([profile.suite(), &hex(key)])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines: String = requests
        .iter()
        .map(|(action, protocol, packet)| format!("{action} {protocol} {}\n", hex(packet)))
        .collect();
    let mut input = child.stdin.take().unwrap();
    input.write_all(lines.as_bytes()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{profile}: {}", output.status);
    let text = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<_> = text
        .lines()
        .map(|line| {
            assert!(!line.starts_with("error"), "{profile}: {line}");
            octets(line)
        })
        .collect();
    assert_eq!(answers.len(), requests.len());
    answers
}

/// Media with contributors and an extension, of two sources, and reports.
fn packets() -> Vec<(&'static str, Vec<u8>)> {
    let mut packets = Vec::new();
    for sequence in SEQUENCES {
        packets.push(("rtp", rtp(7, sequence)));
        let mut full = octets("b2e01234000003e8deadbeef0000000100000002bede000110ff0000");
        full[2..4].copy_from_slice(&sequence.to_be_bytes());
        full.extend([9; 33]);
        // One octet of padding.
        full.push(1);
        packets.push(("rtp", full));
        packets.push(("rtcp", rtcp(7)));
    }
    packets
}

#[test]
fn libsrtp_opens_what_we_protect_and_we_what_it_does() {
    let Some(program) = peer() else { return };
    for profile in Profile::ALL {
        let key: Vec<u8> = (0..profile.keying_length() as u8)
            .map(|n| n ^ 0x5A)
            .collect();
        let keys = KeyingMaterial::new(profile, &key).unwrap();
        let plain = packets();

        let mut sender = Protector::new(&keys);
        let mut requests = Vec::new();
        for (protocol, packet) in &plain {
            let mut packet = packet.clone();
            match *protocol {
                "rtp" => sender.protect_rtp(&mut packet).unwrap(),
                _ => sender.protect_rtcp(&mut packet).unwrap(),
            }
            requests.push(("open", *protocol, packet));
        }
        let opened = ask(&program, profile, &key, &requests);
        assert!(
            plain.iter().map(|(_, packet)| packet).eq(&opened),
            "{profile}"
        );

        let requests: Vec<_> = plain
            .iter()
            .map(|(protocol, packet)| ("protect", *protocol, packet.clone()))
            .collect();
        let mut receiver = Unprotector::new(&keys);
        let protected = ask(&program, profile, &key, &requests);
        for ((protocol, expected), mut packet) in plain.into_iter().zip(protected) {
            let opened = match protocol {
                "rtp" => receiver.unprotect_rtp(&mut packet),
                _ => receiver.unprotect_rtcp(&mut packet),
            };
            assert_eq!(opened.unwrap(), expected, "{profile}");
        }
    }
}
