//! Data keys under a key of Vault.

use std::path::PathBuf;
use std::time::Duration;

use callplane_keys::{DataKey, KekError, KeyEncryptionKey, VaultOptions, VaultTransit};
use uuid::Uuid;

use crate::local::{holder, others};
use crate::transit::{Transit, Trouble};

/// A file with a token, removed at the end.
struct TokenFile(PathBuf);

impl TokenFile {
    fn new(token: &str) -> Self {
        let path = std::env::temp_dir().join(format!("callplane-token-{}", Uuid::now_v7()));
        std::fs::write(&path, token).unwrap();
        Self(path)
    }

    fn write(&self, token: &str) {
        std::fs::write(&self.0, token).unwrap();
    }
}

impl Drop for TokenFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn options(transit: &Transit, token: &TokenFile) -> VaultOptions {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    VaultOptions {
        timeout: Duration::from_millis(300),
        attempts: 3,
        pause: Duration::from_millis(1),
        ..VaultOptions::new(&transit.address, "transit", "callplane", token.0.clone())
    }
}

async fn started() -> (Transit, TokenFile, VaultTransit) {
    let transit = Transit::start("s.one").await;
    let token = TokenFile::new("s.one\n");
    let kek = VaultTransit::new(options(&transit, &token)).unwrap();
    (transit, token, kek)
}

#[tokio::test]
async fn vault_opens_a_data_key_for_its_holder_only() {
    let (_transit, _token, kek) = started().await;
    let key = DataKey::generate().unwrap();
    let wrapped = kek.wrap(&holder(&key), &key).await.unwrap();
    assert_eq!(wrapped.kek, "vault:transit/callplane:v1");
    assert!(wrapped.octets.starts_with(b"vault:v1:"));
    let again = kek.unwrap(&holder(&key), &wrapped).await.unwrap();
    assert_eq!(again.expose(), key.expose());
    for other in others(&key) {
        let opened = kek.unwrap(&other, &wrapped).await;
        assert_eq!(opened.unwrap_err(), KekError::Refused, "{other:?}");
    }
}

#[tokio::test]
async fn a_rotation_in_vault_rewraps_by_vault_itself_and_the_old_version_can_go() {
    let (transit, _token, kek) = started().await;
    let key = DataKey::generate().unwrap();
    let wrapped = kek.wrap(&holder(&key), &key).await.unwrap();
    assert_eq!(kek.rewrap(&holder(&key), &wrapped).await.unwrap(), None);
    transit.with(|behaviour| behaviour.version = 2);
    let before = transit.with(|behaviour| behaviour.requests["decrypt"]);
    let rewrapped = kek.rewrap(&holder(&key), &wrapped).await.unwrap().unwrap();
    assert_eq!(rewrapped.kek, "vault:transit/callplane:v2");
    let after = transit.with(|behaviour| behaviour.requests["decrypt"]);
    assert_eq!(before, after, "the data key does not leave Vault");
    transit.with(|behaviour| behaviour.min_decryption_version = 2);
    let again = kek.unwrap(&holder(&key), &rewrapped).await.unwrap();
    assert_eq!(again.expose(), key.expose());
    let too_old = kek.unwrap(&holder(&key), &wrapped).await.unwrap_err();
    assert!(too_old.to_string().contains("too old"), "{too_old}");
}

#[tokio::test]
async fn a_key_that_ignores_the_context_is_never_used() {
    let (transit, _token, kek) = started().await;
    transit.with(|behaviour| behaviour.derived = false);
    let key = DataKey::generate().unwrap();
    let error = kek.wrap(&holder(&key), &key).await.unwrap_err();
    assert!(error.to_string().contains("derived=true"), "{error}");
    assert!(!error.is_transient());
}

