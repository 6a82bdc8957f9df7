#!/bin/sh
# Installs packages of the system, and starts nothing of them.
#
# usage: scripts/packages.sh PACKAGE...
set -eu

as_root=
if [ "$(id -u)" -ne 0 ]; then as_root=sudo; fi
if ! command -v apt-get >/dev/null || { [ -n "$as_root" ] && ! command -v sudo >/dev/null; }; then
    echo "Missing here, and not to be installed from here (that needs apt-get, and root or sudo): $*." >&2
    exit 1
fi

# Debian starts a server that it installs, unless this script says no.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap '$as_root rm -f "$policy"' EXIT
    trap 'exit 130' INT TERM
    printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
    $as_root chmod +x "$policy"
fi

echo "Installing $* ..." >&2
$as_root apt-get update -qq
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" >/dev/null
