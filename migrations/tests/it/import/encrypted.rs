//! What callers of another platform said, for a tenant whose transcripts are encrypted.

use std::time::Duration;

use callplane_store::compatibility::Platform;
use callplane_store::keys::{self, CLEAR_COLUMNS};
use callplane_store::tenants::{Backlog, backlog};
use uuid::Uuid;

use super::{Move, voicecore};
use crate::support::database;

#[tokio::test]
async fn what_an_import_writes_in_clear_is_sealed_by_the_operator_later() {
    let database = database().await;
    let (layout, rows) = (voicecore::LAYOUT, voicecore::ROWS);
    let mut moved = Move::of(&database, Platform::VoiceCore, layout, rows, 20).await;
    moved.source_tenant = "00000000-0000-4000-8000-000000000001".to_owned();
    let sealed = "UPDATE platform.tenants
                     SET settings = '{\"encrypt_transcripts\": true, \"transcripts_sealed\": true}'";
    database.superuser(sealed).await.unwrap();
    let (operator, tenant) = (&database.operator, moved.tenant.id);
    let left = async || backlog(operator, tenant, Duration::ZERO).await.unwrap();
    assert_eq!(
        left().await,
        Backlog::None,
        "the operator does not look any more"
    );
    moved.import().await;
    let mut in_clear = Vec::new();
    for column in CLEAR_COLUMNS {
        let rows = keys::in_clear(operator, &database.fence, tenant, *column, Uuid::nil(), 10);
        if !rows.await.unwrap().is_empty() {
            in_clear.push(column.sealed.column);
        }
    }
    assert_eq!(in_clear, ["text_enc", "summary_enc", "captured_data_enc"]);
    assert_eq!(left().await, Backlog::Last);
}
