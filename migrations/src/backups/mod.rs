//! Backups: what proves that nothing would be lost, and how fast it would be back.
//!
//! pgBackRest makes the backups and knows nothing of this table (`migrations/backup/README.md`).
//! [`record`] reads what its repositories hold ([`Info`]) into `platform.backup_runs`, as often as
//! one likes; [`record_drill`] notes a restore that was tried; [`standing`] says how it stands.
//!
//! **The newest moment that can be restored is proven, not assumed.** Each [`record`] notes the file
//! of the log that PostgreSQL is writing and the time. When a later one finds that file in every
//! repository, then all that was committed before that time is there too.
//!
//! These writes are no leader's: they are facts that come from outside, any process may note them,
//! and noting one twice is noting it once. So no [`crate::Fence`] is asked for.

mod drill;
mod pgbackrest;
mod record;
mod standing;
mod wal_file;

pub use drill::{Drill, record_drill};
pub use pgbackrest::{Backup, Info};
pub use record::{Recorded, Regions, record};
pub use standing::{Finding, LastDrill, Limits, Standing, standing};
pub use wal_file::WalFile;

use crate::words::words;

words! {
    /// `platform.backup_kind`.
    BackupKind {
        /// All of the server.
        Full = "full",
        /// What changed since an earlier backup.
        Incremental = "incremental",
        /// The log, file by file.
        Wal = "wal",
        /// A restore that was tried.
        Drill = "drill",
    }
}
