//! The audio of calls on the disk of this node, sealed with the tenant's keys.

mod audio;
mod encoders;
mod format;
mod remote;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use callplane_keys::{KeyId, KeyRing, Place, StreamSealer};
use callplane_types::{CallId, TenantId, TenantName, WallTime};
use jiff::Timestamp;
use jiff::tz::TimeZone;

pub(crate) use audio::Audio;
pub(crate) use encoders::{Encoders, Seconds};
pub(crate) use format::Format;
pub(crate) use remote::RemoteFile;

use crate::keys::TenantKeys;

/// The ending of recordings in clear, from before they were sealed: they are erased and grow old like others.
const CLEAR_WAV: &str = ".wav";

/// How far the time in the id of a call may be from its beginning: the store refuses more.
const DAY: Duration = Duration::from_secs(86_400);

/// `recordings/<tenant>/<yyyy>/<mm>/<call>.wav.sealed`, or `.opus.sealed`, below the data folder. **No audio
/// lies there in clear.** Cheap to clone.
#[derive(Clone)]
pub(crate) struct Recordings {
    folder: Arc<PathBuf>,
    tenant: TenantName,
    tenant_id: TenantId,
    keys: TenantKeys,
}

impl Recordings {
    pub(crate) fn new(
        data: &Path,
        tenant: &TenantName,
        tenant_id: TenantId,
        keys: TenantKeys,
    ) -> Self {
        Self {
            folder: Arc::new(data.join("recordings")),
            tenant: tenant.clone(),
            tenant_id,
            keys,
        }
    }

    /// Begins to seal the audio of a call: with the key, and the first octets of the file. `None` without
    /// keys.
    pub(crate) fn seal(
        &self,
        call: CallId,
        format: Format,
    ) -> Result<Option<(KeyId, StreamSealer, Vec<u8>)>, callplane_keys::Error> {
        let Some(ring) = self.keys.ring() else {
            return Ok(None);
        };
        let (sealer, header) =
            StreamSealer::begin(&ring, &self.place(call, format), format.chunk())?;
        Ok(Some((ring.sealing(), sealer, header)))
    }

    /// Whether there are keys to record with.
    pub(crate) fn can_seal(&self) -> bool {
        self.keys.ring().is_some()
    }

    /// The audio of a call, in clear; `None` when this node does not have it. Blocks.
    pub(crate) fn open(&self, call: CallId) -> io::Result<Option<Audio>> {
        let months = months_of(call).into_iter();
        let keys = months.flat_map(|month| {
            Format::ALL.map(|format| (format, self.key_in(&month, call, format)))
        });
        for (format, key) in keys {
            let file = match File::open(self.path(&key)) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            let (ring, place) = (self.ring()?, self.place(call, format));
            return Audio::open(Box::new(file), format, &ring, &place).map(Some);
        }
        Ok(None)
    }

    /// The audio of a call that was carried to an object storage.
    pub(crate) fn open_object(&self, call: CallId, object: RemoteFile) -> io::Result<Audio> {
        let format = Format::of(object.name()).ok_or(io::ErrorKind::InvalidInput)?;
        let (ring, place) = (self.ring()?, self.place(call, format));
        Audio::open(Box::new(object), format, &ring, &place)
    }

