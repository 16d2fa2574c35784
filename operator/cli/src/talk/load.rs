//! An Agent, its Flow and its Provider from files, compiled as the operator compiles them.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use callplane_crds::{Agent, Flow, OpenaiChat, Protocol, Provider};
use callplane_flow::{Program, compile};
use kube::ResourceExt as _;
use serde::Deserialize as _;
use serde_yaml_ng::Value;

/// What a conversation needs of the files.
pub(crate) struct Loaded {
    /// The Program of the agent.
    pub(crate) program: Arc<Program>,
    /// The Provider of its model, if the files have it.
    pub(crate) provider: Option<OpenaiChat>,
}

/// The resources of files that a conversation needs, by their names.
#[derive(Default)]
pub(crate) struct Resources {
    pub(crate) agents: BTreeMap<String, Agent>,
    pub(crate) flows: BTreeMap<String, Flow>,
    pub(crate) providers: BTreeMap<String, Provider>,
}

impl Resources {
    /// Those in `paths`: files, and those of YAML in folders; `-` is standard input.
    ///
    /// # Errors
    /// With the file that cannot be read, or is not as its kind has to be.
    pub(crate) fn read(paths: &[PathBuf]) -> anyhow::Result<Self> {
        let mut resources = Self::default();
        for path in files(paths)? {
            let text = read(&path)?;
            for document in serde_yaml_ng::Deserializer::from_str(&text) {
                let at = || path.display().to_string();
                let document = Value::deserialize(document).with_context(at)?;
                resources.take(document).with_context(at)?;
            }
        }
        Ok(resources)
    }

    fn take(&mut self, document: Value) -> anyhow::Result<()> {
        match document["kind"].as_str() {
            Some("Agent") => {
                let agent: Agent = serde_yaml_ng::from_value(document)?;
                self.agents.insert(agent.name_any(), agent);
            }
            Some("Flow") => {
                let flow: Flow = serde_yaml_ng::from_value(document)?;
                self.flows.insert(flow.name_any(), flow);
            }
            Some("Provider") => {
                let provider: Provider = serde_yaml_ng::from_value(document)?;
                self.providers.insert(provider.name_any(), provider);
            }
            // What else an agent needs to take calls, it does not need to chat.
            _ => {}
        }
        Ok(())
    }
}

/// The agent in `paths`: the only one, or the one of this name.
///
/// # Errors
/// With a sentence for each mistake, and where it is.
pub(crate) fn load(paths: &[PathBuf], name: Option<&str>) -> anyhow::Result<Loaded> {
    let Resources {
        agents,
        flows,
        providers,
    } = Resources::read(paths)?;
    let names: Vec<&str> = agents.keys().map(String::as_str).collect();
    let agent = match (name, agents.len()) {
        (Some(name), _) => agents.get(name).with_context(|| {
            format!("there is no Agent {name}; there are: {}", names.join(", "))
        })?,
        (None, 1) => &agents[names[0]],
        (None, 0) => bail!("no file has an Agent: name one that has"),
        (None, _) => bail!(
            "there are several Agents, say which with --agent: {}",
            names.join(", ")
        ),
    };
    let flow = &agent.spec.flow_ref.name;
    let flow = flows
        .get(flow)
        .with_context(|| format!("no file has the Flow {flow} of the Agent: name it, too"))?;
    let document = flow
        .spec
        .document()
        .map_err(|error| anyhow::anyhow!("Flow {}: {}: {error}", flow.name_any(), error.field()))?;
    for note in &document.notes {
        eprintln!("not converted: {note}");
    }
    let program = compile(&document.graph, &agent.settings()).map_err(|problems| {
        let sentences: Vec<String> = problems.iter().map(|one| format!("{one}.")).collect();
        anyhow::anyhow!("Flow {}:\n{}", flow.name_any(), sentences.join("\n"))
    })?;
    let used = agent.spec.model.as_ref();
    let provider = used.and_then(|model| providers.get(&model.provider_ref.name));
    Ok(Loaded {
        program: Arc::new(program),
        provider: provider.map(chat).transpose()?,
    })
}

/// What a Provider says of a language model.
fn chat(provider: &Provider) -> anyhow::Result<OpenaiChat> {
    match provider.spec.protocol() {
        Some(Protocol::OpenaiChat(chat)) => Ok(chat.clone()),
        _ => bail!(
            "Provider {} is the model of the Agent and has no openaiChat, or not it alone",
            provider.name_any()
        ),
    }
}

/// The files themselves, and those of YAML in folders.
fn files(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let folder = std::fs::read_dir(path).with_context(|| path.display().to_string())?;
        let mut found = Vec::new();
        for entry in folder {
            let path = entry?.path();
            if is_yaml(&path) {
                found.push(path);
            }
        }
        ensure!(!found.is_empty(), "{} has no YAML", path.display());
        found.sort();
        files.extend(found);
    }
    Ok(files)
}

/// By the ending of its name.
pub(crate) fn is_yaml(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str());
    matches!(ending, Some("yaml" | "yml"))
}

fn read(path: &Path) -> anyhow::Result<String> {
    if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text)?;
        return Ok(text);
    }
    std::fs::read_to_string(path).with_context(|| path.display().to_string())
}
