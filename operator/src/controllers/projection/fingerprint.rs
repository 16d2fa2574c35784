//! Hash of what a row says.

use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA256, digest};
use serde::Serialize;

/// The first 128 bits of the SHA-256 of `value` as JSON, in hexadecimal. Two values with the same
/// fingerprint make the same row, so that nothing is written while it stays.
///
/// Only for values that become JSON: maps with texts as keys.
pub(crate) fn fingerprint(value: &impl Serialize) -> String {
    let json = serde_json::to_vec(value).expect("specs are maps with texts as keys");
    let mut text = String::with_capacity(32);
    for byte in &digest(&SHA256, &json).as_ref()[..16] {
        write!(text, "{byte:02x}").expect("writing to a String does not fail");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::fingerprint;

    #[test]
    fn another_value_has_another_fingerprint() {
        assert_eq!(fingerprint(&("a", 1)), fingerprint(&("a", 1)));
        assert_ne!(fingerprint(&("a", 1)), fingerprint(&("a", 2)));
        assert_eq!(fingerprint(&1).len(), 32);
    }
}
