//! Imports from databases laid out as the platforms' own documents state it, filled with awkward rows.

mod absurd;
mod adopt;
mod callfabric;
mod dukat;
mod encrypted;
mod exported;
mod irisx;
mod kill;
mod organization;
mod people;
mod source;
mod voicecore;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use callplane_store::compatibility::{self, Platform};
use callplane_store::import::{self, Control, Options, Progress, Report, Seal, Source};
use callplane_store::test_util::{TestDatabase, TestTenant};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};
use uuid::Uuid;

use crate::support::superuser;

/// A source database and a tenant to import into.
struct Move<'a> {
    platform: Platform,
    database: &'a TestDatabase<'static>,
    tenant: TestTenant,
    /// Name of the source database.
    source: String,
    /// Which of its tenants is imported.
    source_tenant: String,
}

/// A table whose rows are compared through the view of the same name.
struct Table {
    /// As the source writes it.
    name: &'static str,
    /// What tells rows on both sides.
    key: &'static str,
    /// What the report calls a row.
    row: &'static str,
    /// Which rows are the tenant's.
    of: &'static str,
    /// What marks a row that cannot be mapped.
    bad: &'static str,
    /// Columns that the view shows otherwise: own numbers, hashes. An array.
    other: &'static str,
}

/// Says what it sealed, which is all that a test needs to know.
struct Spelled;

impl Seal for Spelled {
    fn seal(
        &self,
        table: &str,
        column: &str,
        row: Uuid,
        text: &[u8],
    ) -> Result<Vec<u8>, callplane_store::Error> {
        let text = String::from_utf8_lossy(text);
        Ok(format!("{table}.{column}.{row}:{text}").into_bytes())
    }
}

/// Rows of the generators differ from run to run; `CALLPLANE_SEED` repeats one.
fn seed() -> u64 {
    static SEED: OnceLock<u64> = OnceLock::new();
    let seed = *SEED.get_or_init(choose_seed);
    println!("CALLPLANE_SEED={seed}");
    seed
}

fn choose_seed() -> u64 {
    let seed = std::env::var("CALLPLANE_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    seed.unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        u64::from(now.subsec_nanos())
    })
}

impl<'a> Move<'a> {
    /// A source with the tables of `layout`, filled by the statements of `rows`.
    async fn of(
        database: &'a TestDatabase<'static>,
        platform: Platform,
        layout: &str,
        rows: &str,
        calls: u32,
    ) -> Self {
        let tenant = database.tenant("acme").await.unwrap();
        compatibility::ensure(
            &database.operator,
            &database.fence,
            tenant.id,
            &BTreeSet::from([platform]),
        )
        .await
        .unwrap();
        let source = format!("source_{}", Uuid::now_v7().simple());
        database
            .superuser(&format!("CREATE DATABASE {source}"))
            .await
            .unwrap();
        let this = Self {
            platform,
            database,
            tenant,
            source,
            source_tenant: "1".to_owned(),
        };
        let mut connection = this.source().await;
        for statements in [layout, include_str!("rows.sql"), rows] {
            let statements = statements
                .replace("{{seed}}", &seed().to_string())
                .replace("{{calls}}", &calls.to_string());
            sqlx::raw_sql(AssertSqlSafe(statements))
                .execute(&mut connection)
                .await
                .unwrap();
        }
        connection.close().await.unwrap();
        this
    }

    fn url(&self) -> String {
        self.database.server.superuser_url(&self.source)
    }

    /// The source, behind the importer's back.
    async fn source(&self) -> PgConnection {
        PgConnection::connect(&self.url()).await.unwrap()
    }

