//! What `/livez` and `/readyz` answer.

use std::sync::Arc;

/// What a check says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// All is well.
    Pass,
    /// It is not; the sentence says what is wrong.
    Fail(String),
}

type Check = Arc<dyn Fn() -> Verdict + Send + Sync>;

/// Named checks. A check must answer at once: it reads a flag or an age, it does not go and look.
#[derive(Clone, Default)]
pub struct Health {
    live: Vec<(&'static str, Check)>,
    ready: Vec<(&'static str, Check)>,
}

impl Health {
    /// No checks: live and ready.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a check to `/livez`: failing means that only a restart helps.
    #[must_use]
    pub fn live(
        mut self,
        name: &'static str,
        check: impl Fn() -> Verdict + Send + Sync + 'static,
    ) -> Self {
        self.live.push((name, Arc::new(check)));
        self
    }

    /// Adds a check to `/readyz`: failing means "send me no work now".
    #[must_use]
    pub fn ready(
        mut self,
        name: &'static str,
        check: impl Fn() -> Verdict + Send + Sync + 'static,
    ) -> Self {
        self.ready.push((name, Arc::new(check)));
        self
    }

    pub(crate) fn report_live(&self) -> Report {
        Report::of(&self.live)
    }

    pub(crate) fn report_ready(&self) -> Report {
        Report::of(&self.ready)
    }
}

/// The lines of an answer, in the form of the API server's `/readyz?verbose`.
pub(crate) struct Report {
    pub(crate) passed: bool,
    pub(crate) text: String,
}

impl Report {
    fn of(checks: &[(&'static str, Check)]) -> Self {
        let mut report = Self {
            passed: true,
            text: String::new(),
        };
        for (name, check) in checks {
            match check() {
                Verdict::Pass => report.text.push_str(&format!("[+]{name} ok\n")),
                Verdict::Fail(why) => {
                    report.passed = false;
                    report.text.push_str(&format!("[-]{name} failed: {why}\n"));
                }
            }
        }
        report.text.push_str(if report.passed {
            "ok\n"
        } else {
            "check failed\n"
        });
        report
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failing_check_fails_the_report_and_names_itself() {
        let health = Health::new()
            .ready("database", || {
                Verdict::Fail("no connection for 12 s".to_owned())
            })
            .ready("caches", || Verdict::Pass);
        let report = health.report_ready();
        assert!(!report.passed);
        assert_eq!(
            report.text,
            "[-]database failed: no connection for 12 s\n[+]caches ok\ncheck failed\n"
        );
        assert!(health.report_live().passed);
    }
}
