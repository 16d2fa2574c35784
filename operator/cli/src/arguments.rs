//! The command line.

use std::path::PathBuf;

use callplane_types::TenantName;
use clap::{Args, Parser, Subcommand};

/// See and steer the calls of a Callplane tenant.
#[derive(Parser)]
#[command(
    name = "kubectl-callplane",
    bin_name = "kubectl callplane",
    version,
    about
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) cluster: Cluster,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Which cluster and namespace, as kubectl takes them.
#[derive(Args)]
pub(crate) struct Cluster {
    /// Namespace of the tenant [default: that of the context]
    #[arg(long, short, global = true)]
    pub(crate) namespace: Option<String>,
    /// Context of the kubeconfig [default: the current one]
    #[arg(long, global = true)]
    pub(crate) context: Option<String>,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Every resource of the namespace: ready or not, and what to do
    Status,
    /// Calls: list, show
    Call {
        #[command(subcommand)]
        command: CallCommand,
    },
    /// Campaigns: recipients and how they were reached
    Campaign {
        #[command(subcommand)]
        command: CampaignCommand,
    },
    /// Do-not-call lists
    Dnc {
        #[command(subcommand)]
        command: DncCommand,
    },
    /// Bring the data of a tenant from the database of another platform
    ///
    /// A Job beside the operator does it; this shows its log and ends as it ends. What was brought
    /// before is left as it is, so the same command goes on where an earlier one was stopped.
    Import(ImportArguments),
    /// Write a completion script: source <(kubectl callplane completion bash)
    Completion {
        /// The shell it is for
        shell: clap_complete::Shell,
    },
}

/// From where, into which tenant.
#[derive(Args)]
pub(crate) struct ImportArguments {
    /// The platform
    #[arg(long, value_parser = ["dukat", "organization", "callfabric", "irisx", "voicecore"])]
    pub(crate) from: String,
    /// Name of the Tenant
    #[arg(long)]
    pub(crate) tenant: TenantName,
    /// Secret in the operator's namespace with the URL of the platform's database
    #[arg(long)]
    pub(crate) source_secret: String,
    /// Key of the Secret
    #[arg(long, default_value = "url")]
    pub(crate) source_key: String,
    /// Identifier of the tenant there; needed when the platform has several
    #[arg(long)]
    pub(crate) source_tenant: Option<String>,
    /// Write nothing: show what would be written and what would be left out
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Namespace of the operator
    #[arg(long, default_value = "callplane-system")]
    pub(crate) operator_namespace: String,
}

#[derive(Subcommand)]
pub(crate) enum CallCommand {
    /// The latest calls, newest first
    List {
        /// How many
        #[arg(long, default_value_t = 20)]
        limit: u16,
        /// Print the JSON of the media node
        #[arg(long)]
        json: bool,
    },
    /// One call: conversation, record, cost, quality
    Show {
        /// Its id, as `call list` prints it
        id: String,
        /// Print the JSON of the media node
        #[arg(long)]
        json: bool,
    },
}

#[derive(Subcommand)]
pub(crate) enum CampaignCommand {
    /// Progress and the outcome of each recipient
    Show {
        /// metadata.name of the Campaign
        name: String,
        /// Print the JSON of the media node
        #[arg(long)]
        json: bool,
    },
    /// Add recipients from a CSV file
    ///
    /// The first line names the columns: `number` (E.164, required), `name`, `timeZone` (IANA, as in
    /// Europe/Berlin); any other column becomes a variable of the conversation. Numbers that are in
    /// the campaign already are left as they are, so the same file may be imported twice.
    Import {
        /// metadata.name of the Campaign
        name: String,
        /// The file; - for standard input
        file: PathBuf,
    },
}

#[derive(Subcommand)]
pub(crate) enum DncCommand {
    /// Add numbers that must never be rung to a list
    Add {
        /// Name of the list, as Campaigns name it; created when missing
        list: String,
        /// Numbers in E.164, as in +15551230001
        #[arg(required = true)]
        numbers: Vec<String>,
    },
    /// Add the numbers of a CSV file with a column `number`
    Import {
        /// Name of the list, as Campaigns name it; created when missing
        list: String,
        /// The file; - for standard input
        file: PathBuf,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Arguments::command().debug_assert();
    }
}
