//! `kubectl callplane test` and `watch`: scenarios, played against agents from files.

mod call;
mod caller;
mod changes;
mod file;
mod junit;
mod report;
mod verdict;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use callplane_flow::Program;
use callplane_providers::ChatModel;

use self::call::Played;
use self::changes::Changes;
use self::file::{Scenario, ScenarioFile};
use crate::arguments::{ModelArguments, ScenarioArguments, TestArguments};
use crate::talk::{self, Loaded};

/// What came of a scenario.
struct Tested {
    name: String,
    /// Nothing when it could not be played.
    played: Option<Played>,
    failures: Vec<String>,
    took: Duration,
}

/// What came of the scenarios of a file.
struct TestedFile {
    path: PathBuf,
    tested: Vec<Tested>,
}

/// What was found in the files named.
#[derive(Default)]
struct Found {
    /// Files with scenarios, or what is wrong with them.
    files: Vec<(PathBuf, anyhow::Result<ScenarioFile>)>,
    /// Everything that was read, or would have been.
    read: Vec<PathBuf>,
}

/// Plays all scenarios, once. Whether all was as expected.
///
/// # Errors
/// When there is no scenario at all, or the report cannot be written.
pub(crate) async fn test(arguments: &TestArguments) -> anyhow::Result<bool> {
    let TestArguments { scenarios, junit } = arguments;
    let found = find(&scenarios.paths)?;
    anyhow::ensure!(
        !found.files.is_empty(),
        "no file has scenarios: a YAML file with `scenarios` at its top has"
    );
    let tested = play(found.files, scenarios).await;
    if let Some(path) = junit {
        junit::write(path, &tested).with_context(|| path.display().to_string())?;
    }
    Ok(report::summary(&tested))
}

/// Plays all scenarios, and again whenever a file that they read is saved.
///
/// # Errors
/// When the files cannot be watched.
pub(crate) async fn watch(arguments: &ScenarioArguments) -> anyhow::Result<()> {
    let mut changes = Changes::new()?;
    loop {
        report::again();
        // What is wrong now may be right after the next save.
        match find(&arguments.paths) {
            Ok(found) => {
                changes.watch(found.read.iter().chain(&arguments.paths))?;
                report::summary(&play(found.files, arguments).await);
            }
            Err(error) => {
                changes.watch(&arguments.paths)?;
                report::wrong(&error);
            }
        }
        changes.next().await?;
    }
}

/// The scenario files among those named, and in the folders named and those below.
fn find(paths: &[PathBuf]) -> anyhow::Result<Found> {
    let mut found = Found::default();
    for path in paths {
        find_in(path, &mut found)?;
    }
    Ok(found)
}

fn find_in(path: &Path, found: &mut Found) -> anyhow::Result<()> {
    let context = || path.display().to_string();
    if path.is_dir() {
        let mut entries = Vec::new();
        for entry in std::fs::read_dir(path).with_context(context)? {
            entries.push(entry.with_context(context)?.path());
        }
        entries.sort();
        for entry in entries
            .iter()
            .filter(|path| path.is_dir() || talk::is_yaml(path))
        {
            find_in(entry, found)?;
        }
        return Ok(());
    }
    let file = match file::read(path) {
        Ok(None) => return Ok(()),
        Ok(Some(file)) => Ok(file),
        Err(error) => Err(error),
    };
    let folder = path.parent().unwrap_or(Path::new("."));
    found.read.push(path.to_owned());
    if let Ok(file) = &file {
        found
            .read
            .extend(file.files.iter().map(|path| folder.join(path)));
    }
    found.files.push((path.to_owned(), file));
    Ok(())
}

async fn play(
    files: Vec<(PathBuf, anyhow::Result<ScenarioFile>)>,
    arguments: &ScenarioArguments,
) -> Vec<TestedFile> {
    let mut all = Vec::new();
    for (path, file) in files {
        let mut of_file = TestedFile {
            path,
            tested: Vec::new(),
        };
        report::file(&of_file.path);
        let agent = file.and_then(|file| {
            let agent = Agent::load(&of_file.path, &file, &arguments.model)?;
            Ok((file, agent))
        });
        match agent {
            Err(error) => {
                let tested = Tested::unplayed("the file", format!("{error:#}"));
                report::tested(&tested, arguments.verbose);
                of_file.tested.push(tested);
            }
            Ok((file, agent)) => {
                let wanted = |scenario: &&Scenario| match &arguments.only {
                    Some(part) => scenario.name.contains(part),
                    None => true,
                };
                for scenario in file.scenarios.iter().filter(wanted) {
                    let tested = agent.test(scenario).await;
                    report::tested(&tested, arguments.verbose);
                    of_file.tested.push(tested);
                }
            }
        }
        all.push(of_file);
    }
    all
}

/// Who is called.
struct Agent {
    program: Arc<Program>,
    /// Why there is none, said only where it is asked.
    model: Result<ChatModel, String>,
}

impl Agent {
    fn load(path: &Path, file: &ScenarioFile, model: &ModelArguments) -> anyhow::Result<Self> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let files: Vec<PathBuf> = file.files.iter().map(|path| folder.join(path)).collect();
        let Loaded { program, provider } = talk::load(&files, file.agent.as_deref())?;
        let model = talk::model(model, &program, provider).map_err(|error| format!("{error:#}"));
        Ok(Self { program, model })
    }

    async fn test(&self, scenario: &Scenario) -> Tested {
        let begun = Instant::now();
        let asks_model = scenario.model.is_none() && talk::needs_model(&self.program)
            || scenario.simulated_caller.is_some();
        if let (true, Err(why)) = (asks_model, &self.model) {
            return Tested::unplayed(&scenario.name, why.clone());
        }
        let played = call::play(&self.program, self.model.as_ref().ok(), scenario).await;
        Tested {
            name: scenario.name.clone(),
            failures: verdict::failures(&scenario.expect, &played),
            played: Some(played),
            took: begun.elapsed(),
        }
    }
}

impl Tested {
    fn unplayed(name: &str, why: String) -> Self {
        Self {
            name: name.to_owned(),
            played: None,
            failures: vec![why],
            took: Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests;
