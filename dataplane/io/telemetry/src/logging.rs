//! Structured logs on standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line, for collectors.
    Json,
    /// A readable line, for people.
    Text,
}

impl LogFormat {
    /// People sit at terminals, collectors at pipes.
    #[must_use]
    pub fn detect() -> Self {
        if std::io::stderr().is_terminal() {
            Self::Text
        } else {
            Self::Json
        }
    }
}

/// Why logging could not start.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The filter does not read.
    #[error(
        "invalid log filter `{filter}`: write levels and targets as in info,callplane_sip=debug"
    )]
    Filter {
        /// What was given.
        filter: String,
        /// What is wrong with it.
        source: tracing_subscriber::filter::ParseError,
    },
    /// Somebody else did it before.
    #[error("logging was initialised twice")]
    Twice,
}

/// Starts logging with `filter` (`info` when empty), for example `info,callplane_sip=debug`.
///
/// # Errors
/// When the filter does not read, or logging was started before.
pub fn init_logging(filter: &str, format: LogFormat) -> Result<(), LoggingError> {
    let text = if filter.is_empty() { "info" } else { filter };
    let filter = EnvFilter::try_new(text).map_err(|source| LoggingError::Filter {
        filter: text.to_owned(),
        source,
    })?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let started = match format {
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
        LogFormat::Text => builder.try_init(),
    };
    started.map_err(|_| LoggingError::Twice)
}
