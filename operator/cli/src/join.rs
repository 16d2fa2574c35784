//! `call join`: a supervisor joins a running call from a browser.

use anyhow::bail;
use callplane_types::ObserverMode;
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use kube::Api;
use kube::api::PostParams;
use serde_json::{Value, json};

use crate::arguments::JoinArguments;
use crate::connection::Connection;
use crate::node::{Node, segment};
use crate::token::page;

/// Prints the address of a page that joins the call, or the token alone.
pub(crate) async fn run(connection: &Connection, arguments: &JoinArguments) -> anyhow::Result<()> {
    let JoinArguments {
        id,
        mode,
        ttl,
        url,
        token: token_alone,
        json: as_json,
    } = arguments;
    let mode = ObserverMode::from(*mode);
    let wanted = json!({
        "mode": mode.as_str(), "ttlSeconds": ttl, "supervisor": own_name(connection).await,
    });
    let path = format!("/v1/calls/{}/observers", segment(id));
    for node in Node::all(connection).await? {
        // Another one may carry it.
        let Some(mut minted) = node.post_if_there::<Value>(&path, &wanted).await? else {
            continue;
        };
        let word = |key: &str| minted[key].as_str().unwrap_or_default().to_owned();
        let token = word("token");
        let base = url.clone().unwrap_or_else(|| word("origin"));
        let page = page(&base, &word("path"), &token);
        match (as_json, token_alone) {
            (true, _) => {
                minted["url"] = page.into();
                println!("{}", serde_json::to_string_pretty(&minted)?);
            }
            (false, true) => println!("{token}"),
            (false, false) => println!("{page}"),
        }
        return Ok(());
    }
    bail!(
        "call {id} does not go on at any ready media node of namespace {}: a call is joined while it goes on; see \
         `kubectl callplane call list`",
        connection.namespace
    )
}

/// What Kubernetes knows us by, for the audit log; nothing where it does not tell.
async fn own_name(connection: &Connection) -> Option<String> {
    let reviews: Api<SelfSubjectReview> = Api::all(connection.client.clone());
    let asked = SelfSubjectReview::default();
    let review = reviews.create(&PostParams::default(), &asked).await.ok()?;
    review.status?.user_info?.username
}
