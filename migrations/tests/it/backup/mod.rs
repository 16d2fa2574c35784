//! Backups: what is recorded of them, and that they bring everything back.

mod drill;
mod moving;
mod record;
mod repository;
mod writer;

use std::fmt::Display;
use std::fs::OpenOptions;
use std::io::Write as _;

/// Notes what was measured and its limit, for the table at the end of `make test`.
pub(crate) fn figure(name: &str, value: impl Display, unit: &str, limit: &str) {
    let line = format!("{name}\t{value}\t{unit}\t{limit}\n");
    eprint!("figure: {}", line.replace('\t', " "));
    if let Some(file) = std::env::var_os("CALLPLANE_FIGURES") {
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(file)
            .unwrap();
        // In one write, because test processes share the file.
        file.write_all(line.as_bytes()).unwrap();
    }
}
