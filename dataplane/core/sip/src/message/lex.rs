//! The few lexical rules that every header shares (RFC 3261 section 25.1).

use bytes::Bytes;

/// A token character.
pub(crate) const fn is_token_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric()
        || matches!(
            b,
            b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~'
        )
}

/// One or more token characters.
pub(crate) fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().copied().all(is_token_byte)
}

const fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\r' | b'\n')
}

/// `text` without linear white space at both ends.
pub(crate) fn trim(mut text: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = text
        && is_space(*first)
    {
        text = rest;
    }
    while let [rest @ .., last] = text
        && is_space(*last)
    {
        text = rest;
    }
    text
}

/// The position of the first `needle` outside quoted strings and angle brackets.
///
/// `None` in the outer option: a quoted string or bracket is left open.
pub(crate) fn find_top_level(text: &[u8], needle: u8) -> Option<Option<usize>> {
    let mut quoted = false;
    let mut bracketed = false;
    let mut escaped = false;
    for (at, &b) in text.iter().enumerate() {
        if quoted {
            match b {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => quoted = false,
                _ => {}
            }
        } else if b == needle && !bracketed {
            return Some(Some(at));
        } else {
            match b {
                b'"' if !bracketed => quoted = true,
                b'<' => bracketed = true,
                b'>' => bracketed = false,
                _ => {}
            }
        }
    }
    (!quoted && !bracketed).then_some(None)
}

/// The elements of a comma-separated list, trimmed; `None` when quotes or brackets do not balance.
pub(crate) fn split_list(value: &Bytes) -> Option<Vec<Bytes>> {
    let mut rest: &[u8] = value;
    let mut elements = Vec::new();
    loop {
        let comma = find_top_level(rest, b',')?;
        let element = trim(&rest[..comma.unwrap_or(rest.len())]);
        elements.push(slice_of(value, element));
        match comma {
            Some(at) => rest = &rest[at + 1..],
            None => return Some(elements),
        }
    }
}

/// `part`, which lies inside `whole`, sharing its memory.
pub(crate) fn slice_of(whole: &Bytes, part: &[u8]) -> Bytes {
    if part.is_empty() {
        Bytes::new()
    } else {
        whole.slice_ref(part)
    }
}

/// An unsigned decimal of at most `max`; digits only, any number of leading zeros.
pub(crate) fn decimal(text: &[u8], max: u64) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    let mut value: u64 = 0;
    for &b in text {
        if !b.is_ascii_digit() {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(u64::from(b - b'0'))?;
    }
    (value <= max).then_some(value)
}

/// The text inside a quoted string with its escapes resolved; tokens come back as they are.
pub(crate) fn unquote(text: &[u8]) -> Vec<u8> {
    let inner = match text {
        [b'"', inner @ .., b'"'] => inner,
        plain => return plain.to_vec(),
    };
    let mut out = Vec::with_capacity(inner.len());
    let mut escaped = false;
    for &b in inner {
        if b == b'\\' && !escaped {
            escaped = true;
        } else {
            escaped = false;
            out.push(b);
        }
    }
    out
}

/// `text` as a quoted string; control characters, which could break a header, are left out.
pub(crate) fn quote(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 2);
    out.push(b'"');
    for &b in text {
        match b {
            b'"' | b'\\' => out.extend([b'\\', b]),
            0..=8 | 10..=31 | 127 => {}
            _ => out.push(b),
        }
    }
    out.push(b'"');
    out
}
