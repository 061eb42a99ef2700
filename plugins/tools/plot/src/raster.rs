//! A scene as pixels.

use sport_lettering::{Lettering, Segment, Weight};
use sport_sdk::Failure;
use tiny_skia::{Color, FillRule, LineCap, LineJoin, Mask, Path, PathBuilder, Pixmap, Stroke, Transform};

use crate::scene::{Anchor, Paint, Rect, Scene, Shape, Text};
use crate::style;

/// A PNG file.
pub fn png(scene: &Scene) -> Result<Vec<u8>, Failure> {
    let mut canvas = Canvas {
        pixels: Pixmap::new(scene.width, scene.height)
            .ok_or_else(|| Failure::internal("a picture has no pixels"))?,
        regular: Lettering::regular()?,
        bold: Lettering::bold()?,
    };
    canvas.pixels.fill(color(style::BACKGROUND));
    for shape in &scene.shapes {
        canvas.draw(shape, None);
    }
    canvas.pixels.encode_png().map_err(|error| Failure::internal(format!("cannot write the chart: {error}")))
}

struct Canvas {
    pixels: Pixmap,
    regular: Lettering,
    bold: Lettering,
}

impl Canvas {
    fn draw(&mut self, shape: &Shape, mask: Option<&Mask>) {
        match shape {
            Shape::Block(area, paint) => {
                if let Some(area) = rect(*area) {
                    self.pixels.fill_rect(area, &ink(*paint), Transform::identity(), mask);
                }
            }
            Shape::Line { points, width, paint } => {
                let mut path = PathBuilder::new();
                for (index, (x, y)) in points.iter().enumerate() {
                    if index == 0 {
                        path.move_to(*x, *y);
                    } else {
                        path.line_to(*x, *y);
                    }
                }
                self.stroke(path.finish(), *width, *paint, mask);
            }
            Shape::Dot { center: (x, y), radius, paint } => {
                let path = PathBuilder::from_circle(*x, *y, *radius);
                self.fill(path.clone(), *paint, mask);
                self.stroke(path, style::dot_edge(*radius), style::BACKGROUND, mask);
            }
            Shape::Slice { center, radius, from, to, paint } => {
                let path = slice(*center, *radius, *from, *to);
                self.fill(path.clone(), *paint, mask);
                self.stroke(path, 1.5, style::BACKGROUND, mask);
            }
            Shape::Text(text) => self.text(text, mask),
            Shape::Within(area, shapes) => {
                let mut mask = Mask::new(self.pixels.width(), self.pixels.height());
                if let (Some(mask), Some(area)) = (&mut mask, rect(*area)) {
                    mask.fill_path(
                        &PathBuilder::from_rect(area),
                        FillRule::Winding,
                        true,
                        Transform::identity(),
                    );
                }
                for shape in shapes {
                    self.draw(shape, mask.as_ref());
                }
            }
        }
    }

    fn fill(&mut self, path: Option<Path>, paint: Paint, mask: Option<&Mask>) {
        if let Some(path) = path {
            self.pixels.fill_path(&path, &ink(paint), FillRule::Winding, Transform::identity(), mask);
        }
    }

    fn stroke(&mut self, path: Option<Path>, width: f32, paint: Paint, mask: Option<&Mask>) {
        if let Some(path) = path {
            let stroke =
                Stroke { width, line_join: LineJoin::Round, line_cap: LineCap::Round, ..Stroke::default() };
            self.pixels.stroke_path(&path, &ink(paint), &stroke, Transform::identity(), mask);
        }
    }

    fn text(&mut self, text: &Text, mask: Option<&Mask>) {
        let font = match text.weight {
            Weight::Regular => &self.regular,
            Weight::Bold => &self.bold,
        };
        let offset = match text.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => font.width(&text.text, text.size) / -2.0,
            Anchor::End => -font.width(&text.text, text.size),
        };
        let mut path = PathBuilder::new();
        for segment in font.outline(&text.text, text.size) {
            match segment {
                Segment::Move(x, y) => path.move_to(x, y),
                Segment::Line(x, y) => path.line_to(x, y),
                Segment::Curve(control_x, control_y, x, y) => path.quad_to(control_x, control_y, x, y),
            }
        }
        if let Some(path) = path.finish() {
            let place = Transform::from_rotate_at(text.degrees, text.x, text.y)
                .pre_translate(text.x + offset, text.y);
            self.pixels.fill_path(&path, &ink(text.paint), FillRule::Winding, place, mask);
        }
    }
}

/// A slice as lines so short that nobody sees them.
fn slice((x, y): (f32, f32), radius: f32, from: f32, to: f32) -> Option<Path> {
    let mut path = PathBuilder::new();
    path.move_to(x, y);
    let steps = ((to - from) * radius / 2.0).ceil().clamp(2.0, 2_000.0);
    for step in 0..=steps as u32 {
        let angle = from + (to - from) * step as f32 / steps;
        path.line_to(x + radius * angle.sin(), y - radius * angle.cos());
    }
    path.close();
    path.finish()
}

fn rect(area: Rect) -> Option<tiny_skia::Rect> {
    tiny_skia::Rect::from_xywh(area.left, area.top, area.width, area.height)
}

fn color(paint: Paint) -> Color {
    let [red, green, blue] = paint.rgb;
    let mut color = Color::from_rgba8(red, green, blue, u8::MAX);
    color.set_alpha(paint.opacity.clamp(0.0, 1.0));
    color
}

fn ink(paint: Paint) -> tiny_skia::Paint<'static> {
    let mut ink = tiny_skia::Paint { anti_alias: true, ..tiny_skia::Paint::default() };
    ink.set_color(color(paint));
    ink
}
