//! Fencing of the operator's writes.
//!
//! A Lease in Kubernetes elects a leader, but a process that was paused may believe for a while
//! that it still leads. So each leader takes an epoch here before it writes, and **a write commits
//! only while its epoch is the newest**: the row of the epoch is share-locked in the transaction
//! of the write, and taking a new epoch waits for such transactions to end.

use sqlx::{PgConnection, Row as _};

use crate::{Error, OperatorDatabase, Result};

/// Epoch of [`Fence::command`]; those of leaders begin at 1.
const OF_A_COMMAND: i64 = 0;

/// The right of one leader to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fence {
    /// Who leads: the pod's name.
    pub holder: String,
    /// Which leadership of all there were.
    pub epoch: i64,
}

impl Fence {
    /// Takes the next epoch. Call it once the Lease is won, and check that the Lease is still held
    /// afterwards; every earlier epoch is refused from now on.
    pub async fn take(database: &OperatorDatabase, holder: &str) -> Result<Self> {
        let epoch = sqlx::query(
            "INSERT INTO platform.operator_epochs AS e (name, holder, epoch)
             VALUES ('operator', $1, 1)
             ON CONFLICT (name) DO UPDATE
                SET holder = excluded.holder, epoch = e.epoch + 1, taken_at = now()
             RETURNING epoch",
        )
        .bind(holder)
        .fetch_one(database.pool())
        .await?
        .try_get(0)?;
        Ok(Self {
            holder: holder.to_owned(),
            epoch,
        })
    }

    /// The right of a command that a person or a job runs beside the operator.
    ///
    /// A fence keeps a former leader from writing what it has believed since before. A command
    /// believes nothing: it reads what it needs in the transaction that writes, or under the lock of
    /// the schema. So it is bound to no epoch, and takes none away from the leader.
    #[must_use]
    pub fn command(name: &str) -> Self {
        Self {
            holder: name.to_owned(),
            epoch: OF_A_COMMAND,
        }
    }

    /// Takes `epoch`, which whoever elects the leaders has given to `holder`: higher with each leader.
    ///
    /// Unlike [`Fence::take`] it cannot outrank a later leader, however long it was on its way:
    /// [`Error::Fenced`] when a higher epoch has been taken. Taking the same one again is harmless.
    pub async fn claim(database: &OperatorDatabase, holder: &str, epoch: i64) -> Result<Self> {
        let fence = Self {
            holder: holder.to_owned(),
            epoch,
        };
        let claimed = sqlx::query(
            "INSERT INTO platform.operator_epochs AS e (name, holder, epoch)
             VALUES ('operator', $1, $2)
             ON CONFLICT (name) DO UPDATE
                SET holder = excluded.holder, epoch = excluded.epoch, taken_at = now()
              WHERE e.epoch < excluded.epoch
                 OR (e.epoch = excluded.epoch AND e.holder = excluded.holder)",
        )
        .bind(holder)
        .bind(epoch)
        .execute(database.pool())
        .await?
        .rows_affected();
        if claimed == 0 {
            return Err(Error::Fenced {
                holder: fence.holder,
                epoch,
            });
        }
        Ok(fence)
    }

    /// Refuses the transaction of `connection` unless this epoch is the newest, and keeps it the
    /// newest until the transaction ends. A command passes.
    pub(crate) async fn check(&self, connection: &mut PgConnection) -> Result<()> {
        if self.epoch == OF_A_COMMAND {
            return Ok(());
        }
        let current = sqlx::query(
            "SELECT 1 FROM platform.operator_epochs
              WHERE name = 'operator' AND epoch = $1 AND holder = $2
                FOR SHARE",
        )
        .bind(self.epoch)
        .bind(&self.holder)
        .fetch_optional(connection)
        .await?;
        match current {
            Some(_) => Ok(()),
            None => Err(Error::Fenced {
                holder: self.holder.clone(),
                epoch: self.epoch,
            }),
        }
    }
}
