# Countersign's commands. `make` alone lists them.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup build format format-check check unit pages contract conformance peers test links demo chaos game-day bench \
	image-check clean

FORMATTED := Package.swift Sources Tests
RELEASE := .build/release
# The standard library is linked in, so that a program runs where no toolchain is. Every release build uses the same flags,
# because another flag compiles everything anew.
RELEASE_FLAGS := -c release --static-swift-stdlib
PYTHON := .venv/bin/python
ARGS ?=
# What the invented tenants of `demo` and `chaos` post to: sandbox, or tryton (a real ERP, from the packages of the tests).
ERP ?= sandbox

help: ## Lists these commands
	@grep -hE '^[a-z-]+:.*## ' Makefile | sort | awk -F ':.*## ' '{ printf "  make %-13s %s\n", $$1, $$2 }'

setup: ## Installs what the tests need, naming it first
	@.ci/setup test

build: ## Builds all programs for release
	@.ci/setup build
	swift build $(RELEASE_FLAGS)

format: ## Formats all Swift files
	swift format --in-place --recursive --parallel --configuration .swift-format $(FORMATTED)

format-check:
	swift format lint --strict --recursive --parallel --configuration .swift-format $(FORMATTED)

check: format-check ## Format, warnings as errors, house rules
	swift build --build-tests
	swift test --skip-build --filter HouseTests

unit:
	@.ci/tests

pages: ## Opens every page of the console in a browser
	@.ci/pages

contract: ## Holds the running server to its OpenAPI document
	@.ci/contract

conformance: ## Runs the public test data through the formats and rules
	swift build --product countersign
	@.ci/conformance

peers: ## Starts the ERPs of the tests and walks accounts payable through them
	@if [ -x $(PYTHON) ]; then python=$(PYTHON); else python=python3; fi; \
	$$python Tests/Peers/check.py

test: ## Everything: check, all tests, pages, image and chart, conformance
	@.ci/setup test
	@$(MAKE) --no-print-directory check
	@$(MAKE) --no-print-directory pages
	@$(MAKE) --no-print-directory contract
	@$(MAKE) --no-print-directory image-check
	@$(MAKE) --no-print-directory conformance
	@$(MAKE) --no-print-directory unit

links: ## Shows that each built program holds only its own libraries
	swift build --build-tests
	swift test --skip-build --filter ProgramTests

demo: ## Sets up what is missing, builds, and shows the product at work
	@.ci/setup build run $(if $(filter tryton,$(ERP)),test)
	@echo "building; the first time this takes several minutes"
	swift build $(RELEASE_FLAGS)
	@exec $(RELEASE)/countersign demo --erp $(ERP) $(ARGS)

chaos: build ## Kills processes at random while invoices are posted, and counts what was lost
	@exec $(RELEASE)/countersign chaos --erp $(ERP) $(ARGS)

game-day: ## Rehearses the game day of docs/operating/game-day.md and compares every figure
	@swift test --filter '^FlowTests\.GameDayTests'

bench: build ## Measures throughput, start times, sizes and pages
	@exec $(RELEASE)/countersign bench $(ARGS)

image-check: ## Reads the Dockerfile, renders and validates the chart
	@if [ -x $(PYTHON) ]; then python=$(PYTHON); else python=python3; fi; \
	$$python Tests/Helm/check_image.py; \
	$$python Tests/Helm/check_chart.py

clean: ## Removes everything that was built here
	rm -rf .build .venv var
