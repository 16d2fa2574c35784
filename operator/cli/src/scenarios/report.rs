//! What a run of scenarios looks like in the terminal.

use std::io::IsTerminal as _;
use std::path::Path;

use callplane_agent::Speaker;

use super::call::Played;
use super::{Tested, TestedFile};

const RED: &str = "\x1b[31m";
const GREEN: &str = "\x1b[32m";
const PLAIN: &str = "\x1b[0m";

fn coloured(colour: &str, text: &str) -> String {
    match std::io::stdout().is_terminal() {
        true => format!("{colour}{text}{PLAIN}"),
        false => text.to_owned(),
    }
}

/// Before what is played again: a terminal is cleared.
pub(super) fn again() {
    if std::io::stdout().is_terminal() {
        print!("\x1b[2J\x1b[H");
    }
}

pub(super) fn file(path: &Path) {
    println!("{}", path.display());
}

/// One scenario, as soon as it was played.
pub(super) fn tested(tested: &Tested, verbose: bool) {
    let failed = !tested.failures.is_empty();
    let verdict = match failed {
        true => coloured(RED, "FAILED"),
        false => coloured(GREEN, "ok    "),
    };
    let length = tested.played.as_ref().map_or(String::new(), |played| {
        format!("  ({:.1} s of call)", played.duration.as_secs_f64())
    });
    println!("  {verdict}  {}{length}", tested.name);
    for failure in &tested.failures {
        println!("          {failure}");
    }
    if let Some(played) = tested.played.as_ref().filter(|_| failed || verbose) {
        for line in transcript(played) {
            println!("          | {line}");
        }
    }
}

/// The conversation as the two heard it.
pub(super) fn transcript(played: &Played) -> impl Iterator<Item = String> {
    played.messages.iter().map(|message| {
        let who = match message.speaker {
            Speaker::Agent => "agent",
            Speaker::Caller => "caller",
            Speaker::Keys => "keys",
        };
        let cut = match message.intended {
            Some(_) => " (interrupted)",
            None => "",
        };
        format!("{who}: {}{cut}", message.text)
    })
}

/// Files that could not even be found.
pub(super) fn wrong(error: &anyhow::Error) {
    println!("{}  {error:#}", coloured(RED, "error"));
}

/// The last line. Whether all was as expected.
pub(super) fn summary(files: &[TestedFile]) -> bool {
    let all = files.iter().flat_map(|file| &file.tested);
    let (failed, passed): (Vec<_>, Vec<_>) = all.partition(|tested| !tested.failures.is_empty());
    let (failed, passed) = (failed.len(), passed.len());
    let sentence = format!("{passed} passed, {failed} failed");
    println!(
        "{}",
        coloured(if failed == 0 { GREEN } else { RED }, &sentence)
    );
    failed == 0 && passed > 0
}
