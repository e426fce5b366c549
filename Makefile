# Every command builds what it needs and nothing else; a second run finds it built.
SHELL := /bin/sh
.DELETE_ON_ERROR:
.PHONY: setup run test test-long bench bench-client docs mutants vectors screenshots clean

PYTHON ?= python3
BIN := .venv/bin
PORT ?= 8080

setup: .venv/.made static/dist/.made

.venv/.made: pyproject.toml
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || scripts/need python3-venv-is-missing python3-venv
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

# Somebody else's verifier, which tests hold ours to. It says Python 3.12 and runs on 3.11.
.venv/oracle/.made: .venv/.made
	$(BIN)/pip install --quiet --disable-pip-version-check --ignore-requires-python --no-deps --upgrade --target .venv/oracle 'aics-tlog==0.2.1'
	@touch $@

sdk/node_modules/.made: sdk/package.json sdk/package-lock.json
	# Not `npm ci`: it refuses a lock that leaves out other systems' optional binaries.
	cd sdk && npm install --no-save --no-audit --no-fund --loglevel=error
	@touch $@

# Tags as their makers publish them, which a browser test serves.
sdk/consumers/node_modules/.made: sdk/consumers/package.json sdk/consumers/package-lock.json
	cd sdk/consumers && npm install --no-save --no-audit --no-fund --loglevel=error --ignore-scripts
	@touch $@

# What the build reads: not what others installed, published or test with.
BUILT_FROM := $(shell find sdk \( -path sdk/node_modules -o -path sdk/dist -o -path sdk/consumers \) -prune -o -type f -print)

static/dist/.made: sdk/node_modules/.made $(BUILT_FROM)
	cd sdk && npm run --silent build
	@touch $@

run: setup
	$(BIN)/holdfire demo --port $(PORT)

test: setup sdk/consumers/node_modules/.made .venv/oracle/.made
	@scripts/need chromium chromium
	@scripts/need nginx nginx-light
	@scripts/need postgres postgresql
	@scripts/need openssl openssl
	@scripts/need strace strace
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	cd sdk && npm run --silent check && npm run --silent test
	$(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder -m 'not long'

test-long: setup sdk/consumers/node_modules/.made .venv/oracle/.made
	@scripts/need chromium chromium
	@scripts/need nginx nginx-light
	@scripts/need postgres postgresql
	@scripts/need openssl openssl
	@scripts/need strace strace
	@scripts/need caddy caddy
	@scripts/need go 'golang-go golang-golang-x-mod-dev'
	$(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder

bench: setup
	$(BIN)/python -m bench

bench/client/node_modules/.made: bench/client/package.json bench/client/package-lock.json
	cd bench/client && npm install --no-save --no-audit --no-fund --loglevel=error
	@touch $@

bench-client: setup bench/client/node_modules/.made
	@scripts/need chromium chromium
	$(BIN)/python -m bench.client $(ARGS)

docs: setup
	$(BIN)/python -c 'from pathlib import Path; from holdfire.regimes import load, table; Path("docs/regimes.md").write_text(table.render(load(Path("config/regimes"))))'
	$(BIN)/python -c 'from pathlib import Path; from holdfire.catalogue import Catalogue, table; Path("docs/services.md").write_text(table.render(Catalogue(Path("config/services"))))'

vectors: setup
	$(BIN)/python tests/policy_vectors.py
	$(BIN)/python tests/ledger_vectors.py
	$(BIN)/python tests/consent_token_vectors.py

mutants: setup
	$(BIN)/pip install --quiet --disable-pip-version-check 'mutmut==3.8.1'
	scripts/mutants

screenshots: setup
	@scripts/need chromium chromium
	$(BIN)/python scripts/screenshots.py

clean:
	rm -rf .venv sdk/node_modules sdk/consumers/node_modules static/dist var
