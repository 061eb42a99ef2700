//! Reading what is written in a picture, by PP-OCRv4's networks.
//!
//! # Layout
//!
//! * `models`: the two networks, loaded once from what the operator granted;
//! * `detect`: where lines are; `blobs`: connected pixels; `slant`: rectangles that may be turned;
//! * `cut`: a line cut out and laid flat; `recognise`: what it says;
//! * `order`: in which order lines are read; `page`: all of that for a picture.
//!
//! The shared crate `picture` reads the files, within bounds.

mod blobs;
mod cut;
mod detect;
mod models;
mod order;
mod page;
mod recognise;
mod slant;

pub use page::{Line, Page, Single};

/// The tools.
#[sport_sdk::tools]
pub mod ocr {
    use sport_sdk::{Artifact, Failure};

    use crate::models;
    use crate::page::{self, Page, Single};

    /// Reads all text in an image, a page or a photograph: each line with its box and how sure its reading is, in the order in
    /// which a person reads them, and the text of all.
    #[tool(read_only, idempotent, deterministic)]
    pub fn read_text(
        /// File name of the image.
        image: Artifact,
    ) -> Result<Page, Failure> {
        page::read(&image)
    }

    /// Reads an image that is one line of text and nothing else, for example a part that was cut out of a larger image.
    #[tool(read_only, idempotent, deterministic)]
    pub fn read_line(
        /// File name of the image.
        image: Artifact,
    ) -> Result<Single, Failure> {
        page::line(&image)
    }

    /// Loads the models that the operator granted, once.
    #[warm]
    pub fn load(artifacts: Vec<Artifact>) -> Result<(), Failure> {
        models::load(&artifacts)
    }
}
