//! The migration files, in the order they are applied in. The version of a file is its place.

/// A migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct File {
    /// Its name.
    pub name: &'static str,
    /// Its text; of a tenant's, with placeholders.
    pub sql: &'static str,
}

/// How a file is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// In one transaction, with its record.
    Transaction,
    /// Statement by statement, while the tables are written: `-- transaction: none` in its header.
    Concurrent,
}

impl File {
    /// What its header says.
    #[must_use]
    pub fn mode(&self) -> Mode {
        let mut header = self.sql.lines().take_while(|line| line.starts_with("--"));
        if header.any(|line| line == "-- transaction: none") {
            Mode::Concurrent
        } else {
            Mode::Transaction
        }
    }
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
    "0013_imports.sql",
);

/// `migrations/tenant`: one schema for each tenant.
pub const TENANT: &[File] = files!("tenant":
    "0001_core_and_people.sql",
    "0002_knowledge.sql",
    "0003_flows.sql",
    "0004_agents.sql",
    "0005_integration.sql",
    "0006_queues.sql",
    "0007_publishers_and_buyers.sql",
    "0008_telephony.sql",
    "0009_contacts.sql",
    "0010_compliance.sql",
    "0011_campaigns.sql",
    "0012_calls.sql",
    "0013_call_records.sql",
    "0014_conversations.sql",
    "0015_messaging.sql",
    "0016_billing.sql",
    "0017_metrics.sql",
    "0018_months_walls_and_grants.sql",
    "0019_search.sql",
);

/// How many files each list had at the last release: the code of now works on schemas that have no
/// more. Nothing is released yet, so these are the files that the code of now cannot do without.
pub const RELEASED: Released = Released {
    platform: 12,
    tenant: 18,
};

/// See [`RELEASED`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Released {
    /// Files of [`PLATFORM`].
    pub platform: usize,
    /// Files of [`TENANT`].
    pub tenant: usize,
}

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
