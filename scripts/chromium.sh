#!/bin/sh
# Installs Chromium, and letters for English and Chinese, from the system's packages where they are missing.
set -eu

missing=
[ -x /usr/bin/chromium ] || missing="$missing chromium fonts-liberation"
[ -n "$(fc-list :lang=zh 2>/dev/null)" ] || missing="$missing fonts-wqy-zenhei fontconfig"
[ -z "$missing" ] && exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then as_root=sudo; fi
if ! command -v apt-get >/dev/null || { [ -n "$as_root" ] && ! command -v sudo >/dev/null; }; then
    echo "Missing here, and not to be installed from here (that needs apt-get, and root or sudo):$missing." >&2
    exit 1
fi

echo "Installing$missing ..." >&2
$as_root apt-get update -qq
# shellcheck disable=SC2086  # several packages
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing >/dev/null
