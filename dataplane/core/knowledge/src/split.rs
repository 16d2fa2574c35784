//! Sizes of text, and where it can be cut.

use unicode_segmentation::UnicodeSegmentation as _;

/// Letters that count as a word where a "word" has no end: an address, a picture in letters.
const LONG: usize = 16;

/// How many words `text` has for a reader. Scripts without spaces count two letters as one.
pub(crate) fn weight(text: &str) -> usize {
    text.split_whitespace().map(word).sum()
}

fn word(word: &str) -> usize {
    let (dense, other) = letters(word);
    dense.div_ceil(2) + other.div_ceil(LONG)
}

/// Letters of scripts that have no spaces between words, and others.
fn letters(text: &str) -> (usize, usize) {
    let dense = text.chars().filter(|one| is_dense(*one)).count();
    (dense, text.chars().count() - dense)
}

fn is_dense(one: char) -> bool {
    matches!(one, '\u{e00}'..='\u{eff}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// About how many tokens models see in `text`: four octets are one in most scripts, a letter is one in those without
/// spaces. Tokenizers differ by a third.
pub(crate) fn tokens(text: &str) -> u32 {
    let (dense, _) = letters(text);
    let other: usize = text
        .chars()
        .filter(|one| !is_dense(*one))
        .map(char::len_utf8)
        .sum();
    u32::try_from(dense + other.div_ceil(4)).unwrap_or(u32::MAX)
}

/// `text` in pieces of at most `most` words: sentences (UAX #29), of long ones words, of endless ones letters. Put
/// together they are `text`.
pub(crate) fn pieces(text: &str, most: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    for sentence in text.split_sentence_bounds() {
        if weight(sentence) <= most {
            pieces.push(sentence);
        } else {
            cut(sentence, most, &mut pieces);
        }
    }
    pieces
}

fn cut<'a>(sentence: &'a str, most: usize, pieces: &mut Vec<&'a str>) {
    let mut begin = 0;
    let mut size = 0;
    let mut at = 0;
    for word in sentence.split_inclusive(char::is_whitespace) {
        let more = weight(word);
        if size + more > most && at > begin {
            pieces.push(&sentence[begin..at]);
            (begin, size) = (at, 0);
        }
        at += word.len();
        size += more;
        if size > most {
            letters_of(&sentence[begin..at], most, pieces);
            (begin, size) = (at, 0);
        }
    }
    if at > begin {
        pieces.push(&sentence[begin..at]);
    }
}

/// Cuts one endless word.
fn letters_of<'a>(word: &'a str, most: usize, pieces: &mut Vec<&'a str>) {
    let mut begin = 0;
    let (mut dense, mut other) = (0_usize, 0_usize);
    for (at, one) in word.char_indices() {
        match is_dense(one) {
            true => dense += 1,
            false => other += 1,
        }
        if dense.div_ceil(2) + other.div_ceil(LONG) > most && at > begin {
            pieces.push(&word[begin..at]);
            begin = at;
            (dense, other) = (usize::from(is_dense(one)), usize::from(!is_dense(one)));
        }
    }
    pieces.push(&word[begin..]);
}
