#!/bin/sh
# Installs PostgreSQL and Redis from the system's packages where they are missing, and starts neither.
set -eu

missing=
[ -n "$(command -v postgres || ls /usr/lib/postgresql/*/bin/postgres 2>/dev/null)" ] || missing="$missing postgresql"
command -v redis-server >/dev/null || missing="$missing redis-server"
[ -z "$missing" ] && exit 0

# shellcheck disable=SC2086  # several packages
exec "$(dirname "$0")/packages.sh" $missing
