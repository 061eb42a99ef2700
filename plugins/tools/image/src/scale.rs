//! Other sizes, within a bound on memory.
//!
//! The smooth filter works on floating-point rows of the old width and the new height, 16 bytes a pixel: for a photograph
//! of 24 megapixels that is half a gigabyte. So what gets smaller is averaged first, which needs no such rows, and the
//! filter only ever sees a picture that is no larger than the new one.

use image::imageops::FilterType;
use image::{DynamicImage, GenericImageView};
use sport_sdk::Failure;

/// The longest side of a new picture.
const LONGEST_SIDE: i64 = 4096;

/// The new size: as asked for, or following from the image's proportions.
pub fn size(width: Option<i64>, height: Option<i64>, image: &DynamicImage) -> Result<(u32, u32), Failure> {
    let (old_width, old_height) = image.dimensions();
    let follow = |given: i64, from: u32, to: u32| {
        let (from, to) = (i64::from(from), i64::from(to));
        given.saturating_mul(to).saturating_add(from / 2) / from
    };
    let (width, height) = match (width, height) {
        (Some(width), Some(height)) => (width, height),
        (Some(width), None) => (width, follow(width, old_width, old_height).max(1)),
        (None, Some(height)) => (follow(height, old_height, old_width).max(1), height),
        (None, None) => {
            let message = "resize_image needs a width, a height or both";
            return Err(Failure::invalid_input(message).code("missing-argument"));
        }
    };
    match (checked(width), checked(height)) {
        (Some(width), Some(height)) => Ok((width, height)),
        _ => {
            let message = format!(
                "an image cannot be made {width} pixels wide and {height} high: each must be from 1 to {LONGEST_SIDE}"
            );
            Err(Failure::invalid_input(message).code("bad-size"))
        }
    }
}

fn checked(side: i64) -> Option<u32> {
    (1..=LONGEST_SIDE).contains(&side).then(|| u32::try_from(side).ok()).flatten()
}

/// The picture in its new size.
pub fn resize(mut image: DynamicImage, width: u32, height: u32) -> DynamicImage {
    let (old_width, old_height) = image.dimensions();
    let (first_width, first_height) = (width.min(old_width), height.min(old_height));
    if (first_width, first_height) != (old_width, old_height) {
        // The old pixels go before the filter takes its memory.
        image = image.thumbnail_exact(first_width, first_height);
    }
    if (first_width, first_height) != (width, height) {
        image = image.resize_exact(width, height, FilterType::Triangle);
    }
    image
}
