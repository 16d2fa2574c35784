//! The dependency rules of the workspace, held against what cargo says.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Crates that no crate in `dataplane/core` may reach: they own sockets, clocks or clusters.
const SHELL_ONLY: [&str; 6] = ["tokio", "kube", "sqlx", "reqwest", "hyper", "mio"];
/// aws-lc-rs is the one crypto provider and rustls the one TLS stack.
const OTHER_CRYPTO: [&str; 4] = ["ring", "openssl-sys", "native-tls", "openssl"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// The dependency graph of the workspace as it is built on this platform.
struct Graph {
    names: BTreeMap<String, String>,
    manifests: BTreeMap<String, PathBuf>,
    /// id -> ids, without dev-dependencies.
    edges: BTreeMap<String, BTreeSet<String>>,
    members: BTreeSet<String>,
}

impl Graph {
    fn load() -> Self {
        let output = Command::new(env!("CARGO"))
            .args(["metadata", "--format-version", "1", "--locked", "--offline"])
            .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
            .current_dir(root())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let json: Value = serde_json::from_slice(&output.stdout).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let mut graph = Self {
            names: BTreeMap::new(),
            manifests: BTreeMap::new(),
            edges: BTreeMap::new(),
            members: json["workspace_members"]
                .as_array()
                .unwrap()
                .iter()
                .map(text)
                .collect(),
        };
        for package in json["packages"].as_array().unwrap() {
            let id = text(&package["id"]);
            graph.names.insert(id.clone(), text(&package["name"]));
            graph
                .manifests
                .insert(id, PathBuf::from(text(&package["manifest_path"])));
        }
        for node in json["resolve"]["nodes"].as_array().unwrap() {
            let built = |dependency: &&Value| {
                let kinds = dependency["dep_kinds"].as_array().unwrap();
                kinds.iter().any(|kind| kind["kind"] != "dev")
            };
            let dependencies = node["deps"].as_array().unwrap().iter().filter(built);
            graph.edges.insert(
                text(&node["id"]),
                dependencies.map(|d| text(&d["pkg"])).collect(),
            );
        }
        graph
    }

    /// Names of everything that is built into a crate.
    fn closure(&self, id: &str) -> BTreeSet<&str> {
        let (mut seen, mut queue) = (BTreeSet::new(), vec![id]);
        while let Some(id) = queue.pop() {
            for next in &self.edges[id] {
                if seen.insert(next.as_str()) {
                    queue.push(next);
                }
            }
        }
        seen.into_iter().map(|id| self.names[id].as_str()).collect()
    }
}

/// `crate -> crate crate`, one line a crate; `#` begins a comment.
fn permissions() -> BTreeMap<String, BTreeSet<String>> {
    let text = std::fs::read_to_string(root().join("e2e/architecture.txt")).unwrap();
    text.lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| {
            let (from, to) = line.split_once("->").unwrap();
            (
                from.trim().to_owned(),
                to.split_whitespace().map(str::to_owned).collect(),
            )
        })
        .collect()
}

#[test]
fn our_crates_use_each_other_only_as_written_down() {
    let graph = Graph::load();
    let permissions = permissions();
    let ours: BTreeSet<&str> = graph
        .members
        .iter()
        .map(|id| graph.names[id].as_str())
        .collect();
    let listed: BTreeSet<&str> = permissions.keys().map(String::as_str).collect();
    assert_eq!(
        ours, listed,
        "e2e/architecture.txt lists every crate of the workspace"
    );
    for id in &graph.members {
        let name = &graph.names[id];
        for used in graph.edges[id].iter().map(|to| graph.names[to].as_str()) {
            assert!(
                !ours.contains(used) || permissions[name].contains(used),
                "{name} uses {used}: if it is meant, write it into e2e/architecture.txt and say why \
                 in the commit"
            );
        }
    }
}

#[test]
fn the_core_reaches_no_socket_clock_or_cluster() {
    let graph = Graph::load();
    let core = root().join("dataplane/core");
    let mut checked = 0;
    for id in graph
        .members
        .iter()
        .filter(|id| graph.manifests[*id].starts_with(&core))
    {
        checked += 1;
        let closure = graph.closure(id);
        for banned in SHELL_ONLY {
            assert!(
                !closure.contains(banned),
                "{} reaches {banned}",
                graph.names[id]
            );
        }
    }
    assert!(
        checked >= 9,
        "only {checked} crates found in dataplane/core"
    );
}

#[test]
fn aws_lc_is_the_only_crypto_provider() {
    for crate_name in OTHER_CRYPTO {
        let output = Command::new(env!("CARGO"))
            .args([
                "tree",
                "--workspace",
                "--locked",
                "--offline",
                "-e",
                "normal,build",
            ])
            .args(["--prefix", "none", "--format", "{p}"])
            .current_dir(root())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let tree = String::from_utf8(output.stdout).unwrap();
        let found = tree
            .lines()
            .find(|line| line.split(' ').next() == Some(crate_name));
        assert_eq!(
            found, None,
            "find what pulls it: cargo tree -i {crate_name} -e normal,build"
        );
    }
}

/// A file that no `mod` names is never compiled, and its tests never run.
#[test]
fn every_source_file_belongs_to_a_crate() {
    let listed = Command::new("git")
        .args(["ls-files", "*.rs"])
        .current_dir(root())
        .output()
        .unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let orphans: Vec<&str> = listed
        .lines()
        .filter(|path| !path.starts_with("dataplane/fuzz/"))
        .filter(|path| !is_crate_root(Path::new(path)) && !is_declared(Path::new(path)))
        .collect();
    assert!(
        orphans.is_empty(),
        "no `mod` names these files: {orphans:?}"
    );
}

fn is_crate_root(path: &Path) -> bool {
    let text = path.to_string_lossy();
    ["src/lib.rs", "src/main.rs", "build.rs"]
        .iter()
        .any(|end| text.ends_with(end))
        || text.ends_with("tests/it/main.rs")
        || (["/src/bin/", "/benches/"].iter().any(|d| text.contains(d))
            && text.ends_with("/main.rs"))
        || path.parent().is_some_and(|p| {
            ["bin", "examples", "benches"]
                .iter()
                .any(|d| p.ends_with(d))
        })
}

fn is_declared(path: &Path) -> bool {
    let (folder, stem) = (
        path.parent().unwrap(),
        path.file_stem().unwrap().to_str().unwrap(),
    );
    let (name, parents) = if stem == "mod" {
        let above = folder.parent().unwrap();
        (
            folder.file_name().unwrap().to_str().unwrap(),
            parents_in(above),
        )
    } else {
        (stem, parents_in(folder))
    };
    parents.iter().any(|parent| {
        std::fs::read_to_string(root().join(parent)).is_ok_and(|text| {
            text.lines().any(|line| {
                line.trim()
                    .strip_suffix(';')
                    .is_some_and(|line| line.ends_with(&format!("mod {name}")))
            })
        })
    })
}

/// Files that may declare a module of `folder`.
fn parents_in(folder: &Path) -> Vec<PathBuf> {
    let mut parents: Vec<PathBuf> = ["mod.rs", "lib.rs", "main.rs"]
        .iter()
        .map(|name| folder.join(name))
        .collect();
    parents.push(folder.with_extension("rs"));
    parents
}
