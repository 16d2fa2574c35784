//! The heard-text ledger: which words of what the agent said reached the caller.
//!
//! Transcript, context and billing use what was heard, never what was generated. The playout clock
//! (samples sent at their pace) is the only witness; where in the audio a word lies is taken to be
//! proportional to its letters, which holds within a word or so for the voices we use.

/// Identifies one utterance of the agent within a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UtteranceId(pub u32);

/// The words of `text` that lie entirely within the first `played` of `total` samples.
///
/// An utterance without samples was never heard.
#[must_use]
pub fn heard(text: &str, total: u64, played: u64) -> &str {
    let text = text.trim();
    if total == 0 || played == 0 {
        return "";
    }
    if played >= total {
        return text;
    }
    let letters = text.chars().count() as u64;
    let mut end = 0;
    let mut position = 0;
    for word in text.split_inclusive(char::is_whitespace) {
        position += word.chars().count() as u64;
        let spoken = word.trim_end();
        let word_end = position - (word.chars().count() - spoken.chars().count()) as u64;
        // word_end / letters <= played / total, without division.
        if u128::from(word_end) * u128::from(total) > u128::from(played) * u128::from(letters) {
            break;
        }
        end = text.len().min(byte_end(text, spoken));
    }
    &text[..end]
}

/// Where `part`, a slice of `text`, ends in it.
fn byte_end(text: &str, part: &str) -> usize {
    part.as_ptr() as usize - text.as_ptr() as usize + part.len()
}

#[cfg(test)]
mod tests {
    use super::heard;

    const TEXT: &str = "Good morning, how can I help?";

    #[test]
    fn all_of_it_is_heard_when_all_samples_played() {
        assert_eq!(heard(TEXT, 16_000, 16_000), TEXT);
        assert_eq!(heard(TEXT, 16_000, 20_000), TEXT);
    }

    #[test]
    fn nothing_is_heard_before_the_first_word_ended() {
        assert_eq!(heard(TEXT, 16_000, 0), "");
        assert_eq!(heard(TEXT, 16_000, 2_000), "");
        assert_eq!(heard(TEXT, 0, 0), "");
    }

    #[test]
    fn a_word_counts_when_its_last_sample_played() {
        // "Good morning," is 13 of 29 letters.
        let end = 29_000 * 13 / 29;
        assert_eq!(heard(TEXT, 29_000, end - 1), "Good");
        assert_eq!(heard(TEXT, 29_000, end), "Good morning,");
    }

    #[test]
    fn heard_text_grows_with_the_clock_and_is_always_a_prefix() {
        let text = "Grüße aus Köln,  \u{1F44B} bis bald";
        let mut last = 0;
        for played in 0..=1_000 {
            let part = heard(text, 1_000, played);
            assert!(text.starts_with(part) && part.len() >= last, "{played}");
            last = part.len();
        }
    }
}
