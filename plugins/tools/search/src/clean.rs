//! Titles and snippets as plain text: servers mark the words that were found with HTML.

/// Text without markup, on one line, of at most so many characters.
pub fn text(text: &str, most: usize) -> String {
    let plain = entities(&untagged(text));
    let words: Vec<&str> = plain
        .split(|sign: char| sign.is_whitespace() || hidden(sign))
        .filter(|word| !word.is_empty())
        .collect();
    let line = words.join(" ");
    match line.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
        None => line,
    }
}

/// An address of the web; nothing else is passed on.
pub fn address(url: &str) -> Option<String> {
    let url = url.trim();
    let start = url.get(..8).unwrap_or(url).to_ascii_lowercase();
    let web = start.starts_with("https://") || start.starts_with("http://");
    (web && !url.contains(|sign: char| sign.is_whitespace() || sign.is_control() || hidden(sign)))
        .then(|| url.to_owned())
}

/// What nobody sees, and what turns the direction of text.
fn hidden(sign: char) -> bool {
    sign.is_control()
        || matches!(sign, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Leaves out tags: `<` and a letter, a slash or an exclamation mark, to the next `>`. `a < b` is none.
fn untagged(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        let tag = &rest[at..];
        let begins =
            tag[1..].starts_with(|sign: char| sign.is_ascii_alphabetic() || matches!(sign, '/' | '!'));
        match tag.find('>') {
            Some(end) if begins => {
                out.push_str(&rest[..at]);
                rest = &tag[end + 1..];
            }
            _ => {
                out.push_str(&rest[..=at]);
                rest = &tag[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

/// The entities that are common in text; others stay as they are.
fn entities(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        let entity = &rest[at..];
        let end = entity.bytes().take(12).position(|byte| byte == b';');
        let decoded = end.and_then(|end| decode(&entity[1..end]).map(|sign| (end, sign)));
        match decoded {
            Some((end, sign)) => {
                out.push(sign);
                rest = &entity[end + 1..];
            }
            None => {
                out.push('&');
                rest = &entity[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

fn decode(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        "hellip" => '…',
        "ndash" => '–',
        "mdash" => '—',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)?
        }
    })
}
