//! The media threads: one a core, each with its calls, sockets and codecs to itself.
//!
//! **No lock is taken and nothing is allocated for a packet** of RTP; WebRTC allocates, and shares one port of
//! UDP and one of TCP a thread. A thread waits for its clock and for nobody else. What passes between threads:
//!
//! | what | holds | when it is full |
//! |---|---|---|
//! | commands to a thread | [`COMMANDS`] | who sends waits: SIP, speech and recorders, never media |
//! | outputs of a call | [`OUTPUTS`] | the thread keeps them, and offers them again with each frame |
//! | outputs kept by the thread, for each call | `MAX_WAITING` in `seat` | seconds of the recording are lost; anything else ends the call, whose conductor is stuck |
//! | parts of a recording that wait for the disk | `WAITING_CHUNKS` in `calls/recorder` | the recording is given up; the call goes on |
//! | requests to the speech worker | `queue` of its settings | the request fails as if speech were down |
//! | events of a SIP session | `EVENTS` in `transport::sip` | the SIP task ends the session |
//! | records that wait to be stored | the spool on disk | nothing waits in memory but the names |
//! | datagrams in a socket | its buffer in the kernel | the kernel drops the newest, as a network does |
//!
//! Beyond what its threads can do in time a node takes no calls ([`Media::has_room`]).

mod browser;
mod caller;
mod load;
mod observer;
mod port;
mod seat;
mod shard;
mod streams;
mod watch;
mod wheel;
mod wire;

use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{io, thread};

use callplane_call::{
    CannotObserve, CannotRecord, HangupCause, Input, Output, PartyId, PartyLine, Quality,
    RecordingAction, RecordingState, Setup,
};
use callplane_transport::rtp::MediaSockets;
use callplane_webrtc::{Fragment, FragmentError, OfferError, Peer, Reoffer, TransportAddress};
use tokio::sync::{mpsc, oneshot};

use crate::clock::Clock;
use crate::metrics::MediaMetrics;
use crate::trace::Tap;
use browser::BrowserPort;
pub(crate) use load::Limits;
use load::Shown;
pub(crate) use observer::{NewObserver, Observing};
use shard::Shard;
use watch::Watch;
use wire::Wire;

/// Commands that may wait for a thread; senders wait beyond it.
const COMMANDS: usize = 1_024;
/// Outputs of one call that may wait.
const OUTPUTS: usize = 64;

/// Names a call among the threads; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key(u64);

/// A call to be seated.
struct NewCall {
    setup: Setup,
    wire: Wire,
    outputs: mpsc::Sender<Output>,
}

/// What a browser's call can be told besides.
enum ToPeer {
    Trickle(Box<Fragment>, oneshot::Sender<Result<Way, FragmentError>>),
    Restart(Box<Reoffer>, oneshot::Sender<Result<Way, OfferError>>),
}

/// The way to a browser, after a change to it.
pub(crate) struct Way {
    /// What to answer with, if there is anything.
    pub(crate) answer: Option<String>,
    /// The fragment that names it.
    pub(crate) ufrag: String,
    /// The offer that it is of, which the next one follows.
    pub(crate) offer: Arc<str>,
}

/// How the recording of a call stands after it was told to do something, or why it does not do it.
pub(crate) type RecordingAnswer = Result<RecordingState, CannotRecord>;

/// What resolves when a supervisor is out of a call again, or why it does not take them.
type ObserveAnswer = Result<oneshot::Receiver<()>, CannotObserve>;

/// Where browsers reach the threads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BrowserPorts {
    /// Address to bind to.
    pub(crate) bind: IpAddr,
    /// Address that browsers are told.
    pub(crate) address: IpAddr,
    /// UDP port of the first thread, the next has the next; 0 lets the system choose.
    pub(crate) udp: u16,
    /// TCP port, likewise.
    pub(crate) tcp: u16,
}

/// What a thread can be told.
enum ToShard {
    Start(Key, Box<NewCall>),
    Input(Key, Input),
    Peer(Key, ToPeer),
    Observe(Key, Key, Box<NewObserver>, oneshot::Sender<ObserveAnswer>),
    Leave(Key),
    Party(Key, PartyId, Box<(PartyLine, MediaSockets)>),
    Record(Key, RecordingAction, oneshot::Sender<RecordingAnswer>),
    /// The buffer of a recording, for whichever call wants one next.
    Recycle(Vec<u8>),
    Capture(Key, Box<Tap>),
    Quality(Key, oneshot::Sender<Option<Quality>>),
}

/// The threads.
pub(crate) struct Media {
    shards: Vec<Handle>,
    limits: Limits,
    next_key: Arc<AtomicU64>,
}

struct Handle {
    commands: mpsc::Sender<ToShard>,
    shown: Arc<Shown>,
    /// Where browsers reach it.
    browsers: Option<[TransportAddress; 2]>,
    thread: thread::JoinHandle<()>,
}

