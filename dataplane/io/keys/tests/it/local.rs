//! Data keys under a key of a Secret.

use callplane_keys::{
    DataKey, KekError, KeyEncryptionKey, KeyHolder, KeyId, KeyPurpose, LocalKek, WrappedKey,
};
use uuid::Uuid;

use crate::sealing::tenant;

pub(crate) fn holder(key: &DataKey) -> KeyHolder {
    KeyHolder {
        tenant: Some(tenant()),
        purpose: KeyPurpose::Column,
        key: key.id(),
    }
}

/// Holders that differ in one thing from [`holder`].
pub(crate) fn others(key: &DataKey) -> [KeyHolder; 4] {
    let holder = holder(key);
    [
        KeyHolder {
            tenant: None,
            ..holder
        },
        KeyHolder {
            tenant: Some(callplane_types::TenantId::new(Uuid::from_u128(9))),
            ..holder
        },
        KeyHolder {
            purpose: KeyPurpose::Archive,
            ..holder
        },
        KeyHolder {
            key: KeyId::new(Uuid::from_u128(9)),
            ..holder
        },
    ]
}

#[tokio::test]
async fn a_data_key_opens_for_its_holder_only() {
    let kek = LocalKek::parse(&LocalKek::generate().unwrap()).unwrap();
    let key = DataKey::generate().unwrap();
    let wrapped = kek.wrap(&holder(&key), &key).await.unwrap();
    assert!(
        !wrapped
            .octets
            .windows(DataKey::LEN)
            .any(|part| part == key.expose())
    );
    let again = kek.unwrap(&holder(&key), &wrapped).await.unwrap();
    assert_eq!(again.expose(), key.expose());
    for other in others(&key) {
        let opened = kek.unwrap(&other, &wrapped).await;
        assert_eq!(opened.unwrap_err(), KekError::Refused, "{other:?}");
    }
}

#[tokio::test]
async fn a_new_key_encryption_key_rewraps_and_leaves_the_data_key_as_it_is() {
    let [old_line, new_line] = [(); 2].map(|()| LocalKek::generate().unwrap());
    let old = LocalKek::parse(&old_line).unwrap();
    let both = LocalKek::parse(&format!("# since May\n{}\n{}\n", *new_line, *old_line)).unwrap();
    let new = LocalKek::parse(&new_line).unwrap();
    let key = DataKey::generate().unwrap();
    let wrapped = old.wrap(&holder(&key), &key).await.unwrap();
    let missing = new.unwrap(&holder(&key), &wrapped).await.unwrap_err();
    assert_eq!(missing, KekError::UnknownKey(wrapped.kek.clone()));
    let rewrapped = both.rewrap(&holder(&key), &wrapped).await.unwrap().unwrap();
    assert_eq!(rewrapped.kek, new.current());
    assert_eq!(both.rewrap(&holder(&key), &rewrapped).await.unwrap(), None);
    let again = new.unwrap(&holder(&key), &rewrapped).await.unwrap();
    assert_eq!(again.expose(), key.expose());
}

#[tokio::test]
async fn what_is_no_key_or_no_wrapped_key_is_refused_and_not_shown() {
    for wrong in ["", "# none", "AAAA", "not base64 at all"] {
        let error = LocalKek::parse(wrong).unwrap_err();
        assert!(matches!(error, KekError::Invalid(_)), "{error}");
        assert!(wrong.is_empty() || !error.to_string().contains(wrong));
    }
    let line = LocalKek::generate().unwrap();
    let kek = LocalKek::parse(&line).unwrap();
    let printed = format!("{kek:?}");
    assert!(!printed.contains(&line[..16]), "{printed}");
    let key = DataKey::generate().unwrap();
    let wrapped = kek.wrap(&holder(&key), &key).await.unwrap();
    let of_vault = WrappedKey {
        kek: "vault:transit/callplane:v1".to_owned(),
        ..wrapped.clone()
    };
    let error = kek.unwrap(&holder(&key), &of_vault).await.unwrap_err();
    assert_eq!(error, KekError::UnknownKey(of_vault.kek));
    let cut = WrappedKey {
        octets: wrapped.octets[..20].to_vec(),
        ..wrapped
    };
    let error = kek.unwrap(&holder(&key), &cut).await.unwrap_err();
    assert_eq!(error, KekError::Refused);
}
