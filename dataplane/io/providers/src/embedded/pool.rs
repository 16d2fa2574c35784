//! A few worker processes behind one handle.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout};

use super::process::Process;
use super::protocol::{MAX_SAMPLES, MAX_TEXT, Reply, Request};
use crate::prompts::Prompts;

/// How the pool runs.
#[derive(Debug, Clone)]
pub struct SpeechConfig {
    /// The `callplane-speech` binary.
    pub program: PathBuf,
    /// Processes; each serves one request at a time.
    pub workers: usize,
    /// Requests that may wait; one more is refused with [`SpeechError::Busy`].
    pub queue: usize,
    /// A request that waited longer than this is not worked off any more: the caller has heard the
    /// apology, and the work would delay those who still wait.
    pub patience: Duration,
    /// A request that takes longer is given up and its process replaced.
    pub deadline: Duration,
    /// What is made of synthesised audio (16 kHz mono) before it is kept and given out.
    pub prepare: fn(Vec<i16>) -> Arc<[i16]>,
    /// Prepared audio kept for reuse, in samples of two bytes.
    pub cached_samples: usize,
}

impl SpeechConfig {
    /// Two processes, 64 waiting requests, 4 s in the queue, 5 s a request, 16 MiB of prompts.
    #[must_use]
    pub fn new(program: PathBuf) -> Self {
        Self {
            program,
            workers: 2,
            queue: 64,
            patience: Duration::from_secs(4),
            deadline: Duration::from_secs(5),
            prepare: Into::into,
            cached_samples: 8 * 1024 * 1024,
        }
    }
}

/// Why a request was not served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpeechError {
    /// No process is alive; one is being started.
    #[error("no speech worker is running")]
    Down,
    /// Too many requests wait.
    #[error("the speech workers are busy")]
    Busy,
    /// No process came to it in time, or the one that did hung and was replaced.
    #[error("the speech worker did not answer in time")]
    Timeout,
    /// The request cannot be done.
    #[error("the speech worker refused the request: {0}")]
    Refused(String),
}

/// What was heard.
#[derive(Debug, Clone, PartialEq)]
pub enum Recognition {
    /// A sentence of the grammar.
    Match {
        /// Its words, with single spaces.
        text: String,
        /// 0 to 1.
        confidence: f32,
    },
    /// Something else, or nothing.
    NoMatch,
}

struct Job {
    asked: Instant,
    request: Request,
    samples: Vec<i16>,
    answer: oneshot::Sender<Result<(Reply, Vec<i16>), SpeechError>>,
}

/// Handle of the speech workers. Clones share the same processes; the last one dropped ends them.
#[derive(Clone)]
pub struct SpeechWorker {
    jobs: mpsc::Sender<Job>,
    prepare: fn(Vec<i16>) -> Arc<[i16]>,
    prompts: Arc<Prompts<SpeechError>>,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    alive: AtomicUsize,
    restarts: AtomicU64,
}

impl SpeechWorker {
    /// Starts the processes in the background and returns at once.
    #[must_use]
    pub fn start(config: &SpeechConfig) -> Self {
        let (jobs, queue) = mpsc::channel(config.queue);
        let queue = Arc::new(tokio::sync::Mutex::new(queue));
        let state = Arc::new(State::default());
        for _ in 0..config.workers.max(1) {
            tokio::spawn(keep_running(
                config.clone(),
                Arc::clone(&queue),
                Arc::clone(&state),
            ));
        }
        Self {
            jobs,
            prepare: config.prepare,
            prompts: Arc::new(Prompts::new(config.cached_samples)),
            state,
        }
    }

    /// Speaks `text` with `voice`, as [`SpeechConfig::prepare`] makes it. Who asks for the same gets the same
    /// samples, not a copy.
    ///
    /// # Errors
    /// See [`SpeechError`]. A prompt that was spoken before comes from memory and cannot fail.
    pub async fn synthesize(&self, text: &str, voice: &str) -> Result<Arc<[i16]>, SpeechError> {
        let (worker, asked) = (self.clone(), Instant::now());
        let (wanted, spoken_as) = (text.to_owned(), voice.to_owned());
        let speak = async move { worker.speak(asked, wanted, spoken_as).await };
        self.prompts.get_or(voice, text, speak).await
    }

    async fn speak(
        &self,
        asked: Instant,
        text: String,
        voice: String,
    ) -> Result<Arc<[i16]>, SpeechError> {
        if text.len() > MAX_TEXT {
            return Err(SpeechError::Refused(format!(
                "the text has {} bytes, {MAX_TEXT} are allowed at once",
                text.len()
            )));
        }
        let request = Request::Synthesize { text, voice };
        let (reply, samples) = self.ask(asked, request, Vec::new()).await?;
        match reply {
            Reply::Audio => Ok((self.prepare)(samples)),
            other => Err(unexpected(other)),
        }
    }

