# Two commands: `make run` opens the dashboard, `make test` checks everything. Both set up first.
VENV := .venv
BIN := $(VENV)/bin
# the newest Python that is at least 3.11, by whichever name it goes here
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
JOBS ?= 2
# the tests start some hundred processes: the code is compiled once for all of them
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run test faults lint format wheel bench clean
help: ## Say what each target does
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

run: $(VENV)/.ready ## Open the dashboard in the browser (PORT=8501 by default)
	@echo "→ Starting the dashboard; Ctrl-C ends it, runs in the background go on."
	$(BIN)/python -m streamlit run dashboard.py $(if $(PORT),--server.port $(PORT))

test: $(VENV)/.ready-test lint ## Lint, check types and layers, run every test
	@echo "→ Running the tests on $(JOBS) processes"
	$(BIN)/python -m pytest -n $(JOBS)

faults: $(VENV)/.ready-test ## Kill workers, servers and cluster nodes under runs; must print 0 holes
	$(BIN)/python tests/faults/resume_holes.py --kills 500 --restarts 20
	$(BIN)/python -m pytest -n 0 -m fault

lint: $(VENV)/.ready-test ## Style, types and the layers of the architecture
	@echo "→ Checking style, types and layers"
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.ready-test ## Put the code into its one shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

wheel: $(VENV)/.ready-test ## Build the source archive and the wheel, with the dashboard in it, into dist/
	$(BIN)/python -m hatchling build

bench: $(VENV)/.ready-bench ## Measure what the README and the design promise, and print it
	@for bench in tests/bench/*.py; do echo "→ $$bench"; $(BIN)/python $$bench || exit 1; done

clean: ## Remove the environment and the caches (runs are kept: they live in your data folder)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info dist

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed and was not found. Install it, or name it: make PYTHON=/path/to/python3"; exit 1; }
	@echo "→ Making an environment in $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.ready: pyproject.toml | $(VENV)/bin/python
	@echo "→ Installing mlcore and what it needs (torch is large; a minute or more the first time)"
	@$(PIP) install --editable .
	@touch $@

$(VENV)/.ready-test: pyproject.toml | $(VENV)/bin/python
	@echo "→ Installing mlcore with its test tools (torch is large; a minute or more the first time)"
	@$(PIP) install --editable '.[test]'
	@touch $@ $(VENV)/.ready

$(VENV)/.ready-bench: pyproject.toml $(VENV)/.ready-test
	@echo "→ Installing what the benches compare with"
	@$(PIP) install --editable '.[test,bench]'
	@touch $@
