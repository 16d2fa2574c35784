//! The recording of one call on disk.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use callplane_call::{OggOpusWriter, wav_header};
use callplane_keys::{KeyId, StreamSealer};
use callplane_store::records::Recording;
use callplane_types::{CallId, WallTime};
use tokio::fs::{self, File};
use tokio::io::AsyncWriteExt as _;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::media::MediaInput;
use crate::recordings::{Encoders, Format, Recordings};

/// Octets a second: two channels of 16 bits at 8 kHz.
const OCTETS_PER_SECOND: u64 = 4 * 8_000;

/// A second of it.
static SILENCE: [u8; OCTETS_PER_SECOND as usize] = [0; OCTETS_PER_SECOND as usize];

/// Chunks of a second that may wait for a slow disk; more are lost, and the recording with them.
const WAITING_CHUNKS: usize = 30;

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
                            file.write(&octets).await?;
                            recycle.recycle(octets).await;
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
/// had, but for the second that is being recorded and half of one that waits to be sealed.
struct RecordingFile {
    file: File,
    path: PathBuf,
    /// Below the folder of recordings.
    name: String,
    key: KeyId,
    sealer: StreamSealer,
    sealed: Vec<u8>,
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
        let (key, mut sealer, mut sealed) = recordings
            .seal(*call, *format)?
            .context("the Secret of the tenant has no keys for recordings, which are never in clear; wait until the operator has put them there")?;
        let encoder = match format {
            Format::Wav => {
                // How long it gets nobody knows: who reads it puts that in.
                sealer.push(&wav_header(2, 8_000, u64::MAX), &mut sealed)?;
                None
            }
            Format::Opus => {
                // As good a number as any.
                let serial = call.uuid().as_u128() as u32;
                let (encoder, header) = OggOpusWriter::begin(serial);
                sealer.push(&header, &mut sealed)?;
                Some(encoder)
            }
        };
        let path = recordings.path(&name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)
                .await
                .context("failed to make the folder of a recording")?;
        }
        let file = File::create(&path)
            .await
            .context("failed to make the file of a recording")?;
        let mut recording = Self {
            file,
            path,
            name,
            key,
            sealer,
            sealed,
            format: *format,
            encoders: encoders.clone(),
            encoder,
            octets: 0,
        };
        recording.append(&[]).await?;
        Ok(recording)
    }

    /// Appends samples.
    async fn write(&mut self, chunk: &[u8]) -> anyhow::Result<()> {
        self.octets += chunk.len() as u64;
        let Some(mut encoder) = self.encoder.take() else {
            return self.append(chunk).await;
        };
        let pairs = chunk.chunks_exact(2);
        let samples: Vec<i16> = pairs
            .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
            .collect();
        let work = move || {
            let mut pages = Vec::new();
            encoder.write(&samples, &mut pages);
            (encoder, pages)
        };
        let (encoder, pages) = self.encoders.run(work).await?;
        self.encoder = Some(encoder);
        self.append(&pages).await
    }

    /// Appends octets of the file.
    async fn append(&mut self, octets: &[u8]) -> anyhow::Result<()> {
        self.sealer.push(octets, &mut self.sealed)?;
        self.file.write_all(&self.sealed).await?;
        self.file.flush().await?;
        self.sealed.clear();
        Ok(())
    }

    async fn write_silence(&mut self, time: Duration) -> anyhow::Result<()> {
        // A pair of samples takes 125 us.
        let mut left = time.as_micros() / 125 * 4;
        while left > 0 {
            let now = usize::try_from(left).map_or(SILENCE.len(), |left| left.min(SILENCE.len()));
            self.write(&SILENCE[..now]).await?;
            left -= now as u128;
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
            self.append(&pages).await?;
        }
        self.sealer.finish(&mut self.sealed)?;
        self.file.write_all(&self.sealed).await?;
        // It says what became of the write, which syncing does not.
        self.file.flush().await?;
        self.file.sync_data().await?;
        let size_bytes = self.file.metadata().await?.len();
        drop(self.file);
        let path = self.path;
        let sha256 = tokio::task::spawn_blocking(move || sha256_of(&path)).await??;
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

fn sha256_of(path: &Path) -> anyhow::Result<[u8; 32]> {
    use std::io::Read as _;
    let mut file = std::fs::File::open(path)?;
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
