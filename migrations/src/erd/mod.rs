//! Entity-relationship diagrams, drawn from the catalogue of a database: Mermaid for who reads on a
//! forge, SVG for who wants to see all columns.
//!
//! A schema has too many tables for one picture, so there is one for each table family, which is a
//! migration file, and one of how the families hang together.

mod layout;
mod markdown;
mod read;
mod svg;

pub use read::read;

/// The tables of a schema, by family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagram {
    /// `platform` or `tenant`.
    pub name: &'static str,
    /// In the order of their files.
    pub families: Vec<Family>,
}

/// The tables of one migration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Family {
    /// The file without number and ending: `call_records`.
    pub name: String,
    /// In the order in which the file makes them.
    pub tables: Vec<Table>,
}

/// A table as it is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// What its comment says to a person.
    pub title: String,
    /// In their order.
    pub columns: Vec<Column>,
    /// Where its foreign keys lead, but for the one to the tenant that every table has.
    pub references: Vec<Reference>,
}

/// A column as it is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type, in few words.
    pub kind: String,
    /// Whether it is a part of the primary key.
    pub is_key: bool,
    /// Whether it must have a value.
    pub is_required: bool,
}

/// A foreign key of one column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The column.
    pub column: String,
    /// The table it leads to.
    pub table: String,
}

impl Diagram {
    /// Every file of the diagram: its path, relative, and its content.
    #[must_use]
    pub fn files(&self) -> Vec<(String, String)> {
        let mut files = vec![(format!("{}.md", self.name), markdown::page(self))];
        files.push((self.picture("overview"), svg::draw(&layout::overview(self))));
        for family in &self.families {
            let drawn = svg::draw(&layout::family(self, family));
            files.push((self.picture(&family.name), drawn));
        }
        files
    }

    /// The path of a picture.
    fn picture(&self, name: &str) -> String {
        format!("{}/{name}.svg", self.name)
    }

    /// The family that a table is of.
    fn family_of(&self, table: &str) -> Option<&Family> {
        self.families
            .iter()
            .find(|family| family.tables.iter().any(|one| one.name == table))
    }
}
