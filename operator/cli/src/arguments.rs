//! The command line.

use std::path::PathBuf;

use callplane_types::{ObserverMode, TenantName};
use clap::{Args, Parser, Subcommand, ValueEnum};

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
    /// Calls: list, show, join
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
    /// Mint a token that lets a browser call an agent
    ///
    /// The media node signs it with the tenant's data key. Whoever has it may start a call by WHIP
    /// until it expires, so make one for each page that is opened.
    Token(TokenArguments),
    /// Talk to an agent in the terminal, in text, without a cluster
    ///
    /// The agent and its Flow come from files and run as in a call, with the same turns, silences and keys; words
    /// stand for voice. Type what the caller says, or /help.
    Chat(ChatArguments),
    /// Play scenarios against agents from files, without a cluster
    ///
    /// A scenario is a call: what the caller does, what the model answers unless the real one is asked, and what is
    /// expected of the agent. Ends with 1 when something was not as expected.
    Test(TestArguments),
    /// Play scenarios, and again whenever a file is saved
    Watch(ScenarioArguments),
    /// Flows: render
    Flow {
        #[command(subcommand)]
        command: FlowCommand,
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

/// What a token says.
#[derive(Args)]
pub(crate) struct TokenArguments {
    /// metadata.name of the Agent
    pub(crate) agent: String,
    /// Seconds until when a call may be started, 3600 at most; a call that runs goes on
    #[arg(long, default_value_t = 60)]
    pub(crate) ttl: u64,
    /// It starts one call and no more
    #[arg(long)]
    pub(crate) single_use: bool,
    /// Who calls, for the record of the call
    #[arg(long)]
    pub(crate) caller: Option<String>,
    /// A variable of the conversation, NAME=VALUE; may be given several times
    #[arg(long = "variable", value_name = "NAME=VALUE", value_parser = variable)]
    pub(crate) variables: Vec<(String, String)>,
    /// Print the address of the page that calls with it; BASE is where browsers reach the media node, as in
    /// `https://calls.example.com`
    #[arg(long, value_name = "BASE", value_parser = base)]
    pub(crate) url: Option<String>,
    /// Print the JSON of the media node
    #[arg(long)]
    pub(crate) json: bool,
}

/// Without the slash at its end.
fn base(text: &str) -> Result<String, String> {
    let is_web = text.starts_with("https://") || text.starts_with("http://");
    match is_web && !text.contains(['#', '?']) {
        true => Ok(text.trim_end_matches('/').to_owned()),
        false => Err("write https://HOST".to_owned()),
    }
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE".to_owned()),
    }
}

/// Which agent, and its model.
#[derive(Args)]
pub(crate) struct ChatArguments {
    /// YAML files, or folders of them, with the Agent and its Flow; - is standard input
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// metadata.name of the Agent, where there are several
    #[arg(long)]
    pub(crate) agent: Option<String>,
    /// A variable that the call brings along, NAME=VALUE; may be given several times
    #[arg(long = "variable", value_name = "NAME=VALUE", value_parser = variable)]
    pub(crate) variables: Vec<(String, String)>,
    #[command(flatten)]
    pub(crate) model: ModelArguments,
}

#[derive(Subcommand)]
pub(crate) enum FlowCommand {
    /// Draw a Flow from files as a picture (SVG), without a cluster
    ///
    /// Targets that are missing are drawn in red, so a graph that is not complete can be looked at, too.
    Render(RenderArguments),
}