    fn ring(&self) -> io::Result<KeyRing> {
        self.keys.ring().ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                "there are no keys for recordings",
            )
        })
    }

    /// Wherever it lies.
    fn place(&self, call: CallId, format: Format) -> Place {
        let name = format!("{call}{}", format.ending());
        Place::recording(self.tenant_id, call, &name)
    }

    /// What the database calls the recording of a call that began `at`.
    pub(crate) fn key(&self, call: CallId, at: WallTime, format: Format) -> String {
        self.key_in(&month(at), call, format)
    }

    fn key_in(&self, month: &str, call: CallId, format: Format) -> String {
        format!("{}/{month}/{call}{}", self.tenant, format.ending())
    }

    /// Where it lies.
    pub(crate) fn path(&self, key: &str) -> PathBuf {
        self.folder.join(key)
    }

    /// Deletes the recording of a call, and says how long it was, in octets, if there was one. It is gone for
    /// good when this returns. Blocks.
    pub(crate) fn delete(&self, call: CallId) -> io::Result<Option<u64>> {
        let mut found = None;
        for month in months_of(call) {
            let folder = self.folder.join(self.tenant.as_str()).join(month);
            for ending in endings() {
                let file = folder.join(format!("{call}{ending}"));
                let octets = fs::metadata(&file).map_or(0, |file| file.len());
                match fs::remove_file(file) {
                    Ok(()) => {
                        File::open(&folder)?.sync_all()?;
                        found = Some(octets);
                    }
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(found)
    }

    /// The beginning of the oldest month with a folder. Blocks.
    pub(crate) fn oldest(&self) -> io::Result<Option<WallTime>> {
        Ok(self.months()?.into_iter().map(|(begin, _)| begin).min())
    }

    /// The calls that have a recording here. Blocks.
    pub(crate) fn all(&self) -> io::Result<Vec<CallId>> {
        self.before(WallTime::from_unix_micros(i64::MAX))
    }

    /// The calls that began before `limit` and have a recording here. Blocks.
    pub(crate) fn before(&self, limit: WallTime) -> io::Result<Vec<CallId>> {
        let mut calls = Vec::new();
        for (begin, folder) in self.months()? {
            if begin >= limit {
                continue;
            }
            let mut is_empty = true;
            for entry in fs::read_dir(&folder)? {
                let path = entry?.path();
                is_empty = false;
                let name = path.file_name().and_then(|name| name.to_str());
                let call =
                    name.and_then(|name| endings().find_map(|ending| name.strip_suffix(ending)));
                if let Some(call) = call.and_then(|call| call.parse().ok())
                    && began(call) < limit
                {
                    calls.push(call);
                }
            }
            if is_empty {
                // Nobody records into it any more; one that is not empty stays.
                let _ = fs::remove_dir(&folder);
            }
        }
        Ok(calls)
    }

    /// The folders of months, with their beginnings.
    fn months(&self) -> io::Result<Vec<(WallTime, PathBuf)>> {
        let mut months = Vec::new();
        for (year, folder) in numbered(&self.folder.join(self.tenant.as_str()))? {
            for (month, folder) in numbered(&folder)? {
                if let Some(begin) = begin_of(year, month) {
                    months.push((begin, folder));
                }
            }
        }
        Ok(months)
    }
}

/// What stands behind the call in the name of a file.
fn endings() -> impl Iterator<Item = &'static str> {
    let sealed = Format::ALL.map(Format::ending).into_iter();
    sealed.chain([CLEAR_WAV])
}

/// When a call began, by its id (RFC 9562: the first 48 bits are milliseconds since 1970).
pub(crate) fn began(call: CallId) -> WallTime {
    let milliseconds = call.uuid().as_u128() >> 80;
    WallTime::from_unix_micros(i64::try_from(milliseconds * 1_000).unwrap_or(i64::MAX))
}

/// The months whose folders may have the recording of a call.
fn months_of(call: CallId) -> Vec<String> {
    let began = began(call);
    let mut months = [before(began), began, began + DAY].map(month).to_vec();
    months.dedup();
    months
}

fn before(at: WallTime) -> WallTime {
    let day = i64::try_from(DAY.as_micros()).unwrap_or(0);
    WallTime::from_unix_micros(at.unix_micros().saturating_sub(day))
}

/// `yyyy/mm`, UTC.
fn month(at: WallTime) -> String {
    let time = Timestamp::from_microsecond(at.unix_micros()).unwrap_or(Timestamp::UNIX_EPOCH);
    time.to_zoned(TimeZone::UTC).strftime("%Y/%m").to_string()
}

fn begin_of(year: i16, month: i16) -> Option<WallTime> {
    let day = jiff::civil::Date::new(year, i8::try_from(month).ok()?, 1).ok()?;
    let begin = day.to_zoned(TimeZone::UTC).ok()?.timestamp();
    Some(WallTime::from_unix_micros(begin.as_microsecond()))
}

/// The folders in a folder whose names are numbers; none where there is no folder.
fn numbered(folder: &Path) -> io::Result<Vec<(i16, PathBuf)>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        if let Some(number) = name.and_then(|name| name.parse().ok()) {
            found.push((number, path));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::keys::KeyFile;

    #[test]
    fn the_folder_is_the_utc_month() {
        let new_year = WallTime::from_unix_micros(1_767_225_599_999_999);
        assert_eq!(month(new_year), "2025/12");
        let after = WallTime::from_unix_micros(1_767_225_600_000_000);
        assert_eq!(month(after), "2026/01");
        assert_eq!(begin_of(2026, 1), Some(after));
        assert_eq!(begin_of(2026, 13), None);
    }

    #[test]
    fn a_recording_is_found_by_its_call_on_both_sides_of_a_month() {
        let data = std::env::temp_dir().join(format!("callplane-recordings-{}", Uuid::now_v7()));
        let keys = TenantKeys::open(&data, KeyFile::Recordings);
        let tenant = TenantId::new(Uuid::nil());
        let recordings = Recordings::new(&data, &"acme".parse().unwrap(), tenant, keys);
        assert_eq!(recordings.oldest().unwrap(), None);
        let new_year = WallTime::from_unix_micros(1_767_225_600_000_000);
        // Its id was made a moment before the month was over.
        let call = CallId::new(Uuid::from_u128((1_767_225_599_999 << 80) | 7));
        let wav = recordings.path(&recordings.key(call, new_year, Format::Wav));
        fs::create_dir_all(wav.parent().unwrap()).unwrap();
        for format in Format::ALL {
            let path = recordings.path(&recordings.key(call, new_year, format));
            fs::write(&path, "audio").unwrap();
            assert_eq!(recordings.oldest().unwrap(), Some(new_year));
            assert_eq!(recordings.before(began(call)).unwrap(), []);
            let moment_after = WallTime::from_unix_micros(new_year.unix_micros() + 1);
            assert_eq!(recordings.before(moment_after).unwrap(), [call]);
            assert_eq!(recordings.delete(call).unwrap(), Some(5));
            assert!(!path.exists());
        }
        // One from before recordings were sealed.
        fs::write(wav.with_file_name(format!("{call}.wav")), "clear").unwrap();
        assert_eq!(recordings.all().unwrap(), [call]);
        assert_eq!(recordings.delete(call).unwrap(), Some(5));
        assert_eq!(recordings.delete(call).unwrap(), None);
        fs::remove_dir_all(data).unwrap();
    }
}
