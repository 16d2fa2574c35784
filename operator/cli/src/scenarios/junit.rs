//! The report that CI systems read.

use std::fs::File;
use std::path::Path;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::{Tested, TestedFile, report};

/// Writes a suite for each file, with a case for each of its scenarios.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn write(path: &Path, files: &[TestedFile]) -> anyhow::Result<()> {
    let mut report = Report::new("kubectl callplane test");
    for file in files {
        let name = file.path.display().to_string();
        let mut suite = TestSuite::new(name.as_str());
        for tested in &file.tested {
            suite.add_test_case(case(&name, tested));
        }
        report.add_test_suite(suite);
    }
    report.serialize(File::create(path)?)?;
    Ok(())
}

fn case(file: &str, tested: &Tested) -> TestCase {
    let status = match tested.failures.first() {
        None => TestCaseStatus::success(),
        Some(first) => {
            // A scenario that could not be played says nothing about the agent.
            let kind = match tested.played {
                Some(_) => NonSuccessKind::Failure,
                None => NonSuccessKind::Error,
            };
            let mut status = TestCaseStatus::non_success(kind);
            status.set_message(first.as_str());
            status.set_description(tested.failures.join("\n"));
            status
        }
    };
    let mut case = TestCase::new(tested.name.as_str(), status);
    case.set_classname(file);
    case.set_time(tested.took);
    if let Some(played) = &tested.played {
        let lines: Vec<String> = report::transcript(played).collect();
        case.set_system_out(lines.join("\n"));
    }
    case
}
