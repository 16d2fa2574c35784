//! A key-encryption key that Vault (or OpenBao) keeps: its transit secrets engine.
//!
//! The key must be **derived** (`vault write transit/keys/NAME derived=true`): Vault then mixes the
//! context that we send, tenant, purpose and identifier, into the key it enciphers with. With any other
//! key Vault ignores the context, and a wrapped key of one tenant opens as one of another; that is
//! tried out once before anything is wrapped.
//!
//! The token needs `update` on `MOUNT/encrypt/NAME`, `MOUNT/decrypt/NAME` and `MOUNT/rewrap/NAME`, and
//! nothing else.

use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::future::BoxFuture;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Certificate, Client, Response, StatusCode, redirect};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use zeroize::Zeroizing;

use super::{KekError, KeyEncryptionKey, KeyHolder, WrappedKey};
use crate::{DataKey, KeyId, KeyPurpose, random};

/// Before the name of Vault's key in [`WrappedKey::kek`].
const SCHEME: &str = "vault:";
/// Before a ciphertext of Vault, which goes on with its version: `vault:v3:...`.
const CIPHERTEXT: &str = "vault:v";
/// Longest pause between two attempts.
const MAX_PAUSE: Duration = Duration::from_secs(5);

/// Where Vault is and how it is asked.
#[derive(Debug, Clone)]
pub struct VaultOptions {
    /// As in `https://vault.example:8200`.
    pub address: String,
    /// Path of the transit engine: `transit`.
    pub mount: String,
    /// Name of the key in it.
    pub key: String,
    /// Namespace, where Vault has them.
    pub namespace: Option<String>,
    /// File with the token, read at every request: an agent may renew it.
    pub token_file: PathBuf,
    /// PEM file with the certificates that vouch for the server; those of the system when there is
    /// none.
    pub ca_file: Option<PathBuf>,
    /// Longest a request may take.
    pub timeout: Duration,
    /// Attempts of a request that fails for the moment.
    pub attempts: u32,
    /// Pause before the second attempt; doubled before each after it.
    pub pause: Duration,
}

impl VaultOptions {
    /// The usual times: 5 s a request, four attempts, 200 ms before the second.
    #[must_use]
    pub fn new(address: &str, mount: &str, key: &str, token_file: PathBuf) -> Self {
        Self {
            address: address.to_owned(),
            mount: mount.to_owned(),
            key: key.to_owned(),
            namespace: None,
            token_file,
            ca_file: None,
            timeout: Duration::from_secs(5),
            attempts: 4,
            pause: Duration::from_millis(200),
        }
    }
}

/// A key of Vault's transit engine.
#[derive(Debug)]
pub struct VaultTransit {
    client: Client,
    options: VaultOptions,
    /// Set once Vault was seen to mind the context.
    minds_context: OnceCell<()>,
}

/// What transit answers, as far as we read it.
#[derive(Deserialize)]
struct Answer {
    data: AnswerData,
}

#[derive(Deserialize)]
struct AnswerData {
    ciphertext: Option<String>,
    plaintext: Option<Zeroizing<String>>,
}

#[derive(Deserialize)]
struct Complaint {
    #[serde(default)]
    errors: Vec<String>,
}

/// How an attempt ended.
enum Attempt {
    Done(AnswerData),
    Failed(KekError),
    /// Later, after a pause that Vault may have named.
    Again(String, Option<Duration>),
}

impl VaultTransit {
    /// Prepares the client; asks nothing yet.
    ///
    /// # Errors
    /// [`KekError::Invalid`] for an address, a name or a certificate that cannot be.
    pub fn new(options: VaultOptions) -> Result<Self, KekError> {
        check(&options)?;
        let mut builder = Client::builder()
            .timeout(options.timeout)
            // A token is for this server: not for a proxy of the environment, nor for where an answer
            // points to.
            .no_proxy()
            .redirect(redirect::Policy::none());
        if let Some(path) = &options.ca_file {
            let pem = std::fs::read(path).map_err(|error| {
                KekError::Invalid(format!("cannot read {}: {error}", path.display()))
            })?;
            let certificates = Certificate::from_pem_bundle(&pem).map_err(|_| {
                KekError::Invalid(format!("{} holds no certificates in PEM", path.display()))
            })?;
            builder = builder.tls_certs_only(certificates);
        }
        let client = builder
            .build()
            .map_err(|error| KekError::Invalid(format!("no client for Vault: {error}")))?;
        Ok(Self {
            client,
            options,
            minds_context: OnceCell::new(),
        })
    }

    async fn encrypt(&self, holder: &KeyHolder, octets: &[u8]) -> Result<WrappedKey, KekError> {
        let plaintext = Zeroizing::new(STANDARD.encode(octets));
        let body = json!({"plaintext": plaintext.as_str(), "context": context(holder)});
        let answer = self.ask("encrypt", &body).await?;
        self.wrapped(answer)
    }

