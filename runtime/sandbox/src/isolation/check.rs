//! What of a worker's word is believed. Inside the worker every value of the guest was checked when it was lifted; should the
//! guest have got the better of the worker, it was not. So everything is checked again that the host goes on to use.

use serde_json::Value;

use crate::artifacts::ArtifactStore;
use crate::contract::lift;
use crate::host::artifacts::valid_media_type;
use crate::limits::{self, Limits};
use crate::session::InterpreterInfo;
use crate::text;
use crate::types::{CodeValue, Content, Failure, FailureKind, Raised, RunReport};

use super::wire::Taken;

/// What it sent is not what a worker sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Unbelievable(pub &'static str);

/// What an interpreter says of itself.
pub(super) fn info(info: InterpreterInfo) -> InterpreterInfo {
    let line = |text: &str| text::clean_line(text, limits::NAME_BYTES);
    InterpreterInfo {
        language: line(&info.language),
        version: line(&info.version),
        packages: info.packages.iter().take(limits::TOOLS_PER_PLUGIN).map(|name| line(name)).collect(),
    }
}

/// JSON within the limits for arguments and results.
pub(super) fn json(value: &Value) -> Result<(), Unbelievable> {
    if lift::depth_of(value) > limits::JSON_DEPTH || value.to_string().len() > limits::JSON_BYTES {
        return Err(Unbelievable("a value is larger or deeper than one may be"));
    }
    Ok(())
}

/// The failure of a tool call that the host was not asked for: the tools it may call were used up.
pub(super) fn failure(failure: &Failure) -> Failure {
    Failure::new(
        FailureKind::Exhausted,
        "tool-calls-exhausted",
        text::clean(&failure.message, limits::MESSAGE_BYTES),
    )
}

/// A report, and the bytes of what it displays, which go into the host's store.
pub(super) fn report(
    report: RunReport,
    displayed: &[u64],
    body: &mut Taken,
    store: &ArtifactStore,
) -> Result<RunReport, Unbelievable> {
    if report.displays.len() > limits::DISPLAYS {
        return Err(Unbelievable("more is displayed than may be"));
    }
    for value in report.answer.iter().chain(report.value.as_ref().and_then(|value| value.json.as_ref())) {
        json(value)?;
    }
    let mut sizes = displayed.iter();
    let displays = report.displays.into_iter().map(|content| display(content, &mut sizes, body, store));
    Ok(RunReport {
        displays: displays.collect::<Result<_, _>>()?,
        value: report
            .value
            .map(|value| CodeValue { json: value.json, repr: text::clean(&value.repr, limits::VALUE_BYTES) }),
        raised: report.raised.map(|raised| Raised {
            class: text::clean_line(&raised.class, limits::NAME_BYTES),
            message: text::clean(&raised.message, limits::MESSAGE_BYTES),
            traceback: raised.traceback.map(|trace| text::clean(&trace, limits::VALUE_BYTES)),
        }),
        reason: report.reason.map(|reason| text::clean(&reason, limits::MESSAGE_BYTES)),
        tool_calls: Vec::new(),
        ..report
    })
}

/// What was printed, to both channels.
pub(super) fn output(
    sizes: [u64; 2],
    body: &mut Taken,
    limits: &Limits,
) -> Result<[String; 2], Unbelievable> {
    let [stdout, stderr] = sizes;
    // What is no UTF-8 has become a character of three bytes.
    if stdout.saturating_add(stderr) > limits.output_bytes.saturating_mul(3) {
        return Err(Unbelievable("there is more output than there may be"));
    }
    let mut text = |size| {
        let bytes = body.take(size).ok_or(Unbelievable("the bytes of the output are missing"))?;
        Ok(String::from_utf8_lossy(bytes).into_owned())
    };
    Ok([text(stdout)?, text(stderr)?])
}

fn display<'a>(
    content: Content,
    sizes: &mut impl Iterator<Item = &'a u64>,
    body: &mut Taken,
    store: &ArtifactStore,
) -> Result<Content, Unbelievable> {
    match content {
        Content::Text { text } if text.len() <= limits::TEXT_BYTES => {
            Ok(Content::Text { text: text::clean(&text, limits::TEXT_BYTES) })
        }
        Content::Text { .. } => Err(Unbelievable("a displayed text is longer than one may be")),
        Content::Artifact(named) => {
            let bytes = sizes.next().and_then(|size| body.take(*size));
            let bytes = bytes.ok_or(Unbelievable("the bytes of a displayed artifact are missing"))?;
            if !valid_media_type(&named.media_type) {
                return Err(Unbelievable("a media type is none"));
            }
            let name = named.name.as_deref().and_then(crate::host::artifacts::file_name);
            let put = store.put(bytes, &named.media_type, name.as_deref());
            let put = put.map_err(|_| Unbelievable("a displayed artifact is larger than one may be"))?;
            if put.digest != named.digest {
                return Err(Unbelievable("a displayed artifact is not the one that it says"));
            }
            Ok(Content::Artifact(put))
        }
        Content::Other { kind, value } => {
            lift::name(&kind.replace('-', "_"), "content kind")
                .map_err(|_| Unbelievable("a kind of content has no name"))?;
            json(&value)?;
            Ok(Content::Other { kind, value })
        }
    }
}
