#!/bin/sh
# Measures a contributor's first change: clones into an empty folder, with an empty home and an empty environment, adds
# a function and its test, runs `make test`, and prints how long it took from the clone to green, and on which machine.
#
# usage: scripts/first_change.sh [REPOSITORY]
#   REPOSITORY   what to clone; by default this checkout, as it is committed
set -eu
repository=${1:-$(cd "$(dirname "$0")/.." && pwd)}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM
mkdir "$folder/home"

busy=$(cut -d' ' -f1 /proc/loadavg)
began=$(date +%s)
# This shell is the contributor's: the clone, the change, the checks.
env -i PATH="$PATH" HOME="$folder/home" sh -eu -s "$repository" "$folder/clone" <<'COMMANDS' >&2
git clone --quiet "$1" "$2" && cd "$2"

cat >> airflow_provider_oppo_image/net/redaction.py <<'CHANGE'


def host_of(url: str) -> str:
    """Return a URL's host, "" for none.

    :param url: any text that should be a URL.
    """
    shown = redact_url(url)
    return "" if shown == NOT_A_URL else urlsplit(shown).hostname or ""
CHANGE
cat > tests/test_first_change.py <<'TEST'
from airflow_provider_oppo_image.net.redaction import host_of


def test_the_host_of_a_url() -> None:
    assert host_of("https://user@cdn.example.com/big.png?v=1") == "cdn.example.com"
    assert host_of("no URL") == ""
TEST

make test
COMMANDS
took=$(($(date +%s) - began))

version() { "$folder/clone/.venv/bin/python" -c "from importlib.metadata import version; print(version('$1'))" 2>/dev/null || echo none; }
echo "From the clone to green: $((took / 60)) min $((took % 60)) s, $(date -u +%F)."
echo "Machine: $(nproc) x $(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -1), $(awk '/^MemTotal/ { printf "%.0f GB", $2 / 1e6 }' /proc/meminfo), $(uname -sr)."
echo "With $("$folder/clone/.venv/bin/python" --version 2>/dev/null || echo 'no Python'), Airflow $(version apache-airflow), an empty cache of packages."
if [ "${busy%.*}" -ge 2 ]; then
    echo "The machine was busy (load average $busy): measure again before you write this down." >&2
fi
