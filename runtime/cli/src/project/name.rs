//! What a plugin may be called: it becomes a folder, a file, a Rust package and a name to type.

/// Longest name; the registry takes no longer one.
const LONGEST: usize = sport_sandbox::limits::NAME_BYTES;

/// Words that a Rust package cannot have as its name, or that would hide what the build needs.
const TAKEN: &[&str] = &[
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "build",
    "const",
    "continue",
    "core",
    "crate",
    "deps",
    "do",
    "dyn",
    "else",
    "enum",
    "examples",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "incremental",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "plugin",
    "priv",
    "proc_macro",
    "pub",
    "ref",
    "return",
    "schemars",
    "self",
    "serde",
    "serde_json",
    "sport-sdk",
    "sport_sdk",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "union",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
];

/// Says what is wrong with a name, if anything is.
pub fn check(name: &str) -> Result<(), String> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
    let starts = name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
    if !starts || name.len() > LONGEST || !name.bytes().all(fits) {
        // Debug form: what was typed may have anything in it.
        let shown: String = name.chars().take(LONGEST).collect();
        return Err(format!(
            "{shown:?} is no plugin name; one begins with a lower-case letter and is made of lower-case letters, \
             digits, - and _, {LONGEST} at most"
        ));
    }
    if TAKEN.contains(&name) {
        return Err(format!(
            "{name} has a meaning to the compiler; take another name, for example my-{name}"
        ));
    }
    Ok(())
}
