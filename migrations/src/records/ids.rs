//! Identifiers of the rows below a call. Made with the record and not by the database: what is sealed in
//! a row is sealed for its id, before the database hears of it.

use callplane_types::CallId;
use uuid::{NoContext, Timestamp, Uuid};

/// A new UUIDv7 (RFC 9562) that carries the time of the call, and so falls into its month.
#[must_use]
pub fn new_id(call: CallId) -> Uuid {
    let (seconds, nanoseconds) = call
        .uuid()
        .get_timestamp()
        .map_or((0, 0), |time| time.to_unix());
    Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, nanoseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_below_a_call_has_its_time_and_is_new() {
        let call = CallId::new(Uuid::from_u128(
            (1_700_000_000_123 << 80) | (7 << 76) | (2 << 62),
        ));
        let (one, two) = (new_id(call), new_id(call));
        assert_ne!(one, two);
        for id in [one, two] {
            assert_eq!(id.get_version_num(), 7);
            assert_eq!(id.as_u128() >> 80, 1_700_000_000_123);
        }
    }
}
