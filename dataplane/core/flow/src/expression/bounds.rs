//! How long, how deep and how branched a text may be before the parser sees it.
//!
//! Only octets are counted, also those within text and comments: what would have to know where
//! text ends could be deceived about it, and the parser would get more than was counted.

use super::InvalidExpression;
use crate::graph::MAX_EXPRESSION;

/// Brackets within brackets.
pub(super) const MAX_DEPTH: usize = 16;
/// Octets of operators, and opening brackets: each makes the tree at most one deeper.
pub(super) const MAX_OPERATORS: usize = 128;

pub(super) fn check(source: &str) -> Result<(), InvalidExpression> {
    if source.len() > MAX_EXPRESSION {
        return Err(InvalidExpression::TooLong);
    }
    let (mut depth, mut operators) = (0_usize, words(source));
    let mut octets = source.bytes().peekable();
    while let Some(octet) = octets.next() {
        match octet {
            b'(' | b'[' | b'{' => {
                depth += 1;
                operators += 1;
            }
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            // A point within a number.
            b'.' if octets.peek().is_some_and(u8::is_ascii_digit) => {}
            // `==`, `&&` and the like count once.
            b'=' | b'&' | b'|' if octets.next_if_eq(&octet).is_some() => operators += 1,
            b'+' | b'-' | b'*' | b'/' | b'%' | b'!' | b'<' | b'>' | b'?' | b'.' => operators += 1,
            _ => {}
        }
        if depth > MAX_DEPTH || operators > MAX_OPERATORS {
            return Err(InvalidExpression::TooComplex);
        }
    }
    Ok(())
}

/// The operator that is a word.
fn words(source: &str) -> usize {
    source
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| *word == "in")
        .count()
}