/// Which Flow, and where to.
#[derive(Args)]
pub(crate) struct RenderArguments {
    /// YAML files, or folders of them, with the Flow; - is standard input
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// metadata.name of the Flow, where there are several
    #[arg(long)]
    pub(crate) flow: Option<String>,
    /// The file to write; standard output when left out
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// Which scenarios, and the report.
#[derive(Args)]
pub(crate) struct TestArguments {
    #[command(flatten)]
    pub(crate) scenarios: ScenarioArguments,
    /// Write a JUnit report to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
}

/// Which scenarios, and the model.
#[derive(Args)]
pub(crate) struct ScenarioArguments {
    /// YAML files with scenarios, or folders of them
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Only scenarios whose names contain this
    #[arg(long, value_name = "PART")]
    pub(crate) only: Option<String>,
    /// Show the conversations that went as expected, too
    #[arg(long, short)]
    pub(crate) verbose: bool,
    #[command(flatten)]
    pub(crate) model: ModelArguments,
}

/// The language model of converse nodes.
#[derive(Args)]
pub(crate) struct ModelArguments {
    /// Base URL of a server that speaks OpenAI's chat protocol; that of the Agent's Provider when left out, else
    /// OpenAI's own
    #[arg(long, env = "OPENAI_BASE_URL")]
    pub(crate) model_url: Option<String>,
    /// Name of the model; that of the Agent or its Provider when left out, else gpt-4o-mini
    #[arg(long, env = "OPENAI_MODEL")]
    pub(crate) model: Option<String>,
    /// Variable of the environment with the API key, so that it stands in no list of processes
    #[arg(long, value_name = "VARIABLE", default_value = "OPENAI_API_KEY")]
    pub(crate) model_key_env: String,
    /// What a million tokens of question and of answer cost, as in 0.15,0.60, to show what a turn costs
    #[arg(long, value_name = "IN,OUT", value_parser = price)]
    pub(crate) price: Option<(f64, f64)>,
}

fn price(text: &str) -> Result<(f64, f64), String> {
    let price = |text: &str| {
        text.trim()
            .parse()
            .ok()
            .filter(|price| (0.0..1e6).contains(price))
    };
    let (question, answer) = text.split_once(',').ok_or("write IN,OUT as in 0.15,0.60")?;
    price(question)
        .zip(price(answer))
        .ok_or_else(|| "write IN,OUT as in 0.15,0.60".to_owned())
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
    /// Begin anew: forget how far an import came that did not end. What it wrote is left as it is
    #[arg(long)]
    pub(crate) restart: bool,
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
    /// The recording of a call, a WAV or an Ogg Opus file: caller left, agent right
    ///
    /// It is sealed where it lies; the media node that has it opens it. With --start, --stop, --pause or
    /// --resume nothing is fetched: the recording of a call that goes on is steered.
    Recording {
        /// The call's id, as `call list` prints it
        id: String,
        /// Where to write it; `-` is standard output. ID.wav or ID.opus when left out
        #[arg(short, long, conflicts_with = "Steering")]
        output: Option<PathBuf>,
        #[command(flatten)]
        steering: Steering,
    },
    /// What a call was on the wire: its SIP messages, and how it sounded; with --pcap a capture of it
    ///
    /// Numbers, names, keys and bodies are masked. A capture takes what is on the wire of a call that goes on,
    /// for so many seconds or until the call ends, as far as `spec.capture` of the MediaPool permits it, and is
    /// noted in the tenant's audit log.
    Trace {
        /// The call's id, as `call list` prints it
        id: String,
        /// Show all headers of each message
        #[arg(long, short, conflicts_with = "pcap")]
        verbose: bool,
        /// Capture SIP and RTP into this file, which Wireshark reads; `-` is standard output
        #[arg(long, value_name = "FILE")]
        pcap: Option<PathBuf>,
        /// How long to capture, 300 at most
        #[arg(long, default_value_t = 30, requires = "pcap")]
        seconds: u64,
        /// With numbers, keys, bodies and sound: `spec.capture: Full` of the MediaPool permits it
        #[arg(long, requires = "pcap")]
        unmasked: bool,
        /// Print the JSON of the media node
        #[arg(long, conflicts_with = "pcap")]
        json: bool,
    },
    /// Join a call that goes on from a browser, to listen or to talk: prints the address of a page that does
    ///
    /// The page has a token in it that joins this call once, in this mode. Where `spec.capture` of the MediaPool is
    /// Full, whoever may forward ports to the pods may join; each token stands in the tenant's audit log with the
    /// name that Kubernetes knows you by, and each supervisor in the record of the call.
    Join(JoinArguments),
    /// One call: conversation, record, cost, quality
    Show {
        /// Its id, as `call list` prints it
        id: String,
        /// Print the JSON of the media node
        #[arg(long)]
        json: bool,
    },
}

/// Which call, and what a supervisor may do in it.
#[derive(Args)]
pub(crate) struct JoinArguments {
    /// The call's id, as `call list` prints it
    pub(crate) id: String,
    /// What to do in it
    #[arg(long, value_enum, ignore_case = true, default_value_t)]
    pub(crate) mode: Mode,
    /// Seconds until when the call may be joined, 3600 at most; who has joined stays
    #[arg(long, default_value_t = 60)]
    pub(crate) ttl: u64,
    /// Where browsers reach the media node that has the call, as in `https://calls.example.com` [default: what
    /// the node says]
    #[arg(long, value_name = "BASE", value_parser = base)]
    pub(crate) url: Option<String>,
    /// Print the token alone, for a page of your own
    #[arg(long, conflicts_with = "json")]
    pub(crate) token: bool,
    /// Print the JSON of the media node
    #[arg(long)]
    pub(crate) json: bool,
}

/// What a supervisor does in a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// Hear everybody, heard by nobody
    #[default]
    #[value(name = "Listen")]
    Listen,
    /// The same, and heard by the colleague whom the caller was transferred to
    #[value(name = "Whisper")]
    Whisper,
    /// Talk with everybody; the agent is silent meanwhile
    #[value(name = "Talk")]
    Talk,
}

