//! A server in the shape of Vault's transit engine: it enciphers, knows versions of its keys, derives
//! them by context, and checks token and namespace.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hmac;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// What the server does and was asked.
#[derive(Debug, Default)]
pub(crate) struct Behaviour {
    /// The token that is let in.
    pub(crate) token: String,
    /// The namespace that has the engine.
    pub(crate) namespace: Option<String>,
    /// Version that enciphers, from 1.
    pub(crate) version: u32,
    /// Older ones are not deciphered any more.
    pub(crate) min_decryption_version: u32,
    /// Whether the context is mixed into the key, `derived=true`.
    pub(crate) derived: bool,
    /// Answers before the real one.
    pub(crate) troubles: Vec<Trouble>,
    /// Requests that came, by what they asked for.
    pub(crate) requests: HashMap<String, usize>,
}

/// What goes wrong with one request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Trouble {
    /// An answer with this status.
    Status(u16),
    /// No answer for so long.
    Silence(Duration),
}

/// A running server.
pub(crate) struct Transit {
    pub(crate) address: String,
    pub(crate) behaviour: Arc<Mutex<Behaviour>>,
}

type Refusal = (StatusCode, Json<Value>);

impl Transit {
    /// Starts one on a free port, with a derived key `callplane` under `transit`.
    pub(crate) async fn start(token: &str) -> Self {
        let behaviour = Arc::new(Mutex::new(Behaviour {
            token: token.to_owned(),
            version: 1,
            derived: true,
            ..Behaviour::default()
        }));
        let router = Router::new()
            .route("/v1/transit/{action}/{key}", post(answer))
            .with_state(Arc::clone(&behaviour));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, behaviour }
    }

    pub(crate) fn with<T>(&self, change: impl FnOnce(&mut Behaviour) -> T) -> T {
        change(&mut self.behaviour.lock().unwrap())
    }
}

async fn answer(
    State(behaviour): State<Arc<Mutex<Behaviour>>>,
    Path((action, key)): Path<(String, String)>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Result<Json<Value>, Refusal> {
    let trouble = {
        let mut behaviour = behaviour.lock().unwrap();
        *behaviour.requests.entry(action.clone()).or_default() += 1;
        let wanted = !behaviour.troubles.is_empty();
        wanted.then(|| behaviour.troubles.remove(0))
    };
    match trouble {
        Some(Trouble::Status(status)) => {
            return Err(refusal(StatusCode::from_u16(status).unwrap(), "trouble"));
        }
        Some(Trouble::Silence(time)) => tokio::time::sleep(time).await,
        None => {}
    }
    let behaviour = behaviour.lock().unwrap();
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if header("x-vault-token") != Some(&behaviour.token) {
        return Err(refusal(StatusCode::FORBIDDEN, "permission denied"));
    }
    if header("x-vault-namespace") != behaviour.namespace.as_deref() || key != "callplane" {
        return Err(refusal(StatusCode::NOT_FOUND, "no handler for route"));
    }
    let text = |field: &str| body[field].as_str().unwrap_or_default().to_owned();
    let context = text("context");
    if behaviour.derived && context.is_empty() {
        return Err(refusal(
            StatusCode::BAD_REQUEST,
            "missing 'context' for key derivation; the key was created using a derived key",
        ));
    }
    let data = match action.as_str() {
        "encrypt" => json!({ "ciphertext": encrypt(&behaviour, &context, &text("plaintext")) }),
        "decrypt" => json!({ "plaintext": decrypt(&behaviour, &context, &text("ciphertext"))? }),
        "rewrap" => {
            let plaintext = decrypt(&behaviour, &context, &text("ciphertext"))?;
            json!({ "ciphertext": encrypt(&behaviour, &context, &plaintext) })
        }
        _ => return Err(refusal(StatusCode::NOT_FOUND, "no handler for route")),
    };
    Ok(Json(json!({ "request_id": "1", "data": data })))
}

fn refusal(status: StatusCode, why: &str) -> Refusal {
    (status, Json(json!({ "errors": [why] })))
}

fn key_of(behaviour: &Behaviour, version: u32, context: &str) -> RandomizedNonceKey {
    let root = hmac::Key::new(hmac::HMAC_SHA256, &version.to_be_bytes());
    let context = if behaviour.derived { context } else { "" };
    let derived = hmac::sign(&root, context.as_bytes());
    RandomizedNonceKey::new(&AES_256_GCM, derived.as_ref()).unwrap()
}

fn encrypt(behaviour: &Behaviour, context: &str, plaintext: &str) -> String {
    let version = behaviour.version;
    let mut octets = STANDARD.decode(plaintext).unwrap();
    let nonce = key_of(behaviour, version, context)
        .seal_in_place_append_tag(Aad::empty(), &mut octets)
        .unwrap();
    let message = [nonce.as_ref().as_slice(), &octets].concat();
    format!("vault:v{version}:{}", STANDARD.encode(message))
}

fn decrypt(behaviour: &Behaviour, context: &str, ciphertext: &str) -> Result<String, Refusal> {
    let invalid = |why| refusal(StatusCode::BAD_REQUEST, why);
    let (version, message) = ciphertext
        .strip_prefix("vault:v")
        .and_then(|rest| rest.split_once(':'))
        .ok_or_else(|| invalid("invalid ciphertext: no prefix"))?;
    let version: u32 = version.parse().map_err(|_| invalid("invalid ciphertext"))?;
    if version < behaviour.min_decryption_version {
        return Err(invalid(
            "ciphertext or signature version is disallowed by policy (too old)",
        ));
    }
    let message = STANDARD
        .decode(message)
        .map_err(|_| invalid("invalid ciphertext"))?;
    let (nonce, sealed) = message.split_at(NONCE_LEN);
    let mut octets = sealed.to_vec();
    let opened = key_of(behaviour, version, context)
        .open_in_place(
            Nonce::try_assume_unique_for_key(nonce).unwrap(),
            Aad::empty(),
            &mut octets,
        )
        .map_err(|_| invalid("cipher: message authentication failed"))?;
    Ok(STANDARD.encode(opened))
}
