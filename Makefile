# Each target sets itself up (scripts/setup) and runs one script of the same name.
.DEFAULT_GOAL := help
.PHONY: help demo test test-long mutants bench lint audit docs

help: ## this list
	@sed -n 's/^\([a-z-]*\): ## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

demo: ## issuer, Flask and Starlette apps; a key is revoked and every worker refuses it at once
	@scripts/demo

test: ## lint, types, every test, branch coverage
	@scripts/test

test-long: ## the tests with many more cases, 100,000 schedules, ten minutes of faults
	@scripts/test-long

mutants: ## changes the pure modules one small thing at a time: does a test of each notice?
	@scripts/mutants

bench: ## what a cached key costs, beside the floor and beside others (10 minutes; BENCH_QUICK=1 tries it)
	@scripts/bench

lint: ## style, form and types
	@scripts/lint

audit: ## what an installation is made of (SBOM), and whether any of it is known to be vulnerable
	@scripts/audit

docs: ## checks that what the documentation points at is there
	@scripts/docs
