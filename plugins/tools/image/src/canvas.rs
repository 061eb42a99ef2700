//! Drawing on a picture: frames, lines, letters. Edges are smooth, and only what is within the picture is drawn.

use image::{DynamicImage, RgbImage, RgbaImage};
use sport_lettering::Lettering;
use sport_sdk::Failure;

use crate::paint::Rgb;

/// A picture of eight bits a channel, with transparency or without.
pub enum Canvas {
    /// Without.
    Opaque(RgbImage),
    /// With.
    Transparent(RgbaImage),
}

impl Canvas {
    /// From any picture; what has more than eight bits a channel loses them, and gray becomes color.
    pub fn new(image: DynamicImage) -> Self {
        if image.color().has_alpha() {
            Self::Transparent(image.into_rgba8())
        } else {
            Self::Opaque(image.into_rgb8())
        }
    }

    /// The picture.
    pub fn into_image(self) -> DynamicImage {
        match self {
            Self::Opaque(pixels) => pixels.into(),
            Self::Transparent(pixels) => pixels.into(),
        }
    }

    /// Width and height.
    pub fn size(&self) -> (u32, u32) {
        match self {
            Self::Opaque(pixels) => pixels.dimensions(),
            Self::Transparent(pixels) => pixels.dimensions(),
        }
    }

    /// Covers a part of a pixel, from 0 to 1, with a colour.
    fn cover(&mut self, x: i64, y: i64, color: Rgb, coverage: f32) {
        let (width, height) = self.size();
        let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) else {
            return;
        };
        if x >= width || y >= height || coverage <= 0.0 {
            return;
        }
        let coverage = coverage.min(1.0);
        let mix =
            |old: u8, new: u8| (f32::from(old) + (f32::from(new) - f32::from(old)) * coverage).round() as u8;
        match self {
            Self::Opaque(pixels) => {
                for (old, new) in pixels.get_pixel_mut(x, y).0.iter_mut().zip(color) {
                    *old = mix(*old, new);
                }
            }
            Self::Transparent(pixels) => {
                let pixel = &mut pixels.get_pixel_mut(x, y).0;
                // Where nothing was, there is only the new colour.
                let share = if pixel[3] == 0 { 1.0 } else { coverage };
                for (old, new) in pixel.iter_mut().zip(color) {
                    *old = (f32::from(*old) + (f32::from(new) - f32::from(*old)) * share).round() as u8;
                }
                pixel[3] = mix(pixel[3], 255);
            }
        }
    }

    /// Fills a rectangle: the first column and row, and the first that are no longer in it.
    pub fn fill(&mut self, [left, top, right, bottom]: [i64; 4], color: Rgb, opacity: f32) {
        let (width, height) = self.size();
        for y in top.max(0)..bottom.min(i64::from(height)) {
            for x in left.max(0)..right.min(i64::from(width)) {
                self.cover(x, y, color, opacity);
            }
        }
    }

    /// A frame, its line within the box.
    pub fn frame(&mut self, [left, top, right, bottom]: [i64; 4], thickness: i64, color: Rgb) {
        // A box that is thinner than two lines is all line.
        let across = thickness.min((right - left + 1) / 2).max(1);
        let down = thickness.min((bottom - top + 1) / 2).max(1);
        self.fill([left, top, right, top + down], color, 1.0);
        self.fill([left, bottom - down, right, bottom], color, 1.0);
        self.fill([left, top + down, left + across, bottom - down], color, 1.0);
        self.fill([right - across, top + down, right, bottom - down], color, 1.0);
    }

    /// A line with round ends; from a point to itself, a dot.
    pub fn line(&mut self, from: (f32, f32), to: (f32, f32), thickness: f32, color: Rgb) {
        let radius = thickness / 2.0;
        let (width, height) = self.size();
        let (along_x, along_y) = (to.0 - from.0, to.1 - from.1);
        let length = along_x * along_x + along_y * along_y;
        // The part of the line that is at all near a row, so that a long line costs its length and not its box.
        let reach = radius + 1.0;
        let first = (from.1.min(to.1) - reach).floor().max(0.0) as i64;
        let last = (from.1.max(to.1) + reach).ceil().min(height as f32) as i64;
        for row in first..last {
            let y = row as f32 + 0.5;
            let near = |limit: f32| {
                if along_y == 0.0 { limit } else { ((y + limit - from.1) / along_y).clamp(0.0, 1.0) }
            };
            let (start, end) = if along_y == 0.0 { (0.0, 1.0) } else { (near(-reach), near(reach)) };
            let (start, end) = (from.0 + along_x * start, from.0 + along_x * end);
            let left = (start.min(end) - reach).floor().max(0.0) as i64;
            let right = (start.max(end) + reach).ceil().min(width as f32) as i64;
            for column in left..right {
                let x = column as f32 + 0.5;
                let (away_x, away_y) = (x - from.0, y - from.1);
                let place = if length == 0.0 {
                    0.0
                } else {
                    ((away_x * along_x + away_y * along_y) / length).clamp(0.0, 1.0)
                };
                let distance = (away_x - along_x * place).hypot(away_y - along_y * place);
                self.cover(column, row, color, radius + 0.5 - distance);
            }
        }
    }

    /// Mean brightness of a rectangle, from 0 to 255, from some of its pixels.
    pub fn brightness(&self, [left, top, right, bottom]: [i64; 4]) -> u32 {
        let (width, height) = self.size();
        let inside = |value: i64, limit: u32| u32::try_from(value.clamp(0, i64::from(limit))).unwrap_or(0);
        let (left, right) = (inside(left, width), inside(right, width));
        let (top, bottom) = (inside(top, height), inside(bottom, height));
        let step = |length: u32| usize::try_from(length / 64).unwrap_or(0).max(1);
        let (mut sum, mut count) = (0, 0);
        for y in (top..bottom).step_by(step(bottom.saturating_sub(top))) {
            for x in (left..right).step_by(step(right.saturating_sub(left))) {
                let [red, green, blue] = match self {
                    Self::Opaque(pixels) => pixels.get_pixel(x, y).0,
                    Self::Transparent(pixels) => {
                        let [red, green, blue, _] = pixels.get_pixel(x, y).0;
                        [red, green, blue]
                    }
                }
                .map(u32::from);
                sum += (red * 299 + green * 587 + blue * 114) / 1000;
                count += 1;
            }
        }
        sum.checked_div(count).unwrap_or(255)
    }
}

