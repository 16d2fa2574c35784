//! Request methods.

use std::fmt;

use bytes::Bytes;

use super::lex;

macro_rules! methods {
    ($($(#[$doc:meta])* $name:ident = $word:literal,)*) => {
        /// A request method; methods are case-sensitive (RFC 3261 section 7.1).
        #[derive(Clone, PartialEq, Eq, Hash)]
        pub enum Method {
            $($(#[$doc])* $name,)*
            /// Any other token.
            Other(Bytes),
        }

        impl Method {
            /// Reads a method; `None` if it is no token.
            #[must_use]
            pub fn parse(text: &Bytes) -> Option<Self> {
                match text.as_ref() {
                    $($word => Some(Self::$name),)*
                    other if lex::is_token(other) => Some(Self::Other(text.clone())),
                    _ => None,
                }
            }

            /// The method as it stands in a message.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8] {
                match self {
                    $(Self::$name => $word,)*
                    Self::Other(token) => token,
                }
            }
        }
    };
}

methods! {
    /// RFC 3261.
    Invite = b"INVITE",
    /// RFC 3261.
    Ack = b"ACK",
    /// RFC 3261.
    Bye = b"BYE",
    /// RFC 3261.
    Cancel = b"CANCEL",
    /// RFC 3261.
    Options = b"OPTIONS",
    /// RFC 3261.
    Register = b"REGISTER",
    /// RFC 6086.
    Info = b"INFO",
    /// RFC 3262.
    Prack = b"PRACK",
    /// RFC 3311.
    Update = b"UPDATE",
    /// RFC 3515.
    Refer = b"REFER",
    /// RFC 6665.
    Notify = b"NOTIFY",
    /// RFC 6665.
    Subscribe = b"SUBSCRIBE",
    /// RFC 3428.
    Message = b"MESSAGE",
}

impl fmt::Debug for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.as_bytes().escape_ascii(), f)
    }
}
