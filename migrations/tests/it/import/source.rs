//! What is kept of an import belongs to one source.

use callplane_store::compatibility::Platform;
use callplane_store::import::{Control, Options};

use super::{Move, irisx};
use crate::support::{ask, database};

const PARTS: usize = 40;

#[tokio::test]
async fn an_import_that_was_stopped_does_not_go_on_with_another_source() {
    let database = database().await;
    let moved = Move::of(&database, Platform::Irisx, irisx::LAYOUT, irisx::ROWS, 120).await;
    let options = Options {
        batch: PARTS,
        ..Options::default()
    };
    let stopped = moved
        .import_with(&options, &mut |now| match now.table {
            "calls" => Control::Stop,
            _ => Control::Continue,
        })
        .await;
    assert!(stopped.is_err());
    // The same platform, tenant and tables in another database: rows that the first does not have.
    let copy = format!("{}_copy", moved.source);
    database
        .superuser(&format!("CREATE DATABASE {copy} TEMPLATE {}", moved.source))
        .await
        .unwrap();
    let other = Move {
        source: copy,
        ..moved
    };
    let error = other
        .import_with(&options, &mut |_| Control::Continue)
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("another database"), "{error}");
    assert!(error.contains("--restart"), "{error}");
    let calls = format!("SELECT count(*) FROM {}.calls", other.tenant.schema());
    assert_eq!(ask(&database, &calls).await, PARTS.to_string());

    // Begun anew, every table is read from its beginning.
    let mut tables = Vec::new();
    let anew = Options {
        restart: true,
        ..options
    };
    let report = other
        .import_with(&anew, &mut |now| {
            tables.push(now.table.to_owned());
            Control::Continue
        })
        .await
        .unwrap();
    assert_eq!(tables[0], "tenants");
    assert_eq!(report.differences, [], "{report}");
    // It has ended, so there is nothing left that another source could disturb.
    assert_eq!(
        ask(&database, "SELECT count(*) FROM platform.import_progress").await,
        "0"
    );
}

#[tokio::test]
async fn a_dry_run_of_another_source_forgets_nothing() {
    let database = database().await;
    let moved = Move::of(&database, Platform::Irisx, irisx::LAYOUT, irisx::ROWS, 60).await;
    let stopped = moved
        .import_with(&Options::default(), &mut |now| match now.table {
            "calls" => Control::Stop,
            _ => Control::Continue,
        })
        .await;
    assert!(stopped.is_err());
    let progress = "SELECT jsonb_agg(to_jsonb(p) ORDER BY id) FROM platform.import_progress p";
    let before = ask(&database, progress).await;
    let dry = Options {
        dry_run: true,
        restart: true,
        ..Options::default()
    };
    moved
        .import_with(&dry, &mut |_| Control::Continue)
        .await
        .unwrap();
    assert_eq!(ask(&database, progress).await, before);
}
