//! Controller runtime of Callplane.
//!
//! kube-runtime gives the parts (`watcher`, `reflector`, `applier`); this crate joins them the way
//! this operator needs them and adds what they leave to their users:
//!
//! * **one backoff per watch** ([`Cache`]): a kind that cannot be listed delays no other kind;
//! * **one watch per kind and process**, shared by every controller that reads the kind; for kinds
//!   whose content is nobody's business a watch that keeps nothing ([`MetadataWatch`]);
//! * bounded concurrency, an exponential backoff per object and error [`Class`]es ([`Manager`]);
//! * a Lease election of our own whose epoch fences writes ([`lease`]); a client that **refuses
//!   every write while the Lease is not held**, so that a standby is warm and harmless;
//! * server-side apply that writes only what differs ([`apply`], [`status`]), deletion of only what
//!   is ours ([`mod@delete`]), finalizers after ownership is proved ([`finalizer`]);
//! * an in-process API server for tests (`fake`, feature `test-util`).
//!
//! # The shape of a controller
//!
//! Each kind has the same six files in `operator/src/controllers/<kind>/`:
//!
//! | file | what | client |
//! |---|---|---|
//! | `dereference.rs` | reads what the object refers to, from caches and the database | reads |
//! | `validate.rs` | turns spec and references into types that cannot be wrong | none |
//! | `build.rs` | turns those into the rows and objects that should exist (`Prepared`) | none |
//! | `apply.rs` | writes them; destructures `Prepared` without `..` | writes |
//! | `status.rs` | outcome of the steps to conditions and status | none |
//! | `mod.rs` | the [`Controller`], its watches and its [`ReconcileError`] | wires |
//!
//! ```no_run
//! # use std::sync::Arc;
//! # use callplane_kit::{self as kit, Class, Controller, Kit, Next, ReconcileError};
//! # use k8s_openapi::api::core::v1::ConfigMap;
//! # type Agent = ConfigMap;
//! # #[derive(Debug, thiserror::Error)] #[error("dereference")] struct DereferenceError;
//! # #[derive(Debug, thiserror::Error)] #[error("validate")] struct ValidateError;
//! # struct Outcome;
//! # impl AgentController {
//! #   async fn run(&self, _: &Agent) -> Result<Outcome, Error> { Ok(Outcome) }
//! #   async fn write_status(&self, _: &Agent, _: &Result<Outcome, Error>) -> Result<(), Error> { Ok(()) }
//! # }
//! /// Variant name = metric label = Event reason.
//! #[derive(Debug, thiserror::Error)]
//! enum Error {
//!     #[error("failed to read what the agent refers to")]
//!     Dereference(#[source] DereferenceError),
//!     #[error(transparent)]
//!     InvalidSpec(ValidateError),
//!     #[error("failed to write the status")]
//!     Status(#[source] kube::Error),
//! }
//!
//! impl ReconcileError for Error {
//!     fn reason(&self) -> &'static str {
//!         match self {
//!             Self::Dereference(_) => "Dereference",
//!             Self::InvalidSpec(_) => "InvalidSpec",
//!             Self::Status(_) => "Status",
//!         }
//!     }
//!     fn class(&self) -> Class {
//!         match self {
//!             Self::InvalidSpec(_) => Class::Terminal,
//!             Self::Dereference(_) => Class::Transient,
//!             Self::Status(error) => kit::class_of(error),
//!         }
//!     }
//! }
//!
//! struct AgentController { kit: Kit }
//!
//! impl Controller for AgentController {
//!     type Object = Agent;
//!     type Error = Error;
//!     const NAME: &'static str = "agent";
//!
//!     async fn reconcile(&self, agent: Arc<Agent>) -> Result<Next, Error> {
//!         let outcome = self.run(&agent).await;          // dereference, validate, build, apply
//!         self.write_status(&agent, &outcome).await?;    // written on Ok and on Err
//!         outcome.map(|_| Next::Resync)
//!     }
//! }
//! ```
//!
//! and is wired once:
//!
//! ```no_run
//! # use callplane_kit::{Cache, Controller, Manager};
//! # fn wire<C: Controller>(manager: &mut Manager, controller: C, secrets: Cache<k8s_openapi::api::core::v1::Secret>) {
//! let agents = manager.cache::<C::Object>(Default::default());
//! manager
//!     .controller(&agents, controller)
//!     .owns(&secrets)
//!     .watches(&secrets, |secret| vec![ /* ObjectRef of every agent that refers to it */ ]);
//! # }
//! ```

pub mod apply;
mod backoff;
mod cache;
mod class;
mod client;
pub mod conditions;
mod controller;
pub mod delete;
mod events;
#[cfg(feature = "test-util")]
pub mod fake;
pub mod finalizer;
mod health;
mod index;
pub mod lease;
mod manager;
mod metadata;
mod metrics;
mod object;
mod queue;
mod runner;
pub mod status;
mod watch;

pub use backoff::{Jitter, failure_delay};
pub use cache::{Cache, Change};
pub use class::{Class, class_of, sentence};
pub use client::{NotLeader, fenced};
pub use controller::{Controller, Next, ReconcileError};
pub use events::Events;
pub use health::Health;
pub use index::Index;
pub use lease::Leadership;
pub use manager::{ControllerBuilder, Kit, Manager, Stopped};
pub use metadata::MetadataWatch;
pub use metrics::{Metrics, WatchAge};
pub use object::{Object, Owned, owner_uid, reference};