/// A seated call: inputs in, outputs out. Dropping it ends the call.
pub(crate) struct MediaCall {
    input: MediaInput,
    outputs: mpsc::Receiver<Output>,
}

/// The way into a call, or to the browser of a supervisor in one, for as many tasks as like.
#[derive(Clone)]
pub(crate) struct MediaInput {
    key: Key,
    commands: mpsc::Sender<ToShard>,
    browsers: Option<[TransportAddress; 2]>,
    next_key: Arc<AtomicU64>,
}

impl Media {
    /// Starts `threads` threads, which take calls within `limits`.
    pub(crate) fn start(
        threads: NonZeroUsize,
        limits: Limits,
        clock: Clock,
        metrics: &Arc<MediaMetrics>,
        browsers: Option<BrowserPorts>,
    ) -> io::Result<Self> {
        let shards = (0..threads.get())
            .map(|index| {
                let port = browsers
                    .map(|ports| BrowserPort::bind(ports, index))
                    .transpose()?;
                let browsers = port.as_ref().map(BrowserPort::addresses);
                let (commands, receiver) = mpsc::channel(COMMANDS);
                let shown = Arc::new(Shown::default());
                let shard = Shard::new(
                    clock,
                    metrics.thread(index),
                    receiver,
                    Watch::new()?,
                    Arc::clone(&shown),
                    port,
                );
                let thread = thread::Builder::new()
                    .name(format!("media-{index}"))
                    .spawn(move || shard.run())?;
                Ok(Handle {
                    commands,
                    shown,
                    browsers,
                    thread,
                })
            })
            .collect::<io::Result<_>>()?;
        Ok(Self {
            shards,
            limits,
            next_key: Arc::default(),
        })
    }

    /// Whether all threads run; one that is gone has panicked and took its calls with it.
    pub(crate) fn is_alive(&self) -> bool {
        self.shards.iter().all(|shard| !shard.thread.is_finished())
    }

    /// Whether some thread may be given one more call.
    pub(crate) fn has_room(&self) -> bool {
        self.shards
            .iter()
            .any(|shard| shard.shown.has_room(&self.limits))
    }

    /// Seats a call on the thread that has the fewest.
    pub(crate) async fn seat(&self, setup: Setup, sockets: MediaSockets) -> MediaCall {
        self.emptiest().start(setup, Wire::rtp(sockets)).await
    }

    /// The thread that has the fewest calls, of those with room if there are any, with one more from here on: whoever
    /// needs to know where before a call is made.
    pub(crate) fn emptiest(&self) -> Place<'_> {
        loop {
            let counted = |shard: &Handle| shard.shown.calls.load(Ordering::Relaxed);
            let shard = self
                .shards
                .iter()
                .min_by_key(|shard| (!shard.shown.has_room(&self.limits), counted(shard)))
                .unwrap_or(&self.shards[0]);
            let calls = counted(shard);
            // Another call may have been put there meanwhile.
            let taken = shard.shown.calls.compare_exchange(
                calls,
                calls + 1,
                Ordering::Relaxed,
                Ordering::Relaxed,
            );
            if taken.is_ok() {
                return Place {
                    media: self,
                    shard,
                    seated: false,
                };
            }
        }
    }
}

/// A thread that was chosen for a call. It counts the call from the choosing on; dropped without one, not any more.
pub(crate) struct Place<'a> {
    media: &'a Media,
    shard: &'a Handle,
    /// The thread itself takes the call off its count.
    seated: bool,
}

impl Place<'_> {
    /// Where browsers reach it; nowhere if they are not served.
    pub(crate) fn browsers(&self) -> impl Iterator<Item = TransportAddress> {
        self.shard.browsers.into_iter().flatten()
    }

    /// Seats the call of a browser.
    pub(crate) async fn seat(self, setup: Setup, peer: Box<Peer>) -> MediaCall {
        self.start(setup, Wire::Browser(peer)).await
    }

    async fn start(mut self, setup: Setup, wire: Wire) -> MediaCall {
        let (sender, outputs) = mpsc::channel(OUTPUTS);
        let key = next(&self.media.next_key);
        let new = Box::new(NewCall {
            setup,
            wire,
            outputs: sender,
        });
        let input = MediaInput {
            key,
            commands: self.shard.commands.clone(),
            browsers: self.shard.browsers,
            next_key: Arc::clone(&self.media.next_key),
        };
        self.seated = true;
        input.send(ToShard::Start(key, new)).await;
        MediaCall { input, outputs }
    }
}

