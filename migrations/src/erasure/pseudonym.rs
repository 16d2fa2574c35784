//! Numbers and addresses in words, and what stays of them when they are erased.

use std::fmt::Write as _;
use std::ops::Range;

use aws_lc_rs::digest::{SHA256, digest};
use callplane_types::TenantId;
use serde_json::Value;

/// As `platform.erased_number` makes it: a hash of tenant and number. Who knows both can make it again.
#[must_use]
pub fn pseudonym(tenant: TenantId, trace: &str) -> String {
    let hash = digest(&SHA256, format!("{} {trace}", tenant.uuid()).as_bytes());
    let mut text = "sha256:".to_owned();
    for octet in hash.as_ref() {
        // Into memory, which takes all.
        let _ = write!(text, "{octet:02x}");
    }
    text
}

/// How a trace is written before it is hashed: a number with its plus sign, an address in small letters.
pub(super) fn canonical(trace: &str) -> String {
    let digits = trace.strip_prefix('+').unwrap_or(trace);
    if !digits.is_empty() && digits.bytes().all(|octet| octet.is_ascii_digit()) {
        format!("+{digits}")
    } else {
        trace.to_ascii_lowercase()
    }
}

/// Longest part of an address before the `@`, and behind it, in octets (RFC 5321 section 4.5.3.1).
const MAX_LOCAL: usize = 64;
const MAX_DOMAIN: usize = 255;

/// A number or address of theirs in a text.
struct Found {
    place: Range<usize>,
    /// What takes its place: in a document a number may be one, and has to be one then.
    blank: &'static str,
}

/// Whether a text names somebody that `is_theirs` knows, by the rules of `super::scrub`: not in a longer
/// number or address.
pub(super) fn names(text: &str, is_theirs: &dyn Fn(&str) -> bool) -> bool {
    !addresses(text, is_theirs).is_empty() || !numbers(text, is_theirs).is_empty()
}

/// Takes them out of a text; whether there was one.
pub(super) fn blank(text: &mut String, is_theirs: &dyn Fn(&str) -> bool) -> bool {
    let mut changed = false;
    // An address may have a number in it, and goes as a whole.
    for find in [addresses, numbers] {
        for found in find(text, is_theirs).into_iter().rev() {
            text.replace_range(found.place, found.blank);
            changed = true;
        }
    }
    changed
}

/// [`blank`] of a document, its keys and numbers too.
pub(super) fn blank_document(document: &mut Value, is_theirs: &dyn Fn(&str) -> bool) -> bool {
    match document {
        Value::Null | Value::Bool(_) => false,
        Value::Number(number) => {
            let named = names(&number.to_string(), is_theirs);
            if named {
                *document = 0.into();
            }
            named
        }
        Value::String(text) => blank(text, is_theirs),
        Value::Array(values) => values.iter_mut().fold(false, |changed, value| {
            blank_document(value, is_theirs) | changed
        }),
        Value::Object(fields) => blank_fields(fields, is_theirs),
    }
}

/// [`blank_document`] of an object.
pub(super) fn blank_fields(
    fields: &mut serde_json::Map<String, Value>,
    is_theirs: &dyn Fn(&str) -> bool,
) -> bool {
    let mut changed = false;
    for value in fields.values_mut() {
        changed |= blank_document(value, is_theirs);
    }
    let named: Vec<String> = fields
        .keys()
        .filter(|key| names(key, is_theirs))
        .cloned()
        .collect();
    for key in named {
        let value = fields.remove(&key).unwrap_or_default();
        let mut told = key;
        changed |= blank(&mut told, is_theirs);
        fields.insert(told, value);
    }
    changed
}

/// Runs of digits, none of them part of a longer one, each with the plus sign before it.
fn numbers(text: &str, is_theirs: &dyn Fn(&str) -> bool) -> Vec<Found> {
    let mut found = Vec::new();
    let octets = text.as_bytes();
    let mut at = 0;
    while at < octets.len() {
        let from = at;
        while octets.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        if at == from {
            at += 1;
        } else if (2..=15).contains(&(at - from)) && is_theirs(&format!("+{}", &text[from..at])) {
            let signed = from > 0 && octets[from - 1] == b'+';
            found.push(Found {
                place: from - usize::from(signed)..at,
                blank: "0",
            });
        }
    }
    found
}

