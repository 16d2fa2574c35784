//! `;name=value` parameters.

use bytes::Bytes;

use super::lex;

/// The parameters after a header value or a URI, in their order; names compare without case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params(Vec<(Bytes, Option<Bytes>)>);

impl Params {
    /// Reads `;a=1;b`; the text starts with `;` or is empty. `None` for an empty name or an open
    /// quoted string.
    #[must_use]
    pub fn parse(text: &Bytes) -> Option<Self> {
        let mut params = Vec::new();
        let mut rest = lex::trim(text);
        while let [b';', tail @ ..] = rest {
            let end = lex::find_top_level(tail, b';')?.unwrap_or(tail.len());
            params.push(Self::parse_one(text, &tail[..end])?);
            rest = &tail[end..];
        }
        rest.is_empty().then_some(Self(params))
    }

    fn parse_one(text: &Bytes, param: &[u8]) -> Option<(Bytes, Option<Bytes>)> {
        let (name, value) = match param.iter().position(|&b| b == b'=') {
            Some(at) => (&param[..at], Some(lex::trim(&param[at + 1..]))),
            None => (param, None),
        };
        let name = lex::trim(name);
        let no_space = |b: &u8| !matches!(b, b' ' | b'\t');
        if name.is_empty() || !name.iter().all(no_space) || value.is_some_and(<[u8]>::is_empty) {
            return None;
        }
        Some((
            lex::slice_of(text, name),
            value.map(|value| lex::slice_of(text, value)),
        ))
    }

    /// The value of the first parameter of that name; `Some(None)` for a flag.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Option<&Bytes>> {
        self.0
            .iter()
            .find(|(have, _)| have.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value.as_ref())
    }

    /// The value of a parameter that has one.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&Bytes> {
        self.get(name).flatten()
    }

    /// Name and value, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Bytes, Option<&Bytes>)> {
        self.0.iter().map(|(name, value)| (name, value.as_ref()))
    }
}
