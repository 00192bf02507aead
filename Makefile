# `make run` and `make test` need only python3; they build .venv first.
PYTHON ?= python3
PORT ?= 8501
# The tests of the networks train: they take what the others leave of the processor, at the same time.
TRAINING := tests/networks tests/training
TRAINING_LOG := .coverage.training.log
BIN := .venv/bin

.PHONY: run demo test test-fast faults format lint lint-js lock bench clean

run: .venv/runtime
	$(BIN)/python -m triage serve --port $(PORT)

demo: .venv/runtime
	$(BIN)/python -m triage demo

# Everything: lint, types, all tests, and the floor of the coverage (pyproject.toml).
test: .venv/dev lint
	$(BIN)/coverage erase
	nice $(BIN)/coverage run --parallel-mode -m pytest $(TRAINING) >$(TRAINING_LOG) 2>&1 & training=$$!; \
	$(BIN)/coverage run --parallel-mode -m pytest $(TRAINING:%=--ignore=%); rest=$$?; \
	wait $$training; training=$$?; cat $(TRAINING_LOG); rm $(TRAINING_LOG); exit $$((rest + training))
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

# While you work: no browser, no training data, no faults, no training with TensorFlow.
test-fast: .venv/dev
	$(BIN)/python -m pytest -m "not slow and not browser and not data"

# Hostile files at full counts; writes docs/robustness.md.
faults: .venv/dev
	$(BIN)/python -m pytest tests/faults --flips 100000 --robustness docs/robustness.md

format: .venv/dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache --no-logo
	$(BIN)/typos
	$(BIN)/hadolint Dockerfile

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
	rm -rf .venv .coverage .pytest_cache .mypy_cache .ruff_cache tests/artefacts tests/node/node_modules
