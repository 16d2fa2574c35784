//! The statements that a file without a transaction may have.

use aws_lc_rs::digest;

use crate::{Error, Result};

/// A statement that may be repeated and that others do not wait behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Statement {
    /// `CREATE [UNIQUE] INDEX CONCURRENTLY IF NOT EXISTS name ON table ...`
    CreateIndex(Index),
    /// `DROP INDEX CONCURRENTLY IF EXISTS name`
    DropIndex {
        /// Its name.
        name: String,
    },
    /// `ALTER TYPE name ADD VALUE IF NOT EXISTS 'word'`
    AddValue(String),
}

/// An index that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Index {
    unique: &'static str,
    /// Its name, without quotes and schema.
    pub(super) name: String,
    /// Its table, with a schema where one is needed.
    pub(super) table: String,
    /// Method, columns and condition.
    columns: String,
}

impl Statement {
    /// The statements of a file whose placeholders are filled. Comments stand on lines of their own,
    /// and no literal has a semicolon.
    pub(super) fn all(sql: &str) -> Result<Vec<Self>> {
        let text: Vec<&str> = sql
            .lines()
            .map(str::trim)
            .filter(|line| !line.starts_with("--"))
            .collect();
        text.join(" ")
            .split(';')
            .map(str::trim)
            .filter(|statement| !statement.is_empty())
            .map(Self::parse)
            .collect()
    }

    fn parse(text: &str) -> Result<Self> {
        let words: Vec<&str> = text.split_whitespace().collect();
        match words.as_slice() {
            [
                "CREATE",
                "INDEX",
                "CONCURRENTLY",
                "IF",
                "NOT",
                "EXISTS",
                name,
                "ON",
                rest @ ..,
            ] => Index::new("", name, rest).map(Self::CreateIndex),
            [
                "CREATE",
                "UNIQUE",
                "INDEX",
                "CONCURRENTLY",
                "IF",
                "NOT",
                "EXISTS",
                name,
                "ON",
                rest @ ..,
            ] => Index::new("UNIQUE ", name, rest).map(Self::CreateIndex),
            ["DROP", "INDEX", "CONCURRENTLY", "IF", "EXISTS", name] => Ok(Self::DropIndex {
                name: (*name).to_owned(),
            }),
            [
                "ALTER",
                "TYPE",
                _,
                "ADD",
                "VALUE",
                "IF",
                "NOT",
                "EXISTS",
                ..,
            ] => Ok(Self::AddValue(text.to_owned())),
            _ => Err(refused(text)),
        }
    }
}

impl Index {
    fn new(unique: &'static str, name: &str, rest: &[&str]) -> Result<Self> {
        let rest = rest.join(" ");
        let Some((table, columns)) = rest.split_once(' ') else {
            return Err(refused(&rest));
        };
        Ok(Self {
            unique,
            name: name.to_owned(),
            table: table.to_owned(),
            columns: columns.to_owned(),
        })
    }

    /// While the table is written.
    pub(super) fn concurrent(&self) -> String {
        self.sql("CONCURRENTLY ", "")
    }

    /// In a transaction.
    pub(super) fn plain(&self) -> String {
        self.sql("", "") + ";\n"
    }

    /// Of a partitioned table without its partitions.
    pub(super) fn of_parent_only(&self) -> String {
        self.sql("", "ONLY ")
    }

    fn sql(&self, how: &str, only: &str) -> String {
        let Self {
            unique,
            name,
            table,
            columns,
        } = self;
        format!("CREATE {unique}INDEX {how}IF NOT EXISTS {name} ON {only}{table} {columns}")
    }

    /// The same of a partition, `schema.name` as the server quotes it.
    pub(super) fn of_partition(&self, partition: &str) -> Self {
        let short = partition.rsplit('.').next().unwrap_or(partition);
        let mut name = format!("{short}_{}", self.name);
        // PostgreSQL cuts names at 63 bytes; ours have one byte a character.
        if name.len() > 63 {
            let hash = digest::digest(&digest::SHA256, name.as_bytes());
            let hash: String = hash.as_ref()[..4]
                .iter()
                .map(|b| format!("{b:02x}"))
                .collect();
            name.truncate(54);
            name = format!("{name}_{hash}");
        }
        Self {
            name,
            table: partition.to_owned(),
            ..self.clone()
        }
    }
}

fn refused(text: &str) -> Error {
    let begin: String = text.chars().take(60).collect();
    Error::invalid(
        "migration file",
        format!(
            "`{begin}` may not stand in a file with `-- transaction: none`; there it is CREATE [UNIQUE] INDEX CONCURRENTLY IF NOT EXISTS, DROP INDEX CONCURRENTLY IF EXISTS or ALTER TYPE ... ADD VALUE IF NOT EXISTS"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_read_over_lines_and_comments() {
        let sql = "-- transaction: none\nCREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS calls_by_sid\n  ON calls (sid)\n  -- only those\n  WHERE sid IS NOT NULL;\nDROP INDEX CONCURRENTLY IF EXISTS old;";
        let statements = Statement::all(sql).unwrap();
        let [Statement::CreateIndex(index), Statement::DropIndex { name }] = &statements[..] else {
            panic!("{statements:?}");
        };
        assert_eq!(
            index.concurrent(),
            "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS calls_by_sid ON calls (sid) WHERE sid IS NOT NULL"
        );
        assert_eq!(name, "old");
    }

    #[test]
    fn what_could_not_be_repeated_is_refused() {
        for sql in [
            "CREATE INDEX CONCURRENTLY calls_by_sid ON calls (sid);",
            "CREATE INDEX IF NOT EXISTS calls_by_sid ON calls (sid);",
            "UPDATE calls SET sid = NULL;",
            "ALTER TYPE platform.call_status ADD VALUE 'parked';",
        ] {
            let error = Statement::all(sql).unwrap_err().to_string();
            assert!(error.contains("transaction: none"), "{error}");
        }
    }

    #[test]
    fn the_index_of_a_partition_has_a_name_that_fits_and_is_its_own() {
        let [Statement::CreateIndex(index)] = &Statement::all(
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS x_by_y ON x (y);",
        )
        .unwrap()[..] else {
            panic!();
        };
        assert_eq!(index.of_partition("s.x_default").name, "x_default_x_by_y");
        let long = "p".repeat(60);
        let (one, two) = (
            index.of_partition(&format!("s.{long}_a")).name,
            index.of_partition(&format!("s.{long}_b")).name,
        );
        assert!(one.len() <= 63 && one != two, "{one} {two}");
    }
}
