use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use callplane_e2e::phones::{Caller, Keys, Sipp};
use callplane_e2e::sound::{Wav, best_match};
use callplane_e2e::{download, run, until};
use callplane_store::calls;

use crate::world::{NUMBER, World, digits_flow, free_port, json_of, metrics, recording_of};

const PATIENCE: Duration = Duration::from_secs(30);

fn presses(digits: &str) -> Caller {
    Caller {
        steps: vec![(2.0, digits.to_owned())],
        ..Caller::listening("+15557770001")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn digits_of_a_caller_arrive_and_the_call_is_recorded() {
    let world = World::new(digits_flow()).await;
    let node = world.node(&[]).await;
    let phone = world.call(&presses("1234"), 1);
    phone.finish(PATIENCE).await.unwrap();
    let call = world.ended_call(&node).await;
    assert_eq!(call["variables"]["pin"], "1234");
    assert_eq!(call["call"]["status"], "completed");
    assert_eq!(call["call"]["outcome"], "ordered");
    assert_eq!(call["call"]["hangupCause"], "normal_clearing");
    assert_eq!(call["call"]["hangupParty"], "callee");
    assert_eq!(call["call"]["to"], NUMBER);
    assert_eq!(call["call"]["from"], "+15557770001");
    assert_eq!(call["legs"][0]["codec"], "PCMU");
    let path = call["call"]["recordingPath"].as_str().unwrap();
    let sealed = std::fs::read(world.data().join("recordings").join(path)).unwrap();
    let id = call["call"]["id"].as_str().unwrap();
    let control = node.control_address();
    let wav = recording_of(control, id).await.unwrap().unwrap();
    assert_eq!(&wav[..4], b"RIFF");
    // A player that seeks gets what it asks for.
    let address = control.to_string();
    let path = format!("/v1/calls/{id}/recording");
    let part = download(&address, &path, Some("40000-40099"));
    assert_eq!(part.await.unwrap(), (206, wav[40_000..40_100].to_vec()));
    // Nothing of the audio lies on the disk in clear: not one run of samples that are no silence.
    let is_loud = |run: &&[u8]| run.iter().any(|octet| (2..254).contains(octet));
    let loud: Vec<&[u8]> = wav[44..].chunks(32).filter(is_loud).step_by(50).collect();
    assert!(loud.len() > 5, "{} runs", loud.len());
    for run in loud {
        assert!(!sealed.windows(32).any(|octets| octets == run));
    }
    let row = format!(
        "SELECT (sha256 = sha256(decode('{}', 'hex')) AND size_bytes = {} AND encryption = 'AES-256-GCM'
                 AND encryption_key_id IS NOT NULL)::text FROM {}.call_recordings",
        sealed.iter().map(|octet| format!("{octet:02x}")).collect::<String>(),
        sealed.len(),
        world.tenant.schema()
    );
    assert_eq!(world.database.ask(&row).await.unwrap(), "true");
    assert_eq!(
        wav.len() - 44,
        wav[40..44]
            .iter()
            .rev()
            .fold(0, |size, byte| size << 8 | usize::from(*byte))
    );
    assert!(wav.len() > 2 * 32_000, "more than two seconds of stereo");
    node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_call_knows_is_in_its_tables() {
    let world = World::new(digits_flow()).await;
    let node = world.node(&[]).await;
    let phone = world.call(&presses("1234"), 1);
    phone.finish(PATIENCE).await.unwrap();
    world.ended_call(&node).await;
    let database = &world.tenant.database;
    let listed = calls::list(database, None, 1).await.unwrap();
    let call = calls::show(database, listed[0].id).await.unwrap();

    assert_eq!(call["caller_id_area_code"], "555");
    assert!(call["flow_id"].is_string());
    let segments = call["segments"].as_array().unwrap();
    assert!(!segments.is_empty());
    for segment in segments {
        assert!(segment["flow_node_id"].is_string(), "{segment}");
    }
    let events: Vec<&str> = call["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["event_type"].as_str().unwrap())
        .collect();
    assert_eq!(events[..2], ["initiated", "answered"]);
    assert!(events.contains(&"connected") && events.contains(&"recording_started"));
    let components: Vec<(&str, &str)> = call["costs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|cost| {
            let word = |column: &str| cost[column].as_str().unwrap();
            (word("component"), word("unit"))
        })
        .collect();
    assert!(components.contains(&("telephony", "minute")));
    assert!(components.contains(&("tts", "character")));
    assert!(components.contains(&("recording", "second")));
    // SIPp sends no reports: what it heard nobody knows.
    assert_eq!(call["quality"].as_array().map(Vec::len), Some(1));
    let quality = &call["quality"][0];
    assert_eq!(quality["stream"], "received");
    assert_eq!(quality["mos_score"], call["mos_score"]);
    assert_eq!(quality["codec"], "PCMU");
    assert!(quality["r_factor"].as_f64().unwrap() > 50.0);
    assert_eq!(call["signatures"][0]["verification"], "no_signature");
    node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_over_the_slots_is_refused_and_says_when_to_come_back() {
    let world = World::new(digits_flow()).await;
    let node = world.node(&["--slots", "1"]).await;
    let first = world.call(&presses("1234"), 1);
    until("the slot is taken", PATIENCE, async || {
        let calls = json_of(node.control_address(), "/v1/calls").await?;
        Ok((calls["calls"][0]["status"] == "in_progress").then_some(()))
    })
    .await
    .unwrap();
    let second = world.call(&presses("1234"), 1).finish(PATIENCE).await;
    let refusal = second.unwrap_err().to_string();
    assert!(refusal.contains("503"), "{refusal}");
    assert!(refusal.contains("Retry-After: 5"), "{refusal}");
    first.finish(PATIENCE).await.unwrap();
    let blocked = until("the refusal is recorded", PATIENCE, async || {
        let calls = json_of(node.control_address(), "/v1/calls").await?;
        let calls = calls["calls"].as_array().cloned().unwrap_or_default();
        Ok(calls.into_iter().find(|call| call["status"] == "blocked"))
    })
    .await
    .unwrap();
    assert_eq!(blocked["hangupCause"], "node_full");
    let path = format!("/v1/calls/{}/trace", blocked["id"].as_str().unwrap());
    let trace = json_of(node.control_address(), &path).await.unwrap();
    let last = trace["ladder"].as_array().unwrap().iter().rev();
    let mut answers = last.filter_map(|step| step["startLine"].as_str());
    assert!(
        answers.any(|line| line.starts_with("SIP/2.0 503")),
        "{trace}"
    );
    node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_is_not_ours_and_a_stranger_are_turned_away() {
    let world = World::new(digits_flow()).await;
    let node = world.node(&[]).await;
    let folder = world.folder.path().join("phones");
    let local = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let caller = presses("1");
    let phone = Sipp::call(&folder, local, world.sip(), "+15550000000", &caller, 1).unwrap();
    let refusal = phone.finish(PATIENCE).await.unwrap_err().to_string();
    assert!(refusal.contains("404"), "{refusal}");
    node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_calls_at_once_keep_their_digits_apart() {
    let mut flow = digits_flow();
    // The keys come late, and on a busy machine later still.
    flow["nodes"]["pin"]["collect"]["timeoutSeconds"] = 60.into();
    let world = World::new(flow).await;
    let node = world.node(&["--slots", "20"]).await;
    let callers = ["1111", "2222", "3333", "4444"];
    let number = |digits: &str| format!("+1555777{digits}");
    let phones: Vec<Sipp> = callers
        .iter()
        .map(|digits| {
            let caller = Caller {
                number: number(digits),
                // Late, so that on a busy machine the first is still there when the last has come.
                steps: vec![(4.0, (*digits).to_owned())],
                ..presses(digits)
            };
            world.call(&caller, 5)
        })
        .collect();
    until("all twenty talk at the same time", PATIENCE, async || {
        let active = metrics(&node).await.sum("callplane_calls_active", &[]);
        Ok((active == 20.0).then_some(()))
    })
    .await
    .unwrap();
    for phone in phones {
        phone.finish(PATIENCE).await.unwrap();
    }
    let control = node.control_address();
    let calls = until("all calls are recorded", PATIENCE, async || {
        let calls = json_of(control, "/v1/calls?limit=100").await?;
        let calls = calls["calls"].as_array().cloned().unwrap_or_default();
        let completed = calls.iter().filter(|call| call["status"] == "completed");
        Ok((completed.count() == 20).then_some(calls))
    })
    .await
    .unwrap();
    let mut recordings = BTreeSet::new();
    for call in calls {
        let path = format!("/v1/calls/{}", call["id"].as_str().unwrap());
        let document = json_of(control, &path).await.unwrap();
        let Some(digits) = document["variables"]["pin"].as_str() else {
            panic!("no digits arrived: {document:#}");
        };
        assert_eq!(call["from"], number(digits), "whose digits are these?");
        let recording = document["call"]["recordingPath"].as_str().unwrap();
        assert!(recordings.insert(recording.to_owned()), "{recording} twice");
    }
    let seen = metrics(&node).await;
    assert_eq!(seen.sum("callplane_call_setup_seconds_count", &[]), 20.0);
    assert_eq!(seen.sum("callplane_calls_total", &[]), 20.0);
    assert_eq!(seen.sum("callplane_calls_active", &[]), 0.0);
    let connections = seen.sum("callplane_database_connections", &["purpose=\"media\""]);
    let limit = seen.sum("callplane_database_connections_limit", &[]);
    assert!(
        (1.0..=limit).contains(&connections),
        "{connections} of {limit}"
    );
    // Each phone sends only to the port it was given.
    assert_eq!(seen.sum("callplane_rtp_packets_refused_total", &[]), 0.0);
    node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_come_by_info_arrive_and_each_is_answered() {
    let world = World::new(digits_flow()).await;
    let node = world.node(&[]).await;
    for (keys, number) in [
        (Keys::InfoRelay, "+15557770011"),
        (Keys::Info, "+15557770012"),
    ] {
        let caller = Caller {
            number: number.to_owned(),
            keys,
            ..presses("1234")
        };
        // Its scenario wants a 200 for each of them.
        world.call(&caller, 1).finish(PATIENCE).await.unwrap();
        let call = world.ended_call_from(&node, number).await;
        assert_eq!(call["variables"]["pin"], "1234", "{keys:?}");
        assert_eq!(call["call"]["outcome"], "ordered");
    }
    node.drain().await;
}

/// The speech that SIPp plays, as sox decodes it.
async fn captured_speech(folder: &Path) -> Vec<f32> {
    // Behind the headers of the file, of each packet in it, and of Ethernet, IPv4, UDP and RTP.
    const HEADERS: usize = 14 + 20 + 8 + 12;
    let capture = std::fs::read("/usr/share/sip-tester/g711a.pcap").unwrap();
    let (mut rest, mut payload) = (&capture[24..], Vec::new());
    while let Some((header, packets)) = rest.split_at_checked(16) {
        let length = u32::from_le_bytes(header[8..12].try_into().unwrap()) as usize;
        payload.extend_from_slice(&packets[HEADERS..length]);
        rest = &packets[length..];
    }
    let [raw, wav] = ["speech.al", "speech.wav"].map(|name| folder.join(name));
    std::fs::write(&raw, payload).unwrap();
    let (raw, made) = (raw.display().to_string(), wav.display().to_string());
    let sox = [
        "-t", "al", "-r", "8000", "-c", "1", &raw, "-b", "16", "-e", "signed", &made,
    ];
    run("sox", &sox, "").await.unwrap();
    Wav::read(&wav).unwrap().channel(0, 4_000)
}

#[tokio::test(flavor = "multi_thread")]
async fn speech_and_keys_that_sipp_plays_from_captures_arrive_as_they_were() {
    let mut flow = digits_flow();
    flow["nodes"]["pin"]["collect"]["timeoutSeconds"] = 60.into();
    let world = World::new(flow).await;
    let node = world.node(&[]).await;
    let caller = Caller {
        keys: Keys::Captures,
        steps: vec![(8.0, "1234".to_owned())],
        ..Caller::listening("+15557770013")
    };
    world.call(&caller, 1).finish(PATIENCE).await.unwrap();
    let call = world.ended_call(&node).await;
    assert_eq!(call["variables"]["pin"], "1234", "{call:#}");
    assert_eq!(call["legs"][0]["codec"], "PCMA");
    let id = call["call"]["id"].as_str().unwrap();
    let recording = recording_of(node.control_address(), id).await.unwrap();
    let folder = world.folder.path();
    let file = folder.join("recording.wav");
    std::fs::write(&file, recording.unwrap()).unwrap();
    let caller = Wav::read(&file).unwrap().channel(0, 4_000);
    let speech = captured_speech(folder).await;
    // In parts: what comes late moves all that follows.
    for part in speech.chunks_exact(2_000).step_by(4) {
        let (correlation, _) = best_match(&caller, part);
        assert!(correlation > 0.9, "{correlation}");
    }
    node.drain().await;
}
