//! Scenario files: what callers do, and what is expected of the agent.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Scenarios of one agent, as they stand in a file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ScenarioFile {
    /// YAML files, or folders of them, with the Agent, its Flow and its Provider; from the folder of this file.
    pub(super) files: Vec<PathBuf>,
    /// metadata.name of the Agent, where there are several.
    pub(super) agent: Option<String>,
    pub(super) scenarios: Vec<Scenario>,
}

/// One call.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Scenario {
    pub(super) name: String,
    /// What the call brings along.
    #[serde(default)]
    pub(super) variables: BTreeMap<String, String>,
    /// What the model answers, one after the other; left out, the real one is asked.
    pub(super) model: Option<Vec<Answer>>,
    /// What tools answer, by their names, one after the other. **None is really called.**
    #[serde(default)]
    pub(super) tools: BTreeMap<String, Vec<ToolAnswer>>,
    /// What the caller does whenever it is the caller's turn.
    #[serde(default)]
    pub(super) caller: Vec<Step>,
    /// A caller played by the model, in the place of `caller`.
    pub(super) simulated_caller: Option<SimulatedCaller>,
    #[serde(default)]
    pub(super) expect: Expectation,
}

/// An answer of the model.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Answer {
    /// How long it thinks.
    #[serde(default, rename = "afterMs", deserialize_with = "millis")]
    pub(super) after: Duration,
    #[serde(default)]
    pub(super) text: String,
    #[serde(default)]
    pub(super) calls: Vec<Call>,
    /// It breaks off after that.
    #[serde(default)]
    pub(super) fails: bool,
}

/// What the model calls for.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Call {
    pub(super) name: String,
    #[serde(default)]
    pub(super) arguments: Map<String, Value>,
}

/// An answer of a tool.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ToolAnswer {
    /// How long it takes.
    #[serde(default, rename = "afterMs", deserialize_with = "millis")]
    pub(super) after: Duration,
    /// What it says: text as it is, anything else as JSON.
    #[serde(default)]
    pub(super) returns: Value,
    /// Why it fails, in its place.
    pub(super) fails: Option<String>,
}

impl ToolAnswer {
    /// As the model is told.
    pub(super) fn into_result(self) -> Result<String, String> {
        match (self.fails, self.returns) {
            (Some(why), _) => Err(why),
            (None, Value::String(text)) => Ok(text),
            (None, Value::Null) => Ok("done".to_owned()),
            (None, json) => Ok(json.to_string()),
        }
    }
}

/// What the caller does.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(super) enum Step {
    /// Says something.
    Say(String),
    /// Presses keys.
    Keys(String),
    /// Says nothing until the agent does something about it.
    Silent,
    /// Says something into the next words of the agent.
    Interrupt {
        say: String,
        #[serde(default = "a_second", rename = "afterMs", deserialize_with = "millis")]
        after: Duration,
    },
    /// The transfer ends so.
    Transfer(Reached),
    HangUp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Reached {
    /// Both talked until the other hung up.
    Reached,
    NotReached,
}

/// Who the model plays.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SimulatedCaller {
    /// Who calls, what for, and how they are.
    pub(super) instructions: String,
    /// The caller hangs up after so many turns.
    #[serde(default = "twenty")]
    pub(super) max_turns: u32,
}

/// What a call has to show. What is not named is not looked at.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Expectation {
    /// Nodes in the order they are reached; others may be between them.
    #[serde(default)]
    pub(super) nodes: Vec<String>,
    /// Nodes that are not reached.
    #[serde(default)]
    pub(super) never_nodes: Vec<String>,
    /// Variables at the end; null: has no value.
    #[serde(default)]
    pub(super) captured: Map<String, Value>,
    /// What the model calls for, in this order; others may be between them.
    #[serde(default)]
    pub(super) tools: Vec<String>,
    /// Words that the caller hears.
    #[serde(default)]
    pub(super) says: Vec<String>,
    /// Words that the caller never hears.
    #[serde(default)]
    pub(super) never_says: Vec<String>,
    /// The outcome of the hangup node that ends the call.
    pub(super) outcome: Option<String>,
    /// The longest that a caller waits from their last word or key to the agent's first.
    #[serde(default, rename = "replyWithinMs", deserialize_with = "some_millis")]
    pub(super) reply_within: Option<Duration>,
}

const fn twenty() -> u32 {
    20
}

const fn a_second() -> Duration {
    Duration::from_secs(1)
}

fn millis<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u32::deserialize(deserializer).map(|millis| Duration::from_millis(millis.into()))
}

fn some_millis<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    millis(deserializer).map(Some)
}

