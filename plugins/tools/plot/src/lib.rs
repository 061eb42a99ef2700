//! Charts as tools: lines, points, bars, histograms and pies, from lists or from a table, as PNG or SVG.
//!
//! # Layout
//!
//! * `data`: what is to be drawn, from lists or from columns of a table;
//! * `look`: size, format, words; `style`: colours and sizes;
//! * `scale`, `time`: axes and their marks; `frame`: what is around the data;
//! * `xy`, `bars`, `histogram`, `pie`: the data as shapes;
//! * `scene`: the shapes; `svg` and `raster`: the two kinds of file that they become.
//!
//! The font is part of the component, so a chart is the same everywhere, to the byte.

mod bars;
mod data;
mod frame;
mod histogram;
mod look;
mod pie;
mod raster;
mod scale;
mod scene;
mod style;
mod svg;
mod time;
mod xy;

pub use data::{BarSeries, Position, Series};
pub use look::{Axes, Format};

/// The tools.
#[sport_sdk::tools]
pub mod tools {
    use sport_sdk::{Artifact, Failure};

    use crate::data::{self, BarSeries, Columns, Series};
    use crate::frame::Words;
    use crate::look::{Axes, Format, Look};
    use crate::{bars, histogram, pie, xy};

    /// Draws a line chart and returns it as a new image file. The data are lists (`series`), or columns of a CSV, JSON or
    /// XLSX file.
    #[tool(read_only, idempotent, deterministic)]
    #[expect(clippy::too_many_arguments, reason = "each is an argument of the tool")]
    pub fn line_chart(
        /// The lines, if not from a file.
        series: Option<Vec<Series>>,
        /// File name of a table.
        file: Option<Artifact>,
        /// Sheet of the file; the first if left out.
        sheet: Option<String>,
        /// Column of the file for the x axis: numbers, dates or names.
        x: Option<String>,
        /// Columns of the file for the y axis, a line for each; all of numbers if left out.
        y: Option<Vec<String>>,
        /// Column of the file whose values make a line each, with one column `y`.
        by: Option<String>,
        /// Title of the chart.
        title: Option<String>,
        /// Name of the x axis.
        x_label: Option<String>,
        /// Name of the y axis.
        y_label: Option<String>,
        /// Where the axes begin and end, and whether they are logarithmic.
        axes: Option<Axes>,
        /// Width in pixels, 960 if left out.
        width: Option<u32>,
        /// Height in pixels, 600 if left out.
        height: Option<u32>,
        /// Format of the file, png if left out.
        format: Option<Format>,
    ) -> Result<Artifact, Failure> {
        let look = Look::new(Words { title, x_label, y_label }, width, height, format)?;
        // Rows of a table have no order of their own; a list is drawn as it comes.
        let sorted = file.is_some();
        let plane = data::plane(series, Columns { file, sheet, x, y: y.unwrap_or_default(), by })?;
        look.save(&xy::lines(plane, &look, &axes.unwrap_or_default(), sorted)?, "line-chart")
    }

    /// Draws a scatter chart, a dot for each pair of numbers, and returns it as a new image file. The data are lists
    /// (`series`), or columns of a CSV, JSON or XLSX file.
    #[tool(read_only, idempotent, deterministic)]
    #[expect(clippy::too_many_arguments, reason = "each is an argument of the tool")]
    pub fn scatter_chart(
        /// The sets of points, if not from a file.
        series: Option<Vec<Series>>,
        /// File name of a table.
        file: Option<Artifact>,
        /// Sheet of the file; the first if left out.
        sheet: Option<String>,
        /// Column of the file for the x axis: numbers, dates or names.
        x: Option<String>,
        /// Columns of the file for the y axis, a color for each; all of numbers if left out.
        y: Option<Vec<String>>,
        /// Column of the file whose values have a color each, with one column `y`.
        by: Option<String>,
        /// Title of the chart.
        title: Option<String>,
        /// Name of the x axis.
        x_label: Option<String>,
        /// Name of the y axis.
        y_label: Option<String>,
        /// Where the axes begin and end, and whether they are logarithmic.
        axes: Option<Axes>,
        /// Width in pixels, 960 if left out.
        width: Option<u32>,
        /// Height in pixels, 600 if left out.
        height: Option<u32>,
        /// Format of the file, png if left out.
        format: Option<Format>,
    ) -> Result<Artifact, Failure> {
        let look = Look::new(Words { title, x_label, y_label }, width, height, format)?;
        let plane = data::plane(series, Columns { file, sheet, x, y: y.unwrap_or_default(), by })?;
        look.save(&xy::dots(plane, &look, &axes.unwrap_or_default())?, "scatter-chart")
    }

