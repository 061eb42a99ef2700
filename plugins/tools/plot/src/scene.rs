//! What a chart consists of, before it is a picture: shapes in pixels, y pointing down.

use std::fmt::Write as _;

use sport_lettering::Weight;

/// A colour with how opaque it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Paint {
    /// Red, green, blue.
    pub rgb: [u8; 3],
    /// From 0 to 1.
    pub opacity: f32,
}

impl Paint {
    /// An opaque colour.
    pub const fn new(red: u8, green: u8, blue: u8) -> Self {
        Self { rgb: [red, green, blue], opacity: 1.0 }
    }

    /// The same colour, so opaque.
    pub const fn with_opacity(self, opacity: f32) -> Self {
        Self { opacity, ..self }
    }

    /// As CSS writes it.
    pub fn css(self) -> String {
        let [red, green, blue] = self.rgb;
        let mut text = String::new();
        // Writing to a `String` cannot fail.
        let _ = write!(text, "#{red:02x}{green:02x}{blue:02x}");
        text
    }
}

/// A rectangle.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rect {
    pub left: f32,
    pub top: f32,
    pub width: f32,
    pub height: f32,
}

impl Rect {
    /// The right edge.
    pub fn right(self) -> f32 {
        self.left + self.width
    }

    /// The bottom edge.
    pub fn bottom(self) -> f32 {
        self.top + self.height
    }
}

/// Which point of a text is put at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

/// A text of one line.
#[derive(Clone, Debug, PartialEq)]
pub struct Text {
    /// The text.
    pub text: String,
    /// Where its anchor is, on the baseline.
    pub x: f32,
    /// See `x`.
    pub y: f32,
    /// The size of an em.
    pub size: f32,
    /// How thick.
    pub weight: Weight,
    /// Which point of it is at its place.
    pub anchor: Anchor,
    /// Turned about that point, clockwise.
    pub degrees: f32,
    /// Its colour.
    pub paint: Paint,
}

/// A shape.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// A filled rectangle.
    Block(Rect, Paint),
    /// A line through points.
    Line {
        /// The points.
        points: Vec<(f32, f32)>,
        /// How wide.
        width: f32,
        /// Its colour.
        paint: Paint,
    },
    /// A filled circle with a thin edge of the background, which tells it from others below it.
    Dot {
        /// The centre.
        center: (f32, f32),
        /// The radius.
        radius: f32,
        /// Its colour.
        paint: Paint,
    },
    /// A slice of a pie, from one angle to another: 0 is at the top, clockwise, in radians.
    Slice {
        /// The pie's centre.
        center: (f32, f32),
        /// Its radius.
        radius: f32,
        /// From here.
        from: f32,
        /// To here.
        to: f32,
        /// Its colour.
        paint: Paint,
    },
    /// A text.
    Text(Text),
    /// Shapes of which only what is within a rectangle is seen.
    Within(Rect, Vec<Shape>),
}

/// A chart as shapes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scene {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// What it is called, for those who cannot see it.
    pub title: String,
    /// The shapes, the lowest first.
    pub shapes: Vec<Shape>,
}
