# Everything sets itself up: a machine with Python 3.11, make and a package index will do.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
UV := UV_PYTHON_DOWNLOADS=never UV_SYSTEM_CERTS=1 $(BIN)/uv
WORKERS ?= 4
# Without it every run of the tests compiles all of them anew, three times over.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test faults check pure generate bench fleet release-check format coverage clean

demo: $(VENV)/.installed          ## listen to a server of its own: live, or JSON Lines in a pipe
	@$(BIN)/notifyws listen --demo

test: $(VENV)/.developing         ## the tests, but those that are left to make faults
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "not slow"

faults: $(VENV)/.developing       ## the catalogue of faults and all that is slow, and a table of it
	@$(BIN)/python -m pytest -m "fault or slow" -n $(WORKERS) --dist worksteal --fault-table

check: $(VENV)/.developing        ## style, types, architecture, generated files
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check -q .
	@$(BIN)/mypy
	@$(BIN)/python scripts/generate.py --check
	@PYTHONPATH=src $(UV) tool run -q --from 'import-linter==2.17' lint-imports
	@$(BIN)/python -m pytest tests/test_architecture.py

pure: $(VENV)/.developing         ## the pure modules alone, with their branch coverage
	@$(BIN)/python scripts/pure.py

generate: $(VENV)/.developing     ## write what is generated: completions, .env.example, pictures, references
	@$(BIN)/python scripts/generate.py

bench: $(VENV)/.developing        ## ours beside its peers, which are installed below bench/
	@$(BIN)/python -m bench

fleet: $(VENV)/.developing        ## how far a fleet goes: 200 real listeners, and 10,000 in virtual time
	@$(BIN)/python -m bench.group $(WITH)

release-check: $(VENV)/.developing  ## what would be released: alone, on the oldest and the newest
	@$(BIN)/python scripts/release_check.py $(WITH)

format: $(VENV)/.developing
	@$(BIN)/ruff check -q --fix . ; $(BIN)/ruff format -q .

coverage: $(VENV)/.developing     ## branch coverage of everything
	@$(BIN)/python -m pytest -n $(WORKERS) --cov --cov-report=term:skip-covered

clean:
	@rm -rf $(VENV) dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage*

$(VENV)/bin/uv:
	@echo "Setting up in $(VENV), once ..." >&2
	@$(PYTHON) -m venv $(VENV) >&2
	@$(BIN)/python -m pip install -q --disable-pip-version-check uv >&2

$(VENV)/.installed: pyproject.toml uv.lock | $(VENV)/bin/uv
	@$(UV) sync -q --frozen --inexact --no-dev --extra server --compile-bytecode >&2
	@touch $@

$(VENV)/.developing: pyproject.toml uv.lock | $(VENV)/bin/uv
	@$(UV) sync -q --frozen --inexact --extra server --extra secure --extra keyring --extra metrics --extra mcp --extra apprise --compile-bytecode >&2
	@touch $@ $(VENV)/.installed
