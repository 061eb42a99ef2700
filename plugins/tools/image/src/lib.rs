//! Pictures as tools: what a picture is, what colour a part of it has, parts and other sizes of it.
//!
//! # Layout
//!
//! * `load`: from a file in the store to pixels, with limits against files that unpack to far more than they weigh;
//! * `region`: the box `[left, top, right, bottom]` that several tools take;
//! * `color`: mean and dominant colour;
//! * `scale`: other sizes, within a bound on memory.
//!
//! Pictures that say how they were held are turned first, so sizes and boxes are those that a person sees.

mod color;
mod load;
mod region;
mod scale;

pub use color::{ColorName, Statistics};
pub use load::{Format, Info};

/// The tools. `box` is the word that agent code uses, whatever Rust thinks of it.
#[sport_sdk::tools]
pub mod tools {
    use sport_sdk::{Artifact, Failure};

    use crate::color::{self, Statistics};
    use crate::load::{self, Info};
    use crate::region::Region;
    use crate::scale;

    /// Tells the width and height of an image in pixels, its file format and its number of channels.
    #[tool(read_only, idempotent, deterministic)]
    pub fn image_info(
        /// File name of the image.
        image: Artifact,
    ) -> Result<Info, Failure> {
        load::info(&image)
    }

    /// Tells the mean color of an image, or of a box in it: red, green and blue from 0 to 255, and the name of the
    /// color that most pixels have.
    #[tool(read_only, idempotent, deterministic)]
    pub fn mean_color(
        /// File name of the image.
        image: Artifact,
        /// [left, top, right, bottom] in pixels; the whole image if left out.
        r#box: Option<[i64; 4]>,
    ) -> Result<Statistics, Failure> {
        let pixels = load::pixels(&image)?;
        let region = Region::new(r#box, &pixels)?;
        color::statistics(&pixels, region)
    }

    /// Cuts a box out of an image and returns it as a new PNG file.
    #[tool(read_only, idempotent, deterministic)]
    pub fn crop_image(
        /// File name of the image.
        image: Artifact,
        /// [left, top, right, bottom] in pixels.
        r#box: [i64; 4],
    ) -> Result<Artifact, Failure> {
        let pixels = load::pixels(&image)?;
        let region = Region::new(Some(r#box), &pixels)?;
        let name = format!("{}-crop-{region}.png", load::stem(&image));
        load::save(&region.cut(&pixels), &name)
    }

    /// Scales an image to the given width and height and returns it as a new PNG file. With only one of the two, the
    /// other follows from the image's own proportions.
    #[tool(read_only, idempotent, deterministic)]
    pub fn resize_image(
        /// File name of the image.
        image: Artifact,
        /// New width in pixels.
        width: Option<i64>,
        /// New height in pixels.
        height: Option<i64>,
    ) -> Result<Artifact, Failure> {
        let pixels = load::pixels(&image)?;
        let (width, height) = scale::size(width, height, &pixels)?;
        let name = format!("{}-{width}x{height}.png", load::stem(&image));
        load::save(&scale::resize(pixels, width, height), &name)
    }
}
