//! `kubectl callplane flow render`: a Flow as a picture.

mod arrange;
mod diagram;
mod svg;

use std::fs;

use anyhow::Context as _;
use kube::ResourceExt as _;

use self::arrange::arrange;
use self::diagram::Diagram;
use crate::arguments::{FlowCommand, RenderArguments};
use crate::talk::{self, Resources};

/// Does what was asked for, without a cluster.
pub(crate) fn run(command: &FlowCommand) -> anyhow::Result<()> {
    match command {
        FlowCommand::Render(arguments) => render(arguments),
    }
}

fn render(arguments: &RenderArguments) -> anyhow::Result<()> {
    let resources = Resources::read(&arguments.files)?;
    let flow = talk::the_one(
        &resources.flows,
        "Flow",
        "--flow",
        arguments.flow.as_deref(),
    )?;
    let diagram = Diagram::of(&talk::graph_of(flow)?);
    let picture = svg::write(&flow.name_any(), &diagram, &arrange(&diagram));
    match &arguments.output {
        Some(path) => fs::write(path, picture).with_context(|| path.display().to_string()),
        None => {
            print!("{picture}");
            Ok(())
        }
    }
}
