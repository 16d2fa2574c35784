//! The processes behind a pod of the local cluster, for faults that Kubernetes itself would not inject.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::{Cluster, run};

/// The processes of one pod. They are known by the pod's uid in their cgroup, so that nothing else can be hit.
#[derive(Clone, Debug)]
pub struct PodProcesses {
    uid: String,
}

impl PodProcesses {
    /// Those of a pod, whatever container of it they run in, now or later.
    pub async fn of(cluster: &Cluster, namespace: &str, pod: &str) -> Result<Self> {
        ensure!(
            cluster.is_local(),
            "only the processes of the local cluster can be signalled"
        );
        let object = cluster.object(namespace, "pod", pod).await?;
        let uid = object["metadata"]["uid"]
            .as_str()
            .context("the pod has no uid")?;
        Ok(Self {
            uid: uid.to_owned(),
        })
    }

    /// Identifiers of the processes that run `program`, a file name without its folder.
    pub fn running(&self, program: &str) -> Result<Vec<String>> {
        let mut pids = Vec::new();
        for entry in std::fs::read_dir("/proc")? {
            let path = entry?.path();
            let pid = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            if !pid.bytes().all(|b| b.is_ascii_digit()) {
                continue;
            }
            // A process may end between the listing and the reading; one that has ended has no command line.
            let cgroup = std::fs::read_to_string(path.join("cgroup")).unwrap_or_default();
            let line = std::fs::read_to_string(path.join("cmdline")).unwrap_or_default();
            if cgroup.contains(&self.uid) && runs(&line, program) {
                pids.push(pid.to_owned());
            }
        }
        Ok(pids)
    }

    /// Sends a signal to every process that runs `program` and says how many there were.
    pub async fn signal(&self, program: &str, signal: &str) -> Result<usize> {
        let pids = self.running(program)?;
        if pids.is_empty() {
            return Ok(0);
        }
        let mut arguments = vec!["-s", signal];
        arguments.extend(pids.iter().map(String::as_str));
        if let Err(error) = run("kill", &arguments, "").await {
            // One that ended by itself meanwhile cannot be hit; the others were.
            let left = self.running(program)?;
            ensure!(!pids.iter().any(|pid| left.contains(pid)), error);
        }
        Ok(pids.len())
    }
}

/// Whether a command line, as the kernel shows it, is one of `program`.
fn runs(line: &str, program: &str) -> bool {
    let first = line.split('\0').next().unwrap_or_default();
    Path::new(first)
        .file_name()
        .is_some_and(|name| name == program)
}

#[cfg(test)]
mod tests {
    use super::runs;

    #[test]
    fn a_program_is_known_by_its_file_and_not_by_its_arguments() {
        assert!(runs(
            "/usr/local/bin/callplane-speech\0serve\0",
            "callplane-speech"
        ));
        assert!(!runs(
            "/usr/local/bin/callplane-media-node\0--speech\0/usr/local/bin/callplane-speech\0",
            "callplane-speech"
        ));
        assert!(!runs("", "callplane-speech"));
    }
}
