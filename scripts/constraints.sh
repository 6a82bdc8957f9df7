#!/bin/sh
# Writes the constraints files, which pin every version that the checks run with.
#
# usage: scripts/constraints.sh UV [FILE...]
#   FILE         the files to write, for example "airflow-3.2 lowest"; all files if none is named
set -eu
mkdir -p build
uv=$1
shift
# Each tested Airflow, and a day soon after its release on which its providers were released too
days="2.11.2=2026-03-16 3.0.6=2025-08-31 3.1.8=2026-03-13 3.2.2=2026-05-31 3.3.2=2026-09-19"
wanted=${*:-airflow-2.11 airflow-3.0 airflow-3.1 airflow-3.2 airflow-3.3 lowest
    $(for day in $days; do echo "release-${day%=*} managed-${day%=*}"; done)}

pin() { # FILE WORDS OPTION... < VERSIONS
    file=constraints/$1.txt words=$2
    shift 2
    {
        echo "# Every version that the checks run with, on $words. Made by: make constraints"
        "$uv" pip compile --quiet --system-certs --extra sandbox --group test --python-version 3.11 \
            --constraint - --no-header --no-annotate "$@" pyproject.toml
        echo "uv==$("$uv" --version | cut -d' ' -f2)"
    } > "$file.new"
    mv "$file.new" "$file"
}

pin_day() { # FILE AIRFLOW WORDS < REQUIREMENTS: pin the versions of Airflow's release
    day=${days#*"$2="}
    cat > build/requirements.txt
    # The vendor's SDK, with which the tests compare, is younger.
    echo "apache-airflow==$2" | pin "$1" "$3" --universal --exclude-newer "${day%% *}" \
        --exclude-newer-package engagelab-apppush=2026-11-01 build/requirements.txt
}

tools() { # The pinned test dependencies of a file
    names=$(sed -n '/^test = \[/,/^\]/s/^ *"\([a-z-]*\)[>=].*/\1/p' pyproject.toml | paste -sd '|' -)
    grep -E "^($names)==" "constraints/$1.txt"
}

for file in $wanted; do
    case $file in
    airflow-2.11) echo "apache-airflow==2.11.2" | pin "$file" "Airflow 2.11.2 and Python 3.11 and 3.12" --universal --group system ;;
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
            --extra openlineage --group bench --group browser --group celery --group docs
        ;;
    release-*)
        pin_day "$file" "${file#*-}" "Airflow ${file#*-} with the versions of its release day, and Python 3.11 and later" < /dev/null
        ;;
    managed-*) # Airflow's own constraints files hold these back, and managed Airflows use them
        printf '%s\n' apache-airflow-providers-amazon apache-airflow-providers-google \
            apache-airflow-providers-snowflake 'numpy<2' 'pandas<2.2' |
            pin_day "$file" "${file#*-}" "Airflow ${file#*-} with a managed Airflow's providers, and Python 3.11 and 3.12"
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
# Python 3.14 is not tested, but the dependencies must resolve for it.
"$uv" pip compile --quiet --system-certs --python-version 3.14 --extra sandbox --group test pyproject.toml > /dev/null
