//! Reading queries.
//!
//! * a file's name says nothing about the question
//! * phrases beat the words inside them
//! * numbers of file names are not numbers of the query
//! * the kind of answer: one of two files, one of two words, yes or no, else a scalar
//! * every word of every family that Sport comes with is declared in the quickstart's config: see the improve crate

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;

use serde_json::json;
use sport_execution_facts::config::Config;
use sport_execution_facts::query::{Asked, Query};

fn config() -> Config {
    serde_json::from_value(json!({
        "about": [
            { "words": ["color"], "on": [{ "tool": "mean_color", "pointer": "/name" }] },
            { "words": ["mean color", "pixels wide"], "on": [] },
            { "words": ["wide"], "on": [{ "tool": "image_info", "pointer": "/width" }] },
            { "words": ["width"], "on": [{ "tool": "image_info", "pointer": "/width" }] }
        ],
        "looking": ["first"]
    }))
    .unwrap()
}

fn read(query: &str, files: &[&str]) -> Query {
    Query::read(query, &files.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>(), &config())
}

#[test]
fn file_names_are_no_words() {
    let query = read(r#"What is the width of "color.png"?"#, &["color.png"]);
    assert_eq!(query.about.iter().map(|place| place.pointer.as_str()).collect::<Vec<_>>(), ["/width"]);
    assert_eq!(query.files, BTreeSet::from(["color.png".to_owned()]));
    let query = read(r#"How wide is "photo 12.png"?"#, &["photo 12.png"]);
    assert!(query.numbers.is_empty());
}

#[test]
fn longer_phrases_count() {
    assert!(read("the mean color", &[]).about.is_empty());
    assert_eq!(read("the color", &[]).about.len(), 1);
    assert_eq!(read("the mean color and the color", &[]).about.len(), 1);
    assert!(read("how many pixels wide", &[]).about.is_empty());
}

#[test]
fn numbers_and_looking() {
    let query = read("First: what is 12.5 times 7?", &[]);
    assert_eq!(query.numbers, [12.5, 7.0]);
    assert!(query.looking);
    assert!(!read("What is the firstborn?", &[]).looking);
}

#[test]
fn kinds_of_answers() {
    let files = ["a.png", "b.png"];
    let which = read(r#"Is "a.png" or "b.png" the wider image?"#, &files);
    assert_eq!(which.asked, Asked::OneOf(vec!["a.png".to_owned(), "b.png".to_owned()]));
    let choice = read(r#"Is "a.png" portrait or landscape?"#, &["a.png"]);
    assert_eq!(choice.asked, Asked::OneOf(vec!["portrait".to_owned(), "landscape".to_owned()]));
    assert_eq!(read(r#"Is "a.png" wide?"#, &["a.png"]).asked, Asked::Truth);
    assert_eq!(read(r#"How wide is "a.png"?"#, &["a.png"]).asked, Asked::Scalar);
}
