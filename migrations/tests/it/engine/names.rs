//! Names of schemas that are awkward, or that somebody means ill with.

use std::collections::BTreeSet;

use callplane_store::compatibility::{self, Platform};
use callplane_store::drift;
use callplane_types::SchemaName;

use super::scenario;
use crate::support::{database, refused, superuser};

const ILL: [&str; 12] = [
    "a\"; DROP SCHEMA platform CASCADE; --",
    "a'; DROP SCHEMA platform CASCADE; --",
    "a, public",
    "a.b",
    "a--b",
    "A",
    "é",
    "pg_x",
    "pg_toast",
    "platform",
    "information_schema",
    "",
];

#[tokio::test]
async fn a_name_that_is_more_than_a_name_gets_past_neither_the_type_nor_the_database() {
    let database = database().await;
    let mut connection = superuser(&database).await;
    for name in ILL {
        assert!(name.parse::<SchemaName>().is_err(), "{name}");
        let insert = format!(
            "INSERT INTO platform.tenants (slug, name, schema_name) VALUES ('ill', 'ill', $text${name}$text$)"
        );
        assert_eq!(refused(&mut connection, &insert).await, "23514", "{name}");
    }
    // NUL cannot even be sent.
    assert!("a\0b".parse::<SchemaName>().is_err());
}

#[tokio::test]
async fn a_schema_may_be_called_as_a_word_of_sql_or_as_long_as_names_may_be() {
    let database = database().await;
    for (name, number) in [("select".to_owned(), 1), ("s".repeat(48), 2)] {
        let mut spec = database.tenant_spec("awkward");
        spec.schema = name.parse().unwrap();
        let tenant = database.tenant_of(spec).await.unwrap();
        let all = BTreeSet::from(Platform::ALL);
        compatibility::ensure(&database.operator, &database.fence, tenant.id, &all)
            .await
            .unwrap();
        let found = drift::tenant(&database.operator, tenant.id).await.unwrap();
        assert_eq!(found, [], "{name}");
        scenario::run_with(&database, &tenant, &format!("+1555000000{number}")).await;
    }
}
