//! The worker as a media node drives it: real engines, real processes, telephone audio.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]
#![cfg(feature = "embedded-speech")]

mod recognition;
mod robustness;
mod voices;

use std::path::PathBuf;

use callplane_providers::{SpeechConfig, SpeechWorker};

fn config() -> SpeechConfig {
    SpeechConfig::new(PathBuf::from(env!("CARGO_BIN_EXE_callplane-speech")))
}

async fn ready(config: &SpeechConfig) -> SpeechWorker {
    let worker = SpeechWorker::start(config);
    let started = tokio::time::Instant::now();
    while !worker.is_available() {
        assert!(
            started.elapsed().as_secs() < 30,
            "the speech worker does not start"
        );
        tokio::task::yield_now().await;
    }
    worker
}

/// The grammar of a menu.
fn grammar(phrases: &[&str]) -> String {
    format!(
        "#JSGF V1.0; grammar menu; public <answer> = {};",
        phrases.join(" | ")
    )
}
