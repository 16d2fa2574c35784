//! What the cluster tests and the demo share: the local cluster seen from inside its network namespace, and
//! telephones that this project did not write (SIPp and baresip).
//!
//! Cluster tests run in the namespace of the cluster (`cluster.sh exec`), where pods, API server and phones
//! reach each other by address; a test that breaks the network makes one of its own by [`apart`]. Nothing waits by
//! sleeping: [`until`] polls with a deadline.

mod apart;
mod cluster;
mod command;
mod control;
mod embeddings;
mod figures;
mod http;
mod litellm;
mod metrics;
mod minio;
pub mod phones;
mod poll;
mod process;
pub mod provider_server;
mod python;
pub mod sound;

pub use apart::{apart, counted, rules};
pub use cluster::Cluster;
pub use command::run;
pub use control::Control;
pub use embeddings::Embeddings;
pub use figures::figure;
pub use http::{Response, download, get, request, request_with};
pub use litellm::LiteLlm;
pub use metrics::Metrics;
pub use minio::MinIo;
pub use poll::until;
pub use process::PodProcesses;
