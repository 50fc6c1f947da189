# SPDX-License-Identifier: GPL-3.0-or-later
# Each target sets up everything that it needs, can be repeated, and prints what it does.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory

# The targets of complete test matrices, of which `make test` runs a sample or nothing.
MATRICES := faults fuzz concurrency

# More arguments for the tool behind a target, as in: make unit ARGS='-k client -x'
ARGS ?=

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-20s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## Create the virtual environment (once for all clones, from pinned requirements)
	@dev/setup

.PHONY: unit
unit: ## Run the unit tests: seconds, no Docker (ARGS='-k name' for some of them)
	@dev/unit $(ARGS)

.PHONY: fuzz
fuzz: ## Test with random options and answers, different ones each time: ten minutes (FUZZ_EXAMPLES=1000 for fewer)
	@dev/fuzz $(ARGS)

.PHONY: unit-newest
unit-newest: ## Run the unit tests on the newest ansible-core that an interpreter here can run
	@DEV_PROFILE=newest dev/unit $(ARGS)

.PHONY: unit-oldest
unit-oldest: ## Run the unit tests on the oldest ansible-core that the collection supports
	@DEV_PROFILE=oldest dev/unit $(ARGS)

.PHONY: lint
lint: ## Run all static checks (ARGS='ruff mypy' for some of them)
	@dev/lint $(ARGS)

.PHONY: docs
docs: ## Build the documentation site in .cache/docs/html
	@dev/docs

.PHONY: sanity
sanity: ## Run ansible-test sanity on each supported ansible-core from 2.18 on (ARGS=default for one of them)
	@dev/sanity $(ARGS)

.PHONY: units-ansible-test
units-ansible-test: ## Run the unit tests inside ansible-test, on the same versions
	@dev/sanity units $(ARGS)

.PHONY: build
build: ## Build the archive with its bill of materials, and check that it contains exactly what users need
	@dev/build

.PHONY: install-check
install-check: build ## Install the archive into an empty folder and load modules and playbooks from there
	@dev/build check

.PHONY: stack
stack: ## Start the local stack: OpenSearch 3 and 2, Ollama, llama.cpp, a gateway (ARGS=ollama for one service)
	@dev/stack up $(ARGS)

.PHONY: stack-down
stack-down: ## Remove the stack's containers and network
	@dev/stack down

.PHONY: integration
integration: ## Run the tests against the local stack (ARGS='-k name' for some of them)
	@dev/integration $(ARGS)

.PHONY: faults
faults: ## Test each fault at each exchange of the role and of ml_stack: about 1000 cases, half an hour; writes docs/faults.md
	@dev/faults $(ARGS)

.PHONY: browser
browser: ## Test the report page in Chromium: console, accessibility, light and dark, desktop and phone; screenshots in .cache/browser
	@dev/browser

.PHONY: concurrency
concurrency: ## Test 8 controllers that apply the same at once, 50 rounds each on one node and on three, over an hour (ARGS='--rounds 20'); writes docs/concurrency.md
	@dev/concurrency $(ARGS)

.PHONY: molecule
molecule: ## Run Molecule's scenarios against the local stack (ARGS='-s name' for one of them)
	@dev/molecule $(ARGS)

.PHONY: bench
bench: ## Measure stacks of 1 to 500 pairs against other ways (ARGS='--sizes 10 --runs 1'); hours, not for CI
	@dev/bench $(ARGS)

.PHONY: demo
demo: ## Set up a model, ask it through OpenSearch, and run again with changed=0
	@dev/demo

.PHONY: clean-demo
clean-demo: stack-down ## Remove the containers of the demo

.PHONY: test
test: ## Run all checks and tests, with the time of each step; stops at the first failure
	@dev/test $(ARGS)

.PHONY: test-full
test-full: ## Run all checks and tests, then the complete matrices of which `make test` runs a sample: hours
	@dev/test --and $(MATRICES)

.PHONY: format
format: ## Format the code and sort imports as lint requires
	@dev/lint --fix

.PHONY: derive
derive: ## Update everything that follows from the code: action plugins, action groups, choices, tables, the schema
	@dev/run env PYTHONPATH=dev/collections python dev/derive.py
	@$(MAKE) schema

.PHONY: schema
schema: ## Update docs/stack.schema.json, with which editors complete the variables of the role stack
	@dev/run env PYTHONPATH=dev/collections python dev/stack_schema.py

.PHONY: requirements
requirements: ## Pin dev/requirements*.txt again (maintainers)
	@dev/lock
