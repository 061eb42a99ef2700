//! A query as words.

use std::collections::BTreeSet;

use crate::{About, Place};

/// What stands for a file name among the words.
pub const FILE: &str = "\u{1}";

/// A query's words and the files that it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// Names of the task's files that the query names.
    pub files: BTreeSet<String>,
    /// Its words in lower case; a file name is the word [`FILE`].
    pub words: Vec<String>,
}

impl Words {
    /// Reads a query with the names of the task's files.
    pub fn read(query: &str, files: &[String]) -> Self {
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
        Self { files: named, words: split(&text) }
    }

    /// Whether a phrase occurs.
    pub fn has(&self, phrase: &str) -> bool {
        !self.find(phrase).is_empty()
    }

    /// The places that the query is about; a phrase inside a longer phrase that was found does not count.
    pub fn about(&self, map: &[About]) -> BTreeSet<Place> {
        let mut found: Vec<(usize, usize, &[Place])> = Vec::new();
        for entry in map {
            for phrase in &entry.words {
                found.extend(
                    self.find(phrase).into_iter().map(|(start, length)| (start, length, entry.on.as_slice())),
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

    /// Where a phrase begins, as indices of words, and how long it is.
    fn find(&self, phrase: &str) -> Vec<(usize, usize)> {
        let phrase: Vec<&str> = phrase.split_whitespace().collect();
        if phrase.is_empty() || phrase.len() > self.words.len() {
            return Vec::new();
        }
        (0..=self.words.len() - phrase.len())
            .filter(|start| self.words[*start..].iter().zip(&phrase).all(|(word, part)| word == part))
            .map(|start| (start, phrase.len()))
            .collect()
    }
}

fn split(text: &str) -> Vec<String> {
    text.split(|letter: char| !(letter.is_alphanumeric() || letter == '.' || letter == '\u{1}'))
        .map(|word| word.trim_matches('.').to_owned())
        .filter(|word| !word.is_empty())
        .collect()
}
