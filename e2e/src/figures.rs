//! Figures: what the tests measure, for people to read. `make test` prints them as a table at its end.

use std::fmt::Display;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};

/// Names the file that figures are appended to.
const FILE: &str = "CALLPLANE_FIGURES";

/// Notes that `name` is `value` of `unit`, and what its limit is (empty: none); the test itself holds the limit.
///
/// A line of the file is `name`, `value`, `unit` and `limit` with tabs between. Without a file the figure is only
/// said, for whoever runs a test alone with `--nocapture`.
pub fn figure(name: &str, value: impl Display, unit: &str, limit: &str) -> Result<()> {
    let line = format!("{name}\t{value}\t{unit}\t{limit}\n");
    eprint!("figure: {}", line.replace('\t', " "));
    match std::env::var_os(FILE) {
        Some(file) => append(Path::new(&file), &line),
        None => Ok(()),
    }
}

/// In one write, because test processes may share the file.
fn append(file: &Path, line: &str) -> Result<()> {
    let mut open = OpenOptions::new()
        .create(true)
        .append(true)
        .open(file)
        .with_context(|| format!("failed to open {}, named by {FILE}", file.display()))?;
    open.write_all(line.as_bytes())
        .with_context(|| format!("failed to write to {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::append;

    #[test]
    fn figures_follow_one_another() {
        let file = std::env::temp_dir().join(format!("callplane-figures-{}", std::process::id()));
        append(&file, "a\t1\tms\t<= 2\n").unwrap();
        append(&file, "b\t3\t\t\n").unwrap();
        assert_eq!(
            std::fs::read_to_string(&file).unwrap(),
            "a\t1\tms\t<= 2\nb\t3\t\t\n"
        );
        std::fs::remove_file(&file).unwrap();
    }
}
