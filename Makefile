# Everything is run through here; each target does its own set-up. PYTHON names the interpreter to build on.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UMQTT := firmware/lib/umqtt/simple.py
NHSUK := gateway/kitback/web/node_modules/nhsuk-frontend/package.json
STUBS := $(VENV)/stubs/.done

.PHONY: help demo test bench soak lint setup constraints packages clean
help: ## What can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(VENV)/.done $(UMQTT) $(NHSUK) ## The Python environment, the tag's MQTT client, the web page's styles

demo: setup ## Thirty days of thirteen tags in a minute, then the worklist
	$(BIN)/kitback demo

test: packages setup lint ## Every test, with everything it needs
	$(BIN)/pytest -q -n 2 --dist loadscope $(PYTEST_ARGS)

soak: packages setup ## The long runs: the tag without power, the gateway in every kind of trouble; half an hour
	KITBACK_SOAK=1 $(BIN)/pytest -q -n 2 --dist load -rP tests/firmware/test_power_cut.py tests/crash

lint: setup $(STUBS) ## Style, types, import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --config-file firmware/mypy.ini
	$(BIN)/lint-imports --no-logo

bench: packages setup ## What things cost, as JSON: the tag on the virtual board, reports all the way to InfluxDB, a second worker, a judgement of all loans, a register carried away
	$(BIN)/python -m bench.tag
	$(BIN)/python -m bench.intake
	$(BIN)/python -m bench.workers --runs 1 --reports 20000
	$(BIN)/python -m bench.watch
	$(BIN)/python -m bench.export

mpy: setup ## The tag's application, compiled for a board, in build/mpy
	$(BIN)/python deploy/compile_tag.py build/mpy

clean: ## Forget all set-up
	rm -rf $(VENV) build firmware/lib gateway/kitback/web/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis

constraints: ## Take the newest dependencies within their bounds, and write down which
	rm -rf $(VENV)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --disable-pip-version-check -e '.[dev]'
	$(BIN)/pip install -q --disable-pip-version-check --target $(VENV)/stubs micropython-esp32-stubs
	(sed '/^#/!d' constraints.txt; \
	  ($(BIN)/pip freeze --exclude-editable; $(BIN)/pip freeze --path $(VENV)/stubs) | sort -fu) > constraints.new
	mv constraints.new constraints.txt

packages:
	@deploy/test-packages

$(VENV)/.done: pyproject.toml constraints.txt
	@deploy/venv-packages $(PYTHON)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

# MicroPython's own MQTT client is a source archive that pip cannot build: it is fetched and unpacked.
$(UMQTT): $(VENV)/.done
	$(BIN)/python deploy/fetch_umqtt.py firmware/lib

$(NHSUK): gateway/kitback/web/package.json gateway/kitback/web/package-lock.json
	cd gateway/kitback/web && npm ci --silent --ignore-scripts --no-audit --no-fund
	@touch $@

# Apart from the environment: the stubs bring type files named like other people's packages.
$(STUBS): $(VENV)/.done
	$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt --target $(VENV)/stubs --upgrade micropython-esp32-stubs
	@touch $@
