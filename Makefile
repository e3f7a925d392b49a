# Everything runs in .venv, which the first target makes. PYTHON picks another interpreter than python3.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-long test-soak lint bench experiments calibrate install clean

demo: install  ## capture on the simulator, analyse, draw: see demo-output/
	$(BIN)/asicrc demo --directory demo-output

install: .venv/installed

.venv/installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("asicrc needs Python 3.11 or newer: set PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[all]' --group dev
	touch $@

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	MYPY_NUM_WORKERS=2 $(BIN)/mypy
	$(BIN)/lint-imports

test: lint  ## what has to pass before every commit; under 8 minutes on 2 cores
	$(BIN)/pytest -m "not long and not soak" -n 2 --dist loadfile

test-long: install  ## kills, floods, long statistics; under 30 minutes
	$(BIN)/pytest -m "long and alone" --timeout 600
	$(BIN)/pytest -m "long and not alone" -n 3 --dist worksteal --timeout 600

experiments: install  ## every notebook at full size, rendered: see experiments-output/index.html
	$(BIN)/python -m asicrc.report.notebooks experiments --output experiments-output

test-soak: install  ## every forged file with every command, every mixture of noise: half an hour and more
	$(BIN)/pytest -m soak -n 2 --timeout 600

calibrate: install  ## how often verdicts are wrong, on twins of known truth: hours
	$(BIN)/python -m asicrc.reservoir.calibration --runs 500 --jobs 2 --output calibration-output
	$(BIN)/python -m asicrc.analysis.calibration --devices 1000 --jobs 2 --output calibration-output
	for twin in ideal ordinary planted; do \
	  answers=calibration-output/claims-$$twin.json; \
	  [ -e $$answers ] || $(BIN)/asicrc claims run H14 S20 --twin $$twin --runs 1000 --budget 48h \
	    --jobs 2 --output $$answers || exit 1; \
	done

bench: install  ## throughput side by side, in one run
	$(BIN)/pytest tests/benchmarks --benchmark-enable --benchmark-only -o addopts="" -q -s

clean:
	rm -rf .venv demo-output experiments-output calibration-output .pytest_cache .mypy_cache .ruff_cache .hypothesis
