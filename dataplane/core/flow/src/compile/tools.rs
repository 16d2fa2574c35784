//! The tools of an agent, each by itself.

use std::collections::BTreeSet;

use super::Problem;
use crate::settings::AgentSettings;
use crate::tool::{BUILT_IN, MAX_TOOLS, ToolUse, is_name};

/// Longest description and filler, in characters.
const MAX_DESCRIPTION: usize = 1_000;
const MAX_FILLER: usize = 200;

pub(super) fn check(agent: &AgentSettings, problems: &mut Vec<Problem>) {
    if agent.tools.len() > MAX_TOOLS {
        problems.push(Problem::general(
            format!("the agent has more than {MAX_TOOLS} tools"),
            format!("keep to {MAX_TOOLS}"),
        ));
    }
    let mut names = BTreeSet::new();
    for tool in &agent.tools {
        if !names.insert(&tool.name) {
            problems.push(Problem::general(
                format!("two tools of the agent are called `{}`", tool.name),
                "give each a name of its own",
            ));
        }
        if let Some((message, fix)) = mistake(tool) {
            let message = format!("tool `{}` of the agent: {message}", tool.name);
            problems.push(Problem::general(message, fix));
        }
    }
}

fn mistake(tool: &ToolUse) -> Option<(String, &'static str)> {
    let ToolUse {
        name,
        description,
        parameters,
        timeout: _,
        filler,
        http,
    } = tool;
    if !is_name(name) {
        return Some((
            "the name is none".to_owned(),
            "use a lower-case letter, then lower-case letters, digits and underscores, 63 at most",
        ));
    }
    if BUILT_IN.contains(&name.as_str()) {
        return Some((
            "every converse node has a tool of this name itself".to_owned(),
            "choose another",
        ));
    }
    let length = description.chars().count();
    if description.trim().is_empty() || length > MAX_DESCRIPTION {
        return Some((
            format!("the description is empty or longer than {MAX_DESCRIPTION} characters"),
            "say in a sentence or two what it does and when to use it",
        ));
    }
    let filler = filler.as_deref().unwrap_or_default();
    if filler.chars().count() > MAX_FILLER {
        return Some((
            format!("the filler is longer than {MAX_FILLER} characters"),
            "keep to one short sentence",
        ));
    }
    let properties = parameters.schema().get("properties");
    let unknown = http
        .path
        .arguments()
        .find(|name| properties.and_then(|all| all.get(*name)).is_none());
    unknown.map(|name| {
        (
            format!("the path has {{{name}}}, which is none of the properties of the parameters"),
            "add it to the properties, and to those that are required",
        )
    })
}
