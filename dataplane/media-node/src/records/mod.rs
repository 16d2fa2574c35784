//! Call records: made durable on disk, delivered to PostgreSQL once.

mod batch;
mod clean;
mod handle;
mod sealer;
mod spool;
mod writer;

pub(crate) use handle::Records;
pub(crate) use sealer::Sealer;
pub(crate) use spool::Spool;
pub(crate) use writer::Writer;
