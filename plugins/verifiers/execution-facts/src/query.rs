//! What a query asks for.

use std::collections::BTreeSet;

use sport_about::{FILE, Words};

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
        let words = Words::read(query, files);
        Self {
            numbers: words.words.iter().filter_map(|word| word.parse().ok()).collect(),
            about: words.about(&config.about),
            looking: config.looking.iter().any(|phrase| words.has(phrase)),
            asked: asked(&words.words, &words.files),
            end: end(&words, config),
            files: words.files,
        }
    }
}

fn end(words: &Words, config: &Config) -> Option<End> {
    let any = |phrases: &[String]| phrases.iter().any(|phrase| words.has(phrase));
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
        if before == FILE && after == FILE {
            return Asked::OneOf(files.iter().map(|name| name.to_lowercase()).collect());
        }
        if before != FILE && after != FILE {
            return Asked::OneOf(vec![before.clone(), after.clone()]);
        }
    }
    match words.first().map(String::as_str) {
        Some("is" | "are" | "does" | "do" | "has" | "have") => Asked::Truth,
        _ => Asked::Scalar,
    }
}
