//! What every kind has in common.

use callplane_crds::{GROUP, VERSION, all};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::JSONSchemaProps;

use crate::server::{items, schemas};

#[test]
fn every_kind_has_the_group_a_short_name_the_category_and_columns() {
    for crd in all() {
        let kind = &crd.spec.names.kind;
        assert_eq!(crd.spec.group, GROUP);
        assert_eq!(
            crd.spec.names.categories.as_deref(),
            Some(["callplane".to_owned()].as_slice())
        );
        assert_eq!(
            crd.spec.names.short_names.as_ref().map(Vec::len),
            Some(1),
            "{kind}"
        );
        let version = &crd.spec.versions[0];
        assert_eq!(version.name, VERSION);
        assert!(
            version.subresources.as_ref().unwrap().status.is_some(),
            "{kind}"
        );
        let columns = version.additional_printer_columns.as_ref().unwrap();
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        for wanted in ["Ready", "Reason", "Age"] {
            assert!(names.contains(&wanted), "{kind} has no column {wanted}");
        }
    }
}

#[test]
fn only_the_tenant_is_cluster_scoped() {
    for crd in all() {
        let cluster = crd.spec.names.kind == "Tenant";
        assert_eq!(
            crd.spec.scope == "Cluster",
            cluster,
            "{}",
            crd.spec.names.kind
        );
    }
}

#[test]
fn short_names_are_unique() {
    let mut names: Vec<String> = all()
        .into_iter()
        .flat_map(|crd| crd.spec.names.short_names.unwrap_or_default())
        .collect();
    names.sort();
    let before = names.len();
    names.dedup();
    assert_eq!(names.len(), before);
}

#[test]
fn every_field_is_explained() {
    for (kind, schema) in schemas() {
        let mut silent = Vec::new();
        for part in ["spec", "status"] {
            let schema = &schema.properties.as_ref().unwrap()[part];
            undocumented(schema, &format!("{kind}.{part}"), &mut silent);
        }
        assert!(silent.is_empty(), "no description: {silent:?}");
    }
}

#[test]
fn conditions_are_merged_by_type() {
    for (kind, schema) in schemas() {
        let status = &schema.properties.as_ref().unwrap()["status"];
        let conditions = &status.properties.as_ref().unwrap()["conditions"];
        assert_eq!(
            conditions.x_kubernetes_list_type.as_deref(),
            Some("map"),
            "{kind}"
        );
        assert_eq!(
            conditions.x_kubernetes_list_map_keys.as_deref(),
            Some(["type".to_owned()].as_slice()),
            "{kind}"
        );
        assert!(
            status
                .properties
                .as_ref()
                .unwrap()
                .contains_key("observedGeneration")
        );
    }
}

fn undocumented(schema: &JSONSchemaProps, path: &str, silent: &mut Vec<String>) {
    for (name, property) in schema.properties.iter().flatten() {
        let path = format!("{path}.{name}");
        if property
            .description
            .as_deref()
            .unwrap_or_default()
            .is_empty()
        {
            silent.push(path.clone());
        }
        undocumented(property, &path, silent);
    }
    if let Some(each) = items(schema) {
        undocumented(each, &format!("{path}[]"), silent);
    }
}
