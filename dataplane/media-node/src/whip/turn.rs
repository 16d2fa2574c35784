//! The servers that browsers are told, and what they log in with.

use std::path::PathBuf;
use std::time::Duration;

use aws_lc_rs::hmac;
use axum::http::HeaderValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use callplane_types::WallTime;

use crate::config::IceServer;
use crate::node::random_u64;

/// How long a browser may use what it is told: longer than a call, because a relay asks again when it is refreshed.
const LASTS: Duration = Duration::from_secs(12 * 3600);

/// Servers of STUN and TURN.
#[derive(Debug)]
pub(super) struct IceServers {
    servers: Vec<IceServer>,
    /// The secret shared with those of TURN that have no login of their own.
    secret: Option<PathBuf>,
}

impl IceServers {
    pub(super) fn new(servers: Vec<IceServer>, secret: Option<PathBuf>) -> Self {
        Self { servers, secret }
    }

    /// `Link` of RFC 9725 section 4.6, one for each server. The secret is read anew, so one that is replaced is
    /// used from the next call on.
    pub(super) async fn links(&self, now: WallTime) -> Vec<HeaderValue> {
        let minted = match &self.secret {
            Some(file) => match tokio::fs::read_to_string(file).await {
                Ok(secret) => Some(mint(secret.trim(), now + LASTS, random_u64())),
                Err(error) => {
                    tracing::warn!(%error, file = %file.display(), "failed to read the secret of TURN");
                    None
                }
            },
            None => None,
        };
        let links = self.servers.iter().filter_map(|server| {
            let login = server.login.as_ref().or(minted.as_ref());
            // Without a login a server of TURN is of no use.
            (login.is_some() || !server.is_turn()).then(|| link(server, login))?
        });
        links.collect()
    }
}

/// User name and password until `expires`, as `use-auth-secret` of coturn checks them
/// (draft-uberti-behave-turn-rest). `name` is in the logs of the server and says nothing of the call.
fn mint(secret: &str, expires: WallTime, name: u64) -> (String, String) {
    let seconds = expires.unix_micros() / 1_000_000;
    let username = format!("{seconds}:{name:016x}");
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes());
    let password = BASE64.encode(hmac::sign(&key, username.as_bytes()));
    (username, password)
}

/// A server as RFC 9725 section 4.6 writes it.
fn link(server: &IceServer, login: Option<&(String, String)>) -> Option<HeaderValue> {
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
    let login = login
        .filter(|_| server.is_turn())
        .map(|(username, credential)| {
            format!(
                r#"; username="{}"; credential="{}"; credential-type="password""#,
                quoted(username),
                quoted(credential)
            )
        });
    let text = format!(
        r#"<{}>; rel="ice-server"{}"#,
        server.url,
        login.unwrap_or_default()
    );
    HeaderValue::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_written_as_the_rfc_does() {
        let turn: IceServer = "turn:turn.example.net?transport=udp|user|myPassword"
            .parse()
            .unwrap();
        assert_eq!(
            link(&turn, turn.login.as_ref()).unwrap(),
            "<turn:turn.example.net?transport=udp>; rel=\"ice-server\"; username=\"user\"; \
             credential=\"myPassword\"; credential-type=\"password\""
        );
        let stun: IceServer = "stun:stun.example.net".parse().unwrap();
        assert_eq!(
            link(&stun, turn.login.as_ref()).unwrap(),
            "<stun:stun.example.net>; rel=\"ice-server\""
        );
    }

    #[test]
    fn a_login_is_what_openssl_makes_of_the_secret() {
        // printf NAME | openssl dgst -sha1 -hmac north -binary | base64
        let expires = WallTime::from_unix_micros(1_893_456_000_500_000);
        let (username, password) = mint("north", expires, 0x9f86_d081_884c_7d65);
        assert_eq!(username, "1893456000:9f86d081884c7d65");
        assert_eq!(password, "gN9LYOY1ew85qWk5GbmUVFdZWH4=");
    }

    #[tokio::test]
    async fn a_turn_server_that_has_no_login_is_told_with_a_new_one_each_time_or_not_at_all() {
        let servers: Vec<IceServer> = ["stun:a", "turn:b", "turn:c|user|password"]
            .map(|server| server.parse().unwrap())
            .to_vec();
        let told = async |secret: Option<PathBuf>| -> Vec<String> {
            let servers = IceServers::new(servers.clone(), secret);
            let links = servers.links(WallTime::from_unix_micros(0)).await;
            links
                .iter()
                .map(|link| link.to_str().unwrap().to_owned())
                .collect()
        };
        let without = told(Some("/nonexistent".into())).await;
        assert_eq!(without.len(), 2, "{without:?}");
        let file = std::env::temp_dir().join(format!("callplane-turn-{}", random_u64()));
        std::fs::write(&file, "north\n").unwrap();
        let (one, two) = (
            told(Some(file.clone())).await,
            told(Some(file.clone())).await,
        );
        std::fs::remove_file(file).unwrap();
        assert!(one[1].contains("username=\"43200:"), "{one:?}");
        assert!(!one[1].contains("north"));
        assert_ne!(one[1], two[1]);
        assert_eq!((&one[0], &one[2]), (&two[0], &two[2]));
    }
}
