//! The clocks a recipient may look at.

mod countries;
mod north_america;

use std::sync::LazyLock;

use callplane_types::E164;
use jiff::tz::{TimeZone, TimeZoneDatabase};

/// The tzdata that is compiled in: the same on every machine, whatever is installed there.
static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// One or more time zones, all of which count.
#[derive(Debug, Clone, PartialEq)]
pub struct Zones(Vec<TimeZone>);

/// Why a name is no time zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no IANA time zone: write one like Europe/Berlin")]
pub struct UnknownZone(String);

impl Zones {
    /// One zone by its IANA name, such as `Europe/Berlin`.
    ///
    /// # Errors
    /// When there is no such zone.
    pub fn named(name: &str) -> Result<Self, UnknownZone> {
        let unknown = || UnknownZone(name.chars().take(64).collect());
        // What is too long is no name; it would only be copied about.
        if name.len() > 64 {
            return Err(unknown());
        }
        let zone = DATABASE.get(name).map_err(|_| unknown())?;
        Ok(Self(vec![zone]))
    }

    /// Every zone in which a number of this prefix may be. `None` for one that is unknown.
    ///
    /// A number says where it was given out, not where its owner is; a row that tells the zone
    /// knows better.
    #[must_use]
    pub fn of_number(number: &E164) -> Option<Self> {
        let digits = number.digits();
        let names = match digits.strip_prefix('1') {
            Some(national) => north_america::zones(national),
            None => countries::zones(digits)?,
        };
        let zones: Vec<TimeZone> = names
            .split_ascii_whitespace()
            .filter_map(|name| DATABASE.get(name).ok())
            .collect();
        (!zones.is_empty()).then_some(Self(zones))
    }

    /// Names of the zones.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(TimeZone::iana_name)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &TimeZone> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(number: &str) -> Vec<String> {
        let zones = Zones::of_number(&number.parse().unwrap()).unwrap();
        zones.names().map(str::to_owned).collect()
    }

    #[test]
    fn every_name_in_the_tables_is_a_zone() {
        let lists = countries::TABLE.iter().chain(north_america::TABLE);
        let names = lists.flat_map(|(_, names)| names.split_ascii_whitespace());
        for name in names.chain(north_america::ANYWHERE.split_ascii_whitespace()) {
            assert!(DATABASE.get(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn no_prefix_is_listed_twice() {
        for table in [countries::TABLE, north_america::TABLE] {
            let mut seen = std::collections::BTreeSet::new();
            for prefix in table
                .iter()
                .flat_map(|(list, _)| list.split_ascii_whitespace())
            {
                assert!(seen.insert(prefix), "{prefix}");
            }
        }
    }

    #[test]
    fn the_longest_prefix_decides() {
        assert_eq!(of("+4930123456"), ["Europe/Berlin"]);
        assert_eq!(of("+12125550100"), ["America/New_York"]);
        assert_eq!(of("+15415550100"), ["America/Los_Angeles", "America/Boise"]);
        assert_eq!(of("+77010000000"), ["Asia/Almaty", "Asia/Aqtobe"]);
        assert_eq!(
            of("+61712345678"),
            ["Australia/Brisbane", "Australia/Sydney"]
        );
        assert!(
            of("+18005550100").len() > 5,
            "a toll-free number may be anywhere"
        );
        assert_eq!(Zones::of_number(&"+8881234567".parse().unwrap()), None);
    }

    #[test]
    fn a_name_that_is_no_zone_is_refused() {
        for name in ["", "Europe/Atlantis", "../etc/passwd", &"a".repeat(500)] {
            assert!(Zones::named(name).is_err());
        }
        let berlin = Zones::named("Europe/Berlin").unwrap();
        assert_eq!(berlin.names().collect::<Vec<_>>(), ["Europe/Berlin"]);
    }
}
