# mmlung: `make demo` and `make test` set themselves up; nothing else is needed.
PYTHON ?= python3
VENV ?= .venv
DEMO ?= full
PY := $(VENV)/bin/python
READY := $(VENV)/.mmlung-ready

.PHONY: help setup demo test quick lint types dist clean

help:  ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 10

setup: $(READY)  ## make .venv and install mmlung with the tested versions (no compiler needed)

$(READY): setup.py requirements/tested.txt
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --constraint requirements/tested.txt --editable '.[test,dev]'
	touch $(READY)

demo: setup  ## draw phantoms, convert, train, test; DEMO=smoke for a few iterations only
	$(PY) tools/demo.py --mode $(DEMO)

test: setup  ## the whole test suite
	$(PY) -m pytest -q

quick: setup  ## the test suite without the slow end-to-end runs
	$(PY) -m pytest -q -m 'not slow'

lint: setup  ## style and format
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

types: setup  ## static types
	$(PY) -m mypy

dist: setup  ## wheel and sdist into dist/
	$(PY) -m build

clean:  ## remove what the targets made, except data and work_dirs
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
