//! Erased people in records that wait.

use std::fs;
use std::io;

use callplane_store::erasure::{self, Erasure, Trace};
use callplane_store::records::CallRecord;
use callplane_types::{CallId, TenantId};

use super::spool::Spool;

impl Spool {
    /// Takes the person of an erasure out of every record, dead letters too, and says how many had something
    /// of it. `delete_audio` is called for calls of the person **before their record forgets whose they
    /// were**: what is interrupted is found again. Blocks.
    pub(crate) fn scrub(
        &self,
        tenant: TenantId,
        erasure: &Erasure,
        mut delete_audio: impl FnMut(CallId) -> io::Result<()>,
    ) -> io::Result<u32> {
        let erasures = std::slice::from_ref(erasure);
        let mut scrubbed = 0;
        for (call, _) in self.files()? {
            let names = self.names();
            // Under which of the two it lies may have changed since it was listed.
            let waiting = self.path(call);
            let dead = waiting.with_extension("refused");
            for path in [waiting, dead] {
                let bytes = match fs::read(&path) {
                    Ok(bytes) => bytes,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    Err(error) => return Err(error),
                };
                let clean = cleaned(tenant, erasures, &bytes, || delete_audio(call))?;
                if let Some(clean) = clean {
                    self.replace(&names, &path, &clean)?;
                    scrubbed += 1;
                }
            }
        }
        Ok(scrubbed)
    }
}

/// A record without the person; `None` when nothing of it is in there.
fn cleaned(
    tenant: TenantId,
    erasures: &[Erasure],
    bytes: &[u8],
    delete_audio: impl FnOnce() -> io::Result<()>,
) -> io::Result<Option<Vec<u8>>> {
    let Ok(mut record) = serde_json::from_slice::<CallRecord>(bytes) else {
        // No record any more, but words.
        let mut text = String::from_utf8_lossy(bytes).into_owned();
        let has = erasure::scrub_text(erasures, tenant, &mut text);
        return Ok(has.then(|| text.into_bytes()));
    };
    match erasure::scrub(erasures, &mut record) {
        Trace::None => return Ok(None),
        Trace::Person => delete_audio()?,
        _ => {}
    }
    Ok(Some(serde_json::to_vec(&record)?))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use callplane_store::records::Call;
    use callplane_types::{Direction, Pii, WallTime};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn the_person_leaves_records_dead_letters_and_damaged_ones_and_others_stay() {
        let folder = std::env::temp_dir().join(format!("callplane-spool-{}", Uuid::now_v7()));
        let spool = Spool::open(&folder).unwrap();
        let tenant = TenantId::new(Uuid::from_u128(1));
        let at = WallTime::from_unix_micros(1_700_000_000_000_000);
        let record = |from: &str, said: &str| {
            let id = CallId::new(Uuid::now_v7());
            let mut call = Call::begin(id, tenant, Direction::Inbound, at);
            call.from_number = Some(from.parse().unwrap());
            call.customer_name = Some(Pii::new(said.to_owned()));
            let record = CallRecord::new(call);
            spool.put(&record).unwrap();
            record
        };
        let theirs = record("+15557000001", "Jo");
        let mention = record("+15557000002", "friend of 15557000001");
        let other = record("+15557000002", "Al");
        let refused = record("+15557000001", "Jo");
        spool.set_aside(refused.call.id, "no").unwrap();
        let damaged = folder.join(format!("{}.refused", Uuid::now_v7()));
        fs::write(&damaged, "{\"from\": \"+15557000001\"").unwrap();
        let erasure = Erasure {
            id: Uuid::nil(),
            called_before: WallTime::from_unix_micros(1_700_000_000_000_001),
            subjects: HashSet::from([erasure::pseudonym(tenant, "+15557000001")]),
            calls: HashSet::new(),
            held: HashSet::new(),
        };
        let mut silent = Vec::new();
        let scrubbed = spool.scrub(tenant, &erasure, |call| {
            silent.push(call);
            Ok(())
        });
        assert_eq!(scrubbed.unwrap(), 4);
        silent.sort_unstable();
        assert_eq!(silent, [theirs.call.id, refused.call.id]);
        let left = spool.get(theirs.call.id).unwrap().unwrap();
        assert_eq!((left.call.from_number, left.call.initiated_at), (None, at));
        let left = spool.get(mention.call.id).unwrap().unwrap();
        let name = left.call.customer_name.unwrap();
        assert_eq!(name.expose(), "friend of 0");
        assert_eq!(spool.get(other.call.id).unwrap().unwrap(), other);
        for entry in fs::read_dir(&folder).unwrap() {
            let text = fs::read_to_string(entry.unwrap().path()).unwrap();
            assert!(!text.contains("15557000001"), "{text}");
        }
        // Who calls later is not erased.
        let earlier = Erasure {
            called_before: at,
            subjects: HashSet::from([erasure::pseudonym(tenant, "+15557000002")]),
            ..erasure
        };
        assert_eq!(spool.scrub(tenant, &earlier, |_| Ok(())).unwrap(), 0);
        fs::remove_dir_all(folder).unwrap();
    }

    /// Tells a thread to end, also when this one panics.
    struct End<'a>(&'a AtomicBool);

    impl Drop for End<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_record_that_is_set_aside_and_offered_again_meanwhile_loses_the_person_too() {
        let folder = std::env::temp_dir().join(format!("callplane-spool-{}", Uuid::now_v7()));
        let spool = Spool::open(&folder).unwrap();
        let tenant = TenantId::new(Uuid::from_u128(1));
        let at = WallTime::from_unix_micros(1_700_000_000_000_000);
        let erasure = Erasure {
            id: Uuid::nil(),
            called_before: WallTime::from_unix_micros(1_700_000_000_000_001),
            subjects: HashSet::from([erasure::pseudonym(tenant, "+15557000001")]),
            calls: HashSet::new(),
            held: HashSet::new(),
        };
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    for (call, _) in spool.files().unwrap() {
                        // It may be dead already.
                        let _ = spool.set_aside(call, "no");
                    }
                    spool.offer_again(Duration::ZERO).unwrap();
                }
            });
            let _end = End(&done);
            for _ in 0..40 {
                let id = CallId::new(Uuid::now_v7());
                let mut call = Call::begin(id, tenant, Direction::Inbound, at);
                call.from_number = Some("+15557000001".parse().unwrap());
                spool.put(&CallRecord::new(call)).unwrap();
                spool.scrub(tenant, &erasure, |_| Ok(())).unwrap();
                for path in [spool.path(id), spool.path(id).with_extension("refused")] {
                    let text = fs::read_to_string(path).unwrap_or_default();
                    assert!(!text.contains("15557000001"), "{text}");
                }
            }
        });
        fs::remove_dir_all(folder).unwrap();
    }
}
