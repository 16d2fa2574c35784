//! The objects and who watches them.

use std::collections::BTreeMap;

use bytes::Bytes;
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;

use super::fault::{Fault, Outcome};
use super::patch::{leaves, merge, merge_applied, remove};
use super::reply::status;
use super::request::{Call, Key};
use super::view::View;
use super::watcher::Watcher;

/// A write that came through a client.
#[derive(Debug, Clone, PartialEq)]
pub struct Write {
    /// `create update patch delete`.
    pub verb: &'static str,
    /// The kind as in a URL, such as `pods`.
    pub plural: String,
    /// `status` or empty.
    pub subresource: String,
    /// Empty for cluster-scoped kinds.
    pub namespace: String,
    /// Name of the object.
    pub name: String,
    /// Field manager of an apply, else empty.
    pub manager: String,
    /// What was sent.
    pub body: Value,
}

impl Write {
    pub(super) fn new(call: &Call, body: &Value) -> Self {
        Self {
            verb: call.verb,
            plural: call.key.plural.clone(),
            subresource: call.subresource.clone(),
            namespace: call.key.namespace.clone(),
            name: call.key.name.clone(),
            manager: call.parameter("fieldManager").unwrap_or_default(),
            body: body.clone(),
        }
    }
}

/// HTTP status and body.
pub(super) struct Reply(pub(super) u16, pub(super) Value);

impl Reply {
    fn failure(code: u16, message: &str) -> Self {
        Self(code, status(code, message))
    }
}

#[derive(Default)]
pub(super) struct State {
    objects: BTreeMap<Key, Value>,
    /// What each field manager applied last, per object.
    applied: BTreeMap<Key, BTreeMap<String, Value>>,
    version: u64,
    uids: u64,
    /// What happened, for watches that resume.
    history: Vec<(u64, Key, &'static str, Value)>,
    /// Watches that resume from before this version are told 410.
    expired: BTreeMap<String, u64>,
    watchers: Vec<Watcher>,
    pub(super) faults: Vec<Fault>,
    pub(super) writes: Vec<Write>,
}

impl State {
    pub(super) fn get(&self, key: &Key) -> Option<Value> {
        self.objects.get(key).cloned()
    }

    pub(super) fn list(&self, group: &str, plural: &str) -> Vec<Value> {
        self.objects
            .iter()
            .filter(|(key, _)| key.group == group && key.plural == plural)
            .map(|(_, object)| object.clone())
            .collect()
    }

    pub(super) fn fault(&mut self, call: &Call) -> Option<Outcome> {
        let fault = self.faults.iter_mut().find(|fault| fault.fits(call))?;
        fault.times -= 1;
        Some(fault.outcome)
    }

    pub(super) fn handle(&mut self, call: &Call, body: &Value, is_merge: bool) -> Reply {
        match call.verb {
            "list" => self.handle_list(call),
            "get" => match self.objects.get(&call.key) {
                Some(object) => Reply(200, object.clone()),
                None => Reply::failure(404, "not found"),
            },
            "create" if self.objects.contains_key(&call.key) => {
                Reply::failure(409, "object already exists")
            }
            "create" => {
                let mut object = body.clone();
                drop_status(&mut object, None);
                Reply(201, self.store(&call.key, object))
            }
            "update" => self.handle_update(call, body),
            "patch" => self.handle_patch(call, body, is_merge),
            "delete" => self.handle_delete(call, body),
            _ => Reply::failure(405, "unknown verb"),
        }
    }

    fn handle_list(&self, call: &Call) -> Reply {
        let view = View::of(call);
        let items: Vec<Value> = self
            .objects
            .iter()
            .filter(|(key, object)| {
                key.group == call.key.group
                    && key.plural == call.key.plural
                    && (call.key.namespace.is_empty() || key.namespace == call.key.namespace)
                    && view.selects(object)
            })
            .map(|(_, object)| view.show(object))
            .collect();
        let list = json!({
            "kind": "List", "apiVersion": "v1",
            "metadata": { "resourceVersion": self.version.to_string() },
            "items": items,
        });
        Reply(200, list)
    }

