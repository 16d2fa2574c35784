//! The platforms, and the file of views of each.

use std::str::FromStr;

use aws_lc_rs::digest;
use callplane_types::SchemaName;

use crate::Error;

/// A platform whose database a tenant's can be read as.
///
/// Its word is the same in `Tenant.spec.compatibility`, in the name of the schema of its views and
/// for the importer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Platform {
    /// Dukat Voice AI SaaS: 34 tables.
    Dukat,
    /// The organization platform, AI voice agents on Prisma: 20 models.
    Organization,
    /// CallFabric, call tracking on Prisma: 41 models.
    CallFabric,
    /// IRISX: 21 tables.
    Irisx,
    /// voice-core: 6 tables.
    VoiceCore,
}

impl Platform {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Dukat,
        Self::Organization,
        Self::CallFabric,
        Self::Irisx,
        Self::VoiceCore,
    ];

    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dukat => "dukat",
            Self::Organization => "organization",
            Self::CallFabric => "callfabric",
            Self::Irisx => "irisx",
            Self::VoiceCore => "voicecore",
        }
    }

    /// The schema of its views beside a tenant's: `callplane_acme__irisx`. It fits: a schema name has
    /// at most 48 of 63 bytes.
    #[must_use]
    pub fn schema_beside(self, tenant: &SchemaName) -> String {
        format!("{tenant}__{}", self.as_str())
    }

    /// The statements that make the views. `{{views}}` is the schema that they go to; names without
    /// a schema are the tenant's tables.
    #[must_use]
    pub fn template(self) -> &'static str {
        match self {
            Self::Dukat => include_str!("../../compatibility/dukat.sql"),
            Self::Organization => include_str!("../../compatibility/organization.sql"),
            Self::CallFabric => include_str!("../../compatibility/callfabric.sql"),
            Self::Irisx => include_str!("../../compatibility/irisx.sql"),
            Self::VoiceCore => include_str!("../../compatibility/voicecore.sql"),
        }
    }

    /// What the comment of a schema says that holds the views of [`Self::template`] as it is now.
    pub(super) fn mark(self) -> String {
        let hash = digest::digest(&digest::SHA256, self.template().as_bytes());
        let hash: String = hash
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        format!("Compatibility views of {}, sha256 {hash}", self.as_str())
    }
}

impl FromStr for Platform {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|platform| platform.as_str() == word)
            .ok_or_else(|| {
                Error::invalid(
                    "platform",
                    "write dukat, organization, callfabric, irisx or voicecore",
                )
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folder_is_a_platforms() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("compatibility");
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        let mut wanted = Platform::ALL.map(|platform| format!("{}.sql", platform.as_str()));
        wanted.sort();
        assert_eq!(names, wanted);
    }

    #[test]
    fn the_longest_schema_name_leaves_room_for_the_longest_word() {
        let schema: SchemaName = "s".repeat(48).parse().unwrap();
        for platform in Platform::ALL {
            assert!(platform.schema_beside(&schema).len() <= 63, "{platform:?}");
            assert_eq!(platform.as_str().parse::<Platform>().unwrap(), platform);
        }
    }
}
