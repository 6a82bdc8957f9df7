# Two commands do everything on a new machine: `make demo` and `make test`. `make help` lists the other targets.
SHELL := /bin/sh
PYTHON ?=
PYTHONS := $(or $(PYTHON),python3.12 python3.13 python3.11 python3)
PYTHON_3_11 ?= python3.11 /usr/bin/python3.11
BIN := .venv/bin
VENV = scripts/venv.sh
EXTRAS := sandbox,openlineage
PINS := constraints/airflow-3.3.txt
# The quick suite leaves out what has its own target.
TOOLS := tests/scripts tests/bench tests/packaging
QUICK := $(foreach folder,$(TOOLS) tests/trust tests/celery tests/system tests/whole_airflow tests/browser tests/site,--ignore=$(folder))
# Two processes; the tests of one file stay together, because they share fixtures.
PARALLEL := --numprocesses 2 --dist loadfile

# Compiled modules are kept in build/pycache, even where the environment says not to write any: without them, each of the
# processes that tests start would compile Airflow again.
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX := $(CURDIR)/build/pycache

NOX = $(BIN)/python -m nox
MANAGED := test-managed-2.11.2-3.11
FROM_WHEEL := tests/packaging tests/test_package.py tests/test_airflow_compat.py tests/test_provider_info.py tests/example_dags

.DEFAULT_GOAL := help
.PHONY: help demo airflow test lint types imports size unit coverage test-tools test-airflow-2.11 test-lowest test-wheel test-managed test-matrix audit drift release-check test-trust test-celery test-system test-system-3.3 test-system-2.11 test-airflow test-browser test-live build docs bench-trust bench bench-prepare format api-snapshot constraints clean venv

help: ## List the targets
	@sed -n 's/^\([a-z0-9.-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-20s %s\n", $$1, $$2 }'

demo: ## Run the nightly campaign DAG against the sandbox, from an empty checkout to a message id
	@$(VENV) .venv sandbox "" $(PINS) $(PYTHONS)
	@$(BIN)/python -m scripts.demo

airflow: ## Start Airflow with the provider, the sandbox and pictures; Ctrl-C stops everything
	@$(VENV) .venv sandbox "" $(PINS) $(PYTHONS)
	@$(BIN)/python -m scripts.whole_airflow

test: lint types imports size unit ## Run all quick checks: lint, types, imports, size and tests

venv: # The environment of the checks
	@$(VENV) .venv $(EXTRAS) dev $(PINS) $(PYTHONS)

lint: venv ## Check style with ruff, and the GitHub workflows with zizmor and their schemas
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/zizmor --quiet --offline .github
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/[!c]*.yml

types: venv ## Check types with mypy, strictly
	$(BIN)/mypy

imports: venv ## Check the import layers and that there are no import cycles, with import-linter
	$(BIN)/lint-imports

size: venv ## Check the size of the code, and how many modules take part in an upload, against limits
	$(BIN)/python -m scripts.size

unit: venv ## Run the tests on Airflow 3.3.2
	$(BIN)/pytest $(QUICK) $(PARALLEL)

coverage: venv ## Run the tests on Airflow 3.3.2 with branch coverage; fail under 98 %
	$(BIN)/pytest $(QUICK) $(PARALLEL) --hypothesis-profile full --cov --cov-report=term:skip-covered

test-tools: venv ## Test the project's own tools: scripts, benchmarks and packaging
	@scripts/packages.sh nginx
	$(BIN)/pytest $(TOOLS) $(PARALLEL)

test-airflow-2.11: venv ## Run the tests from the wheel on Airflow 2.11.2 and Python 3.11
	$(NOX) --session $@-3.11

test-lowest: venv ## Run the tests from the wheel on the oldest supported version of each dependency
	$(NOX) --session $@-3.11

test-wheel: venv ## Check what the wheel installs on Airflow 3.3.2, and run its DAGs
	$(NOX) --session test-airflow-3.3-3.11 -- $(FROM_WHEEL)

test-managed: venv ## Run DAGs, the connection and the tests of HTTP from the wheel beside a managed Airflow's providers
	$(NOX) --session $(MANAGED) -- $(FROM_WHEEL) tests/docs/test_shown_dags.py tests/operators tests/net

test-matrix: venv ## Run the tests from the wheel on each Airflow and Python; writes docs/compatibility.md
	rm -rf build/matrix/reports
	code=0; $(NOX) --tags matrix || code=$$?; $(BIN)/python -m scripts.compatibility && exit $$code

audit: venv ## Check every pinned version for known vulnerabilities
	code=0; for file in constraints/airflow-*.txt; do \
		$(BIN)/pip-audit --strict --no-deps --disable-pip --progress-spinner off --requirement $$file || code=1; \
	done; exit $$code

