//! What a caller may say at a question, and what it means.

mod number;
mod words;

use std::fmt::Write as _;

use crate::value::Value;

pub(crate) use self::words::normalize;

/// The phrases of one question with their meanings, and the built-in digits or numbers.
///
/// A recogniser that follows a grammar takes [`Grammar::to_jsgf`]; what any recogniser wrote is
/// then interpreted here, so that a recogniser without a grammar may be used too.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Grammar {
    phrases: Vec<Phrase>,
    builtin: Option<Builtin>,
}

/// One phrase, normalized, and its meaning.
#[derive(Debug, Clone, PartialEq)]
struct Phrase {
    words: String,
    meaning: Meaning,
}

/// What an answer means to the question that was asked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Meaning {
    /// The answer to a collect.
    Answer(Value),
    /// The option of a menu, by its index.
    Option(usize),
    /// The name of a global node.
    Global(String),
}

/// Answers that no list of phrases could hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Builtin {
    /// Digits spoken one by one, `min` to `max` of them.
    Digits {
        /// The fewest.
        min: u32,
        /// The most.
        max: u32,
    },
    /// A whole number from `min` to `max`, spoken as one.
    Number {
        /// The smallest.
        min: u32,
        /// The largest, at most 999999.
        max: u32,
    },
}

const YES: &[&str] = &[
    "yes",
    "yeah",
    "yep",
    "yup",
    "sure",
    "correct",
    "right",
    "that's right",
    "of course",
    "okay",
];
const NO: &[&str] = &[
    "no",
    "nope",
    "wrong",
    "incorrect",
    "not right",
    "that's wrong",
    "not really",
];

// === impl Grammar ===

impl Grammar {
    pub(crate) fn add(&mut self, phrase: &str, meaning: Meaning) {
        let words = normalize(phrase);
        let known = self.phrases.iter().any(|known| known.words == words);
        if !known && !words.is_empty() {
            self.phrases.push(Phrase { words, meaning });
        }
    }

    pub(crate) fn add_yes_and_no(&mut self) {
        for (words, truth) in [(YES, true), (NO, false)] {
            for phrase in words {
                self.add(phrase, Meaning::Answer(Value::Boolean(truth)));
            }
        }
    }

    pub(crate) const fn set_builtin(&mut self, builtin: Builtin) {
        self.builtin = Some(builtin);
    }

    /// The phrases: lower-case words with single spaces. Without the built-in answers.
    pub fn phrases(&self) -> impl Iterator<Item = &str> {
        self.phrases.iter().map(|phrase| phrase.words.as_str())
    }

    /// Whether nothing that could be said is an answer.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.phrases.is_empty() && self.builtin.is_none()
    }

    /// The built-in answers that are understood beside the phrases.
    #[must_use]
    pub const fn builtin(&self) -> Option<Builtin> {
        self.builtin
    }

    /// The grammar in the [JSpeech Grammar Format](https://www.w3.org/TR/jsgf/), one public rule
    /// `answer`. Words are lower-case letters and apostrophes.
    #[must_use]
    pub fn to_jsgf(&self) -> String {
        let mut text = String::from("#JSGF V1.0;\ngrammar question;\n");
        let mut alternatives: Vec<&str> = self.phrases().collect();
        if self.builtin.is_some() {
            alternatives.push("<builtin>");
        }
        // A rule that matches nothing: some recognisers refuse a grammar without any word.
        let alternatives = match alternatives.as_slice() {
            [] => "<VOID>".to_owned(),
            some => some.join(" | "),
        };
        let _ = writeln!(text, "public <answer> = {alternatives};");
        if let Some(builtin) = self.builtin {
            text.push_str(&builtin.rules());
        }
        text
    }

    /// The meaning of recognised words: the whole text if it is a phrase or built-in answer, else
    /// the longest phrase in it, unless two of that length mean different things.
    pub(crate) fn interpret(&self, text: &str) -> Option<Meaning> {
        let words = normalize(text);
        if let Some(phrase) = self.phrases.iter().find(|phrase| phrase.words == words) {
            return Some(phrase.meaning.clone());
        }
        if let Some(value) = self.builtin.and_then(|builtin| builtin.parse(text)) {
            return Some(Meaning::Answer(value));
        }
        let mut within: Vec<&Phrase> = self
            .phrases
            .iter()
            .filter(|phrase| contains_words(&words, &phrase.words))
            .collect();
        within.sort_by_key(|phrase| std::cmp::Reverse(phrase.words.len()));
        let longest = within.first()?;
        let ambiguous = within.iter().any(|other| {
            other.words.len() == longest.words.len() && other.meaning != longest.meaning
        });
        (!ambiguous).then(|| longest.meaning.clone())
    }
}

