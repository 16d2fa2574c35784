use std::time::Duration;

use callplane_webrtc::{
    Closed, Fragment, FragmentError, OfferError, Output, TransportAddress, Voice,
};
use str0m::format::Codec;

use crate::browser::{Pair, share, tone};
use crate::demux::check;

const SECOND: usize = 50;

fn talk(pair: &mut Pair, frames: usize) {
    for frame in 0..frames {
        pair.frame(&tone(700.0, frame), &tone(400.0, frame));
    }
}

#[test]
fn both_sides_hear_each_other_in_opus() {
    let mut pair = Pair::new(Codec::Opus);
    assert_eq!(pair.peer.voice(), Voice::Opus);
    pair.connect();
    pair.heard.clear();
    talk(&mut pair, 3 * SECOND);
    let caller = share(&pair.heard[8_000..16_000], 8_000.0, 700.0);
    assert!(
        caller > 0.9,
        "{caller} of what the agent hears is the caller"
    );
    let heard = &pair.browser.heard;
    let agent = share(&heard[heard.len() - 16_000..], 16_000.0, 400.0);
    assert!(agent > 0.9, "{agent} of what the caller hears is the agent");
    let received = pair.peer.received();
    assert_eq!((received.lost, received.late), (0, 0));
    assert!(received.packets >= 3 * SECOND as u64);
    assert!(pair.peer.sent_packets() >= 3 * SECOND as u32);
}

#[test]
fn who_offers_g711_alone_is_spoken_to_in_it() {
    let mut pair = Pair::new(Codec::PCMA);
    assert_eq!(pair.peer.voice(), Voice::Pcma);
    pair.connect();
    pair.heard.clear();
    talk(&mut pair, 2 * SECOND);
    assert!(share(&pair.heard[8_000..], 8_000.0, 700.0) > 0.9);
    let heard = &pair.browser.heard;
    assert!(share(&heard[heard.len() - 8_000..], 8_000.0, 400.0) > 0.9);
}

#[test]
fn lost_packets_are_made_up_and_counted() {
    let mut pair = Pair::new(Codec::Opus);
    pair.connect();
    pair.loses_each = 20;
    pair.heard.clear();
    talk(&mut pair, 6 * SECOND);
    let received = pair.peer.received();
    assert!((5..=25).contains(&received.lost), "{received:?}");
    assert!(share(&pair.heard[8_000..], 8_000.0, 700.0) > 0.8);
}

#[test]
fn keys_arrive_once() {
    let mut pair = Pair::new(Codec::Opus);
    pair.connect();
    talk(&mut pair, SECOND);
    for (event, at) in [(5, 0), (11, 40_000)] {
        for duration in [960_u16, 1_920, 2_880, 2_880, 2_880] {
            let [high, low] = duration.to_be_bytes();
            let ends = if duration == 2_880 { 0x8A } else { 0x0A };
            let now = pair.now;
            pair.browser
                .write(now, Codec::Tele, &[event, ends, high, low], 1_000_000 + at);
            pair.frame(&[0; 160], &[0; 160]);
        }
    }
    let keys = pair.outputs.iter().filter_map(|output| match output {
        Output::Key(key) => Some(*key),
        _ => None,
    });
    assert_eq!(keys.collect::<String>(), "5#");
    talk(&mut pair, SECOND);
    assert_eq!(pair.peer.received().lost, 0, "keys are no lost audio");
}

#[test]
fn who_knows_no_telephone_events_presses_keys_by_their_tones() {
    let mut pair = Pair::without_events();
    pair.connect();
    for (low, high) in [(852.0, 1_336.0), (697.0, 1_209.0)] {
        for frame in 0..SECOND {
            let (low, high) = (tone(low, frame), tone(high, frame));
            let both = std::array::from_fn(|place| match frame {
                5..15 => low[place] / 2 + high[place] / 2,
                _ => 0,
            });
            pair.frame(&both, &[0; 160]);
        }
    }
    let pressed = [Output::Connected, Output::Key('8'), Output::Key('1')];
    assert_eq!(pair.outputs, pressed);
}

#[test]
fn a_pause_of_the_agent_costs_no_packets() {
    let mut pair = Pair::new(Codec::Opus);
    pair.connect();
    talk(&mut pair, SECOND);
    let before = pair.peer.sent_packets();
    for _ in 0..4 * SECOND {
        pair.frame(&[0; 160], &[0; 160]);
    }
    let sent = pair.peer.sent_packets() - before;
    assert!(
        (10..=30).contains(&sent),
        "{sent} packets in four seconds of silence"
    );
}

#[test]
fn a_browser_that_hangs_up_closes_the_call_at_once() {
    let mut pair = Pair::new(Codec::Opus);
    pair.connect();
    pair.browser.rtc.close().unwrap();
    pair.until(Duration::from_secs(2), |pair| {
        pair.outputs.contains(&Output::Closed(Closed::ByPeer))
    });
}

