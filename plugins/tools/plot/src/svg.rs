//! A scene as SVG. Texts stay texts, so that they can be searched and read aloud.

use std::fmt::{self, Write as _};

use sport_lettering::Weight;

use crate::scene::{Anchor, Paint, Scene, Shape, Text};
use crate::style;

/// The text of an SVG file.
pub fn svg(scene: &Scene) -> Result<String, fmt::Error> {
    let Scene { width, height, .. } = scene;
    let mut out = String::new();
    writeln!(
        out,
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img" font-family="'DejaVu Sans', Verdana, Arial, sans-serif">"#
    )?;
    if !scene.title.is_empty() {
        writeln!(out, "<title>{}</title>", escaped(&scene.title))?;
    }
    writeln!(out, r#"<rect width="{width}" height="{height}" fill="{}"/>"#, style::BACKGROUND.css())?;
    let mut clips = 0;
    for shape in &scene.shapes {
        write(shape, &mut out, &mut clips)?;
    }
    out.push_str("</svg>\n");
    Ok(out)
}

fn write(shape: &Shape, out: &mut String, clips: &mut usize) -> fmt::Result {
    match shape {
        Shape::Block(area, paint) => writeln!(
            out,
            r#"<rect x="{}" y="{}" width="{}" height="{}"{}/>"#,
            short(area.left),
            short(area.top),
            short(area.width),
            short(area.height),
            fill(*paint)
        ),
        Shape::Line { points, width, paint } => {
            out.push_str("<path d=\"");
            for (index, (x, y)) in points.iter().enumerate() {
                write!(out, "{}{} {}", if index == 0 { 'M' } else { 'L' }, short(*x), short(*y))?;
            }
            let opacity = if paint.opacity < 1.0 {
                format!(r#" stroke-opacity="{}""#, paint.opacity)
            } else {
                String::new()
            };
            writeln!(
                out,
                r#"" fill="none" stroke="{}"{opacity} stroke-width="{}" stroke-linejoin="round" stroke-linecap="round"/>"#,
                paint.css(),
                short(*width)
            )
        }
        Shape::Dot { center, radius, paint } => writeln!(
            out,
            r#"<circle cx="{}" cy="{}" r="{}"{} stroke="{}" stroke-width="{}"/>"#,
            short(center.0),
            short(center.1),
            short(*radius),
            fill(*paint),
            style::BACKGROUND.css(),
            short(style::dot_edge(*radius))
        ),
        Shape::Slice { center: (x, y), radius, from, to, paint } => {
            let edge = |angle: f32| (short(x + radius * angle.sin()), short(y - radius * angle.cos()));
            // An arc from a point to itself is nothing: a whole pie is two halves.
            let middle = f32::midpoint(*from, *to);
            let ((x1, y1), (x2, y2), (x3, y3)) = (edge(*from), edge(middle), edge(*to));
            let (x, y, radius) = (short(*x), short(*y), short(*radius));
            let line = style::BACKGROUND.css();
            let fill = fill(*paint);
            writeln!(
                out,
                r#"<path d="M{x} {y}L{x1} {y1}A{radius} {radius} 0 0 1 {x2} {y2}A{radius} {radius} 0 0 1 {x3} {y3}Z"{fill} stroke="{line}" stroke-width="1.5" stroke-linejoin="round"/>"#
            )
        }
        Shape::Text(text) => write_text(text, out),
        Shape::Within(area, shapes) => {
            *clips += 1;
            let id = *clips;
            writeln!(
                out,
                r##"<clipPath id="c{id}"><rect x="{}" y="{}" width="{}" height="{}"/></clipPath><g clip-path="url(#c{id})">"##,
                short(area.left),
                short(area.top),
                short(area.width),
                short(area.height)
            )?;
            for shape in shapes {
                write(shape, out, clips)?;
            }
            out.push_str("</g>\n");
            Ok(())
        }
    }
}

fn write_text(text: &Text, out: &mut String) -> fmt::Result {
    let (x, y) = (short(text.x), short(text.y));
    write!(out, r#"<text x="{x}" y="{y}" font-size="{}"{}"#, short(text.size), fill(text.paint))?;
    match text.anchor {
        Anchor::Start => {}
        Anchor::Middle => out.push_str(r#" text-anchor="middle""#),
        Anchor::End => out.push_str(r#" text-anchor="end""#),
    }
    if text.weight == Weight::Bold {
        out.push_str(r#" font-weight="bold""#);
    }
    if text.degrees != 0.0 {
        write!(out, r#" transform="rotate({} {x} {y})""#, short(text.degrees))?;
    }
    writeln!(out, ">{}</text>", escaped(&text.text))
}

fn fill(paint: Paint) -> String {
    match paint.opacity {
        1.0 => format!(r#" fill="{}""#, paint.css()),
        opacity => format!(r#" fill="{}" fill-opacity="{}""#, paint.css(), short(opacity)),
    }
}

/// A number with two decimals at most.
fn short(value: f32) -> f32 {
    (value * 100.0).round() / 100.0
}

fn escaped(text: &str) -> String {
    let mut out = String::new();
    for sign in text.chars().filter(|sign| !sign.is_control() && !matches!(sign, '\u{fffe}' | '\u{ffff}')) {
        match sign {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            _ => out.push(sign),
        }
    }
    out
}
