//! The audit's two charts as SVG. Colours are CSS variables of the page.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::audit::gates::Thresholds;
use crate::audit::interval::Figure;
use crate::audit::measure::calibration::Calibration;

const WIDTH: f64 = 640.0;
/// Where bars begin: the longest name fits before it.
const NAMES: f64 = 205.0;
const ROW: f64 = 30.0;

/// A bar for each kind of planted candidate: the share resisted, its interval, and the bound as a tick.
pub fn controls(controls: &BTreeMap<String, Option<Figure>>, bounds: &Thresholds) -> String {
    let height = ROW * controls.len() as f64 + 24.0;
    let mut svg = format!(
        r#"<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="planted candidates that were resisted">"#
    );
    let x = |share: f64| NAMES + share * (WIDTH - NAMES - 66.0);
    for (row, (name, figure)) in controls.iter().enumerate() {
        let (top, middle) = (ROW * row as f64 + 6.0, ROW * row as f64 + ROW / 2.0 + 5.0);
        let _ =
            write!(svg, r#"<text class="axis end" x="{:.1}" y="{middle:.1}">{name}</text>"#, NAMES - 10.0);
        let bound =
            if matches!(name.as_str(), "keys" | "injection") { bounds.hostile } else { bounds.controls };
        let _ = write!(
            svg,
            r#"<rect class="track" x="{NAMES}" y="{top:.1}" width="{:.1}" height="18" rx="3"/>"#,
            x(1.0) - NAMES
        );
        if let Some(figure) = figure {
            let class = if figure.value >= bound { "good" } else { "bad" };
            let _ = write!(
                svg,
                r#"<rect class="{class}" x="{NAMES}" y="{top:.1}" width="{:.1}" height="18" rx="3"/>"#,
                (x(figure.value) - NAMES).max(0.0)
            );
            let _ = write!(
                svg,
                r#"<path class="whisker" d="M{low:.1} {y:.1}H{high:.1}M{low:.1} {a:.1}v6M{high:.1} {a:.1}v6"/>"#,
                low = x(figure.low),
                high = x(figure.high),
                y = top + 9.0,
                a = top + 6.0
            );
        }
        let _ = write!(svg, r#"<path class="bound" d="M{:.1} {:.1}v22"/>"#, x(bound), top - 2.0);
        let value = figure.map_or_else(|| "–".to_owned(), |figure| format!("{:.0} %", figure.value * 100.0));
        let _ = write!(svg, r#"<text class="value" x="{:.1}" y="{middle:.1}">{value}</text>"#, x(1.0) + 10.0);
    }
    let _ = write!(
        svg,
        r#"<text class="axis" x="{NAMES}" y="{:.1}">0 %</text><text class="axis end" x="{:.1}" y="{:.1}">100 %</text></svg>"#,
        height - 4.0,
        x(1.0),
        height - 4.0
    );
    svg
}

/// Risk against coverage, from the strictest margin on the left to no filter on the right; none where nothing was decided.
pub fn risk(calibration: &Calibration) -> Option<String> {
    const HEIGHT: f64 = 260.0;
    const LEFT: f64 = 54.0;
    const BOTTOM: f64 = 42.0;
    let curve = &calibration.curve;
    if curve.is_empty() {
        return None;
    }
    let highest = curve.iter().map(|point| point.risk_high).fold(calibration.target_risk * 1.5, f64::max);
    // so that the four ticks are whole percents
    let top = ((highest * 5.0).ceil() / 5.0).clamp(0.2, 1.0);
    let x = |coverage: f64| LEFT + coverage * (WIDTH - LEFT - 16.0);
    let y = |risk: f64| HEIGHT - BOTTOM - risk / top * (HEIGHT - BOTTOM - 14.0);
    let mut svg = format!(r#"<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="risk by coverage">"#);
    for tick in 0..=4 {
        let risk = top * f64::from(tick) / 4.0;
        let _ = write!(svg, r#"<path class="grid" d="M{LEFT} {:.1}H{:.1}"/>"#, y(risk), x(1.0));
        let _ = write!(
            svg,
            r#"<text class="axis end" x="{:.1}" y="{:.1}">{:.0} %</text>"#,
            LEFT - 6.0,
            y(risk) + 5.0,
            risk * 100.0
        );
    }
    for tick in 0..=4 {
        let coverage = f64::from(tick) / 4.0;
        let class = match tick {
            0 => "axis",
            4 => "axis end",
            _ => "axis middle",
        };
        let _ = write!(
            svg,
            r#"<text class="{class}" x="{:.1}" y="{:.1}">{:.0} %</text>"#,
            x(coverage),
            HEIGHT - BOTTOM + 18.0,
            coverage * 100.0
        );
    }
    let _ = write!(
        svg,
        r#"<path class="bound" d="M{LEFT} {y:.1}H{:.1}"/><text class="axis end" x="{:.1}" y="{:.1}">target</text>"#,
        x(1.0),
        x(1.0),
        y(calibration.target_risk) - 5.0,
        y = y(calibration.target_risk)
    );
    let band: Vec<String> = curve
        .iter()
        .map(|point| format!("{:.1},{:.1}", x(point.coverage), y(point.risk_high)))
        .chain(curve.iter().rev().map(|point| format!("{:.1},{:.1}", x(point.coverage), y(point.risk))))
        .collect();
    let _ = write!(svg, r#"<polygon class="band" points="{}"/>"#, band.join(" "));
    let line: Vec<String> =
        curve.iter().map(|point| format!("{:.1},{:.1}", x(point.coverage), y(point.risk))).collect();
    let _ = write!(svg, r#"<polyline class="line" points="{}"/>"#, line.join(" "));
    for point in curve {
        let _ = write!(
            svg,
            r#"<circle class="dot" cx="{:.1}" cy="{:.1}" r="4"><title>margin {:.2}: {:.0} % decided, {:.1} % of them wrong</title></circle>"#,
            x(point.coverage),
            y(point.risk),
            point.margin,
            point.coverage * 100.0,
            point.risk * 100.0
        );
    }
    let _ = write!(
        svg,
        r#"<text class="axis middle" x="{:.1}" y="{:.1}">pairs that stay decided</text></svg>"#,
        f64::midpoint(LEFT, x(1.0)),
        HEIGHT - 4.0
    );
    Some(svg)
}
