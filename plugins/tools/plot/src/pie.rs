//! Parts of a whole.

use std::f32::consts::TAU;

use sport_lettering::Weight;
use sport_sdk::Failure;

use crate::data::Named;
use crate::frame::Frame;
use crate::look::Look;
use crate::scale::number;
use crate::scene::{Anchor, Rect, Scene, Shape};
use crate::style;

/// Slices that are told apart; what is smaller than these is one slice.
const MOST_SLICES: usize = 10;

/// Draws a pie.
pub fn pie(data: &Named, look: &Look) -> Result<Scene, Failure> {
    let Some((_, values)) = data.series.first() else {
        return Err(Failure::invalid_input("a pie needs values").code("no-data"));
    };
    let mut slices: Vec<(String, f64)> = data
        .names
        .iter()
        .zip(values)
        .filter_map(|(name, value)| value.map(|value| (name.clone(), value)))
        .filter(|(_, value)| *value != 0.0)
        .collect();
    if let Some((name, value)) = slices.iter().find(|(_, value)| *value < 0.0) {
        let message =
            format!("`{name}` is {value}, and no part of a whole is less than nothing; draw bars instead");
        return Err(Failure::invalid_input(message).code("negative-value"));
    }
    let whole: f64 = slices.iter().map(|(_, value)| value).sum();
    if slices.is_empty() || !whole.is_finite() {
        return Err(Failure::invalid_input("the values of a pie must have a sum above 0").code("no-data"));
    }
    slices.sort_by(|left, right| right.1.total_cmp(&left.1));
    if slices.len() > MOST_SLICES {
        let rest = slices.split_off(MOST_SLICES - 1);
        slices.push((format!("{} others", rest.len()), rest.iter().map(|(_, value)| value).sum()));
    }
    let mut frame = Frame::new(look.width, look.height, &look.words)?;
    draw(&mut frame, &slices, whole);
    Ok(frame.scene)
}

/// The pie at the left, the names beside it.
fn draw(frame: &mut Frame, slices: &[(String, f64)], whole: f64) {
    let free = frame.free;
    let size = frame.sizes.label;
    // On a narrow picture the share alone.
    let narrow = free.width < size * 32.0;
    let lines: Vec<(String, String)> = slices
        .iter()
        .map(|(name, value)| {
            let share = format!("{:.1} %", value / whole * 100.0);
            (name.clone(), if narrow { share } else { format!("{}  ({share})", number(*value)) })
        })
        .collect();
    let widest = |part: fn(&(String, String)) -> &String| {
        lines.iter().map(|line| frame.regular.width(part(line), size)).fold(0.0, f32::max)
    };
    let numbers = widest(|line| &line.1);
    let names = widest(|line| &line.0).min((free.width * 0.65 - numbers - size * 4.5).max(0.0));
    let beside = names + numbers + size * 4.5;
    let radius = ((free.width - beside).max(free.width * 0.2) / 2.0).min(free.height / 2.0) * 0.95;
    let center_x = free.left + ((free.width - beside) / 2.0).max(radius);
    let center = (center_x, free.top + free.height / 2.0);
    let mut from = 0.0;
    for (index, (_, value)) in slices.iter().enumerate() {
        let to = from + (value / whole) as f32 * TAU;
        let paint = style::color(index);
        frame.scene.shapes.push(Shape::Slice { center, radius, from, to, paint });
        from = to;
    }
    let step = (size * 1.9).min(free.height / lines.len() as f32);
    let left = center_x + radius + size * 1.6;
    let mut y = center.1 - step * (lines.len() as f32 - 1.0) / 2.0;
    for (index, (name, value)) in lines.into_iter().enumerate() {
        let square = Rect { left, top: y - size * 0.42, width: size * 0.84, height: size * 0.84 };
        frame.scene.shapes.push(Shape::Block(square, style::color(index)));
        let name = frame.regular.fit(&name, size, names);
        let baseline = y + size * 0.35;
        let text_left = left + size * 1.4;
        frame.text(name, text_left, baseline, size, Anchor::Start, 0.0, style::INK, Weight::Regular);
        let right = text_left + names + size * 1.2;
        frame.text(value, right, baseline, size, Anchor::Start, 0.0, style::FAINT_INK, Weight::Regular);
        y += step;
    }
}
