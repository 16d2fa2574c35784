//! `token`: lets a browser call an agent.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::arguments::TokenArguments;
use crate::connection::Connection;
use crate::node::Node;

/// Prints the token alone, or the address of the page with it, so that it goes into a variable of a shell.
pub(crate) async fn run(connection: &Connection, arguments: &TokenArguments) -> anyhow::Result<()> {
    let TokenArguments {
        agent,
        ttl,
        single_use,
        caller,
        variables,
        url,
        json: as_json,
    } = arguments;
    let node = Node::of(connection).await?;
    let variables: BTreeMap<&String, &String> = variables
        .iter()
        .map(|(name, value)| (name, value))
        .collect();
    let wanted = json!({
        "agent": agent, "ttlSeconds": ttl, "singleUse": single_use, "caller": caller,
        "variables": variables,
    });
    let mut minted: Value = node.post_json("/v1/tokens", &wanted).await?;
    let token = minted["token"].as_str().unwrap_or_default().to_owned();
    let page = url
        .as_deref()
        .map(|base| page(base, &format!("/call/{agent}"), &token));
    if *as_json {
        if let Some(page) = page {
            minted["url"] = page.into();
        }
        println!("{}", serde_json::to_string_pretty(&minted)?);
    } else {
        println!("{}", page.unwrap_or(token));
    }
    Ok(())
}

/// The page of the media node, which takes the token from the fragment: servers, and so their logs, see nothing of
/// that. Neither an agent's name, nor the id of a call, nor a token has a sign that means something in a URL.
pub(crate) fn page(base: &str, path: &str, token: &str) -> String {
    format!("{base}{path}#token={token}")
}

#[cfg(test)]
mod tests {
    use super::page;

    #[test]
    fn the_token_is_in_the_fragment_alone() {
        assert_eq!(
            page("https://calls.example.com", "/call/front-desk", "a.b-c_d.e"),
            "https://calls.example.com/call/front-desk#token=a.b-c_d.e"
        );
    }
}
