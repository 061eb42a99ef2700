//! Other tools, on the caller's own budget and grants. Using it makes the component import `sport:host/tools`, which must be
//! granted.
//!
//! ```
//! use sport_sdk::{Failure, json, tools};
//!
//! fn twice(expression: &str) -> Result<f64, Failure> {
//!     let outcome = tools::invoke("calculate", &json!({ "expression": format!("2*({expression})") }))?;
//!     outcome.structured.and_then(|value| value.as_f64()).ok_or_else(|| Failure::internal("no number came back"))
//! }
//!
//! let host = sport_sdk::testing::Host::new();
//! host.tool("calculate", |arguments| {
//!     assert_eq!(arguments["expression"], "2*(20+1)");
//!     Ok(sport_sdk::Outcome { structured: Some(json!(42)), ..Default::default() })
//! });
//! assert_eq!(twice("20+1"), Ok(42.0));
//! ```

use serde_json::Value;

use crate::{Failure, Outcome};

/// A tool that may be called.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolInfo {
    /// What to call it by.
    pub name: String,
    /// What it does.
    pub description: String,
    /// JSON Schema of its arguments.
    pub input_schema: Value,
}

/// The tools that may be called.
///
/// ```
/// let host = sport_sdk::testing::Host::new();
/// host.tool("calculate", |_| Ok(Default::default()));
/// assert_eq!(sport_sdk::tools::list()?[0].name, "calculate");
/// # Ok::<(), sport_sdk::Failure>(())
/// ```
pub fn list() -> Result<Vec<ToolInfo>, Failure> {
    backend::list()
}

/// Calls a tool with arguments as its schema wants them; a file is an artifact that this call may read.
///
/// ```
/// use sport_sdk::{json, tools};
///
/// let host = sport_sdk::testing::Host::new();
/// let failure = tools::invoke("calculate", &json!({})).unwrap_err();
/// assert_eq!(failure.code, "no-such-tool");
/// ```
pub fn invoke(name: &str, arguments: &Value) -> Result<Outcome, Failure> {
    backend::invoke(name, arguments)
}

#[cfg(target_family = "wasm")]
mod backend {
    use serde_json::Value;

    use super::ToolInfo;
    use crate::bindings::host::sport::host::tools;
    use crate::{Failure, Outcome, glue};

    pub fn list() -> Result<Vec<ToolInfo>, Failure> {
        let lift = |tool: tools::ToolInfo| {
            let input_schema = glue::parse(&tool.input_schema, "a tool's schema")?;
            Ok(ToolInfo { name: tool.name, description: tool.description, input_schema })
        };
        tools::list_tools().into_iter().map(lift).collect()
    }

    pub fn invoke(name: &str, arguments: &Value) -> Result<Outcome, Failure> {
        let outcome = tools::invoke(name, &arguments.to_string()).map_err(Failure::from_host)?;
        Ok(Outcome {
            content: outcome.content.into_iter().map(glue::lift_content).collect::<Result<_, _>>()?,
            structured: outcome
                .structured
                .map(|structured| glue::parse(&structured, "a tool's result"))
                .transpose()?,
        })
    }
}

#[cfg(not(target_family = "wasm"))]
mod backend {
    use serde_json::{Value, json};

    use super::ToolInfo;
    use crate::{Failure, Outcome, native};

    #[expect(clippy::unnecessary_wraps, reason = "in a component it can fail")]
    pub fn list() -> Result<Vec<ToolInfo>, Failure> {
        let info = |name: &String| ToolInfo {
            name: name.clone(),
            description: String::new(),
            input_schema: json!({ "type": "object" }),
        };
        Ok(native::with(|state| state.tools.keys().map(info).collect()))
    }

    pub fn invoke(name: &str, arguments: &Value) -> Result<Outcome, Failure> {
        match native::with(|state| state.tools.get(name).cloned()) {
            Some(tool) => tool(arguments.clone()),
            None => Err(Failure::not_found(format!("there is no tool {name:?}; give the test's host one"))
                .code("no-such-tool")),
        }
    }
}
