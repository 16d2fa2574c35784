//! How far a command is, on standard error: a bar on a terminal, else a line every few seconds.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Time between two lines where no terminal is: a log, a pipe.
const LINE_EVERY: Duration = Duration::from_secs(2);

/// How far a command is.
pub(super) struct Progress {
    /// What is counted: `schemas`, `rows`.
    unit: &'static str,
    bar: Option<ProgressBar>,
    done: u64,
    total: u64,
    told: Instant,
}

impl Progress {
    /// Begins at none of `total`.
    pub(super) fn new(unit: &'static str, total: u64) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(total);
            let template = format!(
                "{{bar:30}} {{human_pos}} of {{human_len}} {unit}, {{elapsed}}  {{wide_msg}}"
            );
            if let Ok(style) = ProgressStyle::with_template(&template) {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Self {
            unit,
            bar,
            done: 0,
            total,
            told: Instant::now(),
        }
    }

    /// One more is done; `last` names it.
    pub(super) fn step(&mut self, last: &str) {
        self.to(self.done + 1, last);
    }

    /// So many are done.
    pub(super) fn to(&mut self, done: u64, last: &str) {
        self.done = done;
        match &self.bar {
            Some(bar) => {
                bar.set_position(self.done);
                bar.set_message(last.to_owned());
            }
            None if self.told.elapsed() >= LINE_EVERY => {
                self.told = Instant::now();
                eprintln!("{} of {} {}, last {last}", self.done, self.total, self.unit);
            }
            None => {}
        }
    }

    /// A line that stays.
    pub(super) fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{line}")),
            None => eprintln!("{line}"),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
