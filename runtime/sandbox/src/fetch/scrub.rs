//! Takes secrets out of what a server sends back.
//!
//! Servers repeat what they were sent: in echoes, in error pages, in links. So a value is looked for as it is
//! and in the encodings that servers and libraries use by themselves: percent, base64 (at any place of a
//! longer text, so with any prefix), hex, JSON and HTML. A server that hides a value on purpose can do so; but
//! it was trusted with the value.

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use crate::error::Error;
use crate::secrets::Secrets;

/// Finds the secrets of one plugin, in time linear in the text.
pub(crate) struct Scrubber {
    /// None when there are no secrets.
    patterns: Option<AhoCorasick>,
    /// What stands in place of each pattern.
    marks: Vec<String>,
    longest: usize,
}

impl Scrubber {
    pub fn new(secrets: &Secrets) -> Result<Self, Error> {
        let mut patterns = Vec::new();
        let mut marks = Vec::new();
        for (name, value) in secrets.values() {
            let mut forms = forms(value);
            forms.sort_unstable();
            forms.dedup();
            marks.extend(forms.iter().map(|_| format!("[secret {name}]")));
            patterns.extend(forms);
        }
        let longest = patterns.iter().map(Vec::len).max().unwrap_or(0);
        if patterns.is_empty() {
            return Ok(Self { patterns: None, marks, longest });
        }
        let patterns = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(&patterns)
            // The builder's own words could quote a pattern.
            .map_err(|_| Error::Invalid {
                what: "secrets".to_owned(),
                reason: "too long in all".to_owned(),
            })?;
        Ok(Self { patterns: Some(patterns), marks, longest })
    }

    /// Whether there is anything to look for.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_none()
    }

    /// How many bytes beyond a cut must be known, so that no secret is cut in two and missed.
    pub fn overlap(&self) -> usize {
        self.longest.saturating_sub(1)
    }

    /// The first `limit` bytes without secrets. `bytes` goes on for [`Self::overlap`] bytes beyond the limit
    /// if there was that much; a secret that lies across it is replaced as a whole. The result has at most
    /// `limit` bytes too; whether something was cut is said beside it.
    pub fn apply(&self, bytes: &[u8], limit: usize) -> (Vec<u8>, bool) {
        let Some(patterns) = &self.patterns else {
            return (bytes[..bytes.len().min(limit)].to_vec(), bytes.len() > limit);
        };
        let mut out = Vec::with_capacity(bytes.len().min(limit));
        let mut done = 0;
        for found in patterns.find_iter(bytes) {
            if found.start() >= limit || out.len() >= limit {
                break;
            }
            out.extend_from_slice(&bytes[done..found.start()]);
            out.extend_from_slice(self.marks[found.pattern().as_usize()].as_bytes());
            done = found.end();
        }
        if done < limit {
            out.extend_from_slice(&bytes[done..bytes.len().min(limit)]);
        }
        let cut = bytes.len() > limit || out.len() > limit;
        out.truncate(limit);
        (out, cut)
    }

    /// A text without secrets.
    pub fn text(&self, text: &str) -> String {
        if self.is_empty() {
            return text.to_owned();
        }
        String::from_utf8_lossy(&self.apply(text.as_bytes(), usize::MAX).0).into_owned()
    }
}

/// A value in all the forms that are looked for.
fn forms(value: &str) -> Vec<Vec<u8>> {
    let bytes = value.as_bytes();
    let mut forms = vec![bytes.to_vec()];
    let percent = |unreserved: &[u8], lower: bool, plus: bool| {
        let mut out = Vec::new();
        for byte in bytes {
            if byte.is_ascii_alphanumeric() || unreserved.contains(byte) {
                out.push(*byte);
            } else if plus && *byte == b' ' {
                out.push(b'+');
            } else if lower {
                out.extend_from_slice(format!("%{byte:02x}").as_bytes());
            } else {
                out.extend_from_slice(format!("%{byte:02X}").as_bytes());
            }
        }
        out
    };
    // A query component, a form, a path, and what JavaScript's encodeURIComponent and encodeURI leave alone.
    for unreserved in [&b"-._~"[..], b"-._~/", b"-._~!$&'()*+,;=:@", b"-_.!~*'()", b"-_.!~*'();,/?:@&=+$#"] {
        for lower in [false, true] {
            forms.push(percent(unreserved, lower, false));
            forms.push(percent(unreserved, lower, true));
        }
    }
    // The value may begin at any of the three places in a group; the characters that it shares with its
    // neighbours are left out.
    for before in 0..3_usize {
        let shifted = [&[0_u8; 2][..before], bytes].concat();
        let from = (before * 8).div_ceil(6);
        let to = shifted.len() * 8 / 6;
        for text in [STANDARD_NO_PAD.encode(&shifted), URL_SAFE_NO_PAD.encode(&shifted)] {
            forms.extend(text.as_bytes().get(from..to).map(<[u8]>::to_vec));
        }
    }
    forms.push(bytes.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect());
    forms.push(bytes.iter().flat_map(|byte| format!("{byte:02X}").into_bytes()).collect());
    let json = value.replace('\\', "\\\\").replace('"', "\\\"");
    forms.push(json.replace('/', "\\/").into_bytes());
    for escaped in [json.clone(), json.replace('/', "\\/")] {
        let unicode = escaped
            .replace('<', "\\u003c")
            .replace('>', "\\u003e")
            .replace('&', "\\u0026")
            .replace('\'', "\\u0027");
        forms.push(unicode.into_bytes());
    }
    forms.push(json.into_bytes());
    let html = value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    for quote in ["\"", "&quot;", "&#34;"] {
        for apostrophe in ["'", "&#39;", "&#x27;", "&apos;"] {
            forms.push(html.replace('"', quote).replace('\'', apostrophe).into_bytes());
        }
    }
    forms
}
