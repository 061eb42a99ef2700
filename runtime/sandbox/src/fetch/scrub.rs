//! Takes secrets out of what a server sends back.
//!
//! Servers repeat what they were sent: in echoes, in error pages, in links. So a value is looked for as it is
//! and in the encodings that servers and libraries use by themselves: percent, base64 (at any place of a
//! longer text, so with any prefix), hex, JSON, HTML, and two bytes a character. A server that hides a value on purpose can do
//! so, and so can one that cuts its echoes where the guest decides; but it was trusted with the value.

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use regex::bytes::{Regex, RegexBuilder};

use crate::error::Error;
use crate::secrets::Secrets;

/// Finds the secrets of one plugin, in time linear in the text.
pub(crate) struct Scrubber {
    /// Forms of the whole value. None when there are no secrets.
    whole: Option<AhoCorasick>,
    /// What stands in place of each form.
    marks: Vec<String>,
    /// Each value with every sign in it written in any of the ways that servers write it, and what stands in its place.
    escaped: Vec<(Regex, String)>,
    longest: usize,
}

impl Scrubber {
    pub fn new(secrets: &Secrets) -> Result<Self, Error> {
        // The builders' own words could quote a pattern.
        let too_long = || Error::Invalid { what: "secrets".to_owned(), reason: "too long in all".to_owned() };
        let (mut patterns, mut marks, mut escaped) = (Vec::new(), Vec::new(), Vec::new());
        let mut longest = 0;
        for (name, value) in secrets.values() {
            let mark = format!("[secret {name}]");
            let forms = forms(value);
            marks.extend(forms.iter().map(|_| mark.clone()));
            patterns.extend(forms);
            let pattern: String = value.bytes().map(spellings).collect();
            let regex = RegexBuilder::new(&pattern).unicode(false).size_limit(REGEX_BYTES).build();
            escaped.push((regex.map_err(|_| too_long())?, mark));
            longest = longest.max(value.len() * LONGEST_SPELLING);
        }
        longest = patterns.iter().map(Vec::len).max().unwrap_or(0).max(longest);
        if patterns.is_empty() {
            return Ok(Self { whole: None, marks, escaped, longest });
        }
        let whole = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&patterns);
        Ok(Self { whole: Some(whole.map_err(|_| too_long())?), marks, escaped, longest })
    }

    /// Where secrets are, in order and without overlaps, and what takes their place.
    fn find(&self, bytes: &[u8]) -> Vec<(std::ops::Range<usize>, &str)> {
        let Some(whole) = &self.whole else { return Vec::new() };
        let mut found: Vec<(std::ops::Range<usize>, &str)> = whole
            .find_iter(bytes)
            .map(|found| (found.range(), self.marks[found.pattern().as_usize()].as_str()))
            .collect();
        for (regex, mark) in &self.escaped {
            found.extend(regex.find_iter(bytes).map(|found| (found.range(), mark.as_str())));
        }
        found.sort_by_key(|(range, _)| range.start);
        let mut apart: Vec<(std::ops::Range<usize>, &str)> = Vec::with_capacity(found.len());
        for (range, mark) in found {
            match apart.last_mut() {
                Some((last, _)) if range.start < last.end => last.end = last.end.max(range.end),
                _ => apart.push((range, mark)),
            }
        }
        apart
    }

    /// Whether there is anything to look for.
    pub fn is_empty(&self) -> bool {
        self.whole.is_none()
    }

    /// How many bytes beyond a cut must be known, so that no secret is cut in two and missed.
    pub fn overlap(&self) -> usize {
        self.longest.saturating_sub(1)
    }

    /// The first `limit` bytes without secrets. `bytes` goes on for [`Self::overlap`] bytes beyond the limit
    /// if there was that much; a secret that lies across it is replaced as a whole. The result has at most
    /// `limit` bytes too; whether something was cut is said beside it.
    pub fn apply(&self, bytes: &[u8], limit: usize) -> (Vec<u8>, bool) {
        let mut out = Vec::with_capacity(bytes.len().min(limit));
        let mut done = 0;
        for (range, mark) in self.find(bytes) {
            if range.start >= limit || out.len() >= limit {
                break;
            }
            out.extend_from_slice(&bytes[done..range.start]);
            out.extend_from_slice(mark.as_bytes());
            done = range.end;
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

/// Bytes that the compiled form of one value's spellings may take: the longest value with a sign in every place fits.
const REGEX_BYTES: usize = 32 << 20;

/// The longest spelling of one sign, `&#x0000002b;` and the like.
const LONGEST_SPELLING: usize = 12;

/// One byte of a value as a pattern: letters and digits are written as they are; a sign may be escaped for a link, for JSON or
/// for HTML, by whichever of the conventions.
fn spellings(byte: u8) -> String {
    let raw = format!("\\x{byte:02x}");
    if byte.is_ascii_alphanumeric() {
        return raw;
    }
    let named = match byte {
        b'&' => "|&amp;",
        b'<' => "|&lt;",
        b'>' => "|&gt;",
        b'"' => "|&quot;",
        b'\'' => "|&apos;",
        b'+' => "|&plus;",
        b'=' => "|&equals;",
        b'/' => "|&sol;",
        b' ' => "|\\+|&nbsp;",
        _ => "",
    };
    format!(
        r"(?:\\?{raw}|%(?i:{byte:02x})|\\u00(?i:{byte:02x})|\\x(?i:{byte:02x})|&#0{{0,7}}{byte};|&#[xX]0{{0,7}}(?i:{byte:02x});{named})"
    )
}

/// The forms of the whole value, in which no part of it looks like itself: base64, hex, and two bytes a character.
fn forms(value: &str) -> Vec<Vec<u8>> {
    let bytes = value.as_bytes();
    let mut forms =
        vec![bytes.iter().flat_map(|byte| [*byte, 0]).take(bytes.len() * 2 - 1).collect::<Vec<u8>>()];
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
    forms.sort_unstable();
    forms.dedup();
    forms
}
