# Everything goes through .venv, made from the pinned requirements: with uv where it is installed, else with pip.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null)

.DEFAULT_GOAL := help
.PHONY: help run test test-sqlite test-browser test-widths test-postgres bench lint format styles requirements clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

run: $(VENV)/.run  ## start the dashboard on this machine
	@exec $(BIN)/python -m claro_dashboard.run

test: $(VENV)/.dev  ## every check and test, as CI runs them
	@exec $(BIN)/python -m tests

test-sqlite: $(VENV)/.dev  ## the tests on SQLite, without those in a browser
	@exec $(BIN)/python -m tests sqlite

test-browser: $(VENV)/.dev  ## the tests in a browser, and of the whole product
	@exec $(BIN)/python -m tests browser system

test-widths: $(VENV)/.dev  ## the row table at 1440, 768, 390 and 320 px, light and dark
	@exec $(BIN)/python -m tests widths

test-postgres: $(VENV)/.dev  ## the tests that use a database, on PostgreSQL
	@exec $(BIN)/python -m tests postgres

bench: $(VENV)/.dev  ## the figures of docs/performance.md
	@exec $(BIN)/python -m bench

lint: $(VENV)/.dev  ## style, types, imports and wording
	@exec $(BIN)/python -m tests lint

format: $(VENV)/.dev  ## rewrite the code in the project's style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

styles: $(VENV)/.dev  ## take from Tabler what templates use
	@exec $(BIN)/python -m tests.styles

requirements: $(VENV)/.dev  ## pin again what requirements*.in ask for
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-header requirements.in --output-file requirements.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-header requirements-dev.in --output-file requirements-dev.txt

clean:  ## remove the environment; the data in var/ stays
	rm -rf $(VENV)

$(VENV)/.run: requirements.txt
	$(call install,requirements.txt)
	@touch $@

$(VENV)/.dev: requirements.txt requirements-dev.txt
	$(call install,requirements-dev.txt)
	@touch $(VENV)/.run $@

# A line for each package, as the first time takes minutes; a failure of pip is the failure of the line.
define install
	@echo "Installing the packages of $(1) into $(VENV); the first time takes a few minutes"
	@set -o pipefail; if [ -n "$(UV)" ]; then \
		[ -x $(BIN)/python ] || "$(UV)" venv --seed --python $(PYTHON) $(VENV) || exit 1; \
		"$(UV)" pip install --python $(BIN)/python -r $(1); \
	else \
		[ -x $(BIN)/python ] || $(PYTHON) -m venv $(VENV) || exit 1; \
		$(BIN)/python -m pip install --progress-bar off --disable-pip-version-check -r $(1) | \
			awk '/^Collecting /{print "  " $$2; fflush()} /^Installing collected/{print "  Unpacking"; fflush()}'; \
	fi
	@echo "Installed"
endef
