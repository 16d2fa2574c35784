//! Where each thing is drawn: nodes in ranks from top to bottom, ways through the ranks between them.
//!
//! What is ours is which ranks things are in; a library finds an order with few crossings and the coordinates.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use petgraph::Direction;
use petgraph::algo::toposort;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::{DfsEvent, EdgeRef as _, depth_first_search};
use rust_sugiyama::configure::Config;
use rust_sugiyama::from_vertices_and_edges;

use super::diagram::{Diagram, Way};

/// Width of a character and height of a line, in pixels.
pub(super) const CHARACTER: f64 = 7.9;
pub(super) const LINE: f64 = 17.0;
/// Around the words in a box.
const MARGIN: f64 = 12.0;
/// Between things that stand beside or below each other.
const SPACING: f64 = 24.0;
/// Ranks from a box to the next: what is written on a way is between them.
const STEP: usize = 2;

/// A point, in pixels from the top left.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
}

/// Width and height.
pub(super) type Size = (f64, f64);

/// Where everything is.
pub(super) struct Arrangement {
    /// Middle and size of each box.
    pub(super) boxes: Vec<(Point, Size)>,
    /// Of each way: what it goes through, from its begin to its end, and where its words are.
    pub(super) ways: Vec<(Vec<Point>, Point)>,
    pub(super) size: Size,
}

/// Arranges a diagram.
pub(super) fn arrange(diagram: &Diagram) -> Arrangement {
    let ranks = Ranks::of(diagram);
    let mut things = Things::default();
    for (index, one) in diagram.boxes.iter().enumerate() {
        let (width, height) = size_of(&one.lines);
        let is_own = |way: &&Way| way.from == index && way.to == index;
        let own = diagram.ways.iter().find(is_own);
        // Things stand around their middle: what is at the right takes as much room at the left.
        let beside = own.map_or(0.0, |way| SPACING + size_of(&way.lines).0);
        things.add((width + 2.0 * beside, height));
    }
    let ways: Vec<Vec<u32>> = diagram
        .ways
        .iter()
        .map(|way| things.lead(way, &ranks))
        .collect();
    let (points, size) = things.place();
    let boxes = (0..diagram.boxes.len())
        .map(|index| (points[index], size_of(&diagram.boxes[index].lines)))
        .collect::<Vec<_>>();
    let ways = ways.iter().zip(&diagram.ways).map(|(through, way)| {
        let through: Vec<Point> = through
            .iter()
            .map(|thing| points[*thing as usize])
            .collect();
        match through.as_slice() {
            [] => around(boxes[way.from], size_of(&way.lines)),
            [words, ..] => (between(&boxes, way, &through), *words),
        }
    });
    Arrangement {
        ways: ways.collect(),
        boxes,
        size,
    }
}

/// From the edge of one box through what is between to the edge of the other.
fn between(boxes: &[(Point, Size)], way: &Way, through: &[Point]) -> Vec<Point> {
    let edge = |(middle, (_, height)): (Point, Size), towards: Point| {
        let side = if towards.y > middle.y { 0.5 } else { -0.5 };
        let y = middle.y + side * height;
        Point { x: middle.x, y }
    };
    let (first, last) = (through[0], through[through.len() - 1]);
    let begin = edge(boxes[way.from], first);
    let end = edge(boxes[way.to], last);
    let mut points = vec![begin];
    points.extend(through);
    points.push(end);
    points
}

/// From a box to itself, at its right, with its words beside it.
fn around((middle, (width, height)): (Point, Size), words: Size) -> (Vec<Point>, Point) {
    let right = middle.x + width / 2.0;
    let at = |x: f64, y: f64| Point {
        x: right + x,
        y: middle.y + y * height,
    };
    let points = vec![at(0.0, -0.25), at(SPACING, 0.0), at(0.0, 0.25)];
    (points, at(SPACING + words.0 / 2.0, 0.0))
}

