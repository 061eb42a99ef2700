//! Which phrasing meets which image: every possible task of a family, shuffled once, then dealt out.

use std::collections::{BTreeMap, BTreeSet};

use rand::Rng;
use rand::seq::SliceRandom;

use super::formula::Subject;
use super::grammar::{Family, Grammar, Kind, Set};
use super::{ImageFacts, Spec};
use crate::error::Error;
use crate::seed::{Purpose, stream};
use crate::task::{AnswerKind, Split, Task};

/// Number families have no images to run out of: this many tasks of each are put into the shuffle, enough for
/// some hundred iterations.
const NUMBER_TASKS: usize = 4096;

pub(super) fn generate(grammar: &Grammar, spec: &Spec, images: &[ImageFacts]) -> Result<Vec<Task>, Error> {
    if let Some(name) = spec.families.iter().find(|name| grammar.family(name).is_none()) {
        let known: Vec<&str> = grammar.family.iter().map(|family| family.name.as_str()).collect();
        return Err(Error::Synthesize(format!(
            "there is no family `{name}`: `synthesize.families` may name {}",
            known.join(", ")
        )));
    }
    let images = of_split(grammar, spec.split, images);
    let (main, beside) = chosen(grammar, spec);
    let mut decks = Vec::new();
    for family in main.iter().chain(&beside) {
        let deck = deck(family, spec, &images)
            .map_err(|error| Error::Synthesize(format!("family `{}`: {error}", family.name)))?;
        decks.push((*family, deck));
    }
    let mut shares = even(spec.tasks as usize, &decks[..main.len()])?;
    let beside_share = spec.tasks as usize / main.len().max(1) / 2;
    shares.extend(decks[main.len()..].iter().map(|(_, deck)| deck.len().min(beside_share.max(1))));

    let mut tasks = Vec::new();
    let mut queries = BTreeSet::new();
    for ((family, deck), share) in decks.iter().zip(shares) {
        // the deck is dealt like cards: iteration k gets the k-th handful, and only when the deck is used up does
        // it begin again
        let first =
            if spec.split == Split::Train { spec.iteration.saturating_sub(1) as usize * share } else { 0 };
        for number in 0..share {
            let card = &deck[(first + number) % deck.len()];
            if queries.insert(card.query.clone()) {
                tasks.push(card.task(family, spec, number));
            }
        }
    }
    Ok(tasks)
}

/// The families to take: those that are counted in `tasks`, and those on top.
fn chosen<'a>(grammar: &'a Grammar, spec: &Spec) -> (Vec<&'a Family>, Vec<&'a Family>) {
    let named = |family: &&Family| spec.families.contains(&family.name);
    let of_set = |set: Set| grammar.family.iter().filter(move |family| family.set == set);
    if !spec.families.is_empty() {
        return (grammar.family.iter().filter(named).collect(), Vec::new());
    }
    let beside = if spec.split == Split::HeldOut {
        of_set(Set::Hard).chain(of_set(Set::MultiStep)).collect()
    } else {
        Vec::new()
    };
    (of_set(Set::Demo).collect(), beside)
}

/// The images of a split: the grammar's, and of those it does not know every one whose name says so. A name's
/// hash decides, so that adding an image moves no other.
fn of_split<'a>(grammar: &Grammar, split: Split, images: &'a [ImageFacts]) -> Vec<&'a ImageFacts> {
    let mut images: Vec<&ImageFacts> = images
        .iter()
        .filter(|image| {
            let name = &image.file.name;
            let listed = grammar.images.iter().find(|(_, listed)| *listed == name).map(|(split, _)| split);
            let by_name = || match crate::seed::seed(0, Purpose::Synthesize, &["image", name]) % 8 {
                0..=3 => Split::Train,
                4 => Split::Audit,
                _ => Split::HeldOut,
            };
            listed.unwrap_or_else(by_name) == split
        })
        .collect();
    images.sort_by(|one, other| one.file.name.cmp(&other.file.name));
    images
}