    /// Every row of the table is in its view as it was, or in the report, and only those that are
    /// marked are in the report.
    async fn arrived(&self, report: &Report, table: &Table) {
        let Table {
            name,
            key,
            row,
            of,
            bad,
            other,
        } = table;
        let fields = format!("to_jsonb(s) - '{other}'::text[]");
        let there = format!(
            "SELECT ({key})::text, {fields} FROM {name} s WHERE ({of}) AND ({bad}) IS NOT TRUE"
        );
        // Without the note where a row is from.
        let here = format!(
            "SELECT key, CASE WHEN t ? 'metadata' THEN t || jsonb_build_object('metadata',
                    coalesce(t #> '{{metadata,value}}', t -> 'metadata' #- '{{import}}')) ELSE t END
               FROM (SELECT ({key})::text AS key, {fields} AS t FROM VIEWS.{name} s) x"
        );
        let there = self.there(&there).await;
        assert!(!there.is_empty(), "{name}");
        same(name, &there, &self.here(&here).await);
        let unfit =
            format!("SELECT ({row})::text, NULL::jsonb FROM {name} s WHERE ({of}) AND {bad}");
        let unfit: BTreeSet<String> = self.there(&unfit).await.into_keys().collect();
        assert_eq!(refused(report, name.trim_matches('"')), unfit, "{name}");
    }

    async fn import(&self) -> Report {
        self.import_with(&Options::default(), &mut |_| Control::Continue)
            .await
            .unwrap()
    }

    async fn import_with(
        &self,
        options: &Options<'_>,
        progress: &mut (dyn FnMut(Progress<'_>) -> Control + Send),
    ) -> Result<Report, callplane_store::Error> {
        let seal = Some(&Spelled as &dyn Seal);
        self.run(options, seal, progress).await
    }

    /// Without a data key: nothing that must be readable again can be kept.
    async fn import_without_keys(&self) -> Report {
        self.run(&Options::default(), None, &mut |_| Control::Continue)
            .await
            .unwrap()
    }

    async fn run(
        &self,
        options: &Options<'_>,
        seal: Option<&dyn Seal>,
        progress: &mut (dyn FnMut(Progress<'_>) -> Control + Send),
    ) -> Result<Report, callplane_store::Error> {
        let mut source = Source::connect(&self.url()).await?;
        let options = Options {
            source_tenant: Some(self.source_tenant.clone()),
            seal,
            refusals: options.refusals.clone(),
            ..*options
        };
        let report = import::run(
            &self.database.operator,
            &self.tenant.spec.name,
            self.platform,
            &mut source,
            &options,
            progress,
        )
        .await?;
        source.close().await?;
        Ok(report)
    }

    /// The rows of a query in the source, by its first column; the second is a JSON object.
    async fn there(&self, query: &str) -> BTreeMap<String, Value> {
        by_key(&mut self.source().await, query).await
    }

    /// The rows of a query in the tenant's schema, with `VIEWS` for the schema of the views.
    async fn here(&self, query: &str) -> BTreeMap<String, Value> {
        let mut connection = superuser(self.database).await;
        let schema = self.tenant.schema();
        sqlx::query(
            "SELECT set_config('search_path', $1, false), set_config('timezone', 'UTC', false)",
        )
        .bind(format!("{schema}, public"))
        .execute(&mut connection)
        .await
        .unwrap();
        let views = format!("{schema}__{}", self.platform.as_str());
        by_key(&mut connection, &query.replace("VIEWS", &views)).await
    }
}

/// **Each key once**: of two rows with one key, which is compared would be chance.
async fn by_key(connection: &mut PgConnection, query: &str) -> BTreeMap<String, Value> {
    let rows = sqlx::query(AssertSqlSafe(query))
        .fetch_all(connection)
        .await
        .unwrap();
    let mut found = BTreeMap::new();
    for row in rows {
        let value = row.get::<Option<Value>, _>(1).unwrap_or_default();
        let former = found.insert(row.get(0), value);
        assert_eq!(former, None, "{} twice: {query}", row.get::<String, _>(0));
    }
    found
}

/// Compares rows that were there with what is here, but for the fields that a row itself calls odd.
fn same(table: &str, there: &BTreeMap<String, Value>, here: &BTreeMap<String, Value>) {
    let keys = |rows: &BTreeMap<String, Value>| rows.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(keys(there), keys(here), "{table}");
    for (key, there) in there {
        let here = &here[key];
        let odd = there["metadata"]["odd"].as_str().unwrap_or_default();
        let odd: Vec<&str> = odd.split(',').collect();
        for (field, value) in there.as_object().unwrap() {
            if !odd.contains(&field.as_str()) {
                assert_eq!(plain(&here[field]), plain(value), "{table} {key} {field}");
            }
        }
    }
}

/// Numbers and times that are equal and written otherwise: 50.00, and UTC that is not said.
fn plain(value: &Value) -> Value {
    match value {
        Value::Number(number) => Value::from(number.as_f64()),
        Value::String(text) => Value::from(text.strip_suffix("+00:00").unwrap_or(text)),
        other => other.clone(),
    }
}

fn same_values(there: &BTreeMap<String, Value>, here: &BTreeMap<String, Value>) {
    assert!(!there.is_empty());
    assert_eq!(there, here);
}

/// The keys that a report says were refused.
fn refused(report: &Report, table: &str) -> BTreeSet<String> {
    let table = report.table(table).unwrap();
    assert_eq!(
        table.refused,
        table.refusals.len() as u64,
        "more than are shown"
    );
    table
        .refusals
        .iter()
        .map(|refusal| refusal.key.clone())
        .collect()
}

/// The same figures, but that everything was there already.
fn again(first: &Report) -> Report {
    let mut again = first.clone();
    for table in &mut again.tables {
        table.present += table.written;
        table.written = 0;
    }
    again
}
