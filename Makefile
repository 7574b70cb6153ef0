# Works with a Python >= 3.11 and make; `make setup` fetches the rest from the package index.
PYTHON ?= python3
DATA ?= demo-data
PORT ?= 8000
# Anything for pytest, such as ARGS="tests/domain -k S28"
ARGS ?=

BIN := .venv/bin
# A Python named by hand rebuilds .venv when it has another version; the default keeps what is there.
PYTHON_ASKED_FOR := $(if $(filter-out file default,$(origin PYTHON)),yes)
export PYTHON_ASKED_FOR

.DEFAULT_GOAL := help
.PHONY: help setup demo test sure gates lint style templates dependencies directions fix types i18n i18n-check bench browser docs node-casbin audit-deps lock

help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):[^#]*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

setup: ## build .venv from the pinned, hashed requirements (PYTHON=python3.12 for another Python)
	@$(PYTHON) requirements/setup_venv.py

demo: setup ## the whole province on this machine, to try out; Ctrl-C ends it (DATA=folder PORT=8000)
	@$(BIN)/accessctl demo --data "$(DATA)" --port "$(PORT)"

test: setup ## the tests, on real PostgreSQL; browser tests where Chromium is installed (ARGS=... for pytest)
	@$(BIN)/pytest -n auto --maxprocesses 2 --dist loadgroup --durations=10 --durations-min=2 $(ARGS)

sure: gates test ## everything that CI runs

gates: lint types i18n-check docs node-casbin # what CI runs besides the tests

lint: style templates dependencies directions ## style, templates, dependencies, import directions

style: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

templates: setup
	$(BIN)/djlint --lint --quiet --allow-empty-input accessctl/web/templates

dependencies: setup
	$(BIN)/deptry .

directions: setup
	$(BIN)/lint-imports --no-logo

fix: setup ## repair style where a program can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: setup ## mypy; strict in the pure core and the audit library
	$(BIN)/mypy

i18n: setup ## collect the texts of the pages and compile the translations
	$(BIN)/python .ci/catalogs.py update

i18n-check: setup # every text translated, nothing fuzzy, catalogs up to date
	$(BIN)/python .ci/catalogs.py check

bench: setup ## the speed table of the issue, with ratios measured in the same run
	@$(BIN)/python -m bench

browser: setup ## the tests that drive Chromium and all long ones; every page in both languages (takes ten minutes or more)
	@ACCESSCTL_LONG=yes ACCESSCTL_PAGES_IN_BOTH_LANGUAGES=yes $(BIN)/pytest -n auto --maxprocesses 2 --dist loadgroup -m 'browser or long' $(ARGS)

docs: setup ## check the documents: links lead somewhere, commands named exist
	$(BIN)/python .ci/check_docs.py

# Installed once, from package-lock.json with its digests; a machine without Node, or without a registry, says so.
NODE_FOLDER := tests/policies/node
node-casbin: setup ## the whole policy matrix against node-casbin, where there is Node
	@command -v node >/dev/null && command -v npm >/dev/null || { echo "policy against node-casbin: NOT RUN, no Node and npm on this machine"; exit 0; }; \
	[ $(NODE_FOLDER)/node_modules/.package-lock.json -nt $(NODE_FOLDER)/package-lock.json ] || \
	  npm ci --prefix $(NODE_FOLDER) --ignore-scripts --no-audit --no-fund --loglevel=error || \
	  { echo "policy against node-casbin: NOT RUN, it could not be installed"; exit 0; }; \
	$(BIN)/pytest -q tests/policies/test_node_casbin.py

audit-deps: setup ## known vulnerabilities in the pinned dependencies (asks the package index; not part of `sure`)
	$(BIN)/pip-audit --disable-pip --require-hashes -r requirements.txt

# Needs uv on the PATH. One file for all Pythons; no index address inside.
LOCK := uv pip compile --no-config --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --quiet
lock: ## pin and hash the requirements anew (needs uv; UPGRADE=--upgrade takes newer versions)
	UV_CUSTOM_COMPILE_COMMAND="make lock" $(LOCK) $(UPGRADE) requirements/base.in -o requirements.txt
	UV_CUSTOM_COMPILE_COMMAND="make lock" $(LOCK) $(UPGRADE) requirements/dev.in -o requirements/dev.txt
