# shellcheck shell=bash
# Shared by the scripts beside it; source it first. Leaves the caller in the root of the checkout.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

root=$PWD
cache=$root/.cache
mkdir -p "$cache"
# System tools may live where an ordinary user's PATH does not lead.
export PATH=$PATH:/usr/sbin:/sbin
export CARGO_BUILD_JOBS=${CARGO_BUILD_JOBS:-$(nproc)}
export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-auto}

say() { printf '%s\n' "$*" >&2; }
fail() { say "error: $*"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# step NAME COMMAND...: runs one named step, remembers how long it took, and ends the script if it fails.
step_report=()
step() {
    local name=$1 start=$SECONDS status=0
    shift
    say "" && say "==> $name"
    "$@" || status=$?
    if [ "$status" -ne 0 ]; then
        step_report+=("$(printf 'FAILED %5ds  %s (exit status %d)' $((SECONDS - start)) "$name" "$status")")
        return "$status"
    fi
    step_report+=("$(printf 'ok     %5ds  %s' $((SECONDS - start)) "$name")")
}

print_steps() {
    say "" && say "==> summary"
    printf '    %s\n' "${step_report[@]}" >&2
}

# install_packages PACKAGE...: installs Debian packages, or says plainly what has to be installed by hand.
install_packages() {
    [ $# -gt 0 ] || return 0
    have apt-get || fail "please install what Debian calls: $*"
    [ "$(id -u)" -eq 0 ] || fail "please run as root: apt-get install $*"
    say "installing: $*"
    local log=$cache/apt.log
    # One source that does not answer need not be the one that has the packages.
    { apt-get -q update || true; DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends "$@"; } \
        >"$log" 2>&1 </dev/null || { tail -n 20 "$log" >&2; fail "cannot install: $* (whole log in $log)"; }
}

# need_network_tools PROGRAM...: `nft` enforces whitelists, `ip` makes the networks of tests. Without them the rest works.
need_network_tools() {
    local program missing=()
    for program in "$@"; do
        have "$program" && continue
        case $program in nft) missing+=(nftables) ;; ip) missing+=(iproute2) ;; esac
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" -eq 0 ] && have apt-get && (install_packages "${missing[@]}"); then return 0; fi
    say "note: no whitelist can be enforced here without what Debian calls: ${missing[*]}"
}

# The compiler and headers that SQLite and the TLS library are built with, and a Python to run scripts with.
need_build_tools() {
    have cargo || fail "cargo is not on the PATH. hint: install the Rust toolchain first"
    local missing=()
    have cc || missing+=(gcc libc6-dev)
    have python3 || missing+=(python3)
    install_packages "${missing[@]}"
}
