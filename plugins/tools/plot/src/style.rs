//! How charts look.

use crate::scene::Paint;

/// What everything is drawn on.
pub const BACKGROUND: Paint = Paint::new(255, 255, 255);
/// Titles and names.
pub const INK: Paint = Paint::new(38, 42, 48);
/// Numbers at the axes.
pub const FAINT_INK: Paint = Paint::new(86, 92, 102);
/// Lines behind the data.
pub const GRID: Paint = Paint::new(228, 231, 235);
/// The line that values are measured from.
pub const AXIS: Paint = Paint::new(140, 146, 156);

/// The colours of series, in order; people who cannot tell red from green can tell neighbours by their brightness.
pub const COLORS: [Paint; 10] = [
    Paint::new(0x4c, 0x78, 0xa8),
    Paint::new(0xf5, 0x85, 0x18),
    Paint::new(0x54, 0xa2, 0x4b),
    Paint::new(0xe4, 0x57, 0x56),
    Paint::new(0x72, 0xb7, 0xb2),
    Paint::new(0xb2, 0x79, 0xa2),
    Paint::new(0xee, 0xca, 0x3b),
    Paint::new(0xff, 0x9d, 0xa6),
    Paint::new(0x9d, 0x75, 0x5d),
    Paint::new(0x8a, 0x8f, 0x98),
];

/// The colour of a series.
pub fn color(index: usize) -> Paint {
    COLORS[index % COLORS.len()]
}

/// The edge of a dot.
pub fn dot_edge(radius: f32) -> f32 {
    (radius * 0.25).clamp(0.3, 1.5)
}

/// Sizes that grow with the picture.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    pub title: f32,
    pub label: f32,
    pub tick: f32,
    pub gap: f32,
    pub margin: f32,
    pub line: f32,
    pub grid: f32,
    pub dot: f32,
}

impl Sizes {
    /// For a picture of this size: as at 960 by 600, larger or smaller.
    pub fn of(width: u32, height: u32) -> Self {
        let unit = (width as f32 / 960.0).min(height as f32 / 600.0).clamp(0.6, 5.0);
        Self {
            title: 21.0 * unit,
            label: 15.0 * unit,
            tick: 13.5 * unit,
            gap: 8.0 * unit,
            margin: 20.0 * unit,
            line: 2.4 * unit,
            grid: unit.max(1.0),
            dot: 4.2 * unit,
        }
    }
}
