//! XLSX: one sheet, its first row bold and kept in sight, dates as dates.
//!
//! Written by hand, since the crates that do it ask for the time of day, which a component does not have.

use std::fmt::Write as _;
use std::io::{Cursor, Write};

use sport_sdk::Failure;
use sport_tabular::{Cell, Kind, Table, limits};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// What a spreadsheet program takes in one cell.
const LONGEST_TEXT: usize = 32_767;
/// Rows that the width of a column is taken from.
const MEASURED_ROWS: usize = 200;

const CONTENT_TYPES: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/><Override PartName="/xl/styles.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"/></Types>"#;

const RELATIONS: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#;

const WORKBOOK: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets></workbook>"#;

const WORKBOOK_RELATIONS: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles" Target="styles.xml"/></Relationships>"#;

/// Cell formats by number: 0 plain, 1 bold, 2 day, 3 moment.
const STYLES: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><numFmts count="2"><numFmt numFmtId="164" formatCode="yyyy\-mm\-dd"/><numFmt numFmtId="165" formatCode="yyyy\-mm\-dd\ hh:mm:ss"/></numFmts><fonts count="2"><font><sz val="11"/><name val="Calibri"/></font><font><b/><sz val="11"/><name val="Calibri"/></font></fonts><fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills><borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders><cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs><cellXfs count="4"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/><xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/><xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/><xf numFmtId="165" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/></cellXfs></styleSheet>"#;

/// The bytes of a workbook.
pub fn write(table: &Table, columns: &[usize], rows: &[usize]) -> Result<Vec<u8>, Failure> {
    if rows.len() >= limits::ROWS {
        let message =
            format!("{} rows and their names do not fit into a sheet; save them as csv", rows.len());
        return Err(Failure::exhausted(message).code("table-too-large"));
    }
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let parts = [
        ("[Content_Types].xml", CONTENT_TYPES),
        ("_rels/.rels", RELATIONS),
        ("xl/workbook.xml", WORKBOOK),
        ("xl/_rels/workbook.xml.rels", WORKBOOK_RELATIONS),
        ("xl/styles.xml", STYLES),
    ];
    for (name, text) in parts {
        archive.start_file(name, options)?;
        archive.write_all(text.as_bytes())?;
    }
    archive.start_file("xl/worksheets/sheet1.xml", options)?;
    sheet(table, columns, rows, &mut archive)?;
    Ok(archive.finish()?.into_inner())
}

fn sheet(table: &Table, columns: &[usize], rows: &[usize], out: &mut impl Write) -> Result<(), Failure> {
    out.write_all(
        br#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>"#,
    )?;
    if !columns.is_empty() {
        out.write_all(b"<cols>")?;
        for (place, column) in columns.iter().enumerate() {
            let cells = rows
                .iter()
                .take(MEASURED_ROWS)
                .map(|row| table.row(*row)[*column].to_string().chars().count());
            let widest = cells.max().unwrap_or(0).max(table.columns()[*column].name.chars().count());
            let place = place + 1;
            write!(
                out,
                r#"<col min="{place}" max="{place}" width="{}" customWidth="1"/>"#,
                widest.clamp(6, 60) + 2
            )?;
        }
        out.write_all(b"</cols>")?;
    }
    out.write_all(b"<sheetData>")?;
    let mut line = String::from("<row>");
    for column in columns {
        text(&mut line, &table.columns()[*column].name, 1)?;
    }
    line.push_str("</row>");
    out.write_all(line.as_bytes())?;
    for row in rows {
        line.clear();
        line.push_str("<row>");
        for column in columns {
            cell(&mut line, &table.row(*row)[*column], table.columns()[*column].kind)?;
        }
        line.push_str("</row>");
        out.write_all(line.as_bytes())?;
    }
    out.write_all(b"</sheetData></worksheet>")?;
    Ok(())
}

fn cell(line: &mut String, cell: &Cell, kind: Kind) -> Result<(), Failure> {
    match cell {
        Cell::Empty => line.push_str("<c/>"),
        Cell::Boolean(value) => write!(line, r#"<c t="b"><v>{}</v></c>"#, u8::from(*value))?,
        Cell::Integer(value) => write!(line, "<c><v>{value}</v></c>")?,
        Cell::Number(value) => write!(line, "<c><v>{value}</v></c>")?,
        Cell::Text(own) => match (kind, serial(own)) {
            (Kind::Date | Kind::Datetime, Some((day, None))) => write!(line, r#"<c s="2"><v>{day}</v></c>"#)?,
            (Kind::Date | Kind::Datetime, Some((day, Some(seconds)))) => {
                write!(line, r#"<c s="3"><v>{}</v></c>"#, day as f64 + f64::from(seconds) / 86_400.0)?;
            }
            _ => text(line, own, 0)?,
        },
    }
    Ok(())
}

fn text(line: &mut String, text: &str, style: u8) -> Result<(), Failure> {
    if text.chars().map(char::len_utf16).sum::<usize>() > LONGEST_TEXT {
        let message = format!(
            "a text of more than {LONGEST_TEXT} characters does not fit into a cell of XLSX; save as csv"
        );
        return Err(Failure::exhausted(message).code("text-too-long"));
    }
    write!(line, r#"<c s="{style}" t="inlineStr"><is><t xml:space="preserve">"#)?;
    for sign in text.chars() {
        match sign {
            '&' => line.push_str("&amp;"),
            '<' => line.push_str("&lt;"),
            '>' => line.push_str("&gt;"),
            // What XML cannot hold, not even escaped.
            '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {
                line.push('\u{fffd}')
            }
            '\r' => line.push_str("&#13;"),
            _ => line.push(sign),
        }
    }
    line.push_str("</t></is></c>");
    Ok(())
}

/// The number of a day in a workbook, and the second of it; none for what a workbook cannot say: days before March
/// 1900, zones, parts of a second.
fn serial(text: &str) -> Option<(i64, Option<u32>)> {
    let (day, time) = match text.split_once('T') {
        Some((day, time)) => (day, Some(time)),
        None => (text, None),
    };
    let mut parts = day.split('-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    // Days since 1 March of the year 0, whose years end with the leap day.
    let shifted = if month > 2 { year } else { year - 1 };
    let in_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days =
        365 * shifted + shifted.div_euclid(4) - shifted.div_euclid(100) + shifted.div_euclid(400) + in_year;
    let number = days - 693_899;
    if number < 61 {
        return None;
    }
    let Some(time) = time else {
        return Some((number, None));
    };
    let mut parts = time.split(':').map(|part| part.parse::<u32>().ok());
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    Some((number, Some(hour * 3600 + minute * 60 + second)))
}