impl From<Mode> for ObserverMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Listen => Self::Listen,
            Mode::Whisper => Self::Whisper,
            Mode::Talk => Self::Talk,
        }
    }
}

/// What becomes of the recording of a call that goes on.
#[derive(Args)]
#[group(multiple = false)]
pub(crate) struct Steering {
    /// Record from now on, whatever the Agent says; a file that was stopped has silence in between
    #[arg(long)]
    start: bool,
    /// Record no more
    #[arg(long)]
    stop: bool,
    /// Record silence in the place of both sides, until --resume
    #[arg(long)]
    pause: bool,
    /// Record both sides again. What a node of the flow pauses goes on when that node is left
    #[arg(long)]
    resume: bool,
}

impl Steering {
    /// The word of the control API, where one is given.
    pub(crate) fn action(&self) -> Option<&'static str> {
        let Self {
            start,
            stop,
            pause,
            resume,
        } = *self;
        let words = [
            (start, "start"),
            (stop, "stop"),
            (pause, "pause"),
            (resume, "resume"),
        ];
        words
            .into_iter()
            .find_map(|(given, word)| given.then_some(word))
    }
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
    use clap::{CommandFactory, Parser as _};

    #[test]
    fn the_command_line_is_consistent() {
        super::Arguments::command().debug_assert();
    }

    #[test]
    fn a_recording_is_fetched_or_steered_in_one_way() {
        let parsed = |more: &[&str]| {
            let words = ["kubectl-callplane", "call", "recording", "x"];
            let words = words.iter().chain(more).copied();
            super::Arguments::try_parse_from(words).map(|arguments| match arguments.command {
                super::Command::Call {
                    command: super::CallCommand::Recording { steering, .. },
                } => steering.action(),
                _ => panic!("another command"),
            })
        };
        assert_eq!(parsed(&["-o", "x.wav"]).unwrap(), None);
        assert_eq!(parsed(&["--pause"]).unwrap(), Some("pause"));
        assert_eq!(parsed(&["--resume"]).unwrap(), Some("resume"));
        assert!(parsed(&["--pause", "--stop"]).is_err());
        assert!(parsed(&["--pause", "-o", "x.wav"]).is_err());
    }

    #[test]
    fn a_call_is_joined_to_listen_unless_it_is_said() {
        let mode = |more: &[&str]| {
            let words = ["kubectl-callplane", "call", "join", "x"];
            let words = words.iter().chain(more).copied();
            super::Arguments::try_parse_from(words).map(|arguments| match arguments.command {
                super::Command::Call {
                    command: super::CallCommand::Join(join),
                } => join.mode,
                _ => panic!("another command"),
            })
        };
        assert_eq!(mode(&[]).unwrap(), super::Mode::Listen);
        assert_eq!(mode(&["--mode", "Whisper"]).unwrap(), super::Mode::Whisper);
        assert_eq!(mode(&["--mode", "talk"]).unwrap(), super::Mode::Talk);
        assert!(mode(&["--mode", "Shout"]).is_err());
        assert!(mode(&["--token", "--json"]).is_err());
    }

    #[test]
    fn a_variable_is_a_name_and_a_value() {
        let pair = |name: &str, value: &str| Ok((name.to_owned(), value.to_owned()));
        assert_eq!(super::variable("order=B=17"), pair("order", "B=17"));
        assert_eq!(super::variable("order="), pair("order", ""));
        assert!(super::variable("order").is_err());
        assert!(super::variable("=x").is_err());
    }
}
