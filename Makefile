.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test lint build unit thresholds oracles tcpflow readme fuzz bench clean

SWIFT ?= swift
# Seconds a fuzz target, in `make fuzz` and in the short run at the end of `make test`.
FUZZ_SECONDS ?= 120
TEST_FUZZ_SECONDS ?= 20
# Runs of each program in `make bench`.
BENCH_ROUNDS ?= 7

help:
	@echo 'make demo    replays a small capture and shows what can be seen in it'
	@echo 'make test    everything that CI runs: lint, unit tests, thresholds, oracles, a short fuzz run'
	@echo 'make bench   CPU time against libnids, libpcap and a C loop, on generated traces   (BENCH_ROUNDS=7)'
	@echo 'make lint    formatter and house rules'
	@echo 'make fuzz    each fuzz target for a while                                        (FUZZ_SECONDS=120)'
	@echo 'make build   .build/release/mos'
	@echo 'make clean   removes what was built and cached'
	@echo 'Parts of make test alone: unit thresholds oracles tcpflow readme'

demo:
	@scripts/install-dependencies.sh build demo
	@$(SWIFT) build -c release --product mos --quiet
	@scripts/demo.sh

test: lint unit build thresholds tcpflow oracles readme
	$(MAKE) fuzz FUZZ_SECONDS=$(TEST_FUZZ_SECONDS)

lint:
	$(SWIFT) format lint --strict --recursive Sources Tests Snippets Package.swift
	scripts/lint.sh

build:
	@scripts/install-dependencies.sh build
	$(SWIFT) build -c release --product mos

unit:
	@scripts/install-dependencies.sh build test
	$(SWIFT) test

thresholds: build
	@scripts/install-dependencies.sh test
	Benchmarks/check-thresholds.py

tcpflow: build
	@scripts/install-dependencies.sh test
	scripts/tcpflow-compare.py

oracles: build
	@scripts/install-dependencies.sh test
	scripts/oracles.sh

readme: build
	scripts/check-readme.sh

fuzz:
	@scripts/install-dependencies.sh build fuzz
	Fuzz/run.sh $(FUZZ_SECONDS)

bench: build
	@scripts/install-dependencies.sh bench
	Benchmarks/run.sh $(BENCH_ROUNDS)

clean:
	rm -rf .build Benchmarks/.cache Fuzz/.build
