//! What a controller is.

use std::sync::Arc;
use std::time::Duration;

use crate::class::Class;
use crate::object::Object;

/// When to look at an object again that is as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// At the resync, 10 minutes plus or minus a fifth, or when a watch says so.
    Resync,
    /// After this time, at the resync, or when a watch says so, whichever is first; for work that
    /// waits for a clock.
    After(Duration),
    /// Only when a watch says so.
    AwaitChange,
}

/// Why a reconcile failed.
pub trait ReconcileError: std::error::Error + Send + Sync + 'static {
    /// Name of the variant, in `PascalCase`: label of the metric and reason of the Event.
    fn reason(&self) -> &'static str;
    /// When to try again.
    fn class(&self) -> Class;
}

/// Brings the world in line with one kind of objects.
///
/// `reconcile` is called by the leader only, for one object at most once at a time, for at most 32
/// objects at once. It must be idempotent: it may be called at any time, and its process may die at
/// any line of it.
pub trait Controller: Send + Sync + 'static {
    /// The kind.
    type Object: Object;
    /// What may go wrong.
    type Error: ReconcileError;
    /// Name in metrics and logs, `snake_case`.
    const NAME: &'static str;
    /// A reconcile that takes longer is cancelled and counts as [`Class::Transient`].
    const TIMEOUT: Duration = Duration::from_secs(120);

    /// Brings the world in line with `object`, which may be being deleted.
    fn reconcile(
        &self,
        object: Arc<Self::Object>,
    ) -> impl Future<Output = Result<Next, Self::Error>> + Send;
}
