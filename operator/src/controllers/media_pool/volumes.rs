//! The folders of a media node: what it is given, and where it keeps what it makes.

use callplane_crds::{MediaPoolSpec, Storage};
use k8s_openapi::api::core::v1::{
    EmptyDirVolumeSource, HostPathVolumeSource, PersistentVolumeClaimVolumeSource,
    SecretVolumeSource, Volume, VolumeMount,
};

use crate::names::SECRET_DATABASE;

pub(super) const DATA_DIR: &str = "/var/lib/callplane";
pub(super) const DATABASE_DIR: &str = "/etc/callplane/database";
const TURN: &str = "turn";
const TURN_DIR: &str = "/etc/callplane/turn";
/// The key `secret` of the Secret.
pub(super) const TURN_SECRET_FILE: &str = "/etc/callplane/turn/secret";

/// The folders of a pod.
pub(super) fn volumes(spec: &MediaPoolSpec) -> Vec<Volume> {
    let empty = || Some(EmptyDirVolumeSource::default());
    let mut data = Volume {
        name: "data".to_owned(),
        ..Volume::default()
    };
    match &spec.storage {
        Storage::EmptyDir {} => data.empty_dir = empty(),
        Storage::HostPath { path } => {
            data.host_path = Some(HostPathVolumeSource {
                path: path.clone(),
                // One that the kubelet makes belongs to root, and the node could not write to it.
                type_: Some("Directory".to_owned()),
            });
        }
        Storage::PersistentVolumeClaim { claim_name } => {
            data.persistent_volume_claim = Some(PersistentVolumeClaimVolumeSource {
                claim_name: claim_name.clone(),
                read_only: None,
            });
        }
    }
    let tmp = Volume {
        name: "tmp".to_owned(),
        empty_dir: empty(),
        ..Volume::default()
    };
    let mut volumes = vec![secret("database", SECRET_DATABASE), data, tmp];
    volumes.extend(turn_secret(spec).map(|name| secret(TURN, name)));
    volumes
}

/// Where the container finds them.
pub(super) fn mounts(spec: &MediaPoolSpec) -> Vec<VolumeMount> {
    let mut mounts = vec![
        mount("database", DATABASE_DIR, true),
        mount("data", DATA_DIR, false),
        mount("tmp", "/tmp", false),
    ];
    mounts.extend(turn_secret(spec).map(|_| mount(TURN, TURN_DIR, true)));
    mounts
}

fn turn_secret(spec: &MediaPoolSpec) -> Option<&str> {
    let secret = spec.whip.as_ref()?.turn_secret_ref.as_ref()?;
    Some(&secret.name)
}

fn secret(name: &str, secret: &str) -> Volume {
    Volume {
        name: name.to_owned(),
        secret: Some(SecretVolumeSource {
            secret_name: Some(secret.to_owned()),
            // Readable by the group of the pod only.
            default_mode: Some(0o440),
            ..SecretVolumeSource::default()
        }),
        ..Volume::default()
    }
}

fn mount(name: &str, path: &str, read_only: bool) -> VolumeMount {
    VolumeMount {
        name: name.to_owned(),
        mount_path: path.to_owned(),
        read_only: read_only.then_some(true),
        ..VolumeMount::default()
    }
}
