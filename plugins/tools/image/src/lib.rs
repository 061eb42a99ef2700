//! Pictures as tools: what a picture is, what colour a part of it has, parts, other sizes and other formats of it, marks on
//! it, and how it differs from another.
//!
//! # Layout
//!
//! * `region`: the box `[left, top, right, bottom]` that several tools take;
//! * `color`: mean and dominant colour;
//! * `scale`: other sizes, within a bound on memory;
//! * `annotate`: boxes, points, arrows and texts; `canvas`: how they are drawn; `paint`: colours that a caller names;
//! * `convert`: other file formats; `compare`: how two pictures differ.
//!
//! The shared crate `picture` reads and writes the files, within bounds. Pictures that say how they were held are turned first,
//! so sizes and boxes are those that a person sees.

mod annotate;
mod canvas;
mod color;
mod compare;
mod convert;
mod paint;
mod region;
mod scale;

pub use annotate::Mark;
pub use color::{ColorName, Statistics};
pub use compare::Comparison;
pub use sport_picture::{Format, Info};

/// The tools. `box` is the word that agent code uses, whatever Rust thinks of it.
#[sport_sdk::tools]
pub mod tools {
    use sport_picture::{self as picture, Format, Info};
    use sport_sdk::{Artifact, Failure};

    use crate::annotate::{self, Mark};
    use crate::color::{self, Statistics};
    use crate::compare::{self, Comparison};
    use crate::convert;
    use crate::region::Region;
    use crate::scale;

    /// Tells the width and height of an image in pixels, its file format and its number of channels.
    #[tool(read_only, idempotent, deterministic)]
    pub fn image_info(
        /// File name of the image.
        image: Artifact,
    ) -> Result<Info, Failure> {
        picture::info(&image)
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
        let pixels = picture::pixels(&image)?;
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
        let pixels = picture::pixels(&image)?;
        let region = Region::new(Some(r#box), &pixels)?;
        let name = format!("{}-crop-{region}.png", picture::stem(&image));
        picture::save(&region.cut(&pixels), &name)
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
        let pixels = picture::pixels(&image)?;
        let (width, height) = scale::size(width, height, &pixels)?;
        let name = format!("{}-{width}x{height}.png", picture::stem(&image));
        picture::save(&scale::resize(pixels, width, height), &name)
    }

    /// Draws the frame of a box onto an image and returns it as a new PNG file.
    #[tool(read_only, idempotent, deterministic)]
    pub fn draw_box(
        /// File name of the image.
        image: Artifact,
        /// [left, top, right, bottom] in pixels.
        r#box: [i64; 4],
        /// Color, for example "red" or "#e6194b"; red if left out.
        color: Option<String>,
        /// Thickness of the line in pixels; fits the image if left out.
        thickness: Option<u32>,
    ) -> Result<Artifact, Failure> {
        let pixels = picture::pixels(&image)?;
        let drawn = annotate::frame(pixels, r#box, color.as_deref(), thickness)?;
        picture::save(&drawn, &format!("{}-box.png", picture::stem(&image)))
    }

    /// Writes a text onto an image and returns it as a new PNG file. Long lines are broken at the edge of the image.
    #[tool(read_only, idempotent, deterministic)]
    pub fn add_text(
        /// File name of the image.
        image: Artifact,
        /// The text.
        text: String,
        /// [x, y] in pixels: where its left upper corner is.
        at: [i64; 2],
        /// Size of the letters in pixels; fits the image if left out.
        size: Option<u32>,
        /// Color, for example "white" or "#ffffff"; black or white, whichever can be read there, if left out.
        color: Option<String>,
        /// Color of a box behind the text; none if left out.
        background: Option<String>,
    ) -> Result<Artifact, Failure> {
        let pixels = picture::pixels(&image)?;
        let drawn = annotate::text(pixels, &text, at, size, color.as_deref(), background.as_deref())?;
        picture::save(&drawn, &format!("{}-text.png", picture::stem(&image)))
    }

    /// Draws several marks with labels onto an image, boxes, points and arrows, and returns it as a new PNG file.
    #[tool(read_only, idempotent, deterministic)]
    pub fn annotate_image(
        /// File name of the image.
        image: Artifact,
        /// The marks, each with one of `box`, `point` and `arrow`.
        marks: Vec<Mark>,
    ) -> Result<Artifact, Failure> {
        let pixels = picture::pixels(&image)?;
        picture::save(&annotate::marks(pixels, &marks)?, &format!("{}-annotated.png", picture::stem(&image)))
    }

    /// Writes an image to a new file of another format, in color or in gray. In jpeg, which has no transparency, what can be
    /// seen through becomes white.
    #[tool(read_only, idempotent, deterministic)]
    pub fn convert_image(
        /// File name of the image.
        image: Artifact,
        /// Format of the new file.
        to: Format,
        /// Quality of a jpeg, 1 to 100; 90 if left out.
        quality: Option<u8>,
        /// Without color.
        gray: Option<bool>,
    ) -> Result<Artifact, Failure> {
        let pixels = picture::pixels(&image)?;
        convert::convert(pixels, &image, to, quality, gray.unwrap_or(false))
    }

    /// Compares two images: whether they are identical, how alike they look, how many pixels differ and where.
    #[tool(read_only, idempotent, deterministic)]
    pub fn compare_images(
        /// File name of one image.
        image: Artifact,
        /// File name of the other.
        other: Artifact,
        /// Differences of a channel up to this, 0 to 255, do not count; 0 if left out.
        tolerance: Option<u8>,
        /// Also draws where they differ, into a new PNG file.
        save: Option<bool>,
    ) -> Result<Comparison, Failure> {
        let first = picture::pixels(&image)?;
        let second = picture::pixels(&other)?;
        compare::compare((first, &image), second, tolerance.unwrap_or(0), save.unwrap_or(false))
    }
}
