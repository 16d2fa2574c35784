//! The documented queries of the five platforms on a million calls of one tenant: through the store by
//! the login that will send them, and through the views by the login of reports.

use std::time::Instant;

use callplane_store::calls::{self, CallFilter};
use callplane_store::roles::{self, Purpose};
use callplane_store::test_util::{TestDatabase, TestTenant};
use callplane_store::{
    Page, Slot, TenantDatabase, audit, billing, campaigns, contacts, deliveries, dnc, events,
    metrics, webhooks,
};
use callplane_types::{CallId, CallStatus, CampaignId, Direction, E164, WallTime};
use sqlx::{AssertSqlSafe, PgConnection, Row as _};
use uuid::Uuid;

use crate::bench::{Bench, superuser};
use crate::figure::Figure;
use crate::records::now;
use crate::{Failure, equip, million, views};

/// Times that each query is sent.
const TIMES: usize = 200;
/// A day in microseconds.
const DAY: i64 = 86_400_000_000;

pub(crate) async fn run(bench: &Bench) -> Result<Vec<Figure>, Failure> {
    let database = bench.database().await?;
    let tenant = equip::tenant(&database).await?;
    million::fill(&database, &tenant).await?;
    let people = door(&database, &tenant, Purpose::App).await?;
    let subject = Subject::find(&database, &tenant).await?;
    let mut figures = about_calls(&people, &subject).await?;
    figures.extend(about_the_rest(&people, &subject).await?);
    figures.extend(views::run(&database, &tenant).await?);
    figures.push(months_read(&database, &tenant).await?);
    Ok(figures)
}

/// A login of the tenant, with two connections.
pub(crate) async fn door(
    database: &TestDatabase<'_>,
    tenant: &TestTenant,
    purpose: Purpose,
) -> Result<TenantDatabase, Failure> {
    let TestDatabase {
        operator, fence, ..
    } = database;
    let credentials = roles::issue(operator, fence, tenant.id, purpose, Slot::A).await?;
    Ok(TenantDatabase::connect_lazy(&credentials, 2)?)
}

/// What is asked for.
struct Subject {
    calls: Vec<Uuid>,
    campaign: CampaignId,
    agent: callplane_types::AgentId,
    member: Uuid,
    account: Uuid,
    balance: Uuid,
    webhook: Uuid,
    now: WallTime,
}

impl Subject {
    async fn find(database: &TestDatabase<'_>, tenant: &TestTenant) -> Result<Self, Failure> {
        let mut connection = superuser(database).await?;
        let schema = tenant.schema();
        let calls = sqlx::query(AssertSqlSafe(format!(
            "SELECT id FROM {schema}.calls TABLESAMPLE SYSTEM (0.1) LIMIT {TIMES}"
        )))
        .fetch_all(&mut connection)
        .await?;
        let mut one = async |table: &str| -> Result<Uuid, Failure> {
            let query = format!("SELECT id FROM {schema}.{table} ORDER BY id DESC LIMIT 1");
            Ok(first(&mut connection, &query).await?)
        };
        Ok(Self {
            campaign: CampaignId::new(one("campaigns").await?),
            agent: callplane_types::AgentId::new(one("agents").await?),
            member: one("members").await?,
            account: one("billing_accounts").await?,
            balance: one("balances").await?,
            webhook: one("webhooks").await?,
            calls: calls
                .iter()
                .map(|row| row.try_get(0))
                .collect::<Result<_, _>>()?,
            now: now()?,
        })
    }

    /// One of the sampled calls.
    fn call(&self, n: usize) -> CallId {
        CallId::new(self.calls[n % self.calls.len()])
    }

    /// So many days ago.
    fn ago(&self, days: usize) -> WallTime {
        let days = i64::try_from(days).unwrap_or(0);
        WallTime::from_unix_micros(self.now.unix_micros() - days * DAY)
    }
}

