//! JSON: a list of objects or of lists, an object of lists (columns, or several tables by name), and JSON Lines.
//!
//! Values are taken as the text that they are in the file, so nothing is built but the names and the cells: parsed into
//! a tree, a file of 64 MiB would be a gigabyte.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use sport_sdk::Failure;

use crate::cell::{Cell, Kind};
use crate::infer;
use crate::limits;
use crate::open::{Format, Opened, ReadOptions, Source};
use crate::table::{Table, short, too_large};
use crate::text::Decoded;

type Fields<'a> = Vec<(Cow<'a, str>, &'a RawValue)>;

/// Reads JSON.
pub(crate) fn read(
    decoded: Decoded,
    label: &str,
    sheet: Option<&str>,
    options: &ReadOptions,
) -> Result<Opened, Failure> {
    let mut source = Source::new(Format::Json);
    source.encoding = Some(decoded.encoding.name().to_ascii_lowercase());
    let text = decoded.text.trim_start_matches('\u{feff}').trim();
    let rows = rows(text, label, sheet, &mut source)?;
    let (names, rows) = match rows {
        Rows::Objects(rows) => {
            let (names, rows) = objects(&rows, label)?;
            (names, rows)
        }
        Rows::Lists(rows) => lists(&rows, label, options, &mut source)?,
        Rows::Columns(fields) => columns(&fields, label)?,
    };
    let mut table = Table::new(&names)?;
    let skip = if names.is_empty() { usize::MAX } else { 0 };
    let mut dates = vec![Kind::Empty; names.len()];
    for row in rows.into_iter().skip(skip) {
        for (kind, cell) in dates.iter_mut().zip(&row) {
            *kind = kind.join(date_kind(cell));
        }
        table.push(row)?;
    }
    table.settle(&dates);
    Ok(Opened { table, source })
}

