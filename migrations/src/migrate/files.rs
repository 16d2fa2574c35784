//! The migration files, in the order they are applied in. The version of a file is its place.

/// A migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct File {
    /// Its name.
    pub name: &'static str,
    /// Its text; of a tenant's, with placeholders.
    pub sql: &'static str,
}

macro_rules! files {
    ($folder:literal: $($name:literal,)*) => {
        &[$(File {
            name: $name,
            sql: include_str!(concat!("../../", $folder, "/", $name)),
        },)*]
    };
}

/// `migrations/platform`: one schema for the installation.
pub const PLATFORM: &[File] = files!("platform":
    "0001_foundation.sql",
    "0002_words.sql",
    "0003_plans.sql",
    "0004_tenants.sql",
    "0005_configuration.sql",
    "0006_people.sql",
    "0007_catalogue.sql",
    "0008_numbers.sql",
    "0009_media_nodes.sql",
    "0010_quotas.sql",
    "0011_errors_and_audit.sql",
    "0012_keeping.sql",
);

/// `migrations/tenant`: one schema for each tenant.
pub const TENANT: &[File] = files!("tenant":
    "0001_anchor_and_events.sql",
    "0002_agents_and_flows.sql",
    "0003_telephony.sql",
    "0004_contacts_and_dnc.sql",
    "0005_campaigns.sql",
    "0006_calls.sql",
    "0007_conversations.sql",
    "0008_walls_and_grants.sql",
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folders_is_listed_in_order() {
        for (folder, files) in [("platform", PLATFORM), ("tenant", TENANT)] {
            let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
            let mut names: Vec<String> = std::fs::read_dir(folder)
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            let listed: Vec<&str> = files.iter().map(|file| file.name).collect();
            assert_eq!(names, listed);
            for (number, file) in (1..).zip(files) {
                assert!(
                    file.name.starts_with(&format!("{number:04}_")),
                    "{}",
                    file.name
                );
            }
        }
    }
}
