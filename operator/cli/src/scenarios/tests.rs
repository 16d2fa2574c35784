use std::fs;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../crds/examples");

fn arguments(path: &Path, model_url: Option<String>) -> ScenarioArguments {
    ScenarioArguments {
        paths: vec![path.to_owned()],
        only: None,
        verbose: false,
        model: ModelArguments {
            model_url,
            model: None,
            model_key_env: "CALLPLANE_NO_SUCH_KEY".to_owned(),
            price: None,
        },
    }
}

/// A folder of this test alone.
fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("callplane-{name}-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Plays scenarios of an agent of the examples.
async fn played(
    name: &str,
    agent: &str,
    scenarios: &str,
    model: Option<String>,
) -> Vec<TestedFile> {
    let folder = folder(name);
    let text = format!("files: [{EXAMPLES}/{agent}]\n{scenarios}");
    fs::write(folder.join("scenarios.yaml"), text).unwrap();
    let arguments = arguments(&folder, model);
    let tested = play(find(&arguments.paths).unwrap().files, &arguments).await;
    fs::remove_dir_all(folder).unwrap();
    tested
}

fn failures(tested: &[TestedFile]) -> Vec<String> {
    let tested = tested.iter().flat_map(|file| &file.tested);
    tested.flat_map(|tested| tested.failures.clone()).collect()
}

#[tokio::test]
async fn scenarios_of_the_examples_pass() {
    let arguments = arguments(Path::new(EXAMPLES), None);
    let tested = play(find(&arguments.paths).unwrap().files, &arguments).await;
    assert_eq!(failures(&tested), Vec::<String>::new());
    let count: usize = tested.iter().map(|file| file.tested.len()).sum();
    assert!(count >= 8, "{count}");
}

#[tokio::test]
async fn what_cannot_be_played_as_it_is_written_is_told() {
    let scenarios = r#"
agent: front-desk
scenarios:
- {name: b, caller: [say: Opening hours., say: Thank you.]}
- {name: c, caller: [interrupt: {say: Opening hours., afterMs: 60000}]}
- {name: d, caller: [transfer: reached]}
"#;
    let told = failures(&played("faults", "acme", scenarios, None).await);
    assert_eq!(
        told,
        [
            "the call was over before the caller could say \"Thank you.\"",
            "the agent had said all before \"Opening hours.\" was to interrupt it after 60000 ms",
            "node topic: the agent waits for words or keys where the caller would be transferred",
        ]
    );
    let scenarios = r#"
scenarios:
- {name: a, model: [], caller: [say: Hello.]}
- {name: b, model: [{text: Yes?}], caller: [say: Hello., say: Are you there?]}
- {name: c, caller: [say: Hello.]}
- {name: e, model: [], caller: [keys: "1"]}
- {name: d, model: [{afterMs: 3000, text: Yes?}], caller: [say: Hello.], expect: {replyWithinMs: 1000}}
"#;
    let told = failures(&played("answers", "converse", scenarios, None).await);
    assert_eq!(told.len(), 5, "{told:?}");
    assert_eq!(
        told[0],
        "the model is asked, and the scenario gives it no answer"
    );
    assert_eq!(
        told[1],
        "the model is asked once more, and the scenario gives it 1 answers"
    );
    assert!(told[2].contains("set CALLPLANE_NO_SUCH_KEY"), "{}", told[2]);
    assert_eq!(
        told[3],
        "node talk: the agent waits for words where the caller would press 1"
    );
    assert!(told[4].starts_with("the caller waited 1"), "{}", told[4]);
}

#[tokio::test]
async fn what_is_interrupted_was_heard_no_further() {
    let scenarios = r#"
agent: front-desk
scenarios:
- name: a
  caller: [interrupt: {say: Opening hours., afterMs: 3000}]
"#;
    let tested = played("interruption", "acme", scenarios, None).await;
    let played = tested[0].tested[0].played.as_ref().unwrap();
    let menu = played.heard().find(|message| message.intended.is_some());
    let menu = menu.expect("the menu is cut off");
    assert!(menu.text.starts_with("Say opening hours"), "{}", menu.text);
    assert!(
        menu.text.len() < menu.intended.as_ref().unwrap().len() / 2 + 20,
        "{}",
        menu.text
    );
}

#[tokio::test]
async fn a_report_tells_failures_from_what_could_not_be_played() {
    let scenarios = r#"
scenarios:
- {name: good, model: [{text: Yes?}], caller: [say: Hello.]}
- {name: <bad>, model: [{text: Yes?}], caller: [say: Hello.], expect: {outcome: booked, says: [no & no]}}
- {name: unplayed, caller: [say: Hello.]}
"#;
    let tested = played("report", "converse", scenarios, None).await;
    let folder = folder("junit");
    let path = folder.join("report.xml");
    junit::write(&path, &tested).unwrap();
    let xml = fs::read_to_string(&path).unwrap();
    fs::remove_dir_all(folder).unwrap();
    for part in [
        r#"tests="3" skipped="0" errors="1" failures="1""#,
        r#"<testcase name="&lt;bad&gt;""#,
        r#"<failure message="the caller did not hear &quot;no &amp; no&quot;">"#,
        "outcome: expected booked, was none",
        "<system-out>agent: Hello, this is Emma of Acme.",
        r#"<error message="#,
    ] {
        assert!(xml.contains(part), "{part} in {xml}");
    }
    assert!(!report::summary(&tested));
}

/// A server that speaks for the model and for the caller, whom it knows by what they are told.
async fn server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut request = String::new();
            let mut buffer = [0; 65_536];
            // The body is the last there is of it, and JSON.
            while !request.ends_with('}') {
                let length = connection.read(&mut buffer).await.unwrap();
                request.push_str(&String::from_utf8_lossy(&buffer[..length]));
            }
            let delta = answer(&request);
            let events = format!(
                "data: {{\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":null}}]}}\n\n\
                 data: {{\"choices\":[{{\"index\":0,\"delta\":{{}},\"finish_reason\":\"stop\"}}]}}\n\ndata: [DONE]\n\n"
            );
            let head =
                "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
            let response = format!("{head}{events}");
            connection.write_all(response.as_bytes()).await.unwrap();
        }
    });
    format!("http://{address}/v1")
}

