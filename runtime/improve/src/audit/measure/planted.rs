//! Planted candidates: how often a verifier was not taken in.

use std::collections::BTreeMap;

use super::Ground;
use crate::audit::interval::{Figure, Sums};
use crate::audit::plant::Plant;

/// Share resisted, by kind; none where no step could be planted so.
pub(in crate::audit) fn controls(ground: &Ground<'_>) -> BTreeMap<String, Option<Figure>> {
    let mut sums: BTreeMap<Plant, Sums<2>> =
        Plant::ALL.into_iter().map(|plant| (plant, Sums::new(ground.tasks.len()))).collect();
    for (task, probe) in ground.asked() {
        for (plant, resisted) in probe.answers.iter().flat_map(|answers| &answers.plants) {
            if let Some(sums) = sums.get_mut(plant) {
                sums.add(task, [f64::from(u8::from(*resisted)), 1.0]);
            }
        }
    }
    sums.into_iter().map(|(plant, sums)| (plant.name().to_owned(), ground.bootstrap.share(&sums))).collect()
}
