//! When files are saved.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;

/// Editors save in several steps: after the first, so long without another.
const SETTLED: Duration = Duration::from_millis(150);

/// Tells of changes in folders.
pub(super) struct Changes {
    watcher: RecommendedWatcher,
    watched: HashSet<PathBuf>,
    changed: mpsc::UnboundedReceiver<()>,
}

impl Changes {
    pub(super) fn new() -> anyhow::Result<Self> {
        let (sender, changed) = mpsc::unbounded_channel();
        let told = move |event: notify::Result<Event>| {
            // Reading is no change. An error may hide one.
            if event.map_or(true, |event| !event.kind.is_access()) {
                let _ = sender.send(());
            }
        };
        Ok(Self {
            watcher: notify::recommended_watcher(told)?,
            watched: HashSet::new(),
            changed,
        })
    }

    /// Watches these files and folders, too. A file is watched by its folder, because editors put another in its place.
    pub(super) fn watch(
        &mut self,
        paths: impl IntoIterator<Item = impl AsRef<Path>>,
    ) -> anyhow::Result<()> {
        for path in paths {
            let path = path.as_ref();
            let (folder, mode) = match path.is_dir() {
                true => (path, RecursiveMode::Recursive),
                false => (
                    path.parent().unwrap_or(Path::new("")),
                    RecursiveMode::NonRecursive,
                ),
            };
            let folder = match folder == Path::new("") {
                true => Path::new("."),
                false => folder,
            };
            if self.watched.insert(folder.to_owned()) {
                self.watcher
                    .watch(folder, mode)
                    .with_context(|| folder.display().to_string())?;
            }
        }
        Ok(())
    }

    /// Waits until something was saved.
    pub(super) async fn next(&mut self) -> anyhow::Result<()> {
        self.changed
            .recv()
            .await
            .context("files are not watched any more")?;
        while let Ok(Some(())) = tokio::time::timeout(SETTLED, self.changed.recv()).await {}
        Ok(())
    }
}