    fn handle_update(&mut self, call: &Call, body: &Value) -> Reply {
        let Some(live) = self.objects.get(&call.key) else {
            return Reply::failure(404, "not found");
        };
        if let Some(reply) = precondition(live, &body["metadata"]) {
            return reply;
        }
        let mut object = body.clone();
        if call.subresource == "status" {
            object = live.clone();
            object["status"] = body["status"].clone();
        } else {
            drop_status(&mut object, live.get("status"));
            keep_identity(&mut object, live);
        }
        Reply(200, self.store(&call.key, object))
    }

    fn handle_patch(&mut self, call: &Call, body: &Value, is_merge: bool) -> Reply {
        let live = self.objects.get(&call.key).cloned();
        let is_status = call.subresource == "status";
        if live.is_none() && (is_merge || is_status) {
            return Reply::failure(404, "not found");
        }
        if let Some(live) = &live {
            if let Some(reply) = precondition(live, &body["metadata"]) {
                return reply;
            }
        } else if body["metadata"].get("uid").is_some() {
            return Reply::failure(409, "uid given and no object found");
        }
        let mut object = live.clone().unwrap_or_else(|| json!({ "metadata": {} }));
        if is_merge {
            merge(&mut object, body);
        } else {
            let manager = format!(
                "{} {}",
                call.parameter("fieldManager").unwrap_or_default(),
                call.subresource
            );
            self.apply(&call.key, &manager, &mut object, body);
        }
        if is_status {
            let mut whole = live.clone().unwrap_or_default();
            whole["status"] = object["status"].clone();
            object = whole;
        } else {
            drop_status(
                &mut object,
                live.as_ref().and_then(|live| live.get("status")),
            );
        }
        if let Some(live) = &live {
            keep_identity(&mut object, live);
            if *live == object {
                return Reply(200, object);
            }
        }
        Reply(200, self.store(&call.key, object))
    }

    /// Takes away what `manager` applied before and no longer does, then merges what it applies.
    fn apply(&mut self, key: &Key, manager: &str, object: &mut Value, body: &Value) {
        let mut body = body.clone();
        for identity in ["name", "namespace", "uid", "resourceVersion"] {
            if let Some(meta) = body["metadata"].as_object_mut() {
                meta.remove(identity);
            }
        }
        let managers = self.applied.entry(key.clone()).or_default();
        let now = leaves(&body);
        let others: Vec<_> = managers
            .iter()
            .filter(|(name, _)| *name != manager)
            .map(|(_, applied)| leaves(applied))
            .collect();
        let before = managers.insert(manager.to_owned(), body.clone());
        for path in before.iter().flat_map(leaves) {
            if !now.contains(&path) && !others.iter().any(|other| other.contains(&path)) {
                remove(object, &path);
            }
        }
        merge_applied(object, &body, "");
    }

    fn handle_delete(&mut self, call: &Call, body: &Value) -> Reply {
        let Some(live) = self.objects.get(&call.key) else {
            return Reply::failure(404, "not found");
        };
        if let Some(reply) = precondition(live, &body["preconditions"]) {
            return reply;
        }
        let live = live.clone();
        self.delete(&call.key);
        Reply(200, live)
    }

    /// Deletes an object, or marks it while it has finalizers.
    pub(super) fn delete(&mut self, key: &Key) {
        let Some(mut object) = self.objects.get(key).cloned() else {
            return;
        };
        if has_finalizers(&object) {
            if object["metadata"]["deletionTimestamp"].is_null() {
                object["metadata"]["deletionTimestamp"] = json!(Timestamp::now().to_string());
                self.store(key, object);
            }
            return;
        }
        self.objects.remove(key);
        self.applied.remove(key);
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        let uid = object["metadata"]["uid"].clone();
        self.publish(key, "DELETED", &object);
        let owned_by = |object: &Value| {
            let owners = object["metadata"]["ownerReferences"].as_array();
            owners.is_some_and(|owners| owners.iter().any(|owner| owner["uid"] == uid))
        };
        let children: Vec<Key> = self
            .objects
            .iter()
            .filter(|(_, object)| owned_by(object))
            .map(|(key, _)| key.clone())
            .collect();
        for child in children {
            self.delete(&child);
        }
    }

