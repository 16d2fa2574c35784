//! `multipart/form-data` (RFC 7578), as far as a transcription wants it: some texts and one file.

/// A form in the making.
#[derive(Debug)]
pub(super) struct Form<'a> {
    boundary: &'a str,
    body: Vec<u8>,
}

impl<'a> Form<'a> {
    /// Its parts are divided by `boundary`, which none of them has in it.
    pub(super) const fn new(boundary: &'a str) -> Self {
        Self {
            boundary,
            body: Vec::new(),
        }
    }

    pub(super) fn content_type(&self) -> String {
        format!("multipart/form-data; boundary={}", self.boundary)
    }

    /// A field with a text.
    pub(super) fn text(&mut self, name: &str, value: &str) {
        self.part(&format!("name=\"{name}\"\r\n"), value.as_bytes());
    }

    /// A field with a file.
    pub(super) fn file(&mut self, name: &str, file: &str, content_type: &str, octets: &[u8]) {
        let head =
            format!("name=\"{name}\"; filename=\"{file}\"\r\nContent-Type: {content_type}\r\n");
        self.part(&head, octets);
    }

    /// The body.
    pub(super) fn finish(mut self) -> Vec<u8> {
        let end = format!("--{}--\r\n", self.boundary);
        self.body.extend_from_slice(end.as_bytes());
        self.body
    }

    fn part(&mut self, head: &str, octets: &[u8]) {
        let head = format!(
            "--{}\r\nContent-Disposition: form-data; {head}\r\n",
            self.boundary
        );
        self.body.extend_from_slice(head.as_bytes());
        self.body.extend_from_slice(octets);
        self.body.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_written_as_the_rfc_says() {
        let mut form = Form::new("b1");
        form.text("model", "m");
        form.file("file", "a.wav", "audio/wav", b"RIFF");
        assert_eq!(form.content_type(), "multipart/form-data; boundary=b1");
        let expected = "--b1\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n\
            --b1\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\
            Content-Type: audio/wav\r\n\r\nRIFF\r\n--b1--\r\n";
        assert_eq!(String::from_utf8(form.finish()).unwrap(), expected);
    }
}
