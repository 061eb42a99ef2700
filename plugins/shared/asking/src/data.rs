//! Foreign text as data.
//!
//! What a candidate wrote stands in a question that decides about it, so it will try to look like the question. Every line of foreign
//! text therefore begins with [`MARK`], and no line of ours does: text that closes a fence, opens the next candidate's or says that it is the
//! system is still a marked line. That takes no secret and no random delimiter, and the reader needs one rule only.
//!
//! A model may see a new line where a program sees none, so everything that Unicode calls a line's end becomes one. Letters that show
//! nothing or turn the reading direction become visible, and what chat templates use as control words is broken up.

/// What every line of foreign text begins with.
pub const MARK: &str = "| ";

/// What stands where text was cut out. It does not say how much.
pub const CUT: &str = "[... cut ...]";

/// Control words of common chat templates. A server that builds its prompt as text would take them for its own.
const CONTROL_WORDS: &[&str] = &[
    "<|",
    "|>",
    "<start_of_turn>",
    "<end_of_turn>",
    "<s>",
    "</s>",
    "[INST]",
    "[/INST]",
    "<<SYS>>",
    "<</SYS>>",
    "<\u{ff5c}",
    "\u{ff5c}>",
];

/// The text in marked lines, each with its end; one empty marked line where there is no text.
pub fn marked(text: &str) -> String {
    let text = defused(&one_kind_of_line_end(text));
    let mut marked = String::with_capacity(text.len() + 64);
    for line in text.trim_end_matches('\n').split('\n') {
        marked.push_str(MARK);
        marked.push_str(line);
        marked.push('\n');
    }
    marked
}

/// The text in one line: for places where a line means something, such as a list in which each line is one thing.
pub fn one_line(text: &str) -> String {
    one_kind_of_line_end(text).replace('\n', " ")
}

/// At most so many letters: head and tail are kept, what is between them is cut out, and that is said in a line of its own.
pub fn capped(text: &str, most: usize) -> String {
    let count = text.chars().count();
    if count <= most {
        return text.to_owned();
    }
    let head = most - most / 2;
    let from = |place: usize| text.char_indices().nth(place).map_or(text.len(), |(byte, _)| byte);
    format!("{}\n{CUT}\n{}", &text[..from(head)], &text[from(count - most / 2)..])
}

fn one_kind_of_line_end(text: &str) -> String {
    text.replace("\r\n", "\n").replace(
        ['\r', '\u{b}', '\u{c}', '\u{1c}', '\u{1d}', '\u{1e}', '\u{85}', '\u{2028}', '\u{2029}'],
        "\n",
    )
}

fn defused(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        if is_hidden(letter) {
            shown.extend(letter.escape_unicode());
        } else {
            shown.push(letter);
        }
    }
    for word in CONTROL_WORDS {
        if shown.contains(word) {
            let mut letters = word.chars();
            let first = letters.next().map(String::from).unwrap_or_default();
            shown = shown.replace(word, &format!("{first} {}", letters.as_str()));
        }
    }
    shown
}

/// Letters that a person does not see or that turn what follows: controls, zero-width and direction marks, tags.
fn is_hidden(letter: char) -> bool {
    (letter.is_control() && letter != '\n' && letter != '\t')
        || matches!(
            letter,
            '\u{ad}'
                | '\u{200b}'..='\u{200f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{e0000}'..='\u{e007f}'
        )
}
