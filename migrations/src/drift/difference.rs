//! What differs, and how it is mended.

use std::fmt;

use super::{Lines, Model};

/// One thing that is otherwise than the migrations make it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// `table`, `column`, `index`, `policy`, `grant`, ...
    pub kind: String,
    /// Its name; `table.name` for what belongs to a table, `object TO role` for a grant.
    pub object: String,
    /// How the migrations make it; `None` when they make no such thing.
    pub wanted: Option<String>,
    /// How it is; `None` when it is not there.
    pub found: Option<String>,
    schema: String,
}

pub(super) fn between(model: &Model, found: &Lines, schema: &str) -> Vec<Difference> {
    let names = model.lines().keys().chain(found.keys());
    let mut differences: Vec<Difference> = names
        .filter_map(|key| {
            let (wanted, found) = (model.lines().get(key), found.get(key));
            (wanted != found).then(|| Difference {
                kind: key.0.clone(),
                object: key.1.clone(),
                wanted: wanted.cloned(),
                found: found.cloned(),
                schema: schema.to_owned(),
            })
        })
        .collect();
    differences.sort_by(|a, b| (&a.kind, &a.object).cmp(&(&b.kind, &b.object)));
    differences.dedup();
    differences
}

impl Difference {
    /// A statement that mends it, run by the operator's login with the schema as search path unless it says
    /// otherwise, or what a person has to decide.
    #[must_use]
    pub fn mend(&self) -> String {
        let wanted = self.wanted.as_deref();
        let found = self.found.as_deref();
        let text = match self.kind.as_str() {
            "table" => self.table(wanted, found),
            "column" => self.column(wanted, found),
            "index" => self.index(wanted, found),
            "constraint" => self.of_table("CONSTRAINT", wanted),
            "trigger" => self.trigger(wanted, found),
            "policy" => self.policy(wanted),
            "grant" => self.grant(wanted, found),
            "member" => self.member(wanted),
            "comment" => "run COMMENT ON with the text that is wanted".to_owned(),
            "leakproof" => self.leakproof(wanted),
            "bootstrap" => self.bootstrap(wanted),
            "extension" => self.of_server("EXTENSION", "SET ", wanted, found),
            "group" => self.of_server("ROLE", "", wanted, found),
            _ => self.by_hand(wanted),
        };
        self.fill(&text)
    }

    fn table(&self, wanted: Option<&str>, found: Option<&str>) -> String {
        match (wanted, found) {
            (Some(wanted), Some(found)) if wanted.starts_with(found) => format!(
                "ALTER TABLE {} ENABLE ROW LEVEL SECURITY{};",
                self.object,
                if wanted.ends_with("FORCED") {
                    ", FORCE ROW LEVEL SECURITY"
                } else {
                    ""
                }
            ),
            _ => self.by_hand(wanted),
        }
    }

    fn column(&self, wanted: Option<&str>, found: Option<&str>) -> String {
        let (table, column) = self.parts();
        match (wanted, found) {
            (Some(wanted), None) => format!("ALTER TABLE {table} ADD COLUMN {column} {wanted};"),
            (None, _) => {
                format!("ALTER TABLE {table} DROP COLUMN {column}; -- or put it into a migration")
            }
            (Some(wanted), Some(_)) => {
                format!("ALTER TABLE {table} ALTER COLUMN {column} ... until it is: {wanted}")
            }
        }
    }

    fn index(&self, wanted: Option<&str>, found: Option<&str>) -> String {
        let name = &self.object;
        match (wanted, found) {
            (Some(wanted), None) => format!("{wanted};"),
            (Some(_), Some(found)) if found.ends_with(" INVALID") => {
                format!("REINDEX INDEX CONCURRENTLY {name};")
            }
            (Some(wanted), Some(_)) => format!("DROP INDEX {name}; {wanted};"),
            (None, _) => format!("DROP INDEX CONCURRENTLY {name}; -- or put it into a migration"),
        }
    }

    fn of_table(&self, what: &str, wanted: Option<&str>) -> String {
        let (table, name) = self.parts();
        match (wanted, &self.found) {
            (Some(wanted), None) => format!("ALTER TABLE {table} ADD {what} {name} {wanted};"),
            (Some(wanted), Some(_)) => {
                format!("ALTER TABLE {table} DROP {what} {name}, ADD {what} {name} {wanted};")
            }
            (None, _) => format!("ALTER TABLE {table} DROP {what} {name};"),
        }
    }

    fn trigger(&self, wanted: Option<&str>, found: Option<&str>) -> String {
        let (table, name) = self.parts();
        match (wanted, found) {
            (_, Some(found)) if found.ends_with("DISABLED") => {
                format!("ALTER TABLE {table} ENABLE TRIGGER {name};")
            }
            (Some(wanted), None) => format!("{wanted};"),
            (Some(wanted), Some(_)) => format!("DROP TRIGGER {name} ON {table}; {wanted};"),
            (None, _) => format!("DROP TRIGGER {name} ON {table};"),
        }
    }

