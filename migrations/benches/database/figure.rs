//! A measured value beside its bar.

use std::fmt::Write as _;

/// What a value has to be.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Bar {
    AtMost(f64),
    AtLeast(f64),
    /// Shown to understand the others.
    None,
}

/// A line of the table.
#[derive(Debug, Clone)]
pub(crate) struct Figure {
    what: String,
    measured: f64,
    unit: &'static str,
    bar: Bar,
}

impl Figure {
    /// Fails above `bar`.
    pub(crate) fn at_most(
        what: impl Into<String>,
        measured: f64,
        unit: &'static str,
        bar: f64,
    ) -> Self {
        Self {
            what: what.into(),
            measured,
            unit,
            bar: Bar::AtMost(bar),
        }
    }

    /// Fails below `bar`.
    pub(crate) fn at_least(
        what: impl Into<String>,
        measured: f64,
        unit: &'static str,
        bar: f64,
    ) -> Self {
        Self {
            what: what.into(),
            measured,
            unit,
            bar: Bar::AtLeast(bar),
        }
    }

    /// Has no bar.
    pub(crate) fn shown(what: impl Into<String>, measured: f64, unit: &'static str) -> Self {
        Self {
            what: what.into(),
            measured,
            unit,
            bar: Bar::None,
        }
    }

    /// Whether the value meets its bar. Not a number meets none.
    pub(crate) fn is_met(&self) -> bool {
        match self.bar {
            Bar::AtMost(bar) => self.measured <= bar,
            Bar::AtLeast(bar) => self.measured >= bar,
            Bar::None => true,
        }
    }
}

/// The figures as a table in Markdown; the ratio is of the measured value to its bar.
pub(crate) fn table(figures: &[Figure]) -> String {
    let mut text = "| figure | measured | bar | ratio | |\n|---|---|---|---|---|\n".to_owned();
    for figure in figures {
        let Figure {
            what,
            measured,
            unit,
            bar,
        } = figure;
        let (bar, ratio) = match bar {
            Bar::AtMost(bar) => (format!("<= {bar} {unit}"), format!("{:.2}", measured / bar)),
            Bar::AtLeast(bar) => (format!(">= {bar} {unit}"), format!("{:.2}", measured / bar)),
            Bar::None => (String::new(), String::new()),
        };
        let verdict = match (figure.is_met(), figure.bar) {
            (_, Bar::None) => "",
            (true, _) => "met",
            (false, _) => "MISSED",
        };
        let _ = writeln!(
            text,
            "| {what} | {measured:.2} {unit} | {bar} | {ratio} | {verdict} |"
        );
    }
    text
}
