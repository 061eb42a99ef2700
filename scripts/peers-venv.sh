#!/bin/sh
# Makes $SPORT_CACHE/peers: a venv with the real packages that some tests hold ours against (peers-requirements.txt).
#
# Prints its folder; everything else goes to standard error. Nothing happens when it was made from this list already and by
# a Python of the same version. The stamp is written last, so an interrupted run is done again.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
requirements=$here/peers-requirements.txt
cache=${SPORT_CACHE:-$HOME/.cache/sport}
folder=$cache/peers
# Raised when this script makes the venv in another way.
wanted="layout 1, $(python3 -c '
import hashlib, sys
print("Python", *sys.version_info[:2], hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest())' "$requirements")"

if [ "$(cat "$folder/.done" 2>/dev/null || true)" = "$wanted" ]; then
    echo "$folder"
    exit 0
fi

echo "installing the peers (22 MB to download) into $folder" >&2
mkdir -p "$cache"
# A venv knows its own folder, so it is made where it stays; the stamp comes last.
rm -rf "$folder"
python3 -m venv --without-pip "$folder" >&2
if ! python3 -m pip --python "$folder/bin/python" install --quiet --disable-pip-version-check --no-deps \
    --only-binary=:all: -r "$requirements" >&2; then
    echo "error: the peers could not be installed; pip says why, correct that and run this again" >&2
    exit 4
fi
echo "$wanted" >"$folder/.done"
echo "the peers take $(du -sm "$folder" | cut -f 1) MB" >&2
echo "$folder"
