# SPDX-License-Identifier: GPL-3.0-or-later
# What most people type. All steps are sessions of noxfile.py: `dev/run nox --list`.
SHELL := /bin/bash
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# More arguments, as in: make unit ARGS='-k client -x', make test ARGS='lint docs'
ARGS ?=

.PHONY: demo clean-demo unit test test-full help

demo: ## Set up a model, ask it through OpenSearch, and run again with changed=0
	@dev/run nox -s demo

clean-demo: ## Remove the containers of the demo and of the tests
	@containers/stack down

unit: ## Run the unit tests: a minute, no Docker (ARGS='-k name' for some of them)
	@dev/run nox -s unit -- $(ARGS)

test: ## Run what a change must pass, with the time of each step; stops at the first failure (ARGS='lint docs' for some)
	@dev/run nox -s test -- $(ARGS)

test-full: ## Run everything on all supported versions, and the matrices of which `make test` has a sample: hours
	@dev/run nox -s test-full

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  All steps: dev/run nox --list"
