//! Groups, the largest of them, verdicts.
//!
//! | candidate | verdict | score |
//! |---|---|---|
//! | it gave no answer | abstain | none |
//! | two groups are equally large, or the largest has not the quorum | abstain (all of them) | none |
//! | it is in the largest group | pass | the group's share |
//! | it is in another group | fail | its group's share |

use sport_sdk::Failure;
use sport_sdk::verify::{Candidate, Judgement, Step};

use crate::answer::Answer;
use crate::config::{Config, ShareOf};

/// Judges every candidate, in the order given.
pub fn judge(step: &Step, config: &Config) -> Result<Vec<Judgement>, Failure> {
    config.check()?;
    let answers: Vec<Option<Answer>> = step
        .candidates
        .iter()
        .map(|candidate| candidate.answer.as_ref().map(|answer| Answer::read(answer, config)))
        .collect();
    let groups = groups(&answers, config);
    // equal candidates are shown once, and are as many votes as there are of them
    let votes = |places: &[usize]| places.iter().map(|&place| step.candidates[place].copies()).sum::<usize>();
    let sizes: Vec<usize> = groups.iter().map(|group| votes(group)).collect();
    let all = match config.share_of {
        ShareOf::All => step.candidates.iter().map(Candidate::copies).sum(),
        ShareOf::Answered => sizes.iter().sum(),
    };
    let outcome = outcome(&sizes, all, config);
    let judged = |place: usize| {
        let Some(own) = groups.iter().position(|group| group.contains(&place)) else {
            return Judgement::abstain("it gave no answer");
        };
        let size = sizes[own];
        match &outcome {
            Ok(best) if *best == own => {
                Judgement::pass(share(size, all), format!("{size} of {all} candidates give this answer"))
            }
            Ok(best) => {
                let most = sizes[*best];
                let rationale =
                    format!("{size} of {all} candidates give this answer, {most} give another one");
                Judgement::fail(share(size, all), rationale)
            }
            Err(why) => Judgement::abstain(why.clone()),
        }
    };
    Ok((0..answers.len()).map(judged).collect())
}

fn share(size: usize, all: usize) -> f64 {
    size as f64 / all.max(1) as f64
}

/// The group that passes, or why none does.
fn outcome(sizes: &[usize], all: usize, config: &Config) -> Result<usize, String> {
    let most = sizes.iter().copied().max().unwrap_or(0);
    let mut largest = (0..sizes.len()).filter(|group| sizes[*group] == most);
    match (largest.next(), largest.next()) {
        (Some(_), Some(_)) => Err(format!("a tie: several answers have {most} candidates each")),
        (Some(_), None) if most < config.votes as usize => {
            Err(format!("no answer has {} candidates, the most is {most}", config.votes))
        }
        (Some(_), None) if share(most, all) < config.quorum => {
            Err(format!("no quorum: the most that agree are {most} of {all}"))
        }
        (Some(best), None) => Ok(best),
        (None, _) => Err("nobody answered".to_owned()),
    }
}

/// Places of the candidates that give the same answer.
fn groups(answers: &[Option<Answer>], config: &Config) -> Vec<Vec<usize>> {
    let mut answered: Vec<(usize, &Answer)> =
        answers.iter().enumerate().filter_map(|(place, answer)| Some((place, answer.as_ref()?))).collect();
    answered.sort_by(|(_, one), (_, other)| one.order(other));
    let mut groups: Vec<(&Answer, Vec<usize>)> = Vec::new();
    for (place, answer) in answered {
        match groups.iter_mut().find(|(first, _)| first.is_like(answer, config)) {
            Some((_, group)) => group.push(place),
            None => groups.push((answer, vec![place])),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}
