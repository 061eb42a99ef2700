//! Files and recorded steps on their way between two processes: what they say in the header, their bytes behind it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::wire::{Body, Taken};
use crate::artifacts::digest_of;
use crate::files::data::FileData;
use crate::files::scratch::{Inode, Node, NodeKind, ScratchChange};
use crate::judging::ToolInfo;
use crate::limits::Limits;
use crate::session::journal::{Call, Invoke, Mark, Step};
use crate::state::PluginState;
use crate::types::{ArtifactRef, Content, Failure, Outcome, RunRequest};

/// The bytes behind a header are not those that it speaks of.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Unpackable(pub &'static str);

fn taken(body: &mut Taken, len: u64) -> Result<&[u8], Unpackable> {
    body.take(len).ok_or(Unpackable("there are fewer bytes than it says"))
}

/// A change of `/scratch`.
#[derive(Serialize, Deserialize)]
pub(super) struct PackedChange {
    nodes: Vec<(Inode, Option<PackedNode>)>,
    next: Inode,
    bytes: u64,
}

#[derive(Serialize, Deserialize)]
struct PackedNode {
    modified: u64,
    accessed: u64,
    kind: PackedKind,
}

#[derive(Serialize, Deserialize)]
enum PackedKind {
    Directory { parent: Inode, entries: BTreeMap<String, Inode> },
    File { size: u64, artifact: Option<ArtifactRef>, named: bool },
}

impl PackedChange {
    /// Packs a change.
    pub fn new(change: &ScratchChange, body: &mut Body) -> Self {
        let nodes = change.nodes.iter().map(|(inode, node)| {
            let node = node.as_ref().map(|node| PackedNode::new(node, body));
            (*inode, node)
        });
        Self { nodes: nodes.collect(), next: change.next, bytes: change.bytes }
    }

    /// Unpacks it. Whether it makes sense is for [`crate::files::scratch::Scratch::sound`] to say; but a file that calls
    /// itself a copy of an artifact is one, or it would be a way to have a tool given any artifact at all.
    pub fn unpack(self, body: &mut Taken) -> Result<ScratchChange, Unpackable> {
        let nodes = self.nodes.into_iter().map(|(inode, node)| {
            let node = node.map(|node| node.unpack(body)).transpose()?;
            Ok((inode, node.map(Arc::new)))
        });
        Ok(ScratchChange { nodes: nodes.collect::<Result<_, _>>()?, next: self.next, bytes: self.bytes })
    }
}

impl PackedNode {
    fn new(node: &Node, body: &mut Body) -> Self {
        let kind = match &node.kind {
            NodeKind::Directory { parent, entries } => {
                PackedKind::Directory { parent: *parent, entries: entries.clone() }
            }
            NodeKind::File { data, artifact, named } => {
                let size = match data {
                    FileData::Blob(bytes) => body.put(Arc::clone(bytes)),
                    FileData::Chunks { chunks, .. } => {
                        chunks.iter().map(|chunk| body.put_chunk(Arc::clone(chunk))).sum()
                    }
                };
                PackedKind::File { size, artifact: artifact.clone(), named: *named }
            }
        };
        Self { modified: node.modified, accessed: node.accessed, kind }
    }

    fn unpack(self, body: &mut Taken) -> Result<Node, Unpackable> {
        let kind = match self.kind {
            PackedKind::Directory { parent, entries } => NodeKind::Directory { parent, entries },
            PackedKind::File { size, artifact, named } => {
                let bytes = taken(body, size)?;
                let data = match &artifact {
                    Some(artifact) if artifact.digest != digest_of(bytes) => {
                        return Err(Unpackable("a file is no copy of the artifact that it says"));
                    }
                    Some(_) => FileData::Blob(bytes.into()),
                    None => {
                        let mut data = FileData::default();
                        data.write(0, bytes);
                        data
                    }
                };
                NodeKind::File { data, artifact, named }
            }
        };
        Ok(Node { kind, modified: self.modified, accessed: self.accessed })
    }
}

/// A value that may be missing. JSON's own way of writing that cannot tell none from null.
pub(super) type Perhaps = Vec<Value>;

/// Packs one.
pub(super) fn perhaps(value: Option<Value>) -> Perhaps {
    value.into_iter().collect()
}

/// Unpacks one.
pub(super) fn value_of(perhaps: Perhaps) -> Option<Value> {
    perhaps.into_iter().next()
}

/// What a tool gave back.
#[derive(Serialize, Deserialize)]
pub(super) enum PackedOutcome {
    Outcome { content: Vec<Content>, structured: Perhaps },
    Failure { failure: Failure, details: Perhaps },
}

