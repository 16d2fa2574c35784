use serde_yaml_ng::Value;

/// What `Agent.spec.voice` may be, as the API server is told.
fn offered() -> Vec<String> {
    const SCHEMA: [&str; 6] = [
        "openAPIV3Schema",
        "properties",
        "spec",
        "properties",
        "voice",
        "enum",
    ];
    let agents: Value =
        serde_yaml_ng::from_str(include_str!("../../../../crds/generated/agents.yaml")).unwrap();
    let mut found = &agents["spec"]["versions"][0]["schema"];
    for key in SCHEMA {
        found = &found[key];
    }
    serde_yaml_ng::from_value(found.clone()).unwrap()
}

#[tokio::test]
async fn every_voice_that_an_agent_may_have_speaks() {
    let worker = super::ready(&super::config()).await;
    let voices = offered();
    assert!(voices.contains(&"slt".to_owned()), "{voices:?}");
    for voice in voices {
        let spoken = worker.synthesize("good morning", &voice).await;
        let samples = spoken.map(|audio| audio.len());
        assert!(
            samples.as_ref().is_ok_and(|samples| *samples > 4_000),
            "{voice}: {samples:?}"
        );
    }
}

#[tokio::test]
async fn without_a_name_the_first_voice_speaks() {
    let worker = super::ready(&super::config()).await;
    let unnamed = worker.synthesize("good morning", "").await.unwrap();
    // The voice adds noise to every breath; how long it takes is its own.
    let slt = worker.synthesize("good morning", "slt").await.unwrap();
    let rms = worker.synthesize("good morning", "rms").await.unwrap();
    assert_eq!(unnamed.len(), slt.len());
    assert_ne!(unnamed.len(), rms.len());
}
