//! How often values are in which range.

use sport_sdk::Failure;

use crate::frame::{Frame, x_of, y_of};
use crate::look::Look;
use crate::scale::{self, Measure, Scale};
use crate::scene::{Rect, Scene, Shape};
use crate::style;

/// Most ranges that can be asked for.
const MOST_BINS: u32 = 200;

/// Draws a histogram.
pub fn histogram(
    mut values: Vec<f64>,
    name: Option<&str>,
    bins: Option<u32>,
    look: &Look,
) -> Result<Scene, Failure> {
    if bins.is_some_and(|bins| !(1..=MOST_BINS).contains(&bins)) {
        let message = format!("a histogram has from 1 to {MOST_BINS} bins, not {}", bins.unwrap_or_default());
        return Err(Failure::invalid_input(message).code("bad-bins"));
    }
    values.sort_by(f64::total_cmp);
    let (low, width, counts) = count(&values, bins);
    let highest = counts.iter().copied().max().unwrap_or(0);

    let mut frame = Frame::new(look.width, look.height, &look.words)?;
    let x = Scale::new(Measure::Linear, low, low + width * counts.len() as f64);
    let y = Scale::new(Measure::Linear, 0.0, highest as f64).whole(true).rounded(8, true, false);
    let words = look.words_or(name, Some("count"));
    let area = frame.axes(&x, &y, &words, (false, true));
    for (index, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let left = x_of(&x, area, low + width * index as f64);
        let right = x_of(&x, area, low + width * (index + 1) as f64);
        let top = y_of(&y, area, *count as f64);
        let gap = ((right - left) * 0.06).min(1.5);
        let block =
            Rect { left, top, width: (right - left - gap).max(0.5), height: (area.bottom() - top).max(0.5) };
        frame.scene.shapes.push(Shape::Block(block, style::color(0)));
    }
    frame.baselines(&x, &y, area, false);
    Ok(frame.scene)
}

/// Where the first range begins, how wide each is, and how many values are in it. Values in order.
///
/// If nothing is said, the width is that of Freedman and Diaconis, rounded to 1, 2 or 5: it follows the middle half of the
/// values, so that a few far away do not put all others into one range.
pub fn count(values: &[f64], bins: Option<u32>) -> (f64, f64, Vec<u64>) {
    let (Some(least), Some(most)) = (values.first().copied(), values.last().copied()) else {
        return (0.0, 1.0, vec![0]);
    };
    let span = most - least;
    let (low, width, bins) = if span <= 0.0 || !span.is_finite() {
        let width = if span > 0.0 { f64::MAX } else { least.abs().max(1.0) * 0.1 };
        (least - width / 2.0, width, 1)
    } else if let Some(bins) = bins {
        (least, span / f64::from(bins), bins as usize)
    } else {
        let quarter = |part: usize| values[(values.len() - 1) * part / 4];
        let middle = quarter(3) - quarter(1);
        let ideal = 2.0 * middle / (values.len() as f64).cbrt();
        let wanted = if ideal > 0.0 { (span / ideal).clamp(5.0, 100.0) } else { 20.0 };
        let width = scale::step(least, most, wanted as usize);
        let low = (least / width).floor() * width;
        (low, width, (((most - low) / width).floor() as usize + 1).min(400))
    };
    let mut counts = vec![0; bins];
    for value in values {
        // The last range has its end in it.
        let index = (((value - low) / width).max(0.0) as usize).min(bins - 1);
        counts[index] += 1;
    }
    (low, width, counts)
}
