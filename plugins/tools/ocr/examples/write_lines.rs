//! Writes the fifty lines of the tests as pictures, for `make bench BENCH=plugins`: `00.png` and so on, and `lines.json` with the texts.
//!
//! ```text
//! cargo run -p sport-ocr --example write_lines -- FOLDER
//! ```

#[path = "../tests/support/mod.rs"]
mod support;

use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from).ok_or("usage: write_lines FOLDER")?;
    std::fs::create_dir_all(&folder)?;
    let fonts = support::fonts();
    for (index, text) in support::LINES.iter().enumerate() {
        let picture = support::line(&fonts[index % fonts.len()].1, text, support::line_size(index));
        picture.save(folder.join(format!("{index:02}.png")))?;
    }
    std::fs::write(folder.join("lines.json"), serde_json::to_string_pretty(&support::LINES[..])?)?;
    Ok(())
}
