//! The box `[left, top, right, bottom]`: right and bottom are the first column and row that are no longer in it.

use std::fmt;

use image::{DynamicImage, GenericImageView};
use sport_sdk::Failure;

/// A box that lies within its image and holds at least one pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// First column.
    pub left: u32,
    /// First row.
    pub top: u32,
    /// Number of columns.
    pub width: u32,
    /// Number of rows.
    pub height: u32,
}

impl Region {
    /// The box as asked for, or the whole image.
    pub fn new(asked: Option<[i64; 4]>, image: &DynamicImage) -> Result<Self, Failure> {
        let (width, height) = image.dimensions();
        let Some(asked) = asked else {
            return Ok(Self { left: 0, top: 0, width, height });
        };
        let [left, top, right, bottom] = asked;
        if left >= right || top >= bottom {
            let message = format!(
                "the box {asked:?} is empty: it is [left, top, right, bottom], left less than right and top less than \
                 bottom"
            );
            return Err(Failure::invalid_input(message).code("empty-box"));
        }
        if left < 0 || top < 0 || right > i64::from(width) || bottom > i64::from(height) {
            let message = format!(
                "the box {asked:?} reaches outside the image, which is {width} pixels wide and {height} high: it must \
                 lie within [0, 0, {width}, {height}]"
            );
            return Err(Failure::invalid_input(message).code("box-outside-image"));
        }
        let number = |value: i64| u32::try_from(value).map_err(Failure::from);
        Ok(Self {
            left: number(left)?,
            top: number(top)?,
            width: number(right - left)?,
            height: number(bottom - top)?,
        })
    }

    /// The pixels in it.
    pub fn cut(self, image: &DynamicImage) -> DynamicImage {
        image.crop_imm(self.left, self.top, self.width, self.height)
    }
}

/// For file names: `10-20-110-220`.
impl fmt::Display for Region {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { left, top, width, height } = self;
        write!(formatter, "{left}-{top}-{}-{}", left + width, top + height)
    }
}