    async fn decrypt(
        &self,
        holder: &KeyHolder,
        ciphertext: &str,
    ) -> Result<Zeroizing<Vec<u8>>, KekError> {
        let body = json!({"ciphertext": ciphertext, "context": context(holder)});
        let answer = self.ask("decrypt", &body).await?;
        let plaintext = answer.plaintext.ok_or_else(|| unreadable("no plaintext"))?;
        STANDARD
            .decode(plaintext.as_bytes())
            .map(Zeroizing::new)
            .map_err(|_| unreadable("a plaintext that is not base64"))
    }

    fn wrapped(&self, answer: AnswerData) -> Result<WrappedKey, KekError> {
        let ciphertext = answer
            .ciphertext
            .ok_or_else(|| unreadable("no ciphertext"))?;
        let version = version_of(&ciphertext).ok_or_else(|| unreadable("a strange ciphertext"))?;
        Ok(WrappedKey {
            kek: self.name(version),
            octets: ciphertext.into_bytes(),
        })
    }

    fn name(&self, version: u32) -> String {
        let VaultOptions { mount, key, .. } = &self.options;
        format!("{SCHEME}{mount}/{key}:v{version}")
    }

    /// The ciphertext, when it is of this key.
    fn ciphertext<'a>(&self, wrapped: &'a WrappedKey) -> Result<&'a str, KekError> {
        let VaultOptions { mount, key, .. } = &self.options;
        if !wrapped.kek.starts_with(&format!("{SCHEME}{mount}/{key}:")) {
            return Err(KekError::UnknownKey(wrapped.kek.clone()));
        }
        std::str::from_utf8(&wrapped.octets).map_err(|_| KekError::Refused)
    }

    /// Wraps for one holder and unwraps for another, which must fail.
    async fn check_context(&self) -> Result<(), KekError> {
        let tried = self.minds_context.get_or_try_init(|| async {
            let [one, other] = [1, 2].map(|n| KeyHolder {
                tenant: None,
                purpose: KeyPurpose::Column,
                key: KeyId::new(uuid::Uuid::from_u128(n)),
            });
            let probe = self.encrypt(&one, &[0; DataKey::LEN]).await?;
            match self.decrypt(&other, self.ciphertext(&probe)?).await {
                Err(KekError::Refused) => Ok(()),
                Err(error) => Err(error),
                Ok(_) => Err(KekError::Invalid(format!(
                    "the key `{}` of Vault ignores the context; make one with derived=true",
                    self.options.key
                ))),
            }
        });
        tried.await.copied()
    }

    async fn ask(&self, what: &str, body: &Value) -> Result<AnswerData, KekError> {
        let VaultOptions {
            address,
            mount,
            key,
            attempts,
            pause,
            ..
        } = &self.options;
        let url = format!("{}/v1/{mount}/{what}/{key}", address.trim_end_matches('/'));
        let mut pause = *pause;
        let mut attempt = 1;
        loop {
            match self.attempt(&url, body).await {
                Attempt::Done(answer) => return Ok(answer),
                Attempt::Failed(error) => return Err(error),
                Attempt::Again(why, _) if attempt >= *attempts => {
                    return Err(KekError::Unavailable(why));
                }
                Attempt::Again(_, wanted) => {
                    tokio::time::sleep(wanted.unwrap_or(pause).min(MAX_PAUSE) + jitter(pause))
                        .await;
                    pause = (pause * 2).min(MAX_PAUSE);
                    attempt += 1;
                }
            }
        }
    }

    async fn attempt(&self, url: &str, body: &Value) -> Attempt {
        let headers = match self.headers().await {
            Ok(headers) => headers,
            Err(error) => return Attempt::Failed(error),
        };
        let sent = self.client.post(url).headers(headers).json(body).send();
        match sent.await {
            Ok(response) => read(response).await,
            // Without the URL: its path is in our own settings.
            Err(error) => Attempt::Again(format!("Vault: {}", error.without_url()), None),
        }
    }

    /// The token as it is now, and the namespace.
    async fn headers(&self) -> Result<HeaderMap, KekError> {
        let path = &self.options.token_file;
        let token = tokio::fs::read_to_string(path).await.map_err(|error| {
            KekError::Unavailable(format!(
                "cannot read the token of Vault in {}: {error}",
                path.display()
            ))
        })?;
        let token = Zeroizing::new(token);
        let mut token = HeaderValue::from_str(token.trim())
            .map_err(|_| KekError::Invalid(format!("{} holds no token", path.display())))?;
        token.set_sensitive(true);
        let mut headers = HeaderMap::from_iter([
            (HeaderName::from_static("x-vault-token"), token),
            (
                HeaderName::from_static("x-vault-request"),
                HeaderValue::from_static("true"),
            ),
        ]);
        if let Some(namespace) = &self.options.namespace {
            let namespace = HeaderValue::from_str(namespace)
                .map_err(|_| KekError::Invalid("no namespace of Vault".to_owned()))?;
            headers.insert(HeaderName::from_static("x-vault-namespace"), namespace);
        }
        Ok(headers)
    }
}

