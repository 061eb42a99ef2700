//! Bars: side by side, on top of each other, lying.

use sport_lettering::Weight;
use sport_sdk::Failure;

use crate::data::Named;
use crate::frame::{Frame, x_of, y_of};
use crate::look::{Axes, Look};
use crate::scale::{Measure, Scale, number_among};
use crate::scene::{Anchor, Rect, Scene, Shape};
use crate::style;

/// Up to so many bars have their value written at their end.
const LABELED_BARS: usize = 24;
/// How much of an axis the value at the end of a bar takes, at most.
const LABEL_ROOM: f64 = 0.1;
/// How much of the room of a name its bars take.
const FULLNESS: f64 = 0.76;

/// One bar: where it is along the names, and from which value to which.
struct Bar {
    series: usize,
    from: f64,
    to: f64,
    low: f64,
    high: f64,
}

/// Draws bars.
pub fn bars(
    data: &Named,
    look: &Look,
    axes: &Axes,
    stacked: bool,
    horizontal: bool,
) -> Result<Scene, Failure> {
    let mut frame = Frame::new(look.width, look.height, &look.words)?;
    if data.series.len() > 1 {
        let entries: Vec<_> = data
            .series
            .iter()
            .enumerate()
            .map(|(index, (name, _))| (name.clone(), style::color(index)))
            .collect();
        frame.legend(&entries);
    }
    let count = data.names.len();
    let bars = layout(data, stacked);
    let (low, high) = bars.iter().fold((0.0_f64, 0.0_f64), |(low, high), bar| {
        (low.min(bar.low.min(bar.high)), high.max(bar.low.max(bar.high)))
    });
    let (least, most) = (axes.y_min.unwrap_or(low), axes.y_max.unwrap_or(high));
    if least > most {
        let message =
            format!("the axis of the values cannot go from {least} to {most}: the first must be less");
        return Err(Failure::invalid_input(message).code("bad-axis"));
    }
    let mut values =
        Scale::new(Measure::Linear, least, most).rounded(7, axes.y_min.is_some(), axes.y_max.is_some());
    let labeled = !stacked && bars.len() <= LABELED_BARS;
    // Below a bar that hangs to the end of the axis its value would lie on the name.
    if labeled
        && low < 0.0
        && axes.y_min.is_none()
        && (low - values.low) < (values.high - values.low) * LABEL_ROOM
    {
        values.low -= values.step(7);
    }
    let mut names = Scale::new(Measure::Names(data.names.clone()), 0.0, 0.0);
    let mut words = look.words_or(data.x_name.as_deref(), data.y_name.as_deref());
    let (x, y, grid) = if horizontal {
        // What is asked for as the name of the x axis are the names, wherever they stand.
        std::mem::swap(&mut words.x_label, &mut words.y_label);
        if let Measure::Names(list) = &mut names.measure {
            list.reverse();
        }
        (values, names, (true, false))
    } else {
        (names, values, (false, true))
    };
    let area = frame.axes(&x, &y, &words, grid);

    let edge = |scale: &Scale, value: f64| value.clamp(scale.low, scale.high);
    let mut shapes = Vec::new();
    for bar in &bars {
        let (left, right, top, bottom) = if horizontal {
            let (low, high) = (x_of(&x, area, edge(&x, bar.low)), x_of(&x, area, edge(&x, bar.high)));
            let last = count as f64 - 1.0;
            (low.min(high), low.max(high), y_of(&y, area, last - bar.from), y_of(&y, area, last - bar.to))
        } else {
            let (low, high) = (y_of(&y, area, edge(&y, bar.low)), y_of(&y, area, edge(&y, bar.high)));
            (x_of(&x, area, bar.from), x_of(&x, area, bar.to), low.min(high), low.max(high))
        };
        let block = Rect { left, top, width: (right - left).max(0.5), height: (bottom - top).max(0.5) };
        shapes.push(Shape::Block(block, style::color(bar.series)));
    }
    frame.scene.shapes.extend(shapes);
    frame.baselines(&x, &y, area, horizontal);
    if labeled {
        for bar in &bars {
            label(&mut frame, bar, &x, &y, area, horizontal, count);
        }
    }
    Ok(frame.scene)
}

/// The value, beyond the end of its bar.
fn label(frame: &mut Frame, bar: &Bar, x: &Scale, y: &Scale, area: Rect, horizontal: bool, count: usize) {
    let size = frame.sizes.tick * 0.95;
    let values = if horizontal { x } else { y };
    let largest = values.low.abs().max(values.high.abs());
    let text = number_among(bar.high, largest);
    let below = bar.high < 0.0;
    let middle = f64::midpoint(bar.from, bar.to);
    let (x, y, anchor) = if horizontal {
        let end = x_of(x, area, bar.high.clamp(x.low, x.high));
        let y = y_of(y, area, count as f64 - 1.0 - middle) + size * 0.36;
        let width = frame.regular.width(&text, size) + size * 0.5;
        // Inside where there is no room outside.
        match (below, end + width > frame.free.right()) {
            (true, _) => (end - size * 0.4, y, Anchor::End),
            (false, false) => (end + size * 0.4, y, Anchor::Start),
            (false, true) => (end - size * 0.4, y, Anchor::End),
        }
    } else {
        let end = y_of(y, area, bar.high.clamp(y.low, y.high));
        let room = x_of(x, area, bar.to) - x_of(x, area, bar.from);
        if frame.regular.width(&text, size) > room * 1.25 {
            return;
        }
        let y = if below { end + size * 1.1 } else { end - size * 0.4 };
        (x_of(x, area, middle), y, Anchor::Middle)
    };
    frame.text(text, x, y, size, anchor, 0.0, style::INK, Weight::Regular);
}

fn layout(data: &Named, stacked: bool) -> Vec<Bar> {
    let slots = if stacked { 1 } else { data.series.len().max(1) };
    let width = FULLNESS / slots as f64;
    let mut bars = Vec::new();
    for name in 0..data.names.len() {
        let (mut above, mut below) = (0.0, 0.0);
        for (series, (_, values)) in data.series.iter().enumerate() {
            let Some(value) = values.get(name).copied().flatten() else {
                continue;
            };
            let slot = if stacked { 0 } else { series };
            let from = name as f64 - FULLNESS / 2.0 + slot as f64 * width;
            // A hair between neighbours.
            let to = from + width * if slots > 1 { 0.94 } else { 1.0 };
            let base = match (stacked, value < 0.0) {
                (false, _) => 0.0,
                (true, false) => above,
                (true, true) => below,
            };
            let high = base + value;
            if value < 0.0 {
                below = high
            } else {
                above = high
            }
            bars.push(Bar { series, from, to, low: base, high });
        }
    }
    bars
}
