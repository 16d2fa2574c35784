//! When people may be rung.

use callplane_campaign::{
    CallingWindow, Clock, Decision, InvalidWindow, Opening, Recipient, Suppression, Zones, decide,
};
use callplane_types::{E164, WallTime};
use jiff::Timestamp;
use proptest::prelude::*;

const EVERY_DAY: [u8; 7] = [1, 2, 3, 4, 5, 6, 7];
const WORKDAYS: [u8; 5] = [1, 2, 3, 4, 5];

fn utc(text: &str) -> WallTime {
    let time: Timestamp = text.parse().unwrap();
    WallTime::from_unix_micros(time.as_microsecond())
}

fn window(from: &str, to: &str, days: &[u8]) -> CallingWindow {
    let minute = |text: &str| {
        let (hour, minute) = text.split_once(':').unwrap();
        hour.parse::<u16>().unwrap() * 60 + minute.parse::<u16>().unwrap()
    };
    CallingWindow::new(minute(from), minute(to), days.iter().copied()).unwrap()
}

fn zone(name: &str) -> Zones {
    Zones::named(name).unwrap()
}

#[track_caller]
fn opens(window: &CallingWindow, zones: &Zones, now: &str, opening: &str) {
    let found = match window.opening(zones, utc(now)) {
        Opening::Now => "now".to_owned(),
        Opening::Never => "never".to_owned(),
        Opening::At(time) => Timestamp::from_microsecond(time.unix_micros())
            .unwrap()
            .to_string(),
    };
    assert_eq!(found, opening, "at {now}");
}

#[test]
fn a_window_is_open_from_its_first_second_to_before_its_last() {
    let window = window("09:00", "18:00", &WORKDAYS);
    let berlin = zone("Europe/Berlin"); // 2 hours ahead in summer
    opens(
        &window,
        &berlin,
        "2026-07-06T06:59:59Z",
        "2026-07-06T07:00:00Z",
    ); // a Monday
    opens(&window, &berlin, "2026-07-06T07:00:00Z", "now");
    opens(&window, &berlin, "2026-07-06T15:59:59.999999Z", "now");
    opens(
        &window,
        &berlin,
        "2026-07-06T16:00:00Z",
        "2026-07-07T07:00:00Z",
    );
    opens(
        &window,
        &berlin,
        "2026-07-10T16:00:00Z",
        "2026-07-13T07:00:00Z",
    ); // over the weekend
    opens(
        &window,
        &berlin,
        "2026-01-05T07:30:00Z",
        "2026-01-05T08:00:00Z",
    ); // winter
}

#[test]
fn a_window_over_midnight_belongs_to_the_day_it_begins() {
    let friday = window("22:00", "02:00", &[5]);
    let utc = zone("UTC");
    opens(
        &friday,
        &utc,
        "2026-07-10T21:59:59Z",
        "2026-07-10T22:00:00Z",
    );
    opens(&friday, &utc, "2026-07-11T01:59:59Z", "now");
    opens(
        &friday,
        &utc,
        "2026-07-11T02:00:00Z",
        "2026-07-17T22:00:00Z",
    );
    opens(
        &friday,
        &utc,
        "2026-07-10T01:00:00Z",
        "2026-07-10T22:00:00Z",
    );
}

#[test]
fn midnight_can_be_an_end() {
    let whole = window("00:00", "24:00", &EVERY_DAY);
    opens(
        &whole,
        &zone("Asia/Kathmandu"),
        "2026-07-10T18:14:59Z",
        "now",
    );
    let saturday = window("00:00", "24:00", &[6]);
    opens(
        &saturday,
        &zone("UTC"),
        "2026-07-10T23:59:59Z",
        "2026-07-11T00:00:00Z",
    );
    opens(
        &saturday,
        &zone("UTC"),
        "2026-07-12T00:00:00Z",
        "2026-07-18T00:00:00Z",
    );
}

