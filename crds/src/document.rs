//! The graph of a Flow, in whichever form it was written.

use std::collections::BTreeMap;

use callplane_flow::Graph;
use callplane_flow::convert::{self, Conversion, ConvertError};
use serde_json::Value;

use crate::flow::FlowSpec;

/// The graph of a Flow, as written and as it is compiled.
#[derive(Debug, Clone)]
pub struct Document {
    /// The form it was written in.
    pub form: FlowForm,
    /// As written.
    pub written: Value,
    /// As compiled.
    pub graph: Graph,
    /// What could not be converted.
    pub notes: Vec<String>,
}

/// The form of a graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlowForm {
    /// Callplane's own.
    Graph,
    /// Objectives with required data.
    ObjectiveGraph,
    /// A react-flow document.
    NodesAndEdges,
}

/// Why a Flow has no graph.
#[derive(Debug, thiserror::Error)]
pub enum InvalidDocument {
    /// The API server refuses this, too.
    #[error("give exactly one of graph, objectiveGraph and nodesAndEdges")]
    Form,
    /// It is none of its form.
    #[error("{error}")]
    Converted {
        /// Which.
        form: FlowForm,
        /// What is wrong.
        error: ConvertError,
    },
}

impl FlowForm {
    /// The field that has it.
    #[must_use]
    pub const fn field(self) -> &'static str {
        match self {
            Self::Graph => "spec.graph",
            Self::ObjectiveGraph => "spec.objectiveGraph",
            Self::NodesAndEdges => "spec.nodesAndEdges",
        }
    }
}

impl InvalidDocument {
    /// The field that is wrong.
    #[must_use]
    pub const fn field(&self) -> &'static str {
        match self {
            Self::Form => "spec",
            Self::Converted { form, .. } => form.field(),
        }
    }
}

impl FlowSpec {
    /// The graph that is given.
    ///
    /// # Errors
    /// When there is not exactly one, or it cannot be converted.
    pub fn document(&self) -> Result<Document, InvalidDocument> {
        let Self {
            graph,
            objective_graph,
            nodes_and_edges,
        } = self;
        match (graph, objective_graph, nodes_and_edges) {
            (Some(graph), None, None) => Ok(Document {
                form: FlowForm::Graph,
                written: serde_json::to_value(graph).expect("a graph is maps with texts as keys"),
                graph: graph.clone(),
                notes: Vec::new(),
            }),
            (None, Some(fields), None) => {
                converted(FlowForm::ObjectiveGraph, fields, convert::objective_graph)
            }
            (None, None, Some(fields)) => {
                converted(FlowForm::NodesAndEdges, fields, convert::nodes_and_edges)
            }
            _ => Err(InvalidDocument::Form),
        }
    }
}

fn converted(
    form: FlowForm,
    fields: &BTreeMap<String, Value>,
    convert: fn(&Value) -> Result<Conversion, ConvertError>,
) -> Result<Document, InvalidDocument> {
    let written = Value::Object(fields.clone().into_iter().collect());
    let Conversion { graph, notes } =
        convert(&written).map_err(|error| InvalidDocument::Converted { form, error })?;
    Ok(Document {
        form,
        written,
        graph,
        notes: notes.iter().map(ToString::to_string).collect(),
    })
}
