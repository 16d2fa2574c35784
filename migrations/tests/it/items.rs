//! `items.tsv` answers every item of the five platforms, and what it names is there.

mod catalogue;
mod map;
mod repository;

use std::collections::{BTreeMap, BTreeSet};

use callplane_store::compatibility::{self, Platform};

use self::catalogue::Catalogue;
use self::map::{Kind, Map, State};
use crate::support::database;

/// The platforms and how many items each has, numbered from 1.
const PLATFORMS: [(&str, u32); 5] = [
    ("S0", 155),
    ("S1", 362),
    ("S2", 145),
    ("S3", 339),
    ("S4", 82),
];

#[test]
fn every_item_is_answered_and_no_other_is_named() {
    let wanted: BTreeSet<String> = PLATFORMS
        .iter()
        .flat_map(|(platform, last)| (1..=*last).map(move |number| format!("{platform}-{number}")))
        .collect();
    let map = Map::load();
    let answered: BTreeSet<String> = map.rows.iter().map(|row| row.item.to_string()).collect();
    let missing: Vec<_> = wanted.difference(&answered).collect();
    let unknown: Vec<_> = answered.difference(&wanted).collect();
    assert!(missing.is_empty(), "items.tsv lacks {missing:?}");
    assert!(
        unknown.is_empty(),
        "items.tsv names {unknown:?}, which nobody asks for"
    );
}

#[test]
fn no_item_is_both_met_and_waiting() {
    let map = Map::load();
    let mut states: BTreeMap<_, State> = BTreeMap::new();
    for row in &map.rows {
        let state = *states.entry(row.item).or_insert(row.state);
        assert_eq!(state, row.state, "line {}: {}", row.line, row.item);
    }
}

#[test]
fn rows_are_sorted_and_none_is_there_twice() {
    let map = Map::load();
    for pair in map.rows.windows(2) {
        let [before, after] = pair else { continue };
        assert!(
            before.place() < after.place(),
            "line {}: {} {} {} belongs before line {}",
            after.line,
            after.item,
            after.kind.as_str(),
            after.object,
            before.line
        );
    }
}

#[test]
fn every_capability_is_explained_and_somebody_waits_for_it() {
    let map = Map::load();
    let mut awaited = BTreeSet::new();
    for row in &map.rows {
        let waits = (row.kind == Kind::Capability).then_some(row.object.as_str());
        for capability in waits.into_iter().chain(row.writer()) {
            assert!(
                map.capabilities.contains(capability),
                "line {}: {capability} is none of the capabilities at the top of the file",
                row.line
            );
            awaited.insert(capability.to_owned());
        }
    }
    assert_eq!(
        awaited, map.capabilities,
        "a capability that nobody waits for is taken off the list"
    );
}

#[tokio::test]
async fn what_is_named_of_the_schema_is_in_a_migrated_database() {
    let database = database().await;
    let tenant = database.tenant("acme").await.unwrap();
    let all = Platform::ALL.into_iter().collect();
    compatibility::ensure(&database.operator, &database.fence, tenant.id, &all)
        .await
        .unwrap();
    let catalogue = Catalogue::read(&database, tenant.schema().as_str()).await;
    let map = Map::load();
    let absent: Vec<String> = map
        .rows
        .iter()
        .filter(|row| row.kind.is_of_the_schema() && !catalogue.has(row.kind, &row.object))
        .map(|row| format!("line {}: {} {}", row.line, row.kind.as_str(), row.object))
        .collect();
    assert!(absent.is_empty(), "not there:\n{}", absent.join("\n"));
}

#[test]
fn what_is_named_of_the_repository_is_there() {
    let fields = repository::custom_resource_fields();
    let absent: Vec<String> = Map::load()
        .rows
        .iter()
        .filter_map(|row| {
            let problem = match row.kind {
                Kind::Document => repository::document(&row.object),
                Kind::Test => repository::test(&row.object),
                Kind::CrField if !fields.contains(&row.object) => Err("no such field".to_owned()),
                _ => Ok(()),
            };
            let problem = problem.err()?;
            Some(format!("line {}: {}: {problem}", row.line, row.object))
        })
        .collect();
    assert!(absent.is_empty(), "not there:\n{}", absent.join("\n"));
}