enum Rows<'a> {
    Objects(Vec<&'a RawValue>),
    Lists(Vec<&'a RawValue>),
    Columns(Fields<'a>),
}

/// Finds the rows in what the file is as a whole.
fn rows<'a>(
    text: &'a str,
    label: &str,
    sheet: Option<&str>,
    source: &mut Source,
) -> Result<Rows<'a>, Failure> {
    let whole: Result<&RawValue, _> = serde_json::from_str(text);
    let whole = match whole {
        Ok(whole) => whole.get(),
        Err(error) => {
            let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
            // JSON Lines, if the first line is a value by itself.
            if lines.len() < 2 || serde_json::from_str::<&RawValue>(lines[0]).is_err() {
                return Err(unreadable(label, &error));
            }
            if lines.len() > limits::ROWS {
                return Err(too_large(&format!("{} rows", lines.len())));
            }
            let rows: Vec<&RawValue> = lines
                .iter()
                .enumerate()
                .map(|(index, line)| {
                    serde_json::from_str(line).map_err(|error| {
                        let message = format!("line {} of {label} is no JSON: {error}", index + 1);
                        Failure::invalid_input(message).code("bad-json")
                    })
                })
                .collect::<Result<_, _>>()?;
            return no_sheet(sheet, label).and_then(|()| sorted(rows, label));
        }
    };
    if whole.starts_with('[') {
        no_sheet(sheet, label)?;
        return sorted(list(whole, label, limits::ROWS)?, label);
    }
    let fields = fields(whole, label)?;
    let tables: Vec<&(Cow<'_, str>, &RawValue)> =
        fields.iter().filter(|(_, value)| is_table(value.get())).collect();
    if let Some(sheet) = sheet {
        source.sheets = names_of(&tables);
        let Some((name, value)) = tables.iter().find(|(name, _)| name == sheet) else {
            let message =
                format!("{label} has no list `{}`; it has {}", short(sheet), quoted(&source.sheets));
            return Err(Failure::not_found(message).code("no-such-sheet"));
        };
        source.sheet = Some(name.to_string());
        return sorted(list(value.get(), label, limits::ROWS)?, label);
    }
    if let Some((name, value)) = tables.first() {
        source.sheets = names_of(&tables);
        source.sheet = Some(name.to_string());
        return sorted(list(value.get(), label, limits::ROWS)?, label);
    }
    if !fields.is_empty() && fields.iter().all(|(_, value)| value.get().starts_with('[')) {
        return Ok(Rows::Columns(fields));
    }
    // A single object is a table of one row.
    let row: &RawValue = serde_json::from_str(whole).map_err(|error| unreadable(label, &error))?;
    Ok(Rows::Objects(vec![row]))
}

fn names_of(tables: &[&(Cow<'_, str>, &RawValue)]) -> Vec<String> {
    tables
        .iter()
        .take(limits::SHEETS)
        .map(|(name, _)| name.chars().take(limits::NAME_CHARS).collect())
        .collect()
}

fn quoted(names: &[String]) -> String {
    let shown: Vec<String> =
        names.iter().take(limits::NAMES_SHOWN).map(|name| format!("`{}`", short(name))).collect();
    if shown.is_empty() { "none".to_owned() } else { shown.join(", ") }
}

fn no_sheet(sheet: Option<&str>, label: &str) -> Result<(), Failure> {
    match sheet {
        None => Ok(()),
        Some(sheet) => {
            let message =
                format!("{label} is one list and has no sheets; leave out the sheet `{}`", short(sheet));
            Err(Failure::not_found(message).code("no-such-sheet"))
        }
    }
}

/// A list whose first element is an object or a list.
fn is_table(text: &str) -> bool {
    text.strip_prefix('[').is_some_and(|rest| rest.trim_start().starts_with(['{', '[']))
}

fn sorted<'a>(rows: Vec<&'a RawValue>, label: &str) -> Result<Rows<'a>, Failure> {
    let starts = |with: char| rows.iter().all(|row| row.get().starts_with(with));
    if starts('{') {
        return Ok(Rows::Objects(rows));
    }
    if starts('[') {
        return Ok(Rows::Lists(rows));
    }
    let message = format!("{label} is a JSON list, but its elements are not all objects or all lists");
    Err(Failure::invalid_input(message).code("not-a-table"))
}

fn objects<'a>(rows: &[&'a RawValue], label: &str) -> Result<(Vec<String>, Vec<Vec<Cell>>), Failure> {
    let mut places: HashMap<Cow<'a, str>, usize> = HashMap::new();
    let mut names = Vec::new();
    let mut cells = 0;
    let mut result = Vec::with_capacity(rows.len());
    for row in rows {
        let mut values = vec![Cell::Empty; names.len()];
        for (name, value) in fields(row.get(), label)? {
            let place = match places.get(&name) {
                Some(place) => *place,
                None if names.len() >= limits::COLUMNS => {
                    return Err(too_large(&format!("more than {} columns", limits::COLUMNS)));
                }
                None => {
                    names.push(name.to_string());
                    places.insert(name, names.len() - 1);
                    names.len() - 1
                }
            };
            if place >= values.len() {
                values.resize(place + 1, Cell::Empty);
            }
            values[place] = cell(value.get(), label)?;
        }
        bounded(&mut cells, values.len())?;
        result.push(values);
    }
    Ok((names, result))
}

fn lists(
    rows: &[&RawValue],
    label: &str,
    options: &ReadOptions,
    source: &mut Source,
) -> Result<(Vec<String>, Vec<Vec<Cell>>), Failure> {
    let mut cells = 0;
    let mut result = Vec::with_capacity(rows.len());
    for row in rows.iter().skip(options.skip.unwrap_or(0) as usize) {
        let values = list(row.get(), label, limits::COLUMNS)?;
        bounded(&mut cells, values.len())?;
        result.push(values.into_iter().map(|value| cell(value.get(), label)).collect::<Result<Vec<_>, _>>()?);
    }
    let width = result.iter().map(Vec::len).max().unwrap_or(0);
    let named = result.first().is_some_and(|row| row.iter().all(|cell| cell.kind() == Kind::Text));
    source.header = options.header.unwrap_or(named && result.len() > 1);
    let mut names = vec![String::new(); width];
    if source.header && !result.is_empty() {
        for (name, cell) in names.iter_mut().zip(result.remove(0)) {
            *name = cell.to_string();
        }
    }
    Ok((names, result))
}

