//! Speech worker: flite (text to speech) and pocketsphinx (speech to text by a grammar) behind the
//! frames of [`callplane_providers::protocol`].
//!
//! It is a process of its own because both engines are C: a crash costs one request and a restart,
//! never a call. It reads requests from standard input, answers on standard output and ends with
//! its input. All `unsafe` code of Callplane is in `engine/`.

#[cfg(feature = "embedded-speech")]
mod engine;
#[cfg(feature = "embedded-speech")]
mod grammar;
#[cfg(feature = "embedded-speech")]
mod serve;

use clap::{Parser, Subcommand};

/// Callplane's speech worker.
#[derive(Parser)]
#[command(name = "callplane-speech", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve requests on the standard streams until the input ends.
    Serve(Models),
    /// Speak a text into a WAV file, to try a voice.
    Say {
        /// The text.
        text: String,
        /// Where the WAV file goes.
        #[arg(long, short, default_value = "speech.wav")]
        output: std::path::PathBuf,
        /// slt, rms, awb or kal16.
        #[arg(long, default_value = "slt")]
        voice: String,
    },
}

/// Where the models of pocketsphinx are.
#[derive(clap::Args)]
struct Models {
    /// Folder of Debian's pocketsphinx-en-us.
    #[arg(
        long,
        env = "CALLPLANE_SPEECH_MODELS",
        default_value = "/usr/share/pocketsphinx/model/en-us"
    )]
    models: std::path::PathBuf,
}

#[cfg(feature = "embedded-speech")]
fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Serve(Models { models }) => serve::run(&models),
        Command::Say {
            text,
            output,
            voice,
        } => serve::say(&text, &voice, &output),
    }
}

#[cfg(not(feature = "embedded-speech"))]
fn main() -> anyhow::Result<()> {
    let _ = Arguments::parse();
    anyhow::bail!(
        "this build has no speech engine: build callplane-speech with the feature embedded-speech"
    )
}
