//! Call records: made durable on disk, delivered to PostgreSQL once.

mod batch;
mod handle;
mod spool;
mod writer;

pub(crate) use handle::Records;
pub(crate) use spool::Spool;
pub(crate) use writer::Writer;
