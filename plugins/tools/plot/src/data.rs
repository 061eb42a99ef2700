//! What is to be drawn: from lists in the arguments, or from columns of a table.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::Deserialize;
use sport_sdk::{Artifact, Failure};
use sport_tabular::{Cell, Kind, ReadOptions, Table};

use crate::scale::Measure;
use crate::time;

/// Series of one chart: more cannot be told apart.
pub const MOST_SERIES: usize = 40;
/// Points of all lines: far more than a picture has columns; they are thinned out before they are drawn.
pub const MOST_LINE_POINTS: usize = 1_000_000;
/// Points that are drawn one by one.
pub const MOST_DOTS: usize = 50_000;
/// Bars of one chart.
pub const MOST_BARS: usize = 500;

/// A line, or a set of points.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Series {
    /// Its name in the legend.
    #[serde(default)]
    pub name: Option<String>,
    /// Where each value is: numbers, dates such as "2024-02-29", or names; 1, 2, 3 and so on if left out.
    #[serde(default)]
    pub x: Option<Vec<Position>>,
    /// The values; null where one is missing.
    pub y: Vec<Option<f64>>,
}

/// Values for bars.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BarSeries {
    /// Its name in the legend.
    #[serde(default)]
    pub name: Option<String>,
    /// A value for each of the names; null where one is missing.
    pub values: Vec<Option<f64>>,
}

/// A place on the x axis.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
#[expect(missing_docs, reason = "the names say it all")]
pub enum Position {
    Number(f64),
    Text(String),
}

/// Which part of a table is to be drawn.
#[derive(Clone, Debug, Default)]
pub struct Columns {
    /// The table.
    pub file: Option<Artifact>,
    /// A sheet of it.
    pub sheet: Option<String>,
    /// What goes to the x axis.
    pub x: Option<String>,
    /// What goes to the y axis.
    pub y: Vec<String>,
    /// What makes series of the rows.
    pub by: Option<String>,
}

/// Points of one series.
#[derive(Clone, Debug)]
pub struct Points {
    /// Its name.
    pub name: String,
    /// Places and values; none where a value is missing.
    pub points: Vec<(f64, Option<f64>)>,
}

/// Everything on two axes.
#[derive(Clone, Debug)]
pub struct Plane {
    /// What the x axis measures.
    pub measure: Measure,
    /// The series.
    pub series: Vec<Points>,
    /// What the x axis shows, from the table's columns.
    pub x_name: Option<String>,
    /// The same of the y axis.
    pub y_name: Option<String>,
}

/// Names with values.
#[derive(Clone, Debug)]
pub struct Named {
    /// The names.
    pub names: Vec<String>,
    /// Series: a name, and a value for each of the names.
    pub series: Vec<(String, Vec<Option<f64>>)>,
    /// What the names are, from the table's columns.
    pub x_name: Option<String>,
    /// What the values are.
    pub y_name: Option<String>,
}

/// Lines or points.
pub fn plane(series: Option<Vec<Series>>, columns: Columns) -> Result<Plane, Failure> {
    let plane = match (series, &columns.file) {
        (Some(series), None) => listed(series)?,
        (None, Some(file)) => tabled(&table(file, &columns)?, &columns)?,
        _ => return Err(one_of("`series`", &["x", "y", "by"])),
    };
    if plane.series.len() > MOST_SERIES {
        let message = format!(
            "there are {} series, of which nobody could tell one from another; at most {MOST_SERIES} are drawn",
            plane.series.len()
        );
        return Err(Failure::invalid_input(message).code("too-many-series"));
    }
    if !plane.series.iter().any(|series| series.points.iter().any(|(_, value)| value.is_some())) {
        return Err(nothing());
    }
    Ok(plane)
}

