//! How the figures of a report grow, table by table and batch by batch.

use super::batch;
use super::report::{Report, SHOWN_REFUSALS, Sum, TableReport};
use super::source::{SourceRow, Totals};
use super::step::Step;

impl Report {
    /// A table that is done.
    pub(super) fn add(&mut self, table: TableReport) {
        self.differences.extend(table.differences());
        self.tables.push(table);
    }
}

impl TableReport {
    /// What the source says of the table as a whole.
    pub(super) fn start(&mut self, step: &Step<'_>, totals: &Totals) {
        self.exists = true;
        self.read = totals.rows;
        self.sums.resize(step.sums.len(), Sum::default());
        for ((sum, measure), source) in self.sums.iter_mut().zip(step.sums).zip(&totals.sums) {
            sum.name = measure.name.to_owned();
            sum.source = *source;
        }
    }

    /// Rows that were dealt with.
    pub(super) fn seen(&self) -> u64 {
        self.written + self.present + self.refused
    }

    /// A batch, and what became of it.
    pub(super) fn add(&mut self, outcome: batch::Outcome, rows: &[SourceRow]) {
        let batch::Outcome {
            written,
            found,
            refusals,
            notes,
            sums,
        } = outcome;
        let refused = refusals.len() as u64;
        self.written += written;
        self.present += (rows.len() as u64).saturating_sub(refused + written);
        self.refused += refused;
        self.found += found;
        for (note, rows) in notes {
            *self.notes.entry(note).or_default() += rows;
        }
        for (place, sum) in self.sums.iter_mut().enumerate() {
            sum.target += sums[place];
            sum.refused += rows
                .iter()
                .filter(|row| refusals.iter().any(|refusal| refusal.key == row.key))
                .map(|row| row.measures[place])
                .sum::<i128>();
        }
        let room = SHOWN_REFUSALS.saturating_sub(self.refusals.len());
        self.refusals.extend(refusals.into_iter().take(room));
    }
}
