//! The name of a file of PostgreSQL's log.

use std::fmt;
use std::str::FromStr;

use crate::{Error, Result};

/// A file of the write-ahead log: `000000010000000A000000FE` is timeline 1, position A/FE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WalFile {
    timeline: u32,
    log: u32,
    segment: u32,
}

impl WalFile {
    /// Whether an archive that has come as far as `self` has `other`, when both are of the history
    /// that the server has come along: a later timeline goes on where it left the earlier one.
    #[must_use]
    pub fn reaches(self, other: Self) -> bool {
        self.timeline >= other.timeline && (self.log, self.segment) >= (other.log, other.segment)
    }
}

impl fmt::Display for WalFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            timeline,
            log,
            segment,
        } = self;
        write!(f, "{timeline:08X}{log:08X}{segment:08X}")
    }
}

impl FromStr for WalFile {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let part = |from: usize| {
            text.get(from..from + 8)
                .and_then(|digits| u32::from_str_radix(digits, 16).ok())
        };
        // `from_str_radix` takes a sign.
        let digits = text.len() == 24 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        match (digits, part(0), part(8), part(16)) {
            (true, Some(timeline), Some(log), Some(segment)) => Ok(Self {
                timeline,
                log,
                segment,
            }),
            _ => Err(Error::invalid(
                "file of the log",
                "its name is not 24 hexadecimal digits",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> WalFile {
        text.parse().unwrap()
    }

    #[test]
    fn a_name_is_read_and_written_the_same() {
        let name = "000000010000000A000000FE";
        assert_eq!(file(name).to_string(), name);
        for wrong in [
            "",
            "00000001000000000000000",
            "0000000100000000000000G1",
            "+0000001+0000000+0000001",
            "000000010000000A000000FE.partial",
            "00000001000000\u{e9}000000001",
        ] {
            assert!(wrong.parse::<WalFile>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_archive_has_what_lies_before_its_newest_file() {
        let newest = file("000000020000000A00000005");
        for had in ["000000020000000A00000005", "000000010000000900000FFF"] {
            assert!(newest.reaches(file(had)), "{had}");
        }
        for not_had in [
            "000000020000000A00000006",
            "000000010000000B00000000",
            "000000030000000A00000001",
        ] {
            assert!(!newest.reaches(file(not_had)), "{not_had}");
        }
    }
}
