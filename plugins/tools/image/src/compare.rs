//! How two pictures differ, pixel by pixel and as a person sees them.
//!
//! The likeness is the mean structural similarity (SSIM) of brightness over windows of 8 by 8, both pictures reduced to
//! 512 pixels at most: 1 for equal ones, near 0 for pictures that have nothing in common.

use image::{DynamicImage, GrayImage, Luma, RgbImage};
use schemars::JsonSchema;
use serde::Serialize;
use sport_picture as picture;
use sport_sdk::{Artifact, Failure};

/// The longer side of what the likeness is taken from.
const COMPARED_SIDE: u32 = 512;
/// A window's side.
const WINDOW: u32 = 8;

/// How two pictures differ.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Comparison {
    /// Same size and the same color in every pixel.
    pub identical: bool,
    /// Same width and height.
    pub same_size: bool,
    /// How alike they look, from 0 to 1; pictures of unequal size are scaled for this.
    pub similarity: f64,
    /// How many pixels differ, if the size is the same.
    pub different_pixels: Option<u64>,
    /// The same as a share of all pixels, from 0 to 1.
    pub different_share: Option<f64>,
    /// Mean difference of a channel, 0 to 255.
    pub mean_difference: Option<f64>,
    /// The box around all pixels that differ: [left, top, right, bottom].
    pub r#box: Option<[u32; 4]>,
    /// An image that is white where they are equal, and the darker the more they differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difference: Option<Artifact>,
}

/// Compares two pictures. Channels that differ by `tolerance` or less are taken as equal.
pub fn compare(
    (first, first_file): (DynamicImage, &Artifact),
    second: DynamicImage,
    tolerance: u8,
    save: bool,
) -> Result<Comparison, Failure> {
    let same_size = (first.width(), first.height()) == (second.width(), second.height());
    if save && !same_size {
        let message = format!(
            "images of {} times {} and {} times {} pixels have no difference that could be drawn; resize one of them first",
            first.width(),
            first.height(),
            second.width(),
            second.height()
        );
        return Err(Failure::invalid_input(message).code("different-sizes"));
    }
    let similarity = similarity(&first, &second);
    if !same_size {
        return Ok(Comparison {
            identical: false,
            same_size,
            similarity,
            different_pixels: None,
            different_share: None,
            mean_difference: None,
            r#box: None,
            difference: None,
        });
    }
    let (width, height) = (first.width(), first.height());
    // Transparency counts only where one of the two has some.
    let alpha = first.color().has_alpha() || second.color().has_alpha();
    let channels = if alpha { 4 } else { 3 };
    let (first, second) = if alpha {
        (first.into_rgba8().into_raw(), second.into_rgba8().into_raw())
    } else {
        (first.into_rgb8().into_raw(), second.into_rgb8().into_raw())
    };
    let mut image = save.then(|| GrayImage::from_pixel(width, height, Luma([255])));
    let (mut different, mut total, mut exact) = (0_u64, 0_u64, true);
    let mut area: Option<[u32; 4]> = None;
    let pixels = first.chunks_exact(channels).zip(second.chunks_exact(channels));
    for (index, (left, right)) in (0_u32..).zip(pixels) {
        let mut most = 0;
        for (left, right) in left.iter().zip(right) {
            let difference = left.abs_diff(*right);
            most = most.max(difference);
            total += u64::from(difference);
        }
        exact &= most == 0;
        if most <= tolerance {
            continue;
        }
        different += 1;
        let (x, y) = (index % width, index / width);
        area = Some(match area {
            None => [x, y, x + 1, y + 1],
            Some([left, top, right, bottom]) => {
                [left.min(x), top.min(y), right.max(x + 1), bottom.max(y + 1)]
            }
        });
        if let Some(image) = &mut image {
            // Even the least difference is to be seen.
            image.put_pixel(x, y, Luma([(200 - u16::from(most) * 200 / 255) as u8]));
        }
    }
    let count = u64::from(width) * u64::from(height);
    let difference = match image {
        Some(image) => {
            let name = format!("{}-difference.png", picture::stem(first_file));
            Some(picture::save(&image.into(), &name)?)
        }
        None => None,
    };
    Ok(Comparison {
        identical: exact,
        same_size,
        similarity: if exact { 1.0 } else { similarity },
        different_pixels: Some(different),
        different_share: Some(different as f64 / count as f64),
        mean_difference: Some(total as f64 / (count * channels as u64) as f64),
        r#box: area,
        difference,
    })
}

fn similarity(first: &DynamicImage, second: &DynamicImage) -> f64 {
    let longer = first.width().max(first.height()).max(1);
    let scale = f64::from(COMPARED_SIDE.min(longer)) / f64::from(longer);
    let side = |length: u32| ((f64::from(length) * scale).round() as u32).max(1);
    let (width, height) = (side(first.width()), side(first.height()));
    let gray = |image: &DynamicImage| -> GrayImage {
        let small = if (image.width(), image.height()) == (width, height) {
            image.to_rgba8()
        } else {
            image.thumbnail_exact(width, height).into_rgba8()
        };
        // On white, as it would be seen.
        let flat = RgbImage::from_fn(width, height, |x, y| {
            let [red, green, blue, opacity] = small.get_pixel(x, y).0.map(u16::from);
            image::Rgb(
                [red, green, blue].map(|value| ((value * opacity + 255 * (255 - opacity)) / 255) as u8),
            )
        });
        DynamicImage::from(flat).into_luma8()
    };
    structural(&gray(first), &gray(second))
}

/// Mean SSIM over windows, which lie half over each other.
fn structural(first: &GrayImage, second: &GrayImage) -> f64 {
    let (width, height) = first.dimensions();
    let (across, down) = (WINDOW.min(width), WINDOW.min(height));
    let (mut sum, mut count) = (0.0, 0.0);
    for top in (0..=height - down).step_by((down / 2).max(1) as usize) {
        for left in (0..=width - across).step_by((across / 2).max(1) as usize) {
            sum += window(first, second, [left, top, across, down]);
            count += 1.0;
        }
    }
    (sum / count).clamp(0.0, 1.0)
}

fn window(first: &GrayImage, second: &GrayImage, [left, top, across, down]: [u32; 4]) -> f64 {
    // The constants of the paper, for values up to 255.
    const STABLE_MEAN: f64 = 6.5025;
    const STABLE_SPREAD: f64 = 58.5225;
    let (mut a, mut b, mut aa, mut bb, mut ab) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for y in top..top + down {
        for x in left..left + across {
            let (one, other) =
                (f64::from(first.get_pixel(x, y).0[0]), f64::from(second.get_pixel(x, y).0[0]));
            a += one;
            b += other;
            aa += one * one;
            bb += other * other;
            ab += one * other;
        }
    }
    let count = f64::from(across * down);
    let (a, b) = (a / count, b / count);
    let (spread_a, spread_b, together) = (aa / count - a * a, bb / count - b * b, ab / count - a * b);
    ((2.0 * a * b + STABLE_MEAN) * (2.0 * together + STABLE_SPREAD))
        / ((a * a + b * b + STABLE_MEAN) * (spread_a + spread_b + STABLE_SPREAD))
}