    /// Draws a bar chart and returns it as a new image file. The data are `names` and `series`, or columns of a CSV, JSON or
    /// XLSX file.
    #[tool(read_only, idempotent, deterministic)]
    #[expect(clippy::too_many_arguments, reason = "each is an argument of the tool")]
    pub fn bar_chart(
        /// What each bar, or group of bars, is called.
        names: Option<Vec<String>>,
        /// Values for the names, a color for each series.
        series: Option<Vec<BarSeries>>,
        /// File name of a table.
        file: Option<Artifact>,
        /// Sheet of the file; the first if left out.
        sheet: Option<String>,
        /// Column of the file with the names.
        x: Option<String>,
        /// Columns of the file with the values; all of numbers if left out.
        y: Option<Vec<String>>,
        /// Puts the bars of a name on top of each other instead of side by side.
        stacked: Option<bool>,
        /// Draws lying bars, which leave more room for long names.
        horizontal: Option<bool>,
        /// Title of the chart.
        title: Option<String>,
        /// Name of the axis of names.
        x_label: Option<String>,
        /// Name of the axis of values.
        y_label: Option<String>,
        /// Where the axis of values begins and ends (`y_min`, `y_max`).
        axes: Option<Axes>,
        /// Width in pixels, 960 if left out.
        width: Option<u32>,
        /// Height in pixels, 600 if left out.
        height: Option<u32>,
        /// Format of the file, png if left out.
        format: Option<Format>,
    ) -> Result<Artifact, Failure> {
        let look = Look::new(Words { title, x_label, y_label }, width, height, format)?;
        let data =
            data::named(names, series, Columns { file, sheet, x, y: y.unwrap_or_default(), by: None })?;
        let (stacked, horizontal) = (stacked.unwrap_or(false), horizontal.unwrap_or(false));
        look.save(&bars::bars(&data, &look, &axes.unwrap_or_default(), stacked, horizontal)?, "bar-chart")
    }

    /// Draws a histogram, how often values are in which range, and returns it as a new image file. The values are a list, or
    /// a column of a CSV, JSON or XLSX file.
    #[tool(read_only, idempotent, deterministic)]
    #[expect(clippy::too_many_arguments, reason = "each is an argument of the tool")]
    pub fn histogram(
        /// The values, if not from a file.
        values: Option<Vec<f64>>,
        /// File name of a table.
        file: Option<Artifact>,
        /// Sheet of the file; the first if left out.
        sheet: Option<String>,
        /// Column of the file with the values.
        column: Option<String>,
        /// How many ranges, 1 to 200; a number that fits the values if left out.
        bins: Option<u32>,
        /// Title of the chart.
        title: Option<String>,
        /// Name of the x axis.
        x_label: Option<String>,
        /// Name of the y axis.
        y_label: Option<String>,
        /// Width in pixels, 960 if left out.
        width: Option<u32>,
        /// Height in pixels, 600 if left out.
        height: Option<u32>,
        /// Format of the file, png if left out.
        format: Option<Format>,
    ) -> Result<Artifact, Failure> {
        let look = Look::new(Words { title, x_label, y_label }, width, height, format)?;
        let y = column.into_iter().collect();
        let (values, name) = data::values(values, &Columns { file, sheet, y, ..Columns::default() })?;
        look.save(&histogram::histogram(values, name.as_deref(), bins, &look)?, "histogram")
    }

    /// Draws a pie chart, parts of a whole, and returns it as a new image file. The data are `names` and `values`, or two
    /// columns of a CSV, JSON or XLSX file.
    #[tool(read_only, idempotent, deterministic)]
    #[expect(clippy::too_many_arguments, reason = "each is an argument of the tool")]
    pub fn pie_chart(
        /// What each part is called.
        names: Option<Vec<String>>,
        /// How large each part is; not below 0.
        values: Option<Vec<Option<f64>>>,
        /// File name of a table.
        file: Option<Artifact>,
        /// Sheet of the file; the first if left out.
        sheet: Option<String>,
        /// Column of the file with the names.
        x: Option<String>,
        /// Column of the file with the values; the first of numbers if left out.
        y: Option<String>,
        /// Title of the chart.
        title: Option<String>,
        /// Width in pixels, 960 if left out.
        width: Option<u32>,
        /// Height in pixels, 600 if left out.
        height: Option<u32>,
        /// Format of the file, png if left out.
        format: Option<Format>,
    ) -> Result<Artifact, Failure> {
        let look = Look::new(Words { title, ..Words::default() }, width, height, format)?;
        let series = values.map(|values| vec![BarSeries { name: None, values }]);
        let columns = Columns { file, sheet, x, y: y.into_iter().collect(), by: None };
        look.save(&pie::pie(&data::named(names, series, columns)?, &look)?, "pie-chart")
    }
}
