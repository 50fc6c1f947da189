# SPDX-License-Identifier: GPL-3.0-or-later
# Each target does all of its own set-up, is safe to repeat and says what it is doing.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory

# The targets that run in full what `make test` has only a sample of, or nothing.
MATRICES := faults fuzz concurrency

# More for pytest or molecule, as in: make unit ARGS='-k client -x'
ARGS ?=

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-20s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## Make the virtual environment (once for all clones, from pinned requirements)
	@dev/setup

.PHONY: unit
unit: ## Unit tests: seconds, no Docker (ARGS='-k name' for some of them)
	@dev/unit $(ARGS)

.PHONY: fuzz
fuzz: ## Options and answers at random: ten minutes, other ones each time (FUZZ_EXAMPLES=1000 for less)
	@dev/fuzz $(ARGS)

.PHONY: unit-newest
unit-newest: ## Unit tests on the newest ansible-core that an interpreter here can run
	@DEV_PROFILE=newest dev/unit $(ARGS)

.PHONY: unit-oldest
unit-oldest: ## Unit tests on the oldest ansible-core that the collection supports
	@DEV_PROFILE=oldest dev/unit $(ARGS)

.PHONY: lint
lint: ## All static checks (ARGS='ruff mypy' for some of them)
	@dev/lint $(ARGS)

.PHONY: docs
docs: ## The site of the documentation, in .cache/docs/html
	@dev/docs

.PHONY: sanity
sanity: ## ansible-test sanity on each supported ansible-core, from 2.18 on (ARGS=default: on one)
	@dev/sanity $(ARGS)

.PHONY: units-ansible-test
units-ansible-test: ## The unit tests inside ansible-test, on the same ones
	@dev/sanity units $(ARGS)

.PHONY: build
build: ## Build the archive with its bill of materials, and check that it holds what users need, and only that
	@dev/build

.PHONY: install-check
install-check: build ## Install the archive into an empty place and load modules and playbooks from there
	@dev/build check

.PHONY: stack
stack: ## Start the local stack: OpenSearch 3 and 2, Ollama, llama.cpp, a gateway (ARGS=ollama: that only)
	@dev/stack up $(ARGS)

.PHONY: stack-down
stack-down: ## Remove the stack's containers and network
	@dev/stack down

.PHONY: integration
integration: ## Tests against the local stack (ARGS='-k name' for some of them)
	@dev/integration $(ARGS)

.PHONY: faults
faults: ## Each fault at each exchange of the role and of ml_stack: some 1000 cases, half an hour; writes docs/faults.md
	@dev/faults $(ARGS)

.PHONY: browser
browser: ## The report page in Chromium: console, accessibility, light and dark, desktop and phone; screenshots in .cache/browser
	@dev/browser

.PHONY: concurrency
concurrency: ## 8 controllers apply the same at once, 50 rounds each on one node and on three, over an hour (ARGS='--rounds 20'); writes docs/concurrency.md
	@dev/concurrency $(ARGS)

.PHONY: molecule
molecule: ## Molecule's scenarios against the local stack (ARGS='-s name' for one of them)
	@dev/molecule $(ARGS)

.PHONY: bench
bench: ## What stacks of 1 to 500 pairs take, against other ways (ARGS='--sizes 10 --runs 1'); hours, not for CI
	@dev/bench $(ARGS)

.PHONY: demo
demo: ## Ask a model through OpenSearch: from nothing to an answer, and a second run with changed=0
	@dev/demo

.PHONY: clean-demo
clean-demo: stack-down ## Remove what the demo has started

.PHONY: test
test: ## Everything, with the time of each step; stops at the first that fails
	@dev/test $(ARGS)

.PHONY: test-full
test-full: ## Everything, then the matrices of which `make test` runs a sample: hours
	@dev/test --and $(MATRICES)

.PHONY: format
format: ## Format and sort imports as lint wants it
	@dev/lint --fix

.PHONY: derive
derive: ## Write anew what follows from the code: action groups, choices, tables, the schema
	@dev/run env PYTHONPATH=dev/collections python dev/derive.py
	@$(MAKE) schema

.PHONY: schema
schema: ## Write docs/stack.schema.json anew, which editors complete the role stack's variables with
	@dev/run env PYTHONPATH=dev/collections python dev/stack_schema.py

.PHONY: requirements
requirements: ## Pin dev/requirements*.txt anew (maintainers)
	@dev/lock
