#!/bin/sh
# Writes the constraints files: every version that the checks run with, and no host name.
#
# usage: scripts/constraints.sh UV
set -eu
uv=$1

pin() { # FILE AIRFLOW WORDS OPTION...
    file=$1 airflow=$2 words=$3
    shift 3
    {
        echo "# Every version that the checks run with, on Airflow $airflow and $words. Made by: make constraints"
        echo "apache-airflow==$airflow" | "$uv" pip compile --quiet --system-certs --extra dev --python-version 3.11 \
            --constraint - --no-header --no-annotate "$@" pyproject.toml
        echo "uv==$("$uv" --version | cut -d' ' -f2)"
    } > "$file.new"
    mv "$file.new" "$file"
}

pin constraints.txt 3.3.2 "Python 3.11 to 3.13" --universal
pin constraints-airflow-2.11.txt 2.11.2 "Python 3.11"
