# `make` lists the targets. Everything runs in .venv, which is made on first use.
ifeq ($(OS),Windows_NT)
BIN := .venv/Scripts
PYTHON ?= python
else
BIN := .venv/bin
PYTHON ?= python3
endif
READY := .venv/ready

.PHONY: help compare test quick coverage check bench fuzz docs picture
help: ## list the targets
	@grep -E '^[a-z]+:.*## ' Makefile | sed 's/:.*## /\t/'

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'her2bench needs Python 3.11 or newer; say which with PYTHON=')"
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $(READY)

compare: $(READY) ## five networks and the baselines on the built-in phantom: a table and a report
	$(BIN)/her2bench phantom build/phantom --config configs/phantom_tiles.toml
	$(BIN)/her2bench compare configs/phantom.toml -o build/phantom-comparison

test quick: export OMP_NUM_THREADS ?= 1
test: $(READY) ## all tests, up to four at once; those on real data need HER2BENCH_REAL_DATA
	$(BIN)/python $(MEASURE) -m pytest -q -n auto --maxprocesses 4 --dist loadfile

quick: $(READY) ## the tests without those marked slow
	$(BIN)/python -m pytest -q -n auto --maxprocesses 4 --dist loadfile -m "not slow"

coverage: $(READY) ## after make test MEASURE="-m coverage run": the lines that no test runs; at least 90%
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report

check: $(READY) ## format, lint, types, import layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports

bench: $(READY) ## speed compared with the baseline: training, tile cache, statistics; agreement of results
	$(BIN)/python -m benchmarks.speed
	$(BIN)/python -m benchmarks.where_time_goes
	$(BIN)/python -m benchmarks.agreement
	$(BIN)/python -m benchmarks.statistics

fuzz: $(READY) ## ten minutes of broken and hostile inputs for every reader: no traceback, no hang
	$(BIN)/python -m fuzz

docs: $(READY) ## the documentation, into site/
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	$(BIN)/mkdocs build --strict --quiet

picture: compare ## the README's picture, from the report of make compare
	$(BIN)/python docs/screenshot.py build/phantom-comparison/report.html docs/images/report.png
