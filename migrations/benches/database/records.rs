//! Records of finished calls, beside pgbench inserting the same rows.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use callplane_store::records::{self, CallRecord};
use callplane_store::test_util::TestTenant;
use callplane_types::WallTime;
use uuid::Uuid;

use crate::bench::{Bench, execute, superuser};
use crate::figure::Figure;
use crate::pgbench::{self, Tables};
use crate::sample::Sampler;
use crate::{Failure, equip};

/// Calls of one transaction, here and in pgbench.
const BATCH: usize = 100;
/// Batches before the clock runs: plans are made, pages are there.
const WARM: usize = 10;
/// Batches that are measured.
const BATCHES: usize = 40;
/// Calls that are measured one transaction each.
const ALONE: usize = 500;

const ANALYZE_AS_AUTOVACUUM: &str = "DO $$ DECLARE part regclass; BEGIN
    FOR part IN SELECT oid::regclass FROM pg_class WHERE relkind = 'r' AND relnamespace NOT IN
                  ('pg_catalog'::regnamespace, 'information_schema'::regnamespace) LOOP
        EXECUTE format('ANALYZE %s', part);
    END LOOP; END $$";

pub(crate) async fn run(bench: &Bench) -> Result<Vec<Figure>, Failure> {
    let database = bench.database().await?;
    let tenant = equip::tenant(&database).await?;
    let sampler = Sampler::of(&tenant).await?;
    let mut serial = 0;
    let mut batch = |calls: usize| -> Result<Vec<CallRecord>, Failure> {
        let begin = now()?;
        (0..calls)
            .map(|_| {
                serial += 1;
                sampler.record(serial, begin)
            })
            .collect()
    };
    for _ in 0..WARM {
        store(&tenant, &batch(BATCH)?).await?;
    }
    let mut connection = superuser(&database).await?;
    // As autovacuum does within a minute of a tenant's first fifty calls, and like it no parent of partitions.
    // Before that the planner does not know that all rows are one tenant's, and reads them all to find those of a
    // call.
    execute(&mut connection, ANALYZE_AS_AUTOVACUUM).await?;
    for _ in 0..WARM {
        store(&tenant, &batch(BATCH)?).await?;
    }
    let (mut took, mut longest) = (Duration::ZERO, Duration::ZERO);
    let mut last = Vec::new();
    for _ in 0..BATCHES {
        last = batch(BATCH)?;
        let one = store(&tenant, &last).await?;
        took += one;
        longest = longest.max(one);
    }
    let together = (BATCH * BATCHES) as f64 / took.as_secs_f64();
    let mut took = Duration::ZERO;
    for record in &batch(ALONE)? {
        took += store(&tenant, std::slice::from_ref(record)).await?;
    }
    let alone = ALONE as f64 / took.as_secs_f64();
    let calls: Vec<Uuid> = last.iter().map(|record| record.call.id.uuid()).collect();
    let mut yardstick = Vec::new();
    for tables in [Tables::Indexed, Tables::Bare] {
        let schema = tenant.schema();
        let rate = pgbench::rate(&mut connection, &database, schema, &calls, tables).await?;
        yardstick.push(rate * BATCH as f64);
    }
    Ok(vec![
        Figure::shown("records: calls one transaction each", alone, "calls/s"),
        Figure::shown(
            format!("records: {BATCH} calls a transaction"),
            together,
            "calls/s",
        ),
        // A media node gives up on a statement after three.
        Figure::at_most(
            format!("records: longest transaction of {BATCH} calls"),
            longest.as_secs_f64(),
            "s",
            1.0,
        ),
        Figure::shown(
            "pgbench: the same rows, the same indexes",
            yardstick[0],
            "calls/s",
        ),
        Figure::shown("pgbench: the same rows, no index", yardstick[1], "calls/s"),
        Figure::at_least(
            "records against pgbench with the same indexes",
            together / yardstick[0],
            "x",
            0.5,
        ),
        Figure::shown(
            "records against pgbench without indexes",
            together / yardstick[1],
            "x",
        ),
    ])
}

/// Opens the calls as they begin, and measures what their end costs.
async fn store(tenant: &TestTenant, records: &[CallRecord]) -> Result<Duration, Failure> {
    for record in records {
        records::start(&tenant.database, &record.call).await?;
    }
    let records: Vec<&CallRecord> = records.iter().collect();
    let began = Instant::now();
    for stored in records::finish_all(&tenant.database, &records).await? {
        stored?;
    }
    Ok(began.elapsed())
}

/// Wall time.
pub(crate) fn now() -> Result<WallTime, Failure> {
    let micros = SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros();
    Ok(WallTime::from_unix_micros(i64::try_from(micros)?))
}