async fn first(connection: &mut PgConnection, query: &str) -> Result<Uuid, sqlx::Error> {
    sqlx::query(AssertSqlSafe(query.to_owned()))
        .fetch_one(connection)
        .await?
        .try_get(0)
}

/// The slowest but one in a hundred, in milliseconds.
pub(crate) async fn p99<T, E: Into<Failure>>(
    query: impl AsyncFn(usize) -> Result<T, E>,
) -> Result<f64, Failure> {
    // Plans and pages are there for the first that counts.
    for n in 0..10 {
        query(n).await.map_err(Into::into)?;
    }
    let mut took = Vec::with_capacity(TIMES);
    for n in 0..TIMES {
        let began = Instant::now();
        query(n).await.map_err(Into::into)?;
        took.push(began.elapsed().as_secs_f64() * 1_000.0);
    }
    took.sort_by(f64::total_cmp);
    Ok(took[TIMES * 99 / 100 - 1])
}

fn store(what: &str, p99: f64) -> Figure {
    Figure::at_most(format!("store, p99: {what}"), p99, "ms", 50.0)
}

async fn about_calls(people: &TenantDatabase, subject: &Subject) -> Result<Vec<Figure>, Failure> {
    let with = |change: &dyn Fn(&mut CallFilter)| {
        let mut filter = CallFilter::default();
        change(&mut filter);
        filter
    };
    let month = |filter: &mut CallFilter, n: usize| {
        filter.from = Some(subject.ago(n % 300 + 30));
        filter.until = Some(subject.ago(n % 300));
    };
    let number = |n: usize| format!("+1555{:07}", n * 37 % 100_000).parse::<E164>();
    let mut figures = Vec::new();
    let lists: [(&str, &(dyn Fn(usize) -> CallFilter + Sync)); 6] = [
        ("newest calls", &|_| CallFilter::default()),
        ("calls of a month", &|n| with(&|f| month(f, n))),
        ("outbound completed calls of a month (S1)", &|n| {
            with(&|f| {
                month(f, n);
                f.status = Some(CallStatus::Completed);
                f.direction = Some(Direction::Outbound);
            })
        }),
        ("calls of an agent", &|n| {
            with(&|f| {
                month(f, n);
                f.agent = Some(subject.agent);
            })
        }),
        ("calls of a campaign", &|_| {
            with(&|f| f.campaign = Some(subject.campaign))
        }),
        ("calls with a number", &|n| {
            with(&|f| f.customer = number(n).ok())
        }),
    ];
    for (what, filter) in lists {
        let query = async |n: usize| calls::find(people, &filter(n), None, 50).await;
        figures.push(store(what, p99(query).await?));
    }
    let deep = async |n: usize| {
        let cursor = (subject.ago(n + 1), CallId::new(Uuid::max()));
        calls::find(people, &CallFilter::default(), Some(cursor), 50).await
    };
    figures.push(store("a page deep in the list", p99(deep).await?));
    let by_sid = async |n: usize| {
        let sid = format!("CA{}", subject.call(n).uuid().simple());
        calls::by_sid(people, &sid).await
    };
    figures.push(store("a call by its sid", p99(by_sid).await?));
    let by_external =
        async |n: usize| calls::by_external_id(people, &format!("{}@192.0.2.10", n + 1)).await;
    figures.push(store("a call by its SIP Call-ID", p99(by_external).await?));
    let whole = async |n: usize| calls::show(people, subject.call(n)).await;
    figures.push(store("a call with all its parts", p99(whole).await?));
    let search = async |_: usize| {
        calls::search(people, "want a refund", subject.ago(60), subject.now, 50).await
    };
    figures.push(store("a search in 200,000 transcripts", p99(search).await?));
    Ok(figures)
}

