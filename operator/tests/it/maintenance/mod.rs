//! What is old leaves the database, and nothing that is not archived.

mod faults;
mod flaky;
mod leaving;

use std::sync::Arc;
use std::time::Duration;

use callplane_keys::{DataKey, KeyRing};
use callplane_objects::ObjectStorage;
use callplane_operator::maintenance::{Error, Job, Report, Sheet, Vault, unpack};
use callplane_store::Fence;
use callplane_store::retention::manifests;
use callplane_store::test_util::{PostgresServer, TestDatabase, TestTenant};
use callplane_types::WallTime;
use k8s_openapi::jiff::Timestamp;

use self::flaky::Flaky;

/// Calls leave after twenty days, so that a test needs no years.
const DAYS_KEPT: u32 = 20;
/// Old enough that its month is over for that long.
pub(crate) const OLD: u32 = 62;

pub(crate) struct Scene {
    pub(crate) database: TestDatabase<'static>,
    pub(crate) tenant: TestTenant,
    pub(crate) keys: KeyRing,
    pub(crate) store: Arc<Flaky>,
    fence: Fence,
    storage: ObjectStorage,
}

impl Scene {
    pub(crate) async fn new() -> Self {
        Self::on(PostgresServer::shared().unwrap()).await
    }

    pub(crate) async fn on(server: &'static PostgresServer) -> Self {
        let database = TestDatabase::create(server).await.unwrap();
        let tenant = database.tenant("old").await.unwrap();
        let key = DataKey::generate().unwrap();
        let sql = format!(
            "INSERT INTO platform.encryption_keys (id, tenant_id, purpose, version, wrapped_key, kek_ref)
             VALUES ('{}', '{}', 'archive', 1, 'x', 'test');
             UPDATE platform.retention_policies SET hot_days = {DAYS_KEPT}, warm_days = {DAYS_KEPT}
              WHERE class = 'operational'",
            key.id().uuid(),
            tenant.id
        );
        database.superuser(&sql).await.unwrap();
        let store = Arc::new(Flaky::default());
        Self {
            storage: ObjectStorage::over(Arc::clone(&store) as _, "test://archive"),
            fence: Fence::command("test"),
            keys: KeyRing::new(key),
            store,
            database,
            tenant,
        }
    }

    pub(crate) fn vault(&self) -> Vault<'_> {
        Vault {
            storage: &self.storage,
            keys: &self.keys,
        }
    }

    pub(crate) fn job(&self) -> Job<'_> {
        Job {
            database: &self.database.operator,
            fence: &self.fence,
            tenant: self.tenant.id,
            vault: Some(self.vault()),
            now: now(),
            dry: false,
        }
    }

    pub(crate) async fn run(&self) -> Result<Report, Error> {
        loop {
            let report = self.job().run().await?;
            // A job that was ended keeps its lock until its connection is found to be idle.
            if !report.busy {
                return Ok(report);
            }
            tokio::task::yield_now().await;
        }
    }

    /// `calls` calls of so many days ago, each with a row in every table of its family.
    pub(crate) async fn call(&self, days: u32, calls: u32) {
        let sql = include_str!("calls.sql")
            .replace("{schema}", self.tenant.schema().as_str())
            .replace("{days}", &days.to_string())
            .replace("{calls}", &calls.to_string());
        self.database.superuser(&sql).await.unwrap();
        self.settle().await;
    }

    /// Makes rows of the call family an hour old: what was written just now is not archived for good.
    pub(crate) async fn settle(&self) {
        let tables = callplane_store::retention::FAMILIES[0].tables;
        let names: Vec<&str> = tables.iter().map(|table| table.name).collect();
        let sql = include_str!("settle.sql")
            .replace("{schema}", self.tenant.schema().as_str())
            .replace("{tables}", &names.join(","));
        self.database.superuser(&sql).await.unwrap();
    }

    pub(crate) async fn sql(&self, sql: &str) {
        let sql = format!("SET search_path = {}, public; {sql}", self.tenant.schema());
        self.database.superuser(&sql).await.unwrap();
    }

    /// Rows of the call family in the database, and of it in archives, by table.
    pub(crate) async fn counts(&self) -> (i64, i64) {
        let mut live = 0;
        for table in callplane_store::retention::FAMILIES[0].tables {
            live += self
                .count(&format!("SELECT count(*) FROM {}", table.name))
                .await;
        }
        (
            live,
            self.archived()
                .await
                .iter()
                .map(|(_, sheet)| sheet.rows.len() as i64)
                .sum(),
        )
    }

    pub(crate) async fn count(&self, sql: &str) -> i64 {
        let sql = format!("SET search_path = {}, public; {sql}", self.tenant.schema());
        self.database.ask(&sql).await.unwrap().parse().unwrap()
    }

    /// Every object that is there.
    pub(crate) async fn storage_names(&self) -> Vec<String> {
        let prefix = self.tenant.id.to_string();
        self.storage.list(&prefix).await.unwrap()
    }

    /// What is in archives, by table.
    pub(crate) async fn archived(&self) -> Vec<(String, Sheet)> {
        let kept = manifests::kept(&self.database.operator, self.tenant.id)
            .await
            .unwrap();
        let mut sheets = Vec::new();
        for manifest in kept {
            let name = self.storage.name_of(&manifest.url).unwrap();
            let packed = self
                .storage
                .get(&self.keys, self.tenant.id, name, &manifest.sha256)
                .await
                .unwrap();
            let sheet = Sheet::parse(&unpack(&packed).unwrap()).unwrap();
            assert_eq!(sheet.rows.len() as i64, manifest.rows, "{}", manifest.table);
            sheets.push((manifest.table, sheet));
        }
        sheets
    }
}

pub(crate) fn now() -> WallTime {
    WallTime::from_unix_micros(Timestamp::now().as_microsecond())
}

pub(crate) fn years_back(years: u32) -> WallTime {
    let now = now().unix_micros();
    let year = i64::try_from(Duration::from_secs(365 * 86_400).as_micros()).unwrap();
    WallTime::from_unix_micros(now - i64::from(years) * year)
}
