//! Supervisors join running calls: baresip and SIP by hand call, aiortc and Chromium join.

use std::path::{Path, PathBuf};

use callplane_audio::{Cadence, Tone, ToneGenerator};
use callplane_e2e::phones::{Aiortc, AiortcOptions, Baresip, Chromium, ChromiumOptions, Speech};
use callplane_e2e::sound::{Wav, best_match, say};
use callplane_e2e::{Response, request, request_with, until};
use serde_json::{Value, json};

use crate::hand::Hand;
use crate::page::{inside, tab_to, text_of, until_state};
use crate::speech::speech_program;
use crate::trace::running;
use crate::webrtc::{OFFER, Open, PATIENCE, SDP, detail};
use crate::world::{NUMBER, digits_flow, metrics, phone_port, recording_of};

const CALLER: &str = "+15557770001";
/// What the agent says again and again.
const REPEATED: &str = "Are you still there? Please enter your number.";
/// What the caller and the supervisors say, in hertz.
const CALLER_TONE: f32 = 440.0;
const SUPERVISOR_TONE: f32 = 650.0;

/// A flow whose agent asks again and again, for two minutes.
fn insistent_flow() -> Value {
    let mut flow = digits_flow();
    let ask = &mut flow["nodes"]["pin"]["collect"];
    ask["prompt"] = REPEATED.into();
    ask["timeoutSeconds"] = 3.into();
    ask["retry"] = json!({"attempts": 10, "noInput": REPEATED});
    flow["nodes"]["again"] = flow["nodes"]["pin"].clone();
    flow["nodes"]["pin"]["edges"][0]["to"] = "again".into();
    flow
}

/// Seconds of silence and of a tone by turns, as 8 kHz.
fn tone_file(folder: &Path, name: &str, hertz: f32, pattern: &[(f64, bool)]) -> PathBuf {
    let mut tone = ToneGenerator::new(Tone::single(hertz, -12.0), Cadence::STEADY, 8_000);
    let mut samples = Vec::new();
    for (seconds, sounds) in pattern.iter().cycle().take(40) {
        let start = samples.len();
        samples.resize(start + (seconds * 8_000.0) as usize, 0);
        if *sounds {
            tone.fill(&mut samples[start..]);
        }
    }
    let file = folder.join(name);
    let wav = Wav {
        rate: 8_000,
        channels: 1,
        samples,
    };
    wav.write(&file).unwrap();
    file
}

/// How much of these samples, at 2 kHz, is a tone: 0 to 1.
fn share(samples: &[f32], hertz: f32) -> f32 {
    let angle = |at: usize| at as f32 * hertz * std::f32::consts::TAU / 2_000.0;
    let (mut sine, mut cosine, mut power) = (0.0, 0.0, 1e-6);
    for (at, sample) in samples.iter().enumerate() {
        sine += sample * angle(at).sin();
        cosine += sample * angle(at).cos();
        power += sample * sample;
    }
    2.0 * (sine * sine + cosine * cosine) / (samples.len() as f32 * power)
}

/// The last seconds, at 2 kHz.
fn last(wav: &Wav, seconds: usize) -> Vec<f32> {
    let samples = wav.channel(0, 2_000);
    samples[samples.len().saturating_sub(2_000 * seconds)..].to_vec()
}

/// The loudest half second of a tone.
fn loudest(samples: &[f32], hertz: f32) -> f32 {
    let parts = samples.chunks(1_000).filter(|part| part.len() == 1_000);
    parts.map(|part| share(part, hertz)).fold(0.0, f32::max)
}

impl Open {
    async fn mint_observer(&self, call: &str, wanted: &Value) -> Response {
        let control = self.node.control_address().to_string();
        let path = format!("/v1/calls/{call}/observers");
        let body = wanted.to_string();
        request("POST", &control, &path, "application/json", &body)
            .await
            .unwrap()
    }

