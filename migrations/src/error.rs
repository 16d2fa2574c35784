//! What can go wrong, by what the caller should do about it.

use callplane_types::{SchemaName, TenantId, TenantName};

/// The result of every query.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why something was not stored or read.
///
/// Messages carry no telephone number and no name of a person.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The server is down, full, starting, does not let us in, or the network broke. **The outcome
    /// of a write is not known**; every write of this crate may be repeated.
    #[error("the database does not answer")]
    Unavailable(#[source] sqlx::Error),

    /// Another session holds a lock longer than we wait, or the server chose us to break a
    /// deadlock. Repeat later.
    #[error("the database is busy with a conflicting change")]
    Busy(#[source] sqlx::Error),

    /// Every connection that this process may have is promised to doors that are held. Repeat later.
    #[error(
        "all {limit} database connections of this process are in use; raise its limit, or ask for less at once"
    )]
    Saturated {
        /// How many there are.
        limit: u32,
    },

    /// Somebody else migrates this schema or makes views over it. Repeat later.
    #[error("somebody else is migrating schema `{schema}`")]
    Locked {
        /// The schema.
        schema: String,
    },

    /// The server refused the statement; repeating it does not help.
    #[error("the database refused a statement")]
    Refused(#[source] sqlx::Error),

    /// A value breaks a rule of a table: a constraint, the form of a type.
    #[error("{place} refuses the row: {fix}")]
    Rejected {
        /// The table, and the constraint or column, as far as the server names them.
        place: String,
        /// What to do about it.
        fix: &'static str,
        /// The server's answer, which may repeat the value.
        #[source]
        source: sqlx::Error,
    },

    /// A leader with a higher epoch has taken over. Stop writing and stand for election again.
    #[error("another operator has taken over from `{holder}` (epoch {epoch})")]
    Fenced {
        /// Who asked.
        holder: String,
        /// The epoch it believed to be current.
        epoch: i64,
    },

    /// A media node of the same name has registered since. Stop taking calls and exit.
    #[error("media node `{name}` has been replaced by a newer one (own epoch {epoch})")]
    Superseded {
        /// Name of the node.
        name: String,
        /// The epoch it was given.
        epoch: i64,
    },

    /// Data would be lost on a database that nobody has marked as one for development.
    #[error(
        "this database is not marked as one for development: that is a row of platform.database_clusters with environment = 'dev' for every primary that may hold the tenant"
    )]
    NotForDevelopment,

    /// The database does not know this media node: it is older than the node. Register it again.
    #[error("the database does not know media node `{name}`: it was restored, or is another one")]
    Unregistered {
        /// Name of the node.
        name: String,
    },

    /// What is sealed is not searched.
    #[error(
        "search is off for this tenant: its transcripts are encrypted (spec.security.encryptTranscripts of the Tenant)"
    )]
    SearchOff,

    /// The tenant has its transcripts encrypted, and a call record has words in clear. Seal it and come
    /// again.
    #[error("transcripts of the tenant are encrypted, and the record has words in clear")]
    Unsealed,

    /// Something that was named is not there (yet).
    #[error("{kind} `{name}` does not exist")]
    NotFound {
        /// `tenant`, `agent`, `flow`, `trunk`, `number`, `campaign`, `plan`, `migration`.
        kind: &'static str,
        /// The name that was looked for.
        name: String,
    },

    /// The object exists and belongs to another custom resource (other uid).
    #[error("{kind} `{name}` belongs to another object; delete that one first")]
    NotOwner {
        /// As in [`Error::NotFound`].
        kind: &'static str,
        /// Its name.
        name: String,
    },

    /// The number is in use within this tenant.
    #[error("the number is already used by PhoneNumber `{owner}` of this tenant")]
    NumberTakenHere {
        /// `namespace/name` of the object that has it.
        owner: String,
    },

    /// The number belongs to another tenant, whose name is not ours to tell.
    #[error("the number is already assigned to another tenant")]
    NumberTakenElsewhere,

    /// The schema is in use by another tenant, or exists and is not ours.
    #[error("the schema `{schema}` is in use; name another one in spec.database.schema")]
    SchemaTaken {
        /// The wanted name.
        schema: SchemaName,
    },

    /// A Tenant of this name was deleted with `Retain`: its data is kept and not given to the next
    /// object of that name without being told so.
    #[error(
        "the data of a former tenant `{name}` is retained (id {tenant_id}); confirm that this tenant may have it, or use another name"
    )]
    Retained {
        /// Name of the tenant.
        name: TenantName,
        /// The id to confirm.
        tenant_id: TenantId,
    },

    /// A hard quota would be exceeded.
    #[error("the tenant's quota of {limit} for {resource} is used up")]
    QuotaExceeded {
        /// `phone_numbers`, `concurrent_calls`, ...
        resource: String,
        /// The limit.
        limit: i64,
    },

    /// A migration file differs from what was applied.
    #[error(
        "migration {file} of schema `{schema}` was applied with other content (recorded {recorded}, now {found}); restore the file and put the change into a new migration"
    )]
    ChangedMigration {
        /// The schema.
        schema: String,
        /// Name of the file.
        file: &'static str,
        /// First bytes of the recorded SHA-256.
        recorded: String,
        /// First bytes of the SHA-256 of the file.
        found: String,
    },

    /// A migration failed; nothing of that file remains unless it runs without a transaction, the
    /// files before it do.
    #[error("migration {file} of schema `{schema}` failed")]
    Migration {
        /// The schema.
        schema: String,
        /// Name of the file.
        file: &'static str,
        /// The server's answer.
        #[source]
        source: Box<Error>,
    },

    /// A table of another platform could not be imported. What was committed before stays, and the
    /// next import goes on there.
    #[error("the import of {table} failed")]
    Import {
        /// The table, as the source names it.
        table: String,
        /// What went wrong, on either side.
        #[source]
        source: Box<Error>,
    },

    /// Whoever watched the progress of an import stopped it; the next one goes on there.
    #[error("stopped; the same command goes on where it was")]
    Stopped,

    /// A migration met a row whose value does not fit. Which one is not ours to tell.
    #[error("a value of some row does not fit (SQLSTATE {sqlstate}); the server's log has it")]
    Value {
        /// The server's answer.
        sqlstate: String,
    },

    /// A row has a word that this version does not know: a later one wrote it.
    #[error("unknown {what} `{word}`; a later version of Callplane wrote it")]
    UnknownWord {
        /// Which enum.
        what: &'static str,
        /// The word.
        word: String,
    },

    /// A value that cannot be stored or a row that cannot be read.
    #[error("invalid {what}: {reason}")]
    Invalid {
        /// Which value.
        what: &'static str,
        /// Why.
        reason: String,
    },
}

