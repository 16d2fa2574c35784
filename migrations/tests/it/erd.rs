//! The diagrams in migrations/erd are drawn from the catalogue as it is.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use callplane_store::erd;

use crate::support::database;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("erd")
}

/// Every file below a folder, relative to it.
fn below(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            found.extend(
                below(&path)
                    .into_iter()
                    .map(|file| format!("{name}/{file}")),
            );
        } else {
            found.insert(name);
        }
    }
    found
}

#[tokio::test]
async fn the_diagrams_are_those_of_the_migrated_schemas() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let platform = erd::read(&database.operator, None).await.unwrap();
    let tenant = erd::read(&database.operator, Some(acme.id)).await.unwrap();
    let drawn = [platform.files(), tenant.files()].concat();
    if std::env::var_os("UPDATE").is_some() {
        let _ = std::fs::remove_dir_all(folder());
        for (path, content) in &drawn {
            let path = folder().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
    }
    for (path, content) in &drawn {
        let known = std::fs::read_to_string(folder().join(path)).unwrap_or_default();
        assert!(
            known == *content,
            "erd/{path} is not what the schema is; draw it anew with UPDATE=1"
        );
    }
    let names: BTreeSet<String> = drawn.into_iter().map(|(path, _)| path).collect();
    assert_eq!(below(&folder()), names, "files that nobody draws");
}

#[tokio::test]
async fn every_table_is_in_one_family() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    for (tenant, schema) in [(None, "platform"), (Some(acme.id), acme.schema().as_str())] {
        let diagram = erd::read(&database.operator, tenant).await.unwrap();
        let tables = diagram.families.iter().flat_map(|family| &family.tables);
        let mut drawn: Vec<&str> = tables.map(|table| table.name.as_str()).collect();
        drawn.sort_unstable();
        let there = format!(
            "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class
              WHERE relnamespace = '{schema}'::regnamespace AND relkind IN ('r', 'p')
                AND NOT relispartition"
        );
        assert_eq!(
            drawn.join(" "),
            crate::support::ask(&database, &there).await
        );
    }
}
