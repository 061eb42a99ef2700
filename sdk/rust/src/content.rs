//! What a tool gives back when it is more than one value.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Artifact;

/// One piece of what a model or a person may be shown.
///
/// ```
/// use sport_sdk::{Content, tool};
///
/// /// Draws a dot.
/// #[tool]
/// fn dot() -> Content {
///     Content::Image { media_type: "image/png".to_owned(), bytes: vec![] }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "type")]
pub enum Content {
    /// Plain text.
    Text {
        /// The text.
        text: String,
    },
    /// A picture, inline.
    Image {
        /// Media type, for example `image/png`.
        media_type: String,
        /// The encoded picture.
        bytes: Vec<u8>,
    },
    /// Sound, inline.
    Audio {
        /// Media type, for example `audio/wav`.
        media_type: String,
        /// The encoded sound.
        bytes: Vec<u8>,
    },
    /// A file in the host's store.
    Artifact(Artifact),
    /// A kind that has no case of its own yet.
    Other {
        /// What it is.
        kind: String,
        /// Its value.
        value: Value,
    },
}

impl Content {
    /// Plain text.
    ///
    /// ```
    /// use sport_sdk::Content;
    ///
    /// assert_eq!(Content::text("hi"), Content::Text { text: "hi".to_owned() });
    /// ```
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into() }
    }
}

/// Content for people and a value for programs, where a tool wants to say both itself.
///
/// ```
/// use sport_sdk::{Content, Outcome, json, tool};
///
/// /// Counts, for people and for programs.
/// #[tool]
/// fn count() -> Outcome {
///     Outcome { content: vec![Content::text("three")], structured: Some(json!(3)) }
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Outcome {
    /// What may be shown.
    pub content: Vec<Content>,
    /// The result for programs.
    #[serde(default)]
    pub structured: Option<Value>,
}
