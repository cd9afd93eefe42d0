# Every target is a short script in scripts/, which can also be called by itself.
LISTEN ?= 127.0.0.1:8080
DATA_DIR ?= .vivarium
export LISTEN DATA_DIR

.DEFAULT_GOAL := help
.PHONY: help run test e2e bench soak fmt lint

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "  make %-6s %s\n", $$1, $$2 }' Makefile

run: ## set up what is missing, build, and serve on $(LISTEN) with data in $(DATA_DIR)
	@exec scripts/run

test: ## set up what is missing, check format and lints, run every test
	@exec scripts/test

e2e: ## only the end-to-end tests; choose some with ARGS="-k runtimes"
	@exec scripts/test e2e $(ARGS)

bench: ## measure and print ratios; raw rows go to bench/results
	@exec scripts/bench

soak: ## thousands of hostile and ordinary evaluations, then a look at what is left; up to 40 minutes
	@exec scripts/soak $(ARGS)

fmt: ## format the Rust code
	@cargo fmt --all

lint: ## format check, clippy without warnings, cargo-deny and cargo-machete where installed
	@exec scripts/lint
