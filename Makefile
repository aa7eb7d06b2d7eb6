# `make` alone prints this file's own help: every target with a `##` comment, in the order in which they stand.

SHELL := /bin/bash
.DEFAULT_GOAL := help

PORT ?= 8080
KAFKA_PORT ?= 9092
REDIS_PORT ?= 6379
BIN := .venv/bin
INSTALLED := .venv/.installed
# The page is built anew when anything that it is made from is newer than what was built; folders tell of
# files that were taken away.
PAGE := exporters/dashboard/page
BUILT_PAGE := exporters/dashboard/static/index.html
PAGE_SOURCES := $(shell find $(PAGE) \( -name node_modules -o -path $(PAGE)/src/api/generated \) -prune -o -print) \
	docs/openapi.json
# What only needs the page goes on without it; `make page` itself must say that it failed.
STRICT = $(if $(filter page,$(MAKECMDGOALS)),--strict)
# What is compiled is kept, whatever the environment says: the tests start many processes, each of which
# would compile everything anew, in twice the time.
unexport PYTHONDONTWRITEBYTECODE
# Tests wait about as much as they work, so that more of them than there are cores run at once.
TEST_PROCESSES ?= $(shell echo $$(( $$(nproc) * 3 / 2 )))
PYTEST := $(BIN)/pytest -q
PYTEST_TOGETHER := $(PYTEST) -n $(TEST_PROCESSES) --dist loadgroup
PICTURES ?= .cache/screenshots
# Those of the four folders, and of real servers: what runs as a process of its own is not seen anyway.
COVERING := $(addprefix tests/,models state agents exporters services)
# A slow test may take an hour before it counts as hung.
PYTEST_SLOWLY := $(PYTEST) -o faulthandler_timeout=3600

.PHONY: help
help: ## Print this help
	@awk -F ':[^#]*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: install
install: $(INSTALLED) ## Install Wayfold and its tools into .venv (needs Python 3.11 or newer)

$(INSTALLED): pyproject.toml uv.lock deploy/install.sh src/wayfold/__init__.py
	@deploy/install.sh
	@touch $@

.PHONY: page
page: $(BUILT_PAGE) ## Build the web page, when its sources have changed
	@:

$(BUILT_PAGE): $(PAGE_SOURCES) | install
	@$(BIN)/python deploy/build_page.py build $(STRICT)

.PHONY: page-test
page-test: $(BUILT_PAGE) ## Run the tests of the page's own code
	@$(BIN)/python deploy/build_page.py test

.PHONY: run
run: install $(BUILT_PAGE) ## Start the embedded host with demo traffic on port 8080 (PORT=…)
	@exec $(BIN)/wayfold run --demo --port $(PORT)

.PHONY: services
services: install ## Start Kafka on port 9092 and Redis on 6379, until Ctrl-C (KAFKA_PORT=… REDIS_PORT=…)
	@exec $(BIN)/python deploy/local_services run --kafka-port $(KAFKA_PORT) --redis-port $(REDIS_PORT)

.PHONY: services-installed
services-installed: install
	@$(BIN)/python deploy/local_services install \
		|| echo "Tests that need real servers will look for Docker, or be skipped."

.PHONY: test
test: services-installed $(BUILT_PAGE) ## Run the tests, with real Kafka and Redis (TESTS=tests/state for some)
	@status=0; $(PYTEST_TOGETHER) -m "not slow" $(TESTS) || status=$$?; \
	$(if $(TESTS),,$(BIN)/python deploy/build_page.py test || status=1;) exit $$status

.PHONY: failed
failed: ## Run the tests that failed last once more, one after the other
	@$(PYTEST) --last-failed --last-failed-no-failures none

# A browser on a busy machine now and then takes its time: what failed is looked at once more, alone.
.PHONY: browser
browser: services-installed $(BUILT_PAGE) ## Look at the page in Chromium: all figures, both hosts, every state (slow)
	@$(PYTEST_TOGETHER) tests/browser $(TESTS) || $(PYTEST) --last-failed --last-failed-no-failures none tests/browser

.PHONY: screenshots
screenshots: $(BUILT_PAGE) ## Take pictures of every view of the page (PICTURES=folder)
	@PYTHONPATH=deploy $(BIN)/python -m tests.browser.screenshots $(PICTURES)

.PHONY: coverage
coverage: services-installed ## Print how much of the four folders their tests run through
	@rm -f .coverage .coverage.*
	@status=0; $(PYTEST_TOGETHER) -m "not slow" --cov --cov-report= $(or $(TESTS),$(COVERING)) || status=$$?; \
	echo "folder     lines  missed  branches  partly  covered"; \
	for folder in models state agents exporters; do \
		$(BIN)/coverage report --include="$$folder/*" | awk -v folder=$$folder \
			'$$1 == "TOTAL" {printf "%-9s %6s %7s %9s %7s %8s\n", folder, $$2, $$3, $$4, $$5, $$6}'; \
	done; exit $$status

.PHONY: properties
properties: install ## Compare the fold with the oracle over many random event sets (slow)
	@WAYFOLD_TEST_EFFORT=$${WAYFOLD_TEST_EFFORT:-4} $(PYTEST_SLOWLY) -n $(TEST_PROCESSES) tests/properties $(TESTS)

.PHONY: chaos
chaos: services-installed ## Kill workers and servers under load and compare the numbers (slow)
	@$(PYTEST_SLOWLY) -m chaos $(TESTS)

.PHONY: chaos-short
chaos-short: services-installed ## The same with a few kills, in a minute or two
	@$(PYTEST_SLOWLY) -m chaos -k little $(TESTS)

.PHONY: agreement
agreement: services-installed ## Fold one log in both hosts, and two years of history, and compare everything (slow)
	@$(PYTEST_SLOWLY) -m slow tests/services/test_hosts_agree.py tests/services/test_two_years.py $(TESTS)

.PHONY: bench
bench: services-installed ## Measure speed, latency and memory on real servers (BENCH=… for some, BENCH_SCALE=0.05 to try)
	@benchmarks/quix/install.sh || echo "Quix Streams will not be compared with."
	@PYTHONPATH=deploy $(BIN)/python -m benchmarks $(BENCH)

.PHONY: docs
docs: install ## Write anew the documents that are made from code
	@PYTHONPATH=deploy $(BIN)/python -m tests.docs.generated
	@$(BIN)/python -m wayfold.models.schemas docs >/dev/null

.PHONY: check
check: install $(BUILT_PAGE) ## Lint, formatting and types
	@failed=0; for step in "ruff check" "ruff format --check" "mypy" "python deploy/build_page.py check"; do \
		echo "$$step"; $(BIN)/$$step || failed=1; done; exit $$failed

.PHONY: format
format: install ## Format the code and repair what the linter can
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format
	@$(BIN)/python deploy/build_page.py format

.PHONY: clean
clean: ## Remove .venv, caches and build results (kept: .services with the downloaded servers, and your data)
	@rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage* coverage.xml dist build \
		exporters/dashboard/static $(PAGE)/node_modules $(PAGE)/src/api/generated
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
