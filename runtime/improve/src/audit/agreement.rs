//! How far two raters agree beyond chance, from a table of what the first said by what the second said.

/// Cohen's kappa, in -1 to 1; none of nothing, and where chance alone would agree always.
pub fn cohen_kappa<const N: usize>(table: [[f64; N]; N]) -> Option<f64> {
    let all: f64 = table.iter().flatten().sum();
    let said = |index: usize| table[index].iter().sum::<f64>() / all;
    let other_said = |index: usize| table.iter().map(|row| row[index]).sum::<f64>() / all;
    let observed = (0..N).map(|index| table[index][index]).sum::<f64>() / all;
    let expected: f64 = (0..N).map(|index| said(index) * other_said(index)).sum();
    (all > 0.0 && expected < 1.0).then(|| (observed - expected) / (1.0 - expected))
}

/// Gwet's AC1 of `[[both yes, first only], [second only, both no]]`, which stays sensible where one answer is rare.
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
