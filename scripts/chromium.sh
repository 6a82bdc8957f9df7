#!/bin/sh
# Installs Chromium, and letters for English and Chinese, from the system's packages where they are missing.
set -eu

missing=
[ -x /usr/bin/chromium ] || missing="$missing chromium fonts-liberation"
[ -n "$(fc-list :lang=zh 2>/dev/null)" ] || missing="$missing fonts-wqy-zenhei fontconfig"
[ -z "$missing" ] && exit 0

# shellcheck disable=SC2086  # several packages
exec "$(dirname "$0")/packages.sh" $missing