/// Words with an `@` inside. What may stand before it (`atext`, RFC 5322 section 3.2.3) may also stand
/// around an address: `'jo@example.com'`, `mailto=jo@example.com`. The longest that is theirs is found.
fn addresses(text: &str, is_theirs: &dyn Fn(&str) -> bool) -> Vec<Found> {
    let is_often_local = |c: char| c.is_alphanumeric() || "._%+-".contains(c);
    let is_local = |c: char| is_often_local(c) || "!#$&'*/=?^`{|}~".contains(c);
    let is_domain = |c: char| c.is_alphanumeric() || ".-".contains(c);
    let mut found: Vec<Found> = Vec::new();
    for (at, _) in text.match_indices('@') {
        let (before, after) = (&text[..at], &text[at + 1..]);
        let rest = after.trim_start_matches(is_domain).len();
        let domain = after[..after.len() - rest].trim_end_matches('.');
        let to = at + 1 + domain.len();
        let free = found.last().map_or(0, |last| last.place.end);
        let longest = before.trim_end_matches(is_local).len();
        let usual = before.trim_end_matches(is_often_local).len();
        let mut starts = (longest..=usual).filter(|from| {
            text.is_char_boundary(*from)
                && !text[..*from].ends_with(is_often_local)
                && (free.max(at.saturating_sub(MAX_LOCAL))..at).contains(from)
                && (1..=MAX_DOMAIN).contains(&domain.len())
        });
        let from = starts.find(|from| is_theirs(&text[*from..to].to_ascii_lowercase()));
        found.extend(from.map(|from| Found {
            place: from..to,
            blank: "erased",
        }));
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn without(text: &str) -> String {
        let theirs =
            |word: &str| ["+15557000001", "jo@example.com", "o'mara@example.com"].contains(&word);
        let mut text = text.to_owned();
        let named = names(&text, &theirs);
        assert_eq!(blank(&mut text, &theirs), named);
        text
    }

    #[test]
    fn a_number_is_taken_out_however_it_is_written_and_not_out_of_a_longer_one() {
        assert_eq!(without("I am +15557000001."), "I am 0.");
        assert_eq!(without("sip:15557000001@x"), "sip:0@x");
        for other in ["+155570000012", "915557000001", "+1555700000", "é1"] {
            assert_eq!(without(other), other);
        }
    }

    #[test]
    fn an_address_is_taken_out_however_it_is_written_and_not_out_of_a_longer_one() {
        assert_eq!(without("<Jo@Example.com>"), "<erased>");
        assert_eq!(
            without("Write jo@example.com. Or +15557000001"),
            "Write erased. Or 0"
        );
        assert_eq!(without("'jo@example.com'"), "'erased'");
        assert_eq!(without("to=jo@example.com"), "to=erased");
        assert_eq!(without("O'Mara@example.com"), "erased");
        assert_eq!(without("'o'mara@example.com'"), "'erased'");
        for other in ["mojo@example.com", "jo@example.com.au", "jo@", "@@"] {
            assert_eq!(without(other), other);
        }
    }

    #[test]
    fn a_document_stays_one() {
        let theirs = |word: &str| word == "+15557000001";
        let mut document =
            json!({"+15557000001": [15_557_000_001_u64, 7, "a 15557000001"], "b": null});
        assert!(blank_document(&mut document, &theirs));
        assert_eq!(document, json!({"0": [0, 7, "a 0"], "b": null}));
        assert!(!blank_document(&mut document, &theirs));
    }

    #[test]
    fn a_trace_is_hashed_in_one_form() {
        assert_eq!(canonical("15557000001"), "+15557000001");
        assert_eq!(canonical("+15557000001"), "+15557000001");
        assert_eq!(canonical("Jo@Example.com"), "jo@example.com");
    }
}