fn next(key: &AtomicU64) -> Key {
    Key(key.fetch_add(1, Ordering::Relaxed))
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if !self.seated {
            self.shard.shown.calls.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl MediaCall {
    /// The next thing the call wants; `None` after its end, and when its thread is gone.
    pub(crate) async fn next(&mut self) -> Option<Output> {
        self.outputs.recv().await
    }

    /// A way into the call.
    pub(crate) fn input(&self) -> &MediaInput {
        &self.input
    }
}

impl Drop for MediaCall {
    fn drop(&mut self) {
        // With the receiver gone the thread drops the call at its next frame in any case.
        let end = Input::HangUp(HangupCause::NormalUnspecified);
        let _ = self
            .input
            .commands
            .try_send(ToShard::Input(self.input.key, end));
    }
}

impl MediaInput {
    /// Hands an input to the call. An ended call ignores it.
    pub(crate) async fn handle(&self, input: Input) {
        self.send(ToShard::Input(self.key, input)).await;
    }

    /// Gives another party of the call a line and its ports.
    pub(crate) async fn attach(&self, party: PartyId, line: PartyLine, sockets: MediaSockets) {
        let line = Box::new((line, sockets));
        self.send(ToShard::Party(self.key, party, line)).await;
    }

    /// Hands on what trickled in. Nothing if the call is over, or is no browser's.
    pub(crate) async fn trickle(&self, fragment: Fragment) -> Option<Result<Way, FragmentError>> {
        let (answer, answered) = oneshot::channel();
        let fragment = Box::new(fragment);
        self.send(ToShard::Peer(self.key, ToPeer::Trickle(fragment, answer)))
            .await;
        answered.await.ok()
    }

    /// Hands on another offer. Nothing if the call is over, or is no browser's.
    pub(crate) async fn restart(&self, offer: Reoffer) -> Option<Result<Way, OfferError>> {
        let (answer, answered) = oneshot::channel();
        let offer = Box::new(offer);
        self.send(ToShard::Peer(self.key, ToPeer::Restart(offer, answer)))
            .await;
        answered.await.ok()
    }

    /// Lets a supervisor into the call. Nothing if there is none any more.
    pub(crate) async fn observe(
        &self,
        observer: NewObserver,
    ) -> Option<Result<Observing, CannotObserve>> {
        let (answer, answered) = oneshot::channel();
        let input = Self {
            key: next(&self.next_key),
            ..self.clone()
        };
        let observer = Box::new(observer);
        self.send(ToShard::Observe(self.key, input.key, observer, answer))
            .await;
        let observed = answered.await.ok()?;
        Some(observed.map(|over| Observing::new(input, over)))
    }

    /// Whoever is at the end of it hangs up.
    pub(crate) async fn leave(&self) {
        self.send(ToShard::Leave(self.key)).await;
    }

    /// Where browsers reach the thread of the call; nowhere if they are not served.
    pub(crate) fn browsers(&self) -> impl Iterator<Item = TransportAddress> {
        self.browsers.into_iter().flatten()
    }

    /// Has something done to the recording. Nothing if the call is over.
    pub(crate) async fn record(&self, action: RecordingAction) -> Option<RecordingAnswer> {
        let (answer, answered) = oneshot::channel();
        self.send(ToShard::Record(self.key, action, answer)).await;
        answered.await.ok()
    }

    /// Gives the buffer of a recording back to the thread of the call.
    pub(crate) async fn recycle(&self, buffer: Vec<u8>) {
        self.send(ToShard::Recycle(buffer)).await;
    }

    /// Copies what is on the wire until the tap is over.
    pub(crate) async fn capture(&self, tap: Box<Tap>) {
        self.send(ToShard::Capture(self.key, tap)).await;
    }

    /// How the call has sounded so far. Nothing if nothing came, or the call is over.
    pub(crate) async fn quality(&self) -> Option<Quality> {
        let (answer, answered) = oneshot::channel();
        self.send(ToShard::Quality(self.key, answer)).await;
        answered.await.ok()?
    }

    async fn send(&self, command: ToShard) {
        // A thread that is gone has panicked; its calls see their outputs end.
        let _ = self.commands.send(command).await;
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::registry::Registry;

    use super::*;
    use crate::metrics::Metrics;

    #[test]
    fn calls_that_begin_at_once_are_put_on_different_threads() {
        let metrics = Metrics::register("acme", &mut Registry::default());
        let threads = NonZeroUsize::new(3).unwrap();
        let limits = Limits {
            busy: 1.0,
            late: std::time::Duration::MAX,
        };
        let media = Media::start(threads, limits, Clock::start(), &metrics.media, None).unwrap();
        let place = |place: &Place<'_>| std::ptr::from_ref(place.shard);
        let (one, two, three) = (media.emptiest(), media.emptiest(), media.emptiest());
        assert_ne!(place(&one), place(&two));
        assert_ne!(place(&one), place(&three));
        assert_ne!(place(&two), place(&three));
        // A call that was not made after all leaves its place to the next.
        let left = place(&two);
        drop(two);
        assert_eq!(place(&media.emptiest()), left);
    }
}
