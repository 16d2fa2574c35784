//! A page of a list, newest first (data model, D30).

use uuid::Uuid;

/// Most rows of one page.
const MOST: u32 = 1_000;

/// Which rows of a list are wanted. Lists are ordered by id, which sorts by time, newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// The last id of the page before; `None` begins with the newest.
    pub before: Option<Uuid>,
    /// How many; at most 1,000.
    pub limit: u32,
}

impl Page {
    /// The newest.
    #[must_use]
    pub const fn first(limit: u32) -> Self {
        Self {
            before: None,
            limit,
        }
    }

    /// Those after a page that ended with `last`.
    #[must_use]
    pub const fn after(last: Uuid, limit: u32) -> Self {
        Self {
            before: Some(last),
            limit,
        }
    }

    pub(crate) fn limit(self) -> i64 {
        i64::from(self.limit.clamp(1, MOST))
    }

    /// For `id < $n`, which holds for all ids when nothing is said.
    pub(crate) fn before(self) -> Uuid {
        self.before.unwrap_or(Uuid::max())
    }
}
