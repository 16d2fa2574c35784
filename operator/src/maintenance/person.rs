//! A person in archives: which rows are theirs, and what becomes of them.

use callplane_store::erasure::pseudonym;
use callplane_types::TenantId;

use super::csv::Sheet;

/// How an archive says NULL.
const NULL: &str = "\\N";

/// What tells a row of the person.
#[derive(Debug, Clone)]
pub(super) struct Person<'a> {
    /// Whose archives.
    pub(super) tenant: TenantId,
    /// Numbers and addresses.
    pub(super) traces: &'a [String],
    /// Identifiers of contacts.
    pub(super) contacts: Vec<String>,
    /// Identifiers of calls, those that [`Self::take`] found too.
    pub(super) calls: Vec<String>,
    /// Identifiers of conversations, likewise.
    pub(super) conversations: Vec<String>,
    /// `call_recordings.object_url` of the rows that were taken.
    pub(super) recordings: Vec<String>,
}

impl Person<'_> {
    /// Takes the person out of a part of `table`; says how many rows it took or changed. What the law wants
    /// kept stays, as in the database: what a call cost, who did what, that somebody agreed.
    pub(super) fn take(&mut self, table: &str, sheet: &mut Sheet) -> usize {
        match table {
            "call_costs" => 0,
            "audit_logs" => self.scrub(sheet),
            "consent_tokens" => self.hash(sheet),
            _ => self.remove(table, sheet),
        }
    }

    /// Removes the rows of the person.
    fn remove(&mut self, table: &str, sheet: &mut Sheet) -> usize {
        let (id, url) = (sheet.column("id"), sheet.column("object_url"));
        let columns = sheet.columns.clone();
        let (gone, rest) = std::mem::take(&mut sheet.rows)
            .into_iter()
            .partition::<Vec<_>, _>(|row| self.has(&columns, row));
        sheet.rows = rest;
        let of = |column: Option<usize>| {
            let values = gone.iter().filter_map(move |row| row.get(column?));
            values.filter(|value| *value != NULL).cloned()
        };
        match table {
            "calls" => self.calls.extend(of(id)),
            "conversations" => self.conversations.extend(of(id)),
            "call_recordings" => self.recordings.extend(of(url)),
            _ => {}
        }
        gone.len()
    }

    /// Takes the numbers and addresses out of the values.
    fn scrub(&self, sheet: &mut Sheet) -> usize {
        let mut changed = 0;
        for row in &mut sheet.rows {
            let before = row.clone();
            for value in row.iter_mut() {
                self.blank(value);
            }
            changed += usize::from(*row != before);
        }
        changed
    }

    /// Makes the number of a consent a hash and blanks what was sent with it.
    fn hash(&self, sheet: &mut Sheet) -> usize {
        let columns = sheet.columns.clone();
        let mut changed = 0;
        for row in sheet.rows.iter_mut().filter(|row| self.has(&columns, row)) {
            for (column, value) in columns.iter().zip(row.iter_mut()) {
                match column.as_str() {
                    "phone_number" if value.starts_with('+') => {
                        *value = pseudonym(self.tenant, value);
                    }
                    "raw" | "contact_id" => NULL.clone_into(value),
                    _ => self.blank(value),
                }
            }
            changed += 1;
        }
        changed
    }

    /// Whether a row names the person or belongs to a contact, call or conversation of theirs.
    fn has(&self, columns: &[String], row: &[String]) -> bool {
        columns.iter().zip(row).any(|(column, value)| {
            let is_theirs = match column.as_str() {
                "call_id" => self.calls.contains(value),
                "conversation_id" => self.conversations.contains(value),
                "contact_id" => self.contacts.contains(value),
                // Of events and of their deliveries.
                "subject_id" | "event_id" => {
                    self.calls.contains(value) || self.contacts.contains(value)
                }
                _ => false,
            };
            is_theirs || self.traces.iter().any(|trace| contains(value, trace))
        })
    }

    fn blank(&self, value: &mut String) {
        for trace in self.traces {
            for (from, to, blank) in found(value, trace).into_iter().rev() {
                value.replace_range(from..to, blank);
            }
        }
    }
}

/// Whether a text has the number or address in it, and not in a longer one.
pub(super) fn contains(text: &str, trace: &str) -> bool {
    !found(text, trace).is_empty()
}

