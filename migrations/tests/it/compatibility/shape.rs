//! What a platform's document names is there.

use std::collections::BTreeSet;

use callplane_store::compatibility::Platform;
use sqlx::Row as _;

use super::{tenant_with_views, views};
use crate::support::{database, superuser};

/// Platform, table and field, as the platforms' own documents name them: every table that a document
/// names, and every field that it names literally. `-` stands for a table whose fields it leaves open.
const FIELDS: &str = include_str!("fields.tsv");

/// Tables and fields in that list. A shorter one would test less.
const NAMED: (usize, usize) = (120, 712);

fn named() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    FIELDS.lines().map(|line| {
        let mut cells = line.split('\t');
        let mut cell = || cells.next().unwrap();
        (cell(), cell(), cell())
    })
}

#[test]
fn the_list_of_fields_is_whole() {
    let tables: BTreeSet<_> = named()
        .map(|(platform, table, _)| (platform, table))
        .collect();
    let fields = named().filter(|(_, _, field)| *field != "-").count();
    assert_eq!((tables.len(), fields), NAMED);
    let platforms: BTreeSet<_> = named().map(|(platform, ..)| platform).collect();
    assert_eq!(platforms, Platform::ALL.map(Platform::as_str).into());
}

#[tokio::test]
async fn every_table_and_field_that_a_document_names_is_in_its_view() {
    let database = database().await;
    let acme = tenant_with_views(&database, "acme").await;
    let columns: BTreeSet<(String, String, String)> = sqlx::query(
        "SELECT replace(n.nspname, $1 || '__', ''), c.relname::text, a.attname::text
           FROM pg_attribute a
           JOIN pg_class c ON c.oid = a.attrelid AND c.relkind = 'v'
           JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE starts_with(n.nspname, $1 || '__') AND a.attnum > 0",
    )
    .bind(acme.schema().as_str())
    .fetch_all(&mut superuser(&database).await)
    .await
    .unwrap()
    .iter()
    .map(|row| (row.get(0), row.get(1), row.get(2)))
    .collect();
    let missing: Vec<_> = named()
        .filter(|(platform, table, field)| {
            !columns.iter().any(|(its_platform, its_table, its_field)| {
                its_platform == platform
                    && its_table == table
                    && (its_field == field || *field == "-")
            })
        })
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[tokio::test]
async fn every_view_reads_with_the_rights_of_its_reader() {
    let database = database().await;
    let acme = tenant_with_views(&database, "acme").await;
    let mut connection = superuser(&database).await;
    assert_eq!(views(&mut connection, &acme).await.len(), 122);
    let others: Vec<String> = sqlx::query(
        "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE starts_with(n.nspname, $1 || '__')
            AND NOT coalesce(c.reloptions @> '{security_invoker=true}', false)",
    )
    .bind(acme.schema().as_str())
    .fetch_all(&mut connection)
    .await
    .unwrap()
    .iter()
    .map(|row| row.get(0))
    .collect();
    assert_eq!(others, Vec::<String>::new());
}
