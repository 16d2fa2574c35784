//! The processes behind a pod of the local cluster, for faults that Kubernetes itself would not inject.

use anyhow::{Context, Result, ensure};

use crate::{Cluster, run};

/// Sends a signal to every process of a pod whose command line contains `command`. The pod is known by its uid
/// in the processes' cgroup, so that nothing else can be hit.
pub async fn signal_pod(
    cluster: &Cluster,
    namespace: &str,
    pod: &str,
    command: &str,
    signal: &str,
) -> Result<usize> {
    ensure!(
        cluster.is_local(),
        "only the processes of the local cluster can be signalled"
    );
    let object = cluster.object(namespace, "pod", pod).await?;
    let uid = object["metadata"]["uid"]
        .as_str()
        .context("the pod has no uid")?;
    let pids = processes(uid, command)?;
    for pid in &pids {
        run("kill", &["-s", signal, pid], "").await?;
    }
    Ok(pids.len())
}

fn processes(pod_uid: &str, command: &str) -> Result<Vec<String>> {
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
        // A process may end between the listing and the reading.
        let cgroup = std::fs::read_to_string(path.join("cgroup")).unwrap_or_default();
        let line = std::fs::read_to_string(path.join("cmdline")).unwrap_or_default();
        if cgroup.contains(pod_uid) && line.contains(command) {
            pids.push(pid.to_owned());
        }
    }
    Ok(pids)
}
