# 气瓶追溯账本 · LPG cylinder ledger. Needs Python >= 3.11 and make; everything else is set up in .venv.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test lint bench rebuild

ARGS ?=
VENV := .venv
STAMP := $(VENV)/.synced
UV := uv==0.13.9
ASK := import sys; sys.exit(sys.version_info < (3, 11))

# An environment whose Python is gone, or that was copied from another folder, is made anew.
ifneq ($(wildcard $(STAMP)),)
ifneq ($(shell cat '$(STAMP)'; '$(VENV)/bin/python' -c '$(ASK)' 2>&1 || echo broken),$(CURDIR)/$(VENV))
$(STAMP): rebuild
endif
endif

help: ## 本帮助 · this help
	@echo '用法 · usage: make TARGET [ARGS="..."]'
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1\t\2/p' Makefile

demo: $(STAMP) ## 演示 · the demo, e.g. make demo ARGS="--once --seed 3"
	@$(VENV)/bin/ledger demo $(ARGS)

test: $(STAMP) ## 测试 · the tests, in two processes, e.g. make test ARGS="-k replay"; "-n 0" takes one
	@$(VENV)/bin/pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

lint: $(STAMP) ## 检查 · ruff, mypy, import-linter: all of them run, any finding fails
	@failed=; \
	for check in 'ruff check --output-format=concise' 'ruff format --check' mypy 'lint-imports --no-logo'; do \
		echo "== $$check"; $(VENV)/bin/$$check || failed="$$failed [$$check]"; \
	done; \
	if [ -n "$$failed" ]; then echo "未通过 · failed:$$failed" >&2; exit 1; fi

bench: $(STAMP) ## 压测 · the bench
	@$(VENV)/bin/ledger bench $(ARGS)

rebuild:

# Redone when the lock or the project changes. Standard Python first, then uv, then exactly what uv.lock says.
$(STAMP): uv.lock pyproject.toml
	@echo '准备环境（首次约一分钟）· setting up .venv (about a minute the first time)' >&2
	@python=; \
	for candidate in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11; do \
		if "$$candidate" -c '$(ASK)' 2>/dev/null; then python=$$candidate; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
		echo '需要 Python 3.11 或更高版本；可指定 make PYTHON=/path/to/python3' >&2; \
		echo 'Python 3.11 or later is needed; name one with make PYTHON=/path/to/python3' >&2; exit 1; \
	fi; \
	if [ "$$(cat $@ 2>/dev/null)" != '$(CURDIR)/$(VENV)' ] || ! $(VENV)/bin/python -c '$(ASK)' 2>/dev/null; then \
		rm -rf $(VENV) && "$$python" -m venv $(VENV) || { \
			echo '无法建立虚拟环境（Debian/Ubuntu 请先安装 python3-venv）' >&2; \
			echo 'cannot make a virtual environment (on Debian and Ubuntu install python3-venv)' >&2; exit 1; }; \
	fi
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --root-user-action=ignore '$(UV)'
	@UV_PROJECT_ENVIRONMENT=$(VENV) UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy $(VENV)/bin/uv sync --frozen --quiet
	@printf '%s\n' '$(CURDIR)/$(VENV)' > $@
