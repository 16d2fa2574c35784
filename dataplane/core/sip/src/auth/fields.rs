//! `Digest name=value, name="value"`.

use bytes::Bytes;

use crate::message::lex;

/// The fields of a challenge or of credentials, quotes resolved.
pub(super) struct Fields(Vec<(Bytes, Vec<u8>)>);

impl Fields {
    /// Reads the fields when the scheme is `Digest`; a field named twice makes all of it invalid,
    /// because readers would differ in the one they take.
    pub(super) fn parse(value: &Bytes) -> Option<Self> {
        let space = value.iter().position(|b| matches!(b, b' ' | b'\t'))?;
        if !value[..space].eq_ignore_ascii_case(b"Digest") {
            return None;
        }
        let mut fields: Vec<(Bytes, Vec<u8>)> = Vec::new();
        for field in lex::split_list(&value.slice(space + 1..))? {
            let equals = field.iter().position(|&b| b == b'=')?;
            let name = lex::slice_of(&field, lex::trim(&field[..equals]));
            let twice = fields
                .iter()
                .any(|(have, _)| have.eq_ignore_ascii_case(&name));
            if twice || !lex::is_token(&name) {
                return None;
            }
            fields.push((name, lex::unquote(lex::trim(&field[equals + 1..]))));
        }
        Some(Self(fields))
    }

    pub(super) fn get(&self, name: &str) -> Option<&[u8]> {
        self.0
            .iter()
            .find(|(have, _)| have.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value.as_slice())
    }
}
