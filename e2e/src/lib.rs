//! What the cluster tests and the demo share: the local cluster seen from inside its network namespace, and
//! telephones that this project did not write (SIPp and baresip).
//!
//! Everything here runs in the namespace of the cluster (`cluster.sh exec`), where pods, API server and phones
//! reach each other by address. Nothing waits by sleeping: [`until`] polls with a deadline.

mod cluster;
mod command;
mod control;
mod figures;
mod http;
mod metrics;
pub mod phones;
mod poll;
mod process;
pub mod sound;

pub use cluster::Cluster;
pub use command::run;
pub use control::Control;
pub use figures::figure;
pub use http::{Response, download, get, request, request_with};
pub use metrics::Metrics;
pub use poll::until;
pub use process::PodProcesses;
