//! Where a sealed value belongs.

use callplane_types::{CallId, TenantId};
use uuid::Uuid;

/// Where a sealed value belongs: authenticated with it and not stored in it, so that a value which is
/// copied to another row, column or tenant does not open there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place(Vec<u8>);

/// First octet, so that a place of one kind is never one of another.
#[derive(Clone, Copy)]
enum Kind {
    Cell = 1,
    Object = 2,
    Key = 3,
    Recording = 4,
}

impl Place {
    /// The column of a row: `trunks`, `password_enc`, the row's `id`.
    #[must_use]
    pub fn cell(tenant: TenantId, table: &str, column: &str, row: Uuid) -> Self {
        Self::of(Kind::Cell)
            .octets(tenant.uuid().as_bytes())
            .octets(table.as_bytes())
            .octets(column.as_bytes())
            .octets(row.as_bytes())
    }

    /// A part of an object in object storage. Parts are counted from 0; whoever cuts an object into
    /// parts has to make the last one known, or an object without its end opens like a whole one.
    #[must_use]
    pub fn object(tenant: TenantId, name: &str, part: u64) -> Self {
        Self::of(Kind::Object)
            .octets(tenant.uuid().as_bytes())
            .octets(name.as_bytes())
            .octets(&part.to_be_bytes())
    }

    /// The audio of a call, under the name that it has in its storage.
    #[must_use]
    pub fn recording(tenant: TenantId, call: CallId, name: &str) -> Self {
        Self::of(Kind::Recording)
            .octets(tenant.uuid().as_bytes())
            .octets(call.uuid().as_bytes())
            .octets(name.as_bytes())
    }

    /// A data key that is wrapped.
    pub(crate) fn key(context: &[u8]) -> Self {
        Self::of(Kind::Key).octets(context)
    }

    fn of(kind: Kind) -> Self {
        Self(vec![kind as u8])
    }

    /// Each with its length before it: no two places have the same octets.
    fn octets(mut self, octets: &[u8]) -> Self {
        self.0.extend((octets.len() as u64).to_be_bytes());
        self.0.extend(octets);
        self
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_that_read_alike_differ() {
        let tenant = TenantId::new(Uuid::from_u128(1));
        let row = Uuid::from_u128(2);
        let places = [
            Place::cell(tenant, "a", "bc", row),
            Place::cell(tenant, "ab", "c", row),
            Place::cell(tenant, "a", "bc", Uuid::from_u128(3)),
            Place::cell(TenantId::new(row), "a", "bc", row),
            Place::object(tenant, "a", 0),
            Place::object(tenant, "a", 1),
            Place::key(b"a"),
            Place::recording(tenant, CallId::new(row), "a"),
            Place::recording(tenant, CallId::new(row), "b"),
            Place::recording(tenant, CallId::new(tenant.uuid()), "a"),
        ];
        for (n, one) in places.iter().enumerate() {
            assert!(!places[n + 1..].contains(one), "{one:?}");
        }
    }
}
