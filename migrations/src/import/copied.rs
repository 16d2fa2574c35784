//! Tables of another platform whose columns are ours by other names: the mapping follows from the
//! catalogues of both sides.
//!
//! A column of the source fills the column of the target with its name (`createdAt` and `created_at`
//! are one name), in the way that the type of the target says: a word becomes one of its enum, a
//! reference the row that was imported for it, or NULL when there is none, an amount without the suffix
//! becomes millionths, a hash in hex its bytes. NULL becomes the target's default where NULL is not
//! allowed. Columns that the target computes, or does not have, are left out.

use sqlx::{PgConnection, Row as _};

use super::step::{Measure, Secret, Step};
use crate::Result;

/// Its millionths are the greatest of `bigint`.
const GREATEST_AMOUNT: &str = "9223372036854";

/// A table that is copied.
#[derive(Debug, Clone, Copy)]
pub(super) struct Copied {
    /// As the source writes it.
    pub(super) source: &'static str,
    /// Ours; in the tenant's schema, or `platform.name`.
    pub(super) target: &'static str,
    /// As in [`Step::of_tenant`].
    pub(super) of_tenant: &'static str,
    /// As in [`Step::joined`].
    pub(super) joined: &'static [(&'static str, &'static str, &'static str)],
    /// As in [`Step::joins`].
    pub(super) joins: &'static str,
    /// Columns with other names: the source's, without quotes, and ours.
    pub(super) renamed: &'static [(&'static str, &'static str)],
    /// Expressions instead of the usual ones: our column, and what it is of the staged row.
    pub(super) with: &'static [(&'static str, &'static str)],
    /// Columns of the source that are staged otherwise than ours or only for `with`: name, type.
    pub(super) staged: &'static [(&'static str, &'static str)],
    /// As in [`Step::secrets`].
    pub(super) secrets: &'static [Secret],
    /// As in [`Step::refuse`].
    pub(super) refuse: &'static [(&'static str, &'static str)],
    /// As in [`Step::note`].
    pub(super) note: &'static [(&'static str, &'static str)],
    /// As in [`Step::before`].
    pub(super) before: &'static [&'static str],
    /// As in [`Step::after`].
    pub(super) after: &'static [&'static str],
    /// As in [`Step::sums`].
    pub(super) sums: &'static [Measure],
}

impl Copied {
    /// A table with a column `id` and one `tenant_id`. The rest is filled in with `..`.
    pub(super) const BLANK: Self = Self {
        source: "",
        target: "",
        of_tenant: "s.tenant_id::text = $1",
        joined: &[],
        joins: "",
        renamed: &[],
        with: &[],
        staged: &[],
        secrets: &[],
        refuse: &[],
        note: &[],
        before: &[],
        after: &[],
        sums: &[],
    };

    /// [`Self::BLANK`] of two tables.
    pub(super) const fn of(source: &'static str, target: &'static str) -> Self {
        Self {
            source,
            target,
            ..Self::BLANK
        }
    }

