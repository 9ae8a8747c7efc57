# The commands of the project; `make help` lists them. What they do stands in tools/.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory

export PYTHON ?= python3
# The directory that `make run` loads; without one a data set is generated.
DATA ?=
# Link-time optimisation of what `make build` builds: off, thin or fat.
LTO ?= off
GENERATED := .segue/generated

# One folder for everything that cargo builds, wherever the machine would put it.
export CARGO_TARGET_DIR := $(CURDIR)/target
export SAM_CLI_TELEMETRY := 0
export PYTHONDONTWRITEBYTECODE := 1

.PHONY: help
help: ## List what can be typed
	@echo 'usage: make TARGET [DATA=dir]'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-9s %s\n", $$1, $$2}'

.PHONY: prerequisites
prerequisites:
	@sh tools/prerequisites.sh $(PYTHON)

.PHONY: tools
tools: prerequisites ## Install the pinned tools into .tools/ (what run, build and test need)
	@$(PYTHON) tools/install.py ministack sam duckdb

.PHONY: check-tools
check-tools: prerequisites
	@$(PYTHON) tools/install.py sam lint node duckdb

.PHONY: build
build: tools ## Build the command line, the local warehouse and the functions (LTO=fat: as deployed)
	@LTO='$(LTO)' tools/build.sh

.PHONY: run
run: build ## Load DATA (or a generated data set) into the local warehouse
	@tools/run.sh '$(DATA)' $(GENERATED)

.PHONY: down
down: ## Stop what `make run` started; the data stays
	@if [ -x target/release/segue ]; then target/release/segue local down; fi

.PHONY: check
check: check-tools ## Format, clippy, templates, state machines, SQL: one line each
	@$(PYTHON) tools/check.py

.PHONY: test
test: tools check-tools ## Check, build and test everything; the last line counts
	@$(PYTHON) tools/test.py

.PHONY: clean
clean: down ## Remove what was built and what was loaded; the tools stay
	rm -rf target .aws-sam .segue