    /// Which sentence of `grammar` (JSpeech Grammar Format) was said in `samples` (16 kHz mono, one
    /// utterance)?
    ///
    /// # Errors
    /// See [`SpeechError`].
    pub async fn recognize(
        &self,
        mut samples: Vec<i16>,
        grammar: String,
    ) -> Result<Recognition, SpeechError> {
        samples.truncate(MAX_SAMPLES);
        let request = Request::Recognize { grammar };
        match self.ask(Instant::now(), request, samples).await?.0 {
            Reply::Match { text, confidence } => Ok(Recognition::Match { text, confidence }),
            Reply::NoMatch => Ok(Recognition::NoMatch),
            other => Err(unexpected(other)),
        }
    }

    /// Whether a process is ready to serve.
    #[must_use]
    pub fn is_available(&self) -> bool {
        self.state.alive.load(Ordering::Relaxed) > 0
    }

    /// Processes that were replaced since the start.
    #[must_use]
    pub fn restarts(&self) -> u64 {
        self.state.restarts.load(Ordering::Relaxed)
    }

    async fn ask(
        &self,
        asked: Instant,
        request: Request,
        samples: Vec<i16>,
    ) -> Result<(Reply, Vec<i16>), SpeechError> {
        if !self.is_available() {
            return Err(SpeechError::Down);
        }
        let (answer, answered) = oneshot::channel();
        let job = Job {
            asked,
            request,
            samples,
            answer,
        };
        self.jobs.try_send(job).map_err(|_| SpeechError::Busy)?;
        answered.await.unwrap_or(Err(SpeechError::Down))
    }
}

fn unexpected(reply: Reply) -> SpeechError {
    match reply {
        Reply::Refused { reason } => SpeechError::Refused(reason),
        other => SpeechError::Refused(format!("unexpected answer {other:?}")),
    }
}

/// Starts a process, feeds it, replaces it; until the last handle is gone.
async fn keep_running(
    config: SpeechConfig,
    queue: Arc<tokio::sync::Mutex<mpsc::Receiver<Job>>>,
    state: Arc<State>,
) {
    const FIRST_PAUSE: Duration = Duration::from_millis(100);
    const LONGEST_PAUSE: Duration = Duration::from_secs(5);
    let mut pause = FIRST_PAUSE;
    loop {
        match timeout(config.deadline * 4, Process::start(&config.program)).await {
            Ok(Ok(process)) => {
                tracing::info!(speech.voices = ?process.voices, "Speech worker is ready");
                pause = FIRST_PAUSE;
                state.alive.fetch_add(1, Ordering::Relaxed);
                let ended = feed(process, &queue, &config).await;
                if state.alive.fetch_sub(1, Ordering::Relaxed) == 1 && matches!(ended, Ended::Lost)
                {
                    refuse_waiting(&queue).await;
                }
                if matches!(ended, Ended::Unneeded) {
                    return;
                }
                state.restarts.fetch_add(1, Ordering::Relaxed);
            }
            Ok(Err(error)) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "Speech worker failed"
                );
            }
            Err(_) => tracing::error!("Speech worker did not load its engines in time"),
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

enum Ended {
    /// The process died, hung or spoke nonsense.
    Lost,
    /// Nobody holds a handle any more.
    Unneeded,
}

async fn feed(
    mut process: Process,
    queue: &tokio::sync::Mutex<mpsc::Receiver<Job>>,
    config: &SpeechConfig,
) -> Ended {
    loop {
        let job = tokio::select! {
            job = next_job(queue, config.patience) => job,
            () = process.ended() => {
                tracing::warn!("Speech worker ended, starting another");
                return Ended::Lost;
            }
        };
        let Some(job) = job else {
            return Ended::Unneeded;
        };
        let outcome = timeout(config.deadline, process.ask(&job.request, &job.samples)).await;
        let (answer, lost) = match outcome {
            Ok(Ok(reply)) => (Ok(reply), false),
            Ok(Err(error)) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "Speech worker lost, starting another");
                (Err(SpeechError::Down), true)
            }
            Err(_) => {
                tracing::warn!("Speech worker hung, starting another");
                (Err(SpeechError::Timeout), true)
            }
        };
        // Whoever asked may have hung up meanwhile.
        let _ = job.answer.send(answer);
        if lost {
            return Ended::Lost;
        }
    }
}

