#!/bin/sh
# Makes $SPORT_CACHE/libtorch: the parts of libtorch 2.13.0 that the torch backend is built and run with.
#
# Prints the folder to set LIBTORCH to; everything else goes to standard error. An existing LIBTORCH is
# honoured and nothing is fetched: that is the way to a GPU, where LIBTORCH is `…/site-packages/torch` of a
# `pip install torch==2.13.0`, or an unpacked CUDA libtorch.
#
# The three wheels (539 MB) are named by digest, so the Python of this machine does not matter. libtorch_cpu
# of the published wheel needs two small CUDA libraries to load, also on a machine without a GPU; the
# gigabytes of the others are left out. Each wheel is deleted once it is unpacked; an interrupted run goes on
# where it stopped.
set -eu

version=2.13.0
if [ -n "${LIBTORCH:-}" ]; then
    if [ ! -e "$LIBTORCH/lib/libtorch_cpu.so" ]; then
        echo "error: LIBTORCH is $LIBTORCH, but there is no lib/libtorch_cpu.so in it; correct it or unset it" >&2
        exit 4
    fi
    echo "$LIBTORCH"
    exit 0
fi
case "$(uname -s)-$(uname -m)" in
Linux-x86_64) ;;
*)
    echo "error: only Linux on x86-64 has a recipe; unpack libtorch $version yourself and set LIBTORCH to its folder" >&2
    exit 4
    ;;
esac

here=$(cd "$(dirname "$0")" && pwd)
cache=${SPORT_CACHE:-$HOME/.cache/sport}
folder=$cache/libtorch
stamp=$folder/.done
# Raised when this script lays the folder out in another way.
wanted="libtorch $version layout 1"

if [ "$(cat "$stamp" 2>/dev/null || true)" = "$wanted" ]; then
    echo "$folder"
    exit 0
fi

mkdir -p "$cache/downloads"
echo "fetching libtorch $version (539 MB to download, 490 MB kept) to $folder" >&2

# unpack PACKAGE SHA256 PLATFORM PREFIX=FOLDER...: members under PREFIX go to FOLDER in the new libtorch.
part=$folder.part
unpack() {
    package=$1 sha256=$2 platform=$3
    shift 3
    if [ -e "$part/.$package" ]; then return 0; fi
    wheel=$cache/downloads/$package.whl
    python3 "$here/fetch.py" wheel "$package" --sha256 "$sha256" --to "$wheel" --platform "$platform" >&2
    python3 - "$wheel" "$part" "$@" <<'PYTHON'
import os, pathlib, shutil, sys, zipfile

wheel, target, *moves = sys.argv[1:]
found = set()
with zipfile.ZipFile(wheel) as archive:
    for name in archive.namelist():
        for move in moves:
            prefix, folder = move.split("=")
            if not name.startswith(prefix) or name.endswith("/"):
                continue
            found.add(move)
            rest = name[len(prefix):] if prefix.endswith("/") else pathlib.PurePosixPath(name).name
            path = pathlib.Path(target, folder, rest)
            path.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(name) as source, open(path, "wb") as file:
                shutil.copyfileobj(source, file, 1 << 20)
missing = [move for move in moves if move not in found]
if missing:
    sys.exit(f"error: {wheel} has no {' '.join(missing)}")
PYTHON
    : >"$part/.$package"
    rm -f "$wheel"
}

mkdir -p "$part/lib"
unpack "torch==$version" 60fcdcb2f3876e21146cb4524ef06397d727ca9ad5f020818547e25075fe3cb7 manylinux_2_28_x86_64 \
    torch/include/=include torch/lib/libtorch_cpu.so=lib torch/lib/libc10.so=lib torch/lib/libgomp.so=lib
unpack nvidia-cuda-runtime==13.0.96 7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548 \
    manylinux2014_x86_64 nvidia/cu13/lib/libcudart.so.13=lib
unpack nvidia-cuda-cupti==13.0.85 4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8 \
    manylinux_2_25_x86_64 nvidia/cu13/lib/libcupti.so.13=lib
# The published libtorch.so is an empty library that asks for the CUDA half; on a CPU this stands in for it.
ln -sfn libtorch_cpu.so "$part/lib/libtorch.so"
ln -sfn libgomp.so.1 "$part/lib/libgomp.so"
echo "$version" >"$part/build-version"
rm -f "$part"/.[a-z]*
echo "$wanted" >"$part/.done"
rm -rf "$folder"
mv "$part" "$folder"
echo "$folder"
