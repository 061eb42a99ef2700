# Sets up the compiler for the components. To be sourced by the shell that builds them, and by no other: on the
# Debian path below it exports RUSTC, which would switch the host build too.
#
# * A toolchain that has a `wasm32-unknown-unknown` standard library is used as it is (`rustup target add
#   wasm32-unknown-unknown`).
# * Else, on Debian 12: the packages `rustc-web` and `rust-web-src` of bookworm-security (a compiler with the
#   source of the same standard library) are unpacked into $SPORT_CACHE/guest-rust, nothing is installed, and
#   cargo builds the library from that source once per target folder. About 130 MiB to download.
#
# Package lists that are older than the machine may know only a compiler that is too old; they are then brought up to
# date first, which takes root.
#
# Returns 4 with a message when neither is possible. Running it again is quick; what was unpacked completely has
# its final name, and what was cut short is done again.

# The oldest compiler that the components are written for (`rust-version` in plugins/Cargo.toml).
guest_oldest=1.95

sport_guest_env() {
    guest_sysroot=$(rustc --print sysroot) || {
        echo "error: no rustc; install Rust 1.95 or later first" >&2
        return 4
    }
    if [ -d "$guest_sysroot/lib/rustlib/wasm32-unknown-unknown" ]; then
        return 0
    fi
    guest_host=$(rustc -vV | sed -n 's/^host: //p')
    guest_tools=$guest_sysroot/lib/rustlib/$guest_host/bin
    if [ ! -x "$guest_tools/wasm-component-ld" ]; then
        echo "error: $guest_tools has no wasm-component-ld; use a Rust toolchain from rustup, 1.95 or later" >&2
        return 4
    fi
    guest_prefix=${SPORT_CACHE:-$HOME/.cache/sport}/guest-rust
    if ! sport_guest_recent "$("$guest_prefix/rustc" -V 2>/dev/null | cut -d ' ' -f 2)"; then
        sport_guest_unpack "$guest_prefix" || return 4
    fi
    # `build-std` is an unstable feature of cargo; the two packages fit together, so it is safe to switch on.
    export RUSTC="$guest_prefix/rustc" RUSTC_BOOTSTRAP=1 CARGO_UNSTABLE_BUILD_STD=std,panic_abort
    export PATH="$guest_tools/gcc-ld:$guest_tools:$PATH"
}

# Downloads the packages and unpacks them beside their final place, which one rename then makes valid.
sport_guest_unpack() {
    if ! command -v apt-get >/dev/null 2>&1 || ! command -v dpkg >/dev/null 2>&1; then
        echo "error: this Rust toolchain cannot build for wasm32; run: rustup target add wasm32-unknown-unknown" >&2
        return 4
    fi
    rm -rf "$1.part/root"
    mkdir -p "$1.part/debs" "$1.part/root" || return 4
    guest_packages=$(sport_guest_packages)
    if [ -z "$guest_packages" ] && [ "$(id -u)" = 0 ]; then
        apt-get -qq -o Acquire::Retries=3 update || true
        guest_packages=$(sport_guest_packages)
    fi
    if [ -z "$guest_packages" ]; then
        echo "error: no compiler for wasm32 in sight; run: rustup target add wasm32-unknown-unknown" >&2
        echo "       or, on Debian 12 with bookworm-security in its sources: sudo apt-get update" >&2
        return 4
    fi
    echo "fetching the compiler for the components (Debian rustc-web, about 130 MiB, once)" >&2
    # shellcheck disable=SC2086 # a list of packages
    if ! (cd "$1.part/debs" && apt-get -qq -o Acquire::Retries=3 download $guest_packages); then
        # The lists may be older than the mirror's files.
        if [ "$(id -u)" != 0 ]; then
            echo "error: cannot download $guest_packages; run: sudo apt-get update, and make again" >&2
            return 4
        fi
        apt-get -qq -o Acquire::Retries=3 update || true
        guest_packages=$(sport_guest_packages)
        # shellcheck disable=SC2086 # a list of packages
        (cd "$1.part/debs" && apt-get -qq -o Acquire::Retries=3 download $guest_packages) || {
            echo "error: cannot download $guest_packages; check the network and make again" >&2
            return 4
        }
    fi
    for guest_package in $guest_packages; do
        # an earlier try may have left an older version beside it
        guest_deb=$(find "$1.part/debs" -name "${guest_package}_*.deb" | sort -V | tail -n 1)
        dpkg -x "$guest_deb" "$1.part/root" || {
            echo "error: cannot unpack $guest_deb; is the disk full? remove $1.part and make again" >&2
            return 4
        }
    done
    cat >"$1.part/root/rustc" <<'SCRIPT'
#!/bin/sh
here=$(dirname "$0")
for libraries in "$here"/usr/lib/*-linux-gnu; do break; done
LD_LIBRARY_PATH=$libraries exec "$here/usr/bin/rustc" "$@"
SCRIPT
    chmod +x "$1.part/root/rustc"
    "$1.part/root/rustc" -V >/dev/null || {
        echo "error: the unpacked compiler in $1.part does not run; remove the folder and make again" >&2
        return 4
    }
    rm -rf "$1"
    mv "$1.part/root" "$1" && rm -rf "$1.part"
}

# The names of the packages: the newest `libstd-rust-web`, the LLVM that it was built with and what of LLVM's own
# libraries is not installed. Empty when the package lists do not know them, or only in a version that is too old.
sport_guest_packages() {
    guest_candidate=$(apt-cache policy rustc-web 2>/dev/null | sed -n 's/^ *Candidate: //p')
    sport_guest_recent "$guest_candidate" || return 0
    guest_std=$(apt-cache depends libstd-rust-web-dev 2>/dev/null |
        sed -n 's/.*Depends: \(libstd-rust-web-[0-9.]*\)$/\1/p' | sort -V | tail -n 1)
    [ -n "$guest_std" ] || return 0
    guest_llvm=$(apt-cache depends "$guest_std" | sed -n 's/.*Depends: \(libllvm[0-9]*\)$/\1/p' | tail -n 1)
    [ -n "$guest_llvm" ] || return 0
    guest_more=$(apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks \
        --no-replaces --no-enhances "$guest_llvm" | sed -n 's/^\(lib[a-z0-9.+-]*\)$/\1/p' | sort -u |
        while read -r guest_library; do
            [ "$guest_library" = "$guest_llvm" ] ||
                dpkg -s "$guest_library" 2>/dev/null | grep -q '^Status: install ok installed' ||
                echo "$guest_library"
        done | tr '\n' ' ')
    echo "rustc-web libstd-rust-web-dev rust-web-src $guest_std $guest_llvm $guest_more"
}

# Whether a version is one that the components can be built with.
sport_guest_recent() {
    case "$1" in [0-9]*) ;; *) return 1 ;; esac
    [ "$(printf '%s\n' "$guest_oldest" "$1" | sort -V | head -n 1)" = "$guest_oldest" ]
}

sport_guest_env
