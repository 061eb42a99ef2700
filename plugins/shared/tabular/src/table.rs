//! Rows and columns, within bounds.

use std::collections::HashSet;

use sport_sdk::Failure;

use crate::cell::{Cell, Kind};
use crate::limits;

/// One column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name, which no other column of the table has.
    pub name: String,
    /// What its values are.
    pub kind: Kind,
}

/// A table. Every row has a cell for every column.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    columns: Vec<Column>,
    // Row after row: one allocation instead of one per row.
    cells: Vec<Cell>,
    rows: usize,
}

impl Table {
    /// A table with no rows. Names that are missing or there twice get one of their own.
    pub fn new<S: AsRef<str>>(names: &[S]) -> Result<Self, Failure> {
        if names.len() > limits::COLUMNS {
            return Err(too_large(&format!("{} columns", names.len())));
        }
        let columns = unique(names).into_iter().map(|name| Column { name, kind: Kind::Empty }).collect();
        Ok(Self { columns, cells: Vec::new(), rows: 0 })
    }

    /// Adds a row: one that is short is filled up, what is too long is cut.
    pub fn push(&mut self, row: impl IntoIterator<Item = Cell>) -> Result<(), Failure> {
        let width = self.columns.len();
        if self.rows >= limits::ROWS {
            return Err(too_large(&format!("more than {} rows", limits::ROWS)));
        }
        if self.cells.len() + width > limits::CELLS {
            return Err(too_large(&format!("more than {} cells", limits::CELLS)));
        }
        let start = self.cells.len();
        self.cells.extend(row.into_iter().take(width));
        self.cells.resize(start + width, Cell::Empty);
        self.rows += 1;
        Ok(())
    }

    /// The columns.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The cells of a row; none if there is no such row.
    pub fn row(&self, index: usize) -> &[Cell] {
        let width = self.columns.len();
        self.cells.get(index * width..(index + 1) * width).unwrap_or_default()
    }

    /// All rows.
    pub fn iter(&self) -> impl Iterator<Item = &[Cell]> {
        (0..self.rows).map(|index| self.row(index))
    }

    /// The values of a column.
    pub fn column(&self, index: usize) -> impl Iterator<Item = &Cell> {
        self.cells.iter().skip(index).step_by(self.columns.len().max(1))
    }

    /// Where the column of this name is: exactly, else in other letters, if only one is.
    pub fn find(&self, name: &str) -> Result<usize, Failure> {
        if let Some(index) = self.columns.iter().position(|column| column.name == name) {
            return Ok(index);
        }
        let alike = |text: &str| text.trim().to_lowercase();
        let wanted = alike(name);
        let mut found = (0..self.columns.len()).filter(|index| alike(&self.columns[*index].name) == wanted);
        if let (Some(index), None) = (found.next(), found.next()) {
            return Ok(index);
        }
        let message = format!("there is no column `{}`; there is {}", short(name), self.names());
        Err(Failure::not_found(message).code("no-such-column"))
    }

    /// Says what the values of a column are.
    pub fn set_kind(&mut self, index: usize, kind: Kind) {
        if let Some(column) = self.columns.get_mut(index) {
            column.kind = kind;
        }
    }

    /// Reads from the cells what each column is; `dates` says which columns of text are dates.
    pub fn settle(&mut self, dates: &[Kind]) {
        for index in 0..self.columns.len() {
            let mut kind = self.column(index).fold(Kind::Empty, |kind, cell| kind.join(cell.kind()));
            if kind == Kind::Text
                && let Some(date @ (Kind::Date | Kind::Datetime)) = dates.get(index)
            {
                kind = *date;
            }
            self.set_kind(index, kind);
        }
    }

    /// Its columns' names, for a message.
    fn names(&self) -> String {
        let shown: Vec<String> = self
            .columns
            .iter()
            .take(limits::NAMES_SHOWN)
            .map(|column| format!("`{}`", short(&column.name)))
            .collect();
        match self.columns.len().saturating_sub(limits::NAMES_SHOWN) {
            0 if shown.is_empty() => "none".to_owned(),
            0 => shown.join(", "),
            more => format!("{} and {more} more", shown.join(", ")),
        }
    }
}

/// A text from outside, cut to what fits into a sentence.
pub(crate) fn short(text: &str) -> String {
    const LONGEST: usize = 40;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The failure of a table that is too large.
pub(crate) fn too_large(what: &str) -> Failure {
    let message = format!("the table has {what}, which is too many; cut the file into smaller ones first");
    Failure::exhausted(message).code("table-too-large")
}

/// Names by which every column can be told from the others.
fn unique<S: AsRef<str>>(names: &[S]) -> Vec<String> {
    let mut taken: HashSet<String> = HashSet::new();
    let mut result = Vec::with_capacity(names.len());
    for (index, name) in names.iter().enumerate() {
        let name: String = name.as_ref().trim().chars().take(limits::NAME_CHARS).collect();
        let name = if name.is_empty() { format!("column_{}", index + 1) } else { name };
        let mut own = name.clone();
        let mut number = 2;
        while !taken.insert(own.clone()) {
            // With the column's own place in it the search is short even if all names are equal.
            own = format!("{name}_{number}");
            number = if number == 2 { index + 1 } else { number + 1 };
        }
        result.push(own);
    }
    result
}
