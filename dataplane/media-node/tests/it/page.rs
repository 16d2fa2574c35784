//! The page that calls an agent, in Chromium, and the events of a running call.

use std::path::Path;
use std::time::Duration;

use callplane_e2e::phones::{Chromium, ChromiumOptions};
use callplane_e2e::sound::{Wav, best_match, say};
use callplane_e2e::{get, request_with, until};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::speech::speech_program;
use crate::webrtc::{Open, detail, greeting};
use crate::world::{digits_flow, json_of, recording_of};

const PATIENCE: Duration = Duration::from_secs(30);
/// What the caller says, and when: behind the agent's question.
const SAID: &str = "I have my customer number here, one moment please.";
const SAID_AT: f64 = 6.0;

/// A script about the component, which is `call`, and what is inside it, `root`.
pub(crate) fn inside(script: &str) -> String {
    format!(
        "(() => {{ const call = document.querySelector('callplane-call'), root = call.shadowRoot; \
         return {script}; }})()"
    )
}

/// The name of what has the focus, as it is read out.
const FOCUSED: &str = "(() => { let at = document.activeElement; \
    while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement; \
    return at?.getAttribute('aria-label') ?? at?.textContent ?? ''; })()";

/// Goes to what has this name by Tab alone.
pub(crate) async fn tab_to(chromium: &mut Chromium, name: &str) {
    go_to(chromium, "Tab", name).await;
}

/// Goes to what has this name by one key alone.
async fn go_to(chromium: &mut Chromium, key: &str, name: &str) {
    for _ in 0..40 {
        chromium.press(&[key]).await.unwrap();
        if chromium.evaluate(FOCUSED).await.unwrap() == name {
            return;
        }
    }
    panic!("{key} does not lead to {name:?}");
}

pub(crate) async fn until_state(chromium: &mut Chromium, state: &str) {
    let script = inside(&format!("call.state === '{state}'"));
    if let Err(error) = chromium.until(state, PATIENCE, &script).await {
        let shown = chromium
            .evaluate(&inside("root.querySelector('.card').innerText"))
            .await;
        let complaints = chromium.complaints().await;
        panic!("{error}, but {shown:?}, {complaints:?}");
    }
}

async fn until_line(chromium: &mut Chromium, text: &str) {
    let script = inside(&format!(
        "[...root.querySelectorAll('.lines .text')].some((line) => line.textContent === {})",
        json!(text)
    ));
    chromium.until(text, PATIENCE, &script).await.unwrap();
}

/// Keeps the events that pages hear.
async fn keep_events(chromium: &mut Chromium) {
    let script = "(() => { window.events = []; \
        for (const name of ['callstart', 'transcript', 'latency', 'callend']) \
        document.addEventListener(name, ({detail}) => events.push([name, detail])); })()";
    chromium.evaluate(script).await.unwrap();
}

pub(crate) async fn text_of(chromium: &mut Chromium, selector: &str) -> String {
    let script = inside(&format!("root.querySelector('{selector}').textContent"));
    chromium
        .evaluate(&script)
        .await
        .unwrap()
        .as_str()
        .unwrap()
        .to_owned()
}

/// As [`greeting`], and the agent goes on to ask when it has the number.
fn two_questions() -> Value {
    let mut flow = greeting();
    flow["nodes"]["pin"]["collect"]["timeoutSeconds"] = 60.into();
    flow["nodes"]["more"] = json!({
        "collect": {
            "variable": "more", "prompt": "Thank you. Another number?", "type": "digits", "input": "digits",
            "digits": {"min": 4, "max": 4}, "timeoutSeconds": 60,
        },
        "edges": [{"to": "bye", "event": "noInput"}, {"to": "bye", "event": "noMatch"}, {"to": "done"}],
    });
    flow["nodes"]["pin"]["edges"][2]["to"] = "more".into();
    flow
}

