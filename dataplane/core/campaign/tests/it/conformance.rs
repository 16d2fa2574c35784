//! Time zones against `zdump`, prefixes against the table of libphonenumber.
//!
//! Both files lie in the folder that `CONFORMANCE_DATA` names; without it these tests say so and
//! pass.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use callplane_campaign::{CallingWindow, Opening, Zones};
use callplane_types::{E164, WallTime};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The text of an xz file of the conformance data, if there is one.
fn data(path: &str) -> Option<String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "where the data lies is no input of the core"
    )]
    let Ok(folder) = std::env::var("CONFORMANCE_DATA") else {
        eprintln!("skipped: CONFORMANCE_DATA is not set");
        return None;
    };
    let path = PathBuf::from(folder).join(path);
    let output = Command::new("xzcat").arg(&path).output();
    let Ok(output) = output else {
        eprintln!("skipped: there is no xzcat");
        return None;
    };
    assert!(output.status.success(), "{} cannot be read", path.display());
    Some(String::from_utf8(output.stdout).unwrap())
}

/// `Sun Mar 13 06:59:59 2011` as seconds of a clock, and its ISO day.
fn clock(fields: &[&str]) -> (i64, u8) {
    let text = fields.join(" ");
    let time = jiff::civil::DateTime::strptime("%a %b %d %H:%M:%S %Y", &text).unwrap();
    let seconds = TimeZone::UTC.to_timestamp(time).unwrap().as_second();
    let day = time.weekday().to_monday_one_offset();
    (seconds, day.unsigned_abs())
}

/// The tzdata that is compiled in knows that Morocco gives up its change of the clock; the data,
/// made with an older one, does not.
const MOROCCO: &str = "Africa/Casablanca";
/// 2027-01-01T00:00:00Z.
const MOROCCO_CHANGED: i64 = 1_798_761_600;

/// At each side of every change of the clock: a window of the shown minute is open, one of the
/// minute before and after is not.
#[test]
fn windows_follow_the_clock_over_every_change() {
    let Some(text) = data("tz/zdump_v_2011_2031.txt.xz") else {
        return;
    };
    let mut lines = 0;
    for line in text.lines() {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let [zone, at @ .., _, _] = fields.as_slice() else {
            continue;
        };
        // zone, five fields of UT, UT, =, five fields of local time, abbreviation, isdst, gmtoff.
        let (utc, _) = clock(&at[..5]);
        if *zone == MOROCCO && utc >= MOROCCO_CHANGED {
            continue;
        }
        let (local, day) = clock(&at[7..12]);
        let minute = u16::try_from(local.rem_euclid(86_400) / 60).unwrap();
        let zones = Zones::named(zone).unwrap();
        let now = WallTime::from_unix_micros(utc * 1_000_000);
        let opening = |minute: u16, day: u8| {
            let window = CallingWindow::new(minute, minute + 1, [day]).unwrap();
            window.opening(&zones, now)
        };
        assert_eq!(opening(minute, day), Opening::Now, "{line}");
        assert_ne!(opening(minute, day % 7 + 1), Opening::Now, "{line}");
        assert_ne!(opening((minute + 1) % 1440, day), Opening::Now, "{line}");
        assert_ne!(opening((minute + 1439) % 1440, day), Opening::Now, "{line}");
        lines += 1;
    }
    assert!(lines > 2000, "{lines} lines");
}

/// Offsets that the zones have in the middle of winter and of summer.
fn offsets<'a>(names: impl Iterator<Item = &'a str>) -> BTreeSet<(i32, i32)> {
    names
        .filter_map(|name| TimeZone::get(name).ok())
        .map(|zone| {
            let at = |text: &str| {
                let time: Timestamp = text.parse().unwrap();
                zone.to_offset(time).seconds()
            };
            (at("2026-01-15T12:00:00Z"), at("2026-07-15T12:00:00Z"))
        })
        .collect()
}

/// Prefixes, with all that begin with them, for which that table of 2018 names a clock that is not
/// kept there now.
const OTHERWISE: &[(&str, &str)] = &[
    ("1689", "an overlay of 407, Orlando: Eastern"),
    ("1867", "Yukon has kept -07 all year since 2020"),
    ("1907581", "Shemya keeps the time of Adak"),
    ("211", "South Sudan moved to +02 in 2021"),
    (
        "212",
        "Morocco keeps +01 but for Ramadan, not the clock of the Canaries",
    ),
    ("213", "Algeria has no summer time, Paris has"),
    ("218", "Libya has no summer time, Bucharest has"),
    ("505", "Nicaragua has no summer time, Chicago has"),
    ("52201", "Puebla keeps the time of Mexico City"),
    ("740", "Kaliningrad has no summer time, Bucharest has"),
    ("7840", "Abkhazia keeps the time of Moscow"),
];

/// Prefixes of which the same is true only by themselves: the union over what begins with them.
const OTHERWISE_ALONE: &[&str] = &["52", "7"];

/// A number must never be rung at an hour that is shut on one of the clocks the table names: our
/// zones have every one of their offsets.
#[test]
fn no_zone_of_a_prefix_is_forgotten() {
    let Some(text) = data("phone/prefix_timezones.txt.xz") else {
        return;
    };
    let mut checked = 0;
    let mut missing = Vec::new();
    for line in text.lines() {
        let Some((prefix, names)) = line.split_once('|') else {
            continue;
        };
        if prefix.is_empty() || !prefix.bytes().all(|b| b.is_ascii_digit()) {
            continue;
        }
        let mut otherwise = OTHERWISE.iter().map(|(known, _)| known);
        if otherwise.any(|known| prefix.starts_with(known)) || OTHERWISE_ALONE.contains(&prefix) {
            continue;
        }
        // A prefix shorter than an area code stands for numbers that are not assigned.
        if prefix.len() < 4 && prefix.starts_with('1') {
            continue;
        }
        let number: E164 = format!("+{prefix:0<9}").parse().unwrap();
        let theirs = offsets(names.split('&'));
        let Some(zones) = Zones::of_number(&number) else {
            missing.push(format!("{prefix}: unknown, {names}"));
            continue;
        };
        let ours = offsets(zones.names());
        if !theirs.is_subset(&ours) {
            missing.push(format!(
                "{prefix}: {names} but {:?}",
                zones.names().collect::<Vec<_>>()
            ));
        }
        checked += 1;
    }
    assert!(
        missing.is_empty(),
        "{} of {checked}:\n{}",
        missing.len(),
        missing.join("\n")
    );
    assert!(checked > 3000, "{checked} prefixes");
}
