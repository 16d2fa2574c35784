//! The recording of one call on disk.

use std::io::SeekFrom;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use callplane_call::{WAV_HEADER_LENGTH, wav_header};
use callplane_store::records::Recording;
use callplane_types::{CallId, TenantName, WallTime};
use tokio::fs::{self, File};
use tokio::io::{AsyncSeekExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::media::MediaInput;

/// Octets a second: two channels of 16 bits at 8 kHz.
const OCTETS_PER_SECOND: u64 = 4 * 8_000;

/// Chunks of a second that may wait for a slow disk; more are lost, and the recording with them.
const WAITING_CHUNKS: usize = 30;

/// Records one call in a task of its own, so that a slow disk is not heard by the caller.
pub(crate) struct Recorder {
    chunks: mpsc::Sender<Vec<u8>>,
    task: JoinHandle<anyhow::Result<Recording>>,
}

/// Where a recording goes.
pub(crate) struct Destination {
    /// The folder of all recordings.
    pub(crate) folder: PathBuf,
    pub(crate) tenant: TenantName,
    pub(crate) call: CallId,
    pub(crate) at: WallTime,
}

impl Recorder {
    /// Begins. `recycle` takes buffers back.
    pub(crate) fn start(destination: Destination, recycle: MediaInput) -> Self {
        let (chunks, mut receiver) = mpsc::channel::<Vec<u8>>(WAITING_CHUNKS);
        let task = tokio::spawn(async move {
            let mut file = RecordingFile::create(&destination).await?;
            while let Some(chunk) = receiver.recv().await {
                file.write(&chunk).await?;
                recycle.recycle(chunk).await;
            }
            file.finish().await
        });
        Self { chunks, task }
    }

    /// Adds a chunk; whether it was taken.
    pub(crate) fn write(&self, chunk: Vec<u8>) -> bool {
        self.chunks.try_send(chunk).is_ok()
    }

    /// Waits until all is written, and describes it.
    pub(crate) async fn finish(self) -> anyhow::Result<Recording> {
        let Self { chunks, task } = self;
        drop(chunks);
        task.await?
    }
}

/// `recordings/<tenant>/<yyyy>/<mm>/<call>.wav`. **The file is a valid WAV after each chunk**, so a
/// node that is killed leaves what it had.
struct RecordingFile {
    file: File,
    path: PathBuf,
    /// Below the folder of recordings.
    key: String,
    octets: u64,
}

impl RecordingFile {
    async fn create(destination: &Destination) -> anyhow::Result<Self> {
        let Destination {
            folder,
            tenant,
            call,
            at,
        } = destination;
        let (year, month) = year_and_month(*at);
        let key = format!("{tenant}/{year:04}/{month:02}/{call}.wav");
        let path = folder.join(&key);
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent)
            .await
            .context("failed to make the folder of a recording")?;
        let mut file = File::create(&path)
            .await
            .context("failed to make the file of a recording")?;
        file.write_all(&wav_header(2, 8_000, 0)).await?;
        Ok(Self {
            file,
            path,
            key,
            octets: 0,
        })
    }

    /// Appends a chunk and makes the header tell of it.
    async fn write(&mut self, chunk: &[u8]) -> anyhow::Result<()> {
        self.file.write_all(chunk).await?;
        self.octets += chunk.len() as u64;
        self.file.seek(SeekFrom::Start(0)).await?;
        self.file
            .write_all(&wav_header(2, 8_000, self.octets))
            .await?;
        self.file.seek(SeekFrom::End(0)).await?;
        self.file.flush().await?;
        Ok(())
    }

    async fn finish(self) -> anyhow::Result<Recording> {
        self.file.sync_data().await?;
        drop(self.file);
        let path = self.path;
        let sha256 = tokio::task::spawn_blocking(move || sha256_of(&path)).await??;
        Ok(Recording {
            id: Uuid::now_v7(),
            object_url: self.key,
            mime_type: "audio/wav".to_owned(),
            channels: 2,
            duration_seconds: u32::try_from(self.octets.div_ceil(OCTETS_PER_SECOND))
                .unwrap_or(u32::MAX),
            size_bytes: WAV_HEADER_LENGTH as u64 + self.octets,
            sha256: Some(sha256),
            encryption: "none".to_owned(),
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

/// UTC.
fn year_and_month(at: WallTime) -> (i16, i8) {
    match jiff::Timestamp::from_microsecond(at.unix_micros()) {
        Ok(time) => {
            let date = time.to_zoned(jiff::tz::TimeZone::UTC).date();
            (date.year(), date.month())
        }
        Err(_) => (1970, 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_the_utc_month() {
        let new_year = WallTime::from_unix_micros(1_767_225_599_999_999);
        assert_eq!(year_and_month(new_year), (2025, 12));
        let after = WallTime::from_unix_micros(1_767_225_600_000_000);
        assert_eq!(year_and_month(after), (2026, 1));
    }
}
