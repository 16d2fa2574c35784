//! The objects that wait to be reconciled: each at most once, so bounded by what exists.

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use futures::Stream;
use futures::task::AtomicWaker;
use kube::runtime::reflector::ObjectRef;

use crate::object::Object;

/// The writing end. Cheap to clone, never waits.
pub(crate) struct Queue<K: Object>(Arc<Shared<K>>);

struct Shared<K: Object> {
    waiting: Mutex<Waiting<K>>,
    waker: AtomicWaker,
}

struct Waiting<K: Object> {
    order: VecDeque<ObjectRef<K>>,
    present: HashSet<ObjectRef<K>>,
    closed: bool,
}

impl<K: Object> Clone for Queue<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K: Object> fmt::Debug for Queue<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").finish_non_exhaustive()
    }
}

impl<K: Object> Queue<K> {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Shared {
            waiting: Mutex::new(Waiting {
                order: VecDeque::new(),
                present: HashSet::new(),
                closed: false,
            }),
            waker: AtomicWaker::new(),
        }))
    }

    /// Adds an object unless it waits already.
    pub(crate) fn push(&self, object: ObjectRef<K>) {
        let mut waiting = self.0.lock();
        if !waiting.closed && waiting.present.insert(object.clone()) {
            waiting.order.push_back(object);
            drop(waiting);
            self.0.waker.wake();
        }
    }

    /// Ends the reading end once it has read what waits.
    pub(crate) fn close(&self) {
        self.0.lock().closed = true;
        self.0.waker.wake();
    }

    /// The reading end; one only.
    pub(crate) fn stream(&self) -> Drain<K> {
        Drain(Arc::clone(&self.0))
    }
}

impl<K: Object> Shared<K> {
    fn lock(&self) -> std::sync::MutexGuard<'_, Waiting<K>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The reading end.
pub(crate) struct Drain<K: Object>(Arc<Shared<K>>);

impl<K: Object> Stream for Drain<K> {
    type Item = ObjectRef<K>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        // Registered before the look, so that a push in between wakes us.
        self.0.waker.register(cx.waker());
        let mut waiting = self.0.lock();
        match waiting.order.pop_front() {
            Some(object) => {
                waiting.present.remove(&object);
                Poll::Ready(Some(object))
            }
            None if waiting.closed => Poll::Ready(None),
            None => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;
    use k8s_openapi::api::core::v1::ConfigMap;

    use super::*;

    #[tokio::test]
    async fn an_object_waits_once_and_the_end_comes_after_what_waits() {
        let queue = Queue::<ConfigMap>::new();
        let mut drain = queue.stream();
        for name in ["a", "b", "a"] {
            queue.push(ObjectRef::new(name));
        }
        queue.close();
        queue.push(ObjectRef::new("late"));
        let names: Vec<String> = drain.by_ref().map(|object| object.name).collect().await;
        assert_eq!(names, ["a", "b"]);
    }
}
