//! Tokens that let a browser start calls, or one, or join a running call: signed, short-lived, for one tenant and
//! agent or call.
//!
//! A token is a JWT (RFC 7519) in the compact form of RFC 7515, signed with HMAC-SHA-256. The key is
//! derived by HKDF (RFC 5869) from a data key of the tenant, so that whoever has the tenant's keys mints
//! and checks tokens, a rotation reaches them without anything of their own, and no token helps to open
//! what the data key sealed. **The algorithm is not the token's to choose**: a header of any other words
//! than ours is refused unread.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use aws_lc_rs::{hkdf, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use callplane_types::{CallId, ObserverMode, TenantId, WallTime};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{DataKey, KeyId, KeyRing};

/// What separates these keys from everything else a data key is used for.
const SALT: &[u8] = b"callplane call token 1";
/// Longest token that is read.
const MAX_TOKEN: usize = 4 * 1024;
/// A clock may be this far ahead of ours.
const LEEWAY: Duration = Duration::from_secs(5);

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallClaims {
    /// The token's own name, in records and for tokens that are used once.
    pub id: Uuid,
    /// `metadata.name` of the Agent that may be called.
    pub agent: String,
    /// When it was made.
    pub issued_at: WallTime,
    /// Until when a call may be started with it; a call that runs goes on.
    pub expires_at: WallTime,
    /// Whether it starts one call and no more.
    pub single_use: bool,
    /// Who calls, for the record.
    pub caller: Option<String>,
    /// Variables of the conversation.
    pub variables: BTreeMap<String, String>,
}

/// What a token says that lets a supervisor join a call that goes on. It does so once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObserverClaims {
    /// The token's own name, in records and for its single use.
    pub id: Uuid,
    /// Which call.
    pub call: CallId,
    /// What the supervisor may do in it.
    pub mode: ObserverMode,
    /// When it was made.
    pub issued_at: WallTime,
    /// Until when the call may be joined with it; who has joined stays.
    pub expires_at: WallTime,
}

/// Why a token is not taken: what is wrong with it and what to do. Tells nothing of the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallTokenError {
    /// Not a token of ours.
    #[error("the token is malformed: mint one with `kubectl callplane token AGENT`")]
    Malformed,
    /// Made for another tenant.
    #[error("the token is of another tenant than this address serves")]
    OtherTenant,
    /// Its key is gone.
    #[error("the key that signed the token is no longer in use: mint a new one")]
    UnknownKey,
    /// Changed, or made up.
    #[error("the signature of the token is wrong")]
    BadSignature,
    /// Too late.
    #[error(
        "the token has expired: mint a new one, with a longer --ttl if the page is opened later"
    )]
    Expired,
    /// For something else.
    #[error(
        "the token is for something else: `kubectl callplane token` mints those that call an agent, \
         `kubectl callplane call join` those that join a call"
    )]
    OtherPurpose,
    /// Valid for longer than any may be.
    #[error("a token is valid for an hour at most")]
    TooLong,
}

#[derive(Serialize, Deserialize)]
struct Payload {
    jti: Uuid,
    ten: Uuid,
    iat: i64,
    exp: i64,
    #[serde(flatten)]
    subject: Subject,
}

/// What a token lets its holder do.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Subject {
    Call {
        agent: String,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        once: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        caller: Option<String>,
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        vars: BTreeMap<String, String>,
    },
    Observe {
        call: CallId,
        mode: ObserverMode,
    },
}

/// Mints and checks the tokens of one tenant.
pub struct CallTokens<'a> {
    ring: &'a KeyRing,
    tenant: TenantId,
}

impl<'a> CallTokens<'a> {
    /// How long a token is valid unless it is said.
    pub const USUAL_TTL: Duration = Duration::from_secs(60);
    /// How long at most.
    pub const LONGEST_TTL: Duration = Duration::from_secs(3_600);

    /// The tokens of `tenant`, whose data keys are on `ring`.
    #[must_use]
    pub const fn new(ring: &'a KeyRing, tenant: TenantId) -> Self {
        Self { ring, tenant }
    }

    /// A token that says `claims`.
    ///
    /// # Errors
    /// [`CallTokenError::TooLong`].
    pub fn mint(&self, claims: &CallClaims) -> Result<String, CallTokenError> {
        self.sign(&Payload {
            jti: claims.id,
            ten: self.tenant.uuid(),
            iat: seconds(claims.issued_at),
            exp: seconds(claims.expires_at),
            subject: Subject::Call {
                agent: claims.agent.clone(),
                once: claims.single_use,
                caller: claims.caller.clone(),
                vars: claims.variables.clone(),
            },
        })
    }

    /// The same for who joins a call.
    ///
    /// # Errors
    /// [`CallTokenError::TooLong`].
    pub fn mint_observer(&self, claims: &ObserverClaims) -> Result<String, CallTokenError> {
        self.sign(&Payload {
            jti: claims.id,
            ten: self.tenant.uuid(),
            iat: seconds(claims.issued_at),
            exp: seconds(claims.expires_at),
            subject: Subject::Observe {
                call: claims.call,
                mode: claims.mode,
            },
        })
    }