    pub(super) fn name(&self) -> &'static str {
        self.source.trim_matches('"')
    }

    /// Reads the catalogue of the target and decides, column by column. `has` are the source's columns.
    pub(super) async fn mapping(
        &self,
        connection: &mut PgConnection,
        has: &[String],
    ) -> Result<CopiedMapping> {
        let columns = Column::read(connection, self.target).await?;
        let mut mapping = CopiedMapping::default();
        let mut staged: Vec<String> = Vec::new();
        let mut names: Vec<&str> = Vec::new();
        let mut values: Vec<String> = Vec::new();
        for (name, kind) in self.staged {
            staged.push(format!("\"{name}\" {kind}"));
        }
        for column in &columns {
            let own = has.iter().find(|name| self.fills(name, &column.name));
            let with = self.with.iter().find(|(name, _)| *name == column.name);
            let value = match (with, own) {
                (Some((_, value)), _) => (*value).to_owned(),
                (None, Some(own)) => {
                    if !self.staged.iter().any(|(name, _)| *name == own.as_str()) {
                        staged.push(format!("\"{own}\" {}", column.staged(own)));
                    }
                    mapping.absurd.extend(column.absurd(own));
                    column.value(own, self.target)
                }
                (None, None) if column.name == "tenant_id" && self.is_of_platform() => {
                    "(SELECT id FROM tenant)".to_owned()
                }
                (None, None) if column.name == "metadata" => {
                    "pg_temp.noted(NULL, s.source_key)".to_owned()
                }
                (None, None) => continue,
            };
            if column.name == "id" {
                mapping.id = value.clone();
            }
            if with.is_some() && own.is_some() {
                let own = own.map(String::as_str).unwrap_or_default();
                if !self.staged.iter().any(|(name, _)| *name == own) {
                    staged.push(format!("\"{own}\" {}", column.staged(own)));
                }
            }
            names.push(&column.name);
            values.push(value);
        }
        mapping.columns = staged.join(", ");
        mapping.write = format!(
            "INSERT INTO {target} ({}) SELECT {} FROM source s
              WHERE NOT EXISTS (SELECT FROM {target} t WHERE t.id = {id})",
            names.join(", "),
            values.join(", "),
            target = self.target,
            id = mapping.id,
        );
        let whose = if self.is_of_platform() {
            " WHERE t.tenant_id = (SELECT id FROM tenant)"
        } else {
            ""
        };
        mapping.found = format!(
            "FROM {} t JOIN source s ON t.id = {}{whose}",
            self.target, mapping.id
        );
        Ok(mapping)
    }

    fn is_of_platform(&self) -> bool {
        self.target.starts_with("platform.")
    }

    /// Whether a column of the source is `ours`.
    fn fills(&self, name: &str, ours: &str) -> bool {
        let name = self.our_name(name);
        name == ours || ours.strip_suffix("_micros") == Some(&name)
    }

    /// What we call a column of the source.
    fn our_name(&self, name: &str) -> String {
        match self.renamed.iter().find(|(theirs, _)| *theirs == name) {
            Some((_, ours)) => (*ours).to_owned(),
            None => snake_case(name),
        }
    }
}

/// What [`Copied::mapping`] decided.
#[derive(Debug, Default)]
pub(super) struct CopiedMapping {
    id: String,
    /// What makes a number unfit: reason and condition.
    absurd: Vec<(String, String)>,
    columns: String,
    write: String,
    found: String,
}

impl CopiedMapping {
    /// What makes a row unfit: as the table says, then its numbers.
    pub(super) fn refuse<'a>(&'a self, copied: &'a Copied) -> Vec<(&'a str, &'a str)> {
        let absurd = self.absurd.iter();
        let absurd = absurd.map(|(reason, condition)| (reason.as_str(), condition.as_str()));
        copied.refuse.iter().copied().chain(absurd).collect()
    }

    /// The step; `refuse` is of [`Self::refuse`].
    pub(super) fn step<'a>(
        &'a self,
        copied: &'a Copied,
        refuse: &'a [(&'a str, &'a str)],
    ) -> Step<'a> {
        Step {
            table: copied.source,
            columns: &self.columns,
            of_tenant: copied.of_tenant,
            joined: copied.joined,
            joins: copied.joins,
            key: ("s.id::text", "text"),
            secrets: copied.secrets,
            refuse,
            note: copied.note,
            before: copied.before,
            write: &self.write,
            after: copied.after,
            found: &self.found,
            sums: copied.sums,
            ..Step::BLANK
        }
    }
}

/// A column of the target that can be written.
struct Column {
    name: String,
    kind: String,
    is_enum: bool,
    /// The table that a foreign key refers to.
    refers: Option<String>,
    /// What a `numeric` is below; infinity where its digits are not counted.
    bound: String,
    /// What stands for NULL, where NULL is not allowed.
    default: Option<String>,
}

