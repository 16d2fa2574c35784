//! Objects for the tables of the pure steps.

use serde::de::DeserializeOwned;
use serde_yaml_ng::Value;

use super::{Problem, TenantRef};

/// A tenant that is ready.
pub(crate) fn tenant() -> Result<TenantRef, Problem> {
    Ok(TenantRef {
        id: "019aa6d2-0000-7000-8000-000000000001".parse().unwrap(),
        name: "acme".to_owned(),
        home: "acme".to_owned(),
    })
}

/// An object named `subject` from the YAML of its spec and, when there is one, of its status.
pub(crate) fn object<K: kube::Resource<DynamicType = ()> + DeserializeOwned>(yaml: &str) -> K {
    let mut value: Value = serde_yaml_ng::from_str(yaml).unwrap();
    let map = value.as_mapping_mut().unwrap();
    let metadata = "{ name: subject, namespace: acme, generation: 1,
                      uid: 019aa6d2-0000-7000-8000-0000000000aa }";
    map.insert(
        "metadata".into(),
        serde_yaml_ng::from_str(metadata).unwrap(),
    );
    map.insert("apiVersion".into(), K::api_version(&()).as_ref().into());
    map.insert("kind".into(), K::kind(&()).as_ref().into());
    serde_yaml_ng::from_value(value).unwrap()
}