#[test]
fn a_browser_that_is_gone_is_given_up_after_thirty_seconds() {
    let mut pair = Pair::new(Codec::Opus);
    pair.connect();
    talk(&mut pair, SECOND);
    pair.reachable = false;
    let gone = pair.now;
    pair.until(Duration::from_secs(40), |pair| {
        pair.outputs
            .contains(&Output::Closed(Closed::ConsentExpired))
    });
    let waited = pair.now - gone;
    assert!((25..=32).contains(&waited.as_secs()), "{waited:?}");
}

#[test]
fn a_network_that_comes_back_in_time_is_no_end() {
    let mut pair = Pair::new(Codec::Opus);
    pair.connect();
    pair.reachable = false;
    for _ in 0..8 * SECOND {
        pair.frame(&[0; 160], &[0; 160]);
    }
    pair.reachable = true;
    for _ in 0..40 * SECOND {
        pair.frame(&[0; 160], &[0; 160]);
    }
    assert_eq!(pair.outputs, [Output::Connected]);
}

#[test]
fn a_browser_whose_address_changes_is_heard_again_from_the_new_one() {
    let mut pair = Pair::new(Codec::Opus);
    pair.connect();
    talk(&mut pair, SECOND);
    // What is sent to the old one reaches nobody.
    pair.seen = "203.0.113.9:61000".parse().unwrap();
    // The agent hears on at once. The browser does when the old address has sent no checks for a while: to follow at once
    // would be to follow anybody who forges them.
    pair.heard.clear();
    talk(&mut pair, 8 * SECOND);
    assert!(share(&pair.heard[24_000..], 8_000.0, 700.0) > 0.9);
    talk(&mut pair, 9 * SECOND);
    pair.heard.clear();
    pair.browser.heard.clear();
    talk(&mut pair, 2 * SECOND);
    assert!(share(&pair.heard[8_000..], 8_000.0, 700.0) > 0.9);
    let heard = &pair.browser.heard;
    assert!(heard.len() > 16_000, "{} samples", heard.len());
    assert!(share(&heard[heard.len() - 16_000..], 16_000.0, 400.0) > 0.9);
    assert_eq!(pair.outputs, [Output::Connected]);
}

#[test]
fn hanging_up_tells_the_browser() {
    let mut pair = Pair::new(Codec::Opus);
    pair.connect();
    let now = pair.now;
    pair.peer.close(now);
    pair.until(Duration::from_secs(2), |pair| pair.browser.closed);
}

#[test]
fn ice_restarts_by_a_fragment_with_other_credentials() {
    let mut pair = Pair::new(Codec::Opus);
    pair.connect();
    let before = pair.peer.ufrag().to_owned();
    let text = "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\n";
    let answer = pair.trickle(text).unwrap().unwrap();
    assert_ne!(pair.peer.ufrag(), before);
    assert!(
        answer.contains(&format!("a=ice-ufrag:{}\r\n", pair.peer.ufrag())),
        "{answer}"
    );
    assert!(
        answer.contains("a=candidate:") && answer.contains("192.0.2.1 40000"),
        "{answer}"
    );
}

#[test]
fn a_restart_by_offer_goes_on_with_the_same_call() {
    let mut pair = Pair::new(Codec::Opus);
    pair.connect();
    talk(&mut pair, SECOND);
    let mut changes = pair.browser.rtc.sdp_api();
    changes.ice_restart(true);
    let (offer, pending) = changes.apply().unwrap();
    let answer = pair.restart(&offer.to_sdp_string()).unwrap();
    pair.browser.accept(pending, &answer);
    pair.heard.clear();
    talk(&mut pair, 4 * SECOND);
    assert!(share(&pair.heard[3 * 8_000..], 8_000.0, 700.0) > 0.9);
    assert_eq!(pair.outputs, [Output::Connected]);
}

/// An offer of the browser that restarts ICE, which the peer is not told of.
fn restarted(pair: &mut Pair) -> String {
    let mut changes = pair.browser.rtc.sdp_api();
    changes.ice_restart(true);
    let (offer, _) = changes.apply().unwrap();
    offer.to_sdp_string()
}

#[test]
fn an_offer_that_is_refused_leaves_the_call_as_it_was() {
    let mut pair = Pair::new(Codec::Opus);
    pair.connect();
    talk(&mut pair, SECOND);
    let ufrag = pair.peer.ufrag().to_owned();
    let offer = restarted(&mut pair);
    let mid = pair.browser.mid.to_string();
    let of_another = offer.replace(&mid, "other");
    let line = offer.find("a=fingerprint:").unwrap();
    let first = line + offer[line..].find(' ').unwrap() + 1;
    let mut certificate = offer.clone();
    let digit = if offer.as_bytes()[first] == b'0' {
        "1"
    } else {
        "0"
    };
    certificate.replace_range(first..=first, digit);
    let codec = offer
        .replace("opus/48000/2", "speex/16000")
        .replace("SAVPF 111 0", "SAVPF 0");
    for (what, offer) in [
        ("audio of another name", of_another),
        ("another certificate", certificate),
        ("another codec", codec),
    ] {
        let refused = pair.restart(&offer).expect_err(what);
        let as_meant = match what {
            "audio of another name" => matches!(refused, OfferError::Refused(_)),
            "another certificate" => refused == OfferError::OtherFingerprint,
            _ => refused == OfferError::OtherCodec("opus"),
        };
        assert!(as_meant, "{what}: {refused:?}");
        assert_eq!(pair.peer.ufrag(), ufrag, "{what}");
    }
    pair.heard.clear();
    // Longer than a way in that is not checked any more stays open.
    talk(&mut pair, 40 * SECOND);
    let last = pair.heard.len() - 8_000;
    assert!(share(&pair.heard[last..], 8_000.0, 700.0) > 0.9);
    assert_eq!(pair.outputs, [Output::Connected]);
}

