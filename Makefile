# Everything happens in .venv; each target prepares what it needs. `make help` lists them.

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.stamp
REQUIREMENTS := $(wildcard requirements/*.txt)

PYTHON ?=
CONSTRAINTS ?= requirements/constraints.txt
EXTRAS ?= onedl,timm,tensorboard,tests,docs
WORKERS ?= 2
SEED ?= 0

CANDIDATES := $(or $(PYTHON),python3.11 python3.12 python3.13 python3.10 python3)
IN_RANGE := import sys; sys.exit(not (3, 10) <= sys.version_info[:2] < (3, 14))
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check
# A thread each: two workers on two cores would otherwise run four.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help env demo test test-all faults properties docs lint clean

help:  ## list the targets
	@awk -F ':.*##' '/^[a-z-]+:.*##/ { printf "%-10s%s\n", $$1, $$2 }' Makefile
	@echo "variables: PYTHON (3.10 to 3.13), WORKERS (test processes, $(WORKERS)),"
	@echo "           SEED (of faults and properties, $(SEED)),"
	@echo "           CONSTRAINTS (pinned versions), EXTRAS ($(EXTRAS))"

env: $(STAMP)  ## prepare .venv from nothing but Python 3.10 to 3.13 and make

demo: $(STAMP)  ## train, evaluate and picture SRDL on built-in scenes
	$(BIN)/python tools/demo.py

test: $(STAMP)  ## the quick tests (less than 10 minutes on 2 cores)
	$(PYTEST) -m "not slow"

test-all: $(STAMP)  ## every test
	$(PYTEST)

faults: $(STAMP)  ## kill, stop and cut off small runs, and compare (SEED=0 chooses where)
	FAULTS_SEED=$(SEED) $(PYTEST) tests/faults

properties: $(STAMP)  ## at least 10,000 cases of the property tests, repeatable by SEED
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/properties -q \
	    --hypothesis-profile=long --hypothesis-seed=$(SEED)

docs: $(STAMP)  ## build docs/_build/html, warnings being errors
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html

lint: $(STAMP)  ## ruff (lint and format) and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:  ## remove .venv, caches and builds
	rm -rf $(VENV) build dist mmsrdl.egg-info mmsrdl/.mim docs/_build
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamp is removed first and written last: an interrupted run leaves none behind.
$(STAMP): setup.py Makefile $(REQUIREMENTS)
	@rm -f $(STAMP)
	@$(CREATE_VENV)
	@echo "[2/4] installing mmsrdl[$(EXTRAS)]: about 5 GB, 2 to 15 minutes ..."
	@$(PIP) install -c "$(CONSTRAINTS)" -e ".[$(EXTRAS)]"
	@$(CHECK_OPENCV)
	@echo "[4/4] importing what was installed"
	@$(BIN)/python -c "import mmcv, mmengine, mmpretrain, mmsrdl, torchvision; torchvision.ops.nms"
	@touch $(STAMP)

define CREATE_VENV
if $(BIN)/python -c "$(IN_RANGE)" 2>/dev/null && $(PIP) --version >/dev/null 2>&1; then \
    echo "[1/4] using the $(VENV) that is here"; exit 0; \
fi; \
seen=""; \
for python in $(CANDIDATES); do \
    "$$python" -c "$(IN_RANGE)" 2>/dev/null || continue; \
    seen="$$python"; \
    "$$python" -c "import ensurepip, venv" 2>/dev/null || continue; \
    echo "[1/4] creating $(VENV) with $$("$$python" --version)"; \
    "$$python" -m venv --clear $(VENV); exit $$?; \
done; \
if [ -z "$$seen" ]; then \
    echo "error: none of these is a Python 3.10 to 3.13: $(CANDIDATES)."; \
    echo "Name one with 'make env PYTHON=/path/to/python3', or install it"; \
    echo "(Debian, Ubuntu: sudo apt-get install python3 python3-venv)."; \
else \
    version=$$("$$seen" -c "import sys; print('%d.%d' % sys.version_info[:2])"); \
    echo "error: $$seen cannot create environments: its venv or ensurepip module is missing."; \
    echo "Debian, Ubuntu: sudo apt-get install python$$version-venv, then run make again;"; \
    echo "or name another Python with 'make env PYTHON=/path/to/python3'."; \
fi >&2; \
exit 1
endef

# OpenCV's default build needs libGL and libglib from the system, its headless build does not.
define CHECK_OPENCV
echo "[3/4] checking OpenCV"; \
why=$$($(BIN)/python -c "import cv2" 2>&1) && exit 0; \
echo "      it does not load: $$(echo "$$why" | tail -n 1)"; \
echo "      taking its headless build"; \
version=$$($(BIN)/python -c "from importlib.metadata import version as v; print(v('opencv-python'))") && \
$(PIP) uninstall --yes opencv-python opencv-python-headless && \
$(PIP) install --no-deps "opencv-python-headless==$$version" && \
$(BIN)/python -c "import cv2"
endef
