//! A line cut out of a picture and laid flat.

use image::{Rgb, RgbImage};

use crate::slant::Slanted;

/// The pixels of a rectangle, turned upright. Beyond the picture its last pixels are repeated.
pub fn cut(picture: &RgbImage, area: &Slanted) -> RgbImage {
    let (width, height) = (area.width.round().max(1.0), area.height.round().max(1.0));
    let (along, down) = (area.along, area.down());
    RgbImage::from_fn(width as u32, height as u32, |x, y| {
        let (right, below) = (x as f32 + 0.5 - width / 2.0, y as f32 + 0.5 - height / 2.0);
        sample(
            picture,
            area.center[0] + right * along[0] + below * down[0] - 0.5,
            area.center[1] + right * along[1] + below * down[1] - 0.5,
        )
    })
}

/// The color at a place between pixels.
fn sample(picture: &RgbImage, x: f32, y: f32) -> Rgb<u8> {
    let x = x.clamp(0.0, picture.width() as f32 - 1.0);
    let y = y.clamp(0.0, picture.height() as f32 - 1.0);
    let (left, top) = (x as u32, y as u32);
    let (right, bottom) = ((left + 1).min(picture.width() - 1), (top + 1).min(picture.height() - 1));
    let (across, below) = (x - left as f32, y - top as f32);
    let at = |x, y| picture.get_pixel(x, y).0.map(f32::from);
    let corners = [at(left, top), at(right, top), at(left, bottom), at(right, bottom)];
    Rgb([0, 1, 2].map(|channel| {
        let [first, second, third, fourth] = corners.map(|corner: [f32; 3]| corner[channel]);
        let (upper, lower) = (first + (second - first) * across, third + (fourth - third) * across);
        (upper + (lower - upper) * below + 0.5) as u8
    }))
}
