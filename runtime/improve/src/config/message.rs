//! TOML errors as one line: line, key, and the key that was probably meant.

/// What is wrong, on one line.
pub(super) fn one_line(error: &toml::de::Error, text: &str) -> String {
    let line = error.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
    let at = line.map_or(String::new(), |line| format!("line {line}: "));
    let message = error.message().replace('\n', " ");
    match unknown_key(&message) {
        Some((key, known)) => {
            let section = line.and_then(|line| section_of(text, line));
            let place = section.map_or(String::new(), |section| format!(" in [{section}]"));
            let hint = match nearest(key, &known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known keys: {}", known.join(", ")),
            };
            format!("{at}unknown key `{key}`{place}: {hint}")
        }
        None => format!("{at}{message}"),
    }
}

/// The key and the known ones, out of serde's message: "unknown field `x`, expected one of `a`, `b`".
fn unknown_key(message: &str) -> Option<(&str, Vec<&str>)> {
    let rest = message.strip_prefix("unknown field `")?;
    let (key, rest) = rest.split_once('`')?;
    Some((key, rest.split('`').skip(1).step_by(2).collect()))
}

/// The table header above a line.
fn section_of(text: &str, line: usize) -> Option<&str> {
    let header = text.lines().take(line).filter(|line| line.trim_start().starts_with('[')).last()?;
    Some(header.trim().trim_start_matches('[').split(']').next().unwrap_or_default())
}

/// The known key with the fewest edits, when those are few.
fn nearest<'known>(key: &str, known: &[&'known str]) -> Option<&'known str> {
    let (edits, best) = known.iter().map(|name| (edits(key, name), *name)).min()?;
    (edits <= 1 + key.chars().count() / 3).then_some(best)
}

/// Levenshtein distance.
fn edits(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[right.len()]
}