/// Where, and what takes its place: the same rules as in `callplane_store::erasure`.
fn found(text: &str, trace: &str) -> Vec<(usize, usize, &'static str)> {
    let word = trace
        .strip_prefix('+')
        .unwrap_or(trace)
        .to_ascii_lowercase();
    let is_number = word.bytes().all(|byte| byte.is_ascii_digit());
    let lower = text.to_ascii_lowercase();
    let places = lower.match_indices(&word).filter_map(|(from, found)| {
        let to = from + found.len();
        let (before, after) = (&lower[..from], &lower[to..]);
        if !is_number {
            return is_address(before, after).then_some((from, to, "erased"));
        }
        let is_longer = before.ends_with(is_digit) || after.starts_with(is_digit);
        // With its plus sign.
        let from = from - usize::from(before.ends_with('+'));
        (!is_longer).then_some((from, to, "0"))
    });
    places.collect()
}

fn is_digit(character: char) -> bool {
    character.is_ascii_digit()
}

/// Whether an address ends where it seems to, with this before and after it. In a document it may follow
/// the `n` of an escaped line end.
fn is_address(before: &str, after: &str) -> bool {
    let is_escape = ["\\b", "\\f", "\\n", "\\r", "\\t"]
        .iter()
        .any(|escape| before.ends_with(escape));
    let begins =
        is_escape || !before.ends_with(|c: char| c.is_alphanumeric() || "._%+-".contains(c));
    let mut after = after.chars();
    let ends = match after.next() {
        Some('.') => !after.next().is_some_and(char::is_alphanumeric),
        Some(c) => c != '-' && !c.is_alphanumeric(),
        None => true,
    };
    begins && ends
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(columns: &[&str], rows: &[&[&str]]) -> Sheet {
        let owned = |row: &[&str]| row.iter().map(|&value| value.to_owned()).collect();
        Sheet {
            columns: owned(columns),
            rows: rows.iter().map(|row| owned(row)).collect(),
        }
    }

    fn person(traces: &[String]) -> Person<'_> {
        Person {
            tenant: TenantId::new(uuid::Uuid::nil()),
            traces,
            contacts: vec!["c1".to_owned()],
            calls: Vec::new(),
            conversations: Vec::new(),
            recordings: Vec::new(),
        }
    }

    #[test]
    fn a_number_is_found_however_it_is_written_and_not_in_a_longer_one() {
        for text in ["+15557000001", "sip:15557000001@x", "{\"n\":15557000001}"] {
            assert!(contains(text, "+15557000001"), "{text}");
        }
        for text in ["+155570000012", "915557000001", ""] {
            assert!(!contains(text, "+15557000001"), "{text}");
        }
    }

    #[test]
    fn an_address_is_found_however_it_is_written_and_not_in_a_longer_one() {
        for text in [
            "<Jo@Example.com>",
            "Write jo@example.com.",
            "{\"a\":\"hi\\njo@example.com\"}",
        ] {
            assert!(contains(text, "jo@example.com"), "{text}");
        }
        for text in [
            "mojo@example.com",
            "jo@example.com.au",
            "a.jo@example.com",
            "jo@example.community",
        ] {
            assert!(!contains(text, "jo@example.com"), "{text}");
        }
    }

    #[test]
    fn what_a_call_cost_and_what_an_audit_asks_stays_without_the_person() {
        let traces = ["+15557000001".to_owned()];
        let mut person = person(&traces);
        let mut calls = sheet(
            &["id", "contact_id", "to_number"],
            &[
                &["a", "\\N", "+15557000001"],
                &["b", "c1", ""],
                &["c", "\\N", ""],
            ],
        );
        assert_eq!(person.take("calls", &mut calls), 2);
        assert_eq!(person.calls, ["a", "b"]);
        let mut costs = sheet(&["id", "call_id"], &[&["1", "a"]]);
        assert_eq!(person.take("call_costs", &mut costs), 0);
        let mut recordings = sheet(&["call_id", "object_url"], &[&["b", "s3://x/b.wav"]]);
        assert_eq!(person.take("call_recordings", &mut recordings), 1);
        assert_eq!(person.recordings, ["s3://x/b.wav"]);
        let mut trail = sheet(
            &["id", "after_values"],
            &[&["1", "{\"n\":\"+15557000001\"}"]],
        );
        assert_eq!(person.take("audit_logs", &mut trail), 1);
        assert_eq!(trail.rows, [["1", "{\"n\":\"0\"}"]]);
        let mut consents = sheet(
            &["token", "phone_number", "call_id", "raw"],
            &[
                &["t", "+15557000001", "\\N", "{}"],
                &["u", "+15557000002", "\\N", "{}"],
            ],
        );
        assert_eq!(person.take("consent_tokens", &mut consents), 1);
        let kept = &consents.rows[0];
        assert!(
            kept[1].starts_with("sha256:") && kept[1].len() == 71,
            "{kept:?}"
        );
        assert_eq!((kept[0].as_str(), kept[3].as_str()), ("t", "\\N"));
        assert_eq!(consents.rows[1][1], "+15557000002");
    }
}
