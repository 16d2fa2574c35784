//! The rows of `items.tsv`.

use std::collections::BTreeSet;
use std::fmt;

const FILE: &str = include_str!("../../../items.tsv");

/// The file, read.
pub(super) struct Map {
    /// In the order of the file.
    pub(super) rows: Vec<Row>,
    /// What may be waited for, explained at the top of the file.
    pub(super) capabilities: BTreeSet<String>,
}

/// One object that answers an item.
pub(super) struct Row {
    /// In the file, from 1.
    pub(super) line: usize,
    pub(super) item: Item,
    pub(super) state: State,
    pub(super) kind: Kind,
    pub(super) object: String,
    note: String,
}

/// `S3-134`: platform and number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Item(u32, u32);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    Met,
    Waits,
}

/// What kind of thing `object` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Capability,
    Column,
    CrField,
    Document,
    /// `platform.call_type`, with `(voice, voicemail)` when these values are asked for.
    Enum,
    /// `tenant.calls.agent_id -> tenant.agents`, with `cascade` or `set null` when that is asked for.
    ForeignKey,
    Function,
    /// `tenant.calls (tenant_id, initiated_at DESC)`, `tenant.contacts gin (tags)`.
    Index,
    Table,
    Test,
    /// `tenant.calls.calls_guard`.
    Trigger,
    /// As an index.
    Unique,
    /// `irisx.calls`, or with `.id` a column of it.
    View,
}

impl Map {
    pub(super) fn load() -> Self {
        let mut map = Self {
            rows: Vec::new(),
            capabilities: BTreeSet::new(),
        };
        for (line, text) in (1..).zip(FILE.lines()) {
            if let Some(comment) = text.strip_prefix('#') {
                let capability = comment
                    .strip_prefix(" capability ")
                    .and_then(|text| text.split_once(": "));
                map.capabilities
                    .extend(capability.map(|(name, _)| name.to_owned()));
            } else {
                map.rows.push(Row::parse(line, text));
            }
        }
        map
    }
}

impl Row {
    fn parse(line: usize, text: &str) -> Self {
        let cells: Vec<&str> = text.split('\t').collect();
        let (item, state, kind, object, note) = match cells[..] {
            [item, state, kind, object] => (item, state, kind, object, ""),
            [item, state, kind, object, note] if !note.is_empty() => {
                (item, state, kind, object, note)
            }
            _ => panic!("line {line}: item, state, kind, object and perhaps a note, by tabs"),
        };
        let state = match state {
            "met" => State::Met,
            "waits" => State::Waits,
            _ => panic!("line {line}: {state} is neither met nor waits"),
        };
        let kind = Kind::ALL
            .into_iter()
            .find(|known| known.as_str() == kind)
            .unwrap_or_else(|| panic!("line {line}: {kind} is no kind"));
        assert_eq!(
            state == State::Waits,
            kind == Kind::Capability,
            "line {line}: what waits, waits for a capability"
        );
        Self {
            line,
            item: Item::parse(item).unwrap_or_else(|| panic!("line {line}: {item} is no item")),
            state,
            kind,
            object: object.to_owned(),
            note: note.to_owned(),
        }
    }

    /// Where it belongs in the file.
    pub(super) fn place(&self) -> (Item, State, &str, &str) {
        (self.item, self.state, self.kind.as_str(), &self.object)
    }

    /// The capability without which nothing fills the object.
    pub(super) fn writer(&self) -> Option<&str> {
        self.note
            .split("; ")
            .find_map(|part| part.strip_prefix("no writer until "))
    }
}

impl Item {
    fn parse(text: &str) -> Option<Self> {
        let (platform, number) = text.strip_prefix('S')?.split_once('-')?;
        let item = Self(platform.parse().ok()?, number.parse().ok()?);
        // Not `S01-007`.
        (item.to_string() == text).then_some(item)
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "S{}-{}", self.0, self.1)
    }
}

impl Kind {
    const ALL: [Self; 13] = [
        Self::Capability,
        Self::Column,
        Self::CrField,
        Self::Document,
        Self::Enum,
        Self::ForeignKey,
        Self::Function,
        Self::Index,
        Self::Table,
        Self::Test,
        Self::Trigger,
        Self::Unique,
        Self::View,
    ];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Capability => "capability",
            Self::Column => "column",
            Self::CrField => "cr-field",
            Self::Document => "document",
            Self::Enum => "enum",
            Self::ForeignKey => "foreign-key",
            Self::Function => "function",
            Self::Index => "index",
            Self::Table => "table",
            Self::Test => "test",
            Self::Trigger => "trigger",
            Self::Unique => "unique",
            Self::View => "view",
        }
    }

    /// Whether the catalogue of a database knows it.
    pub(super) fn is_of_the_schema(self) -> bool {
        !matches!(
            self,
            Self::Capability | Self::CrField | Self::Document | Self::Test
        )
    }
}
