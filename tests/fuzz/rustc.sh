#!/bin/sh
# The compiler, with coverage for the crates that the fuzzer is to be guided through: our own, and the parsers that it hands
# foreign bytes to. Not the engine, whose code would drown ours. What cargo builds for itself has no sanitizer and gets none.
case " $* " in
*" -Zsanitizer=address "*) ;;
*) exec "$@" ;;
esac
case " $* " in
*" --crate-name sport_sandbox "* | *" --crate-name wasmparser "* | *" --crate-name serde_json "* | \
    *" --crate-name toml_edit "* | *" --crate-name toml_parser "* | *" --crate-name jsonschema "*)
    exec "$@" -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
        -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
        -Cllvm-args=-sanitizer-coverage-trace-compares
    ;;
esac
exec "$@"
