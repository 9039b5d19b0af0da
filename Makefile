# The few commands of this project. `make demo` and `make test` need nothing but Python 3.11 or later:
# each makes .venv itself, from the lock, and does nothing the second time.

BIN := .venv/bin
UV_VERSION := 0.13.9

.DEFAULT_GOAL := help
.PHONY: help demo test week soak lint sbom bench lock wheel clean env env-bench env-demo

help:  ## This list
	@awk -F ':.*## ' '/^[a-z]+:.*##/ { printf "make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: env-demo  ## Four simulated machines and the page, in the browser; ARGS="--speed 60 --no-browser"
	@$(BIN)/fieldlab demo $(ARGS)

test: env  ## All tests, on every core; ARGS="tests/analytics -k oee" for some, on one
	@sh tools/debian.sh
	@sh tools/peers.sh
	@$(if $(ARGS),,rm -f .pytest_cache/v/cache/lastfailed)
	@$(BIN)/python -m pytest $(or $(ARGS),--numprocesses auto --dist loadfile) $(if $(ARGS),,|| $(BIN)/python -m tests.again $$?)

week: env  ## An edge box cut off for a week of samples, killed twice and upgraded, then the account; ARGS="--every 10"
	@sh tools/debian.sh
	@$(BIN)/python -m tests.faults.week $(ARGS)

soak: env  ## Faults at random, then the account; MINUTES=30 SEED=7 ARGS="--store embedded"
	@sh tools/debian.sh
	@$(BIN)/python -m tests.faults.soak --minutes $(or $(MINUTES),2) $(if $(SEED),--seed $(SEED)) $(ARGS)

lint: env  ## Style, types, layers, licences, bill of materials, known weaknesses
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/licences.py
	$(BIN)/python -m tools.sbom
	$(BIN)/python -m tools.audit

sbom: env  ## The bill of materials (CycloneDX) of the product, into build/sbom.cdx.json
	@$(BIN)/python -m tools.sbom

bench: env-bench  ## The measurements of docs/reference/benchmarks.md; ARGS="encoding spool" for some
	@$(BIN)/python -m benchmarks.run $(ARGS)

lock:  ## Write the lock files anew from pyproject.toml; UPGRADE=1 for newer versions
	@UPGRADE=$(UPGRADE) sh tools/lock.sh $(UV_VERSION)

wheel: env  ## The wheel for an edge box, in dist
	@$(BIN)/python -m pip --disable-pip-version-check wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .
	@rm -rf build/lib build/bdist.* && ls dist

clean:  ## Remove .venv and everything that was built or cached
	rm -rf .venv build dist ./*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

env:
	@sh tools/env.sh dev

env-bench:
	@sh tools/env.sh bench

env-demo:
	@sh tools/env.sh demo
