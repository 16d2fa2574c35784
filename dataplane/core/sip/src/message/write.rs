//! Messages to bytes.

use bytes::Bytes;

use super::header::HeaderName;
use super::method::Method;
use super::status::StatusCode;
use super::uri::Uri;

/// Writes one message. Values come from parsed messages or from our own types; text that a caller
/// gave passes [`Writer::text_header`], which keeps line breaks out.
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    /// Starts a request.
    pub(crate) fn request(method: &Method, uri: &Uri) -> Self {
        let mut out = Vec::with_capacity(1_024);
        out.extend_from_slice(method.as_bytes());
        out.push(b' ');
        uri.write(&mut out, false);
        out.extend_from_slice(b" SIP/2.0\r\n");
        Self(out)
    }

    /// Starts a response; an empty `reason` means the usual phrase.
    pub(crate) fn response(status: StatusCode, reason: &str) -> Self {
        let mut out = Vec::with_capacity(1_024);
        let phrase = if reason.is_empty() {
            status.phrase()
        } else {
            reason
        };
        out.extend_from_slice(format!("SIP/2.0 {status} ").as_bytes());
        push_clean(&mut out, phrase.as_bytes());
        out.extend_from_slice(b"\r\n");
        Self(out)
    }

    /// A header whose value holds no line break.
    pub(crate) fn header(&mut self, name: &HeaderName, value: &[u8]) -> &mut Self {
        self.start_header(name);
        self.0.extend_from_slice(value);
        self.end_header()
    }

    /// A header with text from outside: control characters are left out.
    pub(crate) fn text_header(&mut self, name: &[u8], value: &[u8]) -> &mut Self {
        push_clean(&mut self.0, name);
        self.0.extend_from_slice(b": ");
        push_clean(&mut self.0, value);
        self.end_header()
    }

    /// A header whose value `write` appends.
    pub(crate) fn header_with(
        &mut self,
        name: &HeaderName,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> &mut Self {
        self.start_header(name);
        write(&mut self.0);
        self.end_header()
    }

    /// Ends the message with its body; `content_type` is left out when there is none.
    pub(crate) fn finish(mut self, content_type: &str, body: &[u8]) -> Bytes {
        if !body.is_empty() {
            self.header(&HeaderName::ContentType, content_type.as_bytes());
        }
        let length = body.len().to_string();
        self.header(&HeaderName::ContentLength, length.as_bytes());
        self.0.extend_from_slice(b"\r\n");
        self.0.extend_from_slice(body);
        Bytes::from(self.0)
    }

    fn start_header(&mut self, name: &HeaderName) {
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b": ");
    }

    fn end_header(&mut self) -> &mut Self {
        self.0.extend_from_slice(b"\r\n");
        self
    }
}

fn push_clean(out: &mut Vec<u8>, text: &[u8]) {
    out.extend(text.iter().copied().filter(|b| *b >= b' ' && *b != 127));
}
