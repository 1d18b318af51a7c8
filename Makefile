# Every command of the repository. People, hooks and workflows call the same ones.
.DEFAULT_GOAL := help
UV := $(or $(shell command -v uv 2>/dev/null),.tools/bin/uv)
BIN := .venv/bin
PORT ?= 5000
# The folder of a pipeline (docs/how-to/several-models.md); the top of the repository by default.
PIPELINE := .
IN := cd "$(PIPELINE)" &&
CLI := "$(CURDIR)/$(BIN)/pipeline"
# Imports cost more than the work here: compiled modules are kept, also where the environment says not to.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup adopt run test test-engine lint format docs bench ui tune gate report serve simulate monitor bento
.PHONY: protect doctor upgrade
help:  ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s%s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/.synced  ## Install the locked environment into .venv

.venv/.synced: pyproject.toml src/project/pyproject.toml .template.yaml uv.lock | $(UV)
	@echo "setup: installing the locked environment into .venv"
	@$(UV) sync --locked --all-packages --quiet
	@test -z "$$LIGHTGBM_WHEELS" || $(UV) pip install --quiet --no-deps --no-index --find-links "$$LIGHTGBM_WHEELS" \
		--reinstall "lightgbm==$$($(BIN)/python -c 'from importlib.metadata import version; print(version("lightgbm"))')"
	@touch $@

# uv from the package registry, checked by its hash, where the machine has none.
.tools/bin/uv:
	@echo "setup: installing uv into .tools"
	@python3 -m venv .tools
	@.tools/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement .github/uv.txt

adopt: setup  ## Make a table of your own the project's (SOURCE, TARGET; OPTIONS, as --dry-run)
	@$(BIN)/pipeline adopt "$(SOURCE)" --target "$(TARGET)" $(OPTIONS)

run: setup  ## Run the pipeline: data to a judged model
	@$(IN) $(CLI) run

# For two cores. A file's tests stay together, since they share what is slow to make.
PYTEST = $(BIN)/pytest --numprocesses $(PROCESSES) --dist loadfile --no-loadscope-reorder
PROCESSES := 2
# Each waits for containers, time-outs and other programs for a third of its time.
test-engine: PROCESSES := 3

test: setup  ## Check the project's features, and run its tests and the engine's quick ones
	@$(BIN)/pipeline each features --check
	@$(PYTEST) -m "not engine" $(wildcard tests/project/unit) tests/pipeline

test-engine: setup  ## Run everything: whole pipelines, containers, a browser, workflows, and `make test` in a fork
	@$(PYTEST) -m engine tests/pipeline

lint: setup  ## Check style and types, as pre-commit does
	@$(BIN)/pre-commit run --all-files --show-diff-on-failure

format: setup  ## Put the code into shape
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

gate: setup  ## Judge the model against the champion
	@$(IN) $(CLI) gate

report: setup  ## Write the pull request's comment (BASE, default the remote's default branch)
	@$(IN) $(CLI) report $(if $(BASE),--base "$(BASE)")

tune: setup  ## Search for better parameters
	@$(IN) $(CLI) tune

ui: setup  ## Open the MLflow UI (PORT, default 5000)
	@case "$$MLFLOW_TRACKING_URI" in \
	http://*|https://*) echo "ui: the runs are at $$MLFLOW_TRACKING_URI" | sed 's|//[^/]*@|//|' ;; \
	*) $(IN) exec "$(CURDIR)/$(BIN)/mlflow" ui --backend-store-uri "$${MLFLOW_TRACKING_URI:-sqlite:///mlflow.db}" \
		--host 127.0.0.1 --port $(PORT) ;; esac

serve: setup  ## Serve the model (PORT, default 3000)
	@$(IN) exec $(CLI) serve --port $(if $(filter file,$(origin PORT)),3000,$(PORT))

monitor: setup  ## Judge the prediction log (LOG, LABELS, SINCE, WINDOW)
	@$(IN) $(CLI) monitor $(if $(LOG),--log "$(LOG)") $(if $(LABELS),--labels "$(LABELS)") \
		$(if $(SINCE),--since "$(SINCE)") $(if $(WINDOW),--window "$(WINDOW)")

simulate: setup  ## Send the service simulated traffic (SHIFT, ROWS, PORT)
	@$(IN) $(CLI) simulate --url "http://127.0.0.1:$(if $(filter file,$(origin PORT)),3000,$(PORT))" \
		$(if $(SHIFT),--shift "$(SHIFT)") $(if $(ROWS),--rows "$(ROWS)")

bento: setup  ## Build the Bento: service, model and locked requirements
	@mkdir -p build
	@$(UV) export --quiet --locked --no-default-groups --group serving --no-emit-project --no-emit-package scipy \
		--no-hashes --no-annotate --no-header --output-file build/serving.txt
	@PATH="$(abspath $(dir $(UV))):$$PATH" BENTOML_DO_NOT_TRACK=True $(BIN)/bentoml build

protect: setup  ## Show what would protect main on GitHub; APPLY=1 writes it
	@$(BIN)/pipeline protect $(if $(APPLY),--apply)

doctor: setup  ## Look at the whole set-up, here and on GitHub
	@$(BIN)/pipeline doctor

upgrade: setup  ## Merge a new version of the template (VERSION, SOURCE, BASE, KEY)
	@$(BIN)/pipeline upgrade $(if $(SOURCE),--source "$(SOURCE)") $(if $(BASE),--base "$(BASE)") \
		$(if $(KEY),--key "$(KEY)") $(VERSION)

docs: setup  ## Write the reference of parameters and commands from the code
	@$(BIN)/python -m pipeline.reference_pages

bench: setup  ## Measure speed, memory and the error rates of gate, canary and monitor
	@$(BIN)/python -m benchmarks