impl Builtin {
    /// The rules of `<builtin>` in JSGF, for recognisers that take a list of phrases beside.
    #[must_use]
    pub fn rules(self) -> String {
        match self {
            Self::Digits { min, max } => number::digit_rules(min, max),
            Self::Number { max, .. } => number::number_rules(max),
        }
    }

    fn parse(self, text: &str) -> Option<Value> {
        match self {
            Self::Digits { min, max } => {
                let digits = number::parse_digits(text)?;
                let length = u32::try_from(digits.len()).ok()?;
                (min..=max).contains(&length).then(|| Value::text(digits))
            }
            Self::Number { min, max } => {
                let number = number::parse_number(text)?;
                let inside = (min..=max).contains(&number);
                inside.then(|| Value::Integer(i64::from(number)))
            }
        }
    }
}

/// Whether `phrase` occurs in `text` with nothing but word boundaries around it.
fn contains_words(text: &str, phrase: &str) -> bool {
    text.match_indices(phrase).any(|(start, _)| {
        let before = text[..start].chars().next_back();
        let after = text[start + phrase.len()..].chars().next();
        before.is_none_or(|c| c == ' ') && after.is_none_or(|c| c == ' ')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn menu() -> Grammar {
        let mut grammar = Grammar::default();
        for (index, phrase) in ["Sales", "technical support", "support"]
            .into_iter()
            .enumerate()
        {
            grammar.add(phrase, Meaning::Option(index));
        }
        grammar
    }

    #[test]
    fn the_longest_phrase_in_a_sentence_counts() {
        let grammar = menu();
        for (said, meant) in [
            ("sales", Some(0)),
            ("Uh, SALES please!", Some(0)),
            ("technical support", Some(1)),
            ("I need technical-support now", Some(1)),
            ("support", Some(2)),
            ("wholesales", None),
            ("", None),
        ] {
            assert_eq!(
                grammar.interpret(said),
                meant.map(Meaning::Option),
                "{said}"
            );
        }
    }

    #[test]
    fn two_phrases_of_one_length_are_no_answer() {
        let mut grammar = Grammar::default();
        grammar.add("red", Meaning::Option(0));
        grammar.add("tan", Meaning::Option(1));
        assert_eq!(grammar.interpret("red or tan"), None);
    }

    #[test]
    fn not_right_means_no() {
        let mut grammar = Grammar::default();
        grammar.add_yes_and_no();
        let no = Some(Meaning::Answer(Value::Boolean(false)));
        assert_eq!(grammar.interpret("that's not right"), no);
        assert_eq!(grammar.interpret("no"), no);
        assert_eq!(
            grammar.interpret("yes please"),
            Some(Meaning::Answer(Value::Boolean(true)))
        );
    }

    #[test]
    fn a_grammar_for_the_recogniser_has_one_public_rule() {
        let mut grammar = menu();
        grammar.set_builtin(Builtin::Digits { min: 1, max: 2 });
        let jsgf = grammar.to_jsgf();
        assert!(
            jsgf.contains("public <answer> = sales | technical support | support | <builtin>;")
        );
        assert!(jsgf.contains("<builtin> = <digit> [<digit>];"), "{jsgf}");
    }

    #[test]
    fn digits_and_numbers_keep_to_their_range() {
        let mut digits = Grammar::default();
        digits.set_builtin(Builtin::Digits { min: 3, max: 4 });
        assert_eq!(
            digits.interpret("one oh two"),
            Some(Meaning::Answer("102".into()))
        );
        assert_eq!(digits.interpret("one two"), None);
        let mut number = Grammar::default();
        number.set_builtin(Builtin::Number { min: 1, max: 120 });
        assert_eq!(
            number.interpret("forty two"),
            Some(Meaning::Answer(Value::Integer(42)))
        );
        assert_eq!(number.interpret("one hundred twenty one"), None);
    }
}
