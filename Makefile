# The two commands: `make demo` (SERVE=no stops after the files) and `make test`.
# PYTHON=... chooses the interpreter; otherwise scripts/find-python does.

PYTHON ?=
SERVE ?= yes
EXECUTE ?= yes
# what brings TensorFlow to `make demo`: tensorflow, or cpu for the smaller build without GPUs
TENSORFLOW ?= tensorflow
# tests run in so many processes, each with some 2 GB
WORKERS ?= 2
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

# TensorFlow's start-up messages would drown what these commands have to say
export TF_CPP_MIN_LOG_LEVEL ?= 3

BENCH ?= engine explorer survey
QUICK ?= --quick

.PHONY: demo test test-slow faults bench bench-peers pictures kinds fuzz audit truth format lint build docs clean

demo: .venv/installed-$(TENSORFLOW),notebook
	$(BIN)/python -m cnnvis_widgets.demo
ifneq ($(SERVE),no)
	scripts/serve-quickstart
endif

test: lint
	scripts/install-chromium
	$(PYTEST) -m "not slow"

# the tests that take minutes: hundreds of random networks, a wheel in an empty environment, every architecture
test-slow: .venv/installed-test
	$(PYTEST) -m slow

# wrong lines, one at a time in a copy of the package: does a test notice? Writes tests/mutations/results.md
faults: .venv/installed-test
	$(BIN)/python tests/mutations/run_faults.py

# what benchmarks/README.md names; QUICK= measures all of it, which takes most of an hour
bench: .venv/installed-test
	for part in $(BENCH); do $(BIN)/python -m benchmarks.$$part $(QUICK) || exit; done

# the same work by other libraries, in an environment of their own that takes some gigabytes; prints a table
bench-peers: .venv/installed-test .venv-peers/installed
	$(BIN)/python -m benchmarks.peers

.venv-peers/installed: benchmarks/peers/requirements.txt
	scripts/make-venv .venv-peers $(PYTHON)
	.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

# README's film and stills of the explorer in a real browser; writes docs/images/explorer*
pictures: .venv/installed-test
	scripts/install-chromium
	$(BIN)/python scripts/pictures.py

# every method and every view on 90 small models, each of another kind; writes docs/kinds.md, and fails on a bug
kinds: .venv/installed-test
	$(BIN)/python -m docs.kinds

# unusual ops and spellings against oracles, and what the badge says of them; writes docs/truth.md
truth: .venv/installed-test
	$(BIN)/python -m docs.truth

# thousands of odd inputs for every reader and argument; writes docs/fuzzing.md and docs/answers.md, and fails on a bug
fuzz: .venv/installed-test
	$(BIN)/python -m tests.fuzzing
	$(BIN)/python -m tests.fuzzing.answers

# known holes of what is installed, by the package pip-audit in an environment of its own, and every licence
audit: .venv/installed-test .venv-audit/installed
	$(BIN)/python scripts/licences.py
	$(BIN)/python -m pip freeze --exclude-editable > .venv-audit/installed-here.txt
	.venv-audit/bin/python -m pip_audit --strict --no-deps --disable-pip --requirement .venv-audit/installed-here.txt

.venv-audit/installed:
	scripts/make-venv .venv-audit $(PYTHON)
	.venv-audit/bin/python -m pip install --quiet --disable-pip-version-check pip-audit
	@touch $@

# layout of the code is ruff's to decide
format: .venv/installed-test
	$(BIN)/ruff format

lint: .venv/installed-test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

build: .venv/installed-test
	rm -rf build dist
	$(BIN)/python -m build --outdir dist

# pages in docs/_build/html; a warning is an error. Notebooks are executed where they or the package changed (minutes);
# EXECUTE=no shows them without outputs.
docs: .venv/installed-all,docs,tensorflow
	PYTHONPATH=docs EXECUTE=$(EXECUTE) $(BIN)/python -m sphinx -q -W --keep-going -b html docs docs/_build/html

clean:
	rm -rf .venv .venv-audit .venv-peers build dist Output Log docs/_build docs/pictures docs/notebooks

# what is installed, and anew whenever the list of dependencies changes
.venv/installed-%: pyproject.toml | .venv
	@echo "Installing cnnvis_widgets[$*] into .venv: some minutes the first time ..."
	$(PIP) --editable '.[$*]'
	@touch $@

.venv:
	scripts/make-venv .venv $(PYTHON)