    fn sign(&self, payload: &Payload) -> Result<String, CallTokenError> {
        let key = self.ring.key(self.ring.sealing());
        let key = key.ok_or(CallTokenError::UnknownKey)?;
        let json = serde_json::to_vec(payload).map_err(|_| CallTokenError::Malformed)?;
        let signed = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header(key.id())),
            URL_SAFE_NO_PAD.encode(json)
        );
        let tag = hmac::sign(&signing_key(key, self.tenant), signed.as_bytes());
        let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag.as_ref()));
        let lasts = payload.exp.saturating_sub(payload.iat);
        match lasts > Self::LONGEST_TTL.as_secs() as i64 || token.len() > MAX_TOKEN {
            true => Err(CallTokenError::TooLong),
            false => Ok(token),
        }
    }

    /// What `token` says, if it is one of ours and of now.
    ///
    /// # Errors
    /// [`CallTokenError`] names what is wrong.
    pub fn read(&self, token: &str, now: WallTime) -> Result<CallClaims, CallTokenError> {
        let payload = self.verify(token, now)?;
        let Subject::Call {
            agent,
            once,
            caller,
            vars,
        } = payload.subject
        else {
            return Err(CallTokenError::OtherPurpose);
        };
        Ok(CallClaims {
            id: payload.jti,
            agent,
            issued_at: time(payload.iat),
            expires_at: time(payload.exp),
            single_use: once,
            caller,
            variables: vars,
        })
    }

    /// The same of a token that lets somebody join a call.
    ///
    /// # Errors
    /// [`CallTokenError`] names what is wrong.
    pub fn read_observer(
        &self,
        token: &str,
        now: WallTime,
    ) -> Result<ObserverClaims, CallTokenError> {
        let payload = self.verify(token, now)?;
        let Subject::Observe { call, mode } = payload.subject else {
            return Err(CallTokenError::OtherPurpose);
        };
        Ok(ObserverClaims {
            id: payload.jti,
            call,
            mode,
            issued_at: time(payload.iat),
            expires_at: time(payload.exp),
        })
    }

    fn verify(&self, token: &str, now: WallTime) -> Result<Payload, CallTokenError> {
        let malformed = CallTokenError::Malformed;
        if token.len() > MAX_TOKEN {
            return Err(malformed);
        }
        let (signed, tag) = token.rsplit_once('.').ok_or(malformed)?;
        let (head, body) = signed.split_once('.').ok_or(malformed)?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| malformed);
        let (head, body, tag) = (decode(head)?, decode(body)?, decode(tag)?);
        let id = key_of(&head).ok_or(malformed)?;
        let read = || serde_json::from_slice::<Payload>(&body).map_err(|_| malformed);
        let Some(key) = self.ring.key(id) else {
            // Unproven words, good enough to say which mistake it probably is.
            let ours = read()?.ten == self.tenant.uuid();
            return Err(match ours {
                true => CallTokenError::UnknownKey,
                false => CallTokenError::OtherTenant,
            });
        };
        hmac::verify(&signing_key(key, self.tenant), signed.as_bytes(), &tag)
            .map_err(|_| CallTokenError::BadSignature)?;
        let payload = read()?;
        if payload.ten != self.tenant.uuid() {
            return Err(CallTokenError::OtherTenant);
        }
        check_times(&payload, now)?;
        Ok(payload)
    }
}

impl fmt::Debug for CallTokens<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CallTokens({})", self.tenant)
    }
}

fn check_times(payload: &Payload, now: WallTime) -> Result<(), CallTokenError> {
    let longest = CallTokens::LONGEST_TTL.as_secs() as i64;
    let leeway = LEEWAY.as_secs() as i64;
    let (issued, expires, now) = (payload.iat, payload.exp, seconds(now));
    if expires.saturating_sub(issued) > longest || issued.saturating_sub(now) > leeway {
        return Err(CallTokenError::TooLong);
    }
    match now >= expires {
        true => Err(CallTokenError::Expired),
        false => Ok(()),
    }
}

/// Byte for byte what every token of a key begins with.
fn header(key: KeyId) -> String {
    format!(r#"{{"alg":"HS256","typ":"JWT","kid":"{key}"}}"#)
}

fn key_of(octets: &[u8]) -> Option<KeyId> {
    let text = std::str::from_utf8(octets).ok()?;
    let (_, rest) = text.split_once(r#""kid":""#)?;
    let key: KeyId = rest.get(..36)?.parse().ok()?;
    (header(key) == text).then_some(key)
}

fn signing_key(key: &DataKey, tenant: TenantId) -> hmac::Key {
    let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, SALT);
    let tenant = tenant.uuid();
    let info = [tenant.as_bytes().as_slice()];
    let mut octets = Zeroizing::new([0; 32]);
    salt.extract(key.expose())
        .expand(&info, hkdf::HKDF_SHA256)
        .and_then(|made| made.fill(octets.as_mut_slice()))
        .expect("32 octets are one block of SHA-256, and the info is short");
    hmac::Key::new(hmac::HMAC_SHA256, octets.as_slice())
}

fn seconds(at: WallTime) -> i64 {
    at.unix_micros().div_euclid(1_000_000)
}

fn time(seconds: i64) -> WallTime {
    WallTime::from_unix_micros(seconds.saturating_mul(1_000_000))
}
