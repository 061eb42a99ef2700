//! Tables as tools: what is in a CSV, JSON or XLSX file, its rows by condition and order, groups of them, other formats.
//!
//! # Layout
//!
//! * `info`: what a file holds;
//! * `query`: conditions and order; `group`: groups and what is calculated of each;
//! * `page`: the part of a result that fits into an answer;
//! * `save`: files of results; `workbook`: the XLSX among them.
//!
//! How files are read, and within which bounds, is in the crate `sport-tabular`.

mod group;
mod info;
mod page;
mod query;
mod save;
mod workbook;

pub use group::{Aggregate, Function};
pub use info::{ColumnInfo, Info};
pub use page::{ColumnHead, Page};
pub use query::{Condition, Operand, Operator, Scalar, Sort};
pub use save::Target;

/// The tools. All of them read a file; what they make is a new one.
#[sport_sdk::tools]
pub mod tools {
    use sport_sdk::{Artifact, Failure};
    use sport_tabular::{ReadOptions, open};

    use crate::group::{self, Aggregate};
    use crate::info::{self, Info};
    use crate::page::{self, Page};
    use crate::query::{self, Condition, Sort};
    use crate::save::{self, Target};

    /// Tells what a CSV, JSON or XLSX file holds: its sheets, how many rows, and of each column the name, the type, how
    /// many values are missing, the smallest and the largest value and some examples.
    #[tool(read_only, idempotent, deterministic)]
    pub fn table_info(
        /// File name of the table.
        file: Artifact,
        /// Name of a sheet (XLSX), or of a list in a JSON object; the first if left out.
        sheet: Option<String>,
        /// How to read the file, where it is found out wrongly.
        read: Option<ReadOptions>,
    ) -> Result<Info, Failure> {
        Ok(info::info(open(&file, sheet.as_deref(), &read.unwrap_or_default())?))
    }

    /// Gives rows of a table: those that meet all conditions, in the order asked for. Without conditions and order, the
    /// first rows of the file.
    #[tool(read_only, idempotent, deterministic)]
    #[expect(clippy::too_many_arguments, reason = "each is an argument of the tool")]
    pub fn table_rows(
        /// File name of the table.
        file: Artifact,
        /// Name of a sheet (XLSX), or of a list in a JSON object; the first if left out.
        sheet: Option<String>,
        /// Names of the columns to give; all if left out.
        columns: Option<Vec<String>>,
        /// Conditions that a row must meet, all of them.
        r#where: Option<Vec<Condition>>,
        /// Columns to sort by, the most important first.
        sort: Option<Vec<Sort>>,
        /// How many rows to give, 1 to 1000; 20 if left out.
        limit: Option<u32>,
        /// How many rows to leave out before them.
        offset: Option<u32>,
        /// Also puts all rows that were found, not only those given, into a new file of this format.
        save: Option<Target>,
        /// How to read the file, where it is found out wrongly.
        read: Option<ReadOptions>,
    ) -> Result<Page, Failure> {
        let opened = open(&file, sheet.as_deref(), &read.unwrap_or_default())?;
        let mut rows = query::matching(&opened.table, r#where.as_deref().unwrap_or_default())?;
        query::order(&opened.table, &mut rows, sort.as_deref().unwrap_or_default())?;
        let columns = query::columns(&opened.table, columns.as_deref())?;
        let saved = match save {
            Some(target) => Some(save::save(&opened.table, &columns, &rows, target, &file, "-rows")?),
            None => None,
        };
        let page = page::page(&opened.table, &columns, &rows, offset, limit)?;
        Ok(Page { file: saved, notes: opened.source.notes, ..page })
    }

    /// Groups the rows of a table and calculates values of each group: counts, sums, means and so on. One row for each
    /// group, in the order of the columns that it is grouped by.
    #[tool(read_only, idempotent, deterministic)]
    #[expect(clippy::too_many_arguments, reason = "each is an argument of the tool")]
    pub fn table_group(
        /// File name of the table.
        file: Artifact,
        /// Names of the columns to group by; without any, all rows are one group.
        by: Vec<String>,
        /// What to calculate of each group; how many rows it has if left out.
        aggregate: Option<Vec<Aggregate>>,
        /// Name of a sheet (XLSX), or of a list in a JSON object; the first if left out.
        sheet: Option<String>,
        /// Conditions that a row must meet before it is grouped, all of them.
        r#where: Option<Vec<Condition>>,
        /// Columns of the result to sort by instead, for example "sum_price".
        sort: Option<Vec<Sort>>,
        /// How many groups to give, 1 to 1000; 20 if left out.
        limit: Option<u32>,
        /// Also puts all groups into a new file of this format.
        save: Option<Target>,
        /// How to read the file, where it is found out wrongly.
        read: Option<ReadOptions>,
    ) -> Result<Page, Failure> {
        let opened = open(&file, sheet.as_deref(), &read.unwrap_or_default())?;
        let rows = query::matching(&opened.table, r#where.as_deref().unwrap_or_default())?;
        let groups = group::group(&opened.table, rows, &by, aggregate.as_deref().unwrap_or_default())?;
        let mut rows: Vec<usize> = (0..groups.len()).collect();
        query::order(&groups, &mut rows, sort.as_deref().unwrap_or_default())?;
        let columns = query::columns(&groups, None)?;
        let saved = match save {
            Some(target) => Some(save::save(&groups, &columns, &rows, target, &file, "-groups")?),
            None => None,
        };
        let page = page::page(&groups, &columns, &rows, None, limit)?;
        Ok(Page { file: saved, notes: opened.source.notes, ..page })
    }

    /// Writes a table, or some columns of it, to a new CSV, JSON or XLSX file.
    #[tool(read_only, idempotent, deterministic)]
    pub fn table_convert(
        /// File name of the table.
        file: Artifact,
        /// Format of the new file.
        to: Target,
        /// Name of a sheet (XLSX), or of a list in a JSON object; the first if left out.
        sheet: Option<String>,
        /// Names of the columns to write; all if left out.
        columns: Option<Vec<String>>,
        /// How to read the file, where it is found out wrongly.
        read: Option<ReadOptions>,
    ) -> Result<Artifact, Failure> {
        let opened = open(&file, sheet.as_deref(), &read.unwrap_or_default())?;
        let columns = query::columns(&opened.table, columns.as_deref())?;
        let rows: Vec<usize> = (0..opened.table.len()).collect();
        save::save(&opened.table, &columns, &rows, to, &file, "")
    }
}