/// The scenarios of a file; nothing if it has none, such as one with resources of Kubernetes.
///
/// # Errors
/// When it is no YAML, or its scenarios are not as they should be: with the place and what is wrong with it.
pub(super) fn read(path: &Path) -> anyhow::Result<Option<ScenarioFile>> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    parse(&text).with_context(|| path.display().to_string())
}

fn parse(text: &str) -> anyhow::Result<Option<ScenarioFile>> {
    let mut documents = Vec::new();
    for document in serde_yaml_ng::Deserializer::from_str(text) {
        documents.push(Value::deserialize(document)?);
    }
    let mut scenarios = documents
        .into_iter()
        .filter(|document| document.get("scenarios").is_some());
    let Some(document) = scenarios.next() else {
        return Ok(None);
    };
    anyhow::ensure!(
        scenarios.next().is_none(),
        "there are two documents with scenarios: make two files of them"
    );
    let file: ScenarioFile = serde_path_to_error::deserialize(document)
        .map_err(|error| anyhow::anyhow!("{}: {}", error.path(), error.inner()))?;
    for scenario in &file.scenarios {
        scenario.check()?;
    }
    Ok(Some(file))
}

impl Scenario {
    fn check(&self) -> anyhow::Result<()> {
        let name = &self.name;
        anyhow::ensure!(
            self.caller.is_empty() || self.simulated_caller.is_none(),
            "scenario {name}: caller and simulatedCaller exclude each other"
        );
        anyhow::ensure!(
            self.simulated_caller.is_none() || self.model.is_none(),
            "scenario {name}: a simulatedCaller needs the real model: leave model out"
        );
        for (index, step) in self.caller.iter().enumerate() {
            let number = index + 1;
            if let Step::Keys(keys) = step {
                anyhow::ensure!(
                    !keys.is_empty() && keys.chars().all(callplane_flow::is_key),
                    "scenario {name}: step {number}: keys are 0 to 9, * and #, in quotes"
                );
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r##"
files: [..]
scenarios:
- name: A visit is booked
  model: [{text: On which day?}, {afterMs: 1500, calls: [{name: note, arguments: {day: Monday}}]}]
  caller:
  - say: I would like to come by.
  - keys: "12#"
  - silent
  - interrupt: {say: Stop.}
  - transfer: notReached
  - hangUp
  expect: {nodes: [talk], captured: {day: Monday, guests: null}, replyWithinMs: 1500}
"##;

    #[test]
    fn what_a_caller_does_is_read_as_it_is_written() {
        let file = parse(GOOD).unwrap().unwrap();
        let [scenario] = &file.scenarios[..] else {
            panic!("one");
        };
        let [said, keys, silent, interrupt, transfer, gone] = &scenario.caller[..] else {
            panic!("six");
        };
        assert_eq!(*said, Step::Say("I would like to come by.".to_owned()));
        assert_eq!(*keys, Step::Keys("12#".to_owned()));
        assert_eq!(*silent, Step::Silent);
        let (say, after) = ("Stop.".to_owned(), Duration::from_secs(1));
        assert_eq!(*interrupt, Step::Interrupt { say, after });
        assert_eq!(*transfer, Step::Transfer(Reached::NotReached));
        assert_eq!(*gone, Step::HangUp);
        let model = scenario.model.as_ref().unwrap();
        assert_eq!(model[1].after, Duration::from_millis(1_500));
        assert_eq!(scenario.expect.captured["guests"], Value::Null);
    }

    #[test]
    fn resources_of_kubernetes_are_no_scenarios() {
        let resources = "kind: Agent\n---\nkind: Flow\n";
        assert!(parse(resources).unwrap().is_none());
    }

    #[test]
    fn a_mistake_is_told_with_its_place() {
        let told = |from: &str, to: &str| {
            assert!(GOOD.contains(from), "{from}");
            format!("{:#}", parse(&GOOD.replace(from, to)).unwrap_err())
        };
        let typo = told("nodes: [talk]", "node: [talk]");
        assert!(
            typo.starts_with("scenarios[0].expect.node: unknown field `node`"),
            "{typo}"
        );
        let step = told("- say:", "- tell:");
        assert!(
            step.contains("scenarios[0].caller[0]") && step.contains("`say`"),
            "{step}"
        );
        let keys = told("\"12#\"", "twelve");
        assert!(keys.contains("step 2: keys are 0 to 9"), "{keys}");
        let number = told("\"12#\"", "12");
        assert!(number.contains("scenarios[0].caller[1].keys"), "{number}");
        let both = told(
            "  caller:",
            "  simulatedCaller: {instructions: You call.}\n  caller:",
        );
        assert!(both.contains("exclude each other"), "{both}");
    }
}