impl Error {
    pub(crate) fn invalid(what: &'static str, reason: impl std::fmt::Display) -> Self {
        Self::Invalid {
            what,
            reason: reason.to_string(),
        }
    }

    pub(crate) fn unknown_word(what: &'static str, word: &str) -> Self {
        Self::UnknownWord {
            what,
            word: word.to_owned(),
        }
    }

    /// Whether the same call may succeed later without anybody changing anything.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::Busy(_) | Self::Saturated { .. } | Self::Locked { .. } => {
                true
            }
            Self::Migration { source, .. } | Self::Import { source, .. } => source.is_transient(),
            _ => false,
        }
    }

    /// The SQLSTATE of the server's answer.
    #[must_use]
    pub fn sqlstate(&self) -> Option<String> {
        match self {
            Self::Unavailable(error)
            | Self::Busy(error)
            | Self::Refused(error)
            | Self::Rejected { source: error, .. } => error
                .as_database_error()
                .and_then(|database| database.code().map(std::borrow::Cow::into_owned)),
            Self::Value { sqlstate } => Some(sqlstate.clone()),
            Self::Migration { source, .. } | Self::Import { source, .. } => source.sqlstate(),
            _ => None,
        }
    }

    /// The server's answer, where it gave one to a statement.
    pub(crate) fn server(&self) -> Option<&sqlx::postgres::PgDatabaseError> {
        match self {
            Self::Unavailable(error) | Self::Busy(error) | Self::Refused(error) => error
                .as_database_error()
                .and_then(|database| database.try_downcast_ref()),
            _ => None,
        }
    }

    /// The same, of a table of an import.
    pub(crate) fn of_import(self, table: &str) -> Self {
        match self {
            Self::Stopped => self,
            source => Self::Import {
                table: table.to_owned(),
                source: Box::new(source),
            },
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let Some(database) = error.as_database_error() else {
            return match error {
                sqlx::Error::Io(_)
                | sqlx::Error::Tls(_)
                | sqlx::Error::Protocol(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed => Self::Unavailable(error),
                other => Self::Refused(other),
            };
        };
        // PostgreSQL, appendix A. 08 connection, 28 and 3D login (a password that was rotated away, a
        // database that is being restored), 53 resources, 57 operator intervention, 58 system;
        // 40 serialisation and deadlock, 55P03 lock_timeout, 57014 statement_timeout.
        match database.code().as_deref() {
            Some("57014" | "55P03" | "40001" | "40P01") => Self::Busy(error),
            Some(code)
                if ["08", "28", "3D", "53", "57", "58"]
                    .iter()
                    .any(|class| code.starts_with(class)) =>
            {
                Self::Unavailable(error)
            }
            Some(code) => match fix(code) {
                Some(fix) => Self::Rejected {
                    place: place(&error),
                    fix,
                    source: error,
                },
                None => Self::Refused(error),
            },
            None => Self::Refused(error),
        }
    }
}

/// What the writer of a row can do about a refusal of class 22 (data) or 23 (constraints).
fn fix(code: &str) -> Option<&'static str> {
    Some(match code {
        "23505" => "there is one like it already; change that one, or use another value",
        "23503" => {
            "it refers to a row that does not exist, or others refer to it; name one that does"
        }
        "23502" => "the column needs a value",
        "23514" => "the value is outside of what the column takes",
        // What has no constraint to name: NUL in a text, and as an escape in JSON.
        "22021" | "22P05" => {
            "a text has a NUL character, which PostgreSQL cannot hold; leave it out"
        }
        "22003" => "a number is too large for its column",
        "22P02" | "22007" | "22008" => "a value is not of the form of its type; write one that is",
        "54000" => "a value is too long for an index; shorten it",
        _ => return None,
    })
}

/// Where the server says that the trouble is: `call_costs (call_costs_amount_check)`.
fn place(error: &sqlx::Error) -> String {
    use sqlx::postgres::PgDatabaseError;
    let Some(error) = error
        .as_database_error()
        .and_then(|error| error.try_downcast_ref::<PgDatabaseError>())
    else {
        return "the database".to_owned();
    };
    match (error.table(), error.constraint().or(error.column())) {
        (Some(table), Some(part)) => format!("{table} ({part})"),
        (Some(table), None) => table.to_owned(),
        (None, _) => "the database".to_owned(),
    }
}
