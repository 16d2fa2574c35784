//! Where the boxes go: what is referred to stands left of what refers to it.

use std::collections::BTreeMap;

use super::{Diagram, Family, Table};

/// Boxes and lines with their places, in pixels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Picture {
    pub(super) title: String,
    pub(super) boxes: Vec<Placed>,
    pub(super) lines: Vec<Line>,
    pub(super) width: usize,
    pub(super) height: usize,
}

/// A box with a heading and rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) heading: String,
    /// Shown when somebody points at it.
    pub(super) hint: String,
    pub(super) rows: Vec<Row>,
    /// Of another family: only named.
    pub(super) is_foreign: bool,
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) width: usize,
}

/// A row of a box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) left: String,
    pub(super) right: String,
    pub(super) is_key: bool,
    pub(super) is_reference: bool,
}

/// From a row of a box to the heading of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) from: usize,
    pub(super) row: usize,
    pub(super) to: usize,
}

pub(super) const HEADING: usize = 24;
pub(super) const ROW: usize = 16;
/// Of a letter in the font of the rows.
const LETTER: usize = 7;
const MARGIN: usize = 24;
/// Between columns of boxes: room for the lines.
const GAP: usize = 90;
/// A column of boxes that is higher goes on in the next.
const HIGHEST: usize = 1_500;

/// The tables of a family with all their columns, and the names of those they refer to elsewhere.
pub(super) fn family(diagram: &Diagram, family: &Family) -> Picture {
    let mut boxes: Vec<Placed> = family.tables.iter().map(of_table).collect();
    let mut names: Vec<&str> = family
        .tables
        .iter()
        .map(|table| table.name.as_str())
        .collect();
    let mut lines = Vec::new();
    for (from, table) in family.tables.iter().enumerate() {
        for reference in &table.references {
            let to = names.iter().position(|name| *name == reference.table);
            let to = to.unwrap_or_else(|| {
                names.push(&reference.table);
                boxes.push(foreign(diagram, &reference.table));
                names.len() - 1
            });
            let row = table
                .columns
                .iter()
                .position(|column| column.name == reference.column);
            lines.push(Line {
                from,
                row: row.unwrap_or(0),
                to,
            });
        }
    }
    place(format!("{} of {}", family.name, diagram.name), boxes, lines)
}

/// The families with the names of their tables, and which refers to which.
pub(super) fn overview(diagram: &Diagram) -> Picture {
    let boxes = diagram.families.iter().map(of_family).collect();
    let mut lines = Vec::new();
    for (from, family) in diagram.families.iter().enumerate() {
        for (row, table) in family.tables.iter().enumerate() {
            for reference in &table.references {
                let target = diagram
                    .family_of(&reference.table)
                    .map(|target| &target.name);
                let to = diagram
                    .families
                    .iter()
                    .position(|family| Some(&family.name) == target);
                let line = to.filter(|to| *to != from).map(|to| Line { from, row, to });
                lines.extend(line.filter(|line| !lines.contains(line)));
            }
        }
    }
    place(format!("families of {}", diagram.name), boxes, lines)
}

fn of_table(table: &Table) -> Placed {
    let row = |column: &super::Column| Row {
        left: column.name.clone(),
        right: format!(
            "{}{}",
            column.kind,
            if column.is_required { "" } else { "?" }
        ),
        is_key: column.is_key,
        is_reference: table.references.iter().any(|one| one.column == column.name),
    };
    sized(Placed {
        heading: table.name.clone(),
        hint: table.title.clone(),
        rows: table.columns.iter().map(row).collect(),
        is_foreign: false,
        x: 0,
        y: 0,
        width: 0,
    })
}

fn foreign(diagram: &Diagram, table: &str) -> Placed {
    let family = diagram
        .family_of(table)
        .map_or("platform", |family| &family.name);
    sized(Placed {
        heading: table.to_owned(),
        hint: format!("see {family}"),
        rows: Vec::new(),
        is_foreign: true,
        x: 0,
        y: 0,
        width: 0,
    })
}

fn of_family(family: &Family) -> Placed {
    let row = |table: &Table| Row {
        left: table.name.clone(),
        right: String::new(),
        is_key: false,
        is_reference: false,
    };
    sized(Placed {
        heading: family.name.clone(),
        hint: String::new(),
        rows: family.tables.iter().map(row).collect(),
        is_foreign: false,
        x: 0,
        y: 0,
        width: 0,
    })
}

fn sized(mut placed: Placed) -> Placed {
    let letters = |row: &Row| row.left.len() + row.right.len() + 4;
    let rows = placed.rows.iter().map(letters).max().unwrap_or(0);
    placed.width = rows.max(placed.heading.len() + 4) * LETTER;
    placed
}

impl Placed {
    pub(super) fn height(&self) -> usize {
        HEADING + self.rows.len() * ROW + if self.rows.is_empty() { 0 } else { 6 }
    }
}

fn place(title: String, mut boxes: Vec<Placed>, lines: Vec<Line>) -> Picture {
    let mut columns: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (index, rank) in ranks(&boxes, &lines).into_iter().enumerate() {
        columns.entry(rank).or_default().push(index);
    }
    let (mut x, mut bottom) = (MARGIN, 0);
    for members in columns.values() {
        let (mut y, mut widest) = (MARGIN + HEADING, 0);
        for index in members {
            let Some(placed) = boxes.get_mut(*index) else {
                continue;
            };
            if y > MARGIN + HEADING && y + placed.height() > HIGHEST {
                x += widest + GAP;
                (y, widest) = (MARGIN + HEADING, 0);
            }
            (placed.x, placed.y) = (x, y);
            y += placed.height() + MARGIN;
            widest = widest.max(placed.width);
            bottom = bottom.max(y);
        }
        x += widest + GAP;
    }
    Picture {
        title,
        boxes,
        lines,
        width: x - GAP + MARGIN,
        height: bottom,
    }
}

/// One more than the highest of what a box refers to; a circle is cut where it was entered.
fn ranks(boxes: &[Placed], lines: &[Line]) -> Vec<usize> {
    let mut ranks = vec![0; boxes.len()];
    // As many rounds as the longest way can have steps.
    for _ in 0..boxes.len() {
        let before = ranks.clone();
        for line in lines.iter().filter(|line| line.to != line.from) {
            let wanted = before[line.to] + 1;
            if wanted < boxes.len() && !leads_back(lines, line) {
                ranks[line.from] = ranks[line.from].max(wanted);
            }
        }
        if ranks == before {
            break;
        }
    }
    ranks
}

/// Whether the end of a line leads to its beginning again, in which case the box that comes later
/// refers to the earlier one only.
fn leads_back(lines: &[Line], line: &Line) -> bool {
    let (mut seen, mut next) = (vec![line.to], vec![line.to]);
    while let Some(at) = next.pop() {
        for step in lines.iter().filter(|step| step.from == at) {
            if step.to == line.from {
                return line.to > line.from;
            }
            if !seen.contains(&step.to) {
                seen.push(step.to);
                next.push(step.to);
            }
        }
    }
    false
}
