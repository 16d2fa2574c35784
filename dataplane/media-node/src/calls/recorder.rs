//! The recording of one call on disk.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use callplane_call::{OggOpusWriter, wav_header};
use callplane_keys::{KeyId, StreamSealer};
use callplane_store::records::Recording;
use callplane_types::{CallId, WallTime};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::media::MediaInput;
use crate::recordings::{Encoders, Format, Recordings};

/// Octets a second: two channels of 16 bits at 8 kHz.
const OCTETS_PER_SECOND: u64 = 4 * 8_000;

/// Chunks of half a second that may wait for a slow disk; more are lost, and the recording with them.
const WAITING_CHUNKS: usize = 60;

/// Records one call in a task of its own, so that a slow disk is not heard by the caller.
pub(crate) struct Recorder {
    chunks: mpsc::Sender<Chunk>,
    task: JoinHandle<anyhow::Result<Recording>>,
}

/// What comes next in a recording.
pub(crate) enum Chunk {
    /// Both sides as octets of the file.
    Samples(Vec<u8>),
    /// Nothing was recorded for as long.
    Silence(Duration),
}

/// Where a recording goes.
pub(crate) struct Destination {
    /// The folder of all recordings.
    pub(crate) recordings: Recordings,
    /// Who turns samples into packets.
    pub(crate) encoders: Encoders,
    pub(crate) format: Format,
    pub(crate) call: CallId,
    pub(crate) at: WallTime,
}

impl Recorder {
    /// Begins. `recycle` takes buffers back.
    pub(crate) fn start(destination: Destination, recycle: MediaInput) -> Self {
        let (chunks, mut receiver) = mpsc::channel(WAITING_CHUNKS);
        let task = tokio::spawn(async move {
            let call = destination.call;
            let recorded = async {
                let mut file = RecordingFile::create(&destination).await?;
                while let Some(chunk) = receiver.recv().await {
                    match chunk {
                        Chunk::Samples(octets) => {
                            recycle.recycle(file.write(octets).await?).await;
                        }
                        Chunk::Silence(time) => file.write_silence(time).await?,
                    }
                }
                file.finish().await
            };
            recorded.await.inspect_err(|error| {
                tracing::error!(call.id = %call, error = %format_args!("{error:#}"), "failed to record a call; the call goes on without");
            })
        });
        Self { chunks, task }
    }

    /// Adds a chunk; whether it was taken.
    pub(crate) fn write(&self, chunk: Chunk) -> bool {
        self.chunks.try_send(chunk).is_ok()
    }

    /// Waits until all is written, and describes it as far as the file knows.
    pub(crate) async fn finish(self) -> anyhow::Result<Recording> {
        let Self { chunks, task } = self;
        drop(chunks);
        task.await?
    }
}

/// A file of [`Recordings`]. **It opens whenever a piece of it was sealed**, so a node that is killed leaves what it
/// had, but for the half second that is being recorded and what waits to be sealed, as much at most.
struct RecordingFile {
    /// Nothing while it is written elsewhere.
    file: Option<SealedFile>,
    path: PathBuf,
    /// Below the folder of recordings.
    name: String,
    key: KeyId,
    format: Format,
    encoders: Encoders,
    /// Nothing in a WAV file, and while it works elsewhere.
    encoder: Option<OggOpusWriter>,
    /// Of samples.
    octets: u64,
}

impl RecordingFile {
    async fn create(destination: &Destination) -> anyhow::Result<Self> {
        let Destination {
            recordings,
            encoders,
            format,
            call,
            at,
        } = destination;
        let name = recordings.key(*call, *at, *format);
        let (key, sealer, sealed) = recordings
            .seal(*call, *format)?
            .context("the Secret of the tenant has no keys for recordings, which are never in clear; wait until the operator has put them there")?;
        let (encoder, header) = match format {
            // How long it gets nobody knows: who reads it puts that in.
            Format::Wav => (None, wav_header(2, 8_000, u64::MAX).to_vec()),
            Format::Opus => {
                // As good a number as any.
                let serial = call.uuid().as_u128() as u32;
                let (encoder, header) = OggOpusWriter::begin(serial);
                (Some(encoder), header)
            }
        };
        let path = recordings.path(&name);
        let there = path.clone();
        let file = blocking(move || {
            let mut file = SealedFile::create(&there, sealer, &sealed)?;
            file.append(&header)?;
            anyhow::Ok(file)
        })
        .await??;
        Ok(Self {
            file: Some(file),
            path,
            name,
            key,
            format: *format,
            encoders: encoders.clone(),
            encoder,
            octets: 0,
        })
    }

    /// Appends samples, and gives their buffer back.
    async fn write(&mut self, chunk: Vec<u8>) -> anyhow::Result<Vec<u8>> {
        self.octets += chunk.len() as u64;
        let Some(mut encoder) = self.encoder.take() else {
            return self.append(chunk).await;
        };
        let work = move || {
            let pairs = chunk.chunks_exact(2);
            let samples: Vec<i16> = pairs
                .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
                .collect();
            let mut pages = Vec::new();
            encoder.write(&samples, &mut pages);
            (encoder, pages, chunk)
        };
        let (encoder, pages, chunk) = self.encoders.run(work).await?;
        self.encoder = Some(encoder);
        self.append(pages).await?;
        Ok(chunk)
    }

