# Two commands for people: `make demo` and `make test`. Everything else is a part of them.
SHELL := /bin/bash
.DEFAULT_GOAL := help

# What is costly to build is kept outside the checkout, so that the next clone finds it.
export CALLPLANE_CACHE ?= $(shell if mkdir -p /var/cache/callplane 2>/dev/null && [ -w /var/cache/callplane ]; then \
    echo /var/cache/callplane; else echo "$${XDG_CACHE_HOME:-$$HOME/.cache}/callplane"; fi)
export CARGO_TARGET_DIR ?= $(CALLPLANE_CACHE)/target

.PHONY: help
help: ## Say what can be made
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## Install what is missing (Debian packages, Kubernetes, helm and MinIO from Go modules)
	@e2e/cluster/cluster.sh setup

# Artifacts of the workspace in the cache that another checkout built would count as built here.
.PHONY: own-artifacts
own-artifacts:
	@built=$(CARGO_TARGET_DIR)/checkout; if [ "$$(cat "$$built" 2>/dev/null)" != "$(CURDIR)" ]; then \
	    if [ -d $(CARGO_TARGET_DIR)/debug ]; then \
	        cargo clean --quiet --workspace && cargo clean --quiet --workspace --release; fi && \
	    mkdir -p $(CARGO_TARGET_DIR) && echo "$(CURDIR)" >"$$built"; fi

.PHONY: demo
demo: own-artifacts ## Start a cluster, install Callplane, make telephone calls
	@e2e/demo.sh

.PHONY: demo-down
demo-down: ## End what make demo started
	@e2e/demo.sh down

.PHONY: test
test: own-artifacts ## Run every test, those in a cluster included
	@e2e/test.sh

.PHONY: bench
bench: own-artifacts ## Measure database and calls against their bars, or the sections named by SECTIONS
	@e2e/bench.sh $(SECTIONS)

.PHONY: lint
lint: own-artifacts ## Format, clippy, documentation and fuzz targets, without a warning; licences and bans if cargo-deny is installed
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --locked
	@# The fuzz targets are no part of the workspace. Nothing is linked, so libFuzzer itself need not be built.
	CUSTOM_LIBFUZZER_PATH=/dev/null cargo check --manifest-path dataplane/fuzz/Cargo.toml --locked
	if command -v cargo-deny >/dev/null; then cargo deny --locked check licenses bans sources; fi

.PHONY: cluster-up
cluster-up: ## Start the local cluster and its PostgreSQL
	@e2e/cluster/cluster.sh up

.PHONY: cluster-down
cluster-down: ## End the local cluster
	@e2e/cluster/cluster.sh down
