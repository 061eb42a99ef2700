//! How far two raters agree beyond chance, from a two by two table.

/// Cohen's kappa of `[[both yes, first only], [second only, both no]]`; none where chance alone would agree always.
pub fn cohen_kappa(table: [[f64; 2]; 2]) -> Option<f64> {
    let (observed, first, second) = margins(table)?;
    let expected = first * second + (1.0 - first) * (1.0 - second);
    (expected < 1.0).then(|| (observed - expected) / (1.0 - expected))
}

/// Gwet's AC1 of the same table, which stays sensible where one answer is rare.
pub fn gwet_ac1(table: [[f64; 2]; 2]) -> Option<f64> {
    let (observed, first, second) = margins(table)?;
    let share = (first + second) / 2.0;
    let expected = 2.0 * share * (1.0 - share);
    Some((observed - expected) / (1.0 - expected))
}

/// Observed agreement, and each rater's share of yes.
fn margins([[both, only_first], [only_second, neither]]: [[f64; 2]; 2]) -> Option<(f64, f64, f64)> {
    let all = both + only_first + only_second + neither;
    (all > 0.0).then(|| ((both + neither) / all, (both + only_first) / all, (both + only_second) / all))
}
