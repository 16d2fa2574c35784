//! A server that ends as by a power cut, or is lost together with its disk.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::{HarnessError, PostgresServer};

impl PostgresServer {
    /// Ends every process of the server by SIGKILL, those that it runs for its archive included: no one
    /// of them does anything any more. [`PostgresServer::resume`] starts it again.
    pub fn kill(&self) -> Result<(), HarnessError> {
        let postmaster = self.folder().join("data/postmaster.pid");
        let text = fs::read_to_string(&postmaster).map_err(HarnessError::new)?;
        let first = text.lines().next().unwrap_or_default().to_owned();
        let mut all = vec![first.clone()];
        let mut stopped = 0;
        // What is stopped has no more children than those that are found then.
        while let Some(process) = all.get(stopped).cloned() {
            signal("-STOP", std::slice::from_ref(&process))?;
            while is_running(&process) {
                std::thread::sleep(Duration::from_millis(1));
            }
            all.extend(children(&process)?);
            stopped += 1;
        }
        signal("-KILL", &all)?;
        while all.iter().any(|process| is_alive(process)) {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.forget_locks()
    }

    /// [`PostgresServer::kill`], and its data directory is gone, as when a machine burns.
    /// [`PostgresServer::resume`] starts it once something was restored there.
    pub fn destroy(&self) -> Result<(), HarnessError> {
        self.kill()?;
        fs::remove_dir_all(self.folder().join("data")).map_err(HarnessError::new)
    }

    /// Removes what says that a server runs here. PostgreSQL does so itself once the process is gone,
    /// but one that is dead and that nobody has waited for yet still counts as running for it.
    fn forget_locks(&self) -> Result<(), HarnessError> {
        for entry in fs::read_dir(self.folder()).map_err(HarnessError::new)? {
            let entry = entry.map_err(HarnessError::new)?;
            if entry.file_name().to_string_lossy().starts_with(".s.PGSQL.") {
                fs::remove_file(entry.path()).map_err(HarnessError::new)?;
            }
        }
        fs::remove_file(self.folder().join("data/postmaster.pid")).map_err(HarnessError::new)
    }
}

/// Sends a signal to those that are still there.
fn signal(name: &str, processes: &[String]) -> Result<(), HarnessError> {
    let status = Command::new("kill")
        .arg(name)
        .args(processes)
        .stderr(Stdio::null())
        .status()
        .map_err(HarnessError::new)?;
    // One that has ended by itself meanwhile is no failure.
    if status.success() || processes.iter().any(|process| !is_alive(process)) {
        Ok(())
    } else {
        Err(HarnessError::new(format!("kill {name} failed")))
    }
}

/// A process that is dead but was not waited for has a folder, without anything to be found there.
fn is_alive(process: &str) -> bool {
    Path::new("/proc").join(process).join("root").exists()
}

/// Neither stopped nor dead: proc(5) has no reliable list of the children of one that is.
fn is_running(process: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // Behind the name in brackets, which may have anything in it.
    let state = stat
        .rsplit_once(')')
        .and_then(|(_, rest)| rest.trim_start().chars().next());
    state.is_some_and(|state| !matches!(state, 'T' | 't' | 'Z' | 'X'))
}

fn children(process: &str) -> Result<Vec<String>, HarnessError> {
    match fs::read_to_string(format!("/proc/{process}/task/{process}/children")) {
        Ok(list) => Ok(list.split_whitespace().map(str::to_owned).collect()),
        Err(_) if !is_alive(process) => Ok(Vec::new()),
        Err(error) => Err(HarnessError::new(error)),
    }
}
