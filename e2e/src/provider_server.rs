//! A server of OpenAI's protocols that follows a script, to the octet: it writes down turns as it is told, and answers
//! what callers or tools said last. It can have tools, too.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What it does with a question, once it has it.
#[derive(Debug, Clone)]
pub enum Act {
    /// Sends these octets.
    Send(Vec<u8>),
    /// Sends nothing more, and leaves the connection open.
    Hang,
    /// Closes the connection.
    Close,
}

/// A request: its head in lower case, and its body.
#[derive(Debug, Clone)]
pub struct Request {
    /// The head.
    pub head: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    /// The body, where it is JSON; null of any other.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// What the caller, or a tool, said last, of a question.
    pub fn said_last(&self) -> String {
        said_last(&self.json())
    }

    fn is_speech(&self) -> bool {
        self.head.starts_with("post /v1/audio/speech ")
    }

    fn is_transcription(&self) -> bool {
        self.head.starts_with("post /v1/audio/transcriptions ")
    }

    fn is_question(&self) -> bool {
        self.head.starts_with("post /v1/chat/completions ")
    }
}

#[derive(Default)]
struct Script {
    /// What is understood of the turns, in their order; the last one of all that follow.
    words: Vec<String>,
    turns: usize,
    /// What is answered to whom said this last.
    answers: HashMap<String, Vec<Act>>,
    /// What comes of a text that is to be spoken.
    speech: HashMap<String, Vec<Act>>,
    /// Where tools are, and what they answer.
    tools: Vec<(String, Vec<Act>)>,
    requests: Vec<Request>,
    /// Connections that were closed by the other side while it hung.
    abandoned: usize,
    connections: usize,
}

/// A running server.
#[derive(Clone)]
pub struct ProviderServer {
    /// Where it is, up to the version.
    pub base_url: String,
    script: Arc<Mutex<Script>>,
}

impl ProviderServer {
    /// Understands turns as `words`, and answers each of them by its acts. At this address, at a port of its own.
    pub async fn start(
        address: IpAddr,
        words: &[&str],
        answers: &[(&str, Vec<Act>)],
    ) -> Result<Self> {
        let listener = TcpListener::bind((address, 0))
            .await
            .with_context(|| format!("a server cannot listen at {address}"))?;
        let address = listener.local_addr()?;
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
                lock(&served).connections += 1;
                tokio::spawn(serve(stream, Arc::clone(&served)));
            }
        });
        Ok(Self {
            base_url: format!("http://{address}/v1"),
            script,
        })
    }

    /// The same, with a tool whose requests have this in their first line, in lower case, and which answers so.
    pub fn with_tool(self, path: &str, acts: Vec<Act>) -> Self {
        lock(&self.script).tools.push((path.to_owned(), acts));
        self
    }

    /// The same, with this sound, or this fault, of a text that is to be spoken.
    pub fn with_speech(self, text: &str, acts: Vec<Act>) -> Self {
        lock(&self.script).speech.insert(text.to_owned(), acts);
        self
    }

    /// Texts that were to be spoken, in their order.
    pub fn spoken(&self) -> Vec<Request> {
        self.requests(Request::is_speech)
    }

    /// Questions to the language model, in their order.
    pub fn questions(&self) -> Vec<Request> {
        self.requests(Request::is_question)
    }

    /// Turns that were to be written down.
    pub fn turns(&self) -> Vec<Request> {
        self.requests(Request::is_transcription)
    }

    /// Requests to tools, as they came.
    pub fn tools(&self) -> Vec<Request> {
        self.requests(|request| {
            !request.is_question() && !request.is_transcription() && !request.is_speech()
        })
    }

    /// Connections that were closed by the other side while it hung.
    pub fn abandoned(&self) -> usize {
        lock(&self.script).abandoned
    }

    /// Connections so far.
    pub fn connections(&self) -> usize {
        lock(&self.script).connections
    }

    fn requests(&self, which: fn(&Request) -> bool) -> Vec<Request> {
        let script = lock(&self.script);
        let all = script.requests.iter();
        all.filter(|request| which(request)).cloned().collect()
    }
}

