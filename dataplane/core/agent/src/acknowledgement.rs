//! Words by which a listener says no more than "go on".

/// Those of a language by its BCP 47 tag; of a language that is not known: those that are none of any language.
pub(crate) fn of_language(tag: &str) -> &'static [&'static str] {
    let primary = tag.split('-').next().unwrap_or_default();
    match primary.to_ascii_lowercase().as_str() {
        "en" => &[
            "mhm",
            "mm",
            "mmm",
            "hmm",
            "hm",
            "mm hmm",
            "mm hm",
            "uh huh",
            "uhuh",
            "aha",
            "ah",
            "oh",
            "okay",
            "ok",
            "right",
            "alright",
            "all right",
            "i see",
            "i understand",
            "understood",
            "got it",
            "gotcha",
            "sure",
            "yeah",
            "yep",
            "yes",
        ],
        "de" => &[
            "mhm",
            "mm",
            "mmm",
            "hmm",
            "hm",
            "aha",
            "ah",
            "ach so",
            "achso",
            "okay",
            "ok",
            "gut",
            "genau",
            "verstehe",
            "ich verstehe",
            "verstanden",
            "alles klar",
            "stimmt",
            "ja",
            "jawohl",
        ],
        _ => &["mhm", "mm", "mmm", "hmm", "hm", "aha", "ah", "okay", "ok"],
    }
}

/// Whether a text is made of nothing else.
pub(crate) fn is_nothing_else(text: &str, acknowledgements: &[&str]) -> bool {
    let is_apart = |character: char| !character.is_alphanumeric() && character != '\'';
    let words: Vec<String> = text
        .split(is_apart)
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    let mut rest = words.as_slice();
    while !rest.is_empty() {
        let length = |phrase: &&str| {
            let length = phrase.split(' ').count();
            let begins = phrase
                .split(' ')
                .eq(rest.iter().take(length).map(String::as_str));
            begins.then_some(length)
        };
        match acknowledgements.iter().filter_map(length).max() {
            Some(length) => rest = &rest[length..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_more_than_go_on_is_more() {
        let is_nothing_else = |text| is_nothing_else(text, of_language("en-GB"));
        for text in [
            "Mm-hmm.",
            "uh-huh",
            "Okay, I see.",
            "Yeah, yeah, right!",
            "ALL RIGHT",
            "",
            " … ",
        ] {
            assert!(is_nothing_else(text), "{text}");
        }
        for text in [
            "Okay, stop.",
            "No.",
            "I see a problem",
            "right now",
            "all",
            "yes please",
        ] {
            assert!(!is_nothing_else(text), "{text}");
        }
    }

    #[test]
    fn languages_have_their_own() {
        assert!(is_nothing_else("Ja, genau.", of_language("de")));
        assert!(!is_nothing_else("Ja.", of_language("en")));
        assert!(is_nothing_else("mhm", of_language("sv-SE")));
    }
}