    /// Stores an object under a new version; removes it if that was what its finalizers waited for.
    pub(super) fn store(&mut self, key: &Key, mut object: Value) -> Value {
        let before = self.objects.get(key).cloned();
        self.version += 1;
        self.uids += u64::from(before.is_none());
        let generation = generation(before.as_ref(), &object);
        let meta = &mut object["metadata"];
        if let Some(before) = &before {
            for field in ["uid", "creationTimestamp"] {
                meta[field] = before["metadata"][field].clone();
            }
        }
        meta["name"] = json!(key.name);
        if !key.namespace.is_empty() {
            meta["namespace"] = json!(key.namespace);
        }
        if meta["uid"].is_null() {
            meta["uid"] = json!(format!("00000000-0000-4000-8000-{:012}", self.uids));
        }
        if meta["creationTimestamp"].is_null() {
            meta["creationTimestamp"] = json!(Timestamp::now().to_string());
        }
        if let Some(generation) = generation {
            meta["generation"] = json!(generation);
        }
        meta["resourceVersion"] = json!(self.version.to_string());
        let is_over = !meta["deletionTimestamp"].is_null() && !has_finalizers(&object);
        self.objects.insert(key.clone(), object.clone());
        if is_over {
            self.delete(key);
        } else {
            let kind = if before.is_some() {
                "MODIFIED"
            } else {
                "ADDED"
            };
            self.publish(key, kind, &object);
        }
        object
    }

    fn publish(&mut self, key: &Key, kind: &'static str, object: &Value) {
        self.history
            .push((self.version, key.clone(), kind, object.clone()));
        self.watchers
            .retain(|watcher| !watcher.wants(key) || watcher.frozen || watcher.send(kind, object));
    }

    pub(super) fn watch(&mut self, call: &Call, sender: UnboundedSender<Bytes>) {
        let from = call
            .parameter("resourceVersion")
            .and_then(|version| version.parse().ok())
            .unwrap_or(0);
        let watcher = Watcher::new(call, sender);
        if self
            .expired
            .get(&watcher.plural)
            .is_some_and(|expired| from < *expired)
        {
            watcher.send_line("ERROR", &status(410, "too old resource version"));
            return;
        }
        for (version, key, kind, object) in &self.history {
            if *version > from && watcher.wants(key) {
                watcher.send(kind, object);
            }
        }
        self.watchers.push(watcher);
    }

    pub(super) fn freeze_watches(&mut self, plural: &str) {
        for watcher in &mut self.watchers {
            watcher.frozen |= watcher.plural == plural;
        }
    }

    pub(super) fn expire_watches(&mut self, plural: &str) {
        self.version += 1;
        self.expired.insert(plural.to_owned(), self.version);
        self.watchers.retain(|watcher| watcher.plural != plural);
    }
}

/// The conflict, if the uid or version that a request names is not that of the object.
fn precondition(live: &Value, named: &Value) -> Option<Reply> {
    ["uid", "resourceVersion"]
        .into_iter()
        .any(|field| !named[field].is_null() && named[field] != live["metadata"][field])
        .then(|| Reply::failure(409, "precondition failed"))
}

/// Only the status subresource changes a status.
fn drop_status(object: &mut Value, status: Option<&Value>) {
    if let Some(fields) = object.as_object_mut() {
        match status {
            Some(status) => fields.insert("status".to_owned(), status.clone()),
            None => fields.remove("status"),
        };
    }
}

/// What no request changes.
fn keep_identity(object: &mut Value, live: &Value) {
    for field in [
        "uid",
        "name",
        "namespace",
        "creationTimestamp",
        "deletionTimestamp",
        "generation",
        "resourceVersion",
    ] {
        match live["metadata"].get(field) {
            Some(value) => object["metadata"][field] = value.clone(),
            None => {
                if let Some(meta) = object["metadata"].as_object_mut() {
                    meta.remove(field);
                }
            }
        }
    }
}

fn has_finalizers(object: &Value) -> bool {
    let finalizers = object["metadata"]["finalizers"].as_array();
    finalizers.is_some_and(|finalizers| !finalizers.is_empty())
}

/// Grows with each change of the spec and with the start of a deletion; only kinds with a spec have
/// one.
fn generation(before: Option<&Value>, now: &Value) -> Option<u64> {
    let spec = now.get("spec")?;
    if now["kind"] == "Namespace" {
        return None;
    }
    let Some(before) = before else {
        return Some(now["metadata"]["generation"].as_u64().unwrap_or(1));
    };
    let deletion = |object: &Value| object["metadata"]["deletionTimestamp"].is_null();
    let changed = before.get("spec") != Some(spec) || deletion(before) != deletion(now);
    Some(before["metadata"]["generation"].as_u64().unwrap_or(1) + u64::from(changed))
}
