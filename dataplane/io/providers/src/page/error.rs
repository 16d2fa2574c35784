//! Why there is no page.

use std::time::Duration;

use crate::ModelError;
use crate::http::of_connection;

/// Why there is no page. The messages are for whoever wrote its address: they say what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// The address is none of the web.
    #[error("its address is none: write one as in https://www.example.com/prices, without a login")]
    Address,
    /// Its server may not be connected to.
    #[error(
        "its address is not public: ask the platform team to add the network to providers.privateNetworks of the chart"
    )]
    Forbidden,
    /// Nobody answers there.
    #[error("nobody answers there: look at host and port")]
    Connection,
    /// The server leads elsewhere.
    #[error("its server redirects, which is not followed: write where it leads")]
    Redirect,
    /// The server says no.
    #[error("its server answers {0}: look whether everybody may read it there")]
    Status(u16),
    /// It takes too long.
    #[error("it is not there within {} s: look whether its server is overloaded", .0.as_secs())]
    TooSlow(Duration),
    /// It has more octets than the limit.
    #[error("it is longer than {0} octets: split it")]
    TooLong(usize),
    /// It broke off.
    #[error("it breaks off: look at the log of its server")]
    Cut,
}

impl PageError {
    /// Whether it may be there a little later, without anybody doing something.
    #[must_use]
    pub const fn may_pass(self) -> bool {
        match self {
            Self::Connection | Self::TooSlow(_) | Self::Cut => true,
            Self::Status(status) => matches!(status, 408 | 425 | 429 | 500..),
            Self::Address | Self::Forbidden | Self::Redirect | Self::TooLong(_) => false,
        }
    }

    pub(super) fn of(error: &reqwest::Error) -> Self {
        match of_connection(error) {
            ModelError::Forbidden => Self::Forbidden,
            _ => Self::Connection,
        }
    }
}
