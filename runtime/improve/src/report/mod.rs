//! `report.html`: one self-contained file, no script from anywhere, no network.
//!
//! [`view::View`] is what is shown; `page.html.j2` is how. Everything that a model or a plugin wrote is escaped by
//! the template engine.

use std::path::Path;

use minijinja::{AutoEscape, Environment, Value, context};

use crate::error::Error;
use crate::files::write_atomically;
use crate::synthesize::{Set, set_of};

pub mod chart;
mod collect;
pub mod view;

pub use collect::collect;
pub use view::View;

/// Writes the page; an existing one is replaced whole or not at all.
pub fn write(view: &View, path: &Path) -> Result<(), Error> {
    write_atomically(path, render(view)?.as_bytes())
}

/// The page as text.
pub fn render(view: &View) -> Result<String, Error> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.add_filter("percent", |value: f64| format!("{:.0} %", value * 100.0));
    environment.add_filter("fixed", |value: f64, digits: usize| format!("{value:.digits$}"));
    environment.add_filter("minutes", |seconds: f64| format!("{:.1}", seconds / 60.0));
    environment.add_template("page", include_str!("page.html.j2")).map_err(broken)?;
    let shares: Vec<chart::Share> = view
        .summary
        .iterations
        .iter()
        .filter(|iteration| iteration.held_out.total > 0)
        .map(|iteration| chart::Share {
            value: iteration.held_out.correct as f64 / (iteration.held_out.total.max(1)) as f64,
            low: iteration.held_out.low,
            high: iteration.held_out.high,
        })
        .collect();
    let seconds: Vec<f64> =
        view.summary.iterations.iter().map(|iteration| iteration.seconds.values().sum()).collect();
    // The families that are counted first, then those beside them.
    let names = view.summary.iterations.first().into_iter().flat_map(|base| base.families.keys());
    let mut families: Vec<(Option<Set>, &String)> = names.map(|name| (set_of(name), name)).collect();
    families.sort();
    let families: Vec<(&str, &String)> =
        families.into_iter().map(|(set, name)| (set.map_or("", Set::name), name)).collect();
    let page = environment.get_template("page").map_err(broken)?;
    page.render(context! {
        view => minijinja::value::Serde(view),
        seconds,
        families => minijinja::value::Serde(&families),
        success => Value::from_safe_string(chart::success(&shares)),
        loss => safe_curve("loss by optimiser step", view, |point| Some(point.loss)),
        margin => safe_curve("reward margin by optimiser step", view, |point| point.margin),
        accuracy => safe_curve("reward accuracy by optimiser step", view, |point| point.accuracy),
    })
    .map_err(broken)
}

/// One chart over all stages that have the figure; none when no stage has.
fn safe_curve(label: &str, view: &View, figure: impl Fn(&view::Point) -> Option<f64>) -> Option<Value> {
    let mut values = Vec::new();
    let mut breaks = Vec::new();
    for curve in &view.curves {
        let points: Vec<f64> = curve.points.iter().filter_map(&figure).collect();
        if !points.is_empty() {
            breaks.push((values.len(), format!("{} {}", curve.stage, curve.iteration)));
            values.extend(points);
        }
    }
    (!values.is_empty()).then(|| Value::from_safe_string(chart::curve(label, &values, &breaks)))
}

fn broken(error: minijinja::Error) -> Error {
    Error::Internal(format!("the report's template failed: {error:#}"))
}
