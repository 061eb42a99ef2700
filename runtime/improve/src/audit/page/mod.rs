//! An audit as one self-contained HTML page: no script, no network. `page.html.j2` is how it looks, `chart` draws.

mod chart;

use minijinja::{AutoEscape, Environment, Value, context};

use super::record::Record;
use super::text;
use crate::error::Error;

/// The page as text. Everything that a plugin wrote is escaped by the template engine.
pub fn render(record: &Record) -> Result<String, Error> {
    let broken = |error: minijinja::Error| Error::Internal(format!("the audit's template failed: {error:#}"));
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.add_filter("fixed", |value: f64, digits: usize| format!("{value:.digits$}"));
    environment.add_filter("percent", |value: f64| format!("{:.0} %", value * 100.0));
    environment.add_filter("short", |digest: String| digest.chars().take(19).collect::<String>());
    environment.add_template("page", include_str!("page.html.j2")).map_err(broken)?;
    let figures: Vec<_> = text::figures(record);
    let gates: Vec<_> = record.gates.iter().map(|gate| (gate, gate.blocks())).collect();
    let blocking: Vec<String> = record.blocking().map(|gate| gate.name.clone()).collect();
    let bounds = &record.settings.thresholds;
    environment
        .get_template("page")
        .map_err(broken)?
        .render(context! {
            record => minijinja::value::Serde(record),
            figures => minijinja::value::Serde(&figures),
            gates => minijinja::value::Serde(&gates),
            blocking,
            forecast => text::forecast(record),
            controls => Value::from_safe_string(chart::controls(&record.blocks.controls, bounds)),
            risk => chart::risk(&record.blocks.calibration).map(Value::from_safe_string),
        })
        .map_err(broken)
}
