# Everything a person does here starts with make. `make help` lists it.

# The first Python on PATH that is new enough; PYTHON=… chooses another one.
PYTHON ?= $(firstword $(foreach name,python3 python3.13 python3.12 python3.11,\
            $(shell $(name) -c 'import sys; sys.version_info >= (3, 11) and print("$(name)")' 2>/dev/null)))
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
CODE := bot parser ci_templates repository_templates sandbox tests samples benchmarks fidelity pictures scripts
# What builds images in the demo: layers, or docker.
ENGINE ?= layers
# What the demo publishes by itself: noise, a script; or mlopen, a control file.
SAMPLE ?= noise
PRESENT = $(wildcard $(CODE))
# How many processes share the tests.
AT_ONCE ?= 2

# Only what tools print goes to the terminal; nothing is asked, so nothing can wait for an answer.
export PIP_NO_INPUT := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYTHONUNBUFFERED := 1

.DEFAULT_GOAL := help
.PHONY: help setup demo test chaos lint format check bench bench-image fidelity pictures clean

help: ## List what can be done here
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  make demo SAMPLE=mlopen   publish, train and run a control file, and show its report"
	@echo "  make demo REPO=DIR   publish a repository of your own;  ENGINE=docker builds by Docker;  KEEP=1 leaves it running"

setup: $(READY) ## Make the virtual environment (.venv) with all that tests and demo need

# The stamp is older than setup.cfg when a dependency was added: then, and only then, pip runs again.
$(READY): setup.cfg pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed and is not on PATH (Debian 12: apt-get install python3 python3-venv)" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "$(PYTHON) cannot make virtual environments (Debian: apt-get install python3-venv)" >&2; exit 2; }
	@echo "Preparing the virtual environment $(VENV) (about a minute, once)" >&2
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -qq --editable '.[dev]' >&2
	@touch $@

# The look at the machine needs no virtual environment: what is missing is said before anything is installed.
demo: ## Publish the sample, live: webhook, pipeline, image (SAMPLE=mlopen, REPO=DIR, ENGINE=docker, KEEP=1)
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed and is not on PATH (Debian 12: apt-get install python3 python3-venv)" >&2; exit 2; }
	@$(PYTHON) -m sandbox.demo.checks $(ENGINE) $(SAMPLE) $(if $(REPO),"$(REPO)")
	@$(MAKE) --silent --no-print-directory $(READY) >&2
	@exec $(BIN)/python -m sandbox.demo --engine $(ENGINE) --sample $(SAMPLE) $(if $(REPO),--repo "$(REPO)") $(if $(filter-out 0,$(KEEP)),--keep)

# Two processes, for most tests wait for programs that they started; each file is one process's own. Those that look at the
# whole machine come alone, behind them. ARGS may leave nothing for one of the two (exit code 5).
test: $(READY) ## Run every test this machine can run; what it cannot is said (with CI=true that fails)
	@failed=0; \
	for way in "-n $(AT_ONCE) --dist loadfile --no-loadscope-reorder -m not(alone)" "-m alone"; do \
		$(BIN)/python -m pytest $$way $(ARGS) || { code=$$?; [ $$code = 5 ] && [ -n "$(strip $(ARGS))" ] || failed=1; }; \
	done; \
	exit $$failed

# Each takes as long as it takes; the time-out of a usual test would cut it off.
chaos: $(READY) ## Kill, cut off and misbehave everywhere, at length (docs/reliability.md; takes long)
	@MLREEF_TEST_CHAOS=whole $(BIN)/python -m pytest tests/chaos --timeout=7200 $(ARGS)

lint: $(READY) ## Style, types and the direction of imports
	@$(BIN)/ruff check $(PRESENT)
	@$(BIN)/ruff format --check $(PRESENT)
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

format: $(READY) ## Put the code into the one style
	@$(BIN)/ruff check --fix $(PRESENT)
	@$(BIN)/ruff format $(PRESENT)

check: lint test ## lint and test

bench: $(READY) ## Measure the speeds that are promised (docs/benchmarks.md)
	@$(BIN)/python -m benchmarks

bench-image: $(READY) ## Measure images beside Dockerfiles (needs Docker with buildx; takes minutes)
	@$(BIN)/python -m benchmarks.image --write $(ARGS)

fidelity: $(READY) ## Measure how true the parser is to argparse (docs/fidelity.md; fetches packages, takes minutes)
	@$(BIN)/python -m fidelity --write $(ARGS)

pictures: $(READY) ## Photograph notes and the catalogue's pages for docs/ (needs Chromium)
	@$(BIN)/python -m pictures

clean: ## Remove the virtual environment and everything that tools left
	rm -rf $(VENV) .demo .cache build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