fn columns(fields: &Fields<'_>, label: &str) -> Result<(Vec<String>, Vec<Vec<Cell>>), Failure> {
    if fields.len() > limits::COLUMNS {
        return Err(too_large(&format!("{} columns", fields.len())));
    }
    let names = fields.iter().map(|(name, _)| name.to_string()).collect();
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    let mut cells = 0;
    for (place, (_, values)) in fields.iter().enumerate() {
        let values = list(values.get(), label, limits::ROWS)?;
        bounded(&mut cells, values.len())?;
        if rows.len() < values.len() {
            bounded(&mut cells, (values.len() - rows.len()) * fields.len())?;
            rows.resize(values.len(), vec![Cell::Empty; fields.len()]);
        }
        for (row, value) in rows.iter_mut().zip(values) {
            row[place] = cell(value.get(), label)?;
        }
    }
    Ok((names, rows))
}

fn bounded(cells: &mut usize, more: usize) -> Result<(), Failure> {
    *cells += more;
    if *cells > 2 * limits::CELLS {
        return Err(too_large(&format!("more than {} cells", limits::CELLS)));
    }
    Ok(())
}

/// A value: what is nested stays JSON text.
fn cell(text: &str, label: &str) -> Result<Cell, Failure> {
    Ok(match text.as_bytes().first() {
        Some(b'"') => {
            let text: Cow<'_, str> = Text::read(text).map_err(|error| unreadable(label, &error))?;
            Cell::text(&text)
        }
        Some(b't') => Cell::Boolean(true),
        Some(b'f') => Cell::Boolean(false),
        Some(b'{' | b'[') => Cell::text(text),
        Some(b'n') | None => Cell::Empty,
        Some(_) => match text.parse::<i64>() {
            Ok(value) => Cell::Integer(value),
            // Whole numbers beyond what can be held would change; as texts they are what they were.
            Err(_) if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') => Cell::text(text),
            Err(_) => text.parse().map_or(Cell::Empty, Cell::number),
        },
    })
}

fn date_kind(cell: &Cell) -> Kind {
    match cell {
        Cell::Empty => Kind::Empty,
        Cell::Text(text) if infer::date(text).as_deref() == Some(text) => Kind::Date,
        Cell::Text(text) if text.len() > 10 && text.len() < 40 && infer::datetime(text).is_some() => {
            Kind::Datetime
        }
        _ => Kind::Text,
    }
}

fn unreadable(label: &str, error: &serde_json::Error) -> Failure {
    Failure::invalid_input(format!("{label} cannot be read as JSON: {error}")).code("bad-json")
}

fn list<'a>(text: &'a str, label: &str, most: usize) -> Result<Vec<&'a RawValue>, Failure> {
    let mut parser = serde_json::Deserializer::from_str(text);
    Bounded(most).deserialize(&mut parser).map_err(|error| bound_or(label, &error, most))
}

fn fields<'a>(text: &'a str, label: &str) -> Result<Fields<'a>, Failure> {
    let mut parser = serde_json::Deserializer::from_str(text);
    Object.deserialize(&mut parser).map_err(|error| bound_or(label, &error, limits::COLUMNS))
}

const TOO_MANY: &str = "too many elements";

fn bound_or(label: &str, error: &serde_json::Error, most: usize) -> Failure {
    if error.to_string().starts_with(TOO_MANY) {
        return too_large(&format!(
            "more than {most} {}",
            if most == limits::ROWS { "rows" } else { "columns" }
        ));
    }
    unreadable(label, error)
}

/// A list of at most so many elements, each as its text.
struct Bounded(usize);

impl<'de> DeserializeSeed<'de> for Bounded {
    type Value = Vec<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Bounded {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(element) = elements.next_element()? {
            if list.len() == self.0 {
                return Err(A::Error::custom(TOO_MANY));
            }
            list.push(element);
        }
        Ok(list)
    }
}

/// An object, its values as their texts.
struct Object;

impl<'de> DeserializeSeed<'de> for Object {
    type Value = Fields<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object {
    type Value = Fields<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::new();
        while let Some((Text(name), value)) = entries.next_entry::<Text<'de>, &RawValue>()? {
            if fields.len() == limits::COLUMNS {
                return Err(A::Error::custom(TOO_MANY));
            }
            fields.push((name, value));
        }
        Ok(fields)
    }
}

/// A text that is borrowed where it has no escapes in it.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Text<'a> {
    fn read(text: &'a str) -> Result<Cow<'a, str>, serde_json::Error> {
        serde_json::from_str::<Self>(text).map(|text| text.0)
    }
}
