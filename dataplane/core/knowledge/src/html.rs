//! HTML: its tokens without a tree, so that neither nesting nor order of the tags costs anything.

use std::cell::{Cell, RefCell};

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{
    BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};

use crate::document::Writer;
use crate::markdown::CELL;
use crate::{Document, Limits, Unreadable};

/// Octets in which a page says its character set, as browsers look for it.
const PRESCAN: usize = 1024;

/// The character set that a page names in its head.
pub(crate) fn charset(octets: &[u8]) -> Option<String> {
    let head =
        String::from_utf8_lossy(octets.get(..PRESCAN).unwrap_or(octets)).to_ascii_lowercase();
    let (_, after) = head.split_once("charset")?;
    let value = after.trim_start().strip_prefix('=')?;
    let is_of_name = |one: &char| one.is_ascii_alphanumeric() || "-_:.".contains(*one);
    let value = value.trim_start_matches(['"', '\'', ' ']);
    let name: String = value.chars().take_while(is_of_name).collect();
    // A page that can be read as ASCII to here is not in UTF-16.
    match name.starts_with("utf-16") {
        true => Some("utf-8".to_owned()),
        false => Some(name),
    }
}

pub(crate) fn read(text: &str, limits: &Limits) -> Result<Document, Unreadable> {
    let tokenizer = Tokenizer::new(Page::default(), TokenizerOpts::default());
    let input = BufferQueue::default();
    input.push_back(StrTendril::from_slice(text));
    // The sink runs no scripts, so the tokenizer never stops for one.
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    tokenizer.sink.into_document(limits)
}

/// Where a piece of a page is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// In navigation, a footer, a form.
    Aside,
    Body,
    /// In `main` or `article`.
    Main,
}

#[derive(Debug)]
struct Piece {
    place: Place,
    level: Option<u8>,
    words: String,
}

/// What has been read of a page.
#[derive(Debug, Default)]
struct Page {
    pieces: RefCell<Vec<Piece>>,
    /// Of the block that is being read; it begins with no white space.
    words: RefCell<String>,
    title: RefCell<String>,
    level: Cell<Option<u8>>,
    /// The element whose content is nothing to read, and how many of its kind are open.
    hidden: RefCell<Option<(String, usize)>>,
    asides: Cell<usize>,
    mains: Cell<usize>,
    in_title: Cell<bool>,
}

impl TokenSink for Page {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        match token {
            Token::TagToken(tag) => return self.tag(&tag),
            Token::CharacterTokens(text) => self.text(&text),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

impl Page {
    fn text(&self, text: &str) {
        if self.in_title.get() {
            self.title.borrow_mut().push_str(text);
        } else if self.hidden.borrow().is_none() {
            let mut words = self.words.borrow_mut();
            let text = match words.is_empty() {
                true => text.trim_start(),
                false => text,
            };
            // Line breaks of the source are spaces; those of the page are `br`.
            words.extend(text.chars().map(|one| if one == '\n' { ' ' } else { one }));
        }
    }

    fn tag(&self, tag: &Tag) -> TokenSinkResult<()> {
        let name = &*tag.name;
        let opens = tag.kind == TagKind::StartTag;
        if self.is_hidden(name, opens && !tag.self_closing, opens) {
            return raw(name, opens);
        }
        match name {
            "title" => self.in_title.set(opens),
            "br" => self.between("\n"),
            "td" | "th" if opens => self.between(CELL),
            "td" | "th" => {}
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                self.flush();
                let level = name.as_bytes().get(1).map(|digit| digit - b'0');
                self.level.set(level.filter(|_| opens));
            }
            "nav" | "footer" | "aside" | "form" | "dialog" | "menu" => {
                self.flush();
                self.asides.set(count(self.asides.get(), opens));
            }
            "main" | "article" => {
                self.flush();
                self.mains.set(count(self.mains.get(), opens));
            }
            inline if is_inline(inline) => {}
            _ => self.flush(),
        }
        raw(name, opens)
    }

    /// Adds what stands between words, but not before the first.
    fn between(&self, mark: &str) {
        let mut words = self.words.borrow_mut();
        if !words.is_empty() {
            words.push_str(mark);
        }
    }

    /// Whether a tag is within an element that nobody reads, or begins or ends one.
    fn is_hidden(&self, name: &str, nests: bool, opens: bool) -> bool {
        let mut hidden = self.hidden.borrow_mut();
        match &mut *hidden {
            Some((outer, depth)) if outer == name => {
                if nests {
                    *depth += 1;
                } else if !opens {
                    *depth -= 1;
                    if *depth == 0 {
                        *hidden = None;
                    }
                }
                true
            }
            Some(_) => true,
            None if nests && is_unread(name) => {
                *hidden = Some((name.to_owned(), 1));
                true
            }
            None => false,
        }
    }

    fn flush(&self) {
        let words = std::mem::take(&mut *self.words.borrow_mut());
        if words.is_empty() {
            return;
        }
        let place = match (self.asides.get(), self.mains.get()) {
            (0, 0) => Place::Body,
            (0, _) => Place::Main,
            _ => Place::Aside,
        };
        self.pieces.borrow_mut().push(Piece {
            place,
            level: self.level.get(),
            words,
        });
    }

    /// The best part of the page: of one that marks what it is about, that; else all but what surrounds it; of one that
    /// never ends its navigation, all.
    fn into_document(self, limits: &Limits) -> Result<Document, Unreadable> {
        self.flush();
        let pieces = self.pieces.into_inner();
        let best = pieces.iter().map(|piece| piece.place).max();
        let mut writer = Writer::new(limits);
        writer.title(&self.title.into_inner());
        for piece in &pieces {
            if Some(piece.place) == best {
                writer.block(piece.level, &piece.words)?;
            }
        }
        Ok(writer.finish())
    }
}

fn count(open: usize, opens: bool) -> usize {
    match opens {
        true => open + 1,
        false => open.saturating_sub(1),
    }
}

/// How the content of an element is to be read, where that is not HTML.
fn raw(name: &str, opens: bool) -> TokenSinkResult<()> {
    match name {
        "title" | "textarea" if opens => TokenSinkResult::RawData(RawKind::Rcdata),
        "style" | "xmp" | "iframe" | "noembed" | "noframes" if opens => {
            TokenSinkResult::RawData(RawKind::Rawtext)
        }
        "script" if opens => TokenSinkResult::RawData(RawKind::ScriptData),
        _ => TokenSinkResult::Continue,
    }
}

fn is_unread(name: &str) -> bool {
    matches!(
        name,
        "script"
            | "style"
            | "template"
            | "svg"
            | "math"
            | "iframe"
            | "noembed"
            | "noframes"
            | "object"
            | "audio"
            | "video"
            | "canvas"
            | "select"
            | "textarea"
            | "button"
            | "datalist"
    )
}

/// Elements within a line of text; all others end a paragraph.
fn is_inline(name: &str) -> bool {
    matches!(
        name,
        "a" | "abbr"
            | "acronym"
            | "b"
            | "bdi"
            | "bdo"
            | "big"
            | "cite"
            | "code"
            | "data"
            | "del"
            | "dfn"
            | "em"
            | "font"
            | "i"
            | "img"
            | "input"
            | "ins"
            | "kbd"
            | "label"
            | "mark"
            | "meter"
            | "nobr"
            | "output"
            | "q"
            | "rp"
            | "rt"
            | "ruby"
            | "s"
            | "samp"
            | "small"
            | "span"
            | "strike"
            | "strong"
            | "sub"
            | "sup"
            | "time"
            | "tt"
            | "u"
            | "var"
            | "wbr"
    )
}
