#!/bin/sh
# Makes $SPORT_CACHE/peers-node: a folder with the real npm packages that some tests hold ours against (tests/peers/package.json).
#
# Prints its folder; everything else goes to standard error. Nothing happens when it was made from this list already. The
# stamp is written last, so an interrupted run is done again.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
list=$here/../tests/peers
cache=${SPORT_CACHE:-$HOME/.cache/sport}
folder=$cache/peers-node
# Raised when this script makes the folder in another way.
wanted="layout 1, $(cat "$list/package.json" "$list/package-lock.json" | cksum)"

if [ "$(cat "$folder/.done" 2>/dev/null || true)" = "$wanted" ]; then
    echo "$folder"
    exit 0
fi
if ! command -v npm >/dev/null; then
    echo "error: npm is missing; install Node.js 20 or newer and run this again" >&2
    exit 4
fi

echo "installing the peers of npm (38 MB) into $folder" >&2
rm -rf "$folder"
mkdir -p "$folder"
cp "$list/package.json" "$list/package-lock.json" "$folder/"
# No scripts of packages are run.
if ! (cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund) >&2; then
    echo "error: the peers could not be installed; npm says why, correct that and run this again" >&2
    exit 4
fi
echo "$wanted" >"$folder/.done"
echo "$folder"
