//! `members`, `teams` and `team_members`: the people of the tenant as its own rows refer to them. They
//! are copies of the memberships of the installation.

use callplane_types::Pii;
use uuid::Uuid;

use crate::column::{each, get};
use crate::input::text;
use crate::words::words;
use crate::{Page, Result, TenantDatabase};

words! {
    /// `platform.member_role`.
    MemberRole {
        /// Who owns the tenant.
        Owner = "owner",
        /// Who manages it.
        Admin = "admin",
        /// Who leads people.
        Manager = "manager",
        /// Who takes calls.
        Agent = "agent",
        /// Who reads.
        Viewer = "viewer",
        /// A program.
        Api = "api",
        /// A customer of the tenant.
        Customer = "customer",
        /// Who runs the installation.
        Operator = "operator",
        /// Who brings calls.
        Publisher = "publisher",
        /// Who takes them.
        Buyer = "buyer",
    }
}

words! {
    /// `platform.presence`.
    Presence {
        /// Takes calls.
        Online = "online",
        /// Talks.
        Busy = "busy",
        /// Is away for a while.
        Away = "away",
        /// Is not there.
        Offline = "offline",
    }
}

/// A row of `members`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// `platform.users.id`.
    pub id: Uuid,
    /// `platform.users.row_no`.
    pub row_no: i64,
    /// Where they are written to.
    pub email: Pii<String>,
    /// Given name.
    pub first_name: Option<Pii<String>>,
    /// Family name.
    pub last_name: Option<Pii<String>>,
    /// What they may do.
    pub role: MemberRole,
    /// Whether they take calls now.
    pub presence: Presence,
}

/// Copies a person; one who was copied before is renewed, and keeps their presence.
pub async fn copy(database: &TenantDatabase, member: &Member) -> Result<()> {
    let Member {
        id,
        row_no,
        email,
        first_name,
        last_name,
        role,
        presence,
    } = member;
    text("email", email.expose())?;
    sqlx::query(
        "INSERT INTO members (id, row_no, email, first_name, last_name, role, agent_status)
         VALUES ($1, $2, $3::text, $4, $5, $6::text::platform.member_role,
                $7::text::platform.presence)
         ON CONFLICT (id) DO UPDATE SET email = EXCLUDED.email, first_name = EXCLUDED.first_name,
                last_name = EXCLUDED.last_name, role = EXCLUDED.role, status = 'active',
                deleted_at = NULL",
    )
    .bind(id)
    .bind(row_no)
    .bind(email.expose())
    .bind(first_name.as_ref().map(Pii::expose))
    .bind(last_name.as_ref().map(Pii::expose))
    .bind(role.as_str())
    .bind(presence.as_str())
    .execute(database.pool())
    .await?;
    Ok(())
}

/// Takes who a person is out of the row, which stays: calls and the audit trail refer to it.
pub async fn anonymise(database: &TenantDatabase, member: Uuid) -> Result<()> {
    sqlx::query(
        "UPDATE members SET email = id::text || '@invalid', first_name = NULL, last_name = NULL,
                phone = NULL, avatar_url = NULL, status = 'inactive', agent_status = 'offline',
                agent_extension = NULL, settings = '{}', metadata = '{}',
                deleted_at = coalesce(deleted_at, now())
          WHERE id = $1",
    )
    .bind(member)
    .execute(database.pool())
    .await?;
    Ok(())
}

/// Says whether a person takes calls.
pub async fn set_presence(
    database: &TenantDatabase,
    member: Uuid,
    presence: Presence,
) -> Result<()> {
    sqlx::query("UPDATE members SET agent_status = $2::text::platform.presence WHERE id = $1")
        .bind(member)
        .bind(presence.as_str())
        .execute(database.pool())
        .await?;
    Ok(())
}

/// Those who work here today.
pub async fn list(database: &TenantDatabase, page: Page) -> Result<Vec<Member>> {
    let rows = sqlx::query(
        "SELECT id, row_no, email::text, first_name, last_name, role::text, agent_status::text
           FROM members WHERE id < $1 AND deleted_at IS NULL ORDER BY id DESC LIMIT $2",
    )
    .bind(page.before())
    .bind(page.limit())
    .fetch_all(database.pool())
    .await?;
    each(&rows, |row| {
        Ok(Member {
            id: get(row, "id")?,
            row_no: get(row, "row_no")?,
            email: get(row, "email")?,
            first_name: get(row, "first_name")?,
            last_name: get(row, "last_name")?,
            role: get(row, "role")?,
            presence: get(row, "agent_status")?,
        })
    })
}

/// Makes a team with its people; one of the same name gets these instead of those it had.
pub async fn set_team(database: &TenantDatabase, name: &str, members: &[Uuid]) -> Result<Uuid> {
    text("teams.name", name)?;
    let mut transaction = database.pool().begin().await?;
    let row = sqlx::query(
        "INSERT INTO teams (name) VALUES ($1)
         ON CONFLICT (name) DO UPDATE SET deleted_at = NULL RETURNING id",
    )
    .bind(name)
    .fetch_one(&mut *transaction)
    .await?;
    let team: Uuid = get(&row, "id")?;
    sqlx::query("DELETE FROM team_members WHERE team_id = $1 AND member_id <> ALL ($2)")
        .bind(team)
        .bind(members)
        .execute(&mut *transaction)
        .await?;
    sqlx::query(
        "INSERT INTO team_members (team_id, member_id) SELECT $1, m.id FROM members m
          WHERE m.id = ANY ($2) ON CONFLICT DO NOTHING",
    )
    .bind(team)
    .bind(members)
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(team)
}

/// The people of a team.
pub async fn of_team(database: &TenantDatabase, team: Uuid) -> Result<Vec<Uuid>> {
    let rows =
        sqlx::query("SELECT member_id FROM team_members WHERE team_id = $1 ORDER BY member_id")
            .bind(team)
            .fetch_all(database.pool())
            .await?;
    each(&rows, |row| get(row, "member_id"))
}