fn answer(request: &str) -> String {
    let call = |name: &str, arguments: &str| {
        let function = serde_json::json!({ "name": name, "arguments": arguments });
        let call =
            serde_json::json!({ "index": 0, "id": "1", "type": "function", "function": function });
        serde_json::json!({ "tool_calls": [call] }).to_string()
    };
    let text = |text: &str| serde_json::json!({ "content": text }).to_string();
    let is_caller = request.contains("You play a person");
    match (is_caller, request.contains("On Monday, please.")) {
        (true, false) => text("On Monday, please."),
        (true, true) => call("hang_up", "{}"),
        (false, true) => text("Very well."),
        (false, false) => text("On which day?"),
    }
}

#[tokio::test]
async fn a_caller_is_played_by_the_model_until_it_hangs_up() {
    let scenarios = r#"
scenarios:
- name: a
  simulatedCaller: {instructions: You are Ann and want to come on Monday.}
  expect: {nodes: [talk], says: [very well]}
- name: b
  simulatedCaller: {instructions: You are Bob and want to come on Monday., maxTurns: 1}
"#;
    let tested = played("simulated", "converse", scenarios, Some(server().await)).await;
    assert_eq!(failures(&tested), Vec::<String>::new());
    let said = |number: usize| {
        let played = tested[0].tested[number].played.as_ref().unwrap();
        report::transcript(played).collect::<Vec<_>>()
    };
    let whole = [
        "agent: Hello, this is Emma of Acme. How can I help?",
        "caller: On Monday, please.",
        "agent: Very well.",
    ];
    assert_eq!(said(0), whole);
    assert_eq!(said(1), whole, "one turn, and its answer");
}

#[tokio::test]
async fn a_file_that_is_saved_by_putting_another_in_its_place_is_a_change() {
    let folder = folder("changes");
    let file = folder.join("flow.yaml");
    fs::write(&file, "old").unwrap();
    let mut changes = Changes::new().unwrap();
    changes.watch([&file]).unwrap();
    fs::read(&file).unwrap();
    let read = tokio::time::timeout(Duration::from_millis(300), changes.next()).await;
    assert!(read.is_err(), "reading is no change");
    let new = folder.join(".flow.yaml.new");
    fs::write(&new, "new").unwrap();
    fs::rename(&new, &file).unwrap();
    let saved = tokio::time::timeout(Duration::from_secs(20), changes.next()).await;
    saved.expect("told").unwrap();
    fs::remove_dir_all(folder).unwrap();
}