/// Spreads `tasks` evenly; what a small family cannot take goes to the others.
fn even(tasks: usize, decks: &[(&Family, Vec<Card<'_>>)]) -> Result<Vec<usize>, Error> {
    if let Some((family, _)) = decks.iter().find(|(_, deck)| deck.is_empty()) {
        return Err(Error::Synthesize(format!(
            "family `{}` has no task: no image of the split fits it; add images or leave it out of \
             `synthesize.families`",
            family.name
        )));
    }
    let possible: usize = decks.iter().map(|(_, deck)| deck.len()).sum();
    if possible < tasks {
        return Err(Error::Synthesize(format!(
            "{tasks} tasks are wanted but only {possible} are possible: add images, or ask for fewer"
        )));
    }
    let mut shares = vec![0; decks.len()];
    let mut left = tasks;
    while left > 0 {
        for (share, (_, deck)) in shares.iter_mut().zip(decks) {
            if left > 0 && *share < deck.len() {
                *share += 1;
                left -= 1;
            }
        }
    }
    Ok(shares)
}

/// One possible task.
struct Card<'a> {
    query: String,
    phrasing: &'a str,
    images: Vec<&'a ImageFacts>,
    answer: serde_json::Value,
}

impl Card<'_> {
    fn task(&self, family: &Family, spec: &Spec, number: usize) -> Task {
        let split = spec.split.name();
        let id = match spec.split {
            Split::Train => format!("{split}-{}-{}-{number:03}", spec.iteration, family.name),
            _ => format!("{split}-{}-{number:03}", family.name),
        };
        let names = || self.images.iter().map(|image| image.file.name.clone()).collect();
        Task {
            id,
            split: spec.split,
            family: family.name.clone(),
            template: self.phrasing.to_owned(),
            query: self.query.clone(),
            files: self.images.iter().map(|image| image.file.clone()).collect(),
            answer: self.answer.clone(),
            kind: match &family.kind {
                Kind::Number(tolerance) => AnswerKind::Number { tolerance: *tolerance },
                Kind::Which => AnswerKind::Choice { options: names() },
                Kind::Choice(options) => AnswerKind::Choice { options: options.clone() },
                Kind::Text => AnswerKind::Text,
                Kind::Boolean => AnswerKind::Boolean,
            },
        }
    }
}

/// Every task of a family that its condition allows, shuffled by the seed.
fn deck<'a>(family: &'a Family, spec: &Spec, images: &[&'a ImageFacts]) -> Result<Vec<Card<'a>>, String> {
    let mut random = stream(spec.seed, Purpose::Synthesize, &[spec.split.name(), &family.name]);
    let phrasings = family.ask.of(spec.split);
    let mut deck = Vec::new();
    let mut queries = BTreeSet::new();
    let groups = groups(family.images, images);
    let repeats =
        if family.images == 0 && !phrasings.is_empty() { NUMBER_TASKS / phrasings.len() } else { 1 };
    for phrasing in phrasings {
        for group in &groups {
            for _ in 0..repeats {
                let numbers: BTreeMap<String, i64> = family
                    .numbers
                    .iter()
                    .map(|(slot, [low, high])| (slot.clone(), random.random_range(*low..=*high)))
                    .collect();
                let subject = Subject { images: group, numbers: &numbers };
                if let Some(condition) = &family.condition
                    && !condition.holds(subject)?
                {
                    continue;
                }
                let query = fill(phrasing, group, &numbers);
                if queries.insert(query.clone()) {
                    deck.push(Card {
                        query,
                        phrasing,
                        images: group.clone(),
                        answer: family.answer.json(subject)?,
                    });
                }
            }
        }
    }
    deck.shuffle(&mut random);
    Ok(deck)
}

/// Every ordered choice of so many images.
fn groups<'a>(count: usize, images: &[&'a ImageFacts]) -> Vec<Vec<&'a ImageFacts>> {
    match count {
        0 => vec![Vec::new()],
        1 => images.iter().map(|image| vec![*image]).collect(),
        _ => images
            .iter()
            .flat_map(|one| {
                images
                    .iter()
                    .filter(move |other| other.file.name != one.file.name)
                    .map(move |other| vec![*one, *other])
            })
            .collect(),
    }
}

fn fill(phrasing: &str, images: &[&ImageFacts], numbers: &BTreeMap<String, i64>) -> String {
    let mut query = phrasing.to_owned();
    for (slot, image) in ["{a}", "{b}"].iter().zip(images) {
        query = query.replace(slot, &image.file.name);
    }
    for (slot, number) in numbers {
        query = query.replace(&format!("{{{slot}}}"), &number.to_string());
    }
    query
}
