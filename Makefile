# All set-up is done by these targets; `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

export SPORT_CACHE ?= $(HOME)/.cache/sport
export SPORT_MODEL ?= $(SPORT_CACHE)/models/SmolLM2-135M-Instruct.Q4_1.gguf
export CARGO_TERM_PROGRESS_WHEN ?= auto
SPORT := target/release/sport
CARGO := cargo
RUN ?= runs/quickstart

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

.PHONY: system images model ocr components libtorch
system:
	@scripts/system.sh
images: system ## fetch the photographs
	@python3 scripts/fetch.py assets --only images
model: system ## fetch the model
	@python3 scripts/fetch.py assets --only models
ocr: system ## fetch the models that read text
	@python3 scripts/fetch.py assets --only ocr
components: system ## build the first-party components
	@scripts/components.sh
	@scripts/python-component.sh
libtorch: system ## fetch libtorch (or set LIBTORCH)
	@scripts/libtorch.sh >/dev/null

# Always the whole workspace: another selection of packages would give the dependencies other features, and
# wasmtime would be built a second time. `sport` alone needs no libtorch and is for those who want only that.
WITH_TORCH = LIBTORCH="$$(scripts/libtorch.sh)" $(CARGO)

.PHONY: sport build torch setup
sport: system ## build the binary alone, without libtorch
	$(CARGO) build --release --locked -p sport
build torch: libtorch ## build the binary and the torch backend
	$(WITH_TORCH) build --release --locked --workspace
setup: images model ocr components build ## all set-up, no run

.PHONY: hello demo
hello: images components sport ## agent code on a photograph, in the sandbox
	@echo
	@echo '$$ sport exec examples/hello.py --tool image --file coffee.png'
	@cat examples/hello.py
	@echo '--- runs in the sandbox ---'
	@$(SPORT) exec examples/hello.py --tool image --tool calculator --file $(SPORT_CACHE)/images/coffee.png
demo: setup ## the main job: a model improves itself on tool use
	$(SPORT) improve --config examples/quickstart.toml --run $(RUN) --resume

.PHONY: test lint test-host test-guests test-clients test-peers
test: setup lint test-host test-guests test-clients ## every test
lint: ## formatting and clippy
	$(CARGO) fmt --all --check
	cd plugins && $(CARGO) fmt --all --check
	$(WITH_TORCH) clippy --release --locked --workspace --all-targets -- -D warnings
# Plugins in JavaScript are made with Node.js; where the machine has none, this PATH has it.
WITH_NODE = PATH="$$(scripts/node.sh)"
test-host:
	$(WITH_NODE) $(WITH_TORCH) test --release --locked --workspace
	SPORT_TEST_ISOLATION=process $(WITH_TORCH) test --release --locked --workspace --test session --test python --test abuse
test-guests:
	cd plugins && $(CARGO) test --locked
	cd plugins/interpreters/python && python3 -m unittest discover -s tests
	$(WITH_NODE) node --test sdk/js/tests/*.test.js
test-clients:
	python3 -m unittest discover -s sdk/python/tests
	SPORT_TEST_ISOLATION=process python3 -m unittest discover -s sdk/python/tests
test-peers: setup ## against the real packages of others, from a venv of its own
	"$$(scripts/peers-venv.sh)/bin/python" -m unittest discover -s sdk/python/tests
	"$$(scripts/peers-venv.sh)/bin/python" -m unittest discover -s tests/peers
	SPORT_PEERS_NODE="$$(scripts/peers-node.sh)" node --test tests/peers/

BENCH ?= exec sandbox plugins verifiers policy
.PHONY: bench
bench: setup ## measure; writes target/bench/*.json (BENCH="exec sandbox plugins verifiers policy" chooses)
	@for name in $(BENCH); do $(MAKE) --no-print-directory bench-$$name; done
.PHONY: bench-exec
bench-exec:
	@python3 scripts/bench.py
.PHONY: bench-sandbox
bench-sandbox:
	@$(WITH_TORCH) build --release --locked --workspace --examples
	@target/release/examples/sandbox-speed target/components "$(SPORT_CACHE)/aot" target/bench/sandbox.json
.PHONY: bench-plugins
bench-plugins:
	@$(WITH_TORCH) build --release --locked --workspace --examples
	@cd plugins && $(CARGO) run --quiet --locked -p sport-ocr --example write_lines -- ../target/bench/lines
	@target/release/examples/plugins-speed target/components tests/golden/contract-0.1 "$(SPORT_CACHE)" target/bench/lines \
	    target/bench/plugins.json
.PHONY: bench-verifiers
bench-verifiers:
	@$(WITH_TORCH) build --release --locked --workspace --examples
	@target/release/examples/verifiers-speed target/components "$(SPORT_CACHE)/aot" target/bench/verifiers.json
CALLS ?= 1000000
SESSIONS ?= 100000
.PHONY: soak
soak: setup ## a million tool calls, 100,000 sessions: memory must stay (CALLS=… SESSIONS=…)
	@$(WITH_TORCH) build --release --locked --workspace --examples
	@target/release/examples/soak target/components "$(SPORT_CACHE)/aot" $(CALLS) $(SESSIONS) target/bench/soak.json
FUZZ ?=
SECONDS := 60
.PHONY: fuzz fuzz-seeds
fuzz: system ## fuzz the sandbox's border; writes target/bench/fuzz.json (SECONDS=60 each, FUZZ="admit call …" chooses)
	@python3 scripts/fuzz.py $(SECONDS) $(FUZZ)
fuzz-seeds: system ## write the seeds anew that are not text
	@python3 scripts/fuzz.py --build && target/fuzz/*/release/seeds
.PHONY: bench-policy
bench-policy:
	@$(WITH_TORCH) build --release --locked --workspace --examples
	@mkdir -p target/bench
	@target/release/examples/policy-speed $(SPORT_MODEL) auto 2 - target/bench/policy.json
