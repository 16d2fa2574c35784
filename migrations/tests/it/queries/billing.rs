//! Money is booked once, and what is shown is the sum of what was booked.

use callplane_store::Page;
use callplane_store::billing::accounts::{self, BillingMode};
use callplane_store::billing::invoices::{self, InvoiceStatus, Line};
use callplane_store::billing::ledger::{self, LedgerKind, Movement};
use callplane_store::billing::payments::{self, Method, Payment, PaymentKind, PaymentStatus};
use callplane_store::billing::payouts::{self, PayoutStatus};
use callplane_store::billing::subscriptions::{self, SubscriptionStatus};
use callplane_store::billing::{events, prices};
use callplane_types::{Currency, Micros};
use serde_json::json;
use uuid::Uuid;

use super::{hours, now};
use crate::support::{database, people};

fn movement(kind: LedgerKind, amount: i64, key: &str) -> Movement {
    Movement {
        kind,
        amount: Micros(amount),
        call: None,
        idempotency_key: key.to_owned(),
        note: None,
    }
}

#[tokio::test]
async fn a_balance_is_the_sum_of_movements_that_are_booked_once() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let people = people(&database, &acme).await;
    let usd = Currency::default();
    let account = accounts::open(&people, "main", BillingMode::Prepaid, &usd)
        .await
        .unwrap();
    assert_eq!(
        accounts::open(&people, "main", BillingMode::Prepaid, &usd)
            .await
            .unwrap(),
        account
    );
    assert_eq!(accounts::list(&people).await.unwrap()[0].name, "main");
    let movements = [
        movement(LedgerKind::Topup, 10_000_000, "topup-1"),
        movement(LedgerKind::Refund, 2_000_000, "refund-1"),
        movement(LedgerKind::Adjustment, -2_000_000, "adjustment-1"),
        movement(LedgerKind::Usage, -30_000, "usage-1"),
    ];
    // All at once and twice, as workers do that were restarted.
    let twice = movements.iter().chain(&movements);
    let booked = twice.map(|movement| ledger::book(&people, account, &usd, movement));
    let new = futures::future::join_all(booked).await;
    let new = new.into_iter().filter(|new| *new.as_ref().unwrap()).count();
    assert_eq!(new, movements.len());
    let held = async |kind, amount, key| {
        let movement = movement(kind, amount, key);
        ledger::book(&people, account, &usd, &movement)
            .await
            .unwrap();
        ledger::balances(&people, account).await.unwrap()[0].held
    };
    assert_eq!(
        held(LedgerKind::Hold, -500_000, "hold-1").await,
        Micros(500_000)
    );
    assert_eq!(
        held(LedgerKind::Release, 500_000, "release-1").await,
        Micros(0)
    );
    let balance = ledger::balances(&people, account).await.unwrap().remove(0);
    assert_eq!(
        (balance.available, balance.held),
        (Micros(9_970_000), Micros(0))
    );
    let kept = ledger::movements(&people, balance.id, Page::first(10))
        .await
        .unwrap();
    let sum: Micros = kept.iter().map(|booked| booked.movement.amount).sum();
    assert_eq!((kept.len(), sum), (6, balance.available));
    let page = Page::after(kept[1].id, 10);
    let rest = ledger::movements(&people, balance.id, page).await.unwrap();
    assert_eq!(rest, kept[2..]);
}

