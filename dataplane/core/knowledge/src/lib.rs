//! What agents look up: the text of documents, cut into the passages that a search finds.
//!
//! ```text
//! octets + MediaType --> extract --> Document (title, headings, paragraphs) --> passages --> Passage
//! ```
//!
//! **Documents are written by strangers.** What goes in, what is unpacked and what comes out is bounded by [`Limits`], and
//! nothing here keeps a tree of the document or calls itself for each level of it. Time and memory of the libraries that
//! read PDF are bounded by the process alone: whoever takes files from others calls [`extract`] in a process that the
//! system stops after some seconds of processor time, and that may die.
//!
//! What is kept is what a person would read: no scripts, no navigation, no pictures, no notes of an editor.

#![forbid(unsafe_code)]

mod charset;
mod document;
mod docx;
mod error;
mod extract;
mod html;
mod limits;
mod markdown;
mod media_type;
mod passage;
mod pdf;
mod plain;
mod split;

pub use document::{Block, Document};
pub use error::Unreadable;
pub use extract::extract;
pub use limits::Limits;
pub use media_type::{MediaType, UnknownMediaType};
pub use passage::{Cut, Passage, passages};
