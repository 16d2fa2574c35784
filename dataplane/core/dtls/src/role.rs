//! Who begins.

use std::fmt;
use std::str::FromStr;

/// An end of a handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Sends the first message.
    Client,
    /// Waits for it.
    Server,
}

/// `a=setup` (RFC 4145 section 4, RFC 5763 section 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Setup {
    /// The sayer begins.
    Active,
    /// The sayer waits.
    Passive,
    /// Either; offers alone say it.
    ActPass,
}

/// Text that is none of them, `holdconn` included: nobody wants media without a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a setup attribute that makes a connection")]
pub struct SetupError;

impl Role {
    /// What the end in this role says of itself.
    #[must_use]
    pub const fn setup(self) -> Setup {
        match self {
            Self::Client => Setup::Active,
            Self::Server => Setup::Passive,
        }
    }
}

impl Setup {
    /// Our role in answer to an offer.
    ///
    /// Of [`Setup::ActPass`] RFC 5763 section 5 would have us be the client, which saves half a round trip. We
    /// wait: who calls from behind a NAT is reached only after it has sent something, and without ICE that is its
    /// ClientHello. `current` is our role in the association that there is, which goes on (RFC 8842 section 5.3).
    #[must_use]
    pub fn answered(self, current: Option<Role>) -> Role {
        match self {
            Self::Active => Role::Server,
            Self::Passive => Role::Client,
            Self::ActPass => current.unwrap_or(Role::Server),
        }
    }

    /// Our role after the answer to our offer of [`Setup::ActPass`]; none where it left the choice to us.
    #[must_use]
    pub const fn accepted(self) -> Option<Role> {
        match self {
            Self::Active => Some(Role::Server),
            Self::Passive => Some(Role::Client),
            Self::ActPass => None,
        }
    }
}

impl FromStr for Setup {
    type Err = SetupError;

    fn from_str(text: &str) -> Result<Self, SetupError> {
        [Self::Active, Self::Passive, Self::ActPass]
            .into_iter()
            .find(|setup| text.trim().eq_ignore_ascii_case(setup.as_str()))
            .ok_or(SetupError)
    }
}

impl Setup {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Passive => "passive",
            Self::ActPass => "actpass",
        }
    }
}

impl fmt::Display for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
