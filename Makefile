# Every command a developer needs. `make run` and `make test` work on a machine that has Rust, a C compiler,
# Python 3.10+ (with venv and pip) and make; everything else goes into the virtual environment.
#
#   make test PYTHON=python3.13 VENV=.venv-3.13     another interpreter, beside the first
#
# Each interpreter ABI has its own target directory for the extension module, because PyO3 is rebuilt whenever the
# interpreter it is configured for changes. What has nothing to do with Python is tested in the plain target directory.

PYTHON ?= python3
VENV ?= .venv
PYTHONS ?= python3.10 python3.11 python3.12 python3.13
SECONDS ?= 60
PYTEST_WORKERS ?= 2
PYTEST_ARGS ?=
BENCH_ARGS ?=

BIN := $(abspath $(VENV))/bin
TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))
RUST_SOURCES := $(shell find crates -name '*.rs' -o -name Cargo.toml) Cargo.toml $(wildcard Cargo.lock)
# The extension module is a cdylib whose symbols only an interpreter resolves: it is tested from Python.
RUST_TESTED := --workspace --exclude tricorn-bridge
SOABI = $$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_config_var("SOABI"))')

.PHONY: help run dev test test-rust test-python test-bench lint lint-format lint-rust lint-python format test-pythons bench fuzz twin docs clean always venv-matches
.DEFAULT_GOAL := help

help:
	@echo "make run           build, and serve examples/hello with 4 workers on http://127.0.0.1:8000"
	@echo "make test          build, and run every test of every crate and of Python"
	@echo "make dev           build $(VENV)/bin/tricorn (release)"
	@echo "make lint          formats, clippy, ruff, mypy"
	@echo "make format        let cargo fmt and ruff rewrite the sources"
	@echo "make test-pythons  build and try a wheel on each of: $(PYTHONS)"
	@echo "make bench         side by side with other servers (BENCH_ARGS=...)"
	@echo "make fuzz          each fuzz target for SECONDS=$(SECONDS) (needs a nightly toolchain)"
	@echo "make twin          run Gunicorn and Tricorn side by side, record what differs"
	@echo "make docs          generated pages and the Rust API"
	@echo "make clean         everything that make has built"

run: dev $(VENV)/.has-example
	$(BIN)/tricorn --workers 4 --bind 127.0.0.1:8000 --chdir examples/hello app:app

dev: $(VENV)/.built

test: test-rust test-python test-bench

# nextest runs each test in a process of its own, but no doc tests.
test-rust:
	if cargo nextest --version >/dev/null 2>&1; then \
	    cargo nextest run --no-fail-fast $(RUST_TESTED) && cargo test --doc $(RUST_TESTED); \
	else cargo test $(RUST_TESTED); fi

test-python: dev $(VENV)/.has-test
	$(BIN)/python -m pytest -n $(PYTEST_WORKERS) $(PYTEST_ARGS) tests

# The bench is tested apart: it has its own conftest, and needs no server.
test-bench: $(VENV)/.has-test
	$(BIN)/python -m pytest -n $(PYTEST_WORKERS) bench/tests

lint: lint-format lint-rust lint-python

lint-format: $(VENV)/.has-test
	cargo fmt --all --check
	$(BIN)/ruff format --check

lint-rust: $(VENV)/pyvenv.cfg | venv-matches
	PYO3_PYTHON=$(BIN)/python cargo clippy --workspace --all-targets -- -D warnings

lint-python: $(VENV)/.has-test
	$(BIN)/ruff check
	$(BIN)/mypy python/tricorn
	cd tests && $(BIN)/mypy harness

format: $(VENV)/.has-test
	cargo fmt --all
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

test-pythons: $(VENV)/.has-build
	TARGET=$(TARGET) MATURIN=$(BIN)/maturin .ci/test-pythons $(PYTHONS)

# The Tricorn that is measured is the one just built, on the interpreter and with the Flask that its peers have.
bench: dev $(VENV)/.has-example
	[ -d .venv-bench ] || PYTHON=$(BIN)/python bench/setup
	$(BIN)/python bench/run.py --tricorn $(BIN)/tricorn $(BENCH_ARGS)

# New inputs go to a scratch corpus; the committed one is only read.
fuzz: $(TARGET)/tools/bin/cargo-fuzz
	export PATH="$(dir $<):$$PATH"; \
	for target in $$(cargo fuzz list); do \
	    mkdir -p $(TARGET)/fuzz-corpus/$$target fuzz/corpus/$$target; \
	    cargo +nightly fuzz run $$target $(TARGET)/fuzz-corpus/$$target fuzz/corpus/$$target \
	        -- -max_total_time=$(SECONDS) || exit 1; \
	done

$(TARGET)/tools/bin/cargo-fuzz:
	cargo install --locked --root $(TARGET)/tools cargo-fuzz

# Gunicorn and Tricorn side by side: what differs goes to tests/twin/results.json, and from there into the documents.
twin: dev $(VENV)/.has-test
	cd tests && $(BIN)/python -m twin.record

docs: $(VENV)/.has-test
	cargo run --quiet -p tricorn-settings --example reference > docs/reference/settings.md.new
	mv docs/reference/settings.md.new docs/reference/settings.md
	cd tests && $(BIN)/python -m twin.pages
	cargo doc --no-deps $(RUST_TESTED)

clean:
	rm -rf target $(wildcard .venv .venv-*) dist .pytest_cache .mypy_cache .ruff_cache python/tricorn/_core*.so
	find python tests examples bench -name __pycache__ -type d -prune -exec rm -rf {} +

# The virtual environment and what is in it. A stamp is older than pyproject.toml when the group may have changed.

$(VENV)/pyvenv.cfg:
	python=$$(.ci/find-python $(PYTHON)) || { echo "no working '$(PYTHON)' >= 3.10 with venv and pip was found" >&2; exit 1; }; \
	"$$python" -m venv $(VENV)

always:

# `make test PYTHON=python3.13` without VENV would otherwise silently use the interpreter that .venv was made with.
venv-matches: | $(VENV)/pyvenv.cfg
ifneq ($(origin PYTHON),file)
	@python=$$(.ci/find-python $(PYTHON)) || { echo "no working '$(PYTHON)' was found" >&2; exit 1; }; \
	version='import sys; print(sys.version)'; \
	[ "$$("$$python" -c "$$version")" = "$$($(BIN)/python -c "$$version")" ] || \
	    { echo "$(VENV) was made with another interpreter than $(PYTHON): choose VENV=.venv-NAME too" >&2; exit 1; }
endif

# --group needs pip 25.1; older interpreters bundle an older pip.
$(VENV)/.has-pip: $(VENV)/pyvenv.cfg
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	@touch $@

$(VENV)/.has-%: pyproject.toml $(VENV)/.has-pip | venv-matches
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group $*
	@touch $@

$(VENV)/.has-test: tests/requirements.txt tests/requirements-no-deps.txt $(VENV)/.has-pip | venv-matches
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r $<
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r tests/requirements-no-deps.txt
	@touch $@

$(VENV)/.built: $(RUST_SOURCES) pyproject.toml $(VENV)/.has-build $(if $(wildcard python/tricorn/_core.*.so),,always) | venv-matches
	VIRTUAL_ENV=$(abspath $(VENV)) $(BIN)/maturin develop --release --target-dir $(TARGET)/$(SOABI)
	@touch $@