    /// Appends octets of the file, and gives their buffer back.
    async fn append(&mut self, octets: Vec<u8>) -> anyhow::Result<Vec<u8>> {
        let mut file = self.file.take().context("a write before has failed")?;
        let (file, octets) = blocking(move || {
            file.append(&octets)?;
            anyhow::Ok((file, octets))
        })
        .await??;
        self.file = Some(file);
        Ok(octets)
    }

    async fn write_silence(&mut self, time: Duration) -> anyhow::Result<()> {
        // A pair of samples takes 125 us.
        let mut left = time.as_micros() / 125 * 4;
        let mut silence = Vec::new();
        while left > 0 {
            let now = left.min(u128::from(OCTETS_PER_SECOND));
            silence.resize(now as usize, 0);
            silence = self.write(silence).await?;
            left -= now;
        }
        Ok(())
    }

    async fn finish(mut self) -> anyhow::Result<Recording> {
        if let Some(encoder) = self.encoder.take() {
            let work = move || {
                let mut pages = Vec::new();
                encoder.finish(&mut pages);
                pages
            };
            let pages = self.encoders.run(work).await?;
            self.append(pages).await?;
        }
        let file = self.file.take().context("a write before has failed")?;
        let path = self.path;
        let (size_bytes, sha256) = blocking(move || {
            let size_bytes = file.finish()?;
            anyhow::Ok((size_bytes, sha256_of(&path)?))
        })
        .await??;
        Ok(Recording {
            id: Uuid::now_v7(),
            object_url: self.name,
            mime_type: self.format.mime_type().to_owned(),
            channels: 2,
            started_at: None,
            gaps: Vec::new(),
            duration_seconds: u32::try_from(self.octets.div_ceil(OCTETS_PER_SECOND))
                .unwrap_or(u32::MAX),
            size_bytes,
            sha256: Some(sha256),
            encryption: "AES-256-GCM".to_owned(),
            encryption_key: Some(self.key.uuid()),
            consent_obtained: None,
        })
    }
}

/// What waits for the disk at once. Each takes a thread: of a disk that stands still, hundreds would have to wait.
static AT_DISK: Semaphore = Semaphore::const_new(32);

/// Does what waits for the disk on a thread that may.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> anyhow::Result<T> {
    // It is never closed.
    let _turn = AT_DISK.acquire().await;
    let done = tokio::task::spawn_blocking(work);
    done.await.context("a writer of recordings has panicked")
}

/// A file and its seal. All of it blocks. **It holds no more than waits to be sealed**: hundreds of calls have one.
struct SealedFile {
    file: File,
    sealer: StreamSealer,
}

impl SealedFile {
    /// `begin` are the octets before those that are sealed.
    fn create(path: &Path, sealer: StreamSealer, begin: &[u8]) -> anyhow::Result<Self> {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).context("failed to make the folder of a recording")?;
        }
        let mut file = File::create(path).context("failed to make the file of a recording")?;
        file.write_all(begin)?;
        Ok(Self { file, sealer })
    }

    fn append(&mut self, octets: &[u8]) -> anyhow::Result<()> {
        let mut sealed = Vec::new();
        self.sealer.push(octets, &mut sealed)?;
        self.file.write_all(&sealed)?;
        Ok(())
    }

    /// Writes the rest; how many octets the file has.
    fn finish(self) -> anyhow::Result<u64> {
        let Self { mut file, sealer } = self;
        let mut sealed = Vec::new();
        sealer.finish(&mut sealed)?;
        file.write_all(&sealed)?;
        file.sync_data()?;
        Ok(file.metadata()?.len())
    }
}

fn sha256_of(path: &Path) -> anyhow::Result<[u8; 32]> {
    let mut file = File::open(path)?;
    let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            length => context.update(&buffer[..length]),
        }
    }
    Ok(context.finish().as_ref().try_into()?)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_disk_that_stands_still_takes_thirty_two_threads_and_no_more() {
        let (begun, (release, wait)) = (Arc::new(AtomicUsize::new(0)), std::sync::mpsc::channel());
        let wait = Arc::new(std::sync::Mutex::new(wait));
        let calls: Vec<_> = (0..200)
            .map(|_| {
                let (begun, wait) = (Arc::clone(&begun), Arc::clone(&wait));
                tokio::spawn(blocking(move || {
                    begun.fetch_add(1, Ordering::SeqCst);
                    wait.lock().unwrap().recv().unwrap();
                }))
            })
            .collect();
        while begun.load(Ordering::SeqCst) < 32 {
            tokio::task::yield_now().await;
        }
        // Whoever else could run has had a turn.
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
        assert_eq!(begun.load(Ordering::SeqCst), 32);
        for _ in &calls {
            release.send(()).unwrap();
        }
        for call in calls {
            call.await.unwrap().unwrap();
        }
    }
}
