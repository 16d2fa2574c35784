//! Documents of Word: a ZIP of XML, ECMA-376 parts 1 and 2. Only the parts that hold text are unpacked, each up to a limit
//! that counts what comes out of it, whatever its header says.

use std::collections::HashMap;
use std::io::{Cursor, Read as _};

use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};
use zip::ZipArchive;
use zip::result::ZipError;

use crate::document::Writer;
use crate::markdown::CELL;
use crate::{Document, Limits, Unreadable};

const DAMAGED: Unreadable = Unreadable::Damaged("document of Word (docx)");

type Archive<'a> = ZipArchive<Cursor<&'a [u8]>>;

pub(crate) fn read(octets: &[u8], limits: &Limits) -> Result<Document, Unreadable> {
    let mut archive = ZipArchive::new(Cursor::new(octets)).map_err(|_| DAMAGED)?;
    let main = match part(&mut archive, "_rels/.rels", limits)? {
        Some(relations) => main_part(&relations)?,
        None => None,
    };
    let main = main.as_deref().unwrap_or("word/document.xml");
    let folder = main.rsplit_once('/').map_or("", |(folder, _)| folder);
    let styles = match part(&mut archive, &format!("{folder}/styles.xml"), limits)? {
        Some(styles) => headings(&styles)?,
        None => HashMap::new(),
    };
    let mut body = Body::new(styles, limits);
    if let Some(properties) = part(&mut archive, "docProps/core.xml", limits)? {
        body.title(&properties)?;
    }
    let text = part(&mut archive, main, limits)?.ok_or(DAMAGED)?;
    body.read(&text)?;
    Ok(body.writer.finish())
}

/// A part as text; nothing when there is none of that name.
fn part(
    archive: &mut Archive<'_>,
    name: &str,
    limits: &Limits,
) -> Result<Option<String>, Unreadable> {
    let file = match archive.by_name(name) {
        Ok(file) => file,
        Err(ZipError::FileNotFound) => return Ok(None),
        Err(_) => return Err(DAMAGED),
    };
    let mut octets = Vec::new();
    let unpacked = file
        .take(limits.unpacked.saturating_add(1))
        .read_to_end(&mut octets)
        .map_err(|_| DAMAGED)?;
    if unpacked as u64 > limits.unpacked {
        return Err(Unreadable::Unpacked(limits.unpacked));
    }
    // UTF-16 is allowed as well, and its mark says so.
    Ok(Some(crate::charset::decode(&octets, None).into_owned()))
}

/// The part that the package is about, by its relations.
fn main_part(relations: &str) -> Result<Option<String>, Unreadable> {
    let mut found = None;
    each(relations, |event| {
        if let Event::Start(tag) | Event::Empty(tag) = event
            && tag.local_name().as_ref() == b"Relationship"
            && value(tag, "Type").is_some_and(|kind| kind.ends_with("/officeDocument"))
        {
            found = value(tag, "Target").map(|path| path.trim_start_matches('/').to_owned());
        }
        Ok(())
    })?;
    Ok(found)
}

/// Which styles are those of headings, with their level from 1. Names of styles are translated, levels are not.
fn headings(styles: &str) -> Result<HashMap<String, u8>, Unreadable> {
    let mut found = HashMap::new();
    let mut style = None;
    each(styles, |event| {
        if let Event::Start(tag) | Event::Empty(tag) = event {
            match tag.local_name().as_ref() {
                b"style" => style = value(tag, "w:styleId"),
                b"outlineLvl" => {
                    if let (Some(style), Some(level)) = (&style, level(tag)) {
                        found.insert(style.clone(), level);
                    }
                }
                _ => {}
            }
        }
        Ok(())
    })?;
    Ok(found)
}

/// The level of a heading, from 1: the attribute counts from 0, and 9 is body text.
fn level(tag: &BytesStart<'_>) -> Option<u8> {
    let level: u8 = value(tag, "w:val")?.parse().ok()?;
    (level < 9).then_some(level + 1)
}

/// The text of a document that is being read.
struct Body {
    writer: Writer,
    styles: HashMap<String, u8>,
    /// Of the paragraph, or of the row of a table.
    words: String,
    level: Option<u8>,
    /// How many rows are open: a cell may hold a table.
    rows: usize,
    in_text: bool,
    /// How many `mc:Fallback` are open, which repeat what stands beside them for older readers.
    fallbacks: usize,
}

