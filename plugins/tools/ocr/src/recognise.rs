//! What a line says.
//!
//! PP-OCRv4's recogniser (SVTR) looks at a line of 48 pixels' height and says for every eighth column which character stands
//! there, if any. Equal neighbours are one character (CTC); the most likely one is taken everywhere.

use image::{Rgb, RgbImage, imageops};
use rten_tensor::prelude::*;
use rten_tensor::{NdTensor, NdTensorView};
use sport_sdk::Failure;

use crate::models::{LINE_HEIGHT, Models};

/// The narrowest that the network is shown: it was trained on wider ones, and sees little in a single letter by itself.
const NARROWEST: u32 = 96;
/// The widest: some four hundred letters. A wider line is pressed together.
const WIDEST: u32 = 4_096;
/// Widths are multiples of this, as the network looks at so many columns at once.
const STEP: u32 = 8;

/// A text and how sure it is, from 0 to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// The text.
    pub text: String,
    /// The mean over its characters of how likely each is.
    pub confidence: f32,
}

/// How wide a line of this size is to the network: what its reading costs.
pub fn width(width: f32, height: f32) -> u32 {
    ((width / height.max(1.0) * LINE_HEIGHT as f32).ceil() as u32).clamp(STEP, WIDEST)
}

/// Reads one line, which fills the picture.
pub fn read(models: &Models, line: &RgbImage) -> Result<Reading, Failure> {
    let inked = width(line.width() as f32, line.height() as f32);
    let line = imageops::resize(line, inked, LINE_HEIGHT as u32, imageops::FilterType::Triangle);
    let whole = inked.next_multiple_of(STEP).max(NARROWEST);
    let input = NdTensor::from_fn([1, 3, LINE_HEIGHT, whole as usize], |[_, channel, y, x]| {
        // Beyond the line nothing is shown, which is what the network was trained on.
        if x as u32 >= inked {
            return 0.0;
        }
        let Rgb(colors) = line.get_pixel(x as u32, y as u32);
        f32::from(colors[2 - channel]) / 127.5 - 1.0
    });
    let classes = models.recognise(&input)?;
    Ok(decode(models, classes.slice(0)))
}

fn decode(models: &Models, classes: NdTensorView<f32, 2>) -> Reading {
    let mut text = String::new();
    let (mut sum, mut count) = (0.0, 0.0);
    let mut last = 0;
    for column in 0..classes.size(0) {
        let (mut best, mut likely) = (0, f32::NEG_INFINITY);
        for (class, value) in classes.slice(column).iter().enumerate() {
            if *value > likely {
                (best, likely) = (class, *value);
            }
        }
        if best != 0 && best != last {
            text.push_str(models.letter(best));
            sum += likely;
            count += 1.0;
        }
        last = best;
    }
    let confidence = if count > 0.0 { (sum / count).clamp(0.0, 1.0) } else { 0.0 };
    Reading { text: ordinary(text.trim()), confidence }
}

/// The network was trained on much Chinese and also writes commas and full stops as wide as a Chinese character; in a line without
/// any such character the ordinary ones are meant.
fn ordinary(text: &str) -> String {
    if text.chars().any(|sign| matches!(sign, '\u{2e80}'..='\u{9fff}' | '\u{f900}'..='\u{faff}')) {
        return text.to_owned();
    }
    let narrow = |sign: char| match sign {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(sign) - 0xfee0).unwrap_or(sign),
        _ => sign,
    };
    text.chars().map(narrow).collect()
}
