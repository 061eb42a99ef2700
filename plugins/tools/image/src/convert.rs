//! Other file formats.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::{ColorType, DynamicImage, ImageFormat};
use sport_picture::{self as picture, Format};
use sport_sdk::{Artifact, Failure};

/// Most pixels of a GIF: choosing its 256 colours takes seconds for more.
const GIF_PIXELS: u64 = 6_000_000;
/// Longest side that WebP can say.
const WEBP_SIDE: u32 = 16_383;

/// Writes a picture in a format.
pub fn convert(
    mut image: DynamicImage,
    from: &Artifact,
    to: Format,
    quality: Option<u8>,
    gray: bool,
) -> Result<Artifact, Failure> {
    if quality.is_some_and(|quality| !(1..=100).contains(&quality)) {
        return Err(Failure::invalid_input("the quality is from 1 to 100").code("bad-quality"));
    }
    if quality.is_some() && to != Format::Jpeg {
        let message = "only jpeg has a quality; the other formats keep every pixel as it is";
        return Err(Failure::invalid_input(message).code("bad-quality"));
    }
    if gray {
        image = image.grayscale();
    }
    let (width, height) = (image.width(), image.height());
    if to == Format::Gif && u64::from(width) * u64::from(height) > GIF_PIXELS {
        let message = format!(
            "{width} times {height} pixels are too many for a gif; resize the image first, or use png"
        );
        return Err(Failure::exhausted(message).code("image-too-large"));
    }
    if to == Format::Webp && width.max(height) > WEBP_SIDE {
        let message =
            format!("a webp has at most {WEBP_SIDE} pixels a side; resize the image first, or use png");
        return Err(Failure::exhausted(message).code("image-too-large"));
    }
    let (format, media_type, ending) = match to {
        Format::Bmp => (ImageFormat::Bmp, "image/bmp", "bmp"),
        Format::Gif => (ImageFormat::Gif, "image/gif", "gif"),
        Format::Jpeg => (ImageFormat::Jpeg, "image/jpeg", "jpg"),
        Format::Png => (ImageFormat::Png, "image/png", "png"),
        Format::Tiff => (ImageFormat::Tiff, "image/tiff", "tiff"),
        Format::Webp => (ImageFormat::WebP, "image/webp", "webp"),
    };
    let name = format!("{}.{ending}", picture::stem(from));
    let image = fitting(image, to);
    let mut encoded = Cursor::new(Vec::new());
    let written = match to {
        Format::Jpeg => {
            image.write_with_encoder(JpegEncoder::new_with_quality(&mut encoded, quality.unwrap_or(90)))
        }
        _ => image.write_to(&mut encoded, format),
    };
    written.map_err(|error| Failure::internal(format!("cannot write {name}: {error}")))?;
    Artifact::create(&encoded.into_inner(), media_type, Some(&name))
}

/// The picture with the kind of pixels that the format can hold.
fn fitting(image: DynamicImage, to: Format) -> DynamicImage {
    let color = image.color();
    let gray = !color.has_color();
    match to {
        // No transparency: what can be seen through is white, as on paper.
        Format::Jpeg if color.has_alpha() => {
            let flat = picture::flat(image);
            if gray { DynamicImage::from(flat).to_luma8().into() } else { flat.into() }
        }
        Format::Jpeg if gray => image.into_luma8().into(),
        Format::Jpeg => image.into_rgb8().into(),
        Format::Webp | Format::Gif if color.has_alpha() => image.into_rgba8().into(),
        Format::Webp | Format::Gif => image.into_rgb8().into(),
        Format::Bmp if color.has_alpha() => image.into_rgba8().into(),
        Format::Bmp if gray => image.into_luma8().into(),
        Format::Bmp => image.into_rgb8().into(),
        Format::Png if matches!(color, ColorType::Rgb32F) => image.into_rgb8().into(),
        Format::Png if matches!(color, ColorType::Rgba32F) => image.into_rgba8().into(),
        // Gray with transparency is the one that TIFF's writer does not know.
        Format::Tiff if gray && color.has_alpha() => image.into_rgba8().into(),
        Format::Png | Format::Tiff => image,
    }
}
