//! What a table of another platform becomes.

/// One table of the source and its mapping. All SQL runs in the importing session of the target, where
/// `source s` is a temporary table with the rows of the batch, except `joins` and the expressions of
/// `joined` and `sums`, which run in the source, where `s` is the table itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    /// The table as the source writes it, quoted where its name needs it: `calls`, `"CallLog"`.
    pub(super) table: &'static str,
    /// Its columns with the types they are staged as: `id bigint, "createdAt" timestamptz`. Those that
    /// the source does not have are NULL.
    pub(super) columns: &'static str,
    /// Columns of other tables of the source: name, type, expression.
    pub(super) joined: &'static [(&'static str, &'static str, &'static str)],
    /// Their joins.
    pub(super) joins: &'static str,
    /// Which rows are the tenant's; `$1` is its identifier in the source, as text.
    pub(super) of_tenant: &'static str,
    /// The order in which rows are read: a unique expression, and its type.
    pub(super) key: (&'static str, &'static str),
    /// Columns that arrive hashed or sealed.
    pub(super) secrets: &'static [Secret],
    /// What makes a row unfit: reason, condition. The first that holds is reported. Reasons carry no
    /// values.
    pub(super) refuse: &'static [(&'static str, &'static str)],
    /// What is lost or kept elsewhere of a row that is written: sentence, condition.
    pub(super) note: &'static [(&'static str, &'static str)],
    /// Runs before `write`.
    pub(super) before: &'static [&'static str],
    /// Writes the rows; how many it wrote is what the report says.
    pub(super) write: &'static str,
    /// Runs after `write`, for what else a row becomes.
    pub(super) after: &'static [&'static str],
    /// The rows of the target that the batch became, as a FROM clause: `FROM calls t JOIN ...`.
    pub(super) found: &'static str,
    /// What must be the same on both sides.
    pub(super) sums: &'static [Measure],
}

/// A sum that is compared. Both expressions are whole numbers after rounding; NULL is zero.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measure {
    /// Its name in the report, with its unit.
    pub(super) name: &'static str,
    /// In the source, over `s`.
    pub(super) source: &'static str,
    /// In the target, over `t` of [`Step::found`].
    pub(super) target: &'static str,
}

/// A column whose clear text does not reach the target's server.
#[derive(Debug, Clone, Copy)]
pub(super) enum Secret {
    /// Becomes its SHA-256.
    Hash(&'static str),
    /// Becomes an envelope for `column` of `table`, in the row whose identifier is that of `kind` and
    /// the value of `id`; NULL when there is no data key.
    Seal {
        /// The column of the source.
        from: &'static str,
        /// The table of the target, which is also the kind of its identifiers.
        table: &'static str,
        /// The column of the target.
        column: &'static str,
        /// The column of the source that identifies the row.
        id: &'static str,
    },
}

impl Step {
    /// A step that reads a table whose rows are identified by `id` and belong to a tenant by
    /// `tenant_id`. The rest is filled in with `..`.
    pub(super) const BLANK: Self = Self {
        table: "",
        columns: "",
        joined: &[],
        joins: "",
        of_tenant: "s.tenant_id::text = $1",
        key: ("s.id", "uuid"),
        secrets: &[],
        refuse: &[],
        note: &[],
        before: &[],
        write: "",
        after: &[],
        found: "",
        sums: &[],
    };

    /// Name and type of each column that is read from the table itself.
    pub(super) fn columns(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.columns.split(',').filter_map(|column| {
            let column = column.trim();
            let end = match column.strip_prefix('"') {
                Some(rest) => rest.find('"')? + 2,
                None => column.find(' ')?,
            };
            Some((&column[..end], column[end..].trim()))
        })
    }

    /// The table's name without quotes, for people.
    pub(super) fn name(&self) -> &'static str {
        self.table.trim_matches('"')
    }
}
