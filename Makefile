# SPDX-License-Identifier: GPL-3.0-or-later
# Each target does all of its own set-up, is safe to repeat and says what it is doing.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory

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

.PHONY: unit-newest
unit-newest: ## Unit tests on the newest ansible-core that an interpreter here can run
	@DEV_PROFILE=newest dev/unit $(ARGS)

.PHONY: lint
lint: ## All static checks (ARGS='ruff mypy' for some of them)
	@dev/lint $(ARGS)

.PHONY: format
format: ## Format and sort imports as lint wants it
	@dev/run ruff check --quiet --fix-only .
	@dev/run ruff format --quiet .

.PHONY: requirements
requirements: ## Pin dev/requirements*.txt anew (maintainers)
	@dev/lock
