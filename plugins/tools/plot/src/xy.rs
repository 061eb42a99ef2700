//! Lines and points.

use sport_sdk::Failure;

use crate::data::{self, Plane};
use crate::frame::{Frame, x_of, y_of};
use crate::look::{Axes, Look};
use crate::scale::{Measure, Scale};
use crate::scene::{Rect, Scene, Shape};
use crate::style;

/// Up to so many points a line, each is marked.
const MARKED_POINTS: usize = 30;

/// Lines from point to point.
pub fn lines(mut plane: Plane, look: &Look, axes: &Axes, sorted: bool) -> Result<Scene, Failure> {
    bounded(&plane, data::MOST_LINE_POINTS)?;
    if sorted {
        for series in &mut plane.series {
            series.points.sort_by(|left, right| left.0.total_cmp(&right.0));
        }
    }
    let (mut frame, x, y, area) = begin(&plane, look, axes, false)?;
    frame.baselines(&x, &y, area, false);
    let mut shapes = Vec::new();
    for (index, series) in plane.series.iter().enumerate() {
        let paint = style::color(index);
        let marked = series.points.len() <= MARKED_POINTS;
        for run in runs(&series.points, &x, &y) {
            let points: Vec<(f32, f32)> =
                run.iter().map(|(at, value)| (x_of(&x, area, *at), y_of(&y, area, *value))).collect();
            // One value between two that are missing has no line, but it is there.
            if marked || points.len() == 1 {
                let radius = frame.sizes.dot * 0.8;
                shapes.extend(points.iter().map(|point| Shape::Dot { center: *point, radius, paint }));
            }
            if points.len() > 1 {
                let line = Shape::Line { points: thinned(points), width: frame.sizes.line, paint };
                // Below the marks.
                shapes.insert(0, line);
            }
        }
    }
    let margin = frame.sizes.dot;
    frame.scene.shapes.push(Shape::Within(grown(area, margin), shapes));
    Ok(frame.scene)
}

/// A dot for each point.
pub fn dots(plane: Plane, look: &Look, axes: &Axes) -> Result<Scene, Failure> {
    bounded(&plane, data::MOST_DOTS)?;
    let count: usize = plane.series.iter().map(|series| series.points.len()).sum();
    let (mut frame, x, y, area) = begin(&plane, look, axes, true)?;
    let crowd = if count > 2_000 {
        0.45
    } else if count > 300 {
        0.7
    } else {
        1.0
    };
    let radius = frame.sizes.dot * crowd * 1.1;
    let mut shapes = Vec::with_capacity(count);
    for (index, series) in plane.series.iter().enumerate() {
        let paint = style::color(index).with_opacity(if count > 300 { 0.6 } else { 0.8 });
        for run in runs(&series.points, &x, &y) {
            let center = |(at, value): &(f64, f64)| (x_of(&x, area, *at), y_of(&y, area, *value));
            shapes.extend(run.iter().map(|point| Shape::Dot { center: center(point), radius, paint }));
        }
    }
    frame.scene.shapes.push(Shape::Within(grown(area, radius * 1.5), shapes));
    Ok(frame.scene)
}

fn bounded(plane: &Plane, most: usize) -> Result<(), Failure> {
    let count: usize = plane.series.iter().map(|series| series.points.len()).sum();
    if count > most {
        let message = format!(
            "{count} points are too many; at most {most} are drawn. Take a sample or groups of them first"
        );
        return Err(Failure::exhausted(message).code("too-many-points"));
    }
    Ok(())
}

