//! Tables from files that strangers wrote: CSV and its kin, JSON, XLSX.
//!
//! # Layout
//!
//! * `limits`: every bound, with its reason;
//! * `cell`, `table`: what a table is;
//! * `open`: which format a file has, and what a caller may say about reading it;
//! * `text`: encodings, delimiters, CSV; `infer`: what the texts of a column are;
//! * `json`: lists of objects, lists of lists, JSON Lines; `workbook`: XLSX.
//!
//! Invariants: a table never has more rows, columns or cells than `limits` says, whatever the file claims; a workbook is
//! unpacked once into nothing and counted before anything of it is kept; a number is never infinite and never NaN.

mod cell;
pub mod infer;
mod json;
pub mod limits;
mod open;
mod table;
mod text;
mod workbook;

pub use cell::{Cell, Kind};
pub use open::{Format, Opened, ReadOptions, Source, open};
pub use table::{Column, Table};
