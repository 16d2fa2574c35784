//! A stream of text into sentences: what is said while the rest is still made.

/// The longest text that is said at once, in characters.
const LONGEST: usize = 300;
/// A word of at most so many letters that begins large is taken for an abbreviation: "Dr.", "Mrs.".
const ABBREVIATION: usize = 3;

/// Cuts text that comes in pieces.
#[derive(Debug, Default)]
pub(super) struct Sentences {
    text: String,
}

impl Sentences {
    /// More text; gives the sentences that are complete.
    pub(super) fn push(&mut self, more: &str) -> Vec<String> {
        self.text.push_str(more);
        let mut complete = Vec::new();
        while let Some(end) = self.end() {
            let rest = self.text.split_off(end);
            let sentence = std::mem::replace(&mut self.text, rest);
            complete.extend(said(&sentence));
        }
        complete
    }

    /// What is left at the end of the text.
    pub(super) fn finish(&mut self) -> Option<String> {
        said(&std::mem::take(&mut self.text))
    }

    /// Where the first sentence ends: behind a mark that white space follows, at a new line, or, of
    /// one that does not end, at its last word.
    fn end(&self) -> Option<usize> {
        let mut characters = 0;
        let mut last_space = None;
        let mut signs = self.text.char_indices().peekable();
        while let Some((at, sign)) = signs.next() {
            characters += 1;
            let next = signs.peek();
            let end = at + sign.len_utf8();
            let is_end = match sign {
                '\n' => true,
                '!' | '?' => next.is_some_and(|(_, next)| next.is_whitespace()),
                '.' => {
                    next.is_some_and(|(_, next)| next.is_whitespace())
                        && !abbreviates(&self.text[..at])
                }
                '。' | '！' | '？' => true,
                _ => false,
            };
            if is_end {
                return Some(end);
            }
            if sign.is_whitespace() {
                last_space = Some(end);
            }
            if characters > LONGEST {
                return Some(last_space.unwrap_or(end));
            }
        }
        None
    }
}

/// Whether the full stop behind `text` belongs to its last word.
fn abbreviates(text: &str) -> bool {
    let word = text.split_whitespace().next_back().unwrap_or_default();
    let large = word.chars().next().is_some_and(char::is_uppercase);
    large && word.chars().count() <= ABBREVIATION
}

/// The words without the marks that models write for eyes; nothing if none are left.
fn said(text: &str) -> Option<String> {
    let plain: String = text
        .chars()
        .filter(|sign| !matches!(sign, '*' | '#' | '`' | '_'))
        .collect();
    let words: Vec<&str> = plain.split_whitespace().collect();
    let words = words.join(" ");
    words.chars().any(char::is_alphanumeric).then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sentences of a text that comes in pieces of so many characters.
    fn cut(text: &str, piece: usize) -> Vec<String> {
        let mut sentences = Sentences::default();
        let signs: Vec<char> = text.chars().collect();
        let mut cut = Vec::new();
        for piece in signs.chunks(piece) {
            cut.extend(sentences.push(&piece.iter().collect::<String>()));
        }
        cut.extend(sentences.finish());
        cut
    }

    #[test]
    fn sentences_are_the_same_however_the_text_is_cut() {
        let text = "Hello, Dr. Ames. We open at 9.30 on Monday! Is that **fine**?\n- one\n- two";
        let expected = [
            "Hello, Dr. Ames.",
            "We open at 9.30 on Monday!",
            "Is that fine?",
            "- one",
            "- two",
        ];
        for piece in [1, 2, 3, 7, 100] {
            assert_eq!(cut(text, piece), expected, "{piece}");
        }
    }

    #[test]
    fn a_sentence_is_said_before_the_next_is_made() {
        let mut sentences = Sentences::default();
        assert!(sentences.push("Good morning.").is_empty());
        assert_eq!(sentences.push(" How"), ["Good morning."]);
    }

    #[test]
    fn what_never_ends_is_cut_at_a_word() {
        let endless = "word ".repeat(200);
        let cut = cut(&endless, 11);
        assert!(cut.len() > 2);
        assert!(cut.iter().all(|one| one.chars().count() <= LONGEST + 1));
        assert!(
            cut.iter()
                .all(|one| one.starts_with("word") && one.ends_with("word"))
        );
        let solid = "x".repeat(1_000);
        assert!(Sentences::default().push(&solid).len() >= 3);
    }

    #[test]
    fn marks_without_words_are_not_said() {
        assert!(cut("*** --- \n\n ...", 2).is_empty());
    }
}