drift: venv ## Compare the vendor's newest SDK with contract.py, and print what is new
	@$(BIN)/python -m scripts.drift

release-check: venv ## Print what is left to do before this version is released
	@code=0; drift=$$($(BIN)/python -m scripts.drift) || { echo "$$drift"; code=1; }; \
	$(BIN)/python -m scripts.release_check || code=1; exit $$code

test-trust: venv ## Test faults, kills, addresses, leaks and malformed pictures; prints a table of the results
	@scripts/picture_corpus.sh $(BIN)/python
	$(BIN)/pytest tests/trust

test-celery: ## Run a batch on two Celery workers, and kill one of them during the batch
	@scripts/packages.sh postgresql redis-server
	@$(VENV) .venv-celery sandbox celery $(PINS) $(PYTHONS)
	.venv-celery/bin/pytest tests/celery

test-system: test-system-3.3 test-system-2.11 ## Run the example DAGs in complete Airflows, 3.3.2 and 2.11.2, on PostgreSQL

test-system-3.3: # On Airflow 3.3.2
	@scripts/packages.sh postgresql
	@$(VENV) .venv-system $(EXTRAS) system $(PINS) $(PYTHONS)
	.venv-system/bin/pytest tests/system

test-system-2.11: # On Airflow 2.11.2 and Python 3.11
	@scripts/packages.sh postgresql
	@$(VENV) .venv-system-2.11 sandbox system constraints/airflow-2.11.txt $(PYTHON_3_11)
	.venv-system-2.11/bin/pytest tests/system

test-airflow: venv ## Start what `make airflow` starts, check it, and stop it in several ways
	$(BIN)/pytest tests/whole_airflow

test-browser: ## Test the connection form and the page in headless Chromium, on Airflow 3.3.2 and 2.11.2
	@scripts/packages.sh chromium
	@$(VENV) .venv-browser $(EXTRAS) browser $(PINS) $(PYTHONS)
	@$(VENV) .venv-airflow-2.11 sandbox test constraints/airflow-2.11.txt $(PYTHON_3_11)
	.venv-browser/bin/pytest tests/browser --timeout 180  # the first test of each Airflow waits for its start

test-live: ## Compare the live service with contract.py and the sandbox: BIG=url SMALL=url (WRONG=url, CONN_ID=id); sends no push
	@$(VENV) .venv sandbox "" $(PINS) $(PYTHONS)
	@$(BIN)/python -m scripts.live --big "$$BIG" --small "$$SMALL" $(if $(WRONG),--wrong "$$WRONG") \
		$(if $(CONN_ID),--conn-id "$$CONN_ID")

build: venv ## Build the wheel, the source distribution and the wheel's bill of materials, in dist
	scripts/build.sh $(BIN) dist

docs: ## Build the documentation site in build/docs, and test it
	@$(VENV) .venv-docs $(EXTRAS) docs $(PINS) $(PYTHONS)
	rm -rf build/docs
	.venv-docs/bin/sphinx-build -q -W --keep-going docs build/docs
	.venv-docs/bin/pytest tests/site

bench-trust: ## Run the trust tests for hours, and mutation tests; writes bench/TRUST.md
	@$(VENV) .venv-trust $(EXTRAS) mutation $(PINS) $(PYTHONS)
	@scripts/picture_corpus.sh .venv-trust/bin/python
	.venv-trust/bin/python -m bench.trust

bench: ## Compare the package with its alternatives; writes bench/RESULTS.md (ONLY=part measures one part)
	@$(VENV) .venv-bench $(EXTRAS) bench $(PINS) $(PYTHONS)
	@scripts/packages.sh nginx
	.venv-bench/bin/python -m bench $(if $(ONLY),--only $(ONLY))

bench-prepare: ## Compare the preparation of artwork with ImageMagick; writes docs/prepare-benchmark.md
	@$(VENV) .venv-bench $(EXTRAS) bench $(PINS) $(PYTHONS)
	@scripts/packages.sh imagemagick
	.venv-bench/bin/python -m bench.prepare

format: venv ## Format the code with ruff
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

api-snapshot: venv ## Write a snapshot of this version's public API to tests/promises, and provider.yaml
	@$(BIN)/python -m scripts.api_snapshots

constraints: venv ## Update the pinned versions
	scripts/constraints.sh $(BIN)/uv

clean: ## Remove everything that these targets made
	rm -rf .nox .venv .venv-airflow-2.11 .venv-trust .venv-celery .venv-system .venv-system-2.11 .venv-browser .venv-docs .venv-bench .demo .airflow build dist .coverage .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
