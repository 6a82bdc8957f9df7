#!/bin/sh
# Installs servers from the system's packages where they are missing, and starts none.
#
# usage: scripts/servers.sh SERVER...
#   SERVER       "postgresql" or "redis-server"
set -eu

missing=
for server; do
    case $server in
    postgresql) found=$(command -v postgres || ls /usr/lib/postgresql/*/bin/postgres 2>/dev/null || true) ;;
    *) found=$(command -v "$server" || true) ;;
    esac
    [ -n "$found" ] || missing="$missing $server"
done
[ -z "$missing" ] && exit 0

# shellcheck disable=SC2086  # several packages
exec "$(dirname "$0")/packages.sh" $missing
