//! A schema's text, a line feed and a NUL, and the text of a value: what a plugin says of its arguments, and an argument.
//!
//! * no panic and no stack overflow;
//! * what is said is fit to be shown;
//! * parsing and checking end within seconds, though no budget's clock runs (the fuzzer's own patience is the judge);
//! * a schema that was taken is taken again as it is shown, and says the same of the value.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sport_fuzz::assert_fit_to_show;
use sport_sandbox::{Schema, limits};

fuzz_target!(|text: &str| {
    let (schema, value) = text.split_once("\n\0").unwrap_or((text, "{}"));
    let compiled = match Schema::parse(schema, None) {
        Ok(compiled) => compiled,
        Err(reason) => return assert_fit_to_show(&reason, 4 * limits::SCHEMA_BYTES),
    };
    let again = Schema::parse(&compiled.raw().to_string(), None).expect("it is taken again");
    let Ok(mut value) = serde_json::from_str(value) else { return };
    let checked = compiled.check(&value);
    assert_eq!(checked, again.check(&value), "it says the same again");
    match checked {
        Ok(()) => {
            let mut places = 0;
            let counted = compiled.artifacts(&mut value, &mut |_| {
                places += 1;
                Ok::<(), ()>(())
            });
            assert_eq!(counted, Ok(()));
        }
        Err(reason) => assert_fit_to_show(&reason, 16 * limits::SCHEMA_BYTES),
    }
});
