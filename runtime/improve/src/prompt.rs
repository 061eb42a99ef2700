//! Between the loop's records and the policy's prompt form.

use std::path::Path;

use sport_policy::form::{PastStep, StepText, ToolText};
use sport_policy::types::{PolicyInfo, Sample};
use sport_sandbox::ToolInfo;

use crate::error::Error;
use crate::observation::Past;
use crate::store::Action;
use crate::task::Task;

/// How a step becomes text, for one model.
#[derive(Clone, Debug)]
pub struct PromptForm {
    form: sport_policy::PromptForm,
    chat_template: Option<String>,
}

impl PromptForm {
    /// Reads the form file.
    pub fn load(path: &Path) -> Result<Self, Error> {
        Ok(Self { form: sport_policy::PromptForm::load(path)?, chat_template: None })
    }

    /// Takes the model's chat template, for forms that need one.
    pub fn for_model(mut self, info: &PolicyInfo) -> Self {
        self.chat_template.clone_from(&info.chat_template);
        self
    }

    /// Digest of the form file.
    pub fn digest(&self) -> &str {
        self.form.digest()
    }

    /// Longest action in tokens.
    pub fn max_tokens(&self) -> u32 {
        self.form.max_tokens()
    }

    /// Where an action ends.
    pub fn stop(&self) -> Vec<String> {
        self.form.stop().to_vec()
    }

    /// The prompt of a step. Of the task only what the policy may know goes in.
    pub fn render(&self, task: &Task, tools: &[ToolInfo], past: &[Past]) -> Result<String, Error> {
        let step = StepText {
            query: task.query.clone(),
            files: task.files.iter().map(|file| file.name.clone()).collect(),
            captions: if task.files.iter().all(|file| file.caption.is_empty()) {
                Vec::new()
            } else {
                task.captions()
            },
            tools: tools.iter().map(tool_text).collect(),
            steps: past
                .iter()
                .map(|past| PastStep {
                    thought: past.action.thought.clone(),
                    code: past.action.code.clone(),
                    observation: past.observation.clone(),
                })
                .collect(),
            depth: past.len() as u32,
        };
        Ok(self.form.render(&step, self.chat_template.as_deref())?)
    }

    /// What a sample says to do; without code in it, the code is empty.
    pub fn action(&self, sample: &Sample) -> Action {
        let action = self.form.parse_action(&sample.text);
        action.map_or_else(Action::default, |action| Action { thought: action.thought, code: action.code })
    }
}

/// `name(required=, optional=…)`.
fn tool_text(tool: &ToolInfo) -> ToolText {
    let properties = tool.input_schema.get("properties").and_then(|properties| properties.as_object());
    let required = tool.input_schema.get("required").and_then(|required| required.as_array());
    let needed = |name: &str| required.is_some_and(|names| names.iter().any(|known| known == name));
    let parameters: Vec<String> = properties
        .into_iter()
        .flatten()
        .map(|(name, _)| if needed(name) { format!("{name}=") } else { format!("{name}=None") })
        .collect();
    ToolText {
        name: tool.name.clone(),
        signature: format!("{}({})", tool.name, parameters.join(", ")),
        description: tool.description.clone(),
    }
}