fn size_of(lines: &[String]) -> Size {
    let widest = lines.iter().map(|line| line.chars().count()).max();
    (
        widest.unwrap_or(0) as f64 * CHARACTER + 2.0 * MARGIN,
        lines.len() as f64 * LINE + MARGIN,
    )
}

/// In which rank each box is. **A way that closes a circle, seen from the start, leads upwards, every other one
/// downwards.**
struct Ranks {
    ranks: Vec<usize>,
}

impl Ranks {
    /// Each box as far below the boxes that lead to it as the longest way asks for.
    fn of(diagram: &Diagram) -> Self {
        let mut graph = DiGraph::<(), ()>::new();
        let boxes: Vec<NodeIndex> = diagram.boxes.iter().map(|_| graph.add_node(())).collect();
        for way in diagram.ways.iter().filter(|way| way.from != way.to) {
            graph.add_edge(boxes[way.from], boxes[way.to], ());
        }
        // Seen from the start, which is the first box.
        let mut closing = HashSet::new();
        depth_first_search(&graph, boxes.iter().copied(), |event| {
            if let DfsEvent::BackEdge(source, target) = event {
                closing.insert((source, target));
            }
        });
        let mut downwards = DiGraph::<(), ()>::new();
        for _ in &boxes {
            downwards.add_node(());
        }
        for edge in graph.edge_references() {
            let (source, target) = (edge.source(), edge.target());
            match closing.contains(&(source, target)) {
                true => downwards.add_edge(target, source, ()),
                false => downwards.add_edge(source, target, ()),
            };
        }
        let order = toposort(&downwards, None).expect("closing ways are turned round");
        let mut ranks = vec![0; boxes.len()];
        for one in order {
            let above = downwards.neighbors_directed(one, Direction::Incoming);
            let lowest = above.map(|above| ranks[above.index()] + STEP).max();
            ranks[one.index()] = lowest.unwrap_or(0);
        }
        Self { ranks }
    }
}

/// All that takes room, and what is below what.
#[derive(Default)]
struct Things {
    sizes: Vec<(u32, Size)>,
    below: BTreeSet<(u32, u32)>,
    /// What ways to a box, from above or below, pass in a rank: from there on they are one line.
    trunks: BTreeMap<(usize, usize), u32>,
}

impl Things {
    fn add(&mut self, size: Size) -> u32 {
        let thing = self.sizes.len() as u32;
        self.sizes.push((thing, size));
        thing
    }

    /// Makes room for a way in each rank between its ends, its words beside its begin. Nothing for one that leads
    /// to where it begins.
    fn lead(&mut self, way: &Way, ranks: &Ranks) -> Vec<u32> {
        if way.from == way.to {
            return Vec::new();
        }
        let (begin, end) = (ranks.ranks[way.from], ranks.ranks[way.to]);
        let mut through = vec![self.add(size_of(&way.lines))];
        let between: Vec<usize> = match begin < end {
            true => (begin + STEP..end).collect(),
            false => (end + 1..=begin - STEP).rev().collect(),
        };
        for rank in between {
            let trunk = match self.trunks.get(&(way.to, rank)) {
                Some(trunk) => *trunk,
                None => self.add((1.0, 1.0)),
            };
            self.trunks.insert((way.to, rank), trunk);
            through.push(trunk);
        }
        let ends = [&[way.from as u32][..], &through, &[way.to as u32]].concat();
        for pair in ends.windows(2) {
            self.below.insert(match begin < end {
                true => (pair[0], pair[1]),
                false => (pair[1], pair[0]),
            });
        }
        through
    }