/// The next request that somebody still waits for; nothing when nobody holds a handle any more.
async fn next_job(
    queue: &tokio::sync::Mutex<mpsc::Receiver<Job>>,
    patience: Duration,
) -> Option<Job> {
    let mut queue = queue.lock().await;
    loop {
        let job = queue.recv().await?;
        if job.answer.is_closed() {
            continue;
        }
        if job.asked.elapsed() < patience {
            return Some(job);
        }
        let _ = job.answer.send(Err(SpeechError::Timeout));
    }
}

/// Nobody is left to serve them: a caller hears the apology now rather than silence.
async fn refuse_waiting(queue: &tokio::sync::Mutex<mpsc::Receiver<Job>>) {
    let mut queue = queue.lock().await;
    while let Ok(job) = queue.try_recv() {
        let _ = job.answer.send(Err(SpeechError::Down));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A handle whose requests end in the queue given back.
    fn worker() -> (SpeechWorker, tokio::sync::Mutex<mpsc::Receiver<Job>>) {
        let (jobs, queue) = mpsc::channel(8);
        let state = State::default();
        state.alive.store(1, Ordering::Relaxed);
        let worker = SpeechWorker {
            jobs,
            prepare: Into::into,
            prompts: Arc::new(Prompts::new(1_000)),
            state: Arc::new(state),
        };
        (worker, tokio::sync::Mutex::new(queue))
    }

    const PATIENCE: Duration = Duration::from_secs(3600);

    #[tokio::test]
    async fn callers_who_want_the_same_prompt_at_once_share_its_synthesis() {
        let (worker, queue) = worker();
        let serve = async {
            let job = next_job(&queue, PATIENCE).await.unwrap();
            let _ = job.answer.send(Ok((Reply::Audio, vec![1, 2, 3])));
        };
        let (first, second, other, ()) = tokio::join!(
            worker.synthesize("hello", "slt"),
            worker.synthesize("hello", "slt"),
            worker.synthesize("hello", "slt"),
            serve
        );
        assert_eq!(first.unwrap()[..], [1, 2, 3]);
        assert_eq!((second.unwrap().len(), other.unwrap().len()), (3, 3));
        assert!(queue.lock().await.try_recv().is_err(), "one request");
    }

    #[tokio::test]
    async fn a_prompt_that_failed_for_all_who_waited_is_tried_for_the_next() {
        let (worker, queue) = worker();
        let serve = async |answer| {
            let job = next_job(&queue, PATIENCE).await.unwrap();
            let _ = job.answer.send(answer);
        };
        let (first, second, ()) = tokio::join!(
            worker.synthesize("hello", "slt"),
            worker.synthesize("hello", "slt"),
            serve(Err(SpeechError::Timeout))
        );
        assert_eq!(first, Err(SpeechError::Timeout));
        assert_eq!(second, Err(SpeechError::Timeout));
        let (third, ()) = tokio::join!(
            worker.synthesize("hello", "slt"),
            serve(Ok((Reply::Audio, vec![7])))
        );
        assert_eq!(third.unwrap()[..], [7]);
    }

    #[tokio::test]
    async fn who_goes_leaves_a_prompt_to_those_who_wait_for_it() {
        let (worker, queue) = worker();
        let mut gone = Box::pin(worker.synthesize("one", "slt"));
        assert!(poll_once(&mut gone).await.is_none(), "it is queued");
        let mut stays = Box::pin(worker.synthesize("one", "slt"));
        assert!(poll_once(&mut stays).await.is_none(), "it waits");
        drop(gone);
        let serve = async {
            let job = next_job(&queue, PATIENCE).await.unwrap();
            let _ = job.answer.send(Ok((Reply::Audio, vec![7])));
        };
        let (audio, ()) = tokio::join!(stays, serve);
        assert_eq!(audio.unwrap()[..], [7]);
    }

    #[tokio::test]
    async fn work_that_nobody_waits_for_is_not_done() {
        let (worker, queue) = worker();
        let mut gone = Box::pin(worker.synthesize("one", "slt"));
        assert!(poll_once(&mut gone).await.is_none(), "it is queued");
        drop(gone);
        let late = worker.recognize(vec![0], "too late".to_owned());
        let serve = async {
            assert!(
                timeout(Duration::ZERO, next_job(&queue, Duration::ZERO))
                    .await
                    .is_err()
            );
        };
        let (late, ()) = tokio::join!(late, serve);
        assert_eq!(late, Err(SpeechError::Timeout));
    }

    /// Polls once.
    async fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
        tokio::select! {
            biased;
            output = future => Some(output),
            () = std::future::ready(()) => None,
        }
    }
}
