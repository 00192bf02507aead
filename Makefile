# `make run` and `make test` need only python3; they build .venv first.
PYTHON ?= python3
PORT ?= 8501
# Tests run in four streams at a time: networks, what stands around them, the rest without a browser, and the browsers.
# These go first where there are fewer processors: what a reader has ten seconds for is tried in seconds. A browser test
# that fails is tried once more, alone, and both ends stand in the summary. Each stream leaves a log.
NETWORKS := tests/inference tests/networks tests/training
AROUND := tests/attack tests/faults tests/pipeline tests/scans
OTHERS := $(patsubst %,--ignore=%,$(NETWORKS) $(AROUND) tests/e2e)
BROWSERS = $(BIN)/python -m pytest tests/e2e -o cache_dir=.pytest_cache/browsers
SHELL := /bin/bash
BIN := .venv/bin

.PHONY: run demo test test-fast coverage faults format attack lint lint-js audit sbom languages lock bench clean

run: .venv/runtime
	$(BIN)/python -m triage serve --port $(PORT)

demo: .venv/runtime
	$(BIN)/python -m triage demo

# Everything: lint, types, all tests.
test: .venv/dev lint
	nice -n 5 $(BIN)/python -m pytest $(NETWORKS) &>.tests.networks.log & networks=$$!; \
	nice -n 5 $(BIN)/python -m pytest $(AROUND) &>.tests.around.log & around=$$!; \
	(nice -n 5 $(BIN)/python -m pytest -m "not slow and not browser" $(OTHERS); quick=$$?; \
	nice -n 5 $(BIN)/python -m pytest -m "slow or browser" $(OTHERS); exit $$((quick + $$?))) &>.tests.others.log & others=$$!; \
	set -o pipefail; ($(BROWSERS) || $(BROWSERS) --last-failed) |& tee .tests.browsers.log; browsers=$$?; \
	wait $$others; others=$$?; wait $$around; around=$$?; wait $$networks; networks=$$?; \
	cat .tests.others.log .tests.around.log .tests.networks.log; \
	grep -hE "^(E  |FAILED tests|ERROR tests|=+ .* in [0-9.]+s)" .tests.*.log; \
	exit $$((browsers + others + around + networks))

# What the quick tests reach, and its floor (pyproject.toml). It makes a test half as slow again, so `make test` leaves it.
coverage: .venv/dev
	$(BIN)/coverage run -m pytest -m "not slow and not browser" $(OTHERS)
	$(BIN)/coverage report

# While you work: no browser, no training data, no faults, no training with TensorFlow.
test-fast: .venv/dev
	$(BIN)/python -m pytest -m "not slow and not browser and not data"

# Hostile files at full counts; writes docs/robustness.md.
faults: .venv/dev
	$(BIN)/python -m pytest tests/faults --flips 100000 --robustness docs/robustness.md

# Attempts against a real server; writes its table into docs/security.md. `make test` also shows that they can fail.
attack: .venv/dev
	$(BIN)/python -m pytest tests/attack --ignore tests/attack/test_attempts_can_fail.py --attacks docs/security.md

format: .venv/dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache --no-logo
	$(BIN)/typos
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml app.py pages triage
	$(BIN)/hadolint Dockerfile

# Known weaknesses of the pinned packages. It asks a service; where that cannot be reached it says so and ends well.
audit: .venv/dev
	$(BIN)/python .ci/audit.py

# What the product is made of, for a release: CycloneDX, from the pins.
sbom: .venv/dev
	$(BIN)/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible -o sbom.json requirements.txt

# Take new texts of the sources into the catalogues; what has no translation yet stands there with an empty msgstr.
languages: .venv/dev
	$(BIN)/python -m triage.languages.sources

# Types of the browser's modules, which stand in their comments; needs npm.
lint-js: tests/node/node_modules
	tests/node/node_modules/.bin/tsc --project tests/node

tests/node/node_modules: tests/node/package-lock.json
	npm ci --prefix tests/node --ignore-scripts --no-audit --no-fund --silent
	touch $@

# One environment: the development set contains the runtime set at the same versions.
.venv/runtime: requirements.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	touch $@

.venv/dev: requirements-dev.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	touch $@ .venv/runtime

# Pin the ranges of pyproject.toml; needs uv. Pins that still fit stay; `uv pip compile --upgrade` moves them.
lock:
	uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --custom-compile-command "make lock" pyproject.toml -o requirements.txt
	uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --custom-compile-command "make lock" --constraint requirements.txt --extra train --extra dev pyproject.toml -o requirements-dev.txt

bench: .venv/dev
	$(BIN)/python -m bench

clean:
	rm -rf .venv .coverage .tests.*.log .pytest_cache .mypy_cache .ruff_cache tests/artefacts tests/node/node_modules
