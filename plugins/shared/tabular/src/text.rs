//! Text files: their encoding, and CSV with whatever stands between its values.
//!
//! A file is read twice: first for what each column is and how wide the widest row is, then for its values. That costs
//! less than keeping every value as a text until its column is known.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};
use sport_sdk::Failure;

use crate::cell::Kind;
use crate::infer::{self, Decimals, Guess};
use crate::open::{Format, Opened, ReadOptions, Source};
use crate::table::{Table, short, too_large};
use crate::{Cell, limits};

/// A text and how it was found out.
pub(crate) struct Decoded {
    pub text: String,
    pub encoding: &'static Encoding,
    pub damaged: bool,
}

/// The text of a file.
pub(crate) fn decode(bytes: Vec<u8>, label: &str, asked: Option<&str>) -> Result<Decoded, Failure> {
    let encoding = match asked {
        Some(name) => Encoding::for_label(name.as_bytes()).ok_or_else(|| {
            let message = format!(
                "there is no encoding `{}`; utf-8, windows-1252, utf-16le and shift_jis are some that are known",
                short(name)
            );
            Failure::invalid_input(message).code("unknown-encoding")
        })?,
        None => guess(&bytes),
    };
    let bytes = match (encoding == UTF_8, bytes.starts_with(b"\xef\xbb\xbf")) {
        (true, false) => match String::from_utf8(bytes) {
            Ok(text) => return whole(Decoded { text, encoding, damaged: false }, label),
            Err(error) => error.into_bytes(),
        },
        _ => bytes,
    };
    let (text, encoding, damaged) = encoding.decode(&bytes);
    whole(Decoded { text: text.into_owned(), encoding, damaged }, label)
}

/// No text has a NUL in it, but nearly every binary file has.
fn whole(decoded: Decoded, label: &str) -> Result<Decoded, Failure> {
    if decoded.text.contains('\0') {
        let message = format!("{label} is a binary file, not a table; CSV, JSON and XLSX can be read");
        return Err(Failure::invalid_input(message).code("not-a-table"));
    }
    Ok(decoded)
}

fn guess(bytes: &[u8]) -> &'static Encoding {
    if let Some((encoding, _)) = Encoding::for_bom(bytes) {
        return encoding;
    }
    if std::str::from_utf8(bytes).is_ok() && !bytes.contains(&0) {
        return UTF_8;
    }
    // Without a mark in front, UTF-16 shows by the zeros of its ASCII.
    let sample = &bytes[..bytes.len().min(limits::GUESSED_BYTES) & !1];
    let zeros = |offset: usize| sample.iter().skip(offset).step_by(2).filter(|byte| **byte == 0).count() * 4;
    match (zeros(0) > sample.len() / 2, zeros(1) > sample.len() / 2) {
        (false, true) => return UTF_16LE,
        (true, false) => return UTF_16BE,
        _ => {}
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(&bytes[..bytes.len().min(limits::GUESSED_BYTES)], true);
    detector.guess(None, Utf8Detection::Allow)
}

/// Reads CSV.
pub(crate) fn read(decoded: Decoded, label: &str, options: &ReadOptions) -> Result<Opened, Failure> {
    let mut source = Source::new(Format::Csv);
    source.encoding = Some(decoded.encoding.name().to_ascii_lowercase());
    if decoded.damaged {
        source.notes.push(format!("some bytes are not {} and were replaced", decoded.encoding.name()));
    }
    let mut text = decoded.text.strip_prefix('\u{feff}').unwrap_or(&decoded.text);
    // What Excel puts in front to say what it put between.
    let told = text.strip_prefix("sep=").and_then(|rest| rest.split_once('\n')).and_then(|(sign, rest)| {
        let sign = sign.trim_end_matches('\r');
        (sign.len() == 1).then(|| (sign.as_bytes()[0], rest))
    });
    let mut delimiter = options.delimiter.as_deref().map(one_byte).transpose()?;
    if let Some((sign, rest)) = told {
        text = rest;
        delimiter = delimiter.or(Some(sign));
    }
    if text.trim().is_empty() {
        return Err(Failure::invalid_input(format!("{label} is empty")).code("empty-file"));
    }
    let delimiter = delimiter.unwrap_or_else(|| sniff(text));
    source.delimiter = Some(char::from(delimiter).to_string());
    let skip = options.skip.unwrap_or(0) as usize;

    let survey = Survey::of(text, delimiter, skip, label)?;
    let usual = if delimiter == b';' { Decimals::Comma } else { Decimals::Point };
    source.header = options.header.unwrap_or_else(|| survey.has_header(usual));
    let mut guesses = survey.guesses;
    let names: Vec<String> = if source.header {
        survey.first.iter().cloned().chain(std::iter::repeat(String::new())).take(guesses.len()).collect()
    } else {
        for (guess, value) in guesses.iter_mut().zip(&survey.first) {
            guess.see(value);
        }
        vec![String::new(); guesses.len()]
    };
    let verdicts: Vec<_> = guesses.iter().map(|guess| guess.verdict(usual)).collect();

    let mut table = Table::new(&names)?;
    let mut uneven = 0_u64;
    let first_row = skip + usize::from(source.header);
    for record in records(text, delimiter).skip(first_row) {
        let record = record.map_err(|error| unreadable(label, &error))?;
        uneven += u64::from(record.len() != names.len());
        table.push(record.iter().zip(&verdicts).map(|(value, verdict)| verdict.cell(value)))?;
    }
    for (index, (verdict, guess)) in verdicts.iter().zip(&guesses).enumerate() {
        let nothing = table.column(index).all(Cell::is_empty);
        table.set_kind(index, if nothing { Kind::Empty } else { verdict.kind });
        if verdict.kind == Kind::Number && verdict.decimals == Decimals::Comma && guess.is_marked() {
            let name = &table.columns()[index].name;
            source.notes.push(format!("`{}` is read with decimal commas", short(name)));
        }
    }
    if uneven > 0 {
        source.notes.push(format!("{uneven} rows have fewer values than there are columns"));
    }
    source.notes.truncate(limits::NAMES_SHOWN);
    Ok(Opened { table, source })
}

