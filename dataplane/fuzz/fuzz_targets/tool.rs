//! What a tenant writes of a tool, and what a model makes of it: the path on the first line, the schema on the second, the
//! arguments on the others.

#![no_main]

use callplane_flow::{Parameters, PathTemplate};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|text: &str| {
    let mut parts = text.splitn(3, '\n');
    let (path, schema) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    if let Ok(schema) = serde_json::from_str(schema)
        && let Ok(parameters) = Parameters::new(schema)
    {
        let stored = Value::from(parameters.clone());
        assert_eq!(Parameters::new(stored).expect("what was read can be read"), parameters);
    }
    let Ok(path) = PathTemplate::parse(path) else {
        return;
    };
    let Ok(Value::Object(mut arguments)) = serde_json::from_str(parts.next().unwrap_or_default()) else {
        return;
    };
    let written = String::from(path.clone());
    assert_eq!(PathTemplate::parse(&written).expect("what was read can be read"), path);
    let segments = written.trim_matches('/').split('/').count();
    if let Some(filled) = path.fill(&mut arguments) {
        // One argument fills one segment, and none leads up or out.
        assert_eq!(filled.split('/').count(), segments, "{filled}");
        assert!(!filled.split('/').any(|segment| matches!(segment, "." | "..")), "{filled}");
        let is_of_path = |one: char| one.is_ascii_alphanumeric() || "-._~%/".contains(one);
        assert!(filled.chars().all(is_of_path), "{filled}");
    }
});
