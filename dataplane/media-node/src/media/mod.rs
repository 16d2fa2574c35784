//! The media threads: one a core, each with its calls, sockets and codecs to itself.
//!
//! Commands go in through a bounded channel a thread, what calls want comes out through a bounded
//! channel a call. **No lock is taken and nothing is allocated for a packet.**

mod seat;
mod shard;
mod wheel;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::{io, thread};

use callplane_call::{HangupCause, Input, Output, Setup};
use callplane_transport::rtp::MediaSockets;
use tokio::sync::mpsc;

use crate::clock::Clock;
use crate::metrics::MediaMetrics;
use shard::Shard;

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
    sockets: MediaSockets,
    outputs: mpsc::Sender<Output>,
}

/// What a thread can be told.
enum ToShard {
    Start(Key, Box<NewCall>),
    Input(Key, Input),
    Recycle(Key, Vec<u8>),
}

/// The threads.
pub(crate) struct Media {
    shards: Vec<Handle>,
    next_key: AtomicU64,
}

struct Handle {
    commands: mpsc::Sender<ToShard>,
    load: Arc<AtomicUsize>,
    thread: thread::JoinHandle<()>,
}

/// A seated call: inputs in, outputs out. Dropping it ends the call.
pub(crate) struct MediaCall {
    input: MediaInput,
    outputs: mpsc::Receiver<Output>,
}

/// The way into a call, for as many tasks as like.
#[derive(Clone)]
pub(crate) struct MediaInput {
    key: Key,
    commands: mpsc::Sender<ToShard>,
}

impl Media {
    /// Starts `threads` threads.
    pub(crate) fn start(
        threads: NonZeroUsize,
        clock: Clock,
        metrics: &Arc<MediaMetrics>,
    ) -> io::Result<Self> {
        let shards = (0..threads.get())
            .map(|index| {
                let (commands, receiver) = mpsc::channel(COMMANDS);
                let load = Arc::new(AtomicUsize::new(0));
                let shard = Shard::new(clock, Arc::clone(metrics), receiver, Arc::clone(&load))?;
                let thread = thread::Builder::new()
                    .name(format!("media-{index}"))
                    .spawn(move || shard.run())?;
                Ok(Handle {
                    commands,
                    load,
                    thread,
                })
            })
            .collect::<io::Result<_>>()?;
        Ok(Self {
            shards,
            next_key: AtomicU64::new(0),
        })
    }

    /// Whether all threads run; one that is gone has panicked and took its calls with it.
    pub(crate) fn is_alive(&self) -> bool {
        self.shards.iter().all(|shard| !shard.thread.is_finished())
    }

    /// Seats a call on the thread that has the fewest.
    pub(crate) async fn seat(&self, setup: Setup, sockets: MediaSockets) -> MediaCall {
        let (sender, outputs) = mpsc::channel(OUTPUTS);
        let key = Key(self.next_key.fetch_add(1, Ordering::Relaxed));
        let shard = self
            .shards
            .iter()
            .min_by_key(|shard| shard.load.load(Ordering::Relaxed))
            .unwrap_or(&self.shards[0]);
        shard.load.fetch_add(1, Ordering::Relaxed);
        let new = Box::new(NewCall {
            setup,
            sockets,
            outputs: sender,
        });
        let input = MediaInput {
            key,
            commands: shard.commands.clone(),
        };
        input.send(ToShard::Start(key, new)).await;
        MediaCall { input, outputs }
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

    /// Gives a buffer back to the call.
    pub(crate) async fn recycle(&self, buffer: Vec<u8>) {
        self.send(ToShard::Recycle(self.key, buffer)).await;
    }

    async fn send(&self, command: ToShard) {
        // A thread that is gone has panicked; its calls see their outputs end.
        let _ = self.commands.send(command).await;
    }
}
