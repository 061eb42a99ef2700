//! Drawing one token from a distribution.

use sport_policy::Error;
use sport_policy::types::Sampling;

/// Refuses settings that cannot be meant.
pub fn check(settings: &Sampling) -> Result<(), Error> {
    if !(settings.temperature.is_finite() && settings.temperature >= 0.0) {
        return Err(Error::BadRequest(format!("temperature {} is not 0 or above", settings.temperature)));
    }
    if !(settings.top_p > 0.0 && settings.top_p <= 1.0) {
        return Err(Error::BadRequest(format!("top_p {} is not above 0 and at most 1", settings.top_p)));
    }
    Ok(())
}

/// Draws an index. `probabilities` are those at the candidate's temperature; `uniform` lies in `0..1`.
///
/// Top-k first, then top-p over what it left (as transformers orders them). Of equal probabilities the lower id
/// counts as the likelier.
pub fn draw(probabilities: &[f32], settings: &Sampling, uniform: f64) -> u32 {
    let (k, top_p) = (settings.top_k as usize, f64::from(settings.top_p));
    if (k == 0 || k >= probabilities.len()) && settings.top_p >= 1.0 {
        let total: f64 = probabilities.iter().map(|p| f64::from(*p)).sum();
        return pick(probabilities.iter().map(|p| f64::from(*p)).enumerate(), uniform * total);
    }
    // Tokens below this cannot be in the nucleus: all of them together weigh less than what it leaves out.
    let floor = if k == 0 { (1.0 - top_p) / probabilities.len() as f64 * 0.5 } else { 0.0 };
    let mut kept: Vec<(usize, f64)> = probabilities
        .iter()
        .map(|p| f64::from(*p))
        .enumerate()
        .filter(|(_, probability)| *probability > floor)
        .collect();
    let likelier = |a: &(usize, f64), b: &(usize, f64)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
    if k > 0 && kept.len() > k {
        kept.select_nth_unstable_by(k - 1, likelier);
        kept.truncate(k);
    }
    kept.sort_unstable_by(likelier);
    let mut total: f64 = kept.iter().map(|(_, probability)| probability).sum();
    if settings.top_p < 1.0 {
        // Without top-k the tokens below the floor count in the whole.
        let whole = if k == 0 { probabilities.iter().map(|p| f64::from(*p)).sum() } else { total };
        let mut sum = 0.0;
        let nucleus = kept.iter().position(|(_, probability)| {
            sum += probability;
            sum >= top_p * whole
        });
        kept.truncate(nucleus.map_or(kept.len(), |last| last + 1));
        total = kept.iter().map(|(_, probability)| probability).sum();
    }
    pick(kept.into_iter(), uniform * total)
}

/// The first index at which the running sum exceeds `threshold`; the last one that has any weight otherwise.
fn pick(weights: impl Iterator<Item = (usize, f64)>, threshold: f64) -> u32 {
    let (mut sum, mut last) = (0.0, 0);
    for (index, weight) in weights {
        if weight > 0.0 {
            sum += weight;
            last = index;
            if sum > threshold {
                break;
            }
        }
    }
    last as u32
}
