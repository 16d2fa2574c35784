//! What a run did, for people.

use std::fmt;

use callplane_store::retention::{Due, Held, Thinned};

/// What became of a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It would leave (dry run).
    Due,
    /// It is archived, and so many rows are gone.
    Removed(i64),
    /// There is no object storage: it stays.
    NoStorage,
    /// Rows changed while it was archived: it stays until the next run.
    Changed,
    /// A recording of it has come under legal hold: it stays.
    Held,
}

/// What a run did, or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Another run was at work: nothing was done.
    pub busy: bool,
    /// Partitions of months to come.
    pub made: u64,
    /// Months that were due.
    pub months: Vec<(Due, Outcome)>,
    /// Months that would be due without a legal hold.
    pub held: Vec<Held>,
    /// Audio past its age.
    pub audio: Audio,
    /// Archives past their age that were deleted.
    pub expired: u64,
    /// Figures and samples that were deleted.
    pub thinned: Thinned,
}

/// Audio of recordings past their age, by where it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Audio {
    /// It was deleted in the storage, or would be.
    pub deleted: Sum,
    /// Media nodes delete it.
    pub on_nodes: Sum,
    /// It stays, where nobody here may delete it.
    pub elsewhere: Sum,
}

/// Recordings and how long their audio is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many.
    pub recordings: u64,
    /// Octets.
    pub bytes: u64,
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} bytes)", self.recordings, self.bytes)
    }
}

impl Report {
    pub(super) fn busy() -> Self {
        Self {
            busy: true,
            ..Self::default()
        }
    }

    /// Whether something that should leave stays for want of an object storage.
    #[must_use]
    pub fn lacks_storage(&self) -> bool {
        self.months
            .iter()
            .any(|(_, outcome)| *outcome == Outcome::NoStorage)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.busy {
            return writeln!(f, "another run is at work on it; nothing was done");
        }
        writeln!(f, "partitions made: {}", self.made)?;
        for (due, outcome) in &self.months {
            let (family, month) = (due.family.name, due.month.format("%Y-%m"));
            match outcome {
                Outcome::Due => writeln!(f, "{family} of {month}: to be archived and removed"),
                Outcome::Removed(rows) => {
                    writeln!(f, "{family} of {month}: {rows} rows archived and removed")
                }
                Outcome::NoStorage => writeln!(
                    f,
                    "{family} of {month}: stays, because there is no object storage to archive it to"
                ),
                Outcome::Changed => writeln!(
                    f,
                    "{family} of {month}: stays until the next run, because rows changed meanwhile"
                ),
                Outcome::Held => writeln!(f, "{family} of {month}: stays, under legal hold"),
            }?;
        }
        for Held { month, recordings } in &self.held {
            let month = month.format("%Y-%m");
            writeln!(
                f,
                "calls of {month}: stay, {recordings} recordings are under legal hold"
            )?;
        }
        let Audio {
            deleted,
            on_nodes,
            elsewhere,
        } = &self.audio;
        writeln!(
            f,
            "recordings past their age: {deleted} in the storage, {on_nodes} on media nodes, which delete them"
        )?;
        if elsewhere.recordings > 0 {
            writeln!(
                f,
                "recordings past their age: {elsewhere} stay, because they lie in another storage or folder; delete them there"
            )?;
        }
        let Thinned { figures, samples } = &self.thinned;
        writeln!(f, "archives past their age: {}", self.expired)?;
        writeln!(f, "figures past their age: {figures}, samples: {samples}")
    }
}
