# Everything a newcomer needs is two commands: make demo, make test. `make help` lists the rest.
# Needs only Python 3.11 or later and POSIX sh; PYTHON=/path/to/python chooses one.

.DEFAULT_GOAL := help
.PHONY: help setup demo up test check lint bench soak fmt clean

VENV   := .venv
PY     := $(VENV)/bin/python
READY  := $(VENV)/.ready
CODE   := avnu tasks webhooks tests

##@ Start

setup: $(READY) ## Make .venv with the exact tested versions (the other commands do it too)

demo: $(READY) ## Play a few thousand deliveries with all their mischief, and reconcile the accounts
	$(VENV)/bin/avnu demo

up: $(READY) ## Run receiver, worker, beat and Flower, with a Redis of its own unless REDIS_HOST is set
	$(VENV)/bin/avnu up

##@ Check

# Two at a time: most tests wait for processes more than they compute. tests/README.md says more.
test: lint ## All checks and all tests; what lacks a program is skipped by name
	$(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder

check: lint ## What to run before each commit: checks and unit tests, under a minute
	$(PY) -m pytest tests/unit

lint: $(READY) ## Format, ruff, types, import rules
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	$(VENV)/bin/lint-imports

soak: $(READY) ## Tests that take minutes to hours: long random runs, the larger models
	$(PY) -m pytest tests/unit --timeout=0 --hypothesis-profile=others
	$(PY) -m pytest -m soak --timeout=0

bench: $(READY) ## Measure against BullMQ (needs npm) and plain Celery
	$(PY) -m tests.bench

##@ Tidy

fmt: $(READY) ## Format the code, and repair what ruff can repair
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

clean: ## Remove what setup and tools have made
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

help: ## Show this list
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@/ { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

$(READY): pyproject.toml deploy/constraints.txt
	@python=""; \
	for candidate in $(PYTHON) python3.11 python3.12 python3.13 python3.14 python3 python; do \
	  if "$$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
	    >/dev/null 2>&1; then python="$$candidate"; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "No Python 3.11 or later with the venv module was found." >&2; \
	  echo "Install one (Debian: apt-get install python3 python3-venv), or say where it is:" >&2; \
	  echo "  make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; \
	  exit 1; \
	fi; \
	echo "Making $(VENV) with $$("$$python" --version 2>&1) …"; \
	"$$python" -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check -e '.[dev]' -c deploy/constraints.txt
	@touch $@
