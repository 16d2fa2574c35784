//! The examples: what README and the cluster tests apply must be accepted, and what is there to be
//! refused must be refused with the sentence it names.

use std::fs;
use std::path::{Path, PathBuf};

use callplane_crds::{
    Agent, Campaign, Flow, KnowledgeBase, KnowledgeSource, MediaPool, PhoneNumber, Provider,
    Tenant, Trunk,
};
use serde_json::Value;

use crate::server::{admit, documents};

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples")
        .join(folder);
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

/// Reads the object as the operator does.
fn decode(object: Value) -> Result<(), serde_json::Error> {
    match object["kind"].as_str().unwrap() {
        "Tenant" => serde_json::from_value::<Tenant>(object).map(drop),
        "MediaPool" => serde_json::from_value::<MediaPool>(object).map(drop),
        "Trunk" => serde_json::from_value::<Trunk>(object).map(drop),
        "PhoneNumber" => serde_json::from_value::<PhoneNumber>(object).map(drop),
        "Provider" => serde_json::from_value::<Provider>(object).map(drop),
        "KnowledgeBase" => serde_json::from_value::<KnowledgeBase>(object).map(drop),
        "Flow" => serde_json::from_value::<Flow>(object).map(drop),
        "Agent" => serde_json::from_value::<Agent>(object).map(drop),
        "Campaign" => serde_json::from_value::<Campaign>(object).map(drop),
        other => panic!("{other} is not one of our kinds"),
    }
}

#[test]
fn the_examples_of_acme_are_accepted() {
    let mut kinds = Vec::new();
    for file in files("acme") {
        for object in documents(&fs::read_to_string(&file).unwrap()) {
            let kind = object["kind"].as_str().unwrap().to_owned();
            if kind != "Namespace" {
                let stored = admit(&object, None)
                    .unwrap_or_else(|errors| panic!("{}: {errors:?}", file.display()));
                decode(stored).unwrap();
            }
            kinds.push(kind);
        }
    }
    for kind in [
        "Tenant",
        "Trunk",
        "PhoneNumber",
        "Flow",
        "Agent",
        "Campaign",
    ] {
        assert!(
            kinds.iter().any(|have| have == kind),
            "no example of {kind}"
        );
    }
}

#[test]
fn the_flow_that_transfers_is_accepted_and_compiles() {
    for file in files("transfer") {
        for object in documents(&fs::read_to_string(&file).unwrap()) {
            let stored = admit(&object, None).unwrap();
            let flow: Flow = serde_json::from_value(stored).unwrap();
            let settings = callplane_flow::AgentSettings::default();
            callplane_flow::compile(&flow.spec.graph.unwrap(), &settings).unwrap();
        }
    }
}

#[test]
fn the_agent_that_a_model_leads_is_accepted_and_names_its_providers() {
    let mut providers = Vec::new();
    let mut named = Vec::new();
    for file in files("converse") {
        for object in documents(&fs::read_to_string(&file).unwrap()) {
            let stored = admit(&object, None)
                .unwrap_or_else(|errors| panic!("{}: {errors:?}", file.display()));
            match stored["kind"].as_str().unwrap() {
                "Provider" => {
                    let provider: Provider = serde_json::from_value(stored).unwrap();
                    let protocol = provider.spec.protocol().unwrap().field();
                    let name = provider.metadata.name.clone().unwrap();
                    providers.push((format!("acme/{name}"), protocol));
                }
                "Agent" => {
                    let agent: Agent = serde_json::from_value(stored).unwrap();
                    let settings = agent.settings().unwrap();
                    named.push((settings.model.unwrap().provider, "openaiChat"));
                    let transcription = settings.transcription.unwrap();
                    named.push((transcription.provider, "openaiTranscription"));
                    named.push((settings.speech.unwrap().provider, "openaiSpeech"));
                }
                _ => decode(stored).unwrap(),
            }
        }
    }
    assert_eq!(providers, named);
}

