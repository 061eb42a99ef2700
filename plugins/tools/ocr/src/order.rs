//! The order in which lines are read.
//!
//! The page is turned back by the angle that most of it has. What then stands beside a free gutter is a column, if there are
//! paragraphs on both sides: tables have gutters too and are read across. Otherwise it is read from top to bottom, and what stands
//! at one height, from left to right.

use crate::slant::Slanted;

/// Columns have at least so many long lines, which are at least half of theirs.
const COLUMN_LINES: usize = 3;
/// A long line is at least so many times as long as it is high: cells of tables are shorter.
const LONG: f32 = 6.0;
/// A gap of more than so many heights of a line parts a heading from what stands below it.
const GAP: f32 = 0.7;

/// A line on the page turned back.
#[derive(Clone, Copy)]
struct Place {
    index: usize,
    left: f32,
    right: f32,
    top: f32,
    bottom: f32,
}

impl Place {
    fn middle(&self) -> f32 {
        (self.top + self.bottom) / 2.0
    }

    fn height(&self) -> f32 {
        self.bottom - self.top
    }
}

/// The lines as rows, each with its lines from left to right.
pub fn rows(lines: &[Slanted]) -> Vec<Vec<usize>> {
    let [x, y] = angle(lines);
    let place = |(index, line): (usize, &Slanted)| {
        let across = line.center[0] * x + line.center[1] * y;
        let below = line.center[1] * x - line.center[0] * y;
        let (width, height) = (line.width / 2.0, line.height / 2.0);
        Place {
            index,
            left: across - width,
            right: across + width,
            top: below - height,
            bottom: below + height,
        }
    };
    let mut rows = Vec::new();
    read(lines.iter().enumerate().map(place).collect(), &mut rows);
    rows
}

/// The median direction of lines that are long enough to have one: around a word, letters that reach above or below it turn the
/// smallest rectangle.
fn angle(lines: &[Slanted]) -> [f32; 2] {
    let long = |line: &&Slanted| line.width >= LONG * line.height;
    let mut slopes: Vec<f32> = lines.iter().filter(long).map(|line| line.along[1]).collect();
    slopes.sort_by(f32::total_cmp);
    let slope = slopes.get(slopes.len() / 2).copied().unwrap_or(0.0);
    [(1.0 - slope * slope).max(0.0).sqrt(), slope]
}

fn read(mut places: Vec<Place>, rows: &mut Vec<Vec<usize>>) {
    places.sort_by(|one, other| one.left.total_cmp(&other.left));
    if let Some(at) = gutter(&places) {
        let right = places.split_off(at);
        read(places, rows);
        read(right, rows);
        return;
    }
    places.sort_by(|one, other| one.top.total_cmp(&other.top));
    if let Some(at) = gap(&places) {
        let below = places.split_off(at);
        read(places, rows);
        read(below, rows);
        return;
    }
    places.sort_by(|one, other| one.middle().total_cmp(&other.middle()));
    let mut rest = places.as_slice();
    while let Some(first) = rest.first() {
        let same = rest
            .iter()
            .take_while(|place| place.middle() - first.middle() < first.height().min(place.height()) / 2.0)
            .count();
        let mut row = rest[..same].to_vec();
        row.sort_by(|one, other| one.left.total_cmp(&other.left));
        rows.push(row.iter().map(|place| place.index).collect());
        rest = &rest[same..];
    }
}

/// Where the second of two columns begins, the places sorted by their left sides.
fn gutter(places: &[Place]) -> Option<usize> {
    let column = |places: &[Place]| {
        let paragraph = |place: &&Place| place.right - place.left >= LONG * place.height();
        let long = places.iter().filter(paragraph).count();
        long >= COLUMN_LINES && long * 2 >= places.len()
    };
    split(places, |place| (place.left, place.right), |_| 0.0)
        .find(|at| column(&places[..*at]) && column(&places[*at..]))
}

/// Where what stands below a gap begins, the places sorted by their upper sides: only if there are columns on one side of it, as
/// all else is read from top to bottom anyway.
fn gap(places: &[Place]) -> Option<usize> {
    let columns = |places: &[Place]| {
        let mut places = places.to_vec();
        places.sort_by(|one, other| one.left.total_cmp(&other.left));
        gutter(&places).is_some()
    };
    split(places, |place| (place.top, place.bottom), |place| GAP * place.height())
        .find(|at| columns(&places[..*at]) || columns(&places[*at..]))
}

/// The places before which there is a gap, at least as large as is asked for.
fn split<'a>(
    places: &'a [Place],
    extent: impl Fn(&Place) -> (f32, f32) + 'a,
    wanted: impl Fn(&Place) -> f32 + 'a,
) -> impl Iterator<Item = usize> + 'a {
    let mut end = f32::INFINITY;
    places.iter().enumerate().filter_map(move |(index, place)| {
        let (start, stop) = extent(place);
        let gap = index > 0 && start - end > wanted(place);
        end = if index == 0 { stop } else { end.max(stop) };
        gap.then_some(index)
    })
}