/// Bars or slices.
pub fn named(
    names: Option<Vec<String>>,
    series: Option<Vec<BarSeries>>,
    columns: Columns,
) -> Result<Named, Failure> {
    let named = match (names, series, &columns.file) {
        (Some(names), Some(series), None) => {
            for one in &series {
                if one.values.len() != names.len() {
                    let message = format!(
                        "there are {} names but {} values; each name needs one, null where it is missing",
                        names.len(),
                        one.values.len()
                    );
                    return Err(Failure::invalid_input(message).code("unequal-lengths"));
                }
            }
            let several = series.len() > 1;
            let series = series
                .into_iter()
                .enumerate()
                .map(|(index, one)| {
                    (own_name(one.name, index, several), one.values.into_iter().map(finite).collect())
                })
                .collect();
            Named { names, series, x_name: None, y_name: None }
        }
        (None, None, Some(file)) => {
            let table = table(file, &columns)?;
            let Some(x) = &columns.x else {
                return Err(Failure::invalid_input("the column of the names is missing: give it as `x`")
                    .code("missing-argument"));
            };
            let x = table.find(x)?;
            let ys = value_columns(&table, &columns, Some(x))?;
            let names = table.column(x).map(ToString::to_string).collect();
            let series = ys
                .iter()
                .map(|y| (table.columns()[*y].name.clone(), table.column(*y).map(Cell::as_number).collect()))
                .collect();
            Named {
                names,
                series,
                x_name: Some(table.columns()[x].name.clone()),
                y_name: single(&ys).map(|y| table.columns()[y].name.clone()),
            }
        }
        _ => return Err(one_of("names and values", &["x", "y"])),
    };
    if named.series.len() > MOST_SERIES || named.names.len() * named.series.len() > MOST_BARS {
        let message = format!(
            "{} times {} values are too many for this kind of chart; at most {MOST_BARS} are drawn. Group or filter them \
             first",
            named.names.len(),
            named.series.len()
        );
        return Err(Failure::invalid_input(message).code("too-many-values"));
    }
    if !named.series.iter().any(|(_, values)| values.iter().any(Option::is_some)) {
        return Err(nothing());
    }
    Ok(named)
}

/// Values by themselves.
pub fn values(values: Option<Vec<f64>>, columns: &Columns) -> Result<(Vec<f64>, Option<String>), Failure> {
    let (values, name): (Vec<f64>, _) = match (values, &columns.file) {
        (Some(values), None) => (values.into_iter().filter(|value| value.is_finite()).collect(), None),
        (None, Some(file)) => {
            let table = table(file, columns)?;
            let Some(column) = columns.y.first() else {
                return Err(Failure::invalid_input("the column is missing: give it as `column`")
                    .code("missing-argument"));
            };
            let column = numeric(&table, table.find(column)?)?;
            let name = table.columns()[column].name.clone();
            (table.column(column).filter_map(Cell::as_number).collect(), Some(name))
        }
        _ => return Err(one_of("`values`", &["column"])),
    };
    if values.is_empty() { Err(nothing()) } else { Ok((values, name)) }
}

fn table(file: &Artifact, columns: &Columns) -> Result<Table, Failure> {
    Ok(sport_tabular::open(file, columns.sheet.as_deref(), &ReadOptions::default())?.table)
}

fn one_of(lists: &str, columns: &[&str]) -> Failure {
    let columns: Vec<String> = columns.iter().map(|name| format!("`{name}`")).collect();
    let message = format!(
        "a chart needs either {lists}, or a `file` with the columns {}, not both and not neither",
        columns.join(", ")
    );
    Failure::invalid_input(message).code("wrong-data")
}

fn nothing() -> Failure {
    Failure::invalid_input("there is not a single number to draw").code("no-data")
}

fn single(columns: &[usize]) -> Option<usize> {
    match columns {
        [one] => Some(*one),
        _ => None,
    }
}

fn finite(value: Option<f64>) -> Option<f64> {
    value.filter(|value| value.is_finite())
}

fn own_name(name: Option<String>, index: usize, several: bool) -> String {
    match name {
        Some(name) => name,
        None if several => format!("series {}", index + 1),
        None => String::new(),
    }
}

fn numeric(table: &Table, column: usize) -> Result<usize, Failure> {
    let head = &table.columns()[column];
    if head.kind.is_numeric() {
        return Ok(column);
    }
    let message = format!("column `{}` is {}, and only numbers can be drawn", head.name, head.kind);
    Err(Failure::invalid_input(message).code("not-a-number-column"))
}

/// The columns of values: those named, else all of numbers.
fn value_columns(table: &Table, columns: &Columns, x: Option<usize>) -> Result<Vec<usize>, Failure> {
    let ys: Vec<usize> = if columns.y.is_empty() {
        (0..table.columns().len())
            .filter(|index| Some(*index) != x && table.columns()[*index].kind.is_numeric())
            .collect()
    } else {
        columns.y.iter().map(|name| numeric(table, table.find(name)?)).collect::<Result<_, _>>()?
    };
    if ys.is_empty() { Err(nothing()) } else { Ok(ys) }
}

