//! Text as shapes, in DejaVu Sans, which is part of the component: a sandbox has no fonts.
//!
//! The font has Latin, Greek, Cyrillic, Armenian, Georgian, mathematical signs and arrows, some 5,900 characters. It has no
//! Chinese, Japanese, Korean or Indian scripts, and letters stand side by side as they come, so Arabic is not joined;
//! [`Lettering::missing`] says what cannot be drawn.

use ab_glyph::{Font, FontRef, GlyphId, OutlineCurve, PxScale, ScaleFont, point};
use sport_sdk::Failure;

/// How thick the letters are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// For reading.
    Regular,
    /// For titles.
    Bold,
}

/// A part of an outline. y points down, and the first letter begins at 0 on the baseline, which is at 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Segment {
    /// A contour begins here; the one before it is closed.
    Move(f32, f32),
    /// A straight line to here.
    Line(f32, f32),
    /// A quadratic curve: its control point, its end.
    Curve(f32, f32, f32, f32),
}

/// A font.
#[derive(Debug)]
pub struct Lettering {
    font: FontRef<'static>,
}

impl Lettering {
    /// The font for reading. A component that never asks for one of the two does not have it in its file.
    pub fn regular() -> Result<Self, Failure> {
        Ok(Self { font: FontRef::try_from_slice(dejavu::sans::regular())? })
    }

    /// The font for titles, and for letters on pictures.
    pub fn bold() -> Result<Self, Failure> {
        Ok(Self { font: FontRef::try_from_slice(dejavu::sans::bold())? })
    }

    /// How wide a text of one line is; `size` is that of an em.
    pub fn width(&self, text: &str, size: f32) -> f32 {
        self.glyphs(text, size).1
    }

    /// How far letters with accents reach above the baseline.
    pub fn ascent(&self, size: f32) -> f32 {
        self.font.as_scaled(self.scale(size)).ascent()
    }

    /// How far letters reach below the baseline.
    pub fn descent(&self, size: f32) -> f32 {
        -self.font.as_scaled(self.scale(size)).descent()
    }

    /// The characters that the font does not have, each once.
    pub fn missing(&self, text: &str) -> Vec<char> {
        let mut missing = Vec::new();
        for sign in text.chars().filter(|sign| !sign.is_control()) {
            if self.font.glyph_id(sign) == GlyphId(0) && !missing.contains(&sign) {
                missing.push(sign);
            }
        }
        missing
    }

    /// The text's end, cut so that it is no wider than `width`; what was cut ends in `…`.
    pub fn fit(&self, text: &str, size: f32, width: f32) -> String {
        if self.width(text, size) <= width {
            return text.to_owned();
        }
        let ends: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        // The longest beginning that fits.
        let fits =
            ends.partition_point(|end| self.width(&format!("{}…", text[..*end].trim_end()), size) <= width);
        format!("{}…", text[..ends.get(fits.saturating_sub(1)).copied().unwrap_or(0)].trim_end())
    }

    /// The outlines of a text of one line.
    pub fn outline(&self, text: &str, size: f32) -> Vec<Segment> {
        let factor = size / self.font.units_per_em().unwrap_or(2048.0);
        let mut segments = Vec::new();
        for (glyph, x) in self.glyphs(text, size).0 {
            let Some(outline) = self.font.outline(glyph) else {
                continue;
            };
            let place = |point: ab_glyph::Point| (x + point.x * factor, -point.y * factor);
            let mut last = None;
            for curve in outline.curves {
                let (start, end) = match curve {
                    OutlineCurve::Line(start, end)
                    | OutlineCurve::Quad(start, _, end)
                    | OutlineCurve::Cubic(start, _, _, end) => (start, end),
                };
                if last != Some(start) {
                    let (x, y) = place(start);
                    segments.push(Segment::Move(x, y));
                }
                let (x, y) = place(end);
                segments.push(match curve {
                    OutlineCurve::Quad(_, control, _) => {
                        let (control_x, control_y) = place(control);
                        Segment::Curve(control_x, control_y, x, y)
                    }
                    // DejaVu has quadratic curves only.
                    _ => Segment::Line(x, y),
                });
                last = Some(end);
            }
        }
        segments
    }

    /// Draws a text of one line whose baseline begins at `x`, `y`: calls `paint` with each pixel that it touches and how
    /// much of it, from 0 to 1.
    pub fn draw(&self, text: &str, size: f32, x: f32, y: f32, mut paint: impl FnMut(i32, i32, f32)) {
        let scale = self.scale(size);
        for (glyph, offset) in self.glyphs(text, size).0 {
            let glyph = glyph.with_scale_and_position(scale, point(x + offset, y));
            let Some(outlined) = self.font.outline_glyph(glyph) else {
                continue;
            };
            let bounds = outlined.px_bounds();
            let (left, top) = (bounds.min.x as i32, bounds.min.y as i32);
            outlined.draw(|x, y, coverage| {
                paint(
                    left.saturating_add_unsigned(x),
                    top.saturating_add_unsigned(y),
                    coverage.clamp(0.0, 1.0),
                );
            });
        }
    }

    /// Each letter with where it stands, and the width of all.
    fn glyphs(&self, text: &str, size: f32) -> (Vec<(GlyphId, f32)>, f32) {
        let font = self.font.as_scaled(self.scale(size));
        let mut glyphs = Vec::new();
        let mut x = 0.0;
        let mut last = None;
        for sign in text.chars().filter(|sign| !sign.is_control()) {
            let glyph = font.glyph_id(sign);
            if let Some(last) = last {
                x += font.kern(last, glyph);
            }
            glyphs.push((glyph, x));
            x += font.h_advance(glyph);
            last = Some(glyph);
        }
        (glyphs, x)
    }

    /// The crate's sizes are from the highest to the lowest, not of an em.
    fn scale(&self, size: f32) -> PxScale {
        PxScale::from(size * self.font.height_unscaled() / self.font.units_per_em().unwrap_or(2048.0))
    }
}
