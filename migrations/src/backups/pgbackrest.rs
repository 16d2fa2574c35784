//! What `pgbackrest info --output=json` says, as far as it is recorded.

use std::collections::BTreeMap;

use callplane_types::WallTime;
use serde::Deserialize;

use super::{BackupKind, WalFile};
use crate::{Error, Result};

/// The end of the year 9999, in seconds since the Unix epoch: later times are nonsense.
const LAST_SECOND: i64 = 253_402_300_799;

/// What the repositories of one stanza hold. A stanza is pgBackRest's word for a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Info {
    /// Name of the stanza.
    pub stanza: String,
    /// `Database system identifier` of the server that was backed up last.
    pub system: Option<u64>,
    /// What pgBackRest says is wrong, such as `no valid backups`.
    pub problem: Option<String>,
    /// Every backup that is kept, of every repository.
    pub backups: Vec<Backup>,
    /// The newest file of the log that **every** repository has.
    pub archived: Option<WalFile>,
    /// Every repository has an undamaged full backup of the server as it is. Without one the log
    /// restores nothing.
    pub restorable: bool,
}

/// A backup that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// Full, or incremental, which is also what pgBackRest calls differential.
    pub kind: BackupKind,
    /// `20261121-023004F`; unique in its repository.
    pub label: String,
    /// Number of the repository: 1 for `repo1-path`.
    pub repository: u32,
    /// When it began, by the clock of the server.
    pub started_at: WallTime,
    /// When it ended; it restores to this moment, and with the log to any later one.
    pub finished_at: WallTime,
    /// Bytes that it added to the repository.
    pub size_bytes: i64,
    /// Pages of the server had wrong checksums: what was copied may be broken.
    pub damaged: bool,
}

impl Info {
    /// Reads the output of `pgbackrest info --output=json`.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is no such output, or knows of no stanza `stanza`.
    pub fn parse(json: &[u8], stanza: &str) -> Result<Self> {
        let stanzas: Vec<Stanza> = serde_json::from_slice(json).map_err(invalid)?;
        stanzas
            .into_iter()
            .find(|found| found.name == stanza)
            .ok_or_else(|| invalid(format!("it knows of no stanza `{stanza}`")))?
            .read()
    }
}

// === The shape of the output ===

#[derive(Deserialize)]
struct Stanza {
    name: String,
    status: Status,
    #[serde(default)]
    archive: Vec<Archive>,
    #[serde(default)]
    backup: Vec<Entry>,
    #[serde(default)]
    db: Vec<System>,
    #[serde(default)]
    repo: Vec<Repository>,
}

#[derive(Deserialize)]
struct Repository {
    key: u32,
}

#[derive(Deserialize)]
struct Status {
    code: i64,
    message: String,
}

/// A server that was backed up. Its number rises with each new version of PostgreSQL.
#[derive(Deserialize)]
struct System {
    id: u32,
    #[serde(rename = "system-id")]
    identifier: u64,
    #[serde(rename = "repo-key", default = "first")]
    repository: u32,
}

#[derive(Deserialize)]
struct Archive {
    database: Place,
    max: Option<String>,
}

#[derive(Deserialize)]
struct Place {
    id: u32,
    #[serde(rename = "repo-key", default = "first")]
    repository: u32,
}

const fn first() -> u32 {
    1
}

#[derive(Deserialize)]
struct Entry {
    label: String,
    #[serde(rename = "type")]
    kind: String,
    timestamp: Times,
    info: Sizes,
    database: Place,
    #[serde(default)]
    error: Option<bool>,
}

#[derive(Deserialize)]
struct Times {
    start: i64,
    stop: i64,
}

#[derive(Deserialize)]
struct Sizes {
    repository: RepositorySizes,
}

#[derive(Deserialize)]
struct RepositorySizes {
    #[serde(default)]
    delta: Option<u64>,
}

impl Stanza {
    fn read(self) -> Result<Info> {
        let Self {
            name,
            status,
            archive,
            backup,
            db,
            repo,
        } = self;
        Ok(Info {
            restorable: restorable(&repo, &db, &backup),
            stanza: word("stanza", name)?,
            system: db
                .iter()
                .max_by_key(|system| system.id)
                .map(|system| system.identifier),
            problem: (status.code != 0).then_some(status.message),
            backups: backup.into_iter().map(Entry::read).collect::<Result<_>>()?,
            archived: archived(&archive)?,
        })
    }
}

impl Entry {
    fn read(self) -> Result<Backup> {
        let Self {
            label,
            kind,
            timestamp,
            info,
            database,
            error,
        } = self;
        if timestamp.stop < timestamp.start {
            return Err(invalid("a backup ends before it begins"));
        }
        Ok(Backup {
            kind: match kind.as_str() {
                "full" => BackupKind::Full,
                "incr" | "diff" => BackupKind::Incremental,
                other => return Err(invalid(format!("a backup has the unknown type `{other}`"))),
            },
            label: word("label", label)?,
            repository: database.repository,
            started_at: time(timestamp.start)?,
            finished_at: time(timestamp.stop)?,
            size_bytes: i64::try_from(info.repository.delta.unwrap_or(0)).map_err(invalid)?,
            damaged: error.unwrap_or(false),
        })
    }
}

