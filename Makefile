# The commands of the project; `make help` lists them. tools/ has what they run.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory

export PYTHON ?= python3
# The directory that `make run` loads; without it a data set is generated. The name may contain
# anything: make does not expand `$` in it, and programs get it by the environment, not by a shell.
DATA ?=
override DATA := $(value DATA)
export DATA
# How `make build` and `make run` compile: dev (fast to build) or release (as deployed).
PROFILE ?= dev
# How many schedules of faults `make faults` tries; the default is what `make test` tries.
SEEDS ?=
# What `make deploy` deploys: the environment of samconfig.toml, the processor, the parameters to
# change since the last time (NAME=value …; values may contain blanks or be empty), and a folder
# with a built template, if nothing is to be built.
ENVIRONMENT ?= dev
ARCHITECTURE ?= arm64
# The processors of Lambda that `make dist` builds for.
PROCESSORS ?= arm64 x86_64
export PARAMETERS ?=
export BUILT ?=
GENERATED := .segue/generated

# One folder for everything that cargo builds, whatever this machine's default is.
export CARGO_TARGET_DIR := $(CURDIR)/target
export SAM_CLI_TELEMETRY := 0
export PYTHONDONTWRITEBYTECODE := 1

.PHONY: help
help: ## List the commands
	@echo 'usage: make TARGET [DATA=dir]'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-12s %s\n", $$1, $$2}'

.PHONY: prerequisites
prerequisites:
	@sh tools/prerequisites.sh $(PYTHON)

.PHONY: tools
tools: prerequisites ## Install the pinned tools into .tools/ (what run, build and test need)
	@$(PYTHON) tools/install.py ministack sam duckdb

.PHONY: check-tools
check-tools: prerequisites
	@$(PYTHON) tools/install.py sam lint checkov node duckdb

.PHONY: test-tools
test-tools: prerequisites
	@$(PYTHON) tools/install.py nextest

.PHONY: build
build: tools ## Build the command line, the local warehouse and the functions (PROFILE=release: as deployed)
	@PROFILE='$(PROFILE)' tools/build.sh

.PHONY: run
run: data build ## Load DATA (or a generated data set) into the local warehouse
	@tools/run.sh $(GENERATED)

.PHONY: data
data:
	@tools/data.sh

.PHONY: down
down: ## Stop the local stack; the data stays
	@if [ -x target/bin/segue ]; then target/bin/segue local down; fi

.PHONY: deploy-tools
deploy-tools:
	@sh tools/prerequisites.sh $(PYTHON) $(if $(BUILT),bundle,deploy)
	@$(PYTHON) tools/install.py sam $(if $(BUILT),,zig)

.PHONY: deploy
deploy: deploy-tools ## Build for Lambda and deploy to ENVIRONMENT (dev, prod), with PARAMETERS
	@tools/deploy.sh '$(ENVIRONMENT)' '$(ARCHITECTURE)'

.PHONY: dist
dist: deploy-tools ## Build a release for PROCESSORS into dist/, which can be deployed without a compiler
	@for processor in $(PROCESSORS); do tools/bundle.sh "$$processor"; done
	@$(PYTHON) tools/dist.py "$$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)" $(PROCESSORS)

.PHONY: acceptance
acceptance: deploy-tools build ## Try this version in an AWS account, with PARAMETERS; removes everything again
	@tools/acceptance.sh '$(ARCHITECTURE)'

.PHONY: check
check: check-tools ## Format, clippy, templates, state machines, SQL: one line each
	@$(PYTHON) tools/check.py

.PHONY: test
test: tools check-tools test-tools ## Check, build and test everything; the last line counts the tests
	@$(PYTHON) tools/test.py

.PHONY: faults
faults: tools ## Try SEEDS schedules of faults in one process and print how their runs ended
	@SEGUE_FAULT_SEEDS='$(SEEDS)' cargo test --locked --test pipeline any_fault -- --nocapture

.PHONY: bench
bench: ## Measure merging tiny objects, planning millions, publishing beside millions of plays, and the local warehouse
	@cargo bench --locked --profile measure -p segue-compact -p segue-plan -p segue-redshift-local \
		--bench throughput --bench large --bench kept
	@SEGUE_PLAYS=100000,1000000,10000000 cargo test --locked --test pipeline growth -- --nocapture

.PHONY: sizes
sizes: tools ## Build as deployed, load DATA, print zip and memory of each function
	@PROFILE=release tools/build.sh
	@tools/run.sh $(GENERATED)
	@$(PYTHON) tools/sizes.py

.PHONY: clean
clean: down ## Remove what was built and what was loaded; the tools stay
	rm -rf target dist .aws-sam .segue
