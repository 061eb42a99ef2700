//! Calls of the plugins' tools: arguments with links turned into files, results with files turned into links.

use std::sync::Arc;

use rmcp::RoleServer;
use rmcp::model::{CallToolResult, ContentBlock, JsonObject};
use rmcp::service::RequestContext;
use serde_json::Value;
use sport_sandbox::{
    ArtifactStore, Branch, Budget, Content, Failure, Limits, Outcome, ToolHost, ToolInfo, Toolbox,
};

use super::call::{self, Words};
use super::catalogue::{Schemas, Served};
use super::server::Shared;
use super::shelf::Blocks;
use super::{failure, files, shelf};

/// Calls a tool of a plugin. It has files and state of its own, for this call: what lasts lies in sessions.
pub async fn call(
    shared: &Arc<Shared>,
    served: Arc<Served>,
    name: &str,
    arguments: JsonObject,
    context: &RequestContext<RoleServer>,
) -> Result<CallToolResult, Failure> {
    let budget = Budget::new(limits_of(shared, name));
    let work = {
        let (shared, name, budget) = (Arc::clone(shared), name.to_owned(), budget.clone());
        move || work(&shared, &served, &name, Value::Object(arguments), &budget)
    };
    call::run(context, name, &budget, &Words::default(), work).await?
}

/// What one call of a tool may use.
fn limits_of(shared: &Shared, name: &str) -> Limits {
    let deadline = shared.catalogue.wanted().deadline_of(name);
    Limits { wall: deadline, cpu: Limits::tool().cpu.min(deadline), ..Limits::tool() }
}

/// The tools as code in a session calls them: each with its own deadline, and never more than the run has left.
pub struct Callable {
    toolbox: Toolbox,
    shared: Arc<Shared>,
}

impl Callable {
    /// Those that are served now, with their artifacts in `store`.
    pub fn now(shared: &Arc<Shared>, store: &ArtifactStore) -> Result<Self, Failure> {
        let plugins = shared.catalogue.now().plugins.clone();
        let toolbox = Toolbox::new(plugins, store.clone()).map_err(|error| failure::of(&error))?;
        Ok(Self { toolbox, shared: Arc::clone(shared) })
    }
}

impl ToolHost for Callable {
    fn tools(&self) -> Vec<ToolInfo> {
        self.toolbox.tools()
    }

    fn invoke(
        &mut self,
        name: &str,
        arguments: &Value,
        branch: &mut Branch,
        budget: &Budget,
    ) -> Result<Outcome, Failure> {
        self.toolbox.invoke(name, arguments, branch, &budget.child(limits_of(&self.shared, name)))
    }
}

fn work(
    shared: &Shared,
    served: &Served,
    name: &str,
    mut arguments: Value,
    budget: &Budget,
) -> Result<CallToolResult, Failure> {
    let store = ArtifactStore::new_in_memory();
    let toolbox = Toolbox::new(served.plugins.clone(), store.clone()).map_err(|error| failure::of(&error))?;
    let mut branch = Branch::open(&shared.files).map_err(|error| failure::of(&error))?;
    let schemas = served.schemas.get(name);
    if let Some(schemas) = schemas {
        take_files(schemas, name, &mut arguments, &mut branch, &store, shared)?;
    }
    let outcome = (&toolbox).invoke(name, &arguments, &mut branch, budget)?;
    result(outcome, schemas.and_then(|schemas| schemas.output.as_ref()), &branch, &store, shared)
}

/// Puts the files behind links where the tool's names lead to.
fn take_files(
    schemas: &Schemas,
    tool: &str,
    arguments: &mut Value,
    branch: &mut Branch,
    store: &ArtifactStore,
    shared: &Shared,
) -> Result<(), Failure> {
    // Before anything is looked for in them: that bounds the work.
    schemas.input.check(arguments).map_err(|reason| failure::bad(format!("{tool}: {reason}")))?;
    let mut count = 0;
    schemas.input.artifacts(arguments, &mut |value| {
        let Some(uri) = value.as_str().filter(|name| files::is_uri(name)) else { return Ok(()) };
        count += 1;
        if count > super::limits::FILES {
            let most = super::limits::FILES;
            return Err(failure::bad(format!("{tool}: the most files that one call hands in is {most}")));
        }
        let file = files::from_uri(uri, &shared.shelf)?;
        let media_type = file.media_type.as_deref().unwrap_or("application/octet-stream");
        let artifact = store.put(&file.bytes, media_type, None).map_err(|error| failure::of(&error))?;
        *value = Value::from(branch.files.add_artifact(&artifact, store)?);
        Ok(())
    })
}

fn result(
    outcome: Outcome,
    schema: Option<&sport_sandbox::Schema>,
    branch: &Branch,
    store: &ArtifactStore,
    shared: &Shared,
) -> Result<CallToolResult, Failure> {
    let Outcome { content, mut structured } = outcome;
    let mut blocks = Blocks::new(Vec::new());
    let mut has_files = false;
    for piece in &content {
        has_files |= matches!(piece, Content::Artifact(_));
        show(piece, store, shared, &mut blocks)?;
    }
    match (&mut structured, schema) {
        // Agent code gets a file as a path; a client gets it as a link.
        (Some(value), Some(schema)) => schema.artifacts(value, &mut |value| {
            // A schema may lead to the same place twice.
            if let Some(path) = value.as_str().filter(|path| !files::is_uri(path)) {
                let artifact = branch.files.artifact(path, store)?;
                shared.shelf.keep(&artifact, store)?;
                *value = Value::from(shelf::uri(&artifact));
            }
            Ok(())
        })?,
        // Made for agent code of files alone: the links say the same.
        (Some(_), None) if has_files => structured = None,
        _ => {}
    }
    if let Some(structured) = &structured
        && !blocks.content.iter().any(|block| block.as_text().is_some())
    {
        // For clients that know no structured content.
        blocks.content.insert(0, ContentBlock::text(structured.to_string()));
    }
    let mut result = CallToolResult::success(blocks.content);
    result.structured_content = structured;
    Ok(result)
}

/// One piece of what a tool gave back or code displayed.
pub fn show(
    piece: &Content,
    store: &ArtifactStore,
    shared: &Shared,
    blocks: &mut Blocks,
) -> Result<(), Failure> {
    match piece {
        Content::Text { text } => blocks.content.push(ContentBlock::text(text)),
        Content::Artifact(artifact) => blocks.add(&shared.shelf.keep(artifact, store)?),
        Content::Other { kind, value } => {
            blocks.content.push(ContentBlock::text(format!("[{kind}] {value}")));
        }
    }
    Ok(())
}