fn restorable(repositories: &[Repository], systems: &[System], backups: &[Entry]) -> bool {
    // The newest server of each; one that knows of no server has no backup of any.
    let mut newest: BTreeMap<u32, u32> = repositories.iter().map(|one| (one.key, 0)).collect();
    for System { id, repository, .. } in systems {
        let known = newest.entry(*repository).or_default();
        *known = (*known).max(*id);
    }
    let has_full = |(repository, server): (&u32, &u32)| {
        backups.iter().any(|backup| {
            let Place { id, repository: at } = &backup.database;
            backup.kind == "full" && backup.error != Some(true) && (at, id) == (repository, server)
        })
    };
    !newest.is_empty() && newest.iter().all(has_full)
}

/// The oldest of what the repositories have as their newest.
fn archived(archive: &[Archive]) -> Result<Option<WalFile>> {
    let mut newest: BTreeMap<u32, (u32, Option<WalFile>)> = BTreeMap::new();
    for Archive { database, max } in archive {
        let file = max.as_deref().map(str::parse).transpose()?;
        let known = newest
            .entry(database.repository)
            .or_insert((database.id, file));
        if database.id >= known.0 {
            *known = (database.id, file);
        }
    }
    // `None` is less than any file: a repository that has nothing holds all of them back.
    Ok(newest.into_values().map(|(_, file)| file).min().flatten())
}

/// Names become part of a location: letters, digits, `_`, `-` and `.`.
fn word(what: &str, text: String) -> Result<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    if (1..=128).contains(&text.len()) && text.bytes().all(plain) {
        Ok(text)
    } else {
        Err(invalid(format!("a {what} is no plain word")))
    }
}

fn time(seconds: i64) -> Result<WallTime> {
    (0..=LAST_SECOND)
        .contains(&seconds)
        .then(|| WallTime::from_unix_micros(seconds * 1_000_000))
        .ok_or_else(|| invalid("a time is before 1970 or after 9999"))
}

