#!/bin/sh
# Creates a virtual environment from this checkout, unless there is one that is up to date.
#
# usage: scripts/venv.sh DIRECTORY EXTRAS GROUP CONSTRAINTS [PYTHON...]
#   EXTRAS       extras in pyproject.toml, with commas between them
#   GROUP        one of the dependency groups in pyproject.toml; "" for none
#   PYTHON       the interpreters to try, in order; the first one that works and is 3.11 to 3.13 is used
set -eu
# Python needs PATH to find itself, also in an empty environment.
export PATH="${PATH:-/usr/local/bin:/usr/bin:/bin}"
directory=$1 extras=$2 group=$3 constraints=$4
shift 4

# The group "dev" includes others.
state=$(cat pyproject.toml "$constraints" airflow_provider_oppo_image/__init__.py | cksum)
for done in "${group:-none}" dev; do
    [ "$(cat "$directory/.$done" 2>/dev/null)" = "$state" ] && exit 0
done

usable() {
    "$1" -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null
}
python=
for candidate; do
    if usable "$candidate"; then python=$candidate; break; fi
done
if [ -z "$python" ]; then
    echo "No usable Python found. It must be 3.11, 3.12 or 3.13 with the venv module; tried: $*." >&2
    echo "Install it (on Debian: apt-get install python3 python3-venv), or name it: make PYTHON=/path/to/python ..." >&2
    exit 1
fi

echo "Installing into $directory with $("$python" --version) ..." >&2
"$python" -m venv --clear "$directory"
installer=$(grep '^uv==' "$constraints")
if ! "$directory/bin/python" -m pip install --quiet --disable-pip-version-check "$installer" ||
    ! "$directory/bin/uv" pip install --quiet --system-certs --python "$directory/bin/python" \
        --constraint "$constraints" --editable ".[$extras]" ${group:+--group "$group"}; then
    echo "The installation failed; its output is above. It needs the network, or a package index that pip is configured for." >&2
    exit 1
fi
echo "$state" > "$directory/.${group:-none}"
