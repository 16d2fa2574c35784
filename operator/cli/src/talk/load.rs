//! An Agent, its Flow and its Provider from files, compiled as the operator compiles them.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use callplane_crds::{Agent, Flow, OpenaiChat, Protocol, Provider};
use callplane_flow::{Graph, Program, compile};
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
    let agent = the_one(&agents, "Agent", "--agent", name)?;
    let flow = &agent.spec.flow_ref.name;
    let flow = flows
        .get(flow)
        .with_context(|| format!("no file has the Flow {flow} of the Agent: name it, too"))?;
    let graph = graph_of(flow)?;
    let settings = agent
        .settings()
        .with_context(|| format!("Agent {}", agent.name_any()))?;
    let program = compile(&graph, &settings).map_err(|problems| {
        let sentences: Vec<String> = problems.iter().map(|one| format!("{one}.")).collect();
        anyhow::anyhow!("Flow {}:\n{}", flow.name_any(), sentences.join("\n"))
    })?;
    let tool = program.missing_tools().next().map(|it| it.to_string());
    let base = program.missing_bases().next().map(|it| it.to_string());
    if let Some(missing) = tool.or(base) {
        bail!(
            "Agent {}: Flow {}: {missing}",
            agent.name_any(),
            flow.name_any()
        );
    }
    let used = agent.spec.model.as_ref();
    let provider = used.and_then(|model| providers.get(&model.provider_ref.name));
    Ok(Loaded {
        program: Arc::new(program),
        provider: provider.map(chat).transpose()?,
    })
}

/// The resource of this name, or the only one.
///
/// # Errors
/// With the names to choose from, and the flag that does.
pub(crate) fn the_one<'a, T>(
    resources: &'a BTreeMap<String, T>,
    kind: &str,
    flag: &str,
    name: Option<&str>,
) -> anyhow::Result<&'a T> {
    let names: Vec<&str> = resources.keys().map(String::as_str).collect();
    let names = names.join(", ");
    match (name, resources.len()) {
        (Some(name), _) => resources
            .get(name)
            .with_context(|| format!("there is no {kind} {name}; there are: {names}")),
        (None, 0 | 1) => resources
            .values()
            .next()
            .with_context(|| format!("no file has a resource of kind {kind}: name one that has")),
        (None, _) => bail!("there are several {kind}s, say which with {flag}: {names}"),
    }
}

/// The graph of a Flow. What could not be converted is told on standard error.
///
/// # Errors
/// With the field that is wrong.
pub(crate) fn graph_of(flow: &Flow) -> anyhow::Result<Graph> {
    let document = flow
        .spec
        .document()
        .map_err(|error| anyhow::anyhow!("Flow {}: {}: {error}", flow.name_any(), error.field()))?;
    for note in &document.notes {
        eprintln!("not converted: {note}");
    }
    Ok(document.graph)
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
