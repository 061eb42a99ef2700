//! The task and the candidates as a model sees them.
//!
//! Headings are ours and stand at the beginning of a line; every line of foreign text is marked ([`sport_asking::data`]). What could tell
//! candidates apart by anything but their deeds is left out: names, sizes, times, how much was cut.

use sport_asking::data::{capped, marked, one_line};
use sport_sdk::verify::{Candidate, EndingKind, Execution, Step, ToolInfo, ToolUse};
use sport_sdk::{Artifact, Content};

use crate::config::Config;

/// What a model is shown of one thing: text, and images that belong to it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Look {
    /// Headings and marked lines.
    pub text: String,
    /// Images, where they are shown.
    pub images: Vec<Content>,
}

/// Most images of a candidate, and of the task.
pub const IMAGES: usize = 2;

/// Bytes of all images of a question. The host takes 24 MiB, and some of a question is not images.
const IMAGE_BYTES: u64 = 20 << 20;

/// What models that see are known to take.
const FORMATS: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

/// Longest description of a tool, in letters.
const DESCRIPTION: usize = 300;

/// Largest image when so many candidates are shown at once: none may crowd out another's.
pub fn image_bytes(candidates: usize) -> u64 {
    IMAGE_BYTES / ((candidates + 1) * IMAGES) as u64
}

/// The task with what earlier steps did.
pub fn task(step: &Step, config: &Config, largest: u64) -> Look {
    let most = config.task_chars as usize;
    let mut look = Look::default();
    look.add("the task", &capped(&step.query, most));
    if !step.files.is_empty() {
        let line = |(place, file): (usize, &Artifact)| {
            let name = file.name.as_deref().unwrap_or("a file without a name");
            match step.captions.get(place).filter(|caption| !caption.is_empty()) {
                Some(caption) => one_line(&format!("{name}: {caption}")),
                None => one_line(name),
            }
        };
        let lines: Vec<String> = step.files.iter().enumerate().map(line).collect();
        look.add("its files", &capped(&lines.join("\n"), most));
    }
    let tool = |tool: &ToolInfo| short(&format!("{}: {}", tool.name, tool.description), DESCRIPTION);
    look.add("the tools", &step.tools.iter().map(tool).collect::<Vec<_>>().join("\n"));
    for (place, past) in step.history.iter().enumerate() {
        look.add(&format!("earlier step {}: code", place + 1), &capped(&past.code, most));
        let (output, _) = observed(&past.observation, false, 0);
        look.add(&format!("earlier step {}: what it showed", place + 1), &capped(&output, most));
    }
    if config.images {
        let files: Vec<Content> = step.files.iter().cloned().map(Content::Artifact).collect();
        look.images = observed(&files, true, largest).1;
    }
    look
}

/// A candidate, without its number.
pub fn candidate(candidate: &Candidate, config: &Config, largest: u64) -> Look {
    let most = config.part_chars as usize;
    let mut look = Look::default();
    look.add("thought", &capped(&candidate.thought, most));
    look.add("code", &capped(&candidate.code, most));
    let calls: Vec<String> = candidate.execution.tools.iter().map(|call| called(call, most)).collect();
    look.add("tool calls that the host saw", &capped(&calls.join("\n"), most));
    look.add("how it ended", &capped(&ended(&candidate.execution), most));
    let (output, images) = observed(&candidate.observation, config.images, largest);
    look.add("what it showed", &capped(&output, most));
    if let Some(answer) = &candidate.answer {
        let answer = answer.as_str().map_or_else(|| answer.to_string(), str::to_owned);
        look.add("the answer that it gave", &capped(&answer, most));
    }
    look.images = images;
    look
}

/// A question's content: the task, then each candidate between its headings.
pub fn question(task: &Look, candidates: &[&Look]) -> Vec<Content> {
    let mut content = Vec::new();
    let mut text = task.text.clone();
    let mut add = |text: &mut String, images: &[Content]| {
        if !images.is_empty() {
            text.push_str("images\n");
            content.push(Content::text(std::mem::take(text)));
            content.extend(images.iter().cloned());
        }
    };
    add(&mut text, &task.images);
    for (place, candidate) in candidates.iter().enumerate() {
        let number = place + 1;
        text.push_str(&format!("\n=== candidate {number} ===\n{}", candidate.text));
        add(&mut text, &candidate.images);
        text.push_str(&format!("=== end of candidate {number} ===\n"));
    }
    content.push(Content::text(text));
    content
}

impl Look {
    fn add(&mut self, heading: &str, text: &str) {
        if !text.is_empty() {
            self.text.push_str(heading);
            self.text.push('\n');
            self.text.push_str(&marked(text));
        }
    }
}

/// One call in one line, or what a candidate hands to a tool could look like another call. A long list of calls is cut as a whole, so one that
/// gave much must not hide the others.
fn called(call: &ToolUse, most: usize) -> String {
    let outcome = match &call.outcome {
        Ok(Some(result)) => format!("gave {result}"),
        Ok(None) => "gave no structured result".to_owned(),
        Err(failure) => format!("failed: {}", failure.message),
    };
    let arguments = short(&call.arguments.to_string(), most / 4);
    format!("{} {arguments} {}", one_line(&call.name), short(&outcome, most / 4))
}

fn short(text: &str, most: usize) -> String {
    one_line(&capped(text, most))
}

fn ended(execution: &Execution) -> String {
    let how = match execution.ending {
        EndingKind::Value => "it ran to its end without an answer",
        EndingKind::Answered => "it gave an answer",
        EndingKind::Raised => "it raised an exception",
        EndingKind::Exited => "it called exit",
        EndingKind::Deadline => "its time was up",
        EndingKind::Exhausted => "it used up what it may use",
        EndingKind::Trapped => "it crashed",
        EndingKind::Cancelled => "it was cancelled",
        EndingKind::Unparsed => "there was no code to run",
    };
    execution.error.as_ref().map_or_else(|| how.to_owned(), |error| one_line(&format!("{how}: {error}")))
}

/// What was shown, as text, and the images that are shown on.
fn observed(observation: &[Content], with_images: bool, largest: u64) -> (String, Vec<Content>) {
    let mut lines = Vec::new();
    let mut images = Vec::new();
    for piece in observation {
        let image = match piece {
            Content::Text { text } => {
                lines.push(text.clone());
                continue;
            }
            Content::Image { media_type, bytes } => Some((media_type.as_str(), bytes.len() as u64)),
            Content::Artifact(file) => Some((file.media_type.as_str(), file.size)),
            Content::Audio { .. } | Content::Other { .. } => None,
        };
        match image {
            Some((kind, size)) if FORMATS.contains(&kind) => {
                if with_images && size <= largest && images.len() < IMAGES {
                    images.push(piece.clone());
                } else {
                    lines.push("(an image that is not shown here)".to_owned());
                }
            }
            _ => lines.push("(something that is neither text nor an image)".to_owned()),
        }
    }
    (lines.join("\n"), images)
}
