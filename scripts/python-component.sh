#!/bin/sh
# Builds the Python interpreter component, target/components/python.wasm ($SPORT_COMPONENTS names another folder).
#
# componentize-py (17 MB to download, once) goes into a folder of its own under $SPORT_CACHE, checked by digest. Nothing
# happens when neither the interpreter's sources nor the contracts changed since the last build.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
source=$here/../plugins/interpreters/python
components=${SPORT_COMPONENTS:-$here/../target/components}
output=$components/python.wasm
stamp=$components/.python.inputs

inputs=$(python3 "$source/build.py" inputs)
if [ -f "$output" ] && [ "$(cat "$stamp" 2>/dev/null || true)" = "$inputs" ]; then
    exit 0
fi

# Named after what is in it; it gets that name when it is complete.
cache=${SPORT_CACHE:-$HOME/.cache/sport}
tools=$cache/componentize-py-$(python3 "$source/build.py" requirements | cut -c 1-12)
if [ ! -d "$tools" ]; then
    echo "installing componentize-py into $tools" >&2
    mkdir -p "$cache"
    made=$(mktemp -d "$cache/.componentize-py.XXXXXX")
    trap 'rm -rf "$made"' EXIT
    if ! python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-deps --only-binary=:all: \
        --require-hashes --target "$made" -r "$source/requirements.txt" >&2; then
        echo "error: componentize-py could not be installed; pip says why, correct that and run this again" >&2
        exit 4
    fi
    # Another build may have been quicker.
    [ -d "$tools" ] || mv "$made" "$tools"
fi

echo "building $output (under a minute)" >&2
mkdir -p "$components"
python3 "$source/build.py" component "$tools" "$output"
echo "$inputs" >"$stamp.new"
mv "$stamp.new" "$stamp"
