//! What whoever follows a running call is told: bounded, in memory, and gone with the call.
//!
//! **A reader that is slow loses events, never the call.** Nothing is kept before somebody reads.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use callplane_call::{Hangup, Message};
use tokio::sync::watch;

/// Events kept for who is slow, or comes back.
const MAX_KEPT: usize = 200;
/// Who may read one call at once: its own page, and those of its supervisors.
const MAX_WATCHERS: usize = 8;

/// One event of a running call.
#[derive(Debug, Clone)]
pub(crate) enum LiveEvent {
    /// A message of the transcript.
    Said(Message),
    /// The agent begins to speak; so long after the caller's last word or key.
    Answering(Duration),
    /// The call is over; nothing follows.
    Ended(Hangup),
}

/// The latest events, numbered from the first on.
#[derive(Debug, Default)]
struct Feed {
    events: VecDeque<LiveEvent>,
    /// Number of the first that is kept.
    first: u64,
}

/// Events of one call, told by its conductor.
#[derive(Debug)]
pub(crate) struct Live {
    feed: watch::Sender<Feed>,
    watched: AtomicBool,
}

/// Reads the events of one call.
#[derive(Debug)]
pub(crate) struct Watcher {
    feed: watch::Receiver<Feed>,
    /// Number of the event that is read next.
    next: u64,
    over: bool,
}

impl Live {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            feed: watch::Sender::default(),
            watched: AtomicBool::new(false),
        })
    }

    /// Tells an event, if somebody is there to hear it.
    pub(super) fn tell(&self, event: LiveEvent) {
        // Who asks while the call ends is told that much.
        if self.watched.load(Ordering::Acquire) || matches!(event, LiveEvent::Ended(_)) {
            self.feed.send_modify(|feed| feed.push(event));
        }
    }

    /// Reads from behind the event `last`, or from the first that is kept. Whether nobody read before:
    /// the call is to be told then. Nothing if as many read as may.
    pub(crate) fn watch(&self, last: Option<u64>) -> Option<(Watcher, bool)> {
        if self.feed.receiver_count() >= MAX_WATCHERS {
            return None;
        }
        let mut feed = self.feed.subscribe();
        // What is there already is news to this reader.
        feed.mark_changed();
        let watcher = Watcher {
            feed,
            next: last.map_or(0, |last| last.saturating_add(1)),
            over: false,
        };
        Some((watcher, !self.watched.swap(true, Ordering::AcqRel)))
    }
}

impl Feed {
    fn push(&mut self, event: LiveEvent) {
        if self.events.len() >= MAX_KEPT {
            self.events.pop_front();
            self.first += 1;
        }
        self.events.push_back(event);
    }

    /// The event `next`, or the first after it that is kept.
    fn get(&self, next: u64) -> Option<(u64, LiveEvent)> {
        let number = next.max(self.first);
        let place = usize::try_from(number - self.first).ok()?;
        Some((number, self.events.get(place)?.clone()))
    }
}

impl Watcher {
    /// The next event and its number; nothing after the end of the call.
    pub(crate) async fn next(&mut self) -> Option<(u64, LiveEvent)> {
        loop {
            if self.over {
                return None;
            }
            let found = self.feed.borrow_and_update().get(self.next);
            if let Some((number, event)) = found {
                self.next = number + 1;
                self.over = matches!(event, LiveEvent::Ended(_));
                return Some((number, event));
            }
            self.feed.changed().await.ok()?;
        }
    }
}

#[cfg(test)]
mod tests {
    use callplane_call::HangupCause;

    use super::*;

    fn waited(event: Option<(u64, LiveEvent)>) -> (u64, u64) {
        match event {
            Some((number, LiveEvent::Answering(wait))) => (number, wait.as_secs()),
            other => panic!("{other:?}"),
        }
    }

    fn answering(seconds: u64) -> LiveEvent {
        LiveEvent::Answering(Duration::from_secs(seconds))
    }

    #[tokio::test]
    async fn who_is_slow_loses_the_oldest_and_learns_of_the_end() {
        let live = Live::new();
        live.tell(answering(0));
        let (mut watcher, first) = live.watch(None).unwrap();
        assert!(first, "nothing was kept before");
        for seconds in 1..=300 {
            live.tell(answering(seconds));
        }
        assert_eq!(waited(watcher.next().await), (100, 101));
        // Another begins behind what it has.
        let (mut again, first) = live.watch(Some(298)).unwrap();
        assert!(!first);
        assert_eq!(waited(again.next().await), (299, 300));
        live.tell(LiveEvent::Ended(Hangup::system(HangupCause::MaxDuration)));
        assert!(matches!(
            again.next().await,
            Some((300, LiveEvent::Ended(_)))
        ));
        assert!(again.next().await.is_none());
    }

    #[tokio::test]
    async fn few_read_at_once_and_none_of_a_lost_call_wait_for_ever() {
        let live = Live::new();
        let mut watchers: Vec<_> = (0..MAX_WATCHERS).map(|_| live.watch(None)).collect();
        assert!(live.watch(None).is_none());
        watchers.pop();
        let (mut watcher, _) = live.watch(Some(u64::MAX)).unwrap();
        drop(live);
        assert!(watcher.next().await.is_none());
    }
}
