# What a person does here: make run · make test · make check · make bench
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help setup run test check bench clean
help:            ## Show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

setup: $(STAMP)  ## Make .venv and install kb into it

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-compile 'pip>=25.1'  # saves a third of set-up's processor time
	$(BIN)/pip install --quiet --disable-pip-version-check --no-compile --editable '.[dev]'
	touch $(STAMP)

run: setup       ## Index the sample content, answer two questions, then serve (PORT=8000)
	$(BIN)/kb reindex
	$(BIN)/kb import sample/tickets.jsonl
	$(BIN)/kb ask '洗衣机不进水怎么办'
	$(BIN)/kb ask 'How long does a refund take?'
	$(BIN)/kb serve --port $(or $(PORT),8000)

test: setup      ## Check the code, then run every test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy & checked=$$!; $(BIN)/python -m pytest; tested=$$?; wait $$checked && exit $$tested

check: test      ## The same

bench: setup     ## Long measurements; rewrites docs/benchmarks.md
	$(BIN)/python bench/run.py

clean:           ## Remove what was built here; articles and data stay
	rm -rf $(VENV) index/generations index/manifest.json .pytest_cache .mypy_cache .ruff_cache
