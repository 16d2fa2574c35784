//! A diagram as SVG that reads well alone, in a page and in a review: light and dark, with what a node says as a tooltip.

use std::fmt::Write as _;

use super::arrange::{Arrangement, LINE, Point};
use super::diagram::Diagram;

const STYLE: &str = "\
svg{background:#fff}\
text{font:13px ui-monospace,Menlo,Consolas,monospace;text-anchor:middle;dominant-baseline:central;fill:#111}\
.node tspan:first-child{font-weight:bold}\
.node rect{stroke:#555;stroke-width:1.5;rx:8}\
.start rect{stroke-width:4}.global rect{stroke-dasharray:6 4}\
.say rect{fill:#e8f0fe}.ask rect{fill:#e6f4ea}.model rect{fill:#f3e8fd}.decide rect{fill:#f1f3f4}\
.transfer rect{fill:#fef7e0}.end rect{fill:#fce8e6}.wrong rect{fill:#fff;stroke:#c5221f;stroke-width:3}\
.way path{fill:none;stroke:#777;stroke-width:1.5}.way text{paint-order:stroke;stroke:#fff;stroke-width:5px}\
.head{fill:#777}\
@media (prefers-color-scheme:dark){svg{background:#1b1b1f}.way text{fill:#eee;stroke:#1b1b1f}.way path{stroke:#aaa}.head{fill:#aaa}}";

/// The document.
pub(super) fn write(name: &str, diagram: &Diagram, arrangement: &Arrangement) -> String {
    let (width, height) = arrangement.size;
    let name = escape(name);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.0} {height:.0}\">\n<title>{name}</title>\n<style>{STYLE}</style>\n\
         <defs><marker id=\"head\" markerWidth=\"9\" markerHeight=\"8\" refX=\"8\" refY=\"4\" orient=\"auto\">\
         <path class=\"head\" d=\"M0 0L9 4L0 8z\"/></marker></defs>\n"
    );
    for (way, (points, words)) in diagram.ways.iter().zip(&arrangement.ways) {
        let (line, text) = (curve(points), text(&way.lines, *words));
        put(
            &mut svg,
            format_args!(
                "<g class=\"way\"><path d=\"{line}\" marker-end=\"url(#head)\"/>{text}</g>"
            ),
        );
    }
    for (one, (middle, (width, height))) in diagram.boxes.iter().zip(&arrangement.boxes) {
        let (x, y) = (middle.x - width / 2.0, middle.y - height / 2.0);
        let (classes, title, text) = (&one.classes, escape(&one.title), text(&one.lines, *middle));
        put(
            &mut svg,
            format_args!(
                "<g class=\"node {classes}\"><title>{title}</title>\
                 <rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"/>{text}</g>"
            ),
        );
    }
    svg.push_str("</svg>\n");
    svg
}

fn put(svg: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(svg, "{line}").expect("a String takes everything");
}

/// Upright where it begins, ends and passes a rank.
fn curve(points: &[Point]) -> String {
    let mut line = String::new();
    for (index, point) in points.iter().enumerate() {
        let Point { x, y } = point;
        let part = match index.checked_sub(1).map(|before| points[before]) {
            None => format!("M{x:.1} {y:.1}"),
            Some(before) => {
                let middle = f64::midpoint(before.y, *y);
                format!(
                    "C{:.1} {middle:.1} {x:.1} {middle:.1} {x:.1} {y:.1}",
                    before.x
                )
            }
        };
        line.push_str(&part);
    }
    line
}

/// Lines around a point.
fn text(lines: &[String], middle: Point) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let top = middle.y - (lines.len() as f64 - 1.0) / 2.0 * LINE;
    let spans = lines.iter().enumerate().map(|(index, line)| {
        let (x, y) = (middle.x, top + index as f64 * LINE);
        format!("<tspan x=\"{x:.1}\" y=\"{y:.1}\">{}</tspan>", escape(line))
    });
    format!("<text>{}</text>", spans.collect::<String>())
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            // XML has no other control characters.
            character if character.is_control() && !character.is_whitespace() => {}
            character => escaped.push(character),
        }
    }
    escaped
}
