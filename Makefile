# Everything a newcomer needs: `make book`, `make test`. `make` alone lists the targets.
# Only Python >= 3.11 (with venv), git and make have to be there; the rest goes into .venv.

.DEFAULT_GOAL := help
SHELL := /bin/bash
MAKEFLAGS += --no-print-directory

# The Python to build with; `make book PYTHON=python3.12` chooses another. Of an activated
# environment the Python it was made from, so that .venv never has to make itself anew.
REAL_PYTHON = import sys; print(sys._base_executable) if sys.version_info >= (3, 11) else sys.exit(1)
ifndef PYTHON
PYTHON := $(shell for p in python3 python3.11 python3.12 python3.13 python; do \
	$$p -c '$(REAL_PYTHON)' 2>/dev/null && break; done)
endif
PORT ?= 8000
ARGS ?=
# Tests run in two processes, one file after the other in each; WORKERS=0: in this one.
WORKERS ?= 2
SIDE_BY_SIDE = $(if $(filter-out 0,$(WORKERS)),-n $(WORKERS) --dist loadfile)

VENV := .venv
BIN := $(VENV)/bin
SITE := _build/html
INPUTS := requirements.txt tests/requirements.txt pyproject.toml
# The set-up is done when this very file exists: another content of INPUTS, another Python or
# another folder (an environment that was moved does not work) leads to another name.
STAMP := $(VENV)/.set-up-$(shell { cat $(INPUTS); pwd; $(PYTHON) -V; } 2>&1 | cksum | tr ' ' -)
# otter-grader and what it brings, in an environment that also sees all of the book's.
GRADING := .venv-grading
GRADING_STAMP := $(GRADING)/.set-up-$(shell { cat requirements-grading.txt; echo $(STAMP); } 2>&1 | \
	cksum | tr ' ' -)
SUBMISSIONS ?=
ASSIGNMENT ?=
CHROMIUM := $(firstword $(foreach name,$(CHROMIUM) chromium chromium-browser google-chrome \
	google-chrome-stable,$(shell command -v $(name) 2>/dev/null)))
# Two threads for numerical libraries, as in the executed pages.
export OMP_NUM_THREADS ?= 2
export OPENBLAS_NUM_THREADS ?= 2
export MKL_NUM_THREADS ?= 2
# Idle threads of one BLAS (NumPy's, SciPy's) must not spin while the other one works.
export OPENBLAS_THREAD_TIMEOUT ?= 16

.PHONY: help setup book pdf slides zip student instructor assignments grade test-assignments links test test-slow binder-test test-site lint serve bench clean

help: ## list the targets
	@echo "Fit without Fear, the executable textbook."
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile
	@echo "Variables: PYTHON=... (to set up with), PORT=$(PORT) (serve), ARGS=... (to book, test*, bench)"

setup: $(STAMP) ## set up the virtual environment .venv (the other targets do it when needed)

$(STAMP):
	@set -eu; start=$$SECONDS; \
	if ! "$(PYTHON)" -c '$(REAL_PYTHON)' >/dev/null 2>&1; then \
	    echo "Python 3.11 or newer is needed; found: $$($(or $(PYTHON),python3) -V 2>&1 || true)" >&2; \
	    echo "On Debian or Ubuntu: apt install python3 python3-venv. Or name one:" >&2; \
	    echo "  make $(MAKECMDGOALS) PYTHON=/path/to/python3.11" >&2; \
	    exit 1; \
	fi; \
	python=$$("$(PYTHON)" -c '$(REAL_PYTHON)'); \
	if ! $$python -c 'import venv, ensurepip' 2>/dev/null; then \
	    echo "$$python cannot make virtual environments." >&2; \
	    echo "On Debian or Ubuntu: apt install python3-venv" >&2; \
	    exit 1; \
	fi; \
	version=$$($$python -c 'import platform; print(platform.python_version())'); \
	echo "Setting up $(VENV) with Python $$version (once; a minute or two, 1.7 GB) ..."; \
	if ! { grep -qx "version = $$version" $(VENV)/pyvenv.cfg && \
	       grep -q "^command = .* $$PWD/$(VENV)$$" $(VENV)/pyvenv.cfg && \
	       $(BIN)/python -m pip --version >/dev/null; } 2>/dev/null; then \
	    $$python -m venv --clear $(VENV); \
	fi; \
	install="$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	    -r requirements.txt -r tests/requirements.txt"; \
	PIP_RETRIES=0 $$install 2>/dev/null || { \
	    echo "  ... that failed; once more, with patience for the network"; $$install; }; \
	rm -f $(VENV)/.set-up-*; touch $@; \
	echo "Set up in $$((SECONDS - start)) s."

book: $(STAMP) ## execute the pages that need it and build the site into _build/html
	@$(BIN)/python -m fearless.book.build $(ARGS)

test: $(STAMP) ## run the fast tests, and the browser tests where there is a site and a Chromium
	@echo "== Fast tests (some three minutes on two cores)"
	@$(BIN)/python -m pytest -q $(SIDE_BY_SIDE) $(ARGS)
	@if [ -z "$(CHROMIUM)" ]; then \
	    echo "NOT run: the browser tests, for no Chromium is installed (Debian: apt install chromium)"; \
	elif [ ! -f $(SITE)/index.html ]; then \
	    echo "NOT run: the browser tests, for the book is not built (make book)"; \
	else \
	    $(MAKE) test-site; \
	fi
	@echo "NOT run: the slow tests (make test-slow)"

