//! The calls that go on here, for whoever wants something of one.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use callplane_types::CallId;

use super::live::Live;
use crate::media::MediaInput;

/// A call that goes on.
#[derive(Clone)]
pub(crate) struct LiveCall {
    /// The way into it.
    pub(crate) input: MediaInput,
    /// What happens in it.
    pub(crate) live: Arc<Live>,
    recording_failed: Arc<AtomicBool>,
}

/// The calls that go on here. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct LiveCalls {
    calls: Arc<Mutex<HashMap<CallId, LiveCall>>>,
}

/// Whoever conducts a call holds this.
pub(crate) struct Entered {
    calls: LiveCalls,
    call: CallId,
    recording_failed: Arc<AtomicBool>,
}

impl LiveCalls {
    /// A call goes on until what this gives is dropped.
    pub(crate) fn enter(&self, call: CallId, input: MediaInput, live: Arc<Live>) -> Entered {
        let recording_failed = Arc::default();
        let live = LiveCall {
            input,
            live,
            recording_failed: Arc::clone(&recording_failed),
        };
        self.lock().insert(call, live);
        Entered {
            calls: self.clone(),
            call,
            recording_failed,
        }
    }

    /// Nothing if it is over, or another node has it.
    pub(crate) fn get(&self, call: CallId) -> Option<LiveCall> {
        self.lock().get(&call).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<CallId, LiveCall>> {
        // The map is whole at every step, so a panic elsewhere is no harm.
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LiveCall {
    /// Whether nothing is kept of it whatever its recording says.
    pub(crate) fn recording_failed(&self) -> bool {
        self.recording_failed.load(Ordering::Relaxed)
    }
}

impl Entered {
    /// Nothing more is kept of the call.
    pub(crate) fn recording_fails(&self) {
        self.recording_failed.store(true, Ordering::Relaxed);
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.calls.lock().remove(&self.call);
    }
}
