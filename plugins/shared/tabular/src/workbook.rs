//! XLSX: a ZIP archive of XML.
//!
//! Both can be made to grow without end, so the archive is unpacked into nothing first, and counted; and cells are taken
//! one by one, since a sheet with one value in its last corner would be seventeen thousand million of them. What a
//! formula came to when the file was saved is its value.

use std::io::{self, Cursor, Read, Write};

use calamine::{DataRef, ExcelDateTime, Reader, SheetType, Xlsx, XlsxError};
use sport_sdk::Failure;
use zip::ZipArchive;

use crate::cell::{Cell, Kind};
use crate::infer;
use crate::limits;
use crate::open::{Format, Opened, ReadOptions, Source};
use crate::table::{Table, short, too_large};

/// Reads a sheet of a workbook.
pub(crate) fn read(
    bytes: Vec<u8>,
    label: &str,
    sheet: Option<&str>,
    options: &ReadOptions,
) -> Result<Opened, Failure> {
    weigh(&bytes, label)?;
    let mut source = Source::new(Format::Xlsx);
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(|error| unreadable(label, &error))?;
    let sheets: Vec<String> = book
        .sheets_metadata()
        .iter()
        .filter(|sheet| sheet.typ == SheetType::WorkSheet)
        .map(|sheet| sheet.name.clone())
        .collect();
    let name = match sheet {
        None => sheets.first().cloned(),
        Some(asked) => sheets
            .iter()
            .find(|name| *name == asked)
            .or_else(|| sheets.iter().find(|name| name.trim().eq_ignore_ascii_case(asked.trim())))
            .cloned(),
    };
    let Some(name) = name else {
        let shown: Vec<String> =
            sheets.iter().take(limits::NAMES_SHOWN).map(|name| format!("`{}`", short(name))).collect();
        let message = match sheet {
            Some(sheet) => format!("{label} has no sheet `{}`; it has {}", short(sheet), shown.join(", ")),
            None => format!("{label} has no sheet with cells"),
        };
        return Err(Failure::not_found(message).code("no-such-sheet"));
    };
    let (rows, errors) = rows(&mut book, &name, label)?;
    source.sheet = Some(name);
    source.sheets = sheets.into_iter().take(limits::SHEETS).collect();
    if errors > 0 {
        source.notes.push(format!("{errors} cells hold an error such as #DIV/0! and are taken as empty"));
    }
    Ok(Opened { table: table(rows, options, &mut source)?, source })
}

/// Unpacks everything into nothing, and refuses what is too large.
fn weigh(bytes: &[u8], label: &str) -> Result<(), Failure> {
    let broken = |error: &dyn std::fmt::Display| {
        Failure::invalid_input(format!("{label} is a damaged XLSX file: {error}")).code("bad-xlsx")
    };
    let bomb = || {
        let message = format!(
            "{label} unpacks to more than is read ({} MiB in all, {} MiB of texts); save the sheet as CSV, in parts",
            limits::UNPACKED_BYTES >> 20,
            limits::SHARED_TEXT_BYTES >> 20
        );
        Failure::exhausted(message).code("table-too-large")
    };
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| broken(&error))?;
    if archive.len() > limits::PARTS {
        return Err(bomb());
    }
    if archive.index_for_name("xl/workbook.xml").is_none()
        && archive.index_for_name("[Content_Types].xml").is_none()
    {
        let message = format!("{label} is a ZIP file, but no XLSX file; unpack it first");
        return Err(Failure::invalid_input(message).code("not-a-table"));
    }
    let mut left = limits::UNPACKED_BYTES;
    for index in 0..archive.len() {
        let mut part = archive.by_index(index).map_err(|error| broken(&error))?;
        let name = part.name().to_ascii_lowercase();
        let shared = name.ends_with("sharedstrings.xml");
        let own = match shared {
            true => limits::SHARED_TEXT_BYTES,
            false if name.contains("worksheets/sheet") || name.contains("media/") => limits::UNPACKED_BYTES,
            false => limits::PART_BYTES,
        };
        let allowed = left.min(own);
        let mut head = Head::default();
        let unpacked =
            io::copy(&mut part.by_ref().take(allowed + 1), &mut head).map_err(|error| broken(&error))?;
        if unpacked > allowed {
            return Err(bomb());
        }
        left -= unpacked;
        // The reader makes room for as many texts as the part claims to have.
        if shared && head.claims_more_than(unpacked) {
            return Err(broken(&"it claims more texts than it has"));
        }
    }
    Ok(())
}

/// The first bytes of a part.
#[derive(Default)]
struct Head(Vec<u8>);

impl Head {
    const BYTES: usize = 4 << 10;

    /// Whether `uniqueCount` is more than could be in so many bytes: the shortest text is `<si/>`.
    fn claims_more_than(&self, bytes: u64) -> bool {
        let text = String::from_utf8_lossy(&self.0);
        let Some((_, rest)) = text.split_once("uniqueCount") else {
            return false;
        };
        let digits: String = rest
            .trim_start_matches(|sign: char| sign.is_whitespace() || matches!(sign, '=' | '"' | '\''))
            .chars()
            .take_while(char::is_ascii_digit)
            .collect();
        digits.parse::<u64>().map_or(!digits.is_empty(), |count| count > bytes / 5)
    }
}

