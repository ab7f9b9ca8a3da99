# Everything a developer or a newcomer types. Needs Python >= 3.11; `make js` also needs npm.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
STAMP := $(VENV)/.installed
# A file's tests share its fixtures, so a process takes whole files; each process takes some 3 GB.
PARALLEL := --numprocesses=logical --maxprocesses=4 --dist=loadfile
# The files with tests that measure: to collect all the others takes longer than to run these.
ALONE = $(shell grep -rlE --include='test_*.py' 'mark\.alone' tests)

.DEFAULT_GOAL := help
.PHONY: help install lab test test-long check format js bench clean

help:  ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS='	' read -r name what; do \
		printf '  make %-9s %s\n' "$$name" "$$what"; done

install: $(STAMP)  ## Create .venv and install trainlab into it, ready to be changed

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "trainlab needs Python >= 3.11; name one: make install PYTHON=python3.12" >&2; exit 1; }
	test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --disable-pip-version-check -e '.[dev]'
	@touch $@

lab: install  ## Open the lab in the browser (make lab ARGS="--port 8900")
	$(BIN)/trainlab lab $(ARGS)

test: install  ## Run the tests, but the long ones (browser tests skip where there is no Chromium)
	@failed=0; \
	$(PY) -m pytest -m "not alone and not long" --ignore=tests/browser $(PARALLEL) || failed=1; \
	$(PY) -m pytest -m "not alone and not long" tests/browser $(PARALLEL) || failed=1; \
	$(PY) -m pytest -m "alone and not long" $(filter-out tests/browser/%,$(ALONE)) || failed=1; \
	$(PY) -m pytest -m "alone and not long" $(filter tests/browser/%,$(ALONE)) || failed=1; \
	exit $$failed

test-long: install  ## Run the tests that take minutes each
	$(PY) -m pytest -m long --hypothesis-profile=long $(PARALLEL)

check: install  ## Check format, lint, types, import contracts, sizes, clean notebooks
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(PY) -m pytest -q tests/test_structure.py

format: install  ## Format the code and mend what ruff can mend
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

js:  ## Rebuild the live chart's module (needs npm)
	cd js && npm install --no-package-lock --no-audit --no-fund && npm run build

bench: install  ## Measure the engine against a hand-written loop
	$(PY) -m benchmarks

clean:  ## Remove what these commands made, except .venv and runs
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache js/node_modules
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
