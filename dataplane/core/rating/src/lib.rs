//! Seconds into money.
//!
//! A call is billed from its answer to its end, in increments: every begun increment counts whole,
//! and an answered call counts at least the minimum. The price is exact in integers and rounded
//! once, at the end, half up, to a millionth of the currency's unit. **A longer call never costs
//! less, and no price is off by more than half a millionth.**
//!
//! What a second costs is data (a plan, a rate card) and belongs to the store.

#![forbid(unsafe_code)]

use std::num::NonZeroU32;
use std::time::Duration;

use callplane_types::{Currency, Micros};

/// Microseconds of a second.
const MICROS: u128 = 1_000_000;

/// What a minute costs and how seconds are counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rate {
    /// Price of 60 billable seconds, not below zero.
    pub per_minute: Micros,
    /// Seconds that are counted together; 6 in most contracts.
    pub increment: NonZeroU32,
    /// The fewest billable seconds of an answered call; rounded up to whole increments.
    pub minimum_seconds: u32,
    /// The currency of `per_minute` and so of every price.
    pub currency: Currency,
}

/// What a call costs for one component.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Charge {
    /// Seconds that are paid for: a multiple of the increment.
    pub billable_seconds: u32,
    /// The price.
    pub amount: Micros,
}

impl Rate {
    /// A rate in the usual increments of 6 seconds, without a minimum beyond the first.
    #[must_use]
    pub const fn per_minute(per_minute: Micros, currency: Currency) -> Self {
        Self {
            per_minute,
            increment: NonZeroU32::new(6).expect("six is not zero"),
            minimum_seconds: 0,
            currency,
        }
    }

    /// The price of a call of `duration` from its answer to its end; `None` for a call that was
    /// never answered, which costs nothing.
    #[must_use]
    pub fn price(&self, duration: Option<Duration>) -> Charge {
        let Some(duration) = duration else {
            return Charge::default();
        };
        let billable_seconds = self.billable_seconds(duration);
        Charge {
            billable_seconds,
            amount: self.amount(billable_seconds),
        }
    }

    /// The billable seconds of an answered call: at least one increment, even for an instant.
    #[must_use]
    pub fn billable_seconds(&self, duration: Duration) -> u32 {
        let increment = u128::from(self.increment.get());
        let used = duration.as_micros().div_ceil(increment * MICROS);
        let least = u128::from(self.minimum_seconds).div_ceil(increment).max(1);
        let seconds = used.max(least) * increment;
        // The largest whole number of increments that fits, for calls of more than 136 years.
        let most = u32::MAX - u32::MAX % self.increment.get();
        u32::try_from(seconds).unwrap_or(most)
    }

    fn amount(&self, billable_seconds: u32) -> Micros {
        let product = i128::from(self.per_minute.0) * i128::from(billable_seconds);
        half_up(product, 60)
    }
}

/// The price of a quantity that is not time, such as characters or tokens: `unit_price` for each,
/// the quantity in millionths so that parts of a unit can be priced. Rounded half up.
#[must_use]
pub fn price_of(unit_price: Micros, quantity_micros: i64) -> Micros {
    half_up(
        i128::from(unit_price.0) * i128::from(quantity_micros),
        1_000_000,
    )
}

/// `dividend / divisor` to the nearest whole number, a half towards the larger one.
fn half_up(dividend: i128, divisor: i128) -> Micros {
    let rounded = (2 * dividend + divisor).div_euclid(2 * divisor);
    let largest = if dividend < 0 { i64::MIN } else { i64::MAX };
    Micros(i64::try_from(rounded).unwrap_or(largest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rate(per_minute: i64, increment: u32, minimum_seconds: u32) -> Rate {
        Rate {
            per_minute: Micros(per_minute),
            increment: NonZeroU32::new(increment).unwrap(),
            minimum_seconds,
            currency: Currency::default(),
        }
    }

    #[test]
    fn every_begun_increment_counts_whole() {
        let rate = rate(12_000, 6, 0);
        for (ms, seconds) in [
            (0, 6),
            (1, 6),
            (6_000, 6),
            (6_001, 12),
            (59_999, 60),
            (60_000, 60),
            (60_001, 66),
        ] {
            assert_eq!(
                rate.billable_seconds(Duration::from_millis(ms)),
                seconds,
                "{ms}"
            );
        }
        let one_microsecond_more = Duration::from_micros(6_000_001);
        assert_eq!(rate.billable_seconds(one_microsecond_more), 12);
    }

    #[test]
    fn the_minimum_is_rounded_up_to_increments() {
        assert_eq!(rate(1, 6, 30).billable_seconds(Duration::from_secs(1)), 30);
        assert_eq!(rate(1, 6, 31).billable_seconds(Duration::from_secs(1)), 36);
        assert_eq!(
            rate(1, 60, 0).billable_seconds(Duration::from_secs(61)),
            120
        );
        assert_eq!(rate(1, 1, 30).billable_seconds(Duration::from_secs(31)), 31);
    }

    #[test]
    fn a_call_that_was_not_answered_costs_nothing() {
        assert_eq!(rate(12_000, 6, 30).price(None), Charge::default());
    }

    #[test]
    fn prices_are_rounded_half_up_once() {
        for (per_minute, seconds, amount) in [
            (12_000, 6, 1_200),
            (12_345, 6, 1_235), // 1234.5
            (12_344, 6, 1_234), // 1234.4
            (5, 6, 1),          // 0.5
            (4, 6, 0),          // 0.4
            (10_000, 66, 11_000),
        ] {
            let charge = rate(per_minute, 6, 0).price(Some(Duration::from_secs(seconds)));
            assert_eq!(
                charge.amount,
                Micros(amount),
                "{per_minute} for {seconds} s"
            );
        }
        assert_eq!(price_of(Micros(15), 100_000), Micros(2)); // 1.5
        assert_eq!(price_of(Micros(-15), 100_000), Micros(-1)); // a credit of 1.5
        assert_eq!(price_of(Micros(i64::MAX), i64::MAX), Micros(i64::MAX));
    }

    proptest! {
        #[test]
        fn a_longer_call_never_costs_less(
            per_minute in 0_i64..10_000_000_000,
            increment in 1_u32..120,
            minimum in 0_u32..600,
            a in 0_u64..100_000_000_000,
            b in 0_u64..100_000_000_000,
        ) {
            let rate = rate(per_minute, increment, minimum);
            let price = |us| rate.price(Some(Duration::from_micros(us)));
            let (short, long) = (price(a.min(b)), price(a.max(b)));
            prop_assert!(short.billable_seconds <= long.billable_seconds);
            prop_assert!(short.amount <= long.amount);
            prop_assert_eq!(long.billable_seconds % increment, 0);
            prop_assert!(u64::from(long.billable_seconds) * 1_000_000 >= a.max(b));
            let exact = i128::from(per_minute) * i128::from(long.billable_seconds);
            prop_assert!((i128::from(long.amount.0) * 60 - exact).abs() <= 30);
        }

        #[test]
        fn no_call_is_too_long(seconds in any::<u64>(), per_minute in 0..i64::MAX, increment in 1..u32::MAX) {
            let charge = rate(per_minute, increment, u32::MAX).price(Some(Duration::from_secs(seconds)));
            prop_assert_eq!(charge.billable_seconds % increment, 0);
            prop_assert!(charge.amount >= Micros::ZERO);
        }
    }
}
