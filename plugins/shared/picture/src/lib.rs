//! Pictures: from a file in the store to pixels, and back.
//!
//! A small file can unpack to gigabytes, so the size is read and refused before a pixel is. The numbers let a
//! 24-megapixel photograph pass within about 500 MB: 72 MB of pixels, the same again while it is turned upright, and a
//! decoder's own buffers.

use std::io::Cursor;

use image::metadata::Orientation;
use image::{ColorType, DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, Rgb, RgbImage};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sport_sdk::{Artifact, ArtifactReader, Failure, FailureKind};

/// The most pixels of a picture: a 40-megapixel camera's.
const MOST_PIXELS: u64 = 42_000_000;
/// The longest side, for panoramas.
const LONGEST_SIDE: u32 = 30_000;
/// What a decoder may allocate, pixels included.
const DECODER_BYTES: u64 = 256 << 20;

/// What a picture is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Info {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// File format.
    pub format: Format,
    /// Channels of a pixel: 1 for gray, 3 for color, one more with transparency.
    pub channels: u8,
}

/// The file formats that can be read and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it all")]
pub enum Format {
    Bmp,
    Gif,
    Jpeg,
    Png,
    Tiff,
    Webp,
}

/// Reads what a picture is, from the head of its file.
pub fn info(artifact: &Artifact) -> Result<Info, Failure> {
    let (mut decoder, format) = open(artifact)?;
    let (mut width, mut height) = decoder.dimensions();
    if sideways(orientation(&mut decoder)) {
        (width, height) = (height, width);
    }
    Ok(Info { width, height, format, channels: decoder.color_type().channel_count() })
}

/// Decodes a picture and turns it upright.
pub fn pixels(artifact: &Artifact) -> Result<DynamicImage, Failure> {
    let (mut decoder, _) = open(artifact)?;
    let orientation = orientation(&mut decoder);
    let mut pixels = DynamicImage::from_decoder(decoder).map_err(|error| unreadable(artifact, &error))?;
    pixels.apply_orientation(orientation);
    Ok(pixels)
}

/// The picture without transparency: what can be seen through is white, as on paper.
pub fn flat(image: DynamicImage) -> RgbImage {
    if !image.color().has_alpha() {
        return image.into_rgb8();
    }
    let pixels = image.into_rgba8();
    RgbImage::from_fn(pixels.width(), pixels.height(), |x, y| {
        let [red, green, blue, opacity] = pixels.get_pixel(x, y).0;
        let over = |value: u8| {
            let (value, opacity) = (u16::from(value), u16::from(opacity));
            u8::try_from((value * opacity + 255 * (255 - opacity) + 127) / 255).unwrap_or(u8::MAX)
        };
        Rgb([over(red), over(green), over(blue)])
    })
}

/// Puts pixels into the store as PNG, which keeps every value as it is.
pub fn save(pixels: &DynamicImage, name: &str) -> Result<Artifact, Failure> {
    let mut encoded = Cursor::new(Vec::new());
    let written = match pixels.color() {
        ColorType::Rgb32F => DynamicImage::from(pixels.to_rgb8()).write_to(&mut encoded, ImageFormat::Png),
        ColorType::Rgba32F => DynamicImage::from(pixels.to_rgba8()).write_to(&mut encoded, ImageFormat::Png),
        _ => pixels.write_to(&mut encoded, ImageFormat::Png),
    };
    written.map_err(|error| Failure::internal(format!("cannot write {name}: {error}")))?;
    Artifact::create(&encoded.into_inner(), "image/png", Some(name))
}

/// The picture's name without folder and ending, for the names of what is made of it.
pub fn stem(artifact: &Artifact) -> &str {
    let name = artifact.name.as_deref().unwrap_or("image");
    let name = name.rsplit('/').next().unwrap_or(name);
    match name.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => name,
    }
}

fn open(artifact: &Artifact) -> Result<(impl ImageDecoder + '_, Format), Failure> {
    let reader: ImageReader<ArtifactReader<'_>> =
        ImageReader::new(artifact.reader()).with_guessed_format().map_err(|error| {
            Failure::new(FailureKind::Unavailable, format!("cannot read {}: {error}", artifact.label()))
        })?;
    let format = match reader.format() {
        Some(ImageFormat::Bmp) => Format::Bmp,
        Some(ImageFormat::Gif) => Format::Gif,
        Some(ImageFormat::Jpeg) => Format::Jpeg,
        Some(ImageFormat::Png) => Format::Png,
        Some(ImageFormat::Tiff) => Format::Tiff,
        Some(ImageFormat::WebP) => Format::Webp,
        _ => {
            let message = format!(
                "{} is not an image; png, jpeg, gif, webp, tiff and bmp can be read",
                artifact.label()
            );
            return Err(Failure::invalid_input(message).code("not-an-image"));
        }
    };
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(DECODER_BYTES);
    limits.max_image_width = Some(LONGEST_SIDE);
    limits.max_image_height = Some(LONGEST_SIDE);
    let mut reader = reader;
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(|error| unreadable(artifact, &error))?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MOST_PIXELS || decoder.total_bytes() > DECODER_BYTES {
        let message = format!(
            "{} has {width} times {height} pixels, which is too large; at most {} million pixels are read",
            artifact.label(),
            MOST_PIXELS / 1_000_000
        );
        return Err(Failure::exhausted(message).code("image-too-large"));
    }
    Ok((decoder, format))
}

/// How the picture was held; a file that says so wrongly says nothing.
fn orientation(decoder: &mut impl ImageDecoder) -> Orientation {
    decoder.orientation().unwrap_or(Orientation::NoTransforms)
}

fn sideways(orientation: Orientation) -> bool {
    matches!(
        orientation,
        Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH
    )
}

fn unreadable(artifact: &Artifact, error: &image::ImageError) -> Failure {
    match error {
        image::ImageError::Limits(_) => {
            let message = format!("{} is too large an image: {error}", artifact.label());
            Failure::exhausted(message).code("image-too-large")
        }
        _ => {
            let message = format!("{} cannot be read as an image: {error}", artifact.label());
            Failure::invalid_input(message).code("bad-image")
        }
    }
}
