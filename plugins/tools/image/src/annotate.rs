//! Boxes, points, arrows and texts on a picture.

use image::DynamicImage;
use schemars::JsonSchema;
use serde::Deserialize;
use sport_sdk::Failure;

use crate::canvas::{Canvas, Lines};
use crate::paint::{self, Rgb};
use crate::region::Region;

/// Most marks of one call: more hide the picture.
const MOST_MARKS: usize = 200;
/// Longest text.
const TEXT_CHARS: usize = 1_000;
/// Sizes of letters, in pixels.
const TEXT_SIZES: std::ops::RangeInclusive<u32> = 6..=1_000;

/// One mark: a box, a point or an arrow, and what is written beside it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mark {
    /// [left, top, right, bottom] in pixels: a frame is drawn.
    #[serde(default)]
    pub r#box: Option<[i64; 4]>,
    /// [x, y] in pixels: a dot is drawn.
    #[serde(default)]
    pub point: Option<[i64; 2]>,
    /// [from x, from y, to x, to y] in pixels: an arrow is drawn.
    #[serde(default)]
    pub arrow: Option<[i64; 4]>,
    /// What is written beside it.
    #[serde(default)]
    pub label: Option<String>,
    /// Its color, for example "red" or "#e6194b"; another one for each mark if left out.
    #[serde(default)]
    pub color: Option<String>,
}

/// Sizes that fit a picture.
struct Sizes {
    line: f32,
    text: f32,
}

impl Sizes {
    fn of(image: &DynamicImage) -> Self {
        let side = image.width().max(image.height()) as f32;
        Self { line: (side / 300.0).clamp(2.0, 24.0), text: (side / 45.0).clamp(12.0, 160.0) }
    }
}

/// Draws a frame.
pub fn frame(
    image: DynamicImage,
    asked: [i64; 4],
    color: Option<&str>,
    thickness: Option<u32>,
) -> Result<DynamicImage, Failure> {
    let color = color.map_or(Ok(paint::MARKS[0]), paint::parse)?;
    let area = edges(Region::new(Some(asked), &image)?);
    let usual = Sizes::of(&image).line.round() as i64;
    let thickness = thickness.map_or(Ok(usual), |thickness| {
        let fits = (1..=500).contains(&thickness);
        let message = format!("a line cannot be {thickness} pixels thick: from 1 to 500");
        if fits { Ok(i64::from(thickness)) } else { Err(Failure::invalid_input(message).code("bad-size")) }
    })?;
    let mut canvas = Canvas::new(image);
    canvas.frame(area, thickness, color);
    Ok(canvas.into_image())
}

/// Writes a text, its left upper corner at a place.
pub fn text(
    image: DynamicImage,
    text: &str,
    [x, y]: [i64; 2],
    size: Option<u32>,
    color: Option<&str>,
    background: Option<&str>,
) -> Result<DynamicImage, Failure> {
    let (width, height) = (i64::from(image.width()), i64::from(image.height()));
    if !(0..width).contains(&x) || !(0..height).contains(&y) {
        let message = format!(
            "the text would begin at [{x}, {y}], outside the image, which is {width} pixels wide and {height} high"
        );
        return Err(Failure::invalid_input(message).code("place-outside-image"));
    }
    let size = match size {
        None => Sizes::of(&image).text,
        Some(size) if TEXT_SIZES.contains(&size) => size as f32,
        Some(size) => {
            let message = format!(
                "letters cannot be {size} pixels high: from {} to {}",
                TEXT_SIZES.start(),
                TEXT_SIZES.end()
            );
            return Err(Failure::invalid_input(message).code("bad-size"));
        }
    };
    let background = background.map(paint::parse).transpose()?;
    let color = color.map(paint::parse).transpose()?;
    let lines = lines(text, size, (width - x) as f32)?;
    let mut canvas = Canvas::new(image);
    let (wide, high) = lines.size();
    let pad = (size * 0.3) as i64;
    let area = [x, y, x + wide + pad * 2, y + high + pad];
    let color = match (color, background) {
        (Some(color), _) => color,
        (None, Some(background)) => paint::on(background),
        // What can be read on what is there.
        (None, None) if canvas.brightness(area) > 128 => paint::BLACK,
        (None, None) => paint::WHITE,
    };
    let mut corner = (x, y);
    if let Some(background) = background {
        canvas.fill(area, background, 1.0);
        corner = (x + pad, y + pad / 2);
    }
    lines.draw(&mut canvas, corner, color);
    Ok(canvas.into_image())
}

fn lines(text: &str, size: f32, width: f32) -> Result<Lines, Failure> {
    if text.trim().is_empty() {
        return Err(Failure::invalid_input("the text is empty").code("empty-text"));
    }
    if text.chars().count() > TEXT_CHARS {
        let message = format!("the text has more than {TEXT_CHARS} characters; write less onto the image");
        return Err(Failure::invalid_input(message).code("text-too-long"));
    }
    Lines::new(text, size, width)
}

