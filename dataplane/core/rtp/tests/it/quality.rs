//! The E-model against values anybody can compute.

use std::time::Duration;

use callplane_rtp::quality::{mos, rating};

#[test]
fn a_perfect_line_has_the_default_rating() {
    assert!((rating(0.0, Duration::ZERO) - 93.2).abs() < 1e-9);
    // G.107: R = 93.2 is a MOS of 4.41.
    assert!((mos(0.0, Duration::ZERO) - 4.41).abs() < 0.005);
}

#[test]
fn loss_costs_what_g113_says() {
    // Ie,eff = 95 * 5 / (5 + 25.1) = 15.8 at five per cent.
    assert!((rating(0.05, Duration::ZERO) - (93.2 - 15.78)).abs() < 0.01);
    assert!((mos(0.05, Duration::ZERO) - 3.93).abs() < 0.02);
}

#[test]
fn delay_hurts_above_177_milliseconds() {
    let at = |ms| rating(0.0, Duration::from_millis(ms));
    assert!((at(100) - (93.2 - 2.4)).abs() < 0.01);
    assert!((at(300) - (93.2 - 7.2 - 13.497)).abs() < 0.01);
}

#[test]
fn the_score_stays_between_one_and_four_and_a_half() {
    for loss in 0..=100 {
        for delay in [0, 100, 500, 5000] {
            let score = mos(f64::from(loss) / 100.0, Duration::from_millis(delay));
            assert!((1.0..4.5).contains(&score), "{loss} {delay}: {score}");
        }
    }
    assert!(mos(f64::MAX, Duration::MAX) >= 1.0);
}
