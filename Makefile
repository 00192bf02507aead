# Two commands matter: `make run` and `make test`.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: run demo test faults lint lock bench clean

run: .venv/runtime
	$(BIN)/python -m triage serve

demo: .venv/runtime
	$(BIN)/python -m triage demo

test: .venv/dev lint
	$(BIN)/python -m pytest

# The door, tried at full counts.
faults: .venv/dev
	$(BIN)/python -m pytest tests/faults --flips 100000 --robustness docs/robustness.md

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/hadolint Dockerfile

# One environment: the development set contains the runtime set at the same versions.
.venv/runtime: requirements.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	touch $@

.venv/dev: requirements-dev.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	touch $@ .venv/runtime

# Pin anew from the ranges in pyproject.toml; needs uv.
lock:
	uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --custom-compile-command "make lock" pyproject.toml -o requirements.txt
	uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --custom-compile-command "make lock" --constraint requirements.txt --extra train --extra dev pyproject.toml -o requirements-dev.txt

bench: .venv/dev
	$(BIN)/python -m bench

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache tests/artefacts