    /// As `kubectl callplane call join` does.
    async fn observer(&self, call: &str, mode: &str) -> String {
        let wanted = json!({"mode": mode, "supervisor": "grace"});
        let minted = self.mint_observer(call, &wanted).await;
        assert_eq!(minted.status, 200, "{}", minted.body);
        let minted: Value = serde_json::from_str(&minted.body).unwrap();
        assert_eq!(minted["path"], format!("/observe/{call}"));
        assert_eq!(minted["singleUse"], true);
        minted["token"].as_str().unwrap().to_owned()
    }

    async fn join(&self, call: &str, mode: &str, options: &AiortcOptions) -> Aiortc {
        let token = self.observer(call, mode).await;
        let folder = self.world.folder.path().join("aiortc");
        let url = format!("http://{}/observe/{call}", self.whip());
        let mut joined = Aiortc::call(&folder, &url, &token, options).await.unwrap();
        joined.wait_for("connected", PATIENCE).await.unwrap();
        self.until_observed(mode, 1.0).await;
        joined
    }

    async fn until_observed(&self, mode: &str, wanted: f64) {
        let label = format!("mode=\"{mode}\"");
        until("the gauge counts supervisors", PATIENCE, async || {
            let seen = metrics(&self.node).await;
            let count = seen.sum("callplane_call_observers", &[&label]);
            Ok((count == wanted).then_some(()))
        })
        .await
        .unwrap();
    }

    async fn offer_to(&self, call: &str, token: &str, offer: &str) -> Response {
        self.post(&format!("/observe/{call}"), token, SDP, offer)
            .await
    }

    async fn noted(&self) -> Vec<Value> {
        let sql = format!(
            "SELECT coalesce(json_agg(after_values || jsonb_build_object('call', entity_id)
                             ORDER BY created_at), '[]')::text
               FROM {}.audit_logs WHERE entity_type = 'call_observer' AND action = 'key_issued'",
            self.world.tenant.schema()
        );
        serde_json::from_str(&self.world.database.ask(&sql).await.unwrap()).unwrap()
    }
}

/// A caller at baresip who hums now and then, also when the agent is silent.
async fn caller(open: &Open) -> Baresip {
    let address = ([127, 0, 0, 1], phone_port()).into();
    let folder = open.world.folder.path().join("caller");
    std::fs::create_dir_all(&folder).unwrap();
    let voice = tone_file(
        &folder,
        "voice.wav",
        CALLER_TONE,
        &[(5.0, false), (3.0, true)],
    );
    let mut phone = Baresip::speaking(Speech::PLAIN, &folder, address, CALLER, &voice)
        .await
        .unwrap();
    phone.dial(NUMBER, open.world.sip()).await.unwrap();
    phone.event("CALL_ESTABLISHED", PATIENCE).await.unwrap();
    phone
}

async fn until_heard(phone: &Baresip, what: &str, is_so: impl Fn(&Wav) -> bool) {
    until(what, PATIENCE, async || {
        Ok(is_so(&phone.heard()?).then_some(()))
    })
    .await
    .unwrap();
}

