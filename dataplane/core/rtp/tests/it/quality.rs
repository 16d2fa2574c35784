//! The E-model against values anybody can compute.

use std::time::Duration;

use callplane_rtp::quality::{self, Impairment};

fn rating(loss: f64, delay: Duration) -> f64 {
    quality::rating(Impairment::G711, loss, delay)
}

fn mos(loss: f64, delay: Duration) -> f64 {
    quality::mos(rating(loss, delay))
}

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

/// G.729A without loss: Ie 11, Bpl 19 (G.113 table I.1 and I.4).
#[test]
fn a_codec_that_impairs_is_worse_from_the_start_and_with_each_loss() {
    let g729 = Impairment {
        equipment: 11.0,
        robustness: 19.0,
    };
    let rating = |loss| quality::rating(g729, loss, Duration::ZERO);
    assert!((rating(0.0) - 82.2).abs() < 1e-9);
    // 11 + 84 * 2 / (2 + 19) = 19.
    assert!((rating(0.02) - 74.2).abs() < 1e-9);
    assert_eq!(Impairment::of("PCMA"), Impairment::G711);
}

/// The scores that G.107 annex B draws: R 50 is 2.6, 60 is 3.1, 70 is 3.6, 80 is 4.0, 90 is 4.3.
#[test]
fn ratings_become_scores_as_in_annex_b() {
    for (rating, score) in [
        (0.0, 1.0),
        (50.0, 2.6),
        (60.0, 3.1),
        (70.0, 3.6),
        (80.0, 4.0),
        (90.0, 4.3),
    ] {
        assert!((quality::mos(rating) - score).abs() < 0.05, "{rating}");
    }
}
