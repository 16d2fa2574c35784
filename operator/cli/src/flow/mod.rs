//! `kubectl callplane flow render`: a Flow as a picture.

mod arrange;
mod diagram;
mod svg;

use std::fs;

use anyhow::{Context as _, bail};
use callplane_crds::Flow;
use kube::ResourceExt as _;

use self::arrange::arrange;
use self::diagram::Diagram;
use crate::arguments::{FlowCommand, RenderArguments};
use crate::talk::Resources;

/// Does what was asked for, without a cluster.
pub(crate) fn run(command: &FlowCommand) -> anyhow::Result<()> {
    match command {
        FlowCommand::Render(arguments) => render(arguments),
    }
}

fn render(arguments: &RenderArguments) -> anyhow::Result<()> {
    let resources = Resources::read(&arguments.files)?;
    let flow = choose(&resources, arguments.flow.as_deref())?;
    let document = flow
        .spec
        .document()
        .map_err(|error| anyhow::anyhow!("Flow {}: {}: {error}", flow.name_any(), error.field()))?;
    for note in &document.notes {
        eprintln!("not converted: {note}");
    }
    let diagram = Diagram::of(&document.graph);
    let picture = svg::write(&flow.name_any(), &diagram, &arrange(&diagram));
    match &arguments.output {
        Some(path) => fs::write(path, picture).with_context(|| path.display().to_string()),
        None => {
            print!("{picture}");
            Ok(())
        }
    }
}

fn choose<'a>(resources: &'a Resources, name: Option<&str>) -> anyhow::Result<&'a Flow> {
    let flows = &resources.flows;
    let names: Vec<&str> = flows.keys().map(String::as_str).collect();
    match (name, names.as_slice()) {
        (Some(name), _) => flows
            .get(name)
            .with_context(|| format!("there is no Flow {name}; there are: {}", names.join(", "))),
        (None, [name]) => Ok(&flows[*name]),
        (None, []) => bail!("no file has a Flow: name one that has"),
        (None, _) => bail!(
            "there are several Flows, say which with --flow: {}",
            names.join(", ")
        ),
    }
}
