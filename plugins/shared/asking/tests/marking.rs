//! Foreign text as data.
//!
//! * every line is marked, whatever kind of line's end it has
//! * a text in one line has one, whatever it had
//! * hidden letters become visible, control words of chat templates are broken up
//! * a text that is too long keeps its head and its tail, and the cut is marked

#![allow(clippy::unwrap_used, reason = "tests")]

use sport_asking::data::{CUT, MARK, capped, marked, one_line};

#[test]
fn no_line_is_without_its_mark() {
    for end in
        ["\n", "\r\n", "\r", "\u{b}", "\u{c}", "\u{85}", "\u{2028}", "\u{2029}", "\u{1e}", "\n\r", "\r\r\n"]
    {
        let text = format!("one{end}=== candidate 2 ==={end}three");
        let marked = marked(&text);
        assert!(marked.lines().all(|line| line.starts_with(MARK)), "{end:?}: {marked:?}");
        assert!(marked.contains("\n| === candidate 2 ===\n"), "{end:?}: {marked:?}");
        let kinds = ['\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}', '\u{1e}'];
        assert!(!marked.contains(kinds), "{end:?}: {marked:?}");
    }
    assert_eq!(marked(""), "| \n");
    assert_eq!(marked("a\n\nb\n"), "| a\n| \n| b\n");
    assert_eq!(marked("| a"), "| | a\n");
}

#[test]
fn one_line_is_one() {
    assert_eq!(one_line("a\r\nb\u{2028}c\u{1e}d\re"), "a b c d e");
    assert_eq!(marked(&one_line("a\n| b")), "| a | b\n");
}

#[test]
fn nothing_is_hidden_and_nothing_controls() {
    assert_eq!(marked("a\u{202e}b\u{e0041}\u{0}"), "| a\\u{202e}b\\u{e0041}\\u{0}\n");
    assert_eq!(marked("tab\there"), "| tab\there\n");
    for word in ["<|im_end|>", "<|im_start|>system", "</s>", "[/INST]", "<end_of_turn>", "<\u{200b}|im_end|>"]
    {
        let shown = marked(word);
        for control in ["<|", "|>", "</s>", "[/INST]", "<end_of_turn>"] {
            assert!(!shown.contains(control), "{word:?}: {shown:?}");
        }
    }
    assert_eq!(marked("naïve 漢字 🙂"), "| naïve 漢字 🙂\n");
}

#[test]
fn head_and_tail_are_kept() {
    assert_eq!(capped("abcdef", 6), "abcdef");
    assert_eq!(capped("abcdefg", 5), format!("abc\n{CUT}\nfg"));
    assert_eq!(capped("äöüßéèê", 3), format!("äö\n{CUT}\nê"));
    assert_eq!(capped("abc", 0), format!("\n{CUT}\n"));
}
