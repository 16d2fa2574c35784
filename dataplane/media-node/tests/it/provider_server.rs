//! A server of OpenAI's protocols that follows a script, to the octet: it writes down turns as it is told, and answers
//! what callers said last.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What it does with a question, once it has it.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// Sends these octets.
    Send(String),
    /// Sends nothing more, and leaves the connection open.
    Hang,
}

/// A request: its head in lower case, and its body.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// What the caller said last, of a question.
    pub(crate) fn said_last(&self) -> String {
        said_last(&self.json())
    }

    fn is_transcription(&self) -> bool {
        self.head.starts_with("post /v1/audio/transcriptions ")
    }
}

#[derive(Default)]
struct Script {
    /// What is understood of the turns, in their order; the last one of all that follow.
    words: Vec<String>,
    turns: usize,
    /// What is answered to whom said this last.
    answers: HashMap<String, Vec<Act>>,
    requests: Vec<Request>,
    /// Connections that were closed by the other side while it hung.
    abandoned: usize,
    connections: usize,
}

/// A running server.
#[derive(Clone)]
pub(crate) struct ProviderServer {
    pub(crate) base_url: String,
    script: Arc<Mutex<Script>>,
}

impl ProviderServer {
    /// Understands turns as `words`, and answers each of them by its acts.
    pub(crate) async fn start(words: &[&str], answers: &[(&str, Vec<Act>)]) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let script = Script {
            words: words.iter().map(|word| (*word).to_owned()).collect(),
            answers: answers
                .iter()
                .map(|(said, acts)| ((*said).to_owned(), acts.clone()))
                .collect(),
            ..Script::default()
        };
        let script = Arc::new(Mutex::new(script));
        let served = Arc::clone(&script);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                served.lock().unwrap().connections += 1;
                tokio::spawn(serve(stream, Arc::clone(&served)));
            }
        });
        Self {
            base_url: format!("http://{address}/v1"),
            script,
        }
    }

    /// Questions to the language model, in their order.
    pub(crate) fn questions(&self) -> Vec<Request> {
        self.requests(false)
    }

    /// Turns that were to be written down.
    pub(crate) fn turns(&self) -> Vec<Request> {
        self.requests(true)
    }

    pub(crate) fn abandoned(&self) -> usize {
        self.script.lock().unwrap().abandoned
    }

    pub(crate) fn connections(&self) -> usize {
        self.script.lock().unwrap().connections
    }

    fn requests(&self, transcriptions: bool) -> Vec<Request> {
        let script = self.script.lock().unwrap();
        let all = script.requests.iter();
        all.filter(|request| request.is_transcription() == transcriptions)
            .cloned()
            .collect()
    }
}

/// Serves a connection until the other side closes it.
async fn serve(mut stream: TcpStream, script: Arc<Mutex<Script>>) {
    while let Some(request) = read(&mut stream).await {
        for act in acts(&request, &script) {
            match act {
                // A client that had enough has gone.
                Act::Send(text) => drop(stream.write_all(text.as_bytes()).await),
                Act::Hang => {
                    let mut nothing = [0];
                    drop(stream.read(&mut nothing).await);
                    script.lock().unwrap().abandoned += 1;
                    return;
                }
            }
        }
        if !is_whole(&request, &script) {
            return;
        }
    }
}

/// Whether the last answer was one after which the connection goes on.
fn is_whole(request: &Request, script: &Mutex<Script>) -> bool {
    if request.is_transcription() {
        return true;
    }
    let script = script.lock().unwrap();
    let acts = script.answers.get(&said_last(&request.json()));
    acts.and_then(|acts| acts.last())
        .is_some_and(|act| matches!(act, Act::Send(text) if text == LAST_CHUNK))
}

fn acts(request: &Request, script: &Mutex<Script>) -> Vec<Act> {
    let mut script = script.lock().unwrap();
    script.requests.push(request.clone());
    if request.is_transcription() {
        let turn = script.turns.min(script.words.len() - 1);
        script.turns += 1;
        let body = json!({ "text": script.words[turn] }).to_string();
        return vec![Act::Send(format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ))];
    }
    let said = said_last(&request.json());
    let acts = script.answers.get(&said);
    acts.unwrap_or_else(|| panic!("no answer to {said:?}"))
        .clone()
}

/// What the caller said last, of a question.
fn said_last(question: &Value) -> String {
    let mut messages = question["messages"].as_array().unwrap().iter();
    let last = messages.rfind(|message| message["role"] == "user");
    last.map_or("", |message| message["content"].as_str().unwrap())
        .to_owned()
}

async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut octets = Vec::new();
    loop {
        let end = octets.windows(4).position(|four| four == b"\r\n\r\n");
        if let Some(end) = end {
            let head = String::from_utf8_lossy(&octets[..end]).to_lowercase();
            let length = head.lines().find_map(|line| {
                let value = line.strip_prefix("content-length:")?;
                value.trim().parse::<usize>().ok()
            });
            if octets.len() >= end + 4 + length.unwrap_or(0) {
                let body = octets[end + 4..].to_vec();
                return Some(Request { head, body });
            }
        }
        let mut buffer = [0; 4 * 1024];
        let read = stream
            .read(&mut buffer)
            .await
            .ok()
            .filter(|read| *read > 0)?;
        octets.extend_from_slice(&buffer[..read]);
    }
}

const HEAD: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
/// The end of a body whose connection goes on.
const LAST_CHUNK: &str = "0\r\n\r\n";

/// A part of a body.
pub(crate) fn chunk(text: &str) -> Act {
    Act::Send(format!("{:x}\r\n{text}\r\n", text.len()))
}

fn event(data: &Value) -> Act {
    chunk(&format!("data: {data}\n\n"))
}

/// A complete answer: these words, one after the other, and calls by name with their arguments.
pub(crate) fn answer(words: &[&str], calls: &[(&str, Value)]) -> Vec<Act> {
    let mut acts = beginning(words);
    for (index, (name, arguments)) in calls.iter().enumerate() {
        let function = json!({ "name": name, "arguments": arguments.to_string() });
        let call = json!({ "index": index, "id": format!("call_{index}"), "type": "function", "function": function });
        acts.push(event(&json!({
            "choices": [{ "index": 0, "delta": { "tool_calls": [call] } }],
        })));
    }
    acts.push(event(&json!({
        "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }],
    })));
    acts.push(event(&json!({
        "choices": [], "usage": { "prompt_tokens": 200, "completion_tokens": 20 },
    })));
    acts.push(chunk("data: [DONE]\n\n"));
    acts.push(Act::Send(LAST_CHUNK.to_owned()));
    acts
}

/// The beginning of an answer.
pub(crate) fn beginning(words: &[&str]) -> Vec<Act> {
    let word =
        |word: &&str| event(&json!({ "choices": [{ "index": 0, "delta": { "content": word } }] }));
    let head = std::iter::once(Act::Send(HEAD.to_owned()));
    head.chain(words.iter().map(word)).collect()
}

/// A refusal.
pub(crate) fn refusal(status: &str) -> Vec<Act> {
    vec![Act::Send(format!(
        "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    ))]
}
