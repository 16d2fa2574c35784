//! What a file is.

use std::str::FromStr;

/// What a file is, of what can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MediaType {
    /// `text/plain`.
    Text,
    /// `text/markdown`, RFC 7763.
    Markdown,
    /// `text/html` and `application/xhtml+xml`.
    Html,
    /// `application/pdf`, RFC 8118.
    Pdf,
    /// A document of Word: Office Open XML, ECMA-376.
    Docx,
}

/// A type of files of which there is no reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("what can be read is text, Markdown, HTML, PDF and docx")]
pub struct UnknownMediaType;

impl MediaType {
    /// All that can be read.
    pub const ALL: [Self; 5] = [
        Self::Text,
        Self::Markdown,
        Self::Html,
        Self::Pdf,
        Self::Docx,
    ];

    /// As it is registered.
    #[must_use]
    pub const fn essence(self) -> &'static str {
        match self {
            Self::Text => "text/plain",
            Self::Markdown => "text/markdown",
            Self::Html => "text/html",
            Self::Pdf => "application/pdf",
            Self::Docx => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        }
    }

    /// By the ending of a file's name.
    ///
    /// # Errors
    /// When there is none, or another.
    pub fn of_name(name: &str) -> Result<Self, UnknownMediaType> {
        let (_, ending) = name.rsplit_once('.').ok_or(UnknownMediaType)?;
        match ending.to_ascii_lowercase().as_str() {
            "txt" | "text" => Ok(Self::Text),
            "md" | "markdown" => Ok(Self::Markdown),
            "html" | "htm" | "xhtml" => Ok(Self::Html),
            "pdf" => Ok(Self::Pdf),
            "docx" => Ok(Self::Docx),
            _ => Err(UnknownMediaType),
        }
    }

    /// What `octets` are, where they say it themselves: servers name many files `application/octet-stream`.
    #[must_use]
    pub fn of_octets(octets: &[u8]) -> Option<Self> {
        if octets.starts_with(b"%PDF-") {
            return Some(Self::Pdf);
        }
        octets.starts_with(b"PK\x03\x04").then_some(Self::Docx)
    }
}

impl FromStr for MediaType {
    type Err = UnknownMediaType;

    /// Reads a media type, RFC 9110 section 8.3.1; its parameters do not count.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let essence = text.split(';').next().unwrap_or_default().trim();
        match essence.to_ascii_lowercase().as_str() {
            "text/plain" => Ok(Self::Text),
            "text/markdown" | "text/x-markdown" => Ok(Self::Markdown),
            "text/html" | "application/xhtml+xml" => Ok(Self::Html),
            "application/pdf" => Ok(Self::Pdf),
            other if other == Self::Docx.essence() => Ok(Self::Docx),
            _ => Err(UnknownMediaType),
        }
    }
}
