//! An API server in the memory of a test, behind the real [`kube::Client`].
//!
//! It keeps objects as JSON of any kind and does what controllers depend on: resource versions,
//! generations, the status subresource, server-side apply with field managers, merge patches,
//! finalizers, preconditions, garbage collection of owned objects, label selectors, watches that
//! resume. It knows no schemas, so it neither adds defaults nor refuses a bad field.
//!
//! It records each write that came through a client, answers with [`Fault`]s on demand, and tells
//! when something changed, so that a test never sleeps: see [`ApiServer::until`].

mod fault;
mod patch;
mod reply;
mod request;
mod service;
mod state;
mod view;
mod watcher;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kube::Client;
use serde_json::Value;
use tokio::sync::watch;

pub use fault::{Fault, Outcome};
pub use state::Write;

use crate::object::{Object, Owned};
use request::Key;
use state::State;

/// How long [`ApiServer::until`] looks before it gives up.
const PATIENCE: Duration = Duration::from_secs(20);

/// The server. Clones are the same server.
#[derive(Clone)]
pub struct ApiServer {
    state: Arc<Mutex<State>>,
    changed: Arc<watch::Sender<u64>>,
}

impl Default for ApiServer {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for ApiServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiServer").finish_non_exhaustive()
    }
}

impl ApiServer {
    /// An empty server.
    #[must_use]
    pub fn new() -> Self {
        Self {
            state: Arc::default(),
            changed: Arc::new(watch::channel(0).0),
        }
    }

    /// A client of this server; call it within a tokio runtime.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::new(service::Service(self.clone()), "default")
    }

    /// Puts an object there as it is, status included, without recording a write. Gives it back with
    /// its uid, version and generation.
    ///
    /// # Panics
    /// When the object does not serialise.
    pub fn put<K: Owned>(&self, object: &K) -> K {
        let mut body = serde_json::to_value(object).expect("a kind serialises");
        body["apiVersion"] = Value::String(K::api_version(&()).into_owned());
        body["kind"] = Value::String(K::kind(&()).into_owned());
        let key = key_of(object);
        let stored = self.with(|state| state.store(&key, body));
        serde_json::from_value(stored).expect("what was stored is of its kind")
    }

    /// Puts JSON there as if it were of kind `K`, for objects that do not decode.
    pub fn put_raw<K: Object>(&self, namespace: Option<&str>, name: &str, body: Value) {
        let key = Key::of::<K>(namespace, name);
        self.with(|state| state.store(&key, body));
    }

    /// The object as it is now.
    ///
    /// # Panics
    /// When what is stored is not of that kind.
    #[must_use]
    pub fn get<K: Object>(&self, namespace: Option<&str>, name: &str) -> Option<K> {
        let key = Key::of::<K>(namespace, name);
        let value = self.lock().get(&key)?;
        Some(serde_json::from_value(value).expect("what is stored is of its kind"))
    }

    /// Every object of a kind, by namespace and name.
    ///
    /// # Panics
    /// When what is stored is not of that kind.
    #[must_use]
    pub fn list<K: Object>(&self) -> Vec<K> {
        self.lock()
            .list(&K::group(&()), &K::plural(&()))
            .into_iter()
            .map(|value| serde_json::from_value(value).expect("what is stored is of its kind"))
            .collect()
    }

    /// Deletes an object as a user would: it stays until its finalizers are gone.
    pub fn delete<K: Object>(&self, namespace: Option<&str>, name: &str) {
        let key = Key::of::<K>(namespace, name);
        self.with(|state| state.delete(&key));
    }

    /// The writes that came through clients, oldest first; those of Leases and Events left out.
    #[must_use]
    pub fn writes(&self) -> Vec<Write> {
        let state = self.lock();
        let of_interest = |write: &&Write| !matches!(write.plural.as_str(), "leases" | "events");
        state.writes.iter().filter(of_interest).cloned().collect()
    }

    /// Forgets the writes so far.
    pub fn forget_writes(&self) {
        self.lock().writes.clear();
    }

    /// `reason: note` of the Events published on objects of that name, oldest first.
    #[must_use]
    pub fn events_on(&self, name: &str) -> Vec<String> {
        self.lock()
            .list("events.k8s.io", "events")
            .iter()
            .filter(|event| event["regarding"]["name"] == name)
            .map(|event| {
                let text = |field: &str| event[field].as_str().unwrap_or_default().to_owned();
                format!("{}: {}", text("reason"), text("note"))
            })
            .collect()
    }

    /// Answers the next requests that fit with a fault.
    pub fn inject(&self, fault: Fault) {
        self.lock().faults.push(fault);
    }

    /// Withdraws every fault.
    pub fn heal(&self) {
        self.lock().faults.clear();
    }

    /// Lets the open watches of a kind hang without a word, as a connection that died in a firewall.
    pub fn freeze_watches(&self, plural: &str) {
        self.lock().freeze_watches(plural);
    }

    /// Ends the open watches of a kind and forgets what happened so far, so that whoever resumes one
    /// is told 410 and lists again.
    pub fn expire_watches(&self, plural: &str) {
        self.lock().expire_watches(plural);
    }

    /// Waits until `look` finds something, looking again after each change and request. `None`
    /// after 20 s.
    pub async fn until<T>(&self, mut look: impl FnMut(&Self) -> Option<T>) -> Option<T> {
        let mut changes = self.changed.subscribe();
        let found = async {
            loop {
                changes.borrow_and_update();
                if let Some(found) = look(self) {
                    return Some(found);
                }
                if changes.changed().await.is_err() {
                    return None;
                }
            }
        };
        tokio::time::timeout(PATIENCE, found).await.ok().flatten()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state and wakes who waits for a change.
    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.lock());
        self.changed.send_modify(|count| *count += 1);
        result
    }
}

fn key_of<K: Object>(object: &K) -> Key {
    let meta = object.meta();
    Key::of::<K>(
        meta.namespace.as_deref(),
        meta.name.as_deref().unwrap_or_default(),
    )
}