/// What the first look at a file finds.
struct Survey {
    first: Vec<String>,
    /// Of all records but the first.
    guesses: Vec<Guess>,
}

impl Survey {
    fn of(text: &str, delimiter: u8, skip: usize, label: &str) -> Result<Self, Failure> {
        let mut records = records(text, delimiter).skip(skip);
        let first = match records.next() {
            Some(record) => record.map_err(|error| unreadable(label, &error))?,
            None => {
                let message = format!("{label} has no rows after the {skip} that are to be skipped");
                return Err(Failure::invalid_input(message).code("no-rows"));
            }
        };
        let first: Vec<String> = first.iter().map(str::to_owned).collect();
        let mut guesses = vec![Guess::default(); first.len().min(limits::COLUMNS + 1)];
        for (row, record) in records.enumerate() {
            let record = record.map_err(|error| unreadable(label, &error))?;
            if record.len() > limits::COLUMNS {
                return Err(too_large(&format!("{} columns", record.len())));
            }
            if row >= limits::ROWS {
                return Err(too_large(&format!("more than {} rows", limits::ROWS)));
            }
            if record.len() > guesses.len() {
                guesses.resize(record.len(), Guess::default());
            }
            for (guess, value) in guesses.iter_mut().zip(record.iter()) {
                guess.see(value);
            }
        }
        if first.len() > limits::COLUMNS {
            return Err(too_large(&format!("{} columns", first.len())));
        }
        Ok(Self { first, guesses })
    }

    /// The first row holds names, unless it has a value in some column that fits what is below. Years say nothing: they
    /// are names of columns as often as values.
    fn has_header(&self, usual: Decimals) -> bool {
        !self.first.iter().zip(&self.guesses).any(|(value, below)| {
            let mut own = Guess::default();
            own.see(value);
            let (own, below) = (own.verdict(usual).kind, below.verdict(usual).kind);
            let year = infer::integer(value.trim()).is_some_and(|value| (1000..=2999).contains(&value));
            own != Kind::Text && !year && (own == below || (own.is_numeric() && below.is_numeric()))
        })
    }
}

fn records(text: &str, delimiter: u8) -> impl Iterator<Item = Result<csv::StringRecord, csv::Error>> {
    csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(text.as_bytes())
        .into_records()
}

fn unreadable(label: &str, error: &csv::Error) -> Failure {
    Failure::invalid_input(format!("{label} cannot be read as CSV: {error}")).code("bad-csv")
}

fn one_byte(delimiter: &str) -> Result<u8, Failure> {
    match delimiter.as_bytes() {
        b"\\t" => Ok(b'\t'),
        [byte]
            if byte.is_ascii() && !byte.is_ascii_alphanumeric() && !matches!(byte, b'"' | b'\n' | b'\r') =>
        {
            Ok(*byte)
        }
        _ => {
            let message = format!(
                "the delimiter must be one ASCII character such as \",\" or \";\" or \"\\t\", not {:?}",
                short(delimiter)
            );
            Err(Failure::invalid_input(message).code("bad-delimiter"))
        }
    }
}

/// The character that cuts most records into equally many values.
fn sniff(text: &str) -> u8 {
    let mut end = text.len().min(limits::SNIFFED_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    // The last record of a sample may be a part of one.
    let end = if end < text.len() { text[..end].rfind('\n').unwrap_or(end) } else { end };
    let sample = &text[..end];
    let mut best = (0.0, b',');
    for delimiter in [b',', b';', b'\t', b'|'] {
        let widths: Vec<usize> = records(sample, delimiter)
            .take(limits::SNIFFED_RECORDS)
            .filter_map(|record| record.ok().map(|record| record.len()))
            .collect();
        let count = |width: usize| widths.iter().filter(|other| **other == width).count();
        let Some(usual) = widths.iter().copied().max_by_key(|width| (count(*width), *width)) else {
            continue;
        };
        if usual < 2 {
            continue;
        }
        // A first row of the same width is the names; more values are a better reason than few.
        let first = if widths[0] == usual { 1.0 } else { 0.7 };
        let score = first * count(usual) as f64 / widths.len() as f64 + 0.01 * usual.min(10) as f64;
        if score > best.0 {
            best = (score, delimiter);
        }
    }
    best.1
}
