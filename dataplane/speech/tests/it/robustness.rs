use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use callplane_providers::{Recognition, SpeechError};

#[tokio::test]
async fn odd_input_is_refused_or_silent_and_the_next_request_is_served() {
    let worker = super::ready(&super::config()).await;
    let unknown = worker.synthesize("hello", "nobody").await;
    assert!(
        matches!(unknown, Err(SpeechError::Refused(ref why)) if why.contains("slt")),
        "{unknown:?}"
    );
    assert_eq!(
        worker
            .synthesize(" \u{0} \u{1f600} ", "slt")
            .await
            .unwrap()
            .len(),
        0
    );
    let long = worker.synthesize(&"a ".repeat(5_000), "slt").await;
    assert!(matches!(long, Err(SpeechError::Refused(_))), "{long:?}");
    let silence = worker
        .recognize(vec![0; 16_000], super::grammar(&["good morning"]))
        .await
        .unwrap();
    assert_eq!(silence, Recognition::NoMatch);
    assert_eq!(
        worker
            .recognize(vec![], super::grammar(&["<VOID>"]))
            .await
            .unwrap(),
        Recognition::NoMatch
    );
    let import = "#JSGF V1.0; grammar g; import <etc.passwd>; public <a> = b;".to_owned();
    let refused = worker.recognize(vec![1; 8_000], import).await;
    assert!(
        matches!(refused, Err(SpeechError::Refused(_))),
        "{refused:?}"
    );
    let strange = super::grammar(&["日本", "zxqwrt blorptang", "größe 24"]);
    assert!(worker.recognize(vec![100; 8_000], strange).await.is_ok());
    assert!(
        worker
            .synthesize("still here", "kal16")
            .await
            .unwrap()
            .len()
            > 4_000
    );
}

#[tokio::test]
async fn a_killed_worker_is_replaced_and_known_prompts_still_sound() {
    // The worker is started by a script that notes its process id.
    let folder = std::env::temp_dir().join(format!("callplane-speech-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (script, pid) = (folder.join("start"), folder.join("pid"));
    let mut config = super::config();
    let text = format!(
        "#!/bin/sh\necho $$ > {}\nexec {} \"$@\"\n",
        pid.display(),
        config.program.display()
    );
    std::fs::write(&script, text).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    (config.program, config.workers) = (script, 1);
    let worker = super::ready(&config).await;
    let prompt = worker
        .synthesize("please hold the line", "slt")
        .await
        .unwrap();
    let victim = std::fs::read_to_string(&pid).unwrap();
    assert!(
        Command::new("kill")
            .args(["-KILL", victim.trim()])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(
        worker
            .synthesize("please hold the line", "slt")
            .await
            .unwrap(),
        prompt
    );
    let started = tokio::time::Instant::now();
    while worker.synthesize("something new", "slt").await.is_err() {
        assert!(
            started.elapsed().as_secs() < 30,
            "the worker is not replaced"
        );
        tokio::task::yield_now().await;
    }
    assert_eq!(worker.restarts(), 1);
    std::fs::remove_dir_all(folder).unwrap();
}
