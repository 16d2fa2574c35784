//! The rules about what may follow what, and the defaults.

use serde_json::{Value, json};

use crate::server::admit;

fn object(kind: &str, spec: impl Into<Value>) -> Value {
    json!({
        "apiVersion": "callplane.dev/v1alpha1",
        "kind": kind,
        "metadata": { "name": "subject" },
        "spec": spec.into(),
    })
}

fn number(number: &str) -> Value {
    object(
        "PhoneNumber",
        json!({ "number": number, "trunkRef": { "name": "t" }, "outbound": { "enabled": true } }),
    )
}

fn campaign(state: &str) -> Value {
    object(
        "Campaign",
        json!({
            "agentRef": { "name": "a" },
            "callerNumberRef": { "name": "n" },
            "desiredState": state,
        }),
    )
}

fn tenant(database: Option<&str>) -> Value {
    let mut spec = json!({ "namespaces": ["acme"] });
    if let Some(schema) = database {
        spec["database"] = json!({ "schema": schema });
    }
    object("Tenant", spec)
}

fn refused(next: &Value, before: &Value, sentence: &str) {
    let complaints = admit(next, Some(before)).unwrap_err();
    assert!(
        complaints.len() == 1 && complaints[0].contains(sentence),
        "{complaints:?}"
    );
}

#[test]
fn a_number_stays_what_it_is() {
    let one = number("+15551230001");
    admit(&one, Some(&one)).unwrap();
    refused(&number("+15551230002"), &one, "the number cannot change");
}

#[test]
fn a_stopped_campaign_stays_stopped() {
    for (before, next) in [
        ("Run", "Pause"),
        ("Pause", "Run"),
        ("Run", "Stop"),
        ("Stop", "Stop"),
    ] {
        admit(&campaign(next), Some(&campaign(before))).unwrap();
    }
    for next in ["Run", "Pause"] {
        refused(
            &campaign(next),
            &campaign("Stop"),
            "a stopped campaign cannot start again",
        );
    }
}

#[test]
fn the_schema_of_a_tenant_stays_what_it_is() {
    let sentence = "the schema of a Tenant cannot change";
    admit(
        &tenant(Some("callplane_a")),
        Some(&tenant(Some("callplane_a"))),
    )
    .unwrap();
    admit(&tenant(None), Some(&tenant(None))).unwrap();
    refused(
        &tenant(Some("callplane_b")),
        &tenant(Some("callplane_a")),
        sentence,
    );
    refused(&tenant(Some("callplane_b")), &tenant(None), sentence);
    refused(&tenant(None), &tenant(Some("callplane_a")), sentence);
}

#[test]
fn a_tenant_becomes_large_and_never_small_again() {
    let placed = |partitioning: &str| {
        let spec = json!({
            "namespaces": ["acme"], "placement": { "partitioning": partitioning },
        });
        object("Tenant", spec)
    };
    admit(&placed("Month"), Some(&tenant(None))).unwrap();
    admit(&placed("Month"), Some(&placed("Month"))).unwrap();
    let sentence = "a Tenant that has its calls by month keeps them so";
    refused(&placed("Small"), &placed("Month"), sentence);
    refused(&tenant(None), &placed("Month"), sentence);
}

#[test]
fn nothing_rings_unless_somebody_says_run() {
    let mut given = campaign("Run");
    given["spec"]
        .as_object_mut()
        .unwrap()
        .remove("desiredState");
    let stored = admit(&given, None).unwrap();
    assert_eq!(stored["spec"]["desiredState"], "Pause");
    assert_eq!(
        stored["spec"]["schedule"],
        json!({
            "timeZone": "Recipient",
            "window": { "from": "09:00", "to": "18:00", "days": ["Mon", "Tue", "Wed", "Thu", "Fri"] },
        })
    );
}

#[test]
fn a_tenant_keeps_its_data_unless_told_otherwise() {
    let stored = admit(&tenant(None), None).unwrap();
    assert_eq!(stored["spec"]["deletionPolicy"], "Retain");
    assert_eq!(stored["spec"]["state"], "Active");
}

#[test]
fn calls_are_not_recorded_unless_told_otherwise() {
    let stored = admit(
        &object("Agent", json!({ "flowRef": { "name": "f" } })),
        None,
    )
    .unwrap();
    assert_eq!(
        stored["spec"]["recording"],
        json!({ "mode": "None", "format": "Wav" })
    );
}

#[test]
fn media_is_encrypted_where_callers_offer_it_unless_told_otherwise() {
    let spec = json!({ "direction": "Inbound", "allowedCidrs": ["192.0.2.0/24"] });
    let stored = admit(&object("Trunk", spec.clone()), None).unwrap();
    assert_eq!(stored["spec"]["srtp"], "Allowed");
    assert_eq!(stored["spec"]["codecs"], json!(["G722", "PCMU", "PCMA"]));
    let mut every = spec.clone();
    every["codecs"] = json!(["Opus", "G722", "PCMU", "PCMA"]);
    admit(&object("Trunk", every), None).unwrap();
    for codecs in [json!([]), json!(["GSM"]), json!(["PCMA", "PCMA"])] {
        let mut spec = spec.clone();
        spec["codecs"] = codecs;
        admit(&object("Trunk", spec), None).unwrap_err();
    }
}