fn listed(series: Vec<Series>) -> Result<Plane, Failure> {
    for one in &series {
        if let Some(x) = &one.x
            && x.len() != one.y.len()
        {
            let message = format!("a series has {} places in `x` but {} values in `y`", x.len(), one.y.len());
            return Err(Failure::invalid_input(message).code("unequal-lengths"));
        }
    }
    let places = || series.iter().filter_map(|one| one.x.as_ref()).flatten();
    let text_of = |place: &Position| match place {
        Position::Number(value) => value.to_string(),
        Position::Text(text) => text.clone(),
    };
    let mut axis = if places().all(|place| matches!(place, Position::Number(_))) {
        Axis::Linear
    } else if places().all(|place| matches!(place, Position::Text(text) if time::parse(text).is_some())) {
        Axis::Time
    } else {
        Axis::Names(Names::default())
    };
    let several = series.len() > 1;
    let mut result = Vec::new();
    for (index, one) in series.iter().enumerate() {
        let mut points = Vec::with_capacity(one.y.len());
        for (row, value) in one.y.iter().enumerate() {
            let place = match (one.x.as_ref().map(|x| &x[row]), &mut axis) {
                (None, Axis::Names(_)) => Some(row as f64),
                (None, _) => Some(row as f64 + 1.0),
                (Some(Position::Number(value)), Axis::Linear) => value.is_finite().then_some(*value),
                (Some(Position::Text(text)), Axis::Time) => time::parse(text),
                (Some(place), Axis::Names(names)) => Some(names.place(&text_of(place))),
                (Some(_), _) => None,
            };
            points.extend(place.map(|place| (place, finite(*value))));
        }
        result.push(Points { name: own_name(one.name.clone(), index, several), points });
    }
    Ok(Plane { measure: axis.measure()?, series: result, x_name: None, y_name: None })
}

fn tabled(table: &Table, columns: &Columns) -> Result<Plane, Failure> {
    let x = columns.x.as_deref().map(|name| table.find(name)).transpose()?;
    let by = columns.by.as_deref().map(|name| table.find(name)).transpose()?;
    let ys = value_columns(table, columns, x)?;
    if by.is_some() && ys.len() != 1 {
        let message = "`by` makes a series of each of its values, so exactly one column can be `y`";
        return Err(Failure::invalid_input(message).code("wrong-data"));
    }
    let mut axis = match x.map(|x| table.columns()[x].kind) {
        None | Some(Kind::Integer | Kind::Number) => Axis::Linear,
        Some(Kind::Date | Kind::Datetime) => Axis::Time,
        Some(_) => Axis::Names(Names::default()),
    };
    let mut series: Vec<Points> = match by {
        Some(_) => Vec::new(),
        None => {
            ys.iter().map(|y| Points { name: table.columns()[*y].name.clone(), points: Vec::new() }).collect()
        }
    };
    let mut groups: HashMap<String, usize> = HashMap::new();
    for (number, row) in table.iter().enumerate() {
        let place = match (x.map(|x| &row[x]), &mut axis) {
            (None, _) => Some(number as f64 + 1.0),
            (Some(cell), Axis::Linear) => cell.as_number(),
            (Some(cell), Axis::Time) => cell.as_text().and_then(time::parse),
            (Some(Cell::Empty), Axis::Names(_)) => None,
            (Some(cell), Axis::Names(names)) => Some(names.place(&cell.to_string())),
        };
        let Some(place) = place else {
            continue;
        };
        match by {
            None => {
                for (series, y) in series.iter_mut().zip(&ys) {
                    series.points.push((place, row[*y].as_number()));
                }
            }
            Some(by) => {
                let name = row[by].to_string();
                let index = match groups.get(&name) {
                    Some(index) => *index,
                    None => {
                        groups.insert(name.clone(), series.len());
                        series.push(Points { name, points: Vec::new() });
                        series.len() - 1
                    }
                };
                series[index].points.push((place, row[ys[0]].as_number()));
            }
        }
    }
    Ok(Plane {
        measure: axis.measure()?,
        series,
        x_name: x.map(|x| table.columns()[x].name.clone()),
        y_name: single(&ys).map(|y| table.columns()[y].name.clone()),
    })
}

enum Axis {
    Linear,
    Time,
    Names(Names),
}

impl Axis {
    fn measure(self) -> Result<Measure, Failure> {
        Ok(match self {
            Self::Linear => Measure::Linear,
            Self::Time => Measure::Time,
            Self::Names(names) if names.list.len() > MOST_BARS => {
                let message = format!(
                    "the x axis would have {} names; at most {MOST_BARS} are drawn. Are they dates or numbers that were not \
                     understood?",
                    names.list.len()
                );
                return Err(Failure::invalid_input(message).code("too-many-values"));
            }
            Self::Names(names) => Measure::Names(names.list),
        })
    }
}

/// Names in the order in which they come first.
#[derive(Default)]
struct Names {
    list: Vec<String>,
    places: HashMap<String, usize>,
}

impl Names {
    fn place(&mut self, name: &str) -> f64 {
        if let Some(place) = self.places.get(name) {
            return *place as f64;
        }
        self.places.insert(name.to_owned(), self.list.len());
        self.list.push(name.to_owned());
        self.list.len() as f64 - 1.0
    }
}