#[tokio::test]
async fn a_token_is_read_again_whenever_it_is_needed() {
    let (transit, token, kek) = started().await;
    let key = DataKey::generate().unwrap();
    let wrapped = kek.wrap(&holder(&key), &key).await.unwrap();
    transit.with(|behaviour| behaviour.token = "s.two".to_owned());
    let error = kek.unwrap(&holder(&key), &wrapped).await.unwrap_err();
    assert!(error.to_string().contains("permission denied"), "{error}");
    assert!(!error.to_string().contains("s.one"), "{error}");
    token.write("s.two");
    kek.unwrap(&holder(&key), &wrapped).await.unwrap();
    std::fs::remove_file(&token.0).unwrap();
    let error = kek.unwrap(&holder(&key), &wrapped).await.unwrap_err();
    assert!(
        error.is_transient(),
        "an agent may be about to write it: {error}"
    );
}

#[tokio::test]
async fn what_fails_for_the_moment_is_tried_again_and_what_is_refused_is_not() {
    let (transit, _token, kek) = started().await;
    let key = DataKey::generate().unwrap();
    let wrapped = kek.wrap(&holder(&key), &key).await.unwrap();
    let unwrap_after = async |troubles: &[Trouble]| {
        transit.with(|behaviour| {
            behaviour.troubles = troubles.to_vec();
            behaviour.requests.clear();
        });
        let unwrapped = kek.unwrap(&holder(&key), &wrapped).await;
        let asked = transit.with(|behaviour| {
            behaviour.troubles.clear();
            behaviour.requests["decrypt"]
        });
        (unwrapped, asked)
    };
    let long = Trouble::Silence(Duration::from_secs(5));
    for passing in [Trouble::Status(503), Trouble::Status(429), long] {
        let (unwrapped, asked) = unwrap_after(&[passing]).await;
        assert_eq!(unwrapped.unwrap().expose(), key.expose(), "{passing:?}");
        assert_eq!(asked, 2, "{passing:?}");
    }
    let (unwrapped, asked) = unwrap_after(&[Trouble::Status(503); 9]).await;
    assert!(unwrapped.unwrap_err().is_transient());
    assert_eq!(asked, 3);
    for lasting in [400, 404, 307] {
        let (unwrapped, asked) = unwrap_after(&[Trouble::Status(lasting)]).await;
        assert!(!unwrapped.unwrap_err().is_transient(), "{lasting}");
        assert_eq!(asked, 1, "{lasting}");
    }
}

#[tokio::test]
async fn a_namespace_is_named_when_there_is_one() {
    let transit = Transit::start("s.one").await;
    transit.with(|behaviour| behaviour.namespace = Some("voice/eu".to_owned()));
    let token = TokenFile::new("s.one");
    let key = DataKey::generate().unwrap();
    let without = VaultTransit::new(options(&transit, &token)).unwrap();
    without.wrap(&holder(&key), &key).await.unwrap_err();
    let with = VaultTransit::new(VaultOptions {
        namespace: Some("voice/eu".to_owned()),
        ..options(&transit, &token)
    });
    with.unwrap().wrap(&holder(&key), &key).await.unwrap();
}

#[tokio::test]
async fn settings_that_cannot_be_are_refused_at_the_start() {
    let transit = Transit::start("s.one").await;
    let token = TokenFile::new("s.one");
    let good = options(&transit, &token);
    for wrong in [
        VaultOptions {
            address: "vault.example".to_owned(),
            ..good.clone()
        },
        VaultOptions {
            mount: "transit/../sys".to_owned(),
            ..good.clone()
        },
        VaultOptions {
            key: "a/b".to_owned(),
            ..good.clone()
        },
        VaultOptions {
            mount: String::new(),
            ..good.clone()
        },
        VaultOptions {
            ca_file: Some("/nowhere.pem".into()),
            ..good.clone()
        },
    ] {
        let error = VaultTransit::new(wrong).unwrap_err();
        assert!(matches!(error, KekError::Invalid(_)), "{error}");
    }
    let unreachable = VaultTransit::new(VaultOptions {
        address: "http://127.0.0.1:1".to_owned(),
        ..good
    })
    .unwrap();
    let key = DataKey::generate().unwrap();
    let error = unreachable.wrap(&holder(&key), &key).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
}
