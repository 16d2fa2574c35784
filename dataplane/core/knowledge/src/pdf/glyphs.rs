//! Lines of text out of the glyphs that a page draws.

use hayro_interpret::font::{Glyph, GlyphRun};
use hayro_interpret::hayro_cmap::BfString;
use hayro_interpret::kurbo::{Affine, BezPath, Point, Vec2};
use hayro_interpret::{
    BlendMode, ClipPath, Device, DrawMode, DrawProps, Image, ImageDrawProps, SoftMask,
};

use crate::{Limits, Unreadable};

/// Units of a font in the height of its letters.
const UNITS: f64 = 1000.0;

/// A space is wider than this part of the height of the letters; what is narrower brings letters closer or apart.
const SPACE: f64 = 0.17;

/// Letters of one line differ by less than this part of their height: indices do.
const RISE: f64 = 0.45;

/// What a line costs of the limit on text, besides its words: it bounds the memory of lines of one letter.
const LINE: usize = 16;

/// Words that stand in one line.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) text: String,
    /// Height of its letters in points.
    pub(super) size: f64,
    /// Where it begins, from the left upper corner of the page.
    pub(super) x: f64,
    pub(super) y: f64,
    /// From 0.
    pub(super) page: usize,
}

/// Collects the glyphs of pages, in the order in which they are drawn: producers draw in the order of reading, and what is
/// beside each other may be two columns.
#[derive(Debug)]
pub(super) struct Glyphs {
    lines: Vec<Line>,
    page: usize,
    /// Where the next letter of the line would stand, and the direction of writing.
    next: Option<(Point, Vec2)>,
    last_run: Option<(Point, String)>,
    left: usize,
    limit: usize,
    exceeded: bool,
    known: usize,
    unknown: usize,
}

impl Glyphs {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            lines: Vec::new(),
            page: 0,
            next: None,
            last_run: None,
            left: limits.text,
            limit: limits.text,
            exceeded: false,
            known: 0,
            unknown: 0,
        }
    }

    /// Ends a page.
    pub(super) fn end_page(&mut self) -> Result<(), Unreadable> {
        self.next = None;
        self.last_run = None;
        self.page += 1;
        match self.exceeded {
            true => Err(Unreadable::TooMuchText(self.limit)),
            false => Ok(()),
        }
    }

    /// All lines. A file most of whose glyphs have no names is a picture of text.
    pub(super) fn finish(self) -> Result<Vec<Line>, Unreadable> {
        match self.unknown > self.known {
            true => Err(Unreadable::NoText),
            false => Ok(self.lines),
        }
    }

    fn glyph(&mut self, text: &str, place: Affine, advance: f64) {
        let origin = place * Point::ZERO;
        let end = place * Point::new(advance, 0.0);
        let size = (place * Point::new(0.0, UNITS) - origin).hypot();
        if !(origin.is_finite() && end.is_finite() && size.is_finite()) || self.exceeded {
            return;
        }
        let gap = self.next.map(|(next, along)| {
            let way = origin - next;
            (way.dot(along), way.cross(along).abs())
        });
        match gap {
            Some((along, across)) if across < RISE * size && along > -size => {
                self.add(text, along > SPACE * size);
            }
            _ => self.begin(text, origin, size),
        }
        let direction = end - origin;
        if direction.hypot() > 0.0 {
            self.next = Some((end, direction.normalize()));
        }
    }

    fn add(&mut self, text: &str, is_apart: bool) {
        self.spend(text.len() + usize::from(is_apart));
        if let (Some(line), false) = (self.lines.last_mut(), self.exceeded) {
            if is_apart {
                line.text.push(' ');
            }
            line.text.push_str(text);
        }
    }

    fn begin(&mut self, text: &str, origin: Point, size: f64) {
        self.spend(text.len() + LINE);
        if !self.exceeded {
            self.lines.push(Line {
                text: text.to_owned(),
                size,
                x: origin.x,
                y: origin.y,
                page: self.page,
            });
        }
    }

    fn spend(&mut self, octets: usize) {
        match self.left.checked_sub(octets) {
            Some(left) => self.left = left,
            None => self.exceeded = true,
        }
    }

    /// Whether a run is drawn over itself, as bold letters and outlined ones are.
    fn is_repeated(&mut self, run: &GlyphRun<'_, '_>, props: &DrawProps<'_>) -> bool {
        let Some(first) = run.glyphs().first() else {
            return true;
        };
        let place = props.transform * first.transform();
        let origin = place * Point::ZERO;
        let size = (place * Point::new(0.0, UNITS) - origin).hypot();
        let text: String = run.glyphs().iter().filter_map(|one| text_of(one)).collect();
        let is_repeated = self.last_run.as_ref().is_some_and(|(before, words)| {
            *words == text && (*before - origin).hypot() < 0.1 * size
        });
        self.last_run = Some((origin, text));
        is_repeated
    }
}

fn text_of(glyph: &Glyph<'_>) -> Option<String> {
    match glyph.as_unicode()? {
        BfString::Char(one) => Some(one.to_string()),
        BfString::String(text) => Some(text),
    }
}

impl Device<'_> for Glyphs {
    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, '_>, props: DrawProps<'_>, _: &DrawMode) {
        if self.is_repeated(run, &props) {
            return;
        }
        for glyph in run.glyphs() {
            let advance = match &**glyph {
                Glyph::Outline(outline) => outline.advance_width(),
                Glyph::Type3(drawn) => drawn.advance_width(),
            };
            let place = props.transform * glyph.transform();
            let advance = advance.map_or(UNITS / 2.0, f64::from);
            match text_of(glyph) {
                Some(text) => {
                    self.known += 1;
                    self.glyph(&text, place, advance);
                }
                None => self.unknown += 1,
            }
        }
    }

    fn draw_path(&mut self, _: &BezPath, _: DrawProps<'_>, _: &DrawMode) {}
    fn push_clip_path(&mut self, _: &ClipPath) {}
    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'_>>, _: BlendMode) {}
    fn draw_image(&mut self, _: Image<'_, '_>, _: ImageDrawProps<'_>) {}
    fn pop_clip(&mut self) {}
    fn pop_transparency_group(&mut self) {}
}