impl KeyEncryptionKey for VaultTransit {
    fn wrap<'a>(
        &'a self,
        holder: &'a KeyHolder,
        key: &'a DataKey,
    ) -> BoxFuture<'a, Result<WrappedKey, KekError>> {
        Box::pin(async move {
            self.check_context().await?;
            self.encrypt(holder, key.expose()).await
        })
    }

    fn unwrap<'a>(
        &'a self,
        holder: &'a KeyHolder,
        wrapped: &'a WrappedKey,
    ) -> BoxFuture<'a, Result<DataKey, KekError>> {
        Box::pin(async move {
            let octets = self.decrypt(holder, self.ciphertext(wrapped)?).await?;
            DataKey::new(holder.key, &octets).map_err(|_| KekError::Refused)
        })
    }

    /// By Vault itself: the data key does not leave it.
    fn rewrap<'a>(
        &'a self,
        holder: &'a KeyHolder,
        wrapped: &'a WrappedKey,
    ) -> BoxFuture<'a, Result<Option<WrappedKey>, KekError>> {
        Box::pin(async move {
            let ciphertext = self.ciphertext(wrapped)?;
            let body = json!({"ciphertext": ciphertext, "context": context(holder)});
            let rewrapped = self.wrapped(self.ask("rewrap", &body).await?)?;
            Ok((rewrapped.kek != wrapped.kek).then_some(rewrapped))
        })
    }
}

fn check(options: &VaultOptions) -> Result<(), KekError> {
    let VaultOptions {
        address,
        mount,
        key,
        ..
    } = options;
    let is_url = reqwest::Url::parse(address)
        .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    if !is_url {
        return Err(KekError::Invalid(
            "the address of Vault is no URL; write it as in https://vault.example:8200".to_owned(),
        ));
    }
    let is_name = |name: &str| {
        // No `..`, which leads to another path.
        !name.is_empty()
            && !name.starts_with('.')
            && name
                .bytes()
                .all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_' | b'.'))
    };
    if !mount.split('/').all(is_name) || !is_name(key) {
        return Err(KekError::Invalid(
            "mount and key of Vault have letters, digits, `-`, `_` and `.`; a mount may have several parts with `/` between"
                .to_owned(),
        ));
    }
    Ok(())
}

async fn read(response: Response) -> Attempt {
    let status = response.status();
    if status.is_success() {
        return match response.json::<Answer>().await {
            Ok(answer) => Attempt::Done(answer.data),
            Err(error) if error.is_decode() => Attempt::Failed(unreadable("no data")),
            Err(error) => Attempt::Again(format!("Vault: {}", error.without_url()), None),
        };
    }
    let wanted = response
        .headers()
        .get(RETRY_AFTER)
        .and_then(|seconds| seconds.to_str().ok()?.parse().ok())
        .map(Duration::from_secs);
    let why = complaint(response).await;
    match status {
        // 412: a standby that has not caught up; 473 and 429: a standby that is asked for its health.
        StatusCode::TOO_MANY_REQUESTS | StatusCode::PRECONDITION_FAILED => {
            Attempt::Again(why, wanted)
        }
        status if status.is_server_error() => Attempt::Again(why, wanted),
        status if status.is_redirection() => Attempt::Failed(KekError::Denied(
            "Vault points to another server; give the address of the active one".to_owned(),
        )),
        // Vault tells a ciphertext that does not open from a request it does not like by words only.
        StatusCode::BAD_REQUEST if why.contains("message authentication failed") => {
            Attempt::Failed(KekError::Refused)
        }
        _ => Attempt::Failed(KekError::Denied(why)),
    }
}

/// What Vault says, shortened: it is shown to people.
async fn complaint(response: Response) -> String {
    let status = response.status();
    let errors = response
        .json::<Complaint>()
        .await
        .map(|complaint| complaint.errors)
        .unwrap_or_default();
    let said: String = errors
        .join("; ")
        .chars()
        .filter(|letter| !letter.is_control())
        .take(200)
        .collect();
    format!("Vault answers {status} {said}")
        .trim_end()
        .to_owned()
}

fn context(holder: &KeyHolder) -> String {
    STANDARD.encode(holder.context())
}

fn version_of(ciphertext: &str) -> Option<u32> {
    let (version, _) = ciphertext.strip_prefix(CIPHERTEXT)?.split_once(':')?;
    version.parse().ok()
}

fn unreadable(what: &str) -> KekError {
    KekError::Denied(format!(
        "Vault answered with {what}; is this its transit engine?"
    ))
}

/// Up to half a pause, so that several processes do not come back at once.
fn jitter(pause: Duration) -> Duration {
    let mut octet = [0];
    // Without randomness there is no jitter.
    let _ = random::fill(&mut octet);
    pause * u32::from(octet[0]) / 512
}
