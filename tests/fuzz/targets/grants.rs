//! The text of `plugins.toml`.
//!
//! * no panic, and a reason of one line;
//! * what is read survives being written: each plugin's grant, written into the text as it is, into an empty text, and beside
//!   the others, reads back equal;
//! * without a plugin the others are what they were.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sport_fuzz::assert_one_line;
use sport_sandbox::{Grant, fuzzing};

fuzz_target!(|text: &str| {
    let plugins = match fuzzing::grants_file(text) {
        Ok(plugins) => plugins,
        Err(reason) => return assert_one_line(&reason, 2 * text.len() + 1024),
    };
    for (name, grant) in plugins.iter().take(4) {
        assert!(grant.source.is_absolute());
        let _ = grant.interfaces();
        let written = fuzzing::grants_file_with(text, name, grant).expect("it can be written");
        let read = fuzzing::grants_file(&written).expect("what was written can be read");
        assert_eq!(read, plugins, "writing what is there changes nothing:\n{written}");

        let fresh = fuzzing::grants_file_with("", name, &writable(grant)).expect("it can be written anew");
        let read = fuzzing::grants_file(&fresh).expect("what was written anew can be read");
        assert_eq!(read.get(name), Some(&writable(grant)), "{fresh}");

        let mut widened = grant.clone();
        widened.imports.push("artifacts".to_owned());
        widened.tools = None;
        let written = fuzzing::grants_file_with(text, name, &widened).expect("a change can be written");
        let mut read = fuzzing::grants_file(&written).expect("a change can be read");
        assert_eq!(read.insert(name.clone(), grant.clone()), Some(widened), "{written}");
        assert_eq!(read, plugins, "a change of one is none of the others:\n{written}");

        let without = fuzzing::grants_file_without(text, name).expect("it can be taken out");
        let mut read = fuzzing::grants_file(&without).expect("the rest can be read");
        assert_eq!(read.insert(name.clone(), grant.clone()), None, "{name} is still there:\n{without}");
        assert_eq!(read, plugins, "the others are what they were:\n{without}");
    }
});

/// What a command writes; the rest of a grant stands there only if somebody wrote it by hand.
fn writable(grant: &Grant) -> Grant {
    let imports: Vec<&str> = grant.imports.iter().map(String::as_str).collect();
    let mut plain = Grant::new(&grant.source, &imports);
    plain.tools.clone_from(&grant.tools);
    plain.pin = grant.pin;
    plain
}
