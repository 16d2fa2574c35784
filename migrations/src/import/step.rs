//! What a table of another platform becomes.

use std::collections::BTreeSet;

/// One table of the source and its mapping. All SQL runs in the importing session of the target, where
/// `source s` is a temporary table with the rows of the batch, except `joins` and the expressions of
/// `joined` and `sums`, which run in the source, where `s` is the table itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step<'a> {
    /// The table as the source writes it, quoted where its name needs it: `calls`, `"CallLog"`.
    pub(super) table: &'a str,
    /// Its columns with the types they are staged as: `id bigint, "createdAt" timestamptz`. Those that
    /// the source does not have are NULL.
    pub(super) columns: &'a str,
    /// Columns of other tables of the source: name, type, expression.
    pub(super) joined: &'a [(&'a str, &'a str, &'a str)],
    /// Their joins.
    pub(super) joins: &'a str,
    /// Columns of the staged rows that only `before` fills, for what several statements need.
    pub(super) scratch: &'a str,
    /// Which rows are the tenant's; `$1` is its identifier in the source, as text.
    pub(super) of_tenant: &'a str,
    /// The order in which rows are read: a unique expression, and its type.
    pub(super) key: (&'a str, &'a str),
    /// Columns that arrive hashed or sealed.
    pub(super) secrets: &'a [Secret],
    /// What makes a row unfit: reason, condition. The first that holds is reported. Reasons carry no
    /// values.
    pub(super) refuse: &'a [(&'a str, &'a str)],
    /// What is lost or kept elsewhere of a row that is written: sentence, condition.
    pub(super) note: &'a [(&'a str, &'a str)],
    /// Runs before `write`.
    pub(super) before: &'a [&'a str],
    /// Writes the rows; how many it wrote is what the report says.
    pub(super) write: &'a str,
    /// Runs after `write`, for what else a row becomes.
    pub(super) after: &'a [&'a str],
    /// The rows of the target that the batch became, as a FROM clause: `FROM calls t JOIN ...`.
    pub(super) found: &'a str,
    /// What must be the same on both sides.
    pub(super) sums: &'a [Measure],
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
    /// A new one is sealed where the source has none: the column of the target, in the row that `id`
    /// identifies.
    Fresh {
        /// The table of the target, which is also the kind of its identifiers.
        table: &'static str,
        /// The column of the target, and of the staged row.
        column: &'static str,
        /// The column of the source that identifies the row.
        id: &'static str,
    },
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

impl<'a> Step<'a> {
    /// A step that reads a table whose rows are identified by `id` and belong to a tenant by
    /// `tenant_id`. The rest is filled in with `..`.
    pub(super) const BLANK: Self = Self {
        table: "",
        columns: "",
        joined: &[],
        joins: "",
        scratch: "",
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
    pub(super) fn columns(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        columns(self.columns)
    }

    /// The same of every column that is staged.
    pub(super) fn staged(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let joined = self.joined.iter().map(|(name, kind, _)| (*name, *kind));
        self.columns().chain(joined).chain(columns(self.scratch))
    }

    /// The tables of the tenant that the step writes.
    pub(super) fn targets(&self) -> BTreeSet<&'a str> {
        self.before
            .iter()
            .chain([&self.write])
            .chain(self.after)
            .filter_map(|sql| sql.strip_prefix("INSERT INTO "))
            .filter_map(|rest| rest.split_whitespace().next())
            .filter(|table| !table.contains('.'))
            .collect()
    }

    /// The table's name without quotes, for people.
    pub(super) fn name(&self) -> &'a str {
        self.table.trim_matches('"')
    }
}

/// Splits `name type, "Name" type`.
fn columns(list: &str) -> impl Iterator<Item = (&str, &str)> {
    list.split(',').filter_map(|column| {
        let column = column.trim();
        let end = match column.strip_prefix('"') {
            Some(rest) => rest.find('"')? + 2,
            None => column.find(' ')?,
        };
        Some((&column[..end], column[end..].trim()))
    })
}
