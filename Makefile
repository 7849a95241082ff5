# The front door. Everything brings what it needs: see scripts/with-databases.sh.
#
#   make test               the whole test suite, on SQLite, PostgreSQL and MariaDB
#   make oracle N=1000000   a long run of the oracle suite
#   make chaos SECONDS=600  a long run of the bank test

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help test cover oracle chaos bench lint fmt

# Operations per database in a long oracle run, and its first seed (empty: a
# random one, which is printed).
N ?= 100000
SEED ?=
# How long the bank test kills at random.
SECONDS ?= 120
# Where the coverage of the library goes; empty: none is measured.
COVERPROFILE ?=

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

test: ## all tests, with the race detector, on SQLite, PostgreSQL and MariaDB
	@scripts/with-databases.sh scripts/test.sh "$(COVERPROFILE)"

cover: ## the same, and the library's coverage by package
	@$(MAKE) --no-print-directory test COVERPROFILE=coverage.out
	@scripts/coverage.sh coverage.out

oracle: ## a long run of generated programs against plain tables (N=100000 SEED=)
	@DTDE_ORACLE_N=$(N) DTDE_ORACLE_SEED=$(SEED) scripts/with-databases.sh \
		go test -run '^TestOracle' -count=1 -timeout 0 -v ./tests/...

chaos: ## money over servers that are killed, then eight writers of one key (SECONDS=120 SEED=)
	@DTDE_BANK_SECONDS=$(SECONDS) DTDE_BANK_SEED=$(SEED) DTDE_BANK_POINTS=all scripts/with-databases.sh \
		go test -run '^(TestEveryPoint|TestBrokenProtocolsAreFound|TestChaos)$$' -count=1 -timeout 0 -v ./tests/bank/
	@DTDE_WRITERS_SECONDS=60 scripts/with-databases.sh go test -run '^TestEightWriters$$' -count=1 -timeout 0 -v ./tests/

# On the disk, as its figures always were.
bench: ## the bars: dtde beside plain GORM
	@TMPDIR=$${TMPDIR:-/tmp} DTDE_BARS=1 scripts/with-databases.sh bash -c \
		"go test -p 1 -run '^TestBars$$' -count=1 -timeout 0 -v ./tests/ ./tests/bank/ && cd pgxcopy && go test -run '^TestBars$$' -count=1 -timeout 0 -v ./..."

lint: ## gofmt, go vet and staticcheck
	@scripts/lint.sh

fmt: ## gofmt, in place
	@gofmt -w $$(git ls-files -co --exclude-standard '*.go')