fn invalid(reason: impl std::fmt::Display) -> Error {
    Error::invalid("output of pgbackrest info", reason)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn backup(label: &str, kind: &str, repository: u32) -> Value {
        json!({
            "label": label, "type": kind, "database": {"id": 1, "repo-key": repository},
            "timestamp": {"start": 1_700_000_000, "stop": 1_700_000_060}, "error": false,
            "info": {"delta": 9, "size": 9, "repository": {"delta": 5, "size": 7}},
        })
    }

    fn stanza(archive: &Value, backups: &[Value]) -> Vec<u8> {
        json!([{
            "name": "main", "status": {"code": 0, "message": "ok"}, "archive": archive,
            "backup": backups,
            "db": [{"id": 1, "repo-key": 1, "system-id": 18_446_744_073_709_551_615_u64, "version": "15"}],
        }])
        .to_string()
        .into_bytes()
    }

    fn archive(id: u32, repository: u32, max: &Value) -> Value {
        json!({"database": {"id": id, "repo-key": repository}, "id": "15-1", "min": max, "max": max})
    }

    #[test]
    fn backups_are_read_with_their_kind_place_and_size() {
        let json = stanza(
            &json!([archive(1, 1, &json!("000000010000000000000004"))]),
            &[
                backup("20231114-221320F", "full", 1),
                backup("20231114-221320F_20231114-231320I", "incr", 1),
                backup("20231114-221320F_20231114-231320D", "diff", 2),
            ],
        );
        let info = Info::parse(&json, "main").unwrap();
        assert_eq!(info.system, Some(u64::MAX));
        assert_eq!(info.problem, None);
        assert_eq!(info.archived, "000000010000000000000004".parse().ok());
        let kinds: Vec<_> = info
            .backups
            .iter()
            .map(|b| (b.kind, b.repository))
            .collect();
        assert_eq!(
            kinds,
            [
                (BackupKind::Full, 1),
                (BackupKind::Incremental, 1),
                (BackupKind::Incremental, 2)
            ]
        );
        let first = &info.backups[0];
        assert_eq!(first.size_bytes, 5);
        assert_eq!(
            first
                .finished_at
                .saturating_since(first.started_at)
                .as_secs(),
            60
        );
    }

    #[test]
    fn the_archive_is_as_new_as_its_slowest_repository_and_its_newest_server() {
        let old = json!("000000010000000000000009");
        let new = json!("000000020000000A00000001");
        let of = |archives: &[Value]| {
            Info::parse(&stanza(&json!(archives), &[]), "main")
                .unwrap()
                .archived
                .map(|file| Value::String(file.to_string()))
        };
        assert_eq!(of(&[]), None);
        assert_eq!(
            of(&[archive(1, 1, &old), archive(2, 1, &new)]),
            Some(new.clone())
        );
        assert_eq!(
            of(&[archive(2, 1, &new), archive(1, 1, &old)]),
            Some(new.clone())
        );
        assert_eq!(of(&[archive(1, 1, &new), archive(1, 2, &old)]), Some(old));
        assert_eq!(
            of(&[archive(1, 1, &new), archive(1, 2, &Value::Null)]),
            None
        );
    }

    #[test]
    fn it_restores_from_any_repository_or_is_not_restorable() {
        let damaged = |mut entry: Value| {
            entry["error"] = json!(true);
            entry
        };
        let [first, second] =
            [1, 2].map(|repository| backup("20231114-221320F", "full", repository));
        let incremental = backup("20231114-221320F_20231114-231320I", "incr", 1);
        for (repositories, server, backups, restorable) in [
            (1, 1, vec![], false),
            (1, 1, vec![first.clone()], true),
            (1, 1, vec![incremental], false),
            (1, 1, vec![damaged(first.clone())], false),
            (1, 1, vec![damaged(first.clone()), first.clone()], true),
            (2, 1, vec![first.clone()], false),
            (2, 1, vec![first.clone(), second], true),
            // Of the server before its upgrade.
            (1, 2, vec![first], false),
        ] {
            let mut json: Value = serde_json::from_slice(&stanza(&json!([]), &backups)).unwrap();
            let keys: Vec<Value> = (1..=repositories).map(|key| json!({"key": key})).collect();
            json[0]["repo"] = json!(keys);
            json[0]["db"] = (1..=repositories)
                .map(|key| json!({"id": server, "repo-key": key, "system-id": 7}))
                .collect();
            let info = Info::parse(json.to_string().as_bytes(), "main").unwrap();
            assert_eq!(info.restorable, restorable, "{json}");
        }
    }

    #[test]
    fn what_pgbackrest_finds_wrong_is_told() {
        let json = br#"[{"name":"main","status":{"code":2,"message":"no valid backups"}}]"#;
        let info = Info::parse(json, "main").unwrap();
        assert_eq!(info.problem.as_deref(), Some("no valid backups"));
    }

    #[test]
    fn other_bytes_are_refused_with_a_sentence() {
        let with = |change: fn(&mut Value)| {
            let mut entry = backup("20231114-221320F", "full", 1);
            change(&mut entry);
            stanza(&json!([]), &[entry])
        };
        let wrong = [
            (b"".to_vec(), "EOF"),
            (b"[]".to_vec(), "no stanza `main`"),
            (b"{\"a\": 1}".to_vec(), "expected a sequence"),
            (vec![0xff; 9], "expected value"),
            (with(|b| b["type"] = json!("copy")), "unknown type `copy`"),
            (with(|b| b["label"] = json!("a/../b")), "no plain word"),
            (
                with(|b| b["timestamp"]["stop"] = json!(0)),
                "before it begins",
            ),
            (
                with(|b| b["timestamp"] = json!({"start": -1, "stop": 0})),
                "before 1970",
            ),
            (
                with(|b| b["info"]["repository"]["delta"] = json!(u64::MAX)),
                "out of range",
            ),
            (
                stanza(&json!([archive(1, 1, &json!("x"))]), &[]),
                "24 hexadecimal digits",
            ),
        ];
        for (json, sentence) in wrong {
            let error = Info::parse(&json, "main").unwrap_err().to_string();
            assert!(error.contains(sentence), "{error} has no {sentence}");
        }
    }

    #[test]
    fn no_change_of_the_output_makes_the_reader_panic() {
        let json = stanza(
            &json!([archive(1, 1, &json!("000000010000000000000004"))]),
            &[backup("20231114-221320F", "full", 1)],
        );
        // Numbers to change places and octets by: SplitMix64 from this seed.
        let mut state = 20_261_121_u64;
        let mut next = || {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            usize::try_from(mixed >> 33).unwrap()
        };
        let mut read = 0;
        for _ in 0..20_000 {
            let mut changed = json.clone();
            for _ in 0..=next() % 3 {
                let place = next() % changed.len();
                match next() % 3 {
                    0 => changed[place] = b"0123456789-\"{}[],:eE+."[next() % 22],
                    1 => drop(changed.remove(place)),
                    _ => changed.insert(place, b"0123456789\xff\\"[next() % 12]),
                }
            }
            if let Ok(info) = Info::parse(&changed, "main") {
                read += 1;
                // What was read can be stored.
                for backup in info.backups {
                    assert!(backup.finished_at >= backup.started_at && backup.size_bytes >= 0);
                }
            }
        }
        // Most changes of a digit leave the output what it is.
        assert!(read > 1000, "{read}");
    }
}
