//! What a request is refused for before anybody looks at its meaning (RFC 3261 section 8.2).

use crate::message::{HeaderName, Method, Request, StatusCode, Uri, lex};
use crate::outgoing::ALLOW;
use crate::reply::Reply;

/// A refusal with the header that says what would have been acceptable.
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) header: Option<(HeaderName, Vec<u8>)>,
}

impl Refusal {
    /// The response that says so.
    pub(super) fn into_reply(self, tag: &[u8]) -> Reply<'_> {
        let reply = Reply::new(self.status, tag);
        match self.header {
            Some((name, value)) => reply.header(name, value),
            None => reply,
        }
    }
}

/// The first rule that a request breaks, in the order of RFC 3261 section 8.2.
pub(super) fn check(request: &Request) -> Option<Refusal> {
    check_method(request)
        .or_else(|| check_scheme(request))
        .or_else(|| check_extensions(request))
        .or_else(|| check_content(request))
}

fn check_method(request: &Request) -> Option<Refusal> {
    let known = matches!(
        request.method,
        Method::Invite
            | Method::Ack
            | Method::Cancel
            | Method::Bye
            | Method::Options
            | Method::Info
    );
    (!known).then(|| Refusal {
        status: StatusCode::METHOD_NOT_ALLOWED,
        header: Some((HeaderName::Allow, ALLOW.to_vec())),
    })
}

fn check_scheme(request: &Request) -> Option<Refusal> {
    match &request.uri {
        Uri::Sip(_) => None,
        Uri::Opaque { scheme, .. } if scheme.eq_ignore_ascii_case(b"tel") => None,
        Uri::Opaque { .. } => Some(Refusal {
            status: StatusCode::UNSUPPORTED_URI_SCHEME,
            header: None,
        }),
    }
}

/// No extension is supported, so every required one is refused by name.
fn check_extensions(request: &Request) -> Option<Refusal> {
    let required = request.headers.list(&HeaderName::Require)?;
    let tags: Vec<&[u8]> = required
        .iter()
        .map(AsRef::as_ref)
        .filter(|tag: &&[u8]| lex::is_token(tag))
        .collect();
    (!tags.is_empty()).then(|| Refusal {
        status: StatusCode::BAD_EXTENSION,
        header: Some((HeaderName::Unsupported, tags.join(b", ".as_slice()))),
    })
}

fn check_content(request: &Request) -> Option<Refusal> {
    if request.method != Method::Invite {
        return None;
    }
    let headers = &request.headers;
    let encoded = headers
        .get(&HeaderName::ContentEncoding)
        .is_some_and(|encoding| !encoding.eq_ignore_ascii_case(b"identity"));
    if encoded {
        return Some(Refusal {
            status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
            header: Some((HeaderName::AcceptEncoding, b"identity".to_vec())),
        });
    }
    let other_body = headers
        .content_type()
        .is_some_and(|media| media != b"application/sdp");
    if other_body && !request.body.is_empty() {
        return Some(Refusal {
            status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
            header: Some((HeaderName::Accept, b"application/sdp".to_vec())),
        });
    }
    let accepted = headers.list(&HeaderName::Accept)?;
    let takes_sdp = accepted.iter().any(|range| {
        let end = range.iter().position(|&b| b == b';').unwrap_or(range.len());
        let media = lex::trim(&range[..end]).to_ascii_lowercase();
        [
            b"application/sdp".as_slice(),
            b"application/*",
            b"*/*",
            b"*",
        ]
        .contains(&media.as_slice())
    });
    (!accepted.is_empty() && !takes_sdp).then(|| Refusal {
        status: StatusCode::NOT_ACCEPTABLE,
        header: Some((HeaderName::Accept, b"application/sdp".to_vec())),
    })
}
