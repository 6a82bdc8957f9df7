#!/bin/sh
# Writes the constraints files, which pin every version that the checks run with.
#
# usage: scripts/constraints.sh UV [FILE...]
#   FILE         the files to write, for example "airflow-3.2 lowest"; all files if none is named
set -eu
uv=$1
shift
wanted=${*:-airflow-2.11 airflow-3.0 airflow-3.1 airflow-3.2 airflow-3.3 lowest}

pin() { # FILE WORDS OPTION... < VERSIONS
    file=constraints/$1.txt words=$2
    shift 2
    {
        echo "# Every version that the checks run with, on $words. Made by: make constraints"
        "$uv" pip compile --quiet --system-certs --extra test --python-version 3.11 \
            --constraint - --no-header --no-annotate "$@" pyproject.toml
        echo "uv==$("$uv" --version | cut -d' ' -f2)"
    } > "$file.new"
    mv "$file.new" "$file"
}

tools() { # The pinned test dependencies of a file
    names=$(sed -n '/^test = \[/,/^\]/s/^ *"\([a-z-]*\)[>=].*/\1/p' pyproject.toml | paste -sd '|' -)
    grep -E "^($names)==" "constraints/$1.txt"
}

for file in $wanted; do
    case $file in
    airflow-2.11) echo "apache-airflow==2.11.2" | pin "$file" "Airflow 2.11.2 and Python 3.11 and 3.12" --universal --extra system ;;
    airflow-3.0) # it does not declare that it needs these upper limits
        { echo "apache-airflow==3.0.6"; echo "fastapi<0.117"; echo "universal-pathlib<0.3"; } |
            pin "$file" "Airflow 3.0.6 and Python 3.12" --universal
        ;;
    airflow-3.1) echo "apache-airflow==3.1.8" | pin "$file" "Airflow 3.1.8 and Python 3.12" --universal ;;
    airflow-3.2) # later versions break dag.test(), which it does not declare
        { echo "apache-airflow==3.2.2"; echo "fastapi<0.137"; echo "svcs<26.2"; } |
            pin "$file" "Airflow 3.2.2 and Python 3.12" --universal
        ;;
    airflow-3.3)
        echo "apache-airflow==3.3.2" | pin "$file" "Airflow 3.3.2 and Python 3.11 to 3.13" --universal \
            --extra dev --extra bench --extra browser --extra celery --extra docs
        ;;
    lowest)
        # Airflow 2.11.0 does not declare that its object storage needs universal-pathlib below 0.3.
        { tools airflow-2.11; echo "universal-pathlib<0.3"; } |
            pin "$file" "the oldest versions that pyproject.toml allows and Python 3.11" --resolution lowest-direct
        ;;
    *)
        echo "There is no constraints file $file." >&2
        exit 1
        ;;
    esac
done
