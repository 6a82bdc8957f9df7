#!/bin/sh
# Writes the constraints files: every version that the checks run with, and no host name.
#
# usage: scripts/constraints.sh UV
set -eu
uv=$1

pin() { # FILE WORDS OPTION... < VERSIONS
    file=$1 words=$2
    shift 2
    {
        echo "# Every version that the checks run with, on $words. Made by: make constraints"
        "$uv" pip compile --quiet --system-certs --extra dev --python-version 3.11 \
            --constraint - --no-header --no-annotate "$@" pyproject.toml
        echo "uv==$("$uv" --version | cut -d' ' -f2)"
    } > "$file.new"
    mv "$file.new" "$file"
}

tools() { # What development needs and users do not, in the versions of a file
    names=$(sed -n '/^dev = \[/,/^\]/s/^ *"\([a-z-]*\)[>=].*/\1/p' pyproject.toml | paste -sd '|' -)
    grep -E "^($names)==" "$1"
}

echo "apache-airflow==3.3.2" | pin constraints.txt "Airflow 3.3.2 and Python 3.11 to 3.13" --universal --extra bench --extra browser --extra celery --extra docs
echo "apache-airflow==2.11.2" | pin constraints-airflow-2.11.txt "Airflow 2.11.2 and Python 3.11" --extra system
# Airflow 2.11.0 asks for any universal-pathlib, and its object storage works with none from 0.3 on.
{ tools constraints-airflow-2.11.txt; echo "universal-pathlib<0.3"; } |
    pin constraints-lowest.txt "the oldest versions that pyproject.toml allows and Python 3.11" --resolution lowest-direct
