//! Where the lines are.
//!
//! PP-OCRv4's detector (DB) says of each pixel how likely it belongs to the inner part of a line, so that lines close to each
//! other stay apart. Each connected part of that map is put into the smallest rectangle, which is then grown to the whole line.

use image::{Rgb, RgbImage, imageops};
use rten_tensor::prelude::*;
use rten_tensor::{NdTensor, NdTensorView};
use sport_sdk::Failure;

use crate::blobs::{self, Blob};
use crate::models::{DETECT_STEP, Models};
use crate::slant::Slanted;

/// A smaller picture is enlarged until its shorter side is this: the network was trained on such, and small letters need it.
const SHORT_SIDE: f32 = 736.0;
/// A larger picture is reduced until it has so many pixels, as time and memory grow with them: a sheet of A4 is then seen at
/// 110 dots per inch.
const MOST_PIXELS: f32 = 1_200_000.0;
/// The longer side of strips, which are widened to 32 pixels.
const LONG_SIDE: f32 = 4096.0;
/// Not more than this, as there is nothing to be seen in what was enlarged more.
const MOST_ENLARGED: f32 = 3.0;
/// From here on a pixel belongs to a line.
const PIXEL: f32 = 0.3;
/// From here on, as the mean of connected pixels, they are one.
const LINE: f32 = 0.6;
/// How much the inner part is grown: this much of its area, spread along its outline.
const GROWTH: f32 = 1.6;
/// Shorter sides than this many pixels of the map are specks.
const SPECK: f32 = 3.0;
/// Mean and spread of blue, green and red in what the network was trained on.
const MEAN: [f32; 3] = [0.485, 0.456, 0.406];
const SPREAD: [f32; 3] = [0.229, 0.224, 0.225];

/// The lines of a picture, in no order that means anything.
pub fn lines(models: &Models, picture: &RgbImage) -> Result<Vec<Slanted>, Failure> {
    let (width, height) = (picture.width() as f32, picture.height() as f32);
    let enlarged = (SHORT_SIDE / width.min(height)).clamp(1.0, MOST_ENLARGED);
    let fitting = (MOST_PIXELS / (width * height)).sqrt().min(LONG_SIDE / width.max(height));
    let factor = enlarged.min(fitting);
    let seen = scaled(picture, factor);
    let map = models.detect(&input(&seen))?;
    Ok(boxes(map.slice((0, 0))).into_iter().map(|found| found.scaled(1.0 / factor)).collect())
}

fn scaled(picture: &RgbImage, factor: f32) -> RgbImage {
    let side = |side: u32| ((side as f32 * factor).round() as u32).max(1);
    let (width, height) = (side(picture.width()), side(picture.height()));
    if factor < 1.0 {
        imageops::thumbnail(picture, width, height)
    } else {
        imageops::resize(picture, width, height, imageops::FilterType::Triangle)
    }
}

/// What the network takes. Its sides are multiples of 32; the last pixels are repeated there, so that no edge is seen.
fn input(seen: &RgbImage) -> NdTensor<f32, 4> {
    let whole = |side: u32| (side as usize).next_multiple_of(DETECT_STEP);
    NdTensor::from_fn([1, 3, whole(seen.height()), whole(seen.width())], |[_, channel, y, x]| {
        let (x, y) = ((x as u32).min(seen.width() - 1), (y as u32).min(seen.height() - 1));
        let Rgb(colors) = seen.get_pixel(x, y);
        (f32::from(colors[2 - channel]) / 255.0 - MEAN[channel]) / SPREAD[channel]
    })
}

/// The lines in a map, in its pixels.
fn boxes(map: NdTensorView<f32, 2>) -> Vec<Slanted> {
    let inside: Vec<bool> = map.iter().map(|value| *value > PIXEL).collect();
    let mut boxes = Vec::new();
    for blob in blobs::blobs(&inside, map.size(1)) {
        let Some(inner) = Slanted::around(&mut blob.corners()) else {
            continue;
        };
        let distance = inner.area() * GROWTH / (2.0 * (inner.width + inner.height));
        let short = inner.width.min(inner.height);
        if short >= SPECK && mean(&map, &blob) >= LINE {
            boxes.push(inner.grown(distance));
        }
    }
    boxes
}

/// The mean of a map over a blob: of its rectangle, a line on a curved page fills only a part.
fn mean(map: &NdTensorView<f32, 2>, blob: &Blob) -> f32 {
    let (mut sum, mut count) = (0.0, 0.0);
    for [row, start, end] in &blob.runs {
        for column in *start..*end {
            sum += map[[*row as usize, column as usize]];
            count += 1.0;
        }
    }
    if count > 0.0 { sum / count } else { 0.0 }
}