impl PackedOutcome {
    /// Packs what came back.
    pub fn new(outcome: &Result<Outcome, Failure>) -> Self {
        match outcome.clone() {
            Ok(Outcome { content, structured }) => Self::Outcome { content, structured: perhaps(structured) },
            Err(mut failure) => Self::Failure { details: perhaps(failure.details.take()), failure },
        }
    }

    /// Unpacks it.
    pub fn unpack(self) -> Result<Outcome, Failure> {
        match self {
            Self::Outcome { content, structured } => {
                Ok(Outcome { content, structured: value_of(structured) })
            }
            Self::Failure { failure, details } => Err(Failure { details: value_of(details), ..failure }),
        }
    }
}

/// A request.
#[derive(Serialize, Deserialize)]
pub(super) struct PackedRequest {
    code: String,
    stdin: Option<u64>,
    arguments: Vec<String>,
}

impl PackedRequest {
    /// Packs a request.
    pub fn new(request: &RunRequest, body: &mut Body) -> Self {
        let RunRequest { code, stdin, arguments } = request;
        let stdin = stdin.as_deref().map(|stdin| body.put(stdin.into()));
        Self { code: code.clone(), stdin, arguments: arguments.clone() }
    }

    /// Unpacks it.
    pub fn unpack(self, body: &mut Taken) -> Result<RunRequest, Unpackable> {
        let stdin = self.stdin.map(|len| taken(body, len).map(<[u8]>::to_vec)).transpose()?;
        Ok(RunRequest { code: self.code, stdin, arguments: self.arguments })
    }
}

/// A step, to be done again.
#[derive(Serialize, Deserialize)]
pub(super) struct PackedStep {
    request: PackedRequest,
    limits: Limits,
    calls: Vec<PackedCall>,
    mark: PackedMark,
}

#[derive(Serialize, Deserialize)]
enum PackedCall {
    ListTools(Vec<ToolInfo>),
    Invoke { name: String, arguments: Value, outcome: Box<PackedOutcome>, files: PackedChange },
    Remaining { wall_ms: u64, calls: u32 },
}

impl PackedStep {
    /// Packs a step. The plugins' state stays behind: no guest in a worker can see it.
    pub fn new(step: &Step, body: &mut Body) -> Self {
        let request = PackedRequest::new(&step.request, body);
        let calls = step.calls.iter().map(|call| match call {
            Call::ListTools(tools) => PackedCall::ListTools(tools.to_vec()),
            Call::Invoke(invoke) => PackedCall::Invoke {
                name: invoke.name.clone(),
                arguments: invoke.arguments.clone(),
                outcome: Box::new(PackedOutcome::new(&invoke.outcome)),
                files: PackedChange::new(&invoke.files, body),
            },
            Call::Remaining { wall_ms, calls } => PackedCall::Remaining { wall_ms: *wall_ms, calls: *calls },
        });
        let calls = calls.collect();
        Self { request, limits: step.limits, calls, mark: PackedMark::new(&step.mark) }
    }

    /// Unpacks it.
    pub fn unpack(self, body: &mut Taken) -> Result<Step, Unpackable> {
        let request = self.request.unpack(body)?;
        let calls = self.calls.into_iter().map(|call| {
            Ok(match call {
                PackedCall::ListTools(tools) => Call::ListTools(Arc::new(tools)),
                PackedCall::Invoke { name, arguments, outcome, files } => {
                    let (outcome, files) = (outcome.unpack(), files.unpack(body)?);
                    Call::Invoke(Box::new(Invoke {
                        name,
                        arguments,
                        outcome,
                        files,
                        state: PluginState::new(),
                    }))
                }
                PackedCall::Remaining { wall_ms, calls } => Call::Remaining { wall_ms, calls },
            })
        });
        let calls = calls.collect::<Result<_, Unpackable>>()?;
        Ok(Step { request, limits: self.limits, calls, mark: self.mark.unpack() })
    }
}

/// A mark. The place in the random stream has more digits than JSON's numbers are sure to keep.
#[derive(Serialize, Deserialize)]
pub(super) struct PackedMark {
    digest: [u8; 32],
    clock: u64,
    random: [u64; 2],
}

impl PackedMark {
    /// Packs a mark.
    pub fn new(mark: &Mark) -> Self {
        let random = [(mark.random >> 64) as u64, mark.random as u64];
        Self { digest: mark.digest, clock: mark.clock, random }
    }

    /// Unpacks it.
    pub fn unpack(self) -> Mark {
        let [high, low] = self.random.map(u128::from);
        Mark { digest: self.digest, clock: self.clock, random: high << 64 | low }
    }
}