impl Write for Head {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = Self::BYTES.saturating_sub(self.0.len());
        self.0.extend_from_slice(&bytes[..bytes.len().min(room)]);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// One row: cells with dates marked.
type Row = Vec<(Cell, Kind)>;

/// All rows that have a value, and how many cells hold an error. Rows that are left out between them are empty rows.
fn rows<R: Read + io::Seek>(
    book: &mut Xlsx<R>,
    sheet: &str,
    label: &str,
) -> Result<(Vec<Row>, u64), Failure> {
    let mut reader = book.worksheet_cells_reader(sheet).map_err(|error| unreadable(label, &error))?;
    let mut rows: Vec<Row> = Vec::new();
    let (mut cells, mut errors) = (0, 0);
    // Whatever is above the first value is margin.
    let mut first = None;
    while let Some(found) = reader.next_cell().map_err(|error| unreadable(label, &error))? {
        let (row, column) = found.get_position();
        let value = match found.get_value() {
            DataRef::Empty => continue,
            DataRef::Error(_) => {
                errors += 1;
                continue;
            }
            value => cell(value),
        };
        if value.0.is_empty() {
            continue;
        }
        let place = row.saturating_sub(*first.get_or_insert(row)) as usize;
        let column = column as usize;
        if place >= limits::ROWS {
            return Err(too_large(&format!("more than {} rows", limits::ROWS)));
        }
        if column >= limits::COLUMNS {
            return Err(too_large(&format!("more than {} columns", limits::COLUMNS)));
        }
        if place >= rows.len() {
            rows.resize_with(place + 1, Vec::new);
        }
        let row = &mut rows[place];
        if column >= row.len() {
            cells += column + 1 - row.len();
            if cells > limits::CELLS {
                return Err(too_large(&format!("more than {} cells", limits::CELLS)));
            }
            row.resize(column + 1, (Cell::Empty, Kind::Empty));
        }
        row[column] = value;
    }
    Ok((rows, errors))
}

/// The table: names from the first row, columns that are empty at the left edge left out.
fn table(mut rows: Vec<Row>, options: &ReadOptions, source: &mut Source) -> Result<Table, Failure> {
    rows.drain(..rows.len().min(options.skip.unwrap_or(0) as usize));
    let empty = |row: &Row| row.iter().all(|(cell, _)| cell.is_empty());
    let margin = rows.iter().take_while(|row| empty(row)).count();
    rows.drain(..margin);
    let left =
        rows.iter().filter_map(|row| row.iter().position(|(cell, _)| !cell.is_empty())).min().unwrap_or(0);
    for row in &mut rows {
        row.drain(..left.min(row.len()));
    }
    let width = rows.iter().map(Vec::len).max().unwrap_or(0);
    let named =
        rows.first().is_some_and(|row| row.iter().any(|(_, kind)| *kind == Kind::Text)) && rows.len() > 1;
    source.header = options.header.unwrap_or(named);
    let mut names = vec![String::new(); width];
    if source.header && !rows.is_empty() {
        for (name, (cell, _)) in names.iter_mut().zip(rows.remove(0)) {
            *name = cell.to_string();
        }
    }
    let mut table = Table::new(&names)?;
    let mut dates = vec![Kind::Empty; width];
    let blank = rows.iter().filter(|row| empty(row)).count();
    if blank > 0 {
        source.notes.push(format!("{blank} empty rows are left out"));
    }
    for row in rows.into_iter().filter(|row| !empty(row)) {
        for (date, (_, kind)) in dates.iter_mut().zip(&row) {
            *date = date.join(*kind);
        }
        table.push(row.into_iter().map(|(cell, _)| cell))?;
    }
    table.settle(&dates);
    Ok(table)
}

fn cell(value: &DataRef<'_>) -> (Cell, Kind) {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let texts = |text: &str| match infer::datetime(text) {
        Some(moment) => {
            let kind = if moment.len() == 10 { Kind::Date } else { Kind::Datetime };
            (Cell::text(&moment), kind)
        }
        None => (Cell::text(text), Kind::Text),
    };
    match value {
        DataRef::Int(value) => (Cell::Integer(*value), Kind::Integer),
        // A workbook knows no whole numbers; a person who typed 7 means one.
        DataRef::Float(value) if value.fract() == 0.0 && value.abs() < EXACT => {
            (Cell::Integer(*value as i64), Kind::Integer)
        }
        DataRef::Float(value) => (Cell::number(*value), Kind::Number),
        DataRef::String(text) | DataRef::DurationIso(text) => plain(text),
        DataRef::SharedString(text) => plain(text),
        DataRef::Bool(value) => (Cell::Boolean(*value), Kind::Boolean),
        DataRef::DateTime(moment) => date(moment),
        DataRef::DateTimeIso(text) => texts(text),
        DataRef::Error(_) | DataRef::Empty => (Cell::Empty, Kind::Empty),
    }
}

fn plain(text: &str) -> (Cell, Kind) {
    if text.trim().is_empty() { (Cell::Empty, Kind::Empty) } else { (Cell::text(text), Kind::Text) }
}

/// A day, a moment, or what is neither (a time of day, a duration) as the number of days that the file holds.
fn date(moment: &ExcelDateTime) -> (Cell, Kind) {
    let value = moment.as_f64();
    if !moment.is_datetime() || !(1.0..2_958_466.0).contains(&value) {
        return (Cell::number(value), Kind::Number);
    }
    let (year, month, day, hour, minute, second, _) = moment.to_ymd_hms_milli();
    let date = format!("{year:04}-{month:02}-{day:02}");
    if value.fract() == 0.0 {
        return (Cell::text(&date), Kind::Date);
    }
    (Cell::text(&format!("{date}T{hour:02}:{minute:02}:{second:02}")), Kind::Datetime)
}

fn unreadable(label: &str, error: &XlsxError) -> Failure {
    if matches!(error, XlsxError::Password) {
        let message = format!("{label} is protected by a password; save it without one first");
        return Failure::invalid_input(message).code("password");
    }
    Failure::invalid_input(format!("{label} cannot be read as XLSX: {error}")).code("bad-xlsx")
}
