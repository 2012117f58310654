.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test lint build event-benchmark unit soak thresholds oracles tcpflow tayga cuts readme examples fuzz bench clean

SWIFT ?= swift
# With the Swift library in it: starts faster, and runs where Swift is not installed. Packed relocations take a fifth off the
# start (glibc 2.36 and newer know them); the linker that can pack them comes with Swift.
RELEASE = $(SWIFT) build -c release --static-swift-stdlib \
	-Xswiftc -use-ld=lld -Xlinker -z -Xlinker pack-relative-relocs
BUILD_MOS = $(RELEASE) --product mos
# Seconds a fuzz target, in `make fuzz` and in the short run at the end of `make test`.
FUZZ_SECONDS ?= 120
TEST_FUZZ_SECONDS ?= 10
# Captures and expectations that are no part of the project; what needs them says that it skips when they are absent.
MOS_SHARED ?= $(abspath ../shared)
export MOS_SHARED
# How long the SYN flood of `make soak` takes; `make test` has 12 seconds of it.
SOAK_SECONDS ?= 60
# Runs of each program in `make bench`.
BENCH_ROUNDS ?= 7

help:
	@echo 'make demo    replays a small capture and shows what can be seen in it'
	@echo 'make test    everything that CI runs: lint, unit tests, thresholds, oracles, a short fuzz run'
	@echo 'make bench   CPU time against libnids, libpcap and a C loop, and of handlers           (BENCH_ROUNDS=7)'
	@echo 'make lint    formatter and house rules'
	@echo 'make fuzz    each fuzz target for a while                                        (FUZZ_SECONDS=120)'
	@echo 'make soak    a SYN flood beside the transfers of 20 clients                        (SOAK_SECONDS=60)'
	@echo 'make build   .build/release/mos'
	@echo 'make clean   removes what was built and cached'
	@echo 'Parts of make test alone: unit thresholds oracles tcpflow tayga cuts readme examples'

demo:
	@scripts/install-dependencies.sh build demo
	@$(BUILD_MOS) --quiet
	@scripts/demo.sh

test: lint build unit thresholds tcpflow tayga oracles cuts readme examples
	$(MAKE) fuzz FUZZ_SECONDS=$(TEST_FUZZ_SECONDS)

lint:
	$(SWIFT) format lint --strict --recursive Sources Tests Snippets examples Package.swift
	scripts/lint.sh

build:
	@scripts/install-dependencies.sh build
	$(BUILD_MOS)

event-benchmark:
	@$(RELEASE) --product event-benchmark --quiet

unit:
	@scripts/install-dependencies.sh build test
	$(SWIFT) test --quiet

soak:
	@scripts/install-dependencies.sh build test
	MOS_SOAK_SECONDS=$(SOAK_SECONDS) $(SWIFT) test --quiet --filter InlineSoakTests

thresholds: build event-benchmark
	@scripts/install-dependencies.sh test
	Benchmarks/check-thresholds.py

tayga: build
	scripts/tayga-compare.py

tcpflow: build
	@scripts/install-dependencies.sh test
	scripts/tcpflow-compare.py

oracles: build
	@scripts/install-dependencies.sh test
	scripts/oracles.sh

cuts:
	@scripts/install-dependencies.sh build
	$(RELEASE) --product ReplayCuts
	@[ -d $(MOS_SHARED)/pcaps ] || echo 'cuts: $(MOS_SHARED)/pcaps is absent (set MOS_SHARED): its captures are skipped'
	find traces $(wildcard $(MOS_SHARED)/pcaps) -name '*.pcap*' -type f -print0 | xargs -0 .build/release/ReplayCuts

readme: build
	scripts/check-readme.sh

examples:
	@scripts/install-dependencies.sh build test
	scripts/check-examples.py

fuzz:
	@scripts/install-dependencies.sh build fuzz
	Fuzz/run.sh $(FUZZ_SECONDS)

bench: build event-benchmark
	@scripts/install-dependencies.sh bench
	Benchmarks/run.sh $(BENCH_ROUNDS)

clean:
	rm -rf .build Benchmarks/.cache Fuzz/.build
