# Two commands do everything on a fresh machine: `make demo` and `make test`. `make help` lists the rest.
SHELL := /bin/sh
PYTHON ?=
PYTHONS := $(or $(PYTHON),python3.12 python3.13 python3.11 python3)
PYTHON_3_11 ?= python3.11 /usr/bin/python3.11
BIN := .venv/bin
# Not the suites that have targets of their own.
QUICK := --ignore=tests/trust --ignore=tests/celery --ignore=tests/system --ignore=tests/whole_airflow --ignore=tests/browser --ignore=tests/site
# On two processors; a file's tests stay together, since they share what the file starts.
PARALLEL := --numprocesses 2 --dist loadfile

NOX = $(BIN)/python -m nox
FROM_WHEEL := tests/packaging tests/test_package.py tests/test_airflow_compat.py tests/test_provider_info.py tests/example_dags

.DEFAULT_GOAL := help
.PHONY: help demo airflow test lint types doors unit test-airflow-2.11 test-lowest test-wheel test-matrix audit release-check test-trust test-celery test-system test-system-3.3 test-system-2.11 test-airflow test-browser test-live build docs bench-trust bench bench-prepare format promises constraints clean

help: ## List the targets
	@sed -n 's/^\([a-z0-9.-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-20s %s\n", $$1, $$2 }'

demo: ## Run the nightly campaign DAG against the sandbox, from nothing to a message id
	@scripts/venv.sh .venv sandbox constraints/airflow-3.3.txt $(PYTHONS)
	@$(BIN)/python -m scripts.demo

airflow: ## Start a whole Airflow with the provider, the sandbox and pictures; Ctrl-C ends all of it
	@scripts/venv.sh .venv sandbox constraints/airflow-3.3.txt $(PYTHONS)
	@$(BIN)/python -m scripts.whole_airflow

test: lint types doors unit ## Run all quick checks: lint, types, doors and tests

.PHONY: venv
venv: # The environment that the checks run in
	@scripts/venv.sh .venv dev constraints/airflow-3.3.txt $(PYTHONS)

lint: venv ## Check style with ruff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: venv ## Check types with mypy, strictly
	$(BIN)/mypy

doors: venv ## Check which module may import which, with import-linter
	$(BIN)/lint-imports

unit: venv ## Run the tests on Airflow 3.3.2, with coverage by branch
	$(BIN)/pytest $(QUICK) $(PARALLEL) --cov --cov-report=term:skip-covered

test-airflow-2.11: venv ## Run the tests from the wheel on Airflow 2.11.2 and Python 3.11
	$(NOX) --session $@-3.11

test-lowest: venv ## Run the tests from the wheel on the oldest versions that the package says it works with
	$(NOX) --session $@-3.11

test-wheel: venv ## Look at what the wheel installs on Airflow 3.3.2, and run its DAGs
	$(NOX) --session test-airflow-3.3-3.11 -- $(FROM_WHEEL)

test-matrix: venv ## Run the tests from the wheel on each Airflow and Python; writes docs/compatibility.md
	rm -rf build/matrix/reports
	code=0; $(NOX) --tags matrix || code=$$?; $(BIN)/python -m scripts.compatibility && exit $$code

audit: venv ## Ask the advisory service about every pinned version
	$(BIN)/python scripts/audit.py constraints/airflow-*.txt

release-check: venv ## Say what is still to be done before this version is released
	@$(BIN)/python -m scripts.release_check

test-trust: venv ## Attack it: faults, kills, addresses, leaks, fuzz; prints what was tried and what got through
	@$(BIN)/python -m scripts.picture_corpus
	$(BIN)/pytest tests/trust

test-celery: ## Run a night's batch on two Celery workers, and kill one of them in the middle
	@scripts/servers.sh postgresql redis-server
	@scripts/venv.sh .venv-celery celery constraints/airflow-3.3.txt $(PYTHONS)
	.venv-celery/bin/pytest tests/celery

test-system: test-system-3.3 test-system-2.11 ## Run the examples and more in whole Airflows, 3.3.2 and 2.11.2, on PostgreSQL

test-system-3.3: # On Airflow 3.3.2
	@scripts/servers.sh postgresql
	@scripts/venv.sh .venv-system system constraints/airflow-3.3.txt $(PYTHONS)
	.venv-system/bin/pytest tests/system

test-system-2.11: # On Airflow 2.11.2 and Python 3.11
	@scripts/servers.sh postgresql
	@scripts/venv.sh .venv-system-2.11 system constraints/airflow-2.11.txt $(PYTHON_3_11)
	.venv-system-2.11/bin/pytest tests/system

test-airflow: venv ## Start `make airflow`'s Airflow, look into it, and stop it in every way
	$(BIN)/pytest tests/whole_airflow

test-browser: ## Set it up and look at it in a real browser: headless Chromium, Airflow 3.3.2 and 2.11.2
	@scripts/chromium.sh
	@scripts/venv.sh .venv-browser browser constraints/airflow-3.3.txt $(PYTHONS)
	@scripts/venv.sh .venv-airflow-2.11 test constraints/airflow-2.11.txt $(PYTHON_3_11) || \
		echo "Without it, Airflow 2.11.2's form is not looked at." >&2
	.venv-browser/bin/pytest tests/browser --timeout 180  # the first test of each Airflow waits for its start

test-live: ## Ask the live service what we believe to know: BIG=url SMALL=url (WRONG=url, CONN_ID=id); sends no push
	@scripts/venv.sh .venv sandbox constraints/airflow-3.3.txt $(PYTHONS)
	@$(BIN)/python -m scripts.live --big "$$BIG" --small "$$SMALL" $(if $(WRONG),--wrong "$$WRONG") \
		$(if $(CONN_ID),--conn-id "$$CONN_ID")

build: venv ## Build the wheel, the source distribution and the list of what the wheel brings with it, in dist
	scripts/build.sh $(BIN) dist

docs: ## Make the site of the documentation in build/docs, and test it
	@scripts/venv.sh .venv-docs docs constraints/airflow-3.3.txt $(PYTHONS)
	rm -rf build/docs
	.venv-docs/bin/sphinx-build -q -W --keep-going docs build/docs
	.venv-docs/bin/pytest tests/site

bench-trust: ## Attack it for hours, and see whether the tests notice faults; writes bench/TRUST.md
	@scripts/venv.sh .venv-trust mutation constraints/airflow-3.3.txt $(PYTHONS)
	@.venv-trust/bin/python -m scripts.picture_corpus
	.venv-trust/bin/python -m bench.trust

bench: ## Measure it beside what a user would pick instead; writes bench/RESULTS.md (ONLY=part for one of them)
	@scripts/venv.sh .venv-bench bench constraints/airflow-3.3.txt $(PYTHONS)
	.venv-bench/bin/python -m bench $(if $(ONLY),--only $(ONLY))

bench-prepare: ## Measure how artwork is made ready beside ImageMagick; writes docs/prepare-benchmark.md
	@scripts/venv.sh .venv-bench bench constraints/airflow-3.3.txt $(PYTHONS)
	.venv-bench/bin/python -m bench.prepare

format: venv ## Format the code with ruff
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

promises: venv ## Write down what this version promises to whoever upgrades: tests/promises
	@$(BIN)/python -m scripts.promises

constraints: venv ## Renew the pinned versions
	scripts/constraints.sh $(BIN)/uv

clean: ## Remove all that these targets made
	rm -rf .nox .venv .venv-airflow-2.11 .venv-trust .venv-celery .venv-system .venv-system-2.11 .venv-browser .venv-docs .venv-bench .demo .airflow build dist .coverage .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
