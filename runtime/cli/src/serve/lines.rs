//! Lines from the client, each of a bounded length.

use std::io::{self, BufRead};

/// What came.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// A line without its end.
    Bytes(Vec<u8>),
    /// One that was too long; it was skipped to its end.
    TooLong,
    /// Nothing more will come.
    End,
}

/// Reads the next line of at most `most` bytes.
pub fn next(input: &mut impl BufRead, most: usize) -> io::Result<Line> {
    let mut line = Vec::new();
    let mut too_long = false;
    loop {
        let there = input.fill_buf()?;
        if there.is_empty() {
            // A last line without an end is cut off in the middle, perhaps: it is not a message.
            return Ok(Line::End);
        }
        let (part, ended) = match there.iter().position(|byte| *byte == b'\n') {
            Some(end) => (&there[..end], true),
            None => (there, false),
        };
        if line.len() + part.len() > most {
            too_long = true;
            line = Vec::new();
        }
        if !too_long {
            line.extend_from_slice(part);
        }
        let used = part.len() + usize::from(ended);
        input.consume(used);
        if ended {
            return Ok(if too_long { Line::TooLong } else { Line::Bytes(line) });
        }
    }
}
