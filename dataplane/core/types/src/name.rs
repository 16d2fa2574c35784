//! Names of tenants, of their objects and of their database schemas.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a text is no name; says what one looks like.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid {what} `{text}`: {rule}")]
pub struct InvalidName {
    what: &'static str,
    text: String,
    rule: &'static str,
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident($what:literal, $check:path, $rule:literal);)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                if $check(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(InvalidName { what: $what, text: text.to_owned(), rule: $rule })
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

names! {
    /// `metadata.name` of a Tenant: a DNS label of at most 40 characters, because suffixes such as
    /// `-media-0` follow it in the names of pods.
    TenantName("tenant name", is_tenant_name, "use at most 40 lower-case letters, digits and hyphens, starting with a letter and not ending with a hyphen");
    /// `metadata.name` of any other resource: an RFC 1123 label of at most 63 characters.
    ResourceName("resource name", is_label, "use at most 63 lower-case letters, digits and hyphens, starting and ending with a letter or digit");
    /// A PostgreSQL schema that belongs to one tenant: at most 48 characters, because role and view
    /// suffixes follow and PostgreSQL cuts identifiers at 63 bytes; never one of PostgreSQL's own.
    SchemaName("schema name", is_schema_name, "use at most 48 lower-case letters, digits and underscores, starting with a letter; pg_*, platform, public and information_schema are reserved");
}

/// The most characters of a schema name.
const SCHEMA_NAME_LENGTH: usize = 48;

impl TenantName {
    /// The schema of this tenant unless its owner named another: `callplane_` and the name, hyphens as
    /// underscores. Of a name that would be too long, the end is replaced by its hash.
    #[must_use]
    pub fn default_schema(&self) -> SchemaName {
        let mut schema = format!("callplane_{}", self.0.replace('-', "_"));
        if schema.len() > SCHEMA_NAME_LENGTH {
            let hash = format!("_{:08x}", fnv1a(self.0.as_bytes()));
            schema.truncate(SCHEMA_NAME_LENGTH - hash.len());
            schema.push_str(&hash);
        }
        SchemaName(schema)
    }
}

/// FNV-1a of 32 bits (draft-eastlake-fnv): a tenant must find its schema again with any release, which
/// the hashers of the standard library do not promise.
fn fnv1a(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash: u32, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}

fn is_label(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=63).contains(&text.len())
        && text.bytes().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

fn is_tenant_name(text: &str) -> bool {
    is_label(text) && text.len() <= 40 && text.starts_with(|c: char| c.is_ascii_lowercase())
}

fn is_schema_name(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    let reserved =
        text.starts_with("pg_") || ["platform", "public", "information_schema"].contains(&text);
    (1..=SCHEMA_NAME_LENGTH).contains(&text.len())
        && text.bytes().all(inner)
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && !reserved
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schema_names_of_postgresql_are_refused() {
        for bad in [
            "pg_x",
            "platform",
            "public",
            "1a",
            "a-b",
            "A",
            "",
            &"a".repeat(49),
        ] {
            assert!(bad.parse::<SchemaName>().is_err(), "{bad}");
        }
        assert!("callplane_acme".parse::<SchemaName>().is_ok());
    }

    #[test]
    fn a_tenant_gives_its_schema_a_name() {
        let name: TenantName = "acme-eu".parse().unwrap();
        assert_eq!(name.default_schema().as_str(), "callplane_acme_eu");
        assert!(name.default_schema().as_str().parse::<SchemaName>().is_ok());
    }

    #[test]
    fn a_name_too_long_for_a_schema_ends_in_its_hash() {
        let schema = |length: usize, end: &str| {
            let name: TenantName = format!("{}{end}", "n".repeat(length - end.len()))
                .parse()
                .unwrap();
            name.default_schema()
        };
        let whole = format!("callplane_{}", "n".repeat(38));
        assert_eq!(schema(38, "").as_str(), whole);
        for length in [39, 40] {
            let long = schema(length, "");
            assert_eq!(long.as_str().len(), 48, "{long}");
            assert_eq!(long.as_str().parse::<SchemaName>().as_ref(), Ok(&long));
        }
        // What is cut off still tells tenants apart, the same way with every release.
        assert_ne!(schema(40, "-eu"), schema(40, "-us"));
        let hashed = format!("callplane_{}_34a52b12", "n".repeat(29));
        assert_eq!(schema(40, "-eu").as_str(), hashed);
    }
}
