//! The tables of a tenant: made at once for a new one, rolled forward in its turn for one that has them.

use callplane_crds::{ConditionType, Reason, SchemaStatus, Tenant};
use callplane_kit::conditions::Conditions;
use callplane_kit::sentence;
use callplane_store::migrate::{self, SchemaState};
use callplane_store::{Fence, tenants};
use callplane_types::TenantId;
use kube::ResourceExt as _;

use super::apply::Progress;
use super::rollout::LOOK_AGAIN;
use super::status::{Unmet, refusal, set, waiting, waiting_reason};
use super::{Error, TenantController};

/// Whether the schema was ever complete: then calls use it.
pub(super) fn has_schema(tenant: &Tenant) -> bool {
    let status = tenant.status.as_ref();
    status.is_some_and(|status| status.schema.is_some())
}

impl Progress {
    /// Whether the schema is to be rolled forward and others come first.
    pub(super) fn waits_for_its_turn(&self) -> bool {
        let schema = self.schema.as_ref();
        schema.is_some_and(|schema| !schema.is_current() && failure(schema).is_none())
    }
}

impl TenantController {
    /// Brings the schema to the version of this process, unless others have all places; then it is
    /// tried again.
    pub(super) async fn roll_forward(
        &self,
        tenant: &Tenant,
        fence: &Fence,
        id: TenantId,
        progress: &mut Progress,
    ) -> Result<(), Error> {
        let database = &self.context.database;
        let uid = tenant.uid().unwrap_or_default();
        let state = match self.proved.migrated(&uid) {
            Some(state) => state,
            None => migrate::state(database, id)
                .await
                .map_err(Error::MigrateSchema)?,
        };
        if state.is_current() || has_schema(tenant) {
            tenants::project_anchor(database, fence, id)
                .await
                .map_err(Error::MigrateSchema)?;
        }
        if !state.is_current() {
            return self.migrate(tenant, fence, id, state, progress).await;
        }
        self.proved.set_migrated(&uid, state.clone());
        progress.schema = Some(state);
        Ok(())
    }

    async fn migrate(
        &self,
        tenant: &Tenant,
        fence: &Fence,
        id: TenantId,
        state: SchemaState,
        progress: &mut Progress,
    ) -> Result<(), Error> {
        let database = &self.context.database;
        // A new tenant waits for no roll-forward of the others.
        let turn = if has_schema(tenant) {
            let turn = self.rollout.turn(&tenant.name_any());
            if turn.is_none() {
                progress.schema = Some(state);
                progress.look_again_in(LOOK_AGAIN);
                return Ok(());
            }
            turn
        } else {
            None
        };
        let migrated = migrate::tenant(database, fence, id).await;
        drop(turn);
        // What is recorded now, also of a failure.
        if let Ok(state) = migrate::state(database, id).await {
            if state.is_current() {
                let uid = tenant.uid().unwrap_or_default();
                self.proved.set_migrated(&uid, state.clone());
            }
            progress.schema = Some(state);
        }
        migrated.map(|_| ()).map_err(Error::MigrateSchema)
    }
}

/// What a person has to mend.
fn failure(schema: &SchemaState) -> Option<String> {
    let failed = schema
        .stuck
        .as_ref()
        .is_some_and(|stuck| stuck.error.is_some());
    schema
        .problem()
        .filter(|_| failed || !schema.changed.is_empty())
}

/// For the status, once the schema was complete.
pub(super) fn told(before: Option<SchemaStatus>, progress: &Progress) -> Option<SchemaStatus> {
    match &progress.schema {
        Some(schema) if before.is_some() || schema.is_current() => Some(SchemaStatus {
            name: schema.schema.clone(),
            version: i64::from(schema.version),
            pending: i64::try_from(schema.pending.len()).unwrap_or(i64::MAX),
            last_error: failure(schema),
        }),
        _ => before,
    }
}

/// Whether the schema is at the version of this operator.
pub(super) fn condition(conditions: &mut Conditions, progress: &Progress, error: Option<&Error>) {
    let type_ = ConditionType::SchemaReady;
    let unmet = match &progress.schema {
        Some(schema) if schema.is_current() => {
            let met = format!("Schema {} is at version {}.", schema.schema, schema.version);
            set(conditions, type_, None, Reason::SchemaMigrated, &met);
            return;
        }
        Some(schema) => Some(behind(schema, error)),
        None => match error {
            Some(Error::EnsureSchema(error)) => refusal(error),
            Some(Error::MigrateSchema(cause)) if !cause.is_transient() => {
                Some((Reason::MigrationFailed, sentence(cause)))
            }
            _ => None,
        },
    };
    match unmet {
        Some(unmet) => set(conditions, type_, Some(unmet), Reason::SchemaMigrated, ""),
        // Nothing is known in this pass: what was true before stays true.
        None => conditions.keep(
            type_.as_str(),
            waiting_reason(error).as_str(),
            &waiting(error),
        ),
    }
}

fn behind(schema: &SchemaState, error: Option<&Error>) -> Unmet {
    let at = format!("schema {} is at version {}", schema.schema, schema.version);
    if let Some(failure) = failure(schema) {
        return (Reason::MigrationFailed, format!("{at}: {failure}"));
    }
    match error {
        Some(Error::MigrateSchema(cause)) if !cause.is_transient() => (
            Reason::MigrationFailed,
            format!("{at}: {}", sentence(cause)),
        ),
        Some(Error::MigrateSchema(_)) => {
            let told = format!("{at}: {}", waiting(error));
            (waiting_reason(error), told)
        }
        _ => {
            let files = schema.pending.join(", ");
            (
                Reason::MigrationQueued,
                format!("{at} and gets {files} in its turn"),
            )
        }
    }
}
