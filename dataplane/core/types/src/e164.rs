//! Telephone numbers as ITU-T E.164 writes them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A telephone number in international form: `+`, then 7 to 15 digits, the first not zero
/// (ITU-T E.164 allows at most 15; shorter than 7 is no number anybody can be assigned).
///
/// It is personal data: [`fmt::Debug`] shows only the last two digits, [`fmt::Display`] all of it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct E164(String);

/// Why a text is no [`E164`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an E.164 number: write + and 7 to 15 digits, as in +15551230001")]
pub struct InvalidE164;

impl E164 {
    /// The number with its leading `+`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The digits without `+`.
    #[must_use]
    pub fn digits(&self) -> &str {
        &self.0[1..]
    }
}

impl FromStr for E164 {
    type Err = InvalidE164;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix('+').ok_or(InvalidE164)?;
        let well_formed = (7..=15).contains(&digits.len())
            && digits.bytes().all(|b| b.is_ascii_digit())
            && !digits.starts_with('0');
        if well_formed {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidE164)
        }
    }
}

impl TryFrom<String> for E164 {
    type Error = InvalidE164;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<E164> for String {
    fn from(number: E164) -> Self {
        number.0
    }
}

impl fmt::Display for E164 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for E164 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "E164(..{})", &self.0[self.0.len() - 2..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plus_and_seven_to_fifteen_digits_are_a_number() {
        for good in ["+1555123", "+15551230001", "+491701234567890"] {
            assert_eq!(good.parse::<E164>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "+",
            "15551230001",
            "+0555123000",
            "+123456",
            "+1234567890123456",
            "+1555a23",
        ] {
            assert_eq!(bad.parse::<E164>(), Err(InvalidE164), "{bad}");
        }
    }

    #[test]
    fn no_emergency_number_is_one_bare_or_behind_any_country_code() {
        // 112, 911, 999, 000, 110 and their like have three digits, country codes at most three.
        for code in 0..1000 {
            let code = format!("{code:03}");
            assert!(code.parse::<E164>().is_err(), "{code}");
            assert!(format!("+{code}").parse::<E164>().is_err(), "+{code}");
            for country in 1..1000 {
                let number = format!("+{country}{code}");
                assert!(number.parse::<E164>().is_err(), "{number}");
            }
        }
    }

    #[test]
    fn debug_does_not_show_the_number() {
        let number: E164 = "+15551230001".parse().unwrap();
        assert_eq!(format!("{number:?}"), "E164(..01)");
    }
}
