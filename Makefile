# Gleaner. A fresh machine needs git, make and Python 3.11 to 3.13; everything else lands in .venv.
PYTHON ?= python3
ARGS ?=
.DEFAULT_GOAL := help
BIN := .venv/bin
BOOT := $(PYTHON) hardware/install/bootstrap.py

# The tests start hundreds of interpreters: each module is compiled once, whatever the environment says.
test test-postgres soak: export PYTHONDONTWRITEBYTECODE =

.PHONY: help demo test test-postgres soak bench lint system web models device architecture sbom clean-demo venv dev

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-18s %s\n", $$1, $$2 }'

demo: ## a whole installation on this machine: collector, device, one guided session, the review page
	@$(BOOT) --web
	@$(BIN)/python collector/web/build.py
	@exec $(BIN)/gleaner demo $(ARGS)

test: dev web models ## every test; most of them wait for processes, so there are more of them than cores
	@$(BIN)/python -m pytest -n auto --dist loadfile $(ARGS)

# Without those that `make test` runs on both databases, and without files that touch no row, or PostgreSQL's alone.
SAME := bulk backup/test_repository.py backup/test_storage.py store/test_blobs.py store/test_objects.py \
	store/test_postgres.py store/test_postgres_migrations.py test_several_processes.py

test-postgres: dev web models ## the collector's tests with PostgreSQL in place of SQLite
	@GLEANER_TEST_DATABASE=postgresql $(BIN)/python -m pytest -n auto --dist loadfile -m "not both_databases" \
		tests/collector $(SAME:%=--ignore=tests/collector/%) $(ARGS)

soak: dev web models ## the random trials at full length, with new examples each time
	@GLEANER_SOAK=1 $(BIN)/python -m pytest -n auto --dist loadfile -m soak $(ARGS)

bench: dev web models ## the benchmarks, with their peers and limits
	@$(BIN)/python -m benchmarks $(ARGS)

lint: dev ## ruff, mypy --strict, tsc, layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python collector/web/build.py --lint
	@$(BIN)/python -m pytest -q tests/test_house.py

system: ## name, and as root install, the Debian packages that some tests and real microphones need
	@$(PYTHON) hardware/install/system.py

web: ## build the review page
	@$(BOOT) --web
	@$(BIN)/python collector/web/build.py

models: dev ## the models and photographs that tests use, through the catalogue
	@$(BIN)/gleaner prelabel pull silero-vad centerface photo-person photo-cup ocr-detection ocr-direction ocr-recognition >/dev/null

device: ## picamera2 and the system's libcamera, as on a Raspberry Pi (needs gcc, python3-dev and libcap-dev, see make system)
	@$(BOOT) --device

venv:
	@$(BOOT)

dev:
	@$(BOOT) --dev --web

architecture: dev ## draw the picture and tables of docs/architecture.md anew from the imports
	@$(BIN)/python -m tests.architecture

sbom: dev web ## the bills of materials in docs/sbom, from constraints.txt and package-lock.json
	@$(BIN)/python -m tests.sbom

clean-demo: ## delete the demo's data (captures, tasks, accounts of the demo)
	rm -rf .gleaner/demo
