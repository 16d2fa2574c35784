//! What calls cost this tenant, as last read.

use std::num::NonZeroU32;

use callplane_rating::Rate;
use callplane_store::rates::{self, UnitPrices};

/// The prices that calls are rated with when they end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Prices {
    /// Of the time on the line.
    pub(crate) minute: Rate,
    /// Of what else a call uses, in the same currency.
    pub(crate) units: UnitPrices,
}

impl From<rates::Rate> for Prices {
    fn from(stored: rates::Rate) -> Self {
        let rates::Rate {
            per_minute,
            currency,
            increment_seconds,
            minimum_seconds,
            units,
        } = stored;
        Self {
            minute: Rate {
                increment: NonZeroU32::new(u32::from(increment_seconds)).unwrap_or(NonZeroU32::MIN),
                minimum_seconds,
                ..Rate::per_minute(per_minute, currency)
            },
            units,
        }
    }
}
