# Every target sets itself up: `make` alone says what there is.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# Modules without bytecode take seconds to import; somebody else's module path or pip target breaks the environment.
unexport PYTHONDONTWRITEBYTECODE PYTHONPATH PYTHONHOME PIP_TARGET PIP_PREFIX PIP_NO_COMPILE
export PIP_USER := 0
export PIP_NO_INPUT := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# A name on PATH proves nothing (version managers put dead shims there): the first that runs and is new enough is taken.
PYTHON ?= $(shell for name in python3.13 python3.12 python3.11 python3; do \
	"$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { command -v "$$name"; break; }; done)
WORKERS ?= 2
PYTEST_ARGS ?=
# Resolves for every platform at once, so that one lock file serves Linux and macOS.
LOCK_TOOL := uv==0.13.9

VENV := .venv
# The programs of this project come first: its own Python, then the Pulumi CLI that tools/pulumi_cli.py found or built,
# then those of the machine that tools/programs.py found or fetched (they may be none: an empty entry is the folder here).
RUN = programs="$$($(VENV)/bin/python tools/programs.py --present)"; VIRTUAL_ENV="$(CURDIR)/$(VENV)" \
	PATH="$(CURDIR)/$(VENV)/bin:$$($(VENV)/bin/python tools/pulumi_cli.py):$${programs:+$$programs:}$$PATH"
SHELL_FILES = .ci/run $(shell find components stacks tests tools -name '*.sh' 2>/dev/null | sort)

# `make -j demo test` must not set up one environment twice at once. Only the set-up below runs several jobs.
ifeq ($(MAKELEVEL),0)
.NOTPARALLEL:
endif

.PHONY: demo test check lock clean help cli programs format lint types imports spelling shell

demo: ## provision a simulated cluster with the real Pulumi engine, and show what it is made of
	@$(MAKE) --no-print-directory -j3 $(VENV)/.runtime cli programs
	@$(RUN) python tools/demo.py

test: ## run all tests
	@$(MAKE) --no-print-directory -j3 $(VENV)/.dev cli programs
	@$(RUN) pytest -n $(WORKERS) --dist loadgroup $(PYTEST_ARGS)

check: $(VENV)/.dev ## check format, lint, types, imports, spelling and shell files
	@$(MAKE) --no-print-directory --keep-going format lint types imports spelling shell

lock: $(VENV)/pyvenv.cfg ## write both lock files; pins stay as they are (to renew them, delete the lock files first)
	@$(VENV)/bin/python -m venv build/lock
	@build/lock/bin/python -m pip install --quiet '$(LOCK_TOOL)'
	@$(call compile-lock,requirements.lock,--group build)
	@$(call compile-lock,requirements-dev.lock,--group build --group dev --constraints requirements.lock)

clean: ## remove what make made here; what is in the cache stays
	rm -rf $(VENV) build dist .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find components stacks tests tools -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# -------------------------------------------------------------------------------------------------------------- set-up

$(VENV)/pyvenv.cfg:
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or newer runs from PATH." \
		"Install Python 3.11, 3.12 or 3.13, or name one: make PYTHON=/where/it/is/python3" >&2; exit 1; }
	@echo "[set-up] $$("$(PYTHON)" --version): $(VENV)"
	@"$(PYTHON)" -m venv --clear $(VENV)

$(VENV)/.runtime: requirements.lock pyproject.toml | $(VENV)/pyvenv.cfg
	@$(call install,requirements.lock)
	@touch $@

$(VENV)/.dev: requirements-dev.lock pyproject.toml | $(VENV)/pyvenv.cfg
	@$(call install,requirements-dev.lock)
	@touch $@ $(VENV)/.runtime

cli: $(VENV)/pyvenv.cfg
	@$(VENV)/bin/python tools/pulumi_cli.py >/dev/null

programs: $(VENV)/pyvenv.cfg
	@$(VENV)/bin/python tools/programs.py >/dev/null

define install
echo "[set-up] Python packages of $(1) (the first time this takes one to three minutes)"; \
$(VENV)/bin/python -m pip install --quiet --compile --require-hashes --requirement $(1); \
$(VENV)/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable .; \
echo "[set-up] Python packages are ready"
endef

define compile-lock
echo "[lock] $(1)"; \
build/lock/bin/uv pip compile --quiet --no-config --universal --python-version 3.11 --generate-hashes \
	--custom-compile-command 'make lock' $(2) --output-file $(1) pyproject.toml
endef

# -------------------------------------------------------------------------------------------------------------- checks

format:
	@echo "[check] format"
	@$(VENV)/bin/ruff format --quiet --check || { echo "mend with: $(VENV)/bin/ruff format" >&2; exit 1; }

lint:
	@echo "[check] lint"
	@$(VENV)/bin/ruff check --quiet

types:
	@echo "[check] types"
	@$(VENV)/bin/basedpyright

imports:
	@echo "[check] imports"
	@$(VENV)/bin/lint-imports --no-logo

spelling:
	@echo "[check] spelling"
	@$(VENV)/bin/codespell components docs stacks tests tools README.md Makefile pyproject.toml

shell:
	@echo "[check] shell"
	@$(VENV)/bin/shellcheck $(SHELL_FILES)
