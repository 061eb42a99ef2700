//! From a picture to its text.

use image::RgbImage;
use schemars::JsonSchema;
use serde::Serialize;
use sport_sdk::{Artifact, Failure};

use crate::models::Models;
use crate::recognise::{self, Reading};
use crate::slant::Slanted;
use crate::{cut, detect, order};

/// How wide all lines of a picture may be to the recogniser together: each column costs the same time, 0.7 ms in the sandbox on a
/// slow machine, and a call has 20 s of cpu time in which the lines must be found too.
const MOST_COLUMNS: u32 = 22_000;
/// Lines whose reading is less sure are patterns that look like letters.
const SURE: f32 = 0.5;
/// A line that is so many times as high as it is wide is read from top to bottom.
const UPENDED: f32 = 1.5;

/// What is written in a picture.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Page {
    /// All lines; those that stand beside each other are on one line, with a space between them.
    pub text: String,
    /// The lines in the order of reading.
    pub lines: Vec<Line>,
    /// There are more lines than one call can read; crop the image to read the others.
    pub truncated: bool,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Line {
    /// Its text.
    pub text: String,
    /// How sure the reading is, from 0 to 1.
    pub confidence: f64,
    /// The box around it: [left, top, right, bottom] in pixels.
    pub r#box: [u32; 4],
}

/// The text of a picture that is one line.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Single {
    /// The text; empty if there is none.
    pub text: String,
    /// How sure the reading is, from 0 to 1.
    pub confidence: f64,
}

/// Finds and reads the lines of a picture.
pub fn read(file: &Artifact) -> Result<Page, Failure> {
    let models = Models::loaded()?;
    let picture = sport_picture::flat(sport_picture::pixels(file)?);
    let found = detect::lines(models, &picture)?;
    let mut columns = 0;
    let mut truncated = false;
    let mut page = Page { text: String::new(), lines: Vec::new(), truncated: false };
    for row in order::rows(&found) {
        let mut texts = Vec::new();
        for area in row.into_iter().map(|index| found[index]) {
            columns += recognise::width(area.width, area.height);
            if columns > MOST_COLUMNS {
                truncated = true;
                continue;
            }
            let reading = lying(models, &picture, area)?;
            if !reading.text.is_empty() && reading.confidence >= SURE {
                let r#box = area.upright([picture.width(), picture.height()]);
                texts.push(reading.text.clone());
                page.lines.push(Line { text: reading.text, confidence: rounded(reading.confidence), r#box });
            }
        }
        if !texts.is_empty() {
            if !page.text.is_empty() {
                page.text.push('\n');
            }
            page.text.push_str(&texts.join(" "));
        }
    }
    page.truncated = truncated;
    Ok(page)
}

/// Reads a picture that is one line.
pub fn line(file: &Artifact) -> Result<Single, Failure> {
    let models = Models::loaded()?;
    let picture = sport_picture::flat(sport_picture::pixels(file)?);
    let Reading { text, confidence } = recognise::read(models, &picture)?;
    Ok(Single { text, confidence: rounded(confidence) })
}

/// Reads what is in a rectangle. One that stands on end may be a line that does, or a single letter: what is surer counts.
fn lying(models: &Models, picture: &RgbImage, area: Slanted) -> Result<Reading, Failure> {
    let reading = recognise::read(models, &cut::cut(picture, &area))?;
    if area.height < UPENDED * area.width {
        return Ok(reading);
    }
    let upended = recognise::read(models, &cut::cut(picture, &area.upended()))?;
    Ok(if upended.confidence > reading.confidence { upended } else { reading })
}

/// Three digits: more would say more than is known.
fn rounded(confidence: f32) -> f64 {
    (f64::from(confidence) * 1000.0).round() / 1000.0
}
