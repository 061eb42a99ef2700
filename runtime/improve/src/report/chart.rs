//! Small SVG charts for the report: one function per kind of chart, text in, text out.
//!
//! Colours are CSS variables of the page, so that the charts follow its light and dark scheme.

use std::fmt::Write;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 240.0;
const LEFT: f64 = 54.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 34.0;

/// A share with its interval, all in 0..1.
#[derive(Clone, Copy, Debug)]
pub struct Share {
    /// The estimate.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Held-out success by iteration, with intervals.
pub fn success(shares: &[Share]) -> String {
    let mut svg = open("held-out success by iteration");
    let scale = Scale { low: 0.0, high: 1.0 };
    for tick in 0..=4 {
        let value = f64::from(tick) / 4.0;
        grid_line(&mut svg, scale.y(value), &format!("{:.0} %", value * 100.0));
    }
    let at = |index: usize| position(index, shares.len());
    let line: Vec<String> = shares
        .iter()
        .enumerate()
        .map(|(index, share)| format!("{:.1},{:.1}", at(index), scale.y(share.value)))
        .collect();
    let _ = write!(svg, r#"<polyline class="line" points="{}"/>"#, line.join(" "));
    for (index, share) in shares.iter().enumerate() {
        let (x, low, high) = (at(index), scale.y(share.low), scale.y(share.high));
        let _ = write!(
            svg,
            r#"<path class="whisker" d="M{x:.1} {low:.1}V{high:.1}M{a:.1} {low:.1}H{b:.1}M{a:.1} {high:.1}H{b:.1}"/>"#,
            a = x - 5.0,
            b = x + 5.0
        );
        let _ = write!(svg, r#"<circle class="dot" cx="{x:.1}" cy="{:.1}" r="4.5"/>"#, scale.y(share.value));
        let _ = write!(
            svg,
            r#"<text class="value" x="{:.1}" y="{:.1}">{:.0} %</text>"#,
            x + 10.0,
            scale.y(share.value) + 16.0,
            share.value * 100.0
        );
        let name = if index == 0 { "base".to_owned() } else { format!("iteration {index}") };
        let _ = write!(svg, r#"<text class="axis middle" x="{x:.1}" y="{:.1}">{name}</text>"#, HEIGHT - 10.0);
    }
    close(svg)
}

/// A figure by optimiser step; `breaks` are the steps at which another stage begins, with its name.
pub fn curve(label: &str, values: &[f64], breaks: &[(usize, String)]) -> String {
    let mut svg = open(label);
    let finite = values.iter().copied().filter(|value| value.is_finite());
    let (low, high) = finite
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    let (low, high) = if low < high { (low.min(0.0), high) } else { (0.0, high.max(1.0)) };
    let scale = Scale { low, high };
    for tick in 0..=4 {
        let value = low + (high - low) * f64::from(tick) / 4.0;
        grid_line(&mut svg, scale.y(value), &short(value));
    }
    for (index, name) in breaks {
        let x = position_tight(*index, values.len());
        let _ = write!(svg, r#"<path class="break" d="M{x:.1} {TOP}V{:.1}"/>"#, HEIGHT - BOTTOM);
        // near the right edge the name stands to the left of its line
        let (class, at) = if x > WIDTH - 60.0 { ("axis end", x - 3.0) } else { ("axis", x + 3.0) };
        let _ = write!(svg, r#"<text class="{class}" x="{at:.1}" y="{:.1}">{name}</text>"#, HEIGHT - 10.0);
    }
    // A line of its own for each stage: their losses are not comparable.
    for (number, (start, _)) in breaks.iter().enumerate() {
        let end = breaks.get(number + 1).map_or(values.len(), |(next, _)| *next);
        let points: Vec<String> = (*start..end)
            .filter(|&index| values[index].is_finite())
            .map(|index| format!("{:.1},{:.1}", position_tight(index, values.len()), scale.y(values[index])))
            .collect();
        let _ = write!(svg, r#"<polyline class="line" points="{}"/>"#, points.join(" "));
    }
    close(svg)
}

struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    fn y(&self, value: f64) -> f64 {
        let share = (value - self.low) / (self.high - self.low).max(f64::MIN_POSITIVE);
        HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP)
    }
}

/// Centre of slot `index` of `count`.
fn position(index: usize, count: usize) -> f64 {
    LEFT + (index as f64 + 0.5) / count.max(1) as f64 * (WIDTH - LEFT - RIGHT)
}

/// Point `index` of `count`, the first at the left edge and the last at the right.
fn position_tight(index: usize, count: usize) -> f64 {
    LEFT + index as f64 / count.saturating_sub(1).max(1) as f64 * (WIDTH - LEFT - RIGHT)
}

fn short(value: f64) -> String {
    if value.abs() >= 10.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

fn grid_line(svg: &mut String, y: f64, label: &str) {
    let _ = write!(svg, r#"<path class="grid" d="M{LEFT} {y:.1}H{:.1}"/>"#, WIDTH - RIGHT);
    let _ = write!(svg, r#"<text class="axis end" x="{:.1}" y="{:.1}">{label}</text>"#, LEFT - 6.0, y + 4.0);
}

fn open(label: &str) -> String {
    format!(r#"<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">"#)
}

fn close(mut svg: String) -> String {
    svg.push_str("</svg>");
    svg
}
