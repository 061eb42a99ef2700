//! Mean and dominant colour.
//!
//! The mean is over the stored sRGB values, pixels weighted by how opaque they are. The dominant colour is the name that
//! most pixels have (each is named for itself, so half red and half blue is never purple); a tie goes to the name that
//! stands first in [`ColorName`].

use image::{DynamicImage, GenericImageView, ImageBuffer, Pixel};
use schemars::JsonSchema;
use serde::Serialize;
use sport_sdk::Failure;

use crate::region::Region;

/// The colours of a box.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Statistics {
    /// Mean of red, 0 to 255.
    pub red: u8,
    /// Mean of green, 0 to 255.
    pub green: u8,
    /// Mean of blue, 0 to 255.
    pub blue: u8,
    /// Name of the color that most pixels have.
    pub name: ColorName,
}

/// The colours that have names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it all")]
pub enum ColorName {
    Black,
    Gray,
    White,
    Red,
    Orange,
    Brown,
    Yellow,
    Green,
    Cyan,
    Blue,
    Purple,
    Pink,
}

impl ColorName {
    const ALL: [Self; 12] = [
        Self::Black,
        Self::Gray,
        Self::White,
        Self::Red,
        Self::Orange,
        Self::Brown,
        Self::Yellow,
        Self::Green,
        Self::Cyan,
        Self::Blue,
        Self::Purple,
        Self::Pink,
    ];

    /// The name of one colour, by brightness first, then by how far it is from gray, then by hue.
    pub fn of([red, green, blue]: [u8; 3]) -> Self {
        let (r, g, b) = (i32::from(red), i32::from(green), i32::from(blue));
        let brightest = r.max(g).max(b);
        let chroma = brightest - r.min(g).min(b);
        if brightest < 40 {
            return Self::Black;
        }
        // Nearer to gray than a sixth of its brightness.
        if chroma * 6 < brightest {
            return match brightest {
                0..=69 => Self::Black,
                70..=209 => Self::Gray,
                _ => Self::White,
            };
        }
        // Hue in degrees; chroma is not 0 here.
        let hue = if brightest == r {
            (60 * (g - b) / chroma + 360) % 360
        } else if brightest == g {
            60 * (b - r) / chroma + 120
        } else {
            60 * (r - g) / chroma + 240
        };
        let pale = chroma * 2 < brightest;
        let dark = brightest < 150;
        match hue {
            0..=14 | 345..=359 if pale && !dark => Self::Pink,
            0..=14 | 345..=359 => Self::Red,
            15..=44 if pale || dark => Self::Brown,
            15..=44 => Self::Orange,
            45..=69 if dark => Self::Green,
            45..=69 => Self::Yellow,
            70..=164 => Self::Green,
            165..=194 => Self::Cyan,
            195..=259 => Self::Blue,
            260..=299 => Self::Purple,
            _ if dark => Self::Purple,
            _ => Self::Pink,
        }
    }
}

/// Sums over pixels.
#[derive(Default)]
struct Sums {
    channels: [u64; 3],
    weight: u64,
    names: [u64; ColorName::ALL.len()],
}

impl Sums {
    fn add(&mut self, color: [u8; 3], opacity: u8) {
        let weight = u64::from(opacity);
        for (sum, value) in self.channels.iter_mut().zip(color) {
            *sum += u64::from(value) * weight;
        }
        self.weight += weight;
        self.names[ColorName::of(color) as usize] += weight;
    }
}

/// Mean and dominant colour of a box.
pub fn statistics(image: &DynamicImage, region: Region) -> Result<Statistics, Failure> {
    let mut sums = Sums::default();
    match image {
        // The usual kinds without a copy.
        DynamicImage::ImageRgb8(pixels) => each(pixels, region, |pixel| sums.add(pixel.0, u8::MAX)),
        DynamicImage::ImageLuma8(pixels) => each(pixels, region, |pixel| sums.add([pixel.0[0]; 3], u8::MAX)),
        other => {
            for row in region.top..region.top + region.height {
                for column in region.left..region.left + region.width {
                    let [red, green, blue, opacity] = other.get_pixel(column, row).0;
                    sums.add([red, green, blue], opacity);
                }
            }
        }
    }
    if sums.weight == 0 {
        return Err(
            Failure::invalid_input("every pixel there is transparent, so there is no color").code("no-color")
        );
    }
    let mean = |sum: u64| u8::try_from((sum + sums.weight / 2) / sums.weight).unwrap_or(u8::MAX);
    let mut dominant = 0;
    for (index, count) in sums.names.iter().enumerate() {
        if *count > sums.names[dominant] {
            dominant = index;
        }
    }
    let [red, green, blue] = sums.channels.map(mean);
    Ok(Statistics { red, green, blue, name: ColorName::ALL[dominant] })
}

fn each<P: Pixel<Subpixel = u8>>(
    pixels: &ImageBuffer<P, Vec<u8>>,
    region: Region,
    mut visit: impl FnMut(&P),
) {
    for row in pixels.rows().skip(region.top as usize).take(region.height as usize) {
        row.skip(region.left as usize).take(region.width as usize).for_each(&mut visit);
    }
}
