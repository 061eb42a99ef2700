//! What a client meets: the methods of MCP, in both of its lives (with a handshake, and since 2026-07-28 without).
//!
//! Every client has a handler of its own over HTTP; what lasts is shared, behind handles and links.

use std::sync::{Arc, Mutex, PoisonError};

use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CallToolResult, ErrorData, Implementation,
    ListResourceTemplatesResult, ListResourcesResult, ListToolsResult, PaginatedRequestParams,
    ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, ResourceTemplate,
    ServerCapabilities, ServerConfig, SubscriptionFilter, Tool,
};
use rmcp::service::{NotificationContext, RequestContext, SubscriptionContext};
use rmcp::{Peer, RoleServer, ServerHandler};
use sport_sandbox::{Failure, FailureKind, TaskFile};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::catalogue::Catalogue;
use super::sessions::{self, Sessions};
use super::shelf::{self, Shelf, Wanted};
use super::{failure, limits, python, tools};

/// What all clients share.
pub struct Shared {
    /// The plugins' tools.
    pub catalogue: Catalogue,
    /// The interpreter's sessions, if it is served.
    pub sessions: Option<Arc<Sessions>>,
    /// Artifacts that can be read.
    pub shelf: Shelf,
    /// What the operator granted to every call and every session.
    pub files: Vec<TaskFile>,
    /// Tools of our own.
    own: Vec<Tool>,
    /// How many calls may be under way.
    calls: Arc<Semaphore>,
    /// Clients with a handshake, who are told of changes without asking for it.
    peers: Mutex<Vec<Peer<RoleServer>>>,
}

impl Shared {
    /// With these tools, sessions and files.
    pub fn new(catalogue: Catalogue, sessions: Option<Sessions>, files: Vec<TaskFile>) -> Self {
        let mut own = sessions.as_ref().map(python::tools).unwrap_or_default();
        own.push(python::put_tool(catalogue.wanted().deadline));
        Self {
            catalogue,
            sessions: sessions.map(Arc::new),
            shelf: Shelf::default(),
            files,
            own,
            calls: Arc::new(Semaphore::new(limits::CALLS)),
            peers: Mutex::default(),
        }
    }

    /// Tells every client with a handshake that the list of tools is another one.
    pub async fn tell_peers(&self) {
        let peers = {
            let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
            peers.retain(|peer| !peer.is_transport_closed());
            peers.clone()
        };
        for peer in peers {
            // One that does not read must not keep the others waiting.
            tokio::spawn(async move {
                let _ = timeout(limits::NOTIFY, peer.notify_tool_list_changed()).await;
            });
        }
    }

    async fn call(
        self: &Arc<Self>,
        name: &str,
        arguments: rmcp::model::JsonObject,
        context: &RequestContext<RoleServer>,
    ) -> Result<CallToolResult, Failure> {
        let _under_way = self
            .calls
            .try_acquire()
            .map_err(|_| failure::busy("busy", format!("{} calls are under way already", limits::CALLS)))?;
        if name == python::PUT {
            return python::put(self, arguments);
        }
        if let Some(sessions) = &self.sessions
            && let Some(verb) = python::verb(name, &sessions.interpreter.info().language)
        {
            return python::call(self, sessions, verb, name, arguments, context).await;
        }
        tools::call(self, self.catalogue.now(), name, arguments, context).await
    }

    fn read(&self, uri: &str) -> Result<ReadResourceResult, Failure> {
        let wanted = Wanted::parse(uri)?;
        let contents = if uri.starts_with(sessions::SCHEME) {
            let sessions = self.sessions.as_ref().ok_or_else(|| {
                Failure::new(
                    FailureKind::NotFound,
                    "no-such-session",
                    "no interpreter is served, so there are no sessions",
                )
            })?;
            let file = sessions.file(wanted.whole)?;
            wanted.contents(file.media_type, &file.bytes)?
        } else {
            let piece = self.shelf.find(wanted.whole)?;
            wanted.contents(&piece.artifact.media_type, &piece.bytes)?
        };
        Ok(ReadResourceResult::new(vec![contents]).with_cache_scope(CacheScope::Private))
    }
}

/// One client's view.
#[derive(Clone)]
pub struct Handler {
    shared: Arc<Shared>,
    /// Its place among those that there may be.
    _place: Option<Arc<OwnedSemaphorePermit>>,
}

