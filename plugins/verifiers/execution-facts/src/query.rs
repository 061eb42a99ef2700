//! What a query asks for.

use std::collections::BTreeSet;

use crate::config::{Config, Place};

/// The kind of answer that a query asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// One of these words, for example the names of two files.
    OneOf(Vec<String>),
    /// Yes or no.
    Truth,
    /// A number or a text, as what it is about is.
    Scalar,
}

/// Which end a comparison asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The one with the most.
    Most,
    /// The one with the least.
    Least,
}

/// A query, read.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// Names of the task's files that it names.
    pub files: BTreeSet<String>,
    /// Numbers that it names, file names left out.
    pub numbers: Vec<f64>,
    /// What its words are about; empty when the config knows none of them.
    pub about: BTreeSet<Place>,
    /// Whether it asks to look before answering.
    pub looking: bool,
    /// What kind of answer it asks for.
    pub asked: Asked,
    /// Which end it asks for; none where it has no such word, or words for both.
    pub end: Option<End>,
}

impl Query {
    /// Reads a query with the task's file names and the declared words.
    pub fn read(query: &str, files: &[String], config: &Config) -> Self {
        let mut text = query.to_lowercase();
        let mut named = BTreeSet::new();
        let mut longest_first: Vec<&String> = files.iter().collect();
        longest_first.sort_by_key(|name| std::cmp::Reverse(name.len()));
        for name in longest_first {
            let lower = name.to_lowercase();
            if !lower.is_empty() && text.contains(&lower) {
                named.insert(name.clone());
                // a file's name says nothing about the question: `color.png` is no colour
                text = text.replace(&lower, " \u{1} ");
            }
        }
        let words = words(&text);
        Self {
            numbers: words.iter().filter_map(|word| word.parse().ok()).collect(),
            about: about(&words, config),
            looking: config.looking.iter().any(|phrase| !find(&words, phrase).is_empty()),
            asked: asked(&words, &named),
            end: end(&words, config),
            files: named,
        }
    }
}

/// The query's words; a file name is the word `\u{1}`.
fn words(text: &str) -> Vec<String> {
    text.split(|letter: char| !(letter.is_alphanumeric() || letter == '.' || letter == '\u{1}'))
        .map(|word| word.trim_matches('.').to_owned())
        .filter(|word| !word.is_empty())
        .collect()
}

/// Where a phrase begins, as indices of words.
fn find(words: &[String], phrase: &str) -> Vec<(usize, usize)> {
    let phrase: Vec<&str> = phrase.split_whitespace().collect();
    if phrase.is_empty() || phrase.len() > words.len() {
        return Vec::new();
    }
    (0..=words.len() - phrase.len())
        .filter(|start| words[*start..].iter().zip(&phrase).all(|(word, part)| word == part))
        .map(|start| (start, phrase.len()))
        .collect()
}

/// The places that the query is about; a phrase inside a longer phrase that was found does not count.
fn about(words: &[String], config: &Config) -> BTreeSet<Place> {
    let mut found: Vec<(usize, usize, &[Place])> = Vec::new();
    for entry in &config.about {
        for phrase in &entry.words {
            found.extend(
                find(words, phrase).into_iter().map(|(start, length)| (start, length, entry.on.as_slice())),
            );
        }
    }
    let inside_longer = |start: usize, length: usize| {
        found
            .iter()
            .any(|(other, more, _)| *more > length && *other <= start && start + length <= other + more)
    };
    found
        .iter()
        .filter(|(start, length, _)| !inside_longer(*start, *length))
        .flat_map(|(_, _, places)| places.iter().cloned())
        .collect()
}

fn end(words: &[String], config: &Config) -> Option<End> {
    let any = |phrases: &[String]| phrases.iter().any(|phrase| !find(words, phrase).is_empty());
    match (any(&config.most), any(&config.least)) {
        (true, false) => Some(End::Most),
        (false, true) => Some(End::Least),
        _ => None,
    }
}

fn asked(words: &[String], files: &BTreeSet<String>) -> Asked {
    for (place, word) in words.iter().enumerate() {
        if word != "or" || place == 0 || place + 1 >= words.len() {
            continue;
        }
        let (before, after) = (&words[place - 1], &words[place + 1]);
        if before == "\u{1}" && after == "\u{1}" {
            return Asked::OneOf(files.iter().map(|name| name.to_lowercase()).collect());
        }
        if before != "\u{1}" && after != "\u{1}" {
            return Asked::OneOf(vec![before.clone(), after.clone()]);
        }
    }
    match words.first().map(String::as_str) {
        Some("is" | "are" | "does" | "do" | "has" | "have") => Asked::Truth,
        _ => Asked::Scalar,
    }
}