test-slow: $(STAMP) ## run the tests that take more than a few seconds each
	@echo "== Slow tests (several minutes on two cores)"
	@$(BIN)/python -m pytest -q $(SIDE_BY_SIDE) -m "slow and not site and not otter" $(ARGS)

binder-test: $(STAMP) ## run the pages as Binder would, in an environment of their own (ARGS: --share 0/5)
	@echo "== Pages in a bare environment, within the limits of Binder (all of them: a quarter of an hour)"
	@$(BIN)/python -m fearless.book.running.bare $(ARGS)

test-site: $(STAMP) ## run the browser tests on the built site (needs Chromium)
	@echo "== Browser tests of every page in $(SITE)"
	@CHROMIUM="$(CHROMIUM)" $(BIN)/python -m pytest -q $(SIDE_BY_SIDE) -m site $(ARGS)

lint: $(STAMP) ## check the style of the code
	@echo "== Style of the code"
	@$(BIN)/ruff check lib tests benchmarks assignments
	@$(BIN)/ruff format --check lib tests benchmarks assignments

pdf: $(STAMP) ## print the book as one PDF into _build/pdf (needs Chromium)
	@[ -f $(SITE)/index.html ] || $(MAKE) book
	@CHROMIUM="$(CHROMIUM)" $(BIN)/python -m fearless.book.editions.pdf

slides: $(STAMP) ## make a deck of slides for every chapter into _build/slides
	@[ -f $(SITE)/index.html ] || $(MAKE) book
	@$(BIN)/python -m fearless.book.course.slides.deck

zip: $(STAMP) ## pack the site into _build/fit-without-fear.zip, to be read from a disk
	@[ -f $(SITE)/index.html ] || $(MAKE) book
	@$(BIN)/python -m fearless.book.editions.archive

student: $(STAMP) ## make the edition for students in _build/student, scanned for solutions (Chromium)
	@CHROMIUM="$(CHROMIUM)" $(BIN)/python -m fearless.book.course.editions.student $(ARGS)

instructor: $(STAMP) ## make the edition for instructors in _build/instructor, with all solutions
	@$(BIN)/python -m fearless.book.course.editions.instructor $(ARGS)

$(GRADING_STAMP): $(STAMP)
	@set -eu; start=$$SECONDS; purelib='import sysconfig; print(sysconfig.get_path("purelib"))'; \
	echo "Setting up $(GRADING), with otter-grader (once; a minute, 0.1 GB) ..."; \
	$(BIN)/python -m venv --clear --without-pip $(GRADING); \
	echo "import site; site.addsitedir('$$($(BIN)/python -c "$$purelib")')" \
	    > "$$($(GRADING)/bin/python -c "$$purelib")/book.pth"; \
	install="$(BIN)/python -m pip --python $(GRADING)/bin/python install --quiet \
	    --disable-pip-version-check -r requirements-grading.txt"; \
	PIP_RETRIES=0 $$install 2>/dev/null || { \
	    echo "  ... that failed; once more, with patience for the network"; $$install; }; \
	rm -f $(GRADING)/.set-up-*; touch $@; \
	echo "Set up in $$((SECONDS - start)) s."

assignments: $(GRADING_STAMP) ## build the assignments and their autograders into _build/assignments
	@$(GRADING)/bin/python -m fearless.book.course.assignments.build $(ARGS)

grade: $(GRADING_STAMP) ## grade a folder of notebooks, offline: SUBMISSIONS=folder
	@if [ -z "$(SUBMISSIONS)" ]; then \
	    echo "Which folder? make grade SUBMISSIONS=folder (see assignments/README.md)" >&2; exit 1; \
	fi
	@$(GRADING)/bin/python -m fearless.book.course.grading.grade "$(SUBMISSIONS)" \
	    $(if $(ASSIGNMENT),--assignment "$(ASSIGNMENT)") $(ARGS)

test-assignments: $(GRADING_STAMP) ## test the assignments as students and instructors get them
	@echo "== Assignments, built and graded with otter-grader (several minutes on two cores)"
	@$(GRADING)/bin/python -m pytest -q $(SIDE_BY_SIDE) -m otter $(ARGS)

links: $(STAMP) ## ask for every address in the text that is on another host (needs a network)
	@$(BIN)/python -m fearless.book.external_links

serve: $(STAMP) ## show the built site in a browser at 127.0.0.1, port 8000 (or PORT=...)
	@[ -f $(SITE)/index.html ] || $(MAKE) book
	@echo "http://127.0.0.1:$(PORT)/  (Ctrl-C stops)"
	@$(BIN)/python -m http.server --bind 127.0.0.1 --directory $(SITE) $(PORT)

bench: $(STAMP) ## run the benchmarks side by side with other libraries
	@set -e; for script in benchmarks/[a-z]*.py; do \
	    echo "== $$script"; $(BIN)/python "$$script" $(ARGS); \
	done

clean: ## delete what was built: the site, all outputs, caches of tools (not .venv)
	@echo "Deleting _build and the caches of tools"
	@rm -rf _build .pytest_cache .hypothesis .ruff_cache
	@find lib tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