    fn policy(&self, wanted: Option<&str>) -> String {
        let (table, name) = self.parts();
        let drop = format!("DROP POLICY {name} ON {table};");
        let create = wanted.map(|wanted| format!("CREATE POLICY {name} ON {table} {wanted};"));
        match (create, &self.found) {
            (Some(create), None) => create,
            (Some(create), Some(_)) => format!("{drop} {create}"),
            (None, _) => drop,
        }
    }

    fn grant(&self, wanted: Option<&str>, found: Option<&str>) -> String {
        let (object, role) = self
            .object
            .rsplit_once(" TO ")
            .unwrap_or((&self.object, "PUBLIC"));
        let statement = |verb: &str, privileges: &str, to: &str| {
            let privileges = privileges.replace(" WITH GRANT OPTION", "");
            match object.split_once('.') {
                Some((table, column)) => {
                    let each: Vec<String> = privileges
                        .split(", ")
                        .map(|privilege| format!("{privilege} ({column})"))
                        .collect();
                    format!("{verb} {} ON {table} {to} {role};", each.join(", "))
                }
                None if object == "SCHEMA" => {
                    format!("{verb} {privileges} ON SCHEMA {{{{schema}}}} {to} {role};")
                }
                None => format!("{verb} {privileges} ON {object} {to} {role};"),
            }
        };
        let revoke = found.map(|found| statement("REVOKE", found, "FROM"));
        let grant = wanted.map(|wanted| statement("GRANT", wanted, "TO"));
        [revoke, grant]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" ")
    }

    fn member(&self, wanted: Option<&str>) -> String {
        let (member, role) = self.object.split_once(" IN ").unwrap_or((&self.object, ""));
        match wanted {
            Some(_) => format!("GRANT {role} TO {member};"),
            None => format!("REVOKE {role} FROM {member};"),
        }
    }

    fn leakproof(&self, wanted: Option<&str>) -> String {
        let function = &self.object;
        match wanted {
            Some("true") => format!("ALTER FUNCTION {function} LEAKPROOF; -- as superuser"),
            _ => format!("ALTER FUNCTION {function} NOT LEAKPROOF; -- as superuser"),
        }
    }

    /// A statement of `bootstrap.sql`.
    fn bootstrap(&self, wanted: Option<&str>) -> String {
        if wanted.is_some() {
            return format!("{}; -- as superuser", self.object);
        }
        let grant = self.object.strip_prefix("GRANT ").unwrap_or_default();
        match grant.strip_suffix(" WITH ADMIN OPTION") {
            Some(rest) => {
                let rest = rest.replace(" TO ", " FROM ");
                format!("REVOKE ADMIN OPTION FOR {rest}; -- as superuser")
            }
            None => format!("bootstrap.sql does not {}; undo it", self.object),
        }
    }

    /// A group or extension of `bootstrap.sql`; `set` stands before what is wanted when it is there already.
    fn of_server(
        &self,
        kind: &str,
        set: &str,
        wanted: Option<&str>,
        found: Option<&str>,
    ) -> String {
        let object = &self.object;
        match (wanted, found) {
            (Some(wanted), None) => format!("CREATE {kind} {object} {wanted}; -- as superuser"),
            (Some(wanted), Some(_)) => {
                format!("ALTER {kind} {object} {set}{wanted}; -- as superuser")
            }
            (None, _) => self.by_hand(None),
        }
    }

    fn by_hand(&self, wanted: Option<&str>) -> String {
        let Self { kind, object, .. } = self;
        match wanted {
            Some(_) => format!("make {kind} {object} again as its file in migrations/ does"),
            None => {
                format!("no migration makes {kind} {object}; drop it, or move it out of the schema")
            }
        }
    }

    fn parts(&self) -> (&str, &str) {
        self.object.split_once('.').unwrap_or((&self.object, ""))
    }

    /// Names of this schema for the placeholders.
    fn fill(&self, text: &str) -> String {
        // As psql puts it in.
        text.replace("{{database}}", ":\"DBNAME\"")
            .replace("{{schema}}", &self.schema)
            .replace("{{", &format!("{}_", self.schema))
            .replace("}}", "")
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, object, .. } = self;
        match (&self.wanted, &self.found) {
            (Some(wanted), None) => write!(f, "{kind} {object} is missing: {wanted}"),
            (None, Some(found)) => write!(f, "{kind} {object} is foreign: {found}"),
            (wanted, found) => write!(
                f,
                "{kind} {object} differs: is {}, wanted {}",
                found.as_deref().unwrap_or_default(),
                wanted.as_deref().unwrap_or_default()
            ),
        }
    }
}
