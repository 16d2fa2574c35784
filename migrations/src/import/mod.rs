//! Imports of five existing platforms: their databases are read as their own documents describe them
//! and written into a tenant's schema, the opposite of [`crate::compatibility`].
//!
//! A platform is a list of steps, one a table, in the order in which tables refer to each other. A
//! step names the columns it reads, what makes a row unfit, and the statements that write; this module
//! does the rest: rows are read in one snapshot of the source in the order of their key, staged in
//! batches in a temporary table of the target, judged, written and counted in one transaction a
//! batch, which also notes how far it came. So **an import that was killed goes on where it was, and
//! one that is repeated writes nothing**: identifiers follow from the source's (`functions.sql`) and
//! what is there is never overwritten.
//!
//! A row that the server refuses is found by halving its batch, is left out and is reported by its key
//! and the reason, without its values. At the end counts and sums of the source are compared with
//! what the target holds; a difference is an error of the table.
//!
//! Rows of what custom resources own (agents, numbers, campaigns, flows, trunks) carry the name of an
//! object and no uid: the object of that name takes them over when it is applied.

mod batch;
mod checkpoint;
mod copied;
mod platforms;
mod report;
mod run;
mod secrets;
mod session;
mod source;
mod step;
mod tally;

pub use report::{Difference, Refusal, Report, Sum, TableReport};
pub use run::{Control, Options, Progress, run};
pub use secrets::Seal;
pub use source::Source;