#[tokio::test]
async fn an_invoice_is_written_once_issued_and_paid() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let people = people(&database, &acme).await;
    let usd = Currency::default();
    let account = accounts::open(&people, "main", BillingMode::Postpaid, &usd)
        .await
        .unwrap();
    let line = |amount| Line {
        description: "Minutes".to_owned(),
        resource: Some("call_minute".to_owned()),
        quantity_micros: 1_500_000,
        unit_price: Micros(10_000),
        amount: Micros(amount),
        tax: Micros(1_000),
    };
    let period = (hours(-48), now());
    let draft = |number| {
        let lines = [line(15_000), line(5_000)];
        let (people, usd) = (people.clone(), usd.clone());
        async move { invoices::draft(&people, account, number, &usd, period, &lines).await }
    };
    let invoice = draft("2026-001").await.unwrap();
    assert_eq!(draft("2026-001").await.unwrap(), invoice);
    assert!(draft("2026\0").await.is_err());
    assert!(invoices::issue(&people, invoice, hours(24)).await.unwrap());
    assert!(!invoices::issue(&people, invoice, hours(24)).await.unwrap());
    let method = Method {
        id: Uuid::now_v7(),
        kind: PaymentKind::Card,
        display: Some("visa **** 4242".to_owned()),
        is_default: true,
    };
    payments::add_method(&people, account, &method, b"sealed")
        .await
        .unwrap();
    assert_eq!(
        payments::methods(&people, account).await.unwrap(),
        std::slice::from_ref(&method)
    );
    let mut payment = Payment {
        invoice: Some(invoice),
        method: Some(method.id),
        amount: Micros(22_000),
        currency: usd.clone(),
        status: PaymentStatus::Processing,
        processor_ref: "pi_1".to_owned(),
        failure: None,
    };
    // The processor tells of its arrival twice, and late of what was before.
    for status in [
        PaymentStatus::Processing,
        PaymentStatus::Succeeded,
        PaymentStatus::Processing,
        PaymentStatus::Succeeded,
    ] {
        payment.status = status;
        payments::record(&people, account, &payment).await.unwrap();
    }
    let paid = invoices::list(&people, account, Page::first(10))
        .await
        .unwrap()
        .remove(0);
    assert_eq!(
        (paid.status, paid.total, paid.paid),
        (InvoiceStatus::Paid, Micros(22_000), Micros(22_000))
    );
    let lines = invoices::lines(&people, invoice).await.unwrap();
    assert_eq!(lines[1], ("Minutes".to_owned(), Micros(5_000)));
    let listed = payments::list(&people, account, Page::first(10))
        .await
        .unwrap();
    assert_eq!(listed.len(), 1);
}

#[tokio::test]
async fn plans_prices_payouts_and_the_log_of_an_account_are_kept() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let people = people(&database, &acme).await;
    let usd = Currency::default();
    let account = accounts::open(&people, "main", BillingMode::Postpaid, &usd)
        .await
        .unwrap();
    let period = (now(), hours(720));
    let subscription = subscriptions::begin(&people, account, "pro", Micros(99_000_000), period)
        .await
        .unwrap();
    let status = SubscriptionStatus::PastDue;
    subscriptions::set_status(&people, subscription, status)
        .await
        .unwrap();
    let current = subscriptions::current(&people, account)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((current.plan.as_str(), current.status), ("pro", status));

    let (old, new) = (json!({"call_minute": 1}), json!({"call_minute": 2}));
    prices::add(&people, None, "list", &usd, &old, hours(-48))
        .await
        .unwrap();
    prices::add(&people, None, "list", &usd, &new, hours(-24))
        .await
        .unwrap();
    assert_eq!(
        prices::at(&people, account, hours(-30)).await.unwrap(),
        Some(old)
    );
    assert_eq!(
        prices::at(&people, account, now()).await.unwrap(),
        Some(new)
    );

    let publisher = callplane_store::publishers::add(&people, "Search ads", None)
        .await
        .unwrap();
    let payout = payouts::add(&people, account, publisher, Micros(5_000_000), &usd)
        .await
        .unwrap();
    payouts::set_status(&people, payout, PayoutStatus::Paid, Some("tr_1"))
        .await
        .unwrap();
    let paid = payouts::of_publisher(&people, publisher, Page::first(10))
        .await
        .unwrap();
    assert_eq!((paid.len(), paid[0].status), (1, PayoutStatus::Paid));

    let payload = json!({"plan": "pro"});
    let add = (0..5).map(|_| events::add(&people, account, "plan.changed", &payload, None));
    let mut numbers: Vec<i64> = futures::future::join_all(add)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 3, 4, 5], "without gaps");
    assert_eq!(
        events::since(&people, account, 3, 10).await.unwrap().len(),
        2
    );
}
