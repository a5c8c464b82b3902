# One verb per habit. Each target sets up .venv by itself, once.

PYTHON ?= python3
# The extras that each stamp in .venv stands for.
EXTRAS.lab := lab
EXTRAS.test := lab,serve,redis,kafka,nats,rabbitmq,export,test

BIN := .venv/bin
ifneq ($(shell command -v uv 2>/dev/null),)
CREATE = uv venv --quiet --seed --python "$(PYTHON)" .venv
INSTALL = VIRTUAL_ENV=.venv uv pip install --quiet
MAKES_VENVS = true
else
CREATE = $(PYTHON) -m venv .venv
INSTALL = $(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check
MAKES_VENVS = $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null
endif

.DEFAULT_GOAL := help
.PHONY: help lab demo test check coverage bench clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' Makefile

lab: .venv/.lab ## open JupyterLab on the quickstart notebook
	@$(BIN)/nbincoming lab

demo: .venv/.lab ## do the whole job in the terminal
	@$(BIN)/nbincoming demo

test: export NBINCOMING_HYPOTHESIS ?= $(if $(SLOW),default,quick)
test: check ## check, then run the tests; SLOW=1 adds slow rounds and more examples
	$(BIN)/python -m pytest $(if $(SLOW),,-m "not slow")

check: .venv/.test ## style, types and layers
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

coverage: .venv/.test ## fail unless the tests of the core take each of its branches
	$(BIN)/python -m pytest tests/core tests/test_attacks.py tests/test_corpus.py --cov=nbincoming/core --cov-branch --cov-fail-under=100

bench: .venv/.test ## measure against the named references
	$(BIN)/python -m benchmarks

clean: ## remove .venv and everything else that was made
	rm -rf .venv .*_cache .hypothesis .coverage* htmlcov dist build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.%: pyproject.toml
	@command -v "$(PYTHON)" >/dev/null || { \
	  echo "There is no $(PYTHON) here. Install Python 3.11 or newer, or name yours: make PYTHON=/path/to/python"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "nbincoming needs Python 3.11 or newer, and $(PYTHON) is older. Name another: make PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || $(MAKES_VENVS) || { \
	  echo "$(PYTHON) cannot make a virtual environment. Install its venv module (Debian, Ubuntu: apt-get install python3-venv)."; exit 1; }
	@echo "Setting up .venv (once, about a minute) …"
	@test -x $(BIN)/python || $(CREATE)
	@$(INSTALL) -e '.[$(EXTRAS$(notdir $@))]'
	@touch .venv/.lab $@
