# mmlung: `make demo` and `make test` set themselves up; nothing else is needed.
PYTHON ?= python3
VENV ?= .venv
DEMO ?= full
PY := $(VENV)/bin/python
PIP_INSTALL := $(PY) -m pip install --constraint requirements/tested.txt
READY := $(VENV)/.mmlung-ready

.PHONY: help setup demo test quick lint types dist clean

help:  ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 10

setup: $(READY)  ## make .venv and install mmlung with the tested versions (no compiler needed)

# Two OpenCV wheels arrive and share one folder. The last one written counts: the headless
# one needs no graphics library (libGL) of the system.
$(READY): setup.py requirements/tested.txt
	@$(PYTHON) -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info < (3, 14) else \
	  "mmlung needs Python 3.11 to 3.13: make $(MAKECMDGOALS) PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(PIP_INSTALL) --editable '.[test,dev]'
	$(PIP_INSTALL) --quiet --force-reinstall --no-deps opencv-python-headless
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

dist: setup clean  ## wheel and sdist into dist/
	$(PY) -m build

clean:  ## remove what building and checking left (not .venv, data, work_dirs)
	rm -rf build dist *.egg-info .hypothesis .pytest_cache .mypy_cache .ruff_cache
