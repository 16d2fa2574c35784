//! What an import did, as people and programs read it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Refusals of a table that the report carries; all of them go to [`super::Options::refusals`].
pub(super) const SHOWN_REFUSALS: usize = 20;

/// The outcome of an import. No personal data: keys of rows, reasons, figures.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Table by table, in the order of the import.
    pub tables: Vec<TableReport>,
    /// Tables of the source that nothing reads.
    pub not_read: Vec<String>,
    /// Where source and target disagree; empty after a good import.
    pub differences: Vec<Difference>,
    /// What a person should know, as sentences.
    pub remarks: Vec<String>,
}

/// The outcome of one table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableReport {
    /// Its name in the source.
    pub table: String,
    /// Whether the source has it.
    pub exists: bool,
    /// Rows of the tenant in the source.
    pub read: u64,
    /// Rows written, by this import and by the part of it that was killed.
    pub written: u64,
    /// Rows that were there already.
    pub present: u64,
    /// Rows that could not be mapped.
    pub refused: u64,
    /// The first of them.
    pub refusals: Vec<Refusal>,
    /// Rows of the target that stand for rows of the source.
    pub found: u64,
    /// What was lost or kept elsewhere: sentence and number of rows.
    pub notes: BTreeMap<String, u64>,
    /// What was compared.
    pub sums: Vec<Sum>,
}

/// A row that could not be mapped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Its key in the source.
    pub key: String,
    /// Why, and what to do.
    pub reason: String,
}

/// A sum over a table on both sides.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum {
    /// What, with its unit.
    pub name: String,
    /// Over the rows of the tenant in the source.
    pub source: i128,
    /// Over those that could not be mapped.
    pub refused: i128,
    /// Over the rows of the target.
    pub target: i128,
}

/// Source and target disagree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The table of the source.
    pub table: String,
    /// `rows`, or the name of a sum.
    pub what: String,
    /// In the source, without the rows that could not be mapped.
    pub source: i128,
    /// In the target.
    pub target: i128,
}

impl TableReport {
    /// Where this table's figures disagree.
    pub(super) fn differences(&self) -> Vec<Difference> {
        let difference = |what: &str, source: i128, target: i128| Difference {
            table: self.table.clone(),
            what: what.to_owned(),
            source,
            target,
        };
        let rows = i128::from(self.read) - i128::from(self.refused);
        let mut differences = Vec::new();
        if rows != i128::from(self.found) {
            differences.push(difference("rows", rows, self.found.into()));
        }
        for sum in &self.sums {
            if sum.source - sum.refused != sum.target {
                differences.push(difference(&sum.name, sum.source - sum.refused, sum.target));
            }
        }
        differences
    }
}

impl Report {
    /// Rows written over all tables.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.tables.iter().map(|table| table.written).sum()
    }

    /// Rows that could not be mapped over all tables.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.tables.iter().map(|table| table.refused).sum()
    }

    /// The table of that name in the source.
    #[must_use]
    pub fn table(&self, name: &str) -> Option<&TableReport> {
        self.tables.iter().find(|table| table.table == name)
    }
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}: {} is {} in the source and {} in the target",
            self.table, self.what, self.source, self.target
        )
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(
            f,
            "{:<28} {:>9} {:>9} {:>9} {:>9}",
            "TABLE", "READ", "WRITTEN", "THERE", "REFUSED"
        )?;
        for table in self.tables.iter().filter(|table| table.exists) {
            writeln!(
                f,
                "{:<28} {:>9} {:>9} {:>9} {:>9}",
                table.table, table.read, table.written, table.present, table.refused
            )?;
        }
        for table in &self.tables {
            for (note, rows) in &table.notes {
                writeln!(f, "{}: {note} ({rows} rows)", table.table)?;
            }
            for Refusal { key, reason } in &table.refusals {
                writeln!(f, "{} {key}: {reason}", table.table)?;
            }
            let more = table.refused.saturating_sub(table.refusals.len() as u64);
            if more > 0 {
                writeln!(f, "{}: {more} more rows were refused", table.table)?;
            }
            for sum in table.sums.iter().filter(|sum| sum.source != 0) {
                writeln!(
                    f,
                    "{}: {} {} in the source, {} of rows refused, {} in the target",
                    table.table, sum.name, sum.source, sum.refused, sum.target
                )?;
            }
        }
        if !self.not_read.is_empty() {
            writeln!(f, "not read: {}", self.not_read.join(", "))?;
        }
        for remark in &self.remarks {
            writeln!(f, "{remark}")?;
        }
        for difference in &self.differences {
            writeln!(f, "DIFFERENCE {difference}")?;
        }
        Ok(())
    }
}
