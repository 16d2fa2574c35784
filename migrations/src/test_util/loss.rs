//! A server that is lost together with its disk.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use super::{HarnessError, PostgresServer};

impl PostgresServer {
    /// Kills every process of the server and deletes its data directory, as when a machine burns.
    /// [`PostgresServer::resume`] starts it once something was restored there.
    pub fn destroy(&self) -> Result<(), HarnessError> {
        let data = self.folder().join("data");
        let file = fs::read_to_string(data.join("postmaster.pid")).map_err(HarnessError::new)?;
        let server = file.lines().next().unwrap_or_default();
        let mut processes = children(server);
        // The server first: it would start its children anew.
        processes.insert(0, server.to_owned());
        // Some end by themselves once the server has.
        Command::new("kill")
            .arg("-9")
            .args(&processes)
            .stderr(Stdio::null())
            .status()
            .map_err(HarnessError::new)?;
        // Until the last of them has let go of memory and files, no other server begins.
        let alive = |pid: &String| Path::new("/proc").join(pid).join("root").exists();
        while processes.iter().any(alive) {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        fs::remove_dir_all(&data).map_err(HarnessError::new)
    }
}

/// The processes whose parent is `parent`.
fn children(parent: &str) -> Vec<String> {
    let of_parent = |status: &Path| {
        fs::read_to_string(status).is_ok_and(|text| {
            text.lines()
                .any(|line| line.strip_prefix("PPid:").map(str::trim) == Some(parent))
        })
    };
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter(|process| of_parent(&process.path().join("status")))
        .filter_map(|process| process.file_name().into_string().ok())
        .collect()
}
