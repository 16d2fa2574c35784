//! The disk is full: in the middle of a migration, and of a call record.

use std::path::{Path, PathBuf};
use std::process::Command;

use callplane_store::records::{self, Finished};
use callplane_store::test_util::{PostgresServer, TestDatabase};
use callplane_store::{Error, calls, migrate, tenants};

use super::next;
use crate::records::record;
use crate::support::{ask, equipped};

/// A file system of a few megabytes in memory, for a tablespace.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Needs the right to mount. **Without it the test fails rather than passing unseen.**
    fn mount(megabytes: u32) -> Self {
        let folder = std::env::temp_dir().join(format!("callplane-disk-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let id = Command::new("id")
            .args(["-u", "postgres"])
            .output()
            .unwrap();
        let owner = String::from_utf8(id.stdout).unwrap();
        let options = format!("size={megabytes}m,mode=0700,uid={}", owner.trim());
        let done = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options])
            .arg("callplane-test")
            .arg(&folder)
            .output()
            .unwrap();
        assert!(
            done.status.success(),
            "this test mounts a small disk and needs the right to: run it as root, in a container with CAP_SYS_ADMIN; mount says: {}",
            String::from_utf8_lossy(&done.stderr)
        );
        Self(folder)
    }

    /// Takes all space that is left.
    fn fill(&self) {
        let output = std::fs::File::create(self.ballast()).unwrap();
        let zeros = vec![0_u8; 64 * 1024];
        let mut output = std::io::BufWriter::with_capacity(zeros.len(), output);
        while std::io::Write::write_all(&mut output, &zeros).is_ok() {}
    }

    /// Gives it back.
    fn free(&self) {
        std::fs::remove_file(self.ballast()).unwrap();
    }

    fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // The server may still have files open.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
        let _ = std::fs::remove_dir(&self.0);
    }
}

/// Puts what is made from now on onto the disk.
async fn use_disk(database: &TestDatabase<'_>, disk: &SmallDisk) {
    let TestDatabase { name, .. } = database;
    database
        .superuser(&format!(
            "CREATE TABLESPACE small LOCATION '{}'",
            disk.path().display()
        ))
        .await
        .unwrap();
    database
        .superuser("GRANT CREATE ON TABLESPACE small TO PUBLIC")
        .await
        .unwrap();
    database
        .superuser(&format!(
            "ALTER DATABASE {name} SET default_tablespace = small"
        ))
        .await
        .unwrap();
    // Sessions that are open do not know of it.
    database
        .superuser(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'callplane_operator'",
        )
        .await
        .unwrap();
}

fn is_full(error: &Error) -> bool {
    error.sqlstate().as_deref() == Some("53100") && error.is_transient()
}

#[tokio::test]
async fn a_full_disk_is_told_leaves_nothing_half_and_is_recovered_from() {
    let server = PostgresServer::start().unwrap();
    let database = TestDatabase::create(&server).await.unwrap();
    let disk = SmallDisk::mount(64);
    use_disk(&database, &disk).await;
    let acme = equipped(&database, "acme", "+15550000001").await;

    // Records of calls: as many as fit, then none, and the last one not in part.
    disk.fill();
    let mut kept = Vec::new();
    let (refused, error) = loop {
        let record = record(&acme).await;
        match records::finish(&acme.database, &record).await {
            Ok(_) => kept.push(record.call.id),
            Err(error) => break (record, error),
        }
        assert!(kept.len() < 20_000, "the disk never fills");
    };
    assert!(is_full(&error), "{}", super::told(&error));
    assert!(calls::show(&acme.database, refused.call.id).await.is_err());
    let rows = format!("SELECT count(*) FROM {}.calls", acme.schema());
    assert_eq!(ask(&database, &rows).await, kept.len().to_string());

    // A migration meanwhile: nothing of it is there, and what failed is told as what passes.
    let file =
        next("CREATE TABLE next_things AS SELECT * FROM calls; CREATE INDEX ON next_things (id)");
    let error = database.migrate_on(&acme, &file).await.unwrap_err();
    assert!(is_full(&error), "{}", super::told(&error));
    let there = format!(
        "SELECT to_regclass('{}.next_things') IS NULL",
        acme.schema()
    );
    assert_eq!(ask(&database, &there).await, "true");
    let spec = database.tenant_spec("late");
    let late = tenants::ensure(&database.operator, &database.fence, &spec)
        .await
        .unwrap();
    let error = migrate::tenant(&database.operator, &database.fence, late.id)
        .await
        .unwrap_err();
    assert!(is_full(&error), "{}", super::told(&error));

    disk.free();
    let finished = records::finish(&acme.database, &refused).await.unwrap();
    assert_eq!(finished, Finished::Stored);
    assert_eq!(ask(&database, &rows).await, (kept.len() + 1).to_string());
    database.migrate_on(&acme, &file).await.unwrap();
    assert_eq!(ask(&database, &there).await, "false");
    let migrated = migrate::tenant(&database.operator, &database.fence, late.id)
        .await
        .unwrap();
    assert_eq!(migrated.version as usize, migrate::TENANT.len());
}
