//! A session description as it is written.

use std::fmt;
use std::net::IpAddr;

use crate::direction::Direction;
use crate::media::MediaDescription;

/// A session description (RFC 8866). Lines that do not matter for media (`t=`, `b=`, `i=`, ...) are
/// read over and not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionDescription {
    /// `o=`; absent where a sloppy peer left it out.
    pub origin: Option<Origin>,
    /// `s=`, `-` when empty.
    pub name: String,
    /// `c=` of the session: where media goes unless a media line says otherwise.
    pub connection: Option<Host>,
    /// `a=` lines of the session.
    pub attributes: Vec<Attribute>,
    /// The media lines in their order, which is what identifies them in offer and answer.
    pub media: Vec<MediaDescription>,
}

impl SessionDescription {
    /// The direction that holds for media lines without their own.
    pub(crate) fn direction(&self) -> Option<Direction> {
        direction_of(&self.attributes)
    }

    /// The values of what `media` says under a name, or of what the session says where the line says nothing
    /// (RFC 8122 section 5, RFC 8839 section 5.4).
    pub(crate) fn values_for<'a>(
        &'a self,
        media: &'a MediaDescription,
        name: &'a str,
    ) -> impl Iterator<Item = &'a str> {
        let attributes = match media.values(name).next() {
            Some(_) => &media.attributes,
            None => &self.attributes,
        };
        values_of(attributes, name)
    }

    /// Where the stream of `media` is received: its own `c=` or that of the session.
    #[must_use]
    pub fn connection_of<'a>(&'a self, media: &'a MediaDescription) -> Option<&'a Host> {
        media.connection.as_ref().or(self.connection.as_ref())
    }
}

/// `o=`: who made the description, and which version of it this is. The numbers are kept as text:
/// peers send more than 64 bits, and all we do is compare them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The user name, often `-`.
    pub username: String,
    /// Identifies the session.
    pub session_id: String,
    /// Grows with each change of the description.
    pub version: String,
    /// The address of the maker.
    pub host: Host,
}

/// An address in `c=`, `o=` or `a=rtcp`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// IPv4 or IPv6.
    Ip(IpAddr),
    /// A name that would need DNS.
    Name(String),
}

impl Host {
    /// The address unless it is a name.
    #[must_use]
    pub const fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Ip(address) => Some(*address),
            Self::Name(_) => None,
        }
    }
}

impl fmt::Display for Host {
    /// With network and address type: `IN IP4 192.0.2.1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(IpAddr::V4(address)) => write!(f, "IN IP4 {address}"),
            Self::Ip(IpAddr::V6(address)) => write!(f, "IN IP6 {address}"),
            Self::Name(name) => write!(f, "IN IP4 {name}"),
        }
    }
}

/// `a=name` or `a=name:value`. `Debug` does not show the keys of `a=crypto`, and no password.
#[derive(Clone, PartialEq, Eq)]
pub struct Attribute {
    /// The name, as written.
    pub name: String,
    /// What follows the colon.
    pub value: Option<String>,
}

impl Attribute {
    /// A property: `a=name`.
    #[must_use]
    pub fn flag(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            value: None,
        }
    }

    /// A value: `a=name:value`.
    #[must_use]
    pub fn with(name: &str, value: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            value: Some(value.into()),
        }
    }
}

impl Attribute {
    pub(crate) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

impl fmt::Debug for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = match self.is("crypto") || self.is("ice-pwd") {
            true => self.value.as_ref().map(|_| "<secret>"),
            false => self.value.as_deref(),
        };
        f.debug_struct("Attribute")
            .field("name", &self.name)
            .field("value", &value)
            .finish()
    }
}

pub(crate) fn values_of<'a>(
    attributes: &'a [Attribute],
    name: &'a str,
) -> impl Iterator<Item = &'a str> {
    attributes
        .iter()
        .filter(move |attribute| attribute.is(name))
        .filter_map(|attribute| attribute.value.as_deref())
}

pub(crate) fn direction_of(attributes: &[Attribute]) -> Option<Direction> {
    attributes
        .iter()
        .filter(|attribute| attribute.value.is_none())
        .find_map(|attribute| Direction::parse(&attribute.name))
}