#[test]
fn an_hour_that_the_clock_leaves_out_is_no_hour_of_the_window() {
    // Berlin, 2026-03-29: 02:00 becomes 03:00.
    let berlin = zone("Europe/Berlin");
    let early = window("02:30", "05:00", &EVERY_DAY);
    opens(
        &early,
        &berlin,
        "2026-03-29T00:59:59Z",
        "2026-03-29T01:00:00Z",
    );
    opens(&early, &berlin, "2026-03-29T01:00:00Z", "now");
    let within = window("02:10", "02:50", &[7]);
    opens(
        &within,
        &berlin,
        "2026-03-29T00:00:00Z",
        "2026-04-05T00:10:00Z",
    );
}

#[test]
fn an_hour_that_the_clock_shows_twice_counts_twice() {
    // New York, 2026-11-01: 02:00 becomes 01:00.
    let new_york = zone("America/New_York");
    let night = window("01:30", "02:00", &EVERY_DAY);
    opens(
        &night,
        &new_york,
        "2026-11-01T05:29:59Z",
        "2026-11-01T05:30:00Z",
    );
    opens(&night, &new_york, "2026-11-01T05:59:59Z", "now");
    opens(
        &night,
        &new_york,
        "2026-11-01T06:00:00Z",
        "2026-11-01T06:30:00Z",
    );
    opens(&night, &new_york, "2026-11-01T06:59:59Z", "now");
    opens(
        &night,
        &new_york,
        "2026-11-01T07:00:00Z",
        "2026-11-02T06:30:00Z",
    );
}

#[test]
fn a_day_that_is_left_out_is_no_day_of_the_window() {
    // Apia crossed the date line: there was no Friday 2011-12-30.
    let friday = window("09:00", "17:00", &[5]);
    opens(
        &friday,
        &zone("Pacific/Apia"),
        "2011-12-30T09:00:00Z",
        "2012-01-05T19:00:00Z",
    );
}

#[test]
fn a_number_in_several_zones_is_rung_when_all_of_them_are_open() {
    let oregon = Zones::of_number(&"+15415550100".parse().unwrap()).unwrap();
    let window = window("09:00", "17:00", &EVERY_DAY);
    opens(
        &window,
        &oregon,
        "2026-07-06T15:30:00Z",
        "2026-07-06T16:00:00Z",
    ); // 9:00 Pacific
    opens(&window, &oregon, "2026-07-06T22:59:59Z", "now");
    opens(
        &window,
        &oregon,
        "2026-07-06T23:00:00Z",
        "2026-07-07T16:00:00Z",
    ); // 17:00 Mountain
}

#[test]
fn zones_without_a_common_hour_are_never_open() {
    let russia = Zones::of_number(&"+79161234567".parse().unwrap()).unwrap();
    opens(
        &window("09:00", "17:00", &EVERY_DAY),
        &russia,
        "2026-07-06T00:00:00Z",
        "never",
    );
    opens(
        &window("09:00", "21:00", &EVERY_DAY),
        &russia,
        "2026-07-06T00:00:00Z",
        "2026-07-06T07:00:00Z",
    );
}

#[test]
fn the_first_and_the_last_time_there_is_do_no_harm() {
    let window = window("09:00", "17:00", &EVERY_DAY);
    for micros in [
        i64::MIN,
        i64::MAX,
        -377_705_023_201_000_000,
        253_402_207_200_999_999,
    ] {
        let _ = window.opening(&zone("Pacific/Apia"), WallTime::from_unix_micros(micros));
    }
}

#[test]
fn what_is_no_window_is_refused() {
    for (from, to, days, error) in [
        (1440, 10, vec![1], InvalidWindow::Time),
        (0, 1441, vec![1], InvalidWindow::Time),
        (5, 0, vec![1], InvalidWindow::Time),
        (60, 60, vec![1], InvalidWindow::Empty),
        (0, 60, vec![], InvalidWindow::Days),
        (0, 60, vec![0], InvalidWindow::Days),
        (0, 60, vec![8], InvalidWindow::Days),
    ] {
        assert_eq!(CallingWindow::new(from, to, days), Err(error));
    }
}

