//! Characters out of octets.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

/// The characters of `octets`: by their mark of order, by `charset`, as UTF-8 where they are that, and else as what
/// browsers take for unmarked pages. What is no character becomes U+FFFD.
pub(crate) fn decode<'a>(octets: &'a [u8], charset: Option<&str>) -> Cow<'a, str> {
    let named = charset.and_then(|label| Encoding::for_label(label.as_bytes()));
    let encoding = named.unwrap_or_else(|| match std::str::from_utf8(octets) {
        Ok(_) => UTF_8,
        Err(_) => WINDOWS_1252,
    });
    // A mark of order goes before the name, as in browsers.
    encoding.decode(octets).0
}