#[test]
fn the_agent_with_tools_is_accepted_and_has_those_that_its_flow_names() {
    let (mut agents, mut flows, mut providers) = (Vec::new(), Vec::new(), Vec::new());
    for file in files("tools") {
        for object in documents(&fs::read_to_string(&file).unwrap()) {
            let stored = admit(&object, None)
                .unwrap_or_else(|errors| panic!("{}: {errors:?}", file.display()));
            match stored["kind"].as_str().unwrap() {
                "Agent" => agents.push(serde_json::from_value::<Agent>(stored).unwrap()),
                "Flow" => flows.push(serde_json::from_value::<Flow>(stored).unwrap()),
                _ => providers.push(serde_json::from_value::<Provider>(stored).unwrap()),
            }
        }
    }
    let settings = agents[0].settings().unwrap();
    let graph = flows[0].spec.graph.as_ref().unwrap();
    let program = callplane_flow::compile(graph, &settings).unwrap();
    assert_eq!(program.missing_tools().count(), 0);
    let protocol = providers[0].spec.protocol().unwrap();
    assert_eq!(
        (protocol.field(), protocol.key_header()),
        ("http", Some("X-Api-Key"))
    );
    for tool in &settings.tools {
        assert_eq!(tool.http.provider, "acme/booking");
    }
}

#[test]
fn the_knowledge_base_is_accepted_and_has_a_document_of_each_kind() {
    let (mut bases, mut providers) = (Vec::new(), Vec::new());
    for file in files("knowledge") {
        for object in documents(&fs::read_to_string(&file).unwrap()) {
            let stored = admit(&object, None)
                .unwrap_or_else(|errors| panic!("{}: {errors:?}", file.display()));
            match stored["kind"].as_str().unwrap() {
                "KnowledgeBase" => {
                    bases.push(serde_json::from_value::<KnowledgeBase>(stored).unwrap());
                }
                _ => providers.push(serde_json::from_value::<Provider>(stored).unwrap()),
            }
        }
    }
    let spec = &bases[0].spec;
    assert_eq!(spec.text_search.configuration(), "english");
    let named = &spec.embedding.as_ref().unwrap().provider_ref.name;
    assert_eq!(providers[0].metadata.name.as_ref(), Some(named));
    assert_eq!(
        providers[0].spec.protocol().unwrap().field(),
        "openaiEmbeddings"
    );
    let sources: Vec<KnowledgeSource<'_>> = spec
        .documents
        .iter()
        .map(|one| one.source().unwrap())
        .collect();
    let [
        KnowledgeSource::Text(_),
        KnowledgeSource::File(file),
        KnowledgeSource::Page {
            refresh_seconds: Some(86_400),
            ..
        },
    ] = sources[..]
    else {
        panic!("{sources:?}");
    };
    assert_eq!(file.media_type(), Some("application/pdf"));
}

#[test]
fn what_the_api_server_cannot_see_of_a_tool_is_told_with_its_field() {
    let agent = |parameters: Value| -> Agent {
        let tool = serde_json::json!({
            "name": "book", "description": "Books.", "parameters": parameters,
            "http": {"providerRef": {"name": "booking"}, "path": "visits"},
        });
        serde_json::from_value(serde_json::json!({
            "metadata": {"name": "a", "namespace": "acme"},
            "spec": {"flowRef": {"name": "f"}, "tools": [tool]},
        }))
        .unwrap()
    };
    let told = |parameters| agent(parameters).settings().unwrap_err().to_string();
    let wrong = told(serde_json::json!({"type": "object", "properties": 7}));
    assert!(
        wrong.starts_with("spec.tools[0].parameters: it is no JSON Schema"),
        "{wrong}"
    );
    let text = told(serde_json::json!({"type": "string"}));
    assert!(text.contains("type: object"), "{text}");
}

#[test]
fn each_invalid_example_is_refused_with_its_sentence() {
    for file in files("invalid") {
        let text = fs::read_to_string(&file).unwrap();
        let Some(sentence) = text.lines().next().unwrap().strip_prefix("# Refused: ") else {
            panic!("{} does not say how it is refused", file.display());
        };
        let object = documents(&text).remove(0);
        let complaints = admit(&object, None)
            .err()
            .unwrap_or_else(|| panic!("{} is accepted", file.display()));
        assert!(
            complaints
                .iter()
                .any(|complaint| complaint.contains(sentence)),
            "{}: {complaints:?}",
            file.display()
        );
    }
}

#[test]
fn an_invalid_example_breaks_one_rule_only() {
    for file in files("invalid") {
        let object = documents(&fs::read_to_string(&file).unwrap()).remove(0);
        let complaints = admit(&object, None).err().unwrap_or_default();
        assert_eq!(complaints.len(), 1, "{}: {complaints:?}", file.display());
    }
}