async fn until_longer(phone: &Baresip, seconds: f64) {
    let wanted = phone.heard().unwrap().seconds() + seconds;
    until_heard(phone, "time passes", |heard| heard.seconds() > wanted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_supervisor_hears_caller_and_agent_and_is_heard_when_they_talk() {
    let speech = speech_program().display().to_string();
    let flags = ["--capture", "full", "--speech", &speech];
    let open = Open::new(insistent_flow(), &flags).await;
    let folder = open.world.folder.path();
    let mut phone = caller(&open).await;
    let id = running(&open.node).await;
    let tone = tone_file(folder, "tone.wav", SUPERVISOR_TONE, &[(60.0, true)]);
    let options = |record: &Path, seconds| AiortcOptions {
        wav: Some(tone.clone()),
        record: Some(record.to_owned()),
        seconds,
        ..AiortcOptions::default()
    };

    // Who listens has a microphone that hums, and nobody hears it.
    let listened = folder.join("listened.wav");
    let mut listener = open.join(&id, "listen", &options(&listened, None)).await;
    until_longer(&phone, 8.0).await;
    let heard = last(&phone.heard().unwrap(), 7);
    let hums = loudest(&heard, SUPERVISOR_TONE);
    assert!(hums < 0.3, "the caller hears {hums} of who listens");
    let said = say(REPEATED, "slt", folder)
        .await
        .unwrap()
        .channel(0, 2_000);
    let (agent, _) = best_match(&last(&phone.heard().unwrap(), 8), &said);
    assert!(agent > 0.7, "the caller hears {agent} of the agent");

    // Who talks is heard, and the agent not.
    let talked = folder.join("talked.wav");
    let mut talker = open.join(&id, "talk", &options(&talked, Some(12.0))).await;
    until_heard(&phone, "the caller hears who talks", |heard| {
        share(&last(heard, 3), SUPERVISOR_TONE) > 0.8
    })
    .await;
    talker.wait_for("closed", PATIENCE).await.unwrap();
    talker.finish(PATIENCE).await.unwrap();
    open.until_observed("talk", 0.0).await;
    until_longer(&phone, 9.0).await;
    let heard = last(&phone.heard().unwrap(), 8);
    let hums = loudest(&heard, SUPERVISOR_TONE);
    assert!(hums < 0.3, "{hums} of who is gone");
    let (agent, _) = best_match(&heard, &said);
    assert!(agent > 0.7, "the agent goes on: {agent}");

    // The end of the call is the end for who listens.
    phone.hang_up().await.unwrap();
    let closed = listener.wait_for("closed", PATIENCE).await.unwrap();
    assert_eq!(closed["by"], "agent");
    listener.finish(PATIENCE).await.unwrap();
    open.until_observed("listen", 0.0).await;

    let listened = Wav::read(&listened).unwrap().channel(0, 2_000);
    let (agent, _) = best_match(&listened, &said);
    assert!(agent > 0.7, "who listens hears {agent} of the agent");
    let (caller, other) = (
        loudest(&listened, CALLER_TONE),
        loudest(&listened, SUPERVISOR_TONE),
    );
    assert!(caller > 0.7, "{caller} of the caller");
    assert!(other > 0.8, "{other} of who talks");
    let talked = Wav::read(&talked).unwrap().channel(0, 2_000);
    let caller = loudest(&talked, CALLER_TONE);
    assert!(caller > 0.7, "who talks hears {caller} of the caller");
    let itself = loudest(&talked, SUPERVISOR_TONE);
    assert!(itself < 0.3, "who talks hears {itself} of itself");

    let call = open.world.ended_call(&open.node).await;
    recorded_beside_the_agent(&open, &id).await;
    on_record(&open, &call, &id).await;
    open.node.drain().await;
}

async fn recorded_beside_the_agent(open: &Open, id: &str) {
    let recording = until("the recording is there", PATIENCE, async || {
        recording_of(open.node.control_address(), id).await
    })
    .await
    .unwrap();
    let file = open.world.folder.path().join("recording.wav");
    std::fs::write(&file, recording).unwrap();
    let wav = Wav::read(&file).unwrap();
    let side = |channel| loudest(&wav.channel(channel, 2_000), SUPERVISOR_TONE);
    assert!(side(0) < 0.3 && side(1) > 0.8, "{:?}", (side(0), side(1)));
}

async fn on_record(open: &Open, call: &Value, id: &str) {
    let legs = call["legs"].as_array().unwrap();
    let legs: Vec<_> = legs.iter().filter(|leg| leg["kind"] == "monitor").collect();
    let modes: Vec<_> = legs.iter().map(|leg| leg["mode"].as_str()).collect();
    assert_eq!(modes, [Some("listen"), Some("talk")], "{call}");
    for leg in legs {
        assert_eq!(
            (&leg["endpoint"], &leg["codec"]),
            (&json!("webrtc"), &json!("opus"))
        );
        assert!(leg["answeredAt"].is_string() && leg["endedAt"].is_string());
    }
    let events = call["events"].as_array().unwrap().iter();
    let events: Vec<_> = events
        .filter(|event| event["type"].as_str().unwrap().starts_with("observer"))
        .map(|event| (event["type"].as_str().unwrap(), &event["detail"]["mode"]))
        .collect();
    let [listen, talk] = [json!("listen"), json!("talk")];
    assert_eq!(
        events,
        [
            ("observer_joined", &listen),
            ("observer_joined", &talk),
            ("observer_left", &talk),
            ("observer_left", &listen),
        ]
    );
    let noted = open.noted().await;
    assert_eq!(noted.len(), 2, "{noted:?}");
    for (noted, mode) in noted.iter().zip(["listen", "talk"]) {
        assert_eq!((&noted["mode"], &noted["call"]), (&json!(mode), &json!(id)));
        assert_eq!(noted["supervisor"], "grace");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_joins_its_call_once_and_in_time_and_the_call_takes_four() {
    let open = Open::new(insistent_flow(), &["--capture", "full"]).await;
    let hand = Hand::new(&open.world).await;
    let answer = hand.call("observed").await;
    let id = running(&open.node).await;

    let missing = open.offer_to(&id, "", OFFER).await;
    assert_eq!(missing.status, 401);
    assert!(detail(&missing).contains("call join"), "{}", missing.body);
    let starts_calls = open.token(json!({})).await;
    let wrong = open.offer_to(&id, &starts_calls, OFFER).await;
    assert_eq!(wrong.status, 401, "{}", wrong.body);
    let token = open.observer(&id, "listen").await;
    let starts = open.post("/whip/reception", &token, SDP, OFFER).await;
    assert_eq!(starts.status, 401, "{}", starts.body);
    let other = "01890000-0000-7000-8000-000000000000";
    let elsewhere = open.offer_to(other, &token, OFFER).await;
    assert_eq!(elsewhere.status, 403);
    assert!(detail(&elsewhere).contains("another call"));

    // An offer that was of no use does not use the token up.
    let silent = OFFER.replace("a=sendrecv", "a=inactive");
    assert_eq!(open.offer_to(&id, &token, &silent).await.status, 400);
    let listens = OFFER.replacen("a=sendrecv", "a=recvonly", 1);
    let joined = open.offer_to(&id, &token, &listens).await;
    assert_eq!(joined.status, 201, "{}", joined.body);
    assert!(joined.body.contains("a=sendonly"), "{}", joined.body);
    let again = open.offer_to(&id, &token, &listens).await;
    assert_eq!(again.status, 401);
    assert!(detail(&again).contains("one call"));
    let talks = open.observer(&id, "talk").await;
    let mute = open.offer_to(&id, &talks, &listens).await;
    assert_eq!(mute.status, 400, "who talks sends: {}", mute.body);

    for _ in 0..3 {
        let token = open.observer(&id, "whisper").await;
        assert_eq!(open.offer_to(&id, &token, OFFER).await.status, 201);
    }
    let full = open.offer_to(&id, &talks, OFFER).await;
    assert_eq!(full.status, 409, "{}", full.body);
    assert!(detail(&full).contains("has to leave"));
    // Who leaves makes room.
    let location = joined.header("location").unwrap();
    assert!(
        location.starts_with(&format!("/observe/{id}/")),
        "{location}"
    );
    let left = request_with("DELETE", &open.whip(), location, &[], "").await;
    assert_eq!(left.unwrap().status, 200);
    until("there is room", PATIENCE, async || {
        let answer = open.offer_to(&id, &talks, OFFER).await;
        Ok((answer.status == 201).then_some(()))
    })
    .await
    .unwrap();

    let brief = json!({"mode": "listen", "ttlSeconds": 1});
    let minted = open.mint_observer(&id, &brief).await;
    let minted: Value = serde_json::from_str(&minted.body).unwrap();
    let brief = minted["token"].as_str().unwrap().to_owned();
    let late = until("the token expires", PATIENCE, async || {
        let answer = open.offer_to(&id, &brief, "v=0\r\n").await;
        Ok((answer.status == 401).then_some(answer))
    })
    .await
    .unwrap();
    assert!(detail(&late).contains("expired"), "{}", late.body);

    let unused = open.observer(&id, "listen").await;
    hand.hang_up(&answer, "observed").await;
    open.until_idle().await;
    let over = open.offer_to(&id, &unused, OFFER).await;
    assert_eq!(over.status, 404, "{}", over.body);
    let gone = request_with("DELETE", &open.whip(), location, &[], "").await;
    assert_eq!(gone.unwrap().status, 404);
    open.until_observed("whisper", 0.0).await;
    let minted = open.mint_observer(&id, &json!({"mode": "listen"})).await;
    assert_eq!(minted.status, 404, "{}", minted.body);
    open.node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_where_sound_may_be_captured_calls_are_joined() {
    for policy in ["masked", "disabled"] {
        let open = Open::new(insistent_flow(), &["--capture", policy]).await;
        let hand = Hand::new(&open.world).await;
        hand.call("private").await;
        let id = running(&open.node).await;
        let refused = open.mint_observer(&id, &json!({"mode": "listen"})).await;
        assert_eq!(refused.status, 403, "{}", refused.body);
        assert!(refused.body.contains("spec.capture"), "{}", refused.body);
        assert!(open.noted().await.is_empty());
        open.node.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_listens_without_a_microphone_by_keyboard_alone() {
    let speech = speech_program().display().to_string();
    let flags = ["--capture", "full", "--speech", &speech];
    let open = Open::new(insistent_flow(), &flags).await;
    let folder = open.world.folder.path();
    let mut phone = caller(&open).await;
    let id = running(&open.node).await;
    let token = open.observer(&id, "listen").await;
    let options = ChromiumOptions::default();
    let mut chromium = Chromium::start(folder, &options).await.unwrap();
    let url = format!("http://{}/observe/{id}#token={token}", open.whip());
    chromium.open(&url).await.unwrap();
    let watch = "(() => { window.asked = 0; const real = navigator.mediaDevices.getUserMedia; \
        navigator.mediaDevices.getUserMedia = (...all) => { asked += 1; \
        return real.apply(navigator.mediaDevices, all); }; })()";
    chromium.evaluate(watch).await.unwrap();
    assert_eq!(
        text_of(&mut chromium, ".note").await,
        "You hear everybody. Your microphone is off."
    );
    assert_eq!(chromium.check().await.unwrap(), json!([]));
    tab_to(&mut chromium, "Join").await;
    chromium.press(&["Enter"]).await.unwrap();
    until_state(&mut chromium, "talking").await;
    assert_eq!(chromium.evaluate("asked").await.unwrap(), 0);
    let level = inside("root.querySelector('.meter.agent').getAttribute('aria-valuenow') > 20");
    chromium
        .until("the call is heard", PATIENCE, &level)
        .await
        .unwrap();
    let said = inside(&format!(
        "[...root.querySelectorAll('.lines .text')].some((line) => line.textContent === {})",
        json!(REPEATED)
    ));
    chromium
        .until("the transcript grows", PATIENCE, &said)
        .await
        .unwrap();
    let shown = inside(
        "[...root.querySelectorAll('button, select')].filter((one) => one.checkVisibility()).length",
    );
    assert_eq!(chromium.evaluate(&shown).await.unwrap(), 1, "to leave");
    assert_eq!(chromium.check().await.unwrap(), json!([]));

    phone.hang_up().await.unwrap();
    until_state(&mut chromium, "ended").await;
    let status = text_of(&mut chromium, ".status").await;
    assert!(status.starts_with("The caller hung up"), "{status}");
    assert_eq!(chromium.complaints().await.unwrap(), json!([]));
    chromium.close().await.unwrap();
    open.until_observed("listen", 0.0).await;
    open.node.drain().await;
}
