# Two commands matter: `make run` and `make test`. Both set everything up themselves, below this folder.

.DEFAULT_GOAL := help
.PHONY: help run test soak fuzz check setup dev format pictures newcomer lock clean reset
MAKEFLAGS += --no-print-directory

# The first Python that is new enough.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
BIN := .venv/bin

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: setup ## the whole platform with its simulated city (ARGS="--port 9000" for options of `cloudbrain up`)
	@exec $(BIN)/cloudbrain up --simulate $(ARGS)

test: dev ## every check and every test (TESTS="tests/unit -k word" for some)
	@$(MAKE) check
	$(BIN)/pytest $(TESTS)

soak: dev ## every fault at several seeds, the steady load, then every fuzz target (SEEDS=5 FAULTS=kill-ingest,cable STEADY_MINUTES=3 SECONDS=60)
	$(BIN)/python -m tests.faults.soak --seeds "$(SEEDS)" --faults "$(FAULTS)" --steady-minutes "$(STEADY_MINUTES)"
	@$(MAKE) fuzz

fuzz: dev ## every fuzz target for a while (SECONDS=60; guided by coverage where atheris installs)
	-$(BIN)/pip install --quiet --require-hashes -r tools/locks/fuzz.lock
	$(BIN)/python -m tests.fuzz.run --seconds $(or $(SECONDS),60)

check: dev ## ruff, format, mypy, order of imports: seconds
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: dev ## let ruff format and mend what it can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

pictures: dev ## the pictures of the README, made from the real page
	$(BIN)/python tools/pictures.py

newcomer: ## both commands on fresh Debian 12 and 13, timed (root, debootstrap; SUITES="trixie" for one)
	bash tools/newcomer.sh $(SUITES)

lock: dev ## new lock files after a change of dependencies (ARGS=--upgrade for new versions)
	bash tools/lock.sh $(ARGS)

clean: ## remove what was installed and built; data stay
	rm -rf .venv .cache brain/web/console/vendor .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

reset: ## remove the data of `make run`
	rm -rf .data

setup: python ## only set up what `make run` needs
	@$(PYTHON) tools/setup.py

dev: python
	@$(PYTHON) tools/setup.py --dev

.PHONY: python
python:
	@test -n "$(PYTHON)" || { echo "make: Python 3.11 or newer is needed (Debian or Ubuntu: apt-get install python3 python3-venv)." >&2; exit 1; }
