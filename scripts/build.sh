#!/bin/sh
# Builds the source distribution, the wheel from it, the bill of materials of the wheel (CycloneDX), and
# the release notes. The build is reproducible: one commit always gives the same bytes.
#
# usage: scripts/build.sh BIN DIRECTORY
#   BIN          the folder of the environment's programs
#   DIRECTORY    the output folder, which is replaced
set -eu
bin=$1 to=$2

SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
umask 022

rm -rf "$to"
"$bin/python" -m build --no-isolation --outdir "$to" .
"$bin/twine" check --strict "$to"/*
"$bin/check-wheel-contents" "$to"/*.whl

installed=build/installed
"$bin/uv" venv --quiet --clear --python "$bin/python" "$installed"
"$bin/uv" pip install --quiet --system-certs --python "$installed" --constraint constraints/airflow-3.3.txt "$to"/*.whl
"$bin/uv" pip check --quiet --python "$installed"
wheel=$(basename "$to"/*.whl)
version=$(echo "$wheel" | cut -d- -f2)
# The tool does not read dynamic versions.
sed "s/^dynamic = .*/version = \"$version\"/" pyproject.toml > build/pyproject.toml
"$bin/cyclonedx-py" environment --output-reproducible --pyproject build/pyproject.toml --mc-type library \
    --output-file "$to/${wheel%-py3-none-any.whl}.cdx.json" "$installed"
# A build between two releases has the notes of what is not released.
grep -qF "## [$version]" CHANGELOG.md && heading="## [$version]" || heading="## [Unreleased]"
awk -v heading="$heading" 'index($0, heading) == 1 { on = 1; next } /^## / { on = 0 } on' CHANGELOG.md > "$to/notes.md"
echo "Built in $to:" && ls "$to"
