//! What an answer should depend on.

use std::collections::BTreeSet;

use sport_about::calls::{file_of, has_text};
use sport_about::{Place, Words};
use sport_sdk::verify::{Step, ToolUse};

use crate::config::Config;

/// What an answer should depend on; depending on anything else is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Names of the task's files, all of them: a call about a file that the query does not name is about that file.
    pub files: BTreeSet<String>,
    /// Each of these must make a difference.
    pub needs: BTreeSet<Need>,
    /// Who says so, for rationales.
    pub by: By,
}

/// One thing that must make a difference.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Need {
    /// The tool and the place in its result; all that lies below the place belongs to it.
    pub place: Place,
    /// The file that the call is about, if it is about one.
    pub file: Option<String>,
}

/// Who says what an answer should depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The declared map.
    Map,
    /// A model.
    Model,
}

/// By the declared map; none where no entry's words occur, or where they are declared to be about nothing.
pub fn declared(step: &Step, config: &Config) -> Option<Wanted> {
    let files = file_names(step);
    let words = Words::read(&step.query, &files);
    let mut needs = BTreeSet::new();
    for place in words.about(&config.about) {
        if words.files.is_empty() {
            needs.insert(Need { place, file: None });
        } else {
            let need = |file: &String| Need { place: place.clone(), file: Some(file.clone()) };
            needs.extend(words.files.iter().map(need));
        }
    }
    let files = files.into_iter().collect();
    (!needs.is_empty()).then_some(Wanted { files, needs, by: By::Map })
}

/// Names of the task's files.
pub fn file_names(step: &Step) -> Vec<String> {
    step.files.iter().filter_map(|file| file.name.clone()).collect()
}

impl Need {
    /// Whether a place in the result of a call is what is needed. A call that is about no file can be about any.
    pub fn is_met_by(&self, call: &ToolUse, pointer: &str, files: &BTreeSet<String>) -> bool {
        self.is_about(call, files)
            && pointer
                .strip_prefix(&self.place.pointer)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Whether a call can give what is needed.
    pub fn is_about(&self, call: &ToolUse, files: &BTreeSet<String>) -> bool {
        let its = file_of(call, files);
        self.place.tool == call.name
            && has_text(&call.arguments, &self.place.with)
            && self.file.as_ref().is_none_or(|file| its.is_empty() || its == *file)
    }

    /// Its name for a person.
    pub fn shown(&self) -> String {
        let place = match self.place.pointer.as_str() {
            "" => self.place.tool.clone(),
            pointer => format!("{pointer} of {}", self.place.tool),
        };
        self.file.as_ref().map_or(place.clone(), |file| format!("{place} for {file}"))
    }
}