impl Handler {
    /// For a client that holds this place.
    pub fn new(shared: Arc<Shared>, place: Option<OwnedSemaphorePermit>) -> Self {
        Self { shared, _place: place.map(Arc::new) }
    }

    fn known(&self, name: &str) -> Option<Tool> {
        let served = self.shared.catalogue.now();
        self.shared.own.iter().chain(&served.tools).find(|tool| tool.name == name).cloned()
    }
}

/// What a model is told of this server as a whole.
const INSTRUCTIONS: &str = "Tools run in a sandbox, each with a deadline. Files come back as links (artifact://, session://) that \
    are read as resources and handed to other tools as they are. State lies in sessions alone: what a session holds is found \
    under its handle, and gone when it is closed or was not used for long.";

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_tool_list_changed()
            .enable_resources()
            .build();
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new("sport", env!("CARGO_PKG_VERSION")))
            .with_instructions(INSTRUCTIONS)
    }

    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        let mut peers = self.shared.peers.lock().unwrap_or_else(PoisonError::into_inner);
        // Here and not only when something changes, which may be never: clients come and go.
        peers.retain(|peer| !peer.is_transport_closed());
        peers.push(context.peer);
    }

    fn accepted_subscription_filter(&self, _: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(SubscriptionFilter::builder().tools_list_changed().build())
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let mut changes = self.shared.catalogue.changes();
        loop {
            tokio::select! {
                () = context.cancelled() => return Ok(()),
                changed = changes.changed() => {
                    if changed.is_err() {
                        return Ok(());
                    }
                }
            }
            let told = timeout(limits::NOTIFY, context.sink().notify_tool_list_changed()).await;
            if !matches!(told, Ok(Ok(()))) {
                // It takes nothing, or it is gone.
                return Ok(());
            }
        }
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let served = self.shared.catalogue.now();
        let tools = self.shared.own.iter().chain(&served.tools).cloned().collect();
        let fresh = u64::try_from(limits::LIST_FRESH.as_millis()).unwrap_or(0);
        let mut result = ListToolsResult::with_all_items(tools).with_ttl_ms(fresh);
        result.cache_scope = Some(CacheScope::Private);
        Ok(result)
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.known(name)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        if self.known(&request.name).is_none() {
            let message = format!("there is no tool {:?}; list the tools", failure::shown(&request.name));
            return Err(ErrorData::invalid_params(message, None));
        }
        let arguments = request.arguments.unwrap_or_default();
        let result = self.shared.call(&request.name, arguments, &context).await.and_then(bounded);
        Ok(result.unwrap_or_else(|failure| failure::result(&failure)).into())
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let mut result = ListResourcesResult::with_all_items(self.shared.shelf.list());
        result.cache_scope = Some(CacheScope::Private);
        Ok(result)
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let artifact =
            ResourceTemplate::new(format!("{}{{digest}}{{?offset,length}}", shelf::SCHEME), "artifact")
                .with_description("A file that a tool gave back, that code displayed, or that was handed in");
        let mut templates = vec![artifact];
        if self.shared.sessions.is_some() {
            let file = ResourceTemplate::new(
                format!("{}{{session}}/{{+path}}{{?offset,length}}", sessions::SCHEME),
                "file",
            )
            .with_description("A file of a session, for example scratch/table.csv");
            templates.push(file);
        }
        Ok(ListResourceTemplatesResult::with_all_items(templates))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let shared = Arc::clone(&self.shared);
        // A session's file may be copied and encoded, which takes a moment.
        let read = tokio::task::spawn_blocking(move || shared.read(&request.uri)).await;
        let read = read.map_err(|error| {
            tracing::error!(%error, "reading a resource ended in a panic");
            ErrorData::internal_error("a fault of sport's own; its log says more", None)
        })?;
        read.map(Into::into).map_err(|failure| {
            let data = serde_json::to_value(&failure).ok();
            match failure.kind {
                FailureKind::NotFound => ErrorData::resource_not_found(failure.to_string(), data),
                _ => ErrorData::invalid_params(failure.to_string(), data),
            }
        })
    }
}

/// A result that a client can take.
fn bounded(result: CallToolResult) -> Result<CallToolResult, Failure> {
    let size = serde_json::to_vec(&result).map_or(usize::MAX, |text| text.len());
    if size <= limits::ANSWER_BYTES {
        return Ok(result);
    }
    let message =
        format!("the result has {size} bytes, the most is {}; give it back as a file", limits::ANSWER_BYTES);
    Err(Failure::new(FailureKind::Exhausted, "result-too-large", message))
}
