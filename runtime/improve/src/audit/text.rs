//! An audit as Markdown.

use std::fmt::Write;

use super::interval::Figure;
use super::record::Record;

/// The whole record as Markdown: gates first, then every figure.
pub fn markdown(record: &Record) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "# Audit of {}: {}\n", record.name, record.outcome.name());
    let _ = writeln!(
        text,
        "{} steps of {} tasks, truth from {}, {} calls{}. Verifier `{}`, config `{}`, seed {}.\n",
        record.steps,
        record.tasks,
        record.settings.truth.name(),
        record.blocks.validity.calls,
        if record.cost.cut_short { ", cut short by its time" } else { "" },
        short(&record.identity.verifier),
        short(&record.identity.config),
        record.settings.seed
    );
    let _ = writeln!(text, "## Gates\n\n| gate | value | must be | |\n| --- | --- | --- | --- |");
    for gate in &record.gates {
        let value = gate.value.map_or_else(|| "–".to_owned(), |value| format!("{value:.3}"));
        let state =
            if gate.blocks() { format!("**{}**", gate.state.name()) } else { gate.state.name().to_owned() };
        let _ = writeln!(text, "| {} | {value} | {} | {state} |", gate.name, gate.rule);
    }
    let _ = writeln!(text, "\n## Figures\n\n| figure | value | 95 % | of |\n| --- | --- | --- | --- |");
    for (name, figure) in figures(record) {
        let _ = match figure {
            Some(Figure { value, low, high, count }) => {
                writeln!(text, "| {name} | {value:.3} | {low:.3} to {high:.3} | {count} |")
            }
            None => writeln!(text, "| {name} | not measured | | |"),
        };
    }
    others(record, &mut text);
    text
}

/// What is no figure with an interval.
fn others(record: &Record, text: &mut String) {
    let blocks = &record.blocks;
    let _ = writeln!(text, "\n## Forecast\n\n{}", forecast(record));
    if let Some(drift) = &blocks.drift {
        let _ = writeln!(
            text,
            "\nSince the last audit of a verifier of this name ({}): {} pairs became right, {} wrong, p = {:.3}.",
            if drift.same { "the same one" } else { "another component, config or model" },
            drift.up,
            drift.down,
            drift.p
        );
    }
    for member in &blocks.panel {
        let _ = writeln!(
            text,
            "\nBeside {}: agreement {}, kappa {}, {} disagreements listed.",
            member.name,
            shown(member.agreement),
            shown(member.kappa),
            member.disagreements.len()
        );
    }
}

/// The forecast in a sentence or two.
pub fn forecast(record: &Record) -> String {
    let forecast = &record.blocks.forecast;
    let (Some(flips), Some(worth), Some(smoothing)) =
        (forecast.flips, forecast.worth_of_100, forecast.label_smoothing)
    else {
        return "Nothing can be said: no pair of a good and a bad candidate was decided.".to_owned();
    };
    let calibration = &record.blocks.calibration;
    let unfiltered = calibration.curve.first().map(|point| point.margin);
    let margin = match calibration.margin {
        Some(margin) if Some(margin) == unfiltered => format!(
            "The risk is {:.0} % or less without leaving any of them out.",
            record.settings.thresholds.target_risk * 100.0
        ),
        Some(margin) => format!(
            "A risk of {:.0} % is reached by leaving out pairs with a margin below {margin:.2}.",
            record.settings.thresholds.target_risk * 100.0
        ),
        None => {
            format!("No margin reaches a risk of {:.0} %.", record.settings.thresholds.target_risk * 100.0)
        }
    };
    format!(
        "{:.1} % of the decided pairs are wrong (95 %: {:.1} to {:.1}), so 100 of them teach what {worth:.0} right ones would; \
         label smoothing of {smoothing:.3} fits. {margin}",
        flips.value * 100.0,
        flips.low * 100.0,
        flips.high * 100.0
    )
}

/// Every figure with its name, in the order of the blocks.
pub fn figures(record: &Record) -> Vec<(String, Option<Figure>)> {
    let blocks = &record.blocks;
    let (truth, verdicts) = (&blocks.truth, &blocks.truth.verdicts);
    let mut figures: Vec<(&str, Option<Figure>)> = vec![
        ("calls that failed", blocks.validity.failures),
        ("order: preferences that stay when turned around", blocks.order.consistency),
        ("order: the same, one good and one bad", blocks.order.consistency_far),
        ("order: the same, equally good", blocks.order.consistency_near),
        ("order: preferences for the first", blocks.order.first),
        ("order: Kendall tau", blocks.order.kendall),
        ("repeat: preferences that flip", blocks.repeat.flips),
        ("repeat: verdicts that flip", blocks.repeat.verdict_flips),
        ("identity: copies that tie", blocks.identity.ties),
        ("truth: accuracy on pairs", truth.accuracy),
        ("truth: pairs decided", truth.coverage),
        ("truth: kappa", truth.kappa),
        ("truth: AC1", truth.ac1),
        ("truth: accuracy against errors", truth.error_pairs),
        ("verdicts: accuracy", verdicts.accuracy),
        ("verdicts: sensitivity", verdicts.sensitivity),
        ("verdicts: specificity", verdicts.specificity),
        ("verdicts: kappa", verdicts.kappa),
        ("verdicts: AC1", verdicts.ac1),
        ("verdicts: given", verdicts.coverage),
    ];
    if let Some(ceiling) = &blocks.ceiling {
        figures.push(("people: agreement among themselves", ceiling.agreement));
        figures.push(("people: kappa among themselves", ceiling.kappa));
    }
    let mut figures: Vec<(String, Option<Figure>)> =
        figures.into_iter().map(|(name, figure)| (name.to_owned(), figure)).collect();
    figures.extend(blocks.controls.iter().map(|(name, figure)| (format!("control: {name}"), *figure)));
    let mut more = vec![
        ("shortcut: the longer one", blocks.shortcuts.length),
        ("shortcut: the longer one, equally good", blocks.shortcuts.length_same_truth),
        ("shortcut: the earlier one", blocks.shortcuts.position),
        ("shortcut: the one without an error", blocks.shortcuts.no_error),
        ("calibration: Brier", blocks.calibration.brier),
        ("calibration: ECE", blocks.calibration.ece),
        ("transitivity: circles", blocks.transitivity.circles),
        ("forecast: wrong pairs", blocks.forecast.flips),
        ("forecast: pairs decided", blocks.forecast.coverage),
    ];
    if let Some(own) = &blocks.self_preference {
        more.push(("self-preference: excess", own.excess));
    }
    figures.extend(more.into_iter().map(|(name, figure)| (name.to_owned(), figure)));
    figures
}

fn shown(figure: Option<Figure>) -> String {
    figure.map_or_else(|| "not measured".to_owned(), |figure| format!("{:.3}", figure.value))
}

/// The first digits of a digest.
fn short(digest: &str) -> &str {
    digest.get(..19).unwrap_or(digest)
}
