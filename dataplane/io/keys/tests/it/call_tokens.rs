use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use callplane_keys::{CallClaims, CallTokenError, CallTokens, DataKey, KeyRing, ObserverClaims};
use callplane_types::{CallId, ObserverMode, TenantId, WallTime};
use proptest::prelude::*;
use uuid::Uuid;

fn now() -> WallTime {
    WallTime::from_unix_micros(1_800_000_000_000_000)
}

fn tenant(number: u128) -> TenantId {
    TenantId::new(Uuid::from_u128(number))
}

fn ring() -> KeyRing {
    KeyRing::new(DataKey::generate().unwrap())
}

fn claims() -> CallClaims {
    CallClaims {
        id: Uuid::from_u128(7),
        agent: "reception".to_owned(),
        issued_at: now(),
        expires_at: now() + CallTokens::USUAL_TTL,
        single_use: true,
        caller: Some("Ada".to_owned()),
        variables: [("order".to_owned(), "B-17".to_owned())].into(),
    }
}

#[test]
fn what_a_token_says_is_read_until_it_expires() {
    let ring = ring();
    let tokens = CallTokens::new(&ring, tenant(1));
    let token = tokens.mint(&claims()).unwrap();
    assert_eq!(token.split('.').count(), 3);
    assert_eq!(tokens.read(&token, now()), Ok(claims()));
    let later = |seconds| now() + Duration::from_secs(seconds);
    assert_eq!(tokens.read(&token, later(59)), Ok(claims()));
    assert_eq!(tokens.read(&token, later(60)), Err(CallTokenError::Expired));
}

#[test]
fn a_token_that_joins_a_call_is_for_that_call_and_starts_none() {
    let ring = ring();
    let tokens = CallTokens::new(&ring, tenant(1));
    for mode in ObserverMode::ALL {
        let claims = ObserverClaims {
            id: Uuid::from_u128(8),
            call: CallId::new(Uuid::from_u128(9)),
            mode: *mode,
            issued_at: now(),
            expires_at: now() + CallTokens::USUAL_TTL,
        };
        let token = tokens.mint_observer(&claims).unwrap();
        assert_eq!(tokens.read_observer(&token, now()), Ok(claims.clone()));
        assert_eq!(
            tokens.read(&token, now()),
            Err(CallTokenError::OtherPurpose)
        );
        let late = tokens.read_observer(&token, claims.expires_at);
        assert_eq!(late, Err(CallTokenError::Expired));
    }
    let starts_calls = tokens.mint(&claims()).unwrap();
    let error = tokens.read_observer(&starts_calls, now()).unwrap_err();
    assert_eq!(error, CallTokenError::OtherPurpose);
    assert!(error.to_string().contains("call join"));
}

#[test]
fn a_rotated_key_still_reads_and_a_retired_one_says_so() {
    let old = ring();
    let token = CallTokens::new(&old, tenant(1)).mint(&claims()).unwrap();
    let key = DataKey::generate().unwrap();
    let (new, id) = (key.id(), old.sealing());
    let mut both = old.clone();
    both.add(key);
    both.seal_with(new).unwrap();
    let tokens = CallTokens::new(&both, tenant(1));
    assert_eq!(tokens.read(&token, now()), Ok(claims()));
    let newer = tokens.mint(&claims()).unwrap();
    let alone = CallTokens::new(&old, tenant(1));
    assert_eq!(alone.read(&newer, now()), Err(CallTokenError::UnknownKey));
    assert_ne!(new, id);
}

#[test]
fn a_token_of_another_tenant_is_named_as_one() {
    let (ours, theirs) = (ring(), ring());
    let token = CallTokens::new(&theirs, tenant(2)).mint(&claims()).unwrap();
    let tokens = CallTokens::new(&ours, tenant(1));
    assert_eq!(tokens.read(&token, now()), Err(CallTokenError::OtherTenant));
    // The same key under another tenant signs nothing for this one.
    let token = CallTokens::new(&ours, tenant(2)).mint(&claims()).unwrap();
    assert_eq!(
        tokens.read(&token, now()),
        Err(CallTokenError::BadSignature)
    );
}

#[test]
fn the_algorithm_is_not_the_tokens_to_choose() {
    let ring = ring();
    let tokens = CallTokens::new(&ring, tenant(1));
    let token = tokens.mint(&claims()).unwrap();
    let body = token.split('.').nth(1).unwrap();
    let kid = ring.sealing();
    for header in [
        format!(r#"{{"alg":"none","typ":"JWT","kid":"{kid}"}}"#),
        format!(r#"{{"alg":"HS256","typ":"JWT","kid":"{kid}","crit":["x"]}}"#),
        format!(r#"{{"kid":"{kid}","alg":"HS256","typ":"JWT"}}"#),
    ] {
        let forged = format!("{}.{body}.", URL_SAFE_NO_PAD.encode(header));
        assert_eq!(tokens.read(&forged, now()), Err(CallTokenError::Malformed));
    }
}

#[test]
fn a_token_for_longer_than_an_hour_is_neither_minted_nor_read() {
    let ring = ring();
    let tokens = CallTokens::new(&ring, tenant(1));
    let long = CallClaims {
        expires_at: now() + Duration::from_secs(3_601),
        ..claims()
    };
    assert_eq!(tokens.mint(&long), Err(CallTokenError::TooLong));
    let early = now() + Duration::from_secs(60);
    let future = CallClaims {
        issued_at: early,
        expires_at: early + CallTokens::USUAL_TTL,
        ..claims()
    };
    let token = tokens.mint(&future).unwrap();
    assert_eq!(tokens.read(&token, now()), Err(CallTokenError::TooLong));
}

proptest! {
    #[test]
    fn a_changed_token_is_refused(place in any::<prop::sample::Index>(), sign in "[A-Za-z0-9_.-]") {
        let ring = ring();
        let tokens = CallTokens::new(&ring, tenant(1));
        let token = tokens.mint(&claims()).unwrap();
        let place = place.index(token.len());
        let mut changed = token.clone();
        changed.replace_range(place..=place, &sign);
        // The last sign of base64 holds bits that count for nothing.
        prop_assume!(changed != token);
        prop_assert!(tokens.read(&changed, now()).is_err());
    }

    #[test]
    fn nothing_makes_it_stumble(text in "\\PC{0,200}") {
        let ring = ring();
        prop_assert!(CallTokens::new(&ring, tenant(1)).read(&text, now()).is_err());
    }
}