/// What the microphone hears.
async fn microphone(folder: &Path) -> (Wav, std::path::PathBuf) {
    let said = say(SAID, "awb", folder).await.unwrap();
    let mut samples = vec![0; (SAID_AT * f64::from(said.rate)) as usize];
    samples.extend(&said.samples);
    let file = folder.join("microphone.wav");
    let wav = Wav {
        rate: said.rate,
        channels: 1,
        samples,
    };
    wav.write(&file).unwrap();
    (said, file)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_calls_talks_and_hangs_up_by_keyboard_alone() {
    let speech = speech_program().display().to_string();
    let open = Open::new(two_questions(), &["--speech", &speech]).await;
    let folder = open.world.folder.path();
    let (said, wav) = microphone(folder).await;
    let token = open.token(json!({"variables": {"guest": "Ada"}})).await;
    let options = ChromiumOptions {
        wav: Some(wav),
        ..ChromiumOptions::default()
    };
    let mut chromium = Chromium::start(folder, &options).await.unwrap();
    let url = format!("http://{}/call/reception#token={token}", open.whip());
    chromium.open(&url).await.unwrap();
    keep_events(&mut chromium).await;
    assert_eq!(chromium.check().await.unwrap(), json!([]));
    let shown = chromium.evaluate("location.href").await.unwrap();
    assert!(!shown.as_str().unwrap().contains(&token), "{shown}");

    // What is asked of the microphone is not what a fake one would survive.
    let plain = "call.audioConstraints = {echoCancellation: false, noiseSuppression: false, autoGainControl: false}";
    chromium.evaluate(&inside(plain)).await.unwrap();
    tab_to(&mut chromium, "Call").await;
    chromium.press(&["Enter"]).await.unwrap();
    until_state(&mut chromium, "talking").await;
    let stream = inside("root.querySelector('audio').srcObject");
    chromium.listen(&stream).await.unwrap();
    let level = inside("root.querySelector('.meter.agent').getAttribute('aria-valuenow') > 20");
    chromium
        .until("the agent's level moves", PATIENCE, &level)
        .await
        .unwrap();
    let greeted = "Hello Ada. Enter your number.";
    until_line(&mut chromium, greeted).await;
    let level = inside("root.querySelector('.meter.you').getAttribute('aria-valuenow') > 20");
    chromium
        .until("the caller's level moves", PATIENCE, &level)
        .await
        .unwrap();
    let level = inside("root.querySelector('.meter.you').getAttribute('aria-valuenow') < 5");
    chromium
        .until("the caller has spoken", PATIENCE, &level)
        .await
        .unwrap();

    // Three keys as digits of the keyboard, one by its button.
    tab_to(&mut chromium, "Keys").await;
    chromium.press(&["Enter"]).await.unwrap();
    assert_eq!(chromium.check().await.unwrap(), json!([]));
    chromium.press(&["1", "2", "3"]).await.unwrap();
    go_to(&mut chromium, "Shift+Tab", "4").await;
    chromium.press(&["Space"]).await.unwrap();
    until_line(&mut chromium, "1234").await;
    until_line(&mut chromium, "Thank you. Another number?").await;
    let latency = text_of(&mut chromium, ".latency").await;
    assert!(latency.starts_with("Answered after "), "{latency}");
    assert!(
        text_of(&mut chromium, ".line:last-child .after")
            .await
            .contains("after ")
    );
    // The one in the README was made so.
    if let Some(file) = std::env::var_os("CALLPLANE_SCREENSHOT") {
        chromium.picture(Path::new(&file)).await.unwrap();
    }
    let heard = folder.join("heard.wav");
    chromium.heard(&heard).await.unwrap();

    tab_to(&mut chromium, "Hang up").await;
    chromium.press(&["Enter"]).await.unwrap();
    until_state(&mut chromium, "ended").await;
    let status = text_of(&mut chromium, ".status").await;
    assert!(status.starts_with("You hung up · 0:"), "{status}");
    assert_eq!(chromium.evaluate(FOCUSED).await.unwrap(), "Call again");
    assert_eq!(chromium.check().await.unwrap(), json!([]));
    assert_eq!(chromium.complaints().await.unwrap(), json!([]));
    let events = chromium.evaluate("events").await.unwrap();
    chromium.close().await.unwrap();
    open.until_idle().await;

    let call = open.world.ended_call(&open.node).await;
    assert_eq!(call["variables"]["pin"], "1234", "{call}");
    assert_eq!(call["call"]["hangupParty"], "caller");
    assert_eq!(call["call"]["hangupCause"], "normal_clearing");
    assert_eq!(call["legs"][0]["codec"], "opus");
    // The page was told what the record says.
    let events = events.as_array().unwrap();
    assert_eq!(events[0], json!(["callstart", {"agent": "reception"}]));
    let told: Vec<_> = events
        .iter()
        .filter(|event| event[0] == "transcript")
        .map(|event| (&event[1]["text"], &event[1]["latencyMs"]))
        .collect();
    let recorded = call["messages"].as_array().unwrap().iter();
    let recorded: Vec<_> = recorded
        .map(|message| (&message["heardText"], &message["latencyMs"]))
        .collect();
    assert_eq!(told, recorded);
    let (name, end) = (&events.last().unwrap()[0], &events.last().unwrap()[1]);
    assert_eq!(
        (name, &end["hangupParty"]),
        (&json!("callend"), &json!("caller"))
    );

    // What the browser heard is what the agent said, and what was recorded of the caller is what they said.
    let spoken = say(greeted, "slt", folder).await.unwrap();
    let heard = Wav::read(&heard).unwrap().channel(0, 2_000);
    let (correlation, _) = best_match(&heard, &spoken.channel(0, 2_000));
    assert!(
        correlation > 0.7,
        "the greeting was heard with {correlation}"
    );
    let id = call["call"]["id"].as_str().unwrap();
    let recording = until("the recording is there", PATIENCE, async || {
        recording_of(open.node.control_address(), id).await
    })
    .await
    .unwrap();
    let file = folder.join("recording.wav");
    std::fs::write(&file, recording).unwrap();
    let caller = Wav::read(&file).unwrap().channel(0, 2_000);
    let (correlation, _) = best_match(&caller, &said.channel(0, 2_000));
    assert!(correlation > 0.7, "the caller was heard with {correlation}");
    open.node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_pastes_a_wrong_token_reads_why_and_pastes_another() {
    let open = Open::new(digits_flow(), &[]).await;
    let folder = open.world.folder.path();
    let options = ChromiumOptions {
        dark: true,
        size: Some((390, 844)),
        ..ChromiumOptions::default()
    };
    let mut chromium = Chromium::start(folder, &options).await.unwrap();
    chromium
        .open(&format!("http://{}/", open.whip()))
        .await
        .unwrap();
    assert_eq!(chromium.check().await.unwrap(), json!([]));
    tab_to(&mut chromium, "").await;
    let typed: Vec<String> = "reception".chars().map(String::from).collect();
    let typed: Vec<&str> = typed.iter().map(String::as_str).collect();
    chromium.press(&typed).await.unwrap();
    chromium.press(&["Tab", "x", "y", "Enter"]).await.unwrap();
    assert_eq!(chromium.evaluate(FOCUSED).await.unwrap(), "Call");
    chromium.press(&["Enter"]).await.unwrap();
    until_state(&mut chromium, "ended").await;
    let alert = text_of(&mut chromium, ".alert").await;
    assert!(alert.starts_with("The token is malformed"), "{alert}");
    let asked =
        "!document.querySelector('#who').hidden && document.querySelector('#token').value === ''";
    assert_eq!(chromium.evaluate(asked).await.unwrap(), true);
    assert_eq!(chromium.check().await.unwrap(), json!([]));

    // Servers with their logins are read as RFC 9725 section 4.6 writes them.
    let header = "</whip/a/1/events>; rel=\"x:events\"; events=\"a,b\", <turn:t.example?transport=udp>; \
                  rel=\"ice-server\"; username=\"u\"; credential=\"a\\\"b, <c>\"";
    let script = format!(
        "import('/callplane-call/client.js').then(({{parseLinks}}) => parseLinks({}))",
        json!(header)
    );
    let links = json!([
        {"url": "/whip/a/1/events", "rel": "x:events", "events": "a,b"},
        {"url": "turn:t.example?transport=udp", "rel": "ice-server", "username": "u", "credential": "a\"b, <c>"},
    ]);
    assert_eq!(chromium.evaluate(&script).await.unwrap(), links);

    // Text of a stranger stays text.
    let evil = "<img src=x onerror=alert(1)>";
    let script = format!("call.agent = {}", json!(evil));
    chromium.evaluate(&inside(&script)).await.unwrap();
    assert_eq!(text_of(&mut chromium, ".label").await, evil);
    let script = inside("call.agent = 'reception'");
    chromium.evaluate(&script).await.unwrap();

    let token = open.token(json!({})).await;
    let script = format!(
        "(() => {{ document.querySelector('#token').value = {}; document.querySelector('#token').focus(); }})()",
        json!(token)
    );
    chromium.evaluate(&script).await.unwrap();
    chromium.press(&["Enter", "Enter"]).await.unwrap();
    until_state(&mut chromium, "talking").await;
    assert_eq!(chromium.evaluate(FOCUSED).await.unwrap(), "On the call");
    // Another way to the node in the middle of the call, and the call goes on.
    chromium.evaluate(&inside("call.restart()")).await.unwrap();
    chromium.press(&["1", "2", "3", "4"]).await.unwrap();
    until_state(&mut chromium, "ended").await;
    let status = text_of(&mut chromium, ".status").await;
    assert!(status.starts_with("The agent hung up"), "{status}");
    chromium.close().await.unwrap();
    let call = open.world.ended_call(&open.node).await;
    assert_eq!(call["variables"]["pin"], "1234", "{call}");
    open.node.drain().await;
}

/// The component on somebody else's page, whose call asks for its token.
fn foreign_page(whip: &str, token: &str) -> String {
    format!(
        "<!doctype html><title>Ours</title><callplane-call src=\"http://{whip}/\" agent=reception></callplane-call>\
         <script type=module>import \"http://{whip}/callplane-call/callplane-call.js\";\
         const call = document.querySelector(\"callplane-call\");\
         call.getToken = async () => {token:?};\
         window.ended = new Promise((resolve) => call.addEventListener(\"callend\", resolve));</script>"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn the_component_calls_from_a_page_of_another_origin_and_its_end_ends_the_call() {
    let mut flow = digits_flow();
    flow["nodes"]["pin"]["collect"]["timeoutSeconds"] = 60.into();
    let open = Open::new(flow, &["--slots", "1"]).await;
    let folder = open.world.folder.path();
    let mut chromium = Chromium::start(folder, &ChromiumOptions::default())
        .await
        .unwrap();
    let token = open.token(json!({})).await;
    let page = foreign_page(&open.whip(), &token);
    chromium
        .open_html("http://localhost:9/ours", &page)
        .await
        .unwrap();
    let defined = "document.querySelector('callplane-call').shadowRoot !== null";
    chromium
        .until("the component is there", PATIENCE, defined)
        .await
        .unwrap();
    chromium
        .evaluate(&inside("root.querySelector('.call').click()"))
        .await
        .unwrap();
    until_state(&mut chromium, "talking").await;

    // Another microphone in the middle of the call, and a muted one.
    let other = "(() => { const microphone = root.querySelector('select'); \
        const replace = RTCRtpSender.prototype.replaceTrack; \
        RTCRtpSender.prototype.replaceTrack = function (track) { window.speaks = track.label; return replace.call(this, track); }; \
        microphone.value = [...microphone.options].at(-1).value; microphone.dispatchEvent(new Event('change')); \
        return [...microphone.options].at(-1).label; })()";
    let other = chromium.evaluate(&inside(other)).await.unwrap();
    let speaks = format!("window.speaks === {other}");
    chromium
        .until("the other microphone is spoken with", PATIENCE, &speaks)
        .await
        .unwrap();
    for (muted, level) in [(false, "> 20"), (true, "< 3")] {
        if muted {
            let script = inside("root.querySelector('.mute').click()");
            chromium.evaluate(&script).await.unwrap();
        }
        let script =
            format!("root.querySelector('.meter.you').getAttribute('aria-valuenow') {level}");
        chromium
            .until(
                "the microphone is heard, or muted",
                PATIENCE,
                &inside(&script),
            )
            .await
            .unwrap();
    }

    // There is no second slot: whoever calls meanwhile reads so, and is held back.
    let second = "(async () => { const other = call.cloneNode(); other.getToken = call.getToken; \
        document.body.append(other); await other.start().catch(() => {}); \
        return [other.shadowRoot.querySelector('.alert').textContent, \
        other.shadowRoot.querySelector('.call').disabled, other.shadowRoot.querySelector('.call').textContent]; })()";
    let second = chromium.evaluate(&inside(second)).await.unwrap();
    assert!(second[0].as_str().unwrap().contains("slots"), "{second}");
    assert_eq!(second[1], true);
    assert_eq!(second[2], "Again in 5 s");

    chromium.evaluate(&inside("call.remove()")).await.unwrap();
    open.until_idle().await;
    let ended = until("the call is recorded", PATIENCE, async || {
        let calls = json_of(open.node.control_address(), "/v1/calls").await?;
        let mut calls = calls["calls"].as_array().into_iter().flatten();
        Ok(calls.find(|call| call["status"] == "completed").cloned())
    })
    .await
    .unwrap();
    assert_eq!(ended["hangupCause"], "normal_clearing", "{ended}");
    chromium.close().await.unwrap();
    open.node.drain().await;
}

/// Reads events while they come.
struct Reader {
    stream: TcpStream,
    read: String,
}

impl Reader {
    /// Asks, and waits for the beginning of the body.
    async fn begin(address: &str, path: &str) -> Self {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let (mut read, mut buffer) = (String::new(), [0; 1_024]);
        while !read.contains(": begun") {
            let length = stream.read(&mut buffer).await.unwrap();
            assert_ne!(length, 0, "{read}");
            read.push_str(std::str::from_utf8(&buffer[..length]).unwrap());
        }
        Self { stream, read }
    }

    /// What came until the end.
    async fn rest(self) -> String {
        let Self {
            mut stream,
            mut read,
        } = self;
        stream.read_to_string(&mut read).await.unwrap();
        read
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_the_location_reads_how_the_call_ends() {
    let open = Open::new(digits_flow(), &[]).await;
    let token = open.token(json!({})).await;
    let answered = open.offer(&token).await;
    let location = answered.header("location").unwrap();
    let link =
        format!("<{location}/events>; rel=\"urn:ietf:params:whip:ext:core:server-sent-events\"");
    assert!(answered.head.contains(&link), "{}", answered.head);
    let (whip, path) = (open.whip(), format!("{location}/events"));
    let mut readers = Vec::new();
    for _ in 0..8 {
        readers.push(Reader::begin(&whip, &path).await);
    }
    let refused = get(&whip, &path).await.unwrap();
    assert_eq!(refused.status, 429);
    assert!(detail(&refused).contains("read the events"));
    let ended = request_with("DELETE", &whip, location, &[], "")
        .await
        .unwrap();
    assert_eq!(ended.status, 200);
    for reader in readers {
        let read = reader.rest().await;
        for line in [
            "HTTP/1.0 200 OK",
            "content-type: text/event-stream",
            "cache-control: no-cache",
            "access-control-allow-origin: *",
        ] {
            assert!(read.contains(&format!("{line}\r\n")), "{read}");
        }
        let end = "event: ended\nid: 0\ndata: {\"hangupCause\":\"normal_clearing\",\"hangupParty\":\"caller\"}\n\n";
        assert!(read.ends_with(end), "{read}");
    }
    open.until_idle().await;
    assert_eq!(get(&whip, &path).await.unwrap().status, 404);
    open.node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_is_kept_by_browsers_and_may_load_nothing_of_others() {
    let open = Open::new(digits_flow(), &[]).await;
    let whip = open.whip();
    for (path, kind) in [
        ("/", "text/html; charset=utf-8"),
        ("/call/reception", "text/html; charset=utf-8"),
        (
            "/callplane-call/callplane-call.js",
            "text/javascript; charset=utf-8",
        ),
        ("/callplane-call/page.css", "text/css; charset=utf-8"),
    ] {
        let page = get(&whip, path).await.unwrap();
        assert_eq!(
            (page.status, page.header("content-type")),
            (200, Some(kind)),
            "{path}"
        );
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'"));
        assert!(!policy.contains("unsafe"), "{policy}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cache-control", "no-cache"),
        ] {
            assert_eq!(page.header(name), Some(value), "{path}");
        }
        assert!(
            page.header("permissions-policy")
                .unwrap()
                .contains("microphone=(self)")
        );
        let etag = page.header("etag").unwrap();
        let again = request_with("GET", &whip, path, &[("If-None-Match", etag)], "")
            .await
            .unwrap();
        assert_eq!((again.status, again.body.as_str()), (304, ""), "{path}");
    }
    let missing = get(&whip, "/callplane-call/package.json").await.unwrap();
    assert_eq!(missing.status, 404);
    // Every file that the page and the component name is there.
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("page");
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let is_served = [".js", ".css", ".svg"]
            .iter()
            .any(|end| name.ends_with(end));
        if is_served {
            let path = format!("/callplane-call/{name}");
            assert_eq!(get(&whip, &path).await.unwrap().status, 200, "{path}");
        }
    }
    open.node.drain().await;
}