impl Column {
    async fn read(connection: &mut PgConnection, table: &str) -> Result<Vec<Self>> {
        let rows = sqlx::query(
            "SELECT a.attname::text AS name, format_type(a.atttypid, NULL) AS kind,
                    t.typtype = 'e' AS is_enum,
                    (SELECT min(c.confrelid::regclass::text) FROM pg_constraint c
                      WHERE c.conrelid = a.attrelid AND c.contype = 'f'
                        AND c.conkey = ARRAY[a.attnum]) AS refers,
                    CASE WHEN t.typname = 'numeric' AND a.atttypmod > 4
                         THEN '1' || repeat('0', ((a.atttypmod - 4) >> 16)
                                                   - ((a.atttypmod - 4) & 65535))
                         ELSE 'Infinity' END AS bound,
                    CASE WHEN a.attnotnull THEN pg_get_expr(d.adbin, d.adrelid) END AS default
               FROM pg_attribute a
               JOIN pg_type t ON t.oid = a.atttypid
               LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
              WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped
                AND a.attgenerated = '' AND a.attidentity = ''
                AND a.attname <> ALL ('{row_no,k8s_namespace,k8s_uid,k8s_generation,spec_hash,synced_at}')
                AND NOT (a.attname = 'tenant_id' AND $1 NOT LIKE 'platform.%')
              ORDER BY a.attnum",
        )
        .persistent(false)
        .bind(table)
        .fetch_all(connection)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(Self {
                    name: row.try_get("name")?,
                    kind: row.try_get("kind")?,
                    is_enum: row.try_get("is_enum")?,
                    refers: row.try_get("refers")?,
                    bound: row.try_get("bound")?,
                    default: row.try_get("default")?,
                })
            })
            .collect()
    }

    /// The type that the source's column `own` is staged as. Numbers are judged before they are ours: see
    /// [`Self::absurd`].
    fn staged(&self, own: &str) -> &str {
        match self.kind.as_str() {
            "uuid" | "bytea" => "text",
            _ if self.is_enum => "text",
            _ if self.is_amount(own) => "numeric",
            "smallint" | "integer" | "bigint" => "numeric",
            kind => kind,
        }
    }

    /// Whether the source's column `own` is an amount where ours has millionths of it.
    fn is_amount(&self, own: &str) -> bool {
        self.name.ends_with("_micros") && !own.ends_with("_micros")
    }

    /// What makes a number of the source's column `own` unfit, if it becomes a number: reason and condition.
    /// To PostgreSQL NaN is greater than infinity, which is greater than all others.
    fn absurd(&self, own: &str) -> Option<(String, String)> {
        let it = format!("s.\"{own}\"");
        let (what, condition) = match self.kind.as_str() {
            "bigint" if self.is_amount(own) => ("amount", format!("abs({it}) > {GREATEST_AMOUNT}")),
            "smallint" => ("whole number", no_whole(&it, "32767")),
            "integer" => ("whole number", no_whole(&it, "2147483647")),
            "bigint" => ("whole number", no_whole(&it, "9223372036854775807")),
            "numeric" => ("number", format!("abs({it}) >= '{}'", self.bound)),
            _ => return None,
        };
        Some((
            format!("{own}: it is no {what} that can be kept"),
            condition,
        ))
    }

    /// What the source's column `own` becomes.
    fn value(&self, own: &str, table: &str) -> String {
        let it = format!("s.\"{own}\"");
        let kind = self.kind.as_str();
        let value = match (self.name.as_str(), kind, &self.refers) {
            ("id", ..) => return format!("pg_temp.uid('{}', {it})", kind_of(table)),
            ("tenant_id", ..) => return "(SELECT id FROM tenant)".to_owned(),
            ("metadata", ..) => return format!("pg_temp.noted({it}, s.source_key)"),
            (_, "uuid", Some(other)) if kind_of(other) == "calls" => {
                format!("pg_temp.call_of({it})")
            }
            (_, "uuid", Some(other)) if ["members", "users"].contains(&kind_of(other)) => {
                format!("pg_temp.member_of({it})")
            }
            (_, "uuid", Some(other)) => format!(
                "(SELECT r.id FROM {other} r WHERE r.id = pg_temp.uid('{}', {it}))",
                kind_of(other)
            ),
            (_, "uuid", None) => format!("pg_temp.uuid_or_null({it})"),
            (_, "bytea", _) => format!("decode({it}, 'hex')"),
            _ if self.is_enum => format!("pg_temp.word({it})::{kind}"),
            _ if self.is_amount(own) => format!("pg_temp.micros({it})"),
            (_, "smallint" | "integer" | "bigint", _) => format!("{it}::{kind}"),
            _ => it,
        };
        match &self.default {
            Some(default) => format!("coalesce({value}, {default})"),
            None => value,
        }
    }
}

/// Whether `it` is no whole number up to `bound`.
fn no_whole(it: &str, bound: &str) -> String {
    format!("abs({it}) > {bound} OR {it} <> trunc({it})")
}

/// What the identifiers of a table are made of: its name without schema and quotes.
fn kind_of(table: &str) -> &str {
    table.rsplit('.').next().unwrap_or(table).trim_matches('"')
}

/// `callConnectedTimestamp` becomes `call_connected_timestamp`; what is so already stays.
fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::snake_case;

    #[test]
    fn names_of_prisma_become_ours() {
        assert_eq!(snake_case("callerIdAreaCode"), "caller_id_area_code");
        assert_eq!(snake_case("tenant_id"), "tenant_id");
    }
}
