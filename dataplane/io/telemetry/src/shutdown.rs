//! When to stop.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A token that is cancelled by the first SIGTERM or SIGINT. A second signal ends the process at
/// once, for whoever presses Ctrl-C twice.
///
/// # Errors
/// When the process may not install signal handlers.
pub fn shutdown_signal() -> std::io::Result<CancellationToken> {
    let token = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stopping = token.clone();
    tokio::spawn(async move {
        let name = first(&mut terminate, &mut interrupt).await;
        tracing::info!(
            signal = name,
            "Stopping after {name}; a second signal stops at once"
        );
        stopping.cancel();
        let name = first(&mut terminate, &mut interrupt).await;
        tracing::warn!(signal = name, "Stopped at once by a second {name}");
        std::process::exit(130);
    });
    Ok(token)
}

async fn first(
    terminate: &mut tokio::signal::unix::Signal,
    interrupt: &mut tokio::signal::unix::Signal,
) -> &'static str {
    tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    }
}
