//! The page that calls an agent or joins a call, and the web component it is made of, from the folder `page`.
//!
//! A token reaches it in the fragment of its URL, which no server sees. Nothing of the page depends on who
//! asks, so it needs no token itself, and says nothing of which agents there are.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::Whip;
use super::problem::Problem;

/// Scripts, styles and calls of this origin alone, and no text that becomes markup: a transcript is a stranger's.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
     img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'; trusted-types 'none'";
const PERMISSIONS_POLICY: &str = "microphone=(self), autoplay=(self), camera=(), geolocation=()";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// A file of the folder.
struct Asset {
    name: &'static str,
    kind: &'static str,
    text: &'static str,
}

/// The page itself.
const INDEX: Asset = Asset {
    name: "index.html",
    kind: HTML,
    text: include_str!("../../page/index.html"),
};

/// The files below `/callplane-call/`.
const ASSETS: [Asset; 9] = [
    Asset {
        name: "page.js",
        kind: SCRIPT,
        text: include_str!("../../page/page.js"),
    },
    Asset {
        name: "page.css",
        kind: CSS,
        text: include_str!("../../page/page.css"),
    },
    Asset {
        name: "icon.svg",
        kind: "image/svg+xml",
        text: include_str!("../../page/icon.svg"),
    },
    Asset {
        name: "callplane-call.js",
        kind: SCRIPT,
        text: include_str!("../../page/callplane-call.js"),
    },
    Asset {
        name: "client.js",
        kind: SCRIPT,
        text: include_str!("../../page/client.js"),
    },
    Asset {
        name: "microphone.js",
        kind: SCRIPT,
        text: include_str!("../../page/microphone.js"),
    },
    Asset {
        name: "levels.js",
        kind: SCRIPT,
        text: include_str!("../../page/levels.js"),
    },
    Asset {
        name: "view.js",
        kind: SCRIPT,
        text: include_str!("../../page/view.js"),
    },
    Asset {
        name: "style.js",
        kind: SCRIPT,
        text: include_str!("../../page/style.js"),
    },
];

/// The page at `/` and, for one agent, at `/call/{agent}`. At `/observe/{call}` it is beside what is posted there.
pub(super) fn router() -> Router<Arc<Whip>> {
    Router::new()
        .route("/", get(page))
        .route("/call/{agent}", get(page))
        .route("/callplane-call/{file}", get(file))
}

pub(super) async fn page(headers: HeaderMap) -> Response {
    serve(&headers, &INDEX)
}

async fn file(Path(name): Path<String>, headers: HeaderMap) -> Response {
    match ASSETS.iter().find(|asset| asset.name == name) {
        Some(asset) => serve(&headers, asset),
        None => Problem::new(StatusCode::NOT_FOUND, "there is no such file").into_response(),
    }
}

fn serve(headers: &HeaderMap, asset: &Asset) -> Response {
    let etag = etag(asset.text);
    let is_known = headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        // RFC 9110 section 13.1.2: compared weakly.
        .any(|tag| tag.trim().trim_start_matches("W/") == etag);
    let mut response = match is_known {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => ([(header::CONTENT_TYPE, asset.kind)], asset.text).into_response(),
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (
            HeaderName::from_static("permissions-policy"),
            PERMISSIONS_POLICY,
        ),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // Kept, and asked for each time: an update of the node is an update of its page.
        (header::CACHE_CONTROL, "no-cache"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        headers.insert(header::ETAG, etag);
    }
    response
}

/// Names this content: half of its SHA-256 is enough for that.
fn etag(text: &str) -> String {
    let hash = digest(&SHA256, text.as_bytes());
    let half: String = hash.as_ref()[..16]
        .iter()
        .map(|octet| format!("{octet:02x}"))
        .collect();
    format!("\"{half}\"")
}