/// Lines of text, ready to be drawn.
pub struct Lines {
    font: Lettering,
    lines: Vec<String>,
    size: f32,
}

impl Lines {
    /// Breaks a text at its own line ends, and between words where a line would be wider than `width`.
    pub fn new(text: &str, size: f32, width: f32) -> Result<Self, Failure> {
        let font = Lettering::bold()?;
        let missing = font.missing(text);
        if !missing.is_empty() {
            let shown: String = missing.iter().take(10).collect();
            let message = format!(
                "the font has no letters for `{shown}`; it has Latin, Greek, Cyrillic and common signs"
            );
            return Err(Failure::invalid_input(message).code("unknown-characters"));
        }
        let mut lines = Vec::new();
        for own in text.lines() {
            let mut line = String::new();
            for word in own.split_whitespace() {
                let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
                if line.is_empty() || font.width(&longer, size) <= width {
                    line = longer;
                } else {
                    lines.push(std::mem::replace(&mut line, word.to_owned()));
                }
            }
            lines.push(line);
        }
        Ok(Self { font, lines, size })
    }

    /// Width and height of all lines.
    pub fn size(&self) -> (i64, i64) {
        let width = self.lines.iter().map(|line| self.font.width(line, self.size)).fold(0.0, f32::max);
        (width.ceil() as i64, (self.lines.len() as f32 * self.step()).ceil() as i64)
    }

    /// Draws them, their left upper corner at a place.
    pub fn draw(&self, canvas: &mut Canvas, (left, top): (i64, i64), color: Rgb) {
        let above = self.size * 0.95;
        for (index, line) in self.lines.iter().enumerate() {
            // Moved by whole pixels afterwards, so that far places are as exact as near ones.
            let down = (index as f32 * self.step() + above).round() as i64;
            self.font.draw(line, self.size, 0.0, 0.0, |x, y, coverage| {
                canvas.cover(left + i64::from(x), top + down + i64::from(y), color, coverage);
            });
        }
    }

    fn step(&self) -> f32 {
        self.size * 1.22
    }
}
