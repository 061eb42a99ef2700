//! What a caller may say about how a chart looks.

use schemars::JsonSchema;
use serde::Deserialize;
use sport_lettering::Lettering;
use sport_sdk::{Artifact, Failure};

use crate::frame::Words;
use crate::scene::{Scene, Shape};
use crate::{raster, svg};

/// Sides of a picture, in pixels. The largest one is 64 MB while it is drawn.
const SIDES: std::ops::RangeInclusive<u32> = 200..=4_000;
/// Longest text that is written anywhere.
const TEXT_CHARS: usize = 300;

/// The formats that a chart can have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it all")]
pub enum Format {
    #[default]
    Png,
    Svg,
}

/// Where the axes begin and end, and whether they are logarithmic.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Axes {
    /// Where the x axis begins.
    pub x_min: Option<f64>,
    /// Where the x axis ends.
    pub x_max: Option<f64>,
    /// Where the y axis begins.
    pub y_min: Option<f64>,
    /// Where the y axis ends.
    pub y_max: Option<f64>,
    /// Each step on the x axis is ten times the last.
    pub x_log: Option<bool>,
    /// Each step on the y axis is ten times the last.
    pub y_log: Option<bool>,
}

/// How a chart looks.
#[derive(Clone, Debug)]
pub struct Look {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Which kind of file it becomes.
    pub format: Format,
    /// What is written around the data.
    pub words: Words,
}

impl Look {
    /// From the arguments.
    pub fn new(
        words: Words,
        width: Option<u32>,
        height: Option<u32>,
        format: Option<Format>,
    ) -> Result<Self, Failure> {
        let (width, height) = (width.unwrap_or(960), height.unwrap_or(600));
        if !SIDES.contains(&width) || !SIDES.contains(&height) {
            let message = format!(
                "a chart cannot be {width} pixels wide and {height} high: each must be from {} to {}",
                SIDES.start(),
                SIDES.end()
            );
            return Err(Failure::invalid_input(message).code("bad-size"));
        }
        let cut = |text: Option<String>| text.map(|text| text.chars().take(TEXT_CHARS).collect());
        let words =
            Words { title: cut(words.title), x_label: cut(words.x_label), y_label: cut(words.y_label) };
        Ok(Self { width, height, format: format.unwrap_or_default(), words })
    }

    /// The words, with names of columns where nothing was said.
    pub fn words_or(&self, x: Option<&str>, y: Option<&str>) -> Words {
        let mut words = self.words.clone();
        words.x_label = words.x_label.or_else(|| x.map(str::to_owned));
        words.y_label = words.y_label.or_else(|| y.map(str::to_owned));
        words
    }

    /// The chart as a file.
    pub fn save(&self, scene: &Scene, kind: &str) -> Result<Artifact, Failure> {
        let name = file_name(self.words.title.as_deref(), kind);
        match self.format {
            Format::Png => {
                readable(scene)?;
                Artifact::create(&raster::png(scene)?, "image/png", Some(&format!("{name}.png")))
            }
            Format::Svg => {
                Artifact::create(svg::svg(scene)?.as_bytes(), "image/svg+xml", Some(&format!("{name}.svg")))
            }
        }
    }
}

/// Fails if there are letters that the font does not have: boxes in their place would say nothing.
fn readable(scene: &Scene) -> Result<(), Failure> {
    let font = Lettering::regular()?;
    let texts = scene.shapes.iter().filter_map(|shape| match shape {
        Shape::Text(text) => Some(text.text.as_str()),
        _ => None,
    });
    let missing = font.missing(&texts.collect::<String>());
    if missing.is_empty() {
        return Ok(());
    }
    let shown: String = missing.iter().take(10).collect();
    let message = format!(
        "the font has no letters for `{shown}`, it has Latin, Greek, Cyrillic and common signs; ask for the format svg, \
         which is shown in the fonts of whoever opens it"
    );
    Err(Failure::invalid_input(message).code("unknown-characters"))
}

/// The title as a file name, else the kind of chart.
fn file_name(title: Option<&str>, kind: &str) -> String {
    let title: String = title
        .unwrap_or_default()
        .chars()
        .map(|sign| if sign.is_ascii_alphanumeric() { sign.to_ascii_lowercase() } else { '-' })
        .collect();
    let parts: Vec<&str> = title.split('-').filter(|part| !part.is_empty()).collect();
    let name: String = parts.join("-").chars().take(60).collect();
    if name.is_empty() { kind.to_owned() } else { name }
}
