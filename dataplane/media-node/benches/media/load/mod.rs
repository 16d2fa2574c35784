//! Telephones that call the node, speak when they are asked, and listen: as many as wanted, on one thread.

mod phone;
pub(crate) mod sdp;
mod signalling;
mod stream;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use callplane_e2e::until;

use phone::Phone;
use signalling::Signalling;

/// Slots of 20 ms; the phones of one send together.
const SLOTS: usize = 8;
const SLOT: Duration = Duration::from_micros(2_500);
/// Later than this the thread does not catch up: what was not said in time is not said.
const GIVE_UP: Duration = Duration::from_millis(100);

/// What is called, and how.
#[derive(Clone)]
pub(crate) struct Plan {
    /// The node's SIP port.
    pub(crate) node: SocketAddr,
    /// Calls at once.
    pub(crate) calls: usize,
    /// Calls begun in a second at most.
    pub(crate) rate: u32,
    /// What callers say.
    pub(crate) voice: Arc<[u8]>,
    /// Whether media is encrypted.
    pub(crate) encrypted: bool,
    /// How long a call is, after which another takes its place; for ever if not given.
    pub(crate) length: Option<Duration>,
}

/// What the phones have seen, in all.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Calls that were answered.
    pub(crate) answered: AtomicU64,
    /// Calls that ended as they should.
    pub(crate) ended: AtomicU64,
    /// Calls that were refused, or ended by the node.
    pub(crate) failed: AtomicU64,
    /// Packets received.
    pub(crate) received: AtomicU64,
    /// Those of them in which the agent says something.
    pub(crate) spoken: AtomicU64,
}

/// [`Seen`] at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counts {
    pub(crate) answered: u64,
    pub(crate) ended: u64,
    pub(crate) failed: u64,
    pub(crate) received: u64,
    pub(crate) spoken: u64,
}

/// A load that is on.
pub(crate) struct Load {
    seen: Arc<Seen>,
    stop: Arc<AtomicBool>,
    calls: u64,
    thread: JoinHandle<Result<()>>,
}

impl Load {
    pub(crate) fn start(plan: Plan) -> Result<Self> {
        let (seen, stop) = (Arc::<Seen>::default(), Arc::<AtomicBool>::default());
        let calls = plan.calls as u64;
        let loader = Loader {
            signalling: Signalling::bind(plan.node, plan.encrypted)?,
            phones: (0..plan.calls).map(|_| None).collect(),
            plan,
            seen: Arc::clone(&seen),
            stop: Arc::clone(&stop),
            next_call: Instant::now(),
        };
        let thread = thread::Builder::new()
            .name("phones".to_owned())
            .spawn(move || loader.run())?;
        Ok(Self {
            seen,
            stop,
            calls,
            thread,
        })
    }

    /// Waits until every phone was answered.
    pub(crate) async fn until_up(&self) -> Result<()> {
        let patience = Duration::from_secs(30) + Duration::from_millis(50) * self.calls as u32;
        until("the calls are up", patience, async || {
            ensure!(!self.thread.is_finished(), "the phones are gone");
            Ok((self.counts().answered >= self.calls).then_some(()))
        })
        .await?;
        self.nothing_failed()
    }

    /// An error if a call was refused or cut off: the others are then not the load that was meant.
    pub(crate) fn nothing_failed(&self) -> Result<()> {
        let failed = self.counts().failed;
        ensure!(failed == 0, "{failed} calls were refused or cut off");
        Ok(())
    }

    pub(crate) fn counts(&self) -> Counts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Counts {
            answered: read(&self.seen.answered),
            ended: read(&self.seen.ended),
            failed: read(&self.seen.failed),
            received: read(&self.seen.received),
            spoken: read(&self.seen.spoken),
        }
    }

    /// Hangs up everywhere.
    pub(crate) async fn stop(self) -> Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        tokio::task::spawn_blocking(move || self.thread.join())
            .await?
            .map_err(|_| anyhow!("the phones panicked"))?
    }
}

/// The thread.
struct Loader {
    plan: Plan,
    signalling: Signalling,
    phones: Vec<Option<Phone>>,
    seen: Arc<Seen>,
    stop: Arc<AtomicBool>,
    next_call: Instant,
}

impl Loader {
    fn run(mut self) -> Result<()> {
        let (mut slot, mut due) = (0, Instant::now());
        loop {
            let stopping = self.stop.load(Ordering::Relaxed);
            self.signalling.read(&mut self.phones, &self.seen)?;
            if stopping {
                if self.phones.iter().all(Option::is_none) {
                    return Ok(());
                }
            } else {
                self.call_next()?;
            }
            self.turn(slot, stopping)?;
            slot = (slot + 1) % SLOTS;
            due += SLOT;
            let now = Instant::now();
            match due.checked_duration_since(now) {
                Some(wait) => thread::sleep(wait),
                None if now - due > GIVE_UP => due = now,
                None => {}
            }
        }
    }

    /// Begins the next call, if there is a phone without one and it is time.
    fn call_next(&mut self) -> Result<()> {
        let now = Instant::now();
        if now < self.next_call {
            return Ok(());
        }
        if let Some(place) = self.phones.iter().position(Option::is_none) {
            self.next_call = now + Duration::from_secs(1) / self.plan.rate;
            let phone = Phone::new(&self.plan)?;
            let phone = self.phones[place].insert(phone);
            self.signalling.invite(place, phone)?;
        }
        Ok(())
    }

    /// 20 ms of the phones of a slot.
    fn turn(&mut self, slot: usize, stopping: bool) -> Result<()> {
        for place in (slot..self.phones.len()).step_by(SLOTS) {
            let Some(phone) = &mut self.phones[place] else {
                continue;
            };
            phone.frame(&self.seen);
            if phone.repeats() {
                self.signalling.repeat(phone)?;
            } else if stopping || phone.has_talked_enough() {
                self.signalling.bye(phone)?;
            }
            if phone.is_given_up() {
                self.seen.failed.fetch_add(1, Ordering::Relaxed);
                self.phones[place] = None;
            }
        }
        Ok(())
    }
}