#[test]
fn a_recipient_is_decided_by_list_then_zone_then_window() {
    let number: E164 = "+4930123456".parse().unwrap();
    let satellite: E164 = "+8811234567".parse().unwrap();
    let window = window("09:00", "18:00", &WORKDAYS);
    let noon = utc("2026-07-06T10:00:00Z");
    let recipient = Recipient {
        number: &number,
        time_zone: None,
        do_not_call: false,
    };
    let at = |recipient, clock: &Clock| decide(&recipient, &window, clock, noon);
    assert_eq!(at(recipient, &Clock::Recipient), Decision::Dial);
    let barred = Recipient {
        do_not_call: true,
        ..recipient
    };
    assert_eq!(
        at(barred, &Clock::Fixed(zone("UTC"))),
        Decision::Suppress(Suppression::DoNotCall)
    );
    let elsewhere = Recipient {
        time_zone: Some("America/New_York"),
        ..recipient
    };
    assert_eq!(
        at(elsewhere, &Clock::Recipient),
        Decision::NotBefore(utc("2026-07-06T13:00:00Z"))
    );
    assert_eq!(
        at(elsewhere, &Clock::Fixed(zone("Europe/Berlin"))),
        Decision::Dial
    );
    for unknown in [
        Recipient {
            time_zone: Some("Europe/Atlantis"),
            ..recipient
        },
        Recipient {
            number: &satellite,
            ..recipient
        },
    ] {
        assert_eq!(
            at(unknown, &Clock::Recipient),
            Decision::Suppress(Suppression::NoTimeZone)
        );
    }
}

/// Shows the local minute of the day and the ISO day, by a way of its own.
fn local(zone: &str, micros: i64) -> (u16, u8) {
    let time = Timestamp::from_microsecond(micros).unwrap();
    let text = time.in_tz(zone).unwrap().strftime("%H %M %u").to_string();
    let parts: Vec<u16> = text.split(' ').map(|part| part.parse().unwrap()).collect();
    (parts[0] * 60 + parts[1], u8::try_from(parts[2]).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// An opening is open, the moment before it is shut, and no quarter of an hour until then is open.
    #[test]
    fn an_opening_is_the_first(
        from in 0_u16..1440,
        to in 1_u16..=1440,
        days in prop::collection::btree_set(1_u8..=7, 1..4),
        zone_name in prop::sample::select(vec![
            "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia",
            "Asia/Kathmandu", "Africa/Casablanca", "America/St_Johns", "UTC",
        ]),
        seconds in 1_293_840_000_i64..1_924_992_000,
    ) {
        prop_assume!(from != to);
        let window = CallingWindow::new(from, to, days.iter().copied()).unwrap();
        let zones = zone(zone_name);
        let contains = |micros: i64| {
            let (minute, day) = local(zone_name, micros);
            let yesterday = if day == 1 { 7 } else { day - 1 };
            if from < to {
                days.contains(&day) && minute >= from && minute < to
            } else {
                (days.contains(&day) && minute >= from) || (days.contains(&yesterday) && minute < to)
            }
        };
        let now = seconds * 1_000_000;
        let opening = window.opening(&zones, WallTime::from_unix_micros(now));
        prop_assert_eq!(opening == Opening::Now, contains(now));
        if let Opening::At(time) = opening {
            let time = time.unix_micros();
            prop_assert!(time > now && contains(time) && !contains(time - 1));
            let quarter = 15 * 60 * 1_000_000;
            let mut between = now;
            while between < time {
                prop_assert!(!contains(between));
                between += quarter;
            }
        }
        prop_assert_ne!(opening, Opening::Never);
    }
}
