//! The alerts of the chart, by Prometheus' own tool.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/callplane/alerts");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

fn is_test(file: &Path) -> bool {
    file.to_str().unwrap().ends_with("_test.yaml")
}

fn promtool(what: [&str; 2], file: &Path) {
    let output = Command::new("promtool")
        .args(what)
        .arg(file)
        .output()
        .unwrap_or_else(|error| panic!("promtool, of the package prometheus: {error}"));
    let told = [output.stdout, output.stderr].concat();
    assert!(
        output.status.success(),
        "{}: {}",
        file.display(),
        String::from_utf8_lossy(&told)
    );
}

#[test]
fn every_alert_is_raised_and_withheld_as_its_test_says() {
    let (tests, rules): (Vec<_>, Vec<_>) = files().into_iter().partition(|file| is_test(file));
    assert!(!rules.is_empty());
    for file in rules {
        promtool(["check", "rules"], &file);
        let name = file.file_stem().unwrap().to_str().unwrap();
        let test = file.with_file_name(format!("{name}_test.yaml"));
        let text = fs::read_to_string(&file).unwrap();
        let tested = fs::read_to_string(&test).unwrap_or_default();
        for alert in text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("- alert: "))
        {
            let raised = format!("alertname: {alert}\n        exp_alerts:");
            assert!(
                tested.contains(&raised),
                "{} does not raise {alert}",
                test.display()
            );
        }
    }
    for file in tests {
        promtool(["test", "rules"], &file);
    }
}
