//! Passwords, tokens and API keys.

use callplane_keys::{
    ApiKey, ApiKeyEnvironment, HashPasswordError, Passwords, Tokens, Verdict, new_token,
};

#[test]
fn a_password_is_verified_by_its_hash() {
    let passwords = Passwords::cheap();
    let hash = passwords.hash("correct horse").unwrap();
    assert!(hash.starts_with("$argon2id$v=19$"), "{hash}");
    assert_ne!(hash, passwords.hash("correct horse").unwrap());
    assert_eq!(
        passwords.verify("correct horse", Some(&hash)),
        Verdict::Right
    );
    for wrong in ["correct horsf", "", "x".repeat(2_000).as_str()] {
        assert_eq!(passwords.verify(wrong, Some(&hash)), Verdict::Wrong);
    }
    assert_eq!(passwords.verify("correct horse", None), Verdict::Wrong);
    assert_eq!(passwords.hash(""), Err(HashPasswordError::Empty));
    assert_eq!(
        passwords.hash(&"x".repeat(2_000)),
        Err(HashPasswordError::TooLong)
    );
}

#[test]
fn the_usual_hash_costs_what_owasp_asks_for() {
    let hash = Passwords::default().hash("correct horse").unwrap();
    assert!(
        hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
        "{hash}"
    );
}

#[test]
fn a_hash_of_bcrypt_is_accepted_and_replaced() {
    let passwords = Passwords::cheap();
    let theirs = bcrypt::hash("correct horse", 4).unwrap();
    for prefix in ["$2a$", "$2b$", "$2y$"] {
        let stored = format!("{prefix}{}", &theirs[4..]);
        let Verdict::RightButOld(new) = passwords.verify("correct horse", Some(&stored)) else {
            panic!("{prefix} is accepted");
        };
        assert!(new.starts_with("$argon2id$"), "{new}");
        assert_eq!(
            passwords.verify("correct horse", Some(&new)),
            Verdict::Right
        );
        assert_eq!(passwords.verify("wrong", Some(&stored)), Verdict::Wrong);
    }
}

#[test]
fn a_hash_that_is_cheaper_than_today_is_replaced() {
    let old = Passwords::cheap().hash("correct horse").unwrap();
    let verdict = Passwords::default().verify("correct horse", Some(&old));
    assert!(matches!(verdict, Verdict::RightButOld(new) if new.contains("m=19456")));
}

#[test]
fn a_stored_hash_that_would_take_all_memory_or_time_is_refused() {
    let passwords = Passwords::cheap();
    for stored in [
        "$argon2id$v=19$m=4194304,t=2,p=1$c2FsdHNhbHRzYWx0$7pS5k5BqYq1nGqV0q5hC0m3p8k2m3b9h0b1n2c3d4e5",
        "$argon2id$v=19$m=8,t=4000000000,p=1$c2FsdHNhbHRzYWx0$7pS5k5BqYq1nGqV0q5hC0m3p8k2m3b9h0b1n2c3d4e5",
        "$2b$31$abcdefghijklmnopqrstuuN6zqnXN1sFjGkqAm1sv0QHWZtfqkOlC",
        "$2b$04$short",
        "$1$md5$x",
        "plain",
        "",
    ] {
        assert_eq!(
            passwords.verify("x", Some(stored)),
            Verdict::Wrong,
            "{stored}"
        );
    }
}

#[test]
fn a_token_is_found_by_its_hash_whichever_pepper_made_it() {
    let token = new_token().unwrap();
    assert_eq!(token.len(), 43);
    assert_ne!(*token, *new_token().unwrap());
    let [one, two] = [[1_u8; 32], [2; 32]].map(|pepper| {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(pepper)
    });
    let none = Tokens::new();
    let old = Tokens::with_peppers(&one).unwrap();
    let new = Tokens::with_peppers(&format!("# since May\n{two}\n\n{one}\n")).unwrap();
    for (former, what) in [(&none, "without"), (&old, "old"), (&new, "new")] {
        let stored = former.hash(&token);
        assert!(new.candidates(&token).contains(&stored), "{what}");
        assert!(new.verify(&token, stored.as_bytes()), "{what}");
        assert!(!new.verify("other", stored.as_bytes()), "{what}");
    }
    let hashes = [none.hash(&token), old.hash(&token), new.hash(&token)];
    assert!(hashes[0] != hashes[1] && hashes[1] != hashes[2]);
    assert!(
        !old.verify(&token, hashes[2].as_bytes()),
        "the newer pepper is not known"
    );
    for wrong in ["", "# nothing", "c2hvcnQ=", "no base64"] {
        Tokens::with_peppers(wrong).unwrap_err();
    }
}

#[test]
fn the_hash_of_a_token_without_pepper_is_its_sha_256() {
    // echo -n abc | sha256sum
    let expected: Vec<u8> = (0..64)
        .step_by(2)
        .map(|at| {
            let hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
            u8::from_str_radix(&hex[at..at + 2], 16).unwrap()
        })
        .collect();
    assert_eq!(Tokens::new().hash("abc").as_bytes().as_slice(), expected);
}

#[test]
fn an_api_key_tells_its_environment_and_its_end_only() {
    for environment in [ApiKeyEnvironment::Live, ApiKeyEnvironment::Test] {
        let key = ApiKey::generate(environment).unwrap();
        let again: ApiKey = key.expose().parse().unwrap();
        assert_eq!(again.environment(), environment);
        assert_eq!(again.expose(), key.expose());
        assert!(key.expose().ends_with(key.hint()) && key.hint().len() == 4);
        let printed = format!("{key:?} {:?}", Tokens::new().hash(key.expose()));
        assert!(!printed.contains(key.hint()), "{printed}");
    }
    for wrong in [
        "",
        "sk_live_",
        "sk_prod_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "sk_live_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "sk_live_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' ",
        "sk_live_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaé",
    ] {
        wrong.parse::<ApiKey>().unwrap_err();
    }
}
