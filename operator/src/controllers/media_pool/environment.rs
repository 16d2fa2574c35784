//! The variables of a media node, by which it is told what its pool says.

use callplane_crds::{Capture, MediaPoolSpec, Storage};
use k8s_openapi::api::core::v1::{
    EnvFromSource, EnvVar, EnvVarSource, ObjectFieldSelector, SecretEnvSource,
};

use super::validate::Validated;
use super::volumes::{DATA_DIR, DATABASE_DIR, TURN_SECRET_FILE};

pub(super) fn environment(validated: &Validated) -> Vec<EnvVar> {
    let spec = &validated.spec;
    let value = |name: &str, value: String| EnvVar {
        name: name.to_owned(),
        value: Some(value),
        value_from: None,
    };
    let field = |name: &str, path: &str| EnvVar {
        name: name.to_owned(),
        value: None,
        value_from: Some(EnvVarSource {
            field_ref: Some(ObjectFieldSelector {
                api_version: Some("v1".to_owned()),
                field_path: path.to_owned(),
            }),
            ..EnvVarSource::default()
        }),
    };
    let (ports, rtp) = (&validated.ports, &spec.rtp_ports);
    // Pods that share a folder use one each, named after them; its owner is the first to find it.
    let data_dir = match spec.storage {
        Storage::EmptyDir {} => DATA_DIR.to_owned(),
        Storage::HostPath { .. } | Storage::PersistentVolumeClaim { .. } => {
            format!("{DATA_DIR}/$(CALLPLANE_NODE)")
        }
    };
    let mut variables = vec![
        field("CALLPLANE_NODE", "metadata.name"),
        field("CALLPLANE_NAMESPACE", "metadata.namespace"),
        field("CALLPLANE_POD_UID", "metadata.uid"),
        field("CALLPLANE_ADDRESS", "status.podIP"),
        value("CALLPLANE_TENANT", validated.tenant.to_string()),
        value("CALLPLANE_POOL", validated.name.clone()),
        value("CALLPLANE_SLOTS", spec.slots.to_string()),
        value("CALLPLANE_SIP_PORT", ports.sip.to_string()),
        value("CALLPLANE_RTP_PORTS", format!("{}-{}", rtp.first, rtp.last)),
        value("CALLPLANE_DATABASE_DIR", DATABASE_DIR.to_owned()),
        value("CALLPLANE_DATA_DIR", data_dir),
        value("CALLPLANE_METRICS", format!("0.0.0.0:{}", ports.metrics)),
        value("CALLPLANE_CONTROL", format!("127.0.0.1:{}", ports.control)),
        value(
            "CALLPLANE_MAX_DRAIN_SECONDS",
            spec.max_drain_seconds.to_string(),
        ),
        value("CALLPLANE_SPEECH", validated.installed.speech.clone()),
    ];
    if let Some(recordings) = &spec.recordings {
        variables.push(value("CALLPLANE_RECORDINGS_URL", recordings.url.clone()));
    }
    // What is usual is not said: a pod that is as it was is not replaced.
    if !validated.installed.provider_networks.is_empty() {
        let networks = validated.installed.provider_networks.clone();
        variables.push(value("CALLPLANE_PROVIDER_NETWORKS", networks));
    }
    match spec.capture {
        Capture::Masked => {}
        Capture::Disabled => variables.push(value("CALLPLANE_CAPTURE", "disabled".to_owned())),
        Capture::Full => variables.push(value("CALLPLANE_CAPTURE", "full".to_owned())),
    }
    if let Some(whip) = &spec.whip {
        let webrtc = whip.webrtc_port.to_string();
        variables.extend([
            value("CALLPLANE_WHIP", format!("0.0.0.0:{}", whip.port)),
            value("CALLPLANE_WEBRTC_UDP", webrtc.clone()),
            value("CALLPLANE_WEBRTC_TCP", webrtc),
        ]);
        if !whip.ice_servers.is_empty() {
            variables.push(value("CALLPLANE_ICE_SERVERS", whip.ice_servers.join(",")));
        }
        if whip.turn_secret_ref.is_some() {
            variables.push(value(
                "CALLPLANE_TURN_SECRET_FILE",
                TURN_SECRET_FILE.to_owned(),
            ));
        }
    }
    variables
}

/// The credentials of the storage of recordings.
pub(super) fn credentials(spec: &MediaPoolSpec) -> Option<Vec<EnvFromSource>> {
    let secret = spec.recordings.as_ref()?.credentials_secret_ref.as_ref()?;
    Some(vec![EnvFromSource {
        secret_ref: Some(SecretEnvSource {
            name: secret.name.clone(),
            optional: Some(false),
        }),
        ..EnvFromSource::default()
    }])
}
