//! `status`: every resource of the namespace in one table.

use callplane_crds::{
    Agent, Campaign, Flow, KnowledgeBase, LABEL_TENANT, MediaPool, PhoneNumber, Provider, Tenant,
    Trunk,
};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::ListParams;
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;

use crate::connection::Connection;
use crate::table::Table;

/// Prints kind, name, readiness and what the Ready condition says.
pub(crate) async fn print(connection: &Connection) -> anyhow::Result<()> {
    let Connection { client, namespace } = connection;
    let mut table = Table::new(&["KIND", "NAME", "READY", "REASON", "MESSAGE"]);
    if let Some(tenant) = tenant_of(client, namespace).await? {
        row(&mut table, &tenant)?;
    }
    rows::<MediaPool>(&mut table, connection).await?;
    rows::<Trunk>(&mut table, connection).await?;
    rows::<Provider>(&mut table, connection).await?;
    rows::<KnowledgeBase>(&mut table, connection).await?;
    rows::<PhoneNumber>(&mut table, connection).await?;
    rows::<Flow>(&mut table, connection).await?;
    rows::<Agent>(&mut table, connection).await?;
    rows::<Campaign>(&mut table, connection).await?;
    if table.is_empty() {
        println!("No Callplane resources in namespace {namespace}.");
    } else {
        print!("{table}");
    }
    Ok(())
}

/// The Tenant of the namespace, if there is one and this person may see it: Tenants are cluster-wide,
/// and the people of a tenant have rights in its namespaces only.
async fn tenant_of(client: &Client, namespace: &str) -> kube::Result<Option<Tenant>> {
    let found = visible::<Namespace>(client, namespace).await?;
    match found.and_then(|found| found.labels().get(LABEL_TENANT).cloned()) {
        Some(name) => visible(client, &name).await,
        None => Ok(None),
    }
}

async fn visible<K>(client: &Client, name: &str) -> kube::Result<Option<K>>
where
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + DeserializeOwned,
{
    match Api::<K>::all(client.clone()).get_opt(name).await {
        Err(kube::Error::Api(status)) if status.is_forbidden() => Ok(None),
        found => found,
    }
}

async fn rows<K>(table: &mut Table, connection: &Connection) -> anyhow::Result<()>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + std::fmt::Debug
        + DeserializeOwned
        + serde::Serialize,
{
    let api: Api<K> = Api::namespaced(connection.client.clone(), &connection.namespace);
    for object in api.list(&ListParams::default()).await? {
        row(table, &object)?;
    }
    Ok(())
}

/// The conditions have the same form on every kind, so they are read from the JSON.
fn row<K>(table: &mut Table, object: &K) -> anyhow::Result<()>
where
    K: Resource<DynamicType = ()> + serde::Serialize,
{
    let json = serde_json::to_value(object)?;
    let conditions = json["status"]["conditions"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let ready = conditions
        .iter()
        .find(|condition| condition["type"] == "Ready");
    let word = |key: &str, missing: &str| {
        ready
            .and_then(|ready| ready[key].as_str())
            .unwrap_or(missing)
            .to_owned()
    };
    table.row([
        K::kind(&()).into_owned(),
        object.meta().name.clone().unwrap_or_default(),
        word("status", "Unknown"),
        word("reason", "NotReconciled"),
        word(
            "message",
            "the operator has not seen it yet: is it running?",
        ),
    ]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http_body_util::Full;
    use hyper::body::Bytes;
    use hyper::{Request, Response};
    use kube::client::Body;
    use serde_json::{Value, json};

    use super::*;

    /// An API server that knows the namespace `acme` and answers for Tenants with `status`.
    fn server(status: u16, tenant: &Value) -> Client {
        let tenant = tenant.to_string();
        let answer = move |request: Request<Body>| {
            let (status, body) = if request.uri().path() == "/api/v1/namespaces/acme" {
                let labels = json!({ LABEL_TENANT: "acme" });
                let namespace = json!({ "metadata": { "name": "acme", "labels": labels } });
                (200, namespace.to_string())
            } else {
                (status, tenant.clone())
            };
            let response = Response::builder()
                .status(status)
                .body(Full::new(Bytes::from(body)))
                .unwrap();
            std::future::ready(Ok::<_, Infallible>(response))
        };
        Client::new(tower::service_fn(answer), "acme")
    }

    #[tokio::test]
    async fn the_people_of_a_tenant_see_their_objects_without_the_tenant() {
        let forbidden = json!({
            "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 403,
            "reason": "Forbidden", "message": "tenants.callplane.dev is forbidden",
        });
        let client = server(403, &forbidden);
        assert!(tenant_of(&client, "acme").await.unwrap().is_none());
    }

    #[tokio::test]
    async fn the_platform_team_sees_the_tenant() {
        let tenant = json!({
            "apiVersion": "callplane.dev/v1alpha1", "kind": "Tenant",
            "metadata": { "name": "acme" }, "spec": { "namespaces": ["acme"] },
        });
        let client = server(200, &tenant);
        let found = tenant_of(&client, "acme").await.unwrap().unwrap();
        assert_eq!(found.name_any(), "acme");
    }
}
