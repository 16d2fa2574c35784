//! Header names and the raw header list.

use std::fmt;

use bytes::Bytes;

use super::lex;
use super::name_addr::NameAddr;

macro_rules! names {
    ($($name:ident = $text:literal $(, $short:literal)?;)*) => {
        /// The name of a header. Names this crate knows compare as variants, whatever their case
        /// and form (compact or long); others keep their spelling and compare without case.
        #[derive(Clone, Debug, Eq)]
        pub enum HeaderName {
            $(#[doc = $text] $name,)*
            /// Any other.
            Other(Bytes),
        }

        impl HeaderName {
            /// Reads a name in any case, long or compact.
            #[must_use]
            pub fn parse(text: &Bytes) -> Option<Self> {
                if !lex::is_token(text) {
                    return None;
                }
                $(
                    if text.eq_ignore_ascii_case($text.as_bytes()) $(|| text.eq_ignore_ascii_case($short))? {
                        return Some(Self::$name);
                    }
                )*
                Some(Self::Other(text.clone()))
            }

            /// The long form.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8] {
                match self {
                    $(Self::$name => $text.as_bytes(),)*
                    Self::Other(text) => text,
                }
            }
        }
    };
}

names! {
    Via = "Via", b"v";
    From = "From", b"f";
    To = "To", b"t";
    CallId = "Call-ID", b"i";
    CSeq = "CSeq";
    Contact = "Contact", b"m";
    MaxForwards = "Max-Forwards";
    ContentLength = "Content-Length", b"l";
    ContentType = "Content-Type", b"c";
    ContentEncoding = "Content-Encoding", b"e";
    Route = "Route";
    RecordRoute = "Record-Route";
    Allow = "Allow";
    Accept = "Accept";
    AcceptEncoding = "Accept-Encoding";
    Supported = "Supported", b"k";
    Unsupported = "Unsupported";
    Require = "Require";
    ProxyRequire = "Proxy-Require";
    Reason = "Reason";
    RetryAfter = "Retry-After";
    Server = "Server";
    UserAgent = "User-Agent";
    Subject = "Subject", b"s";
    Authorization = "Authorization";
    WwwAuthenticate = "WWW-Authenticate";
    ProxyAuthorization = "Proxy-Authorization";
    ProxyAuthenticate = "Proxy-Authenticate";
    PAssertedIdentity = "P-Asserted-Identity";
    Warning = "Warning";
}

impl PartialEq for HeaderName {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes().eq_ignore_ascii_case(other.as_bytes())
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.as_bytes().escape_ascii(), f)
    }
}

/// One header line: its value is trimmed and unfolded, otherwise as it came, in any encoding.
#[derive(Clone, PartialEq, Eq)]
pub struct Header {
    /// The name.
    pub name: HeaderName,
    /// The value.
    pub value: Bytes,
}

/// The headers of a message in their order.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<Header>);

impl Headers {
    pub(crate) fn push(&mut self, name: HeaderName, value: Bytes) {
        self.0.push(Header { name, value });
    }

    /// How many lines there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every header.
    pub fn iter(&self) -> impl Iterator<Item = &Header> {
        self.0.iter()
    }

    /// The value of the first header of that name.
    #[must_use]
    pub fn get(&self, name: &HeaderName) -> Option<&Bytes> {
        self.0
            .iter()
            .find(|header| header.name == *name)
            .map(|header| &header.value)
    }

    /// The values of every header of that name.
    pub fn all<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a Bytes> {
        let matching = move |header: &&Header| header.name == *name;
        self.0.iter().filter(matching).map(|header| &header.value)
    }

    /// The value of the first header of that name, for headers this crate has no variant for.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Bytes> {
        self.0
            .iter()
            .find(|header| header.name.as_bytes().eq_ignore_ascii_case(name.as_bytes()))
            .map(|header| &header.value)
    }

    /// The elements of a comma-separated header over all its lines; `None` when one line has
    /// quotes or brackets that do not balance.
    #[must_use]
    pub fn list(&self, name: &HeaderName) -> Option<Vec<Bytes>> {
        let mut elements = Vec::new();
        for value in self.all(name) {
            elements.extend(lex::split_list(value)?);
        }
        Some(elements)
    }

    /// The addresses of Contact, Route, Record-Route and their like; `None` when one is malformed.
    #[must_use]
    pub fn addresses(&self, name: &HeaderName) -> Option<Vec<NameAddr>> {
        self.list(name)?.iter().map(NameAddr::parse).collect()
    }

    /// The media type of the body in lower case, without parameters.
    #[must_use]
    pub fn content_type(&self) -> Option<Vec<u8>> {
        let value = self.get(&HeaderName::ContentType)?;
        let end = value.iter().position(|&b| b == b';').unwrap_or(value.len());
        Some(lex::trim(&value[..end]).to_ascii_lowercase())
    }

    /// `Retry-After` in seconds, its comment and parameters left out.
    #[must_use]
    pub fn retry_after_seconds(&self) -> Option<u32> {
        let value = self.get(&HeaderName::RetryAfter)?;
        let digits = value.iter().take_while(|b| b.is_ascii_digit()).count();
        u32::try_from(lex::decimal(&value[..digits], u64::from(u32::MAX))?).ok()
    }
}

impl fmt::Debug for Headers {
    /// Names only: values hold numbers and credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|header| &header.name))
            .finish()
    }
}