impl Body {
    fn new(styles: HashMap<String, u8>, limits: &Limits) -> Self {
        Self {
            writer: Writer::new(limits),
            styles,
            words: String::new(),
            level: None,
            rows: 0,
            in_text: false,
            fallbacks: 0,
        }
    }

    fn title(&mut self, properties: &str) -> Result<(), Unreadable> {
        let mut title = String::new();
        let mut is_in = false;
        each(properties, |event| {
            match event {
                Event::Start(tag) => is_in = tag.local_name().as_ref() == b"title",
                Event::End(_) => is_in = false,
                Event::Text(text) if is_in => title.push_str(&text.decode().map_err(|_| DAMAGED)?),
                Event::GeneralRef(name) if is_in => title.extend(character(name)),
                _ => {}
            }
            Ok(())
        })?;
        self.writer.title(&title);
        Ok(())
    }

    fn read(&mut self, text: &str) -> Result<(), Unreadable> {
        each(text, |event| match event {
            Event::Start(tag) => self.start(tag, true),
            Event::Empty(tag) => {
                self.start(tag, false)?;
                self.end(tag.local_name().as_ref())
            }
            Event::End(tag) => self.end(tag.local_name().as_ref()),
            Event::Text(text) if self.in_text => {
                self.words.push_str(&text.decode().map_err(|_| DAMAGED)?);
                Ok(())
            }
            Event::GeneralRef(name) if self.in_text => {
                self.words.extend(character(name));
                Ok(())
            }
            _ => Ok(()),
        })?;
        self.flush()
    }

    fn start(&mut self, tag: &BytesStart<'_>, has_content: bool) -> Result<(), Unreadable> {
        match tag.local_name().as_ref() {
            b"Fallback" if has_content => self.fallbacks += 1,
            _ if self.fallbacks > 0 => {}
            b"t" if has_content => self.in_text = true,
            b"tab" | b"ptab" => self.words.push(' '),
            b"br" | b"cr" => self.words.push('\n'),
            b"noBreakHyphen" => self.words.push('-'),
            b"pStyle" => {
                let style = value(tag, "w:val").unwrap_or_default();
                self.level = self.level.or(self.styles.get(&style).copied());
            }
            b"outlineLvl" => self.level = level(tag),
            b"tr" if has_content => {
                if self.rows == 0 {
                    self.flush()?;
                }
                self.rows += 1;
            }
            b"tc" if !self.words.is_empty() => self.words.push_str(CELL),
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, name: &[u8]) -> Result<(), Unreadable> {
        match name {
            b"Fallback" => self.fallbacks = self.fallbacks.saturating_sub(1),
            b"t" => self.in_text = false,
            // A cell is paragraphs, too.
            b"p" if self.rows > 0 => self.words.push(' '),
            b"p" => self.flush()?,
            b"tr" => {
                self.rows = self.rows.saturating_sub(1);
                if self.rows == 0 {
                    self.level = None;
                    self.flush()?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Unreadable> {
        let words = std::mem::take(&mut self.words);
        self.writer.block(self.level.take(), &words)
    }
}

/// Calls `see` with each event of `xml`. Entities that a document declares are not expanded.
fn each(
    xml: &str,
    mut see: impl FnMut(&Event<'_>) -> Result<(), Unreadable>,
) -> Result<(), Unreadable> {
    let mut reader = Reader::from_str(xml);
    loop {
        match reader.read_event().map_err(|_| DAMAGED)? {
            Event::Eof => return Ok(()),
            event => see(&event)?,
        }
    }
}

fn value(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let attribute = tag.try_get_attribute(name).ok()??;
    let version = quick_xml::XmlVersion::default();
    Some(attribute.normalized_value(version).ok()?.into_owned())
}

/// The character of a reference such as `&amp;` or `&#252;`.
fn character(reference: &BytesRef<'_>) -> Option<char> {
    if let Ok(Some(one)) = reference.resolve_char_ref() {
        return Some(one);
    }
    match &**reference {
        b"amp" => Some('&'),
        b"lt" => Some('<'),
        b"gt" => Some('>'),
        b"quot" => Some('"'),
        b"apos" => Some('\''),
        _ => None,
    }
}