#[test]
fn keys_are_those_of_descriptions_unless_told_otherwise_and_of_a_handshake_only_where_all_is_encrypted()
 {
    let trunk = |srtp: Option<&str>, exchange: Option<&str>| {
        let mut spec = json!({ "direction": "Outbound", "addresses": ["192.0.2.10:5060"] });
        for (field, value) in [("srtp", srtp), ("keyExchange", exchange)] {
            if let Some(value) = value {
                spec[field] = json!(value);
            }
        }
        admit(&object("Trunk", spec), None)
    };
    let stored = trunk(Some("Required"), None).unwrap();
    assert_eq!(stored["spec"]["keyExchange"], "Sdes");
    for srtp in [None, Some("Disabled"), Some("Allowed"), Some("Required")] {
        trunk(srtp, Some("Sdes")).unwrap();
    }
    trunk(Some("Required"), Some("Dtls")).unwrap();
    for srtp in [None, Some("Disabled"), Some("Allowed")] {
        let complaints = trunk(srtp, Some("Dtls")).unwrap_err();
        assert!(
            complaints.len() == 1 && complaints[0].contains("set srtp to Required"),
            "{srtp:?}: {complaints:?}"
        );
    }
    for unknown in ["dtls", "Zrtp", ""] {
        trunk(Some("Required"), Some(unknown)).unwrap_err();
    }
}

#[test]
fn a_transfer_rings_half_a_minute_with_a_ringing_tone_unless_told_otherwise() {
    let flow = |transfer: Value| {
        let nodes = json!({ "connect": { "transfer": transfer } });
        object(
            "Flow",
            json!({ "graph": { "start": "connect", "nodes": nodes } }),
        )
    };
    let stored = admit(&flow(json!({ "to": "+15550001111" })), None).unwrap();
    assert_eq!(
        stored["spec"]["graph"]["nodes"]["connect"]["transfer"],
        json!({ "to": "+15550001111", "ringSeconds": 30, "waiting": "Ringback" })
    );
    for wrong in [
        json!({}),
        json!({ "to": "112" }),
        json!({ "to": "{{ number }}" }),
        json!({ "to": "+15550001111", "ringSeconds": 4 }),
        json!({ "to": "+15550001111", "ringSeconds": 121 }),
        json!({ "to": "+15550001111", "waiting": "music" }),
        json!({ "to": "+15550001111", "text": "" }),
    ] {
        assert!(admit(&flow(wrong.clone()), None).is_err(), "{wrong}");
    }
}

#[test]
fn storage_is_one_thing() {
    let pool = |storage: Value| object("MediaPool", json!({ "storage": storage }));
    admit(&pool(json!({ "hostPath": { "path": "/data" } })), None).unwrap();
    admit(
        &pool(json!({ "emptyDir": {}, "hostPath": { "path": "/data" } })),
        None,
    )
    .unwrap_err();
    admit(&pool(json!({})), None).unwrap_err();
}

#[test]
fn a_dedicated_pool_keeps_the_rules_of_a_pool() {
    let mut given = tenant(None);
    given["spec"]["media"] =
        json!({ "dedicated": { "slots": 500, "rtpPorts": { "first": 20000, "last": 20099 } } });
    let complaints = admit(&given, None).unwrap_err();
    assert!(
        complaints[0].contains("rtpPorts must hold two ports"),
        "{complaints:?}"
    );
}

#[test]
fn an_unknown_field_is_refused() {
    let mut given = number("+15551230001");
    given["spec"]["tenantRef"] = json!("other");
    let complaints = admit(&given, None).unwrap_err();
    assert_eq!(complaints, ["unknown field .spec.tenantRef"]);
}

#[test]
fn a_tenant_names_platforms_that_exist() {
    let tenant = |platforms: &[&str]| {
        object(
            "Tenant",
            json!({ "namespaces": ["acme"], "compatibility": platforms }),
        )
    };
    let all = ["dukat", "organization", "callfabric", "irisx", "voicecore"];
    admit(&tenant(&all), None).unwrap();
    admit(&tenant(&[]), None).unwrap();
    for unknown in ["asterisk", "IRISX", ""] {
        admit(&tenant(&[unknown]), None).unwrap_err();
    }
}

#[test]
fn a_provider_gives_up_after_the_usual_times_unless_told_otherwise() {
    let chat = json!({ "baseUrl": "http://vllm.models.svc:8000/v1", "model": "m" });
    let stored = admit(&object("Provider", json!({ "openaiChat": chat })), None).unwrap();
    assert_eq!(
        stored["spec"]["openaiChat"]["timeouts"],
        json!({ "firstPartMs": 4_500, "stallMs": 4_000, "totalMs": 30_000 })
    );
    for url in [
        "http://[::1]:8000/v1",
        "http://10.0.0.7/v1/",
        "https://models.example/a-b/_v~1.0",
    ] {
        let chat = json!({ "baseUrl": url, "model": "m" });
        admit(&object("Provider", json!({ "openaiChat": chat })), None).unwrap();
    }
    for url in [
        "api.openai.com/v1",
        "ftp://models.example/v1",
        "https://models.example/v1?key=secret",
        "https://models.example/v1#v1",
        "https:///v1",
        "https://models.example/v 1",
    ] {
        let chat = json!({ "baseUrl": url, "model": "m" });
        assert!(
            admit(&object("Provider", json!({ "openaiChat": chat })), None).is_err(),
            "{url}"
        );
    }
}