/// The frame and the axes, which reach over all values; `rounded` gives the x axis round ends, as the y axis always has.
fn begin(
    plane: &Plane,
    look: &Look,
    axes: &Axes,
    rounded: bool,
) -> Result<(Frame, Scale, Scale, Rect), Failure> {
    let mut frame = Frame::new(look.width, look.height, &look.words)?;
    if plane.series.len() > 1 {
        let entries: Vec<_> = plane
            .series
            .iter()
            .enumerate()
            .map(|(index, series)| (series.name.clone(), style::color(index)))
            .collect();
        frame.legend(&entries);
    }
    let shown = || {
        plane
            .series
            .iter()
            .flat_map(|series| &series.points)
            .filter_map(|(at, value)| value.map(|value| (*at, value)))
    };
    let x_log = axes.x_log == Some(true) && plane.measure == Measure::Linear;
    let y_log = axes.y_log == Some(true);
    let x_measure = if x_log { Measure::Log } else { plane.measure.clone() };
    let y_measure = if y_log { Measure::Log } else { Measure::Linear };
    let xs = shown().map(|(at, _)| at).filter(|at| !x_log || *at > 0.0);
    let mut x = scale(x_measure, xs, axes.x_min, axes.x_max, "x")?;
    let whole = shown().all(|(at, _)| at.fract() == 0.0);
    x = x.whole(whole);
    if rounded {
        x = x.rounded(10, axes.x_min.is_some(), axes.x_max.is_some());
    }
    let ys = shown().map(|(_, value)| value).filter(|value| !y_log || *value > 0.0);
    let y = scale(y_measure, ys, axes.y_min, axes.y_max, "y")?;
    let y = y.rounded(8, axes.y_min.is_some(), axes.y_max.is_some());
    let words = look.words_or(plane.x_name.as_deref(), plane.y_name.as_deref());
    let area = frame.axes(&x, &y, &words, (true, true));
    Ok((frame, x, y, area))
}

fn scale(
    measure: Measure,
    values: impl Iterator<Item = f64>,
    low: Option<f64>,
    high: Option<f64>,
    name: &str,
) -> Result<Scale, Failure> {
    let (least, most) = values
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), value| (least.min(value), most.max(value)));
    if measure == Measure::Log && (!least.is_finite() || low.is_some_and(|low| low <= 0.0)) {
        let message = format!(
            "a logarithmic {name} axis has no place for values of 0 or less, and there is nothing else"
        );
        return Err(Failure::invalid_input(message).code("bad-axis"));
    }
    if let (Some(low), Some(high)) = (low, high)
        && low >= high
    {
        let message = format!("the {name} axis cannot go from {low} to {high}: the first must be less");
        return Err(Failure::invalid_input(message).code("bad-axis"));
    }
    Ok(Scale::new(measure, low.unwrap_or(least), high.unwrap_or(most)))
}

/// The runs of points between those that are missing or have no place on the axes.
fn runs(points: &[(f64, Option<f64>)], x: &Scale, y: &Scale) -> Vec<Vec<(f64, f64)>> {
    let placed = |scale: &Scale, value: f64| scale.measure != Measure::Log || value > 0.0;
    points
        .split(|(at, value)| !value.is_some_and(|value| placed(y, value)) || !placed(x, *at))
        .map(|run| run.iter().filter_map(|(at, value)| value.map(|value| (*at, value))).collect::<Vec<_>>())
        .filter(|run| !run.is_empty())
        .collect()
}

/// Of the points of a line that fall into one column of pixels, the first, the lowest, the highest and the last: what is
/// drawn looks the same.
fn thinned(points: Vec<(f32, f32)>) -> Vec<(f32, f32)> {
    if points.len() < 2_000 || points.windows(2).any(|pair| pair[1].0 < pair[0].0) {
        return points;
    }
    let mut kept = Vec::new();
    for column in points.chunk_by(|left, right| left.0.floor() == right.0.floor()) {
        let by_height =
            |left: &(usize, &(f32, f32)), right: &(usize, &(f32, f32))| left.1.1.total_cmp(&right.1.1);
        let place = |found: Option<(usize, &(f32, f32))>| found.map_or(0, |(place, _)| place);
        let mut places = [
            0,
            place(column.iter().enumerate().min_by(by_height)),
            place(column.iter().enumerate().max_by(by_height)),
            column.len() - 1,
        ];
        places.sort_unstable();
        for (index, place) in places.iter().enumerate() {
            if index == 0 || places[index - 1] != *place {
                kept.push(column[*place]);
            }
        }
    }
    kept
}

fn grown(area: Rect, by: f32) -> Rect {
    Rect {
        left: area.left - by,
        top: area.top - by,
        width: area.width + 2.0 * by,
        height: area.height + 2.0 * by,
    }
}