#[test]
fn of_two_offers_that_were_read_at_once_one_is_taken() {
    let mut pair = Pair::new(Codec::Opus);
    pair.connect();
    let offer = restarted(&mut pair);
    let (one, two) = (pair.read(&offer).unwrap(), pair.read(&offer).unwrap());
    let now = pair.now;
    assert!(pair.peer.restart(now, one).is_ok());
    let ufrag = pair.peer.ufrag().to_owned();
    assert_eq!(pair.peer.restart(now, two), Err(OfferError::Outdated));
    let stale = Fragment::parse("a=ice-ufrag:old\r\na=ice-pwd:x\r\n").unwrap();
    assert_eq!(pair.peer.trickle(now, stale), Err(FragmentError::Outdated));
    assert_eq!(pair.peer.ufrag(), ufrag);
}

#[test]
fn another_offer_without_a_restart_changes_nothing_that_is_heard() {
    let mut pair = Pair::new(Codec::Opus);
    pair.connect();
    talk(&mut pair, SECOND);
    let ufrag = pair.peer.ufrag().to_owned();
    let mut changes = pair.browser.rtc.sdp_api();
    changes.add_channel("more".to_owned());
    let (offer, pending) = changes.apply().unwrap();
    let answer = pair.restart(&offer.to_sdp_string()).unwrap();
    pair.browser.accept(pending, &answer);
    assert_eq!(pair.peer.ufrag(), ufrag);
    pair.heard.clear();
    talk(&mut pair, 4 * SECOND);
    assert!(share(&pair.heard[8_000..], 8_000.0, 700.0) > 0.9);
    let heard = &pair.browser.heard;
    assert!(share(&heard[heard.len() - 16_000..], 16_000.0, 400.0) > 0.9);
    assert_eq!(pair.peer.received().lost, 0);
    assert_eq!(pair.outputs, [Output::Connected]);
}

#[test]
fn a_restart_that_nobody_comes_to_ends_the_call() {
    let mut pair = Pair::new(Codec::Opus);
    pair.connect();
    pair.reachable = false;
    let text = "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdef012345\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n";
    let began = pair.now;
    assert!(pair.trickle(text).unwrap().is_some());
    pair.until(Duration::from_secs(40), |pair| {
        pair.outputs
            .contains(&Output::Closed(Closed::ConsentExpired))
    });
    let waited = pair.now - began;
    assert!((25..=32).contains(&waited.as_secs()), "{waited:?}");
}

#[test]
fn candidates_trickle_in_without_a_restart() {
    let mut pair = Pair::new(Codec::Opus);
    let (ufrag, password) = {
        let credentials = pair.browser.rtc.direct_api().local_ice_credentials();
        (credentials.ufrag, credentials.pass)
    };
    let text = format!(
        "a=ice-ufrag:{ufrag}\r\na=ice-pwd:{password}\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n\
         a=candidate:1 1 udp 2122260223 198.51.100.7 50000 typ host\r\n\
         a=candidate:2 1 udp 2122260222 4f2c.local 50001 typ host\r\na=end-of-candidates\r\n"
    );
    assert_eq!(pair.trickle(&text), Ok(None));
    pair.connect();
}

#[test]
fn a_check_without_the_password_is_not_answered() {
    let mut pair = Pair::new(Codec::Opus);
    pair.connect();
    let theirs = pair.browser.rtc.direct_api().local_ice_credentials().ufrag;
    let name = format!("{}:{theirs}", pair.peer.ufrag());
    let (now, stranger) = (pair.now, "203.0.113.5:4000".parse().unwrap());
    pair.peer
        .handle(now, TransportAddress::udp(stranger), &check(&name));
    assert_eq!(pair.peer.poll(), None);
}

#[test]
fn garbage_changes_nothing() {
    let mut pair = Pair::new(Codec::Opus);
    pair.connect();
    let now = pair.now;
    let from = TransportAddress::udp(pair.browser.here);
    for length in 0..200_usize {
        for first in [0_u8, 20, 22, 63, 128, 200, 255] {
            let mut datagram = vec![0xA5; length];
            if let Some(octet) = datagram.first_mut() {
                *octet = first;
            }
            pair.peer.handle(now, from, &datagram);
        }
    }
    assert_eq!(pair.peer.poll(), None, "garbage was answered");
    pair.heard.clear();
    talk(&mut pair, 2 * SECOND);
    assert!(share(&pair.heard[8_000..], 8_000.0, 700.0) > 0.9);
}