async fn about_the_rest(
    people: &TenantDatabase,
    subject: &Subject,
) -> Result<Vec<Figure>, Failure> {
    let number = |n: usize| format!("+1555{:07}", n * 37 % 100_000).parse::<E164>();
    let page = Page::first(50);
    let mut figures = Vec::new();
    let days =
        async |_: usize| metrics::call_days(people, None, subject.ago(90), subject.now).await;
    figures.push(store("90 days of statistics", p99(days).await?));
    let days = async |_: usize| {
        let campaign = Some(subject.campaign);
        metrics::call_days(people, campaign, subject.ago(90), subject.now).await
    };
    figures.push(store("90 days of a campaign", p99(days).await?));
    let days = async |_: usize| {
        metrics::agent_days(people, Some(subject.agent), subject.ago(90), subject.now).await
    };
    figures.push(store("90 days of an agent", p99(days).await?));
    let progress = async |_: usize| campaigns::progress(people, subject.campaign).await;
    figures.push(store(
        "progress of a campaign of 10,000",
        p99(progress).await?,
    ));
    let contact = async |n: usize| {
        let number = number(n).map_err(|error| Failure::from(error.to_string()))?;
        contacts::by_phone(people, &number)
            .await
            .map_err(Failure::from)
    };
    figures.push(store("a person by number", p99(contact).await?));
    let barred = async |n: usize| {
        let number = number(n).map_err(|error| Failure::from(error.to_string()))?;
        let campaign = subject.campaign;
        dnc::is_barred(people, campaign, &number)
            .await
            .map_err(Failure::from)
    };
    figures.push(store("whether a number is barred", p99(barred).await?));
    let balance = async |_: usize| billing::ledger::balances(people, subject.account).await;
    figures.push(store("the balance of an account", p99(balance).await?));
    let ledger = async |_: usize| billing::ledger::movements(people, subject.balance, page).await;
    figures.push(store("the last movements of 200,000", p99(ledger).await?));
    let wanting = async |_: usize| webhooks::wanting(people, "call.completed", None).await;
    figures.push(store("webhooks that want an event", p99(wanting).await?));
    let due = async |_: usize| deliveries::claim(people, 10, 0).await;
    figures.push(store("deliveries that are due", p99(due).await?));
    let history = async |_: usize| deliveries::history(people, subject.webhook, page).await;
    figures.push(store("the last deliveries of 200,000", p99(history).await?));
    let outbox = async |_: usize| events::unpublished(people, 100).await;
    figures.push(store("events to hand on", p99(outbox).await?));
    let since = async |n: usize| {
        let moment = u128::try_from(subject.ago(n % 30 + 1).unix_micros() / 1_000).unwrap_or(0);
        events::since(people, Some(Uuid::from_u128(moment << 80)), 100).await
    };
    figures.push(store("events since a moment", p99(since).await?));
    let audit = async |_: usize| audit::by_member(people, subject.member, page).await;
    figures.push(store("what a person did", p99(audit).await?));
    Ok(figures)
}

/// How many months of calls the plan of a filtered list reads; a month that begins and ends within
/// months reads two, and those that a day before and after reaches into.
async fn months_read(database: &TestDatabase<'_>, tenant: &TestTenant) -> Result<Figure, Failure> {
    let mut connection = superuser(database).await?;
    let plan = sqlx::query(AssertSqlSafe(format!(
        "EXPLAIN SELECT id FROM {0}.calls
          WHERE initiated_at >= now() - interval '100 days' AND initiated_at < now() - interval '70 days'
            AND id >= platform.uuid_v7_floor(now() - interval '101 days')
            AND id < platform.uuid_v7_floor(now() - interval '69 days')
          ORDER BY initiated_at DESC LIMIT 50",
        tenant.schema()
    )))
    .fetch_all(&mut connection)
    .await?;
    let mut months = 0;
    for line in plan {
        let line: String = line.try_get(0)?;
        months += usize::from(line.contains("Scan") && line.contains(" on calls_2"));
    }
    Ok(Figure::at_most(
        "months that a list of 30 days reads, of 14",
        months as f64,
        "",
        3.0,
    ))
}