/// Serves a connection until the other side closes it.
async fn serve(mut stream: TcpStream, script: Arc<Mutex<Script>>) {
    while let Some(request) = read(&mut stream).await {
        for act in acts(&request, &script) {
            match act {
                // A client that had enough has gone.
                Act::Send(octets) => drop(stream.write_all(&octets).await),
                Act::Close => return,
                Act::Hang => {
                    let mut nothing = [0];
                    drop(stream.read(&mut nothing).await);
                    lock(&script).abandoned += 1;
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
    if !request.is_question() {
        return true;
    }
    let script = lock(script);
    let acts = script.answers.get(&said_last(&request.json()));
    acts.and_then(|acts| acts.last())
        .is_some_and(|act| matches!(act, Act::Send(octets) if octets == LAST_CHUNK.as_bytes()))
}

fn acts(request: &Request, script: &Mutex<Script>) -> Vec<Act> {
    let mut script = lock(script);
    script.requests.push(request.clone());
    if request.is_transcription() {
        let turn = script.turns.min(script.words.len().saturating_sub(1));
        script.turns += 1;
        let words = script.words.get(turn).map_or("", String::as_str);
        return whole("200 OK", &json!({ "text": words }));
    }
    if request.is_question() {
        let said = said_last(&request.json());
        return script.answers.get(&said).cloned().unwrap_or_else(|| {
            // The test sees what was asked by what comes of it.
            eprintln!("no answer to {said:?}");
            refusal("500 No Answer To That")
        });
    }
    if request.is_speech() {
        let json = request.json();
        let text = json["input"].as_str().unwrap_or_default();
        let acts = script.speech.get(text).cloned();
        return acts.unwrap_or_else(|| refusal("500 No Sound Of That"));
    }
    let line = request.head.lines().next().unwrap_or_default();
    let tool = script.tools.iter().find(|(path, _)| line.contains(path));
    tool.map_or_else(
        || whole("404 Not Found", &json!({})),
        |(_, acts)| acts.clone(),
    )
}

fn lock(script: &Mutex<Script>) -> MutexGuard<'_, Script> {
    // Each change of it is whole.
    script.lock().unwrap_or_else(PoisonError::into_inner)
}

fn text(text: impl Into<String>) -> Act {
    Act::Send(text.into().into_bytes())
}

/// A sound, after which the connection goes on.
pub fn sound(wav: &[u8]) -> Vec<Act> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: audio/wav\r\nContent-Length: {}\r\n\r\n",
        wav.len()
    );
    vec![text(head), Act::Send(wav.to_vec())]
}

/// An answer of JSON after which the connection goes on.
pub fn whole(status: &str, body: &Value) -> Vec<Act> {
    let body = body.to_string();
    let length = body.len();
    vec![text(format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    ))]
}

/// What the caller said last, of a question, or a tool of the agent after that.
fn said_last(question: &Value) -> String {
    let Some(messages) = question["messages"].as_array() else {
        return String::new();
    };
    let text = |message: &Value| message["content"].as_str().unwrap_or_default().to_owned();
    if let Some(last) = messages.last().filter(|last| last["role"] == "tool") {
        return format!("tool: {}", text(last));
    }
    let last = messages.iter().rfind(|message| message["role"] == "user");
    last.map(text).unwrap_or_default()
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
pub fn chunk(text: &str) -> Act {
    self::text(format!("{:x}\r\n{text}\r\n", text.len()))
}

fn event(data: &Value) -> Act {
    chunk(&format!("data: {data}\n\n"))
}

/// A complete answer: these words, one after the other, and calls by name with their arguments.
pub fn answer(words: &[&str], calls: &[(&str, Value)]) -> Vec<Act> {
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
    acts.push(text(LAST_CHUNK));
    acts
}

/// The beginning of an answer.
pub fn beginning(words: &[&str]) -> Vec<Act> {
    let word =
        |word: &&str| event(&json!({ "choices": [{ "index": 0, "delta": { "content": word } }] }));
    let head = std::iter::once(text(HEAD));
    head.chain(words.iter().map(word)).collect()
}

/// A refusal.
pub fn refusal(status: &str) -> Vec<Act> {
    vec![text(format!(
        "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    ))]
}
