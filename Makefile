# Everything a newcomer types. `make help` lists it.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
ARGS   ?=
JOBS   ?= 3

.DEFAULT_GOAL := help
.PHONY: help demo test controlplane e2e fuzz kills soak faults lint types check bench docs constraints clean

help: ## Show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(VENV)/bin/python:
	@echo "Creating the virtual environment $(VENV)"
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Installing watermark-autoscaler"
	@$(PIP) --editable '.[speed,sandbox]'
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/.demo
	@echo "Installing the tools for tests and checks"
	@$(PIP) --editable '.[speed,sandbox,dev]'
	@touch $@

demo: $(VENV)/.demo ## The whole loop on this machine; ARGS="--for 120s --report out.json"
	@$(BIN)/wpa-sandbox demo $(ARGS)

test: $(VENV)/.dev ## Unit, property, contract and integration tests
	$(BIN)/pytest -n $(JOBS) --dist loadfile -m "not e2e" $(ARGS)

fuzz: $(VENV)/.dev ## Random inputs and documents through every decision, wild requests to the adapter; ARGS="--seed 7 --count 1"
	$(BIN)/python -m tests.fuzz $(ARGS)
	$(BIN)/python -m tests.hostile $(ARGS)

kills: $(VENV)/.dev ## A thousand kills of scalers at random requests; ARGS="--seed 7 --kills 100"
	$(BIN)/python -m tests.kills $(ARGS)

soak: $(VENV)/.dev ## Hours of faults; ARGS="adapter --for 1h", "scaler --virtual 4h" or "scaler --real 20m"
	$(BIN)/python -m tests.soak $(ARGS)

faults: $(VENV)/.dev ## Every fault against every state of an object, as a table; ARGS="prometheus adapter"
	$(BIN)/python -m tests.faults $(ARGS)

controlplane: $(VENV)/.dev ## Build a real Kubernetes control plane, once (needs Go; about 10 minutes)
	$(BIN)/python -m tests.controlplane.build

e2e: controlplane ## Tests against the real control plane
	$(BIN)/pytest tests/e2e tests/contract -m e2e $(ARGS)

lint: $(VENV)/.dev ## Style, formatting and import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(VENV)/.dev ## mypy --strict
	$(BIN)/mypy

check: lint types test ## All of the above

bench: $(VENV)/.dev ## Benchmarks, as JSON
	$(BIN)/python -m bench $(ARGS)

docs: $(VENV)/.dev ## Write docs/metrics.md, the JSON schema and manifests/grafana anew
	$(BIN)/python -m observability

constraints: $(VENV)/.dev ## Record the installed versions as the tested set
	@$(BIN)/python -m pip freeze --exclude-editable --local | grep -v ' @ ' > constraints.txt

clean: ## Remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis out
