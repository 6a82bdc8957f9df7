#!/bin/sh
# Installs system packages that are missing, and starts none of their servers.
#
# usage: scripts/packages.sh NAME...
#   NAME         "chromium" (with fonts for English and Chinese), "postgresql", or a package whose program has its name
set -eu

missing=
for name; do
    case $name in
    chromium)
        [ -x /usr/bin/chromium ] || missing="$missing chromium fonts-liberation"
        [ -n "$(fc-list :lang=zh 2>/dev/null)" ] || missing="$missing fonts-wqy-zenhei fontconfig"
        ;;
    imagemagick) [ -x /usr/bin/convert ] || missing="$missing $name" ;;
    nginx) [ -x /usr/sbin/nginx ] || missing="$missing $name" ;;
    postgresql) command -v postgres >/dev/null || ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || missing="$missing $name" ;;
    *) command -v "$name" >/dev/null || missing="$missing $name" ;;
    esac
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then as_root=sudo; fi
if ! command -v apt-get >/dev/null || { [ -n "$as_root" ] && ! command -v sudo >/dev/null; }; then
    echo "Missing packages:$missing. Install them, or run this as root or with sudo where there is apt-get." >&2
    exit 1
fi

# Debian starts the servers that it installs, unless this script forbids it.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap '$as_root rm -f "$policy"' EXIT
    trap 'exit 130' INT TERM
    printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
    $as_root chmod +x "$policy"
fi

echo "Installing$missing ..." >&2
$as_root apt-get update -qq
# shellcheck disable=SC2086  # several packages
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing >/dev/null