/// Draws marks: first all shapes, then all labels, so that these can be read.
pub fn marks(image: DynamicImage, marks: &[Mark]) -> Result<DynamicImage, Failure> {
    if marks.is_empty() || marks.len() > MOST_MARKS {
        let message = format!("annotate_image takes from 1 to {MOST_MARKS} marks, not {}", marks.len());
        return Err(Failure::invalid_input(message).code("bad-marks"));
    }
    let sizes = Sizes::of(&image);
    let mut shapes = Vec::new();
    for (index, mark) in marks.iter().enumerate() {
        let usual = paint::MARKS[index % paint::MARKS.len()];
        let color = mark.color.as_deref().map_or(Ok(usual), paint::parse)?;
        shapes.push((shape(mark, index, &image)?, color));
    }
    let mut canvas = Canvas::new(image);
    for (shape, color) in &shapes {
        shape.draw(&mut canvas, &sizes, *color);
    }
    for (mark, (shape, color)) in marks.iter().zip(&shapes) {
        if let Some(text) = mark.label.as_deref().filter(|text| !text.trim().is_empty()) {
            label(&mut canvas, text, shape, &sizes, *color)?;
        }
    }
    Ok(canvas.into_image())
}

enum Shape {
    Frame([i64; 4]),
    Dot([i64; 2]),
    Arrow([i64; 4]),
}

fn shape(mark: &Mark, index: usize, image: &DynamicImage) -> Result<Shape, Failure> {
    let (width, height) = (i64::from(image.width()), i64::from(image.height()));
    let inside = |x: i64, y: i64| {
        if (0..width).contains(&x) && (0..height).contains(&y) {
            return Ok(());
        }
        let message = format!(
            "mark {}: [{x}, {y}] is outside the image, which is {width} pixels wide and {height} high",
            index + 1
        );
        Err(Failure::invalid_input(message).code("place-outside-image"))
    };
    match (mark.r#box, mark.point, mark.arrow) {
        (Some(asked), None, None) => Ok(Shape::Frame(edges(Region::new(Some(asked), image)?))),
        (None, Some([x, y]), None) => inside(x, y).map(|()| Shape::Dot([x, y])),
        (None, None, Some(arrow)) => {
            inside(arrow[0], arrow[1])?;
            inside(arrow[2], arrow[3])?;
            Ok(Shape::Arrow(arrow))
        }
        _ => {
            let message = format!("mark {} needs exactly one of `box`, `point` and `arrow`", index + 1);
            Err(Failure::invalid_input(message).code("bad-marks"))
        }
    }
}

impl Shape {
    fn draw(&self, canvas: &mut Canvas, sizes: &Sizes, color: Rgb) {
        let center = |x: i64, y: i64| (x as f32 + 0.5, y as f32 + 0.5);
        match *self {
            Self::Frame(area) => canvas.frame(area, sizes.line.round() as i64, color),
            Self::Dot([x, y]) => {
                let (place, dot) = (center(x, y), sizes.line * 4.0);
                canvas.line(place, place, dot + sizes.line, paint::on(color));
                canvas.line(place, place, dot, color);
            }
            Self::Arrow([from_x, from_y, to_x, to_y]) => {
                let (from, to) = (center(from_x, from_y), center(to_x, to_y));
                canvas.line(from, to, sizes.line, color);
                let length = (to.0 - from.0).hypot(to.1 - from.1).max(1.0);
                let head = (sizes.line * 6.0).min(length);
                let (back_x, back_y) = ((from.0 - to.0) / length * head, (from.1 - to.1) / length * head);
                for turn in [0.45_f32, -0.45] {
                    let (sin, cos) = turn.sin_cos();
                    let end = (to.0 + back_x * cos - back_y * sin, to.1 + back_x * sin + back_y * cos);
                    canvas.line(to, end, sizes.line, color);
                }
            }
        }
    }
}

/// A label on its own ground: above a box where there is room, else inside; beside a point and the start of an arrow.
fn label(canvas: &mut Canvas, text: &str, shape: &Shape, sizes: &Sizes, color: Rgb) -> Result<(), Failure> {
    let (width, height) = canvas.size();
    let (width, height) = (i64::from(width), i64::from(height));
    let lines = lines(text, sizes.text, width as f32 * 0.8)?;
    let pad = (sizes.text * 0.25) as i64;
    let (wide, high) = lines.size();
    let (wide, high) = (wide + pad * 2, high + pad / 2);
    let (left, top) = match *shape {
        Shape::Frame([left, top, _, _]) => (left, if top >= high { top - high } else { top }),
        Shape::Dot([x, y]) => (x + sizes.line as i64 * 3, y - high / 2),
        Shape::Arrow([x, y, to_x, _]) => (if to_x > x { x - wide } else { x }, y - high / 2),
    };
    let left = left.min(width - wide).max(0);
    let top = top.min(height - high).max(0);
    canvas.fill([left, top, left + wide, top + high], color, 1.0);
    lines.draw(canvas, (left + pad, top), paint::on(color));
    Ok(())
}

fn edges(region: Region) -> [i64; 4] {
    let Region { left, top, width, height } = region;
    [i64::from(left), i64::from(top), i64::from(left) + i64::from(width), i64::from(top) + i64::from(height)]
}
