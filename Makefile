# make run 和 make test 只需要 Python 3.11 以上和 make；其余都装进 .venv，装一次，锁文件变了才重装。
# 系统里 Python 有好几个时：make run PYTHON=python3.12

PYTHON ?= python3
PORT ?=
PYTEST_ARGS ?=
ONE ?=

VENV := .venv
PY := $(VENV)/bin/python
INSTALL := $(PY) -m pip install --quiet --disable-pip-version-check --require-hashes
INSTALL_SELF := $(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
SOURCES := bot tests $(if $(wildcard benchmarks/*.py),benchmarks)
install_failed = { echo "依赖没有装上：请看上面 pip 的提示（多半是网络，或镜像源里没有锁定的版本），改好后重新执行即可" >&2; exit 1; }
LOCK := $(PY) -m uv pip compile --no-strip-extras --quiet --universal --generate-hashes --no-header --no-annotate --no-emit-index-url

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test check fmt bench soak lock clean

help: ## 显示本帮助
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-6s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.ready-to-run ## 安装并启动演练，不需要任何群账号
	$(PY) -m bot run --drill $(if $(PORT),--port $(PORT))

test: $(if $(ONE),$(VENV)/.ready-to-test,check) ## 代码检查加全部测试，提交前必跑；ONE='tests/…::test_x'（或名字里的一段）只跑这一个，不做检查
	$(PY) -m pytest $(if $(ONE),$(if $(findstring /,$(ONE)),,-k )'$(ONE)',-n 2 --durations=10) $(PYTEST_ARGS)

check: $(VENV)/.ready-to-test ## 只做代码检查：风格、格式、类型
	$(PY) -m ruff check $(SOURCES)
	$(PY) -m ruff format --check $(SOURCES)
	$(PY) -m mypy $(SOURCES)

fmt: $(VENV)/.ready-to-test ## 整理代码格式
	$(PY) -m ruff check --fix $(SOURCES)
	$(PY) -m ruff format $(SOURCES)

bench: $(VENV)/.ready-to-test ## 性能测量
	$(PY) -m benchmarks

soak: $(VENV)/.ready-to-test ## 长时间测试：一万个县年（DUBAN_YEARS 可改）、更多强杀、更多随机输入
	$(PY) -m tests.simulation --from 225 --years $(or $(DUBAN_YEARS),10000) --cores $(shell nproc 2>/dev/null || echo 2)
	$(PY) -m pytest tests -m soak --timeout 36000 $(PYTEST_ARGS)
	FUZZ=40 $(PY) -m pytest tests/fuzz --timeout 3600 $(PYTEST_ARGS)

lock: $(VENV)/.python ## 按 pyproject.toml 重新生成三个锁文件（需要联网）
	$(PY) -m uv --version >/dev/null 2>&1 || $(PY) -m pip install --quiet --disable-pip-version-check uv
	$(LOCK) pyproject.toml --extra dev --upgrade -o requirements-dev.lock
	$(LOCK) pyproject.toml --extra all -c requirements-dev.lock -o requirements.lock
	sed -n 's/^requires = \["\(hatchling[^"]*\)"\]$$/\1/p' pyproject.toml \
		| $(LOCK) - -c requirements-dev.lock -o requirements-build.lock

clean: ## 删除 .venv 和各种缓存（不动 rules、config、state）
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage htmlcov build dist
	find bot tests benchmarks -type d -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "需要 Python 3.11 或更新的版本；当前的 $(PYTHON) 是：$$($(PYTHON) --version 2>&1 || true)" >&2; \
		echo "请安装后再试，或指明位置：make $(firstword $(MAKECMDGOALS)) PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "这个 Python 缺少 venv 组件；Debian、Ubuntu、银河麒麟等系统请先执行：apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

# 先装锁定的依赖（核对散列值），再装本项目；hatchling 也在锁里，所以最后一步不联网。
$(VENV)/.ready-to-run: requirements.lock requirements-build.lock pyproject.toml | $(VENV)/.python
	@echo "正在按锁文件安装依赖，只需一次……"
	@$(INSTALL) -r requirements.lock -r requirements-build.lock || $(install_failed)
	$(INSTALL_SELF)
	@touch $@

$(VENV)/.ready-to-test: requirements-dev.lock pyproject.toml | $(VENV)/.python
	@echo "正在按锁文件安装依赖，只需一次……"
	@$(INSTALL) -r requirements-dev.lock || $(install_failed)
	$(INSTALL_SELF)
	@touch $@ $(VENV)/.ready-to-run
