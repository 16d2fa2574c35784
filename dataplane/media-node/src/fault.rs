//! Faults on purpose, for tests: `CALLPLANE_FAULT=<point>` makes a debug build die at that point as
//! if it had been killed. Release builds know no such thing.

/// A point where a test may want the process to die.
pub(crate) fn point(name: &str) {
    #[cfg(debug_assertions)]
    if std::env::var_os("CALLPLANE_FAULT").is_some_and(|wanted| wanted == name) {
        tracing::error!(fault = name, "Dying on purpose");
        std::process::abort();
    }
    #[cfg(not(debug_assertions))]
    let _ = name;
}