    /// The middle of each thing, and how large all is together.
    fn place(&self) -> (Vec<Point>, Size) {
        let config = Config {
            vertex_spacing: SPACING,
            ..Config::default()
        };
        let mut points = vec![Point { x: 0.0, y: 0.0 }; self.sizes.len()];
        let (mut left, mut bottom) = (SPACING, 0.0_f64);
        // What hangs together is arranged for itself, one beside the other.
        let below: Vec<(u32, u32)> = self.below.iter().copied().collect();
        for (component, _, _) in from_vertices_and_edges(&self.sizes, &below, &config) {
            let extent = component.iter().map(|(thing, (x, y))| {
                let (width, height) = self.sizes[*thing].1;
                [
                    x - width / 2.0,
                    y - height / 2.0,
                    x + width / 2.0,
                    y + height / 2.0,
                ]
            });
            let extent = extent.reduce(|one, other| {
                let low = |index: usize| one[index].min(other[index]);
                let high = |index: usize| one[index].max(other[index]);
                [low(0), low(1), high(2), high(3)]
            });
            let Some([west, north, east, south]) = extent else {
                continue;
            };
            for (thing, (x, y)) in component {
                let (x, y) = (x - west + left, y - north + SPACING);
                points[thing] = Point { x, y };
            }
            left += east - west + SPACING;
            bottom = bottom.max(south - north);
        }
        (points, (left, bottom + 2.0 * SPACING))
    }
}

#[cfg(test)]
mod tests {
    use callplane_flow::graph::Graph;
    use serde_json::json;

    use super::*;

    /// A graph of branches with these ways, the first node its start.
    fn arranged(ways: &[(&str, &[&str])]) -> (Vec<String>, Arrangement, Diagram) {
        let node = |to: &&str| json!({ "to": to, "if": "words + that + take + room" });
        let nodes: serde_json::Map<_, _> = ways
            .iter()
            .map(|(name, to)| {
                let edges: Vec<_> = to.iter().map(node).collect();
                ((*name).to_owned(), json!({ "branch": {}, "edges": edges }))
            })
            .collect();
        let graph = json!({ "start": ways[0].0, "nodes": nodes });
        let graph: Graph = serde_json::from_value(graph).unwrap();
        let diagram = Diagram::of(&graph);
        let names = diagram.boxes.iter().map(|one| one.lines[0].clone());
        (names.collect(), arrange(&diagram), diagram)
    }

    #[test]
    fn nothing_covers_anything_and_all_is_within_the_picture() {
        let (_, arrangement, _) = arranged(&[
            ("a", &["b", "c", "d", "a"]),
            ("b", &["d", "e"]),
            ("c", &["a", "e", "f"]),
            ("d", &["f"]),
            ("e", &["b", "f"]),
            ("f", &[]),
            ("alone", &[]),
        ]);
        let sides = |(middle, (width, height)): &(Point, Size)| {
            let (x, y) = (width / 2.0, height / 2.0);
            [middle.x - x, middle.y - y, middle.x + x, middle.y + y]
        };
        let (width, height) = arrangement.size;
        for (index, one) in arrangement.boxes.iter().enumerate() {
            let [west, north, east, south] = sides(one);
            assert!(west >= 0.0 && north >= 0.0 && east <= width && south <= height);
            for other in &arrangement.boxes[..index] {
                let [w, n, e, s] = sides(other);
                let is_apart = east <= w || e <= west || south <= n || s <= north;
                assert!(is_apart, "{one:?} and {other:?}");
            }
        }
        let points = arrangement.ways.iter().flat_map(|(points, _)| points);
        for Point { x, y } in points {
            assert!((0.0..=width).contains(x) && (0.0..=height).contains(y));
        }
    }

    #[test]
    fn ways_lead_downwards_but_for_those_that_close_a_circle() {
        let (names, arrangement, diagram) =
            arranged(&[("a", &["b"]), ("b", &["c"]), ("c", &["a", "d"]), ("d", &[])]);
        for (way, (points, _)) in diagram.ways.iter().zip(&arrangement.ways) {
            let ends = [way.from, way.to].map(|end| names[end].as_str());
            let (begin, end) = (points[0], points[points.len() - 1]);
            assert_eq!(begin.y < end.y, ends != ["c", "a"], "{ends:?}");
        }
    }
}
