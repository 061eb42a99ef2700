//! Text from a guest, made fit to be shown: cut at a size and freed of control characters.

use crate::limits;

/// `text` without control characters (line feeds and tabs stay), at most `limit` bytes of it, cut at a
/// character.
pub fn clean(text: &str, limit: usize) -> String {
    let mut out = String::with_capacity(text.len().min(limit));
    for character in text.chars() {
        let keep = !is_unwanted(character);
        let character = if keep { character } else { ' ' };
        if out.len() + character.len_utf8() > limit {
            break;
        }
        out.push(character);
    }
    out
}

/// The same on one line.
pub fn clean_line(text: &str, limit: usize) -> String {
    clean(text, limit).replace(['\n', '\t'], " ").trim().to_owned()
}

/// Whether a text has no control characters at all and can be shown as it is.
pub fn is_plain(text: &str) -> bool {
    !text.chars().any(|character| character.is_control() || is_unwanted(character))
}

/// Names for a message: the first ones, and how many more there are.
pub fn listed(names: &[String]) -> String {
    let shown = names.get(..limits::NAMES_SHOWN).unwrap_or(names).join(", ");
    match names.len().saturating_sub(limits::NAMES_SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// Terminal escapes begin with a control character; the direction overrides make text look like other text.
fn is_unwanted(character: char) -> bool {
    (character.is_control() && character != '\n' && character != '\t')
        || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}

/// The ending of a temporary file's name: no other thread of any process makes the same.
pub fn thread_suffix() -> String {
    let thread = format!("{:?}", std::thread::current().id());
    let digits: String = thread.chars().filter(char::is_ascii_digit).collect();
    format!("{}-{digits}", std::process::id())
}
