//! Which rows leave together.

/// What tells the age of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The time in a UUIDv7.
    Id,
    /// A moment.
    Time,
    /// A day.
    Date,
}

impl By {
    /// As `platform.month_bounds` says it.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Id => "uuid",
            Self::Time => "time",
            Self::Date => "date",
        }
    }
}

/// A table and what its rows leave by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// The column that tells the age, which a partitioned table is partitioned by.
    pub key: &'static str,
    /// What is in that column.
    pub by: By,
    /// A condition of rows that may leave at all.
    pub only: Option<&'static str>,
}

/// Tables whose rows of a month leave together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Family {
    /// The table that the others belong to, which the family is known by.
    pub name: &'static str,
    /// In the order in which they are removed: what refers before what it refers to.
    pub tables: &'static [Table],
}

const fn of(name: &'static str, key: &'static str, by: By) -> Table {
    Table {
        name,
        key,
        by,
        only: None,
    }
}

/// Everything that is archived before it leaves.
pub const FAMILIES: &[Family] = &[
    Family {
        name: "calls",
        tables: &[
            of("messages", "conversation_id", By::Id),
            of("conversations", "id", By::Id),
            of("call_legs", "call_id", By::Id),
            of("call_segments", "call_id", By::Id),
            of("call_events", "call_id", By::Id),
            of("cdrs", "call_id", By::Id),
            of("call_recordings", "call_id", By::Id),
            of("transcriptions", "call_id", By::Id),
            of("call_analyses", "call_id", By::Id),
            of("call_costs", "call_id", By::Id),
            of("call_tags", "call_id", By::Id),
            of("stir_shaken_statuses", "call_id", By::Id),
            of("calls", "id", By::Id),
        ],
    },
    Family {
        name: "events",
        tables: &[of("events", "created_at", By::Time)],
    },
    Family {
        name: "webhook_deliveries",
        tables: &[of("webhook_deliveries", "created_at", By::Time)],
    },
    Family {
        name: "audit_logs",
        tables: &[of("audit_logs", "created_at", By::Time)],
    },
    Family {
        name: "usage_metrics",
        tables: &[of("usage_metrics", "metric_date", By::Date)],
    },
    Family {
        name: "sms_messages",
        tables: &[of("sms_messages", "created_at", By::Time)],
    },
    Family {
        name: "emails",
        tables: &[of("emails", "created_at", By::Time)],
    },
    Family {
        name: "campaign_recipients",
        tables: &[Table {
            name: "campaign_recipients",
            key: "created_at",
            by: By::Time,
            // Whom a campaign still calls is not old.
            only: Some("status NOT IN ('ready', 'queued', 'retry_wait', 'dialing')"),
        }],
    },
    Family {
        name: "consent_tokens",
        tables: &[of("consent_tokens", "created_at", By::Time)],
    },
];

impl Family {
    /// The table that the family is known by.
    pub(super) fn head(&self) -> &Table {
        // The last is what the others refer to.
        &self.tables[self.tables.len() - 1]
    }

    /// The table of recordings, where the family has one.
    pub(super) fn recordings(&self) -> Option<&Table> {
        self.tables
            .iter()
            .find(|table| table.name == "call_recordings")
    }
}

impl Table {
    /// The condition of the rows of a month; `$1` and `$2` are not used, so that COPY takes it too.
    pub(super) fn condition(&self, bounds: &[String; 2]) -> String {
        let Self { key, only, .. } = self;
        let [from, to] = bounds;
        let only = only.map_or_else(String::new, |only| format!(" AND {only}"));
        format!("{key} >= '{from}' AND {key} < '{to}'{only}")
    }
}
