//! Words as recognisers write them.

/// Lower-case words of letters and apostrophes with single spaces between them; everything else
/// separates words.
pub(crate) fn normalize(text: &str) -> String {
    let mut words = String::with_capacity(text.len());
    let mut gap = false;
    for c in text.chars() {
        let c = if c == '\u{2019}' { '\'' } else { c };
        if c.is_alphanumeric() || c == '\'' {
            if gap && !words.is_empty() {
                words.push(' ');
            }
            gap = false;
            words.extend(c.to_lowercase());
        } else {
            gap = true;
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::normalize;

    #[test]
    fn case_and_punctuation_do_not_count() {
        for (text, words) in [
            ("  Opening hours!", "opening hours"),
            ("That\u{2019}s right.", "that's right"),
            ("check-in", "check in"),
            ("Größe?", "größe"),
            ("...", ""),
        ] {
            assert_eq!(normalize(text), words);
        }
    }
}
