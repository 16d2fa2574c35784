//! Flows of other platforms into graphs.
//!
//! Their documents have no schema of their own, so both converters are tolerant: they accept the
//! usual names of a field, leave out what a flow here cannot do, and say so in [`Conversion::notes`].
//! What they make is an ordinary [`Graph`]: it is compiled, and refused, like any other.

mod builder;
mod nodes_and_edges;
mod objectives;
mod question;
mod reader;
mod transfer;

use std::fmt;

pub use self::nodes_and_edges::nodes_and_edges;
pub use self::objectives::objective_graph;
use crate::graph::Graph;

/// A converted document.
#[derive(Debug, Clone, PartialEq)]
pub struct Conversion {
    /// The graph.
    pub graph: Graph,
    /// What could not be converted, and what was done instead.
    pub notes: Vec<Note>,
}

/// Something that could not be converted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The id of the objective, node or edge in its document.
    pub element: String,
    /// What was done instead, as a sentence without a full stop.
    pub message: String,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.element, self.message)
    }
}

/// Why a document cannot be converted at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConvertError {
    /// There is nothing of the expected shape in it.
    #[error("the document has no {0}")]
    Missing(&'static str),
    /// More elements than a graph could hold.
    #[error("the document has more than {0} elements: split it")]
    TooLarge(usize),
}
