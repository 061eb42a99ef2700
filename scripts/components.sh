#!/bin/sh
# Builds the components that are written in Rust and puts them into target/components/NAME.wasm.
#
# Quick when nothing changed: cargo sees to that, and a component that is the same as before is left alone, so that
# whatever is made of it (compiled code, stamps) stays valid. Needs what guest-env.sh sets up.
set -eu
cd "$(dirname "$0")/.."
root=$PWD
# shellcheck source=scripts/guest-env.sh
. scripts/guest-env.sh
target=wasm32-unknown-unknown
(cd plugins && CARGO_TARGET_DIR="$root/target/guests" cargo build --release --locked --target "$target" --workspace --lib \
    --exclude sport-sdk --exclude sport-sdk-macro --exclude sport-ocr)
# The one that runs networks does so on vectors, which the sandbox has: in a build of its own, so that what is shared with the
# others is not built again and again with other flags.
(cd plugins && CARGO_TARGET_DIR="$root/target/guests" cargo build --release --locked --target "$target" -p sport-ocr --lib \
    --config "target.$target.rustflags=['-C', 'target-feature=+simd128']")

# Library name = component name, with the prefix `sport_` that keeps it apart from the crates it uses.
mkdir -p target/components
for component in calculator counterfactual describe-image execution-facts image llm-critic mutants ocr plot rules search self-consistency table; do
    built=target/guests/$target/release/sport_$(echo "$component" | tr - _).wasm
    placed=target/components/$component.wasm
    if ! cmp -s "$built" "$placed"; then
        cp "$built" "$placed.part"
        mv "$placed.part" "$placed"
        echo "built $placed"
    fi
done
