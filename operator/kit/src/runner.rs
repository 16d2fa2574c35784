//! Runs one controller over kube-runtime's `applier`.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use kube::runtime::controller::{self, Action, Config, applier};
use kube::runtime::reflector::{ObjectRef, Store};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tracing::Instrument;

use crate::backoff::{Failures, Jitter, failure_delay, resync_delay};
use crate::class::{Class, sentence};
use crate::controller::{Controller, Next, ReconcileError};
use crate::manager::Kit;
use crate::object::describe;
use crate::queue::Queue;

/// Reconciles at once per controller: at start every object is due, and each may hold a connection
/// to the database.
const CONCURRENCY: u16 = 32;

/// What ended a reconcile early.
#[derive(Debug, thiserror::Error)]
enum Failed<E: std::error::Error + 'static> {
    #[error(transparent)]
    Reconcile(E),
    #[error("the reconcile did not end within {0:?}")]
    TimedOut(Duration),
    #[error("the reconcile panicked")]
    Panicked,
}

impl<E: ReconcileError> Failed<E> {
    fn reason(&self) -> &'static str {
        match self {
            Self::Reconcile(error) => error.reason(),
            Self::TimedOut(_) => "TimedOut",
            Self::Panicked => "Panicked",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Reconcile(error) => error.class(),
            Self::TimedOut(_) | Self::Panicked => Class::Transient,
        }
    }
}

struct Shared<C: Controller> {
    controller: Arc<C>,
    kit: Kit,
    failures: Failures<C::Object>,
    jitter: Jitter,
}

/// Runs until `queue` is closed and what runs has ended.
pub(crate) async fn run<C: Controller>(
    controller: Arc<C>,
    store: Store<C::Object>,
    queue: Queue<C::Object>,
    kit: Kit,
) {
    let gained = requeue_when_leading(&store, &queue, &kit);
    let shared = Arc::new(Shared {
        controller,
        kit,
        failures: Failures::default(),
        jitter: Jitter::default(),
    });
    let results = applier(
        |object, shared| reconcile(object, shared).boxed(),
        |object, failed, shared| after_error::<C>(&object, failed, &shared),
        shared.clone(),
        store,
        queue.stream().map(Ok::<_, std::convert::Infallible>),
        Config::default().concurrency(CONCURRENCY),
    );
    let ended = results.for_each(|result| {
        if let Err(controller::Error::ObjectNotFound(object)) = result {
            shared.failures.forget(&named(&object));
        }
        std::future::ready(())
    });
    tokio::select! {
        () = ended => {}
        () = gained => {}
    }
}

/// Queues every object when this process becomes the leader; before, it reconciled none.
fn requeue_when_leading<K: crate::Object>(
    store: &Store<K>,
    queue: &Queue<K>,
    kit: &Kit,
) -> BoxFuture<'static, ()> {
    let (store, queue) = (store.clone(), queue.clone());
    let mut leadership = kit.leadership.clone();
    async move {
        leadership.acquired().await;
        for object in store.state() {
            queue.push(ObjectRef::from_obj(&*object));
        }
        // A lease once lost ends the process, so there is no second time.
        std::future::pending::<()>().await;
    }
    .boxed()
}

async fn reconcile<C: Controller>(
    object: Arc<C::Object>,
    shared: Arc<Shared<C>>,
) -> Result<Action, Failed<C::Error>> {
    if !shared.kit.leadership.is_held() {
        return Ok(Action::await_change());
    }
    let started = Instant::now();
    let outcome = isolated(Arc::clone(&shared.controller), Arc::clone(&object)).await;
    let result = match &outcome {
        Ok(_) => "ok",
        Err(_) => "error",
    };
    shared
        .kit
        .metrics
        .reconciled(C::NAME, result, started.elapsed());
    match outcome {
        Ok(next) => {
            shared.failures.forget(&ObjectRef::from_obj(&*object));
            Ok(match next {
                Next::Resync => Action::requeue(resync_delay(shared.jitter.unit())),
                // A clock far away is no reason to miss what no watch tells.
                Next::After(delay) => {
                    Action::requeue(delay.min(resync_delay(shared.jitter.unit())))
                }
                Next::AwaitChange => Action::await_change(),
            })
        }
        Err(failed) => {
            report::<C>(&shared, &object, &failed).await;
            Err(failed)
        }
    }
}

/// Runs a reconcile as a task of its own: a panic or a long computation in it stays there.
async fn isolated<C: Controller>(
    controller: Arc<C>,
    object: Arc<C::Object>,
) -> Result<Next, Failed<C::Error>> {
    let span = tracing::info_span!("reconcile", controller = C::NAME, object = %describe(&*object));
    let task = async move {
        match tokio::time::timeout(C::TIMEOUT, controller.reconcile(object)).await {
            Ok(outcome) => outcome.map_err(Failed::Reconcile),
            Err(_) => Err(Failed::TimedOut(C::TIMEOUT)),
        }
    };
    let mut task = AbortOnDrop(tokio::spawn(task.instrument(span)));
    (&mut task.0).await.unwrap_or(Err(Failed::Panicked))
}

struct AbortOnDrop<T>(JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The one place where a failed reconcile is logged, counted and told to the user.
async fn report<C: Controller>(shared: &Shared<C>, object: &C::Object, failed: &Failed<C::Error>) {
    let reason = failed.reason();
    shared.kit.metrics.failed(C::NAME, reason);
    let sentence = sentence(failed);
    let key = ObjectRef::from_obj(object);
    let is_news = match failed.class() {
        Class::Throttled(_) => false,
        _ => shared.failures.count(&key, reason).is_news,
    };
    if is_news {
        tracing::warn!(
            controller = C::NAME, object = %describe(object), reason, error = %sentence,
            "Reconcile failed"
        );
        shared
            .kit
            .events
            .warning(object, "Reconcile", reason, &sentence)
            .await;
    } else {
        tracing::debug!(
            controller = C::NAME, object = %describe(object), reason, error = %sentence,
            "Reconcile failed again"
        );
    }
}

fn after_error<C: Controller>(
    object: &C::Object,
    failed: &Failed<C::Error>,
    shared: &Shared<C>,
) -> Action {
    let unit = shared.jitter.unit();
    match failed.class() {
        Class::Terminal | Class::WaitForChange => Action::requeue(resync_delay(unit)),
        Class::Throttled(delay) => Action::requeue(delay.mul_f64(1.0 + 0.2 * unit)),
        Class::Transient => {
            let times = shared.failures.times(&ObjectRef::from_obj(object));
            Action::requeue(failure_delay(times, unit))
        }
    }
}

/// The typed reference of an erased one.
fn named<K: crate::Object>(object: &ObjectRef<kube::api::DynamicObject>) -> ObjectRef<K> {
    let reference = ObjectRef::new(&object.name);
    match &object.namespace {
        Some(namespace) => reference.within(namespace),
        None => reference,
    }
}
