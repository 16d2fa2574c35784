//! English digits and whole numbers, as they are spoken and as recognisers write them.

use super::normalize;

const UNITS: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: [&str; 8] = [
    "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
];

/// Digits spoken one by one, with `oh` for zero, `double` and `triple`; or written as digits.
/// Nothing if any word is something else.
pub(super) fn parse_digits(text: &str) -> Option<String> {
    let words = normalize(text);
    let mut digits = String::new();
    let mut times = 1;
    for word in words.split(' ').filter(|word| !word.is_empty()) {
        match word {
            "double" if times == 1 => times = 2,
            "triple" if times == 1 => times = 3,
            _ if word.bytes().all(|b| b.is_ascii_digit()) && times == 1 => digits.push_str(word),
            _ => {
                let digit = digit_of(word)?;
                digits.extend(std::iter::repeat_n(digit, times));
                times = 1;
            }
        }
        if digits.len() > 64 {
            return None;
        }
    }
    (times == 1 && !digits.is_empty()).then_some(digits)
}

fn digit_of(word: &str) -> Option<char> {
    if matches!(word, "oh" | "o" | "nought") {
        return Some('0');
    }
    let value = UNITS[..10].iter().position(|unit| *unit == word)?;
    char::from_digit(u32::try_from(value).ok()?, 10)
}

/// A whole number up to 999999 spoken as one, with or without `and`; or written as digits.
pub(super) fn parse_number(text: &str) -> Option<u32> {
    let grouped = text.trim().replace(',', "");
    if !grouped.is_empty() && grouped.bytes().all(|b| b.is_ascii_digit()) {
        return grouped.parse().ok();
    }
    let words = normalize(text);
    let words: Vec<&str> = words.split(' ').filter(|word| *word != "and").collect();
    match words.iter().position(|word| *word == "thousand") {
        None => below_thousand(&words),
        Some(at) => {
            let thousands = below_thousand(&words[..at]).filter(|n| *n > 0)?;
            let rest = match &words[at + 1..] {
                [] => 0,
                rest => below_thousand(rest).filter(|n| *n > 0)?,
            };
            Some(thousands * 1000 + rest)
        }
    }
}

fn below_thousand(words: &[&str]) -> Option<u32> {
    match words {
        ["a" | "one", "hundred"] => Some(100),
        ["a", "hundred", rest @ ..] => below_hundred(rest).filter(|n| *n > 0).map(|n| n + 100),
        [unit, "hundred", rest @ ..] => {
            let hundreds = below_hundred(&[unit]).filter(|n| (1..=9).contains(n))?;
            let rest = match rest {
                [] => 0,
                rest => below_hundred(rest).filter(|n| *n > 0)?,
            };
            Some(hundreds * 100 + rest)
        }
        words => below_hundred(words),
    }
}

fn below_hundred(words: &[&str]) -> Option<u32> {
    let unit = |word: &str| UNITS.iter().position(|unit| *unit == word);
    let tens = |word: &str| TENS.iter().position(|tens| *tens == word);
    let value = match words {
        [word] => unit(word).or_else(|| tens(word).map(|n| (n + 2) * 10))?,
        [first, second] => {
            let unit = unit(second).filter(|n| (1..=9).contains(n))?;
            (tens(first)? + 2) * 10 + unit
        }
        _ => return None,
    };
    u32::try_from(value).ok()
}

/// `<builtin>` for `min` to `max` digits.
pub(super) fn digit_rules(min: u32, max: u32) -> String {
    let optional = max.saturating_sub(min) as usize;
    let sequence = format!(
        "{}{}{}",
        vec!["<digit>"; min as usize].join(" "),
        " [<digit>".repeat(optional),
        "]".repeat(optional),
    );
    format!(
        "<builtin> = {};\n<digit> = {} | oh;\n",
        sequence.trim_start(),
        UNITS[..10].join(" | ")
    )
}

/// `<builtin>` for whole numbers of at most as many digits as `max` has.
pub(super) fn number_rules(max: u32) -> String {
    let mut rules = String::from(match max {
        0..=99 => "<builtin> = zero | <below100>;\n",
        100..=999 => "<builtin> = zero | <below1000>;\n",
        _ => "<builtin> = zero | <below1000> | <below1000> thousand [[and] <below1000>];\n",
    });
    if max > 99 {
        rules.push_str(
            "<below1000> = <below100> | (a | <unit>) hundred | (a | <unit>) hundred [and] <below100>;\n",
        );
    }
    rules.push_str("<below100> = <unit> | <teen> | <tens> | <tens> <unit>;\n");
    for (name, words) in [
        ("unit", &UNITS[1..10]),
        ("teen", &UNITS[10..]),
        ("tens", &TENS[..]),
    ] {
        rules.push_str(&format!("<{name}> = {};\n", words.join(" | ")));
    }
    rules
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spell(n: u32) -> String {
        let unit = |n: u32| UNITS[n as usize].to_owned();
        match n {
            0..=19 => unit(n),
            20..=99 if n.is_multiple_of(10) => TENS[n as usize / 10 - 2].to_owned(),
            20..=99 => format!("{}-{}", TENS[n as usize / 10 - 2], unit(n % 10)),
            100..=999 if n.is_multiple_of(100) => format!("{} hundred", unit(n / 100)),
            100..=999 => format!("{} hundred and {}", unit(n / 100), spell(n % 100)),
            _ if n.is_multiple_of(1000) => format!("{} thousand", spell(n / 1000)),
            _ => format!("{} thousand {}", spell(n / 1000), spell(n % 1000)),
        }
    }

    #[test]
    fn every_spelled_number_reads_back() {
        for n in (0..2100).chain((2100..1_000_000).step_by(977)) {
            assert_eq!(parse_number(&spell(n)), Some(n), "{}", spell(n));
        }
        assert_eq!(parse_number("1,250"), Some(1250));
        assert_eq!(parse_number("a hundred and five"), Some(105));
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in [
            "",
            "hundred",
            "twenty twenty",
            "one two",
            "thousand",
            "five hundred zero",
            "maybe",
            "99999999999",
        ] {
            assert_eq!(parse_number(text), None, "{text}");
        }
    }

    #[test]
    fn spoken_digits_read_back() {
        for (text, digits) in [
            ("four oh seven", Some("407")),
            ("double five one", Some("551")),
            ("4 0 7", Some("407")),
            ("407", Some("407")),
            ("double", None),
            ("four maybe", None),
            ("", None),
        ] {
            assert_eq!(parse_digits(text).as_deref(), digits, "{text}");
        }
    }
}
