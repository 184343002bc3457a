"""Imports point inward: core <- rule_kinds, platforms <- sources, shell, web, drill <- app <- cli."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

INNER = {"core", "rule_kinds", "platforms"}
EVERYTHING = {*INNER, "sources", "shell", "web", "drill", "settings", "app", "cli"}
MAY_IMPORT: dict[str, set[str]] = {
    "core": {"core"},
    "rule_kinds": {"core", "rule_kinds"},
    "platforms": {"core", "platforms"},
    "sources": {*INNER, "sources"},
    "shell": {*INNER, "shell"},
    "web": {*INNER, "web"},
    "drill": {*INNER, "drill"},
    "settings": {*INNER, "shell"},
    "app": EVERYTHING - {"cli"},
    "cli": EVERYTHING,
    "__main__": {"cli"},
    "__init__": set(),
}

# A rib is one kind, one dialect, one source: a file that can be deleted without touching its neighbours.
RIBS = {"rule_kinds", "platforms", "sources"}
RIB_HELPERS = {"bot.platforms.limits"}  # beside the modules that start with an underscore

# What pure code may not reach for: disk, network, clock, chance, logger, other threads.
PURE = INNER
PURE_LIBRARIES = {"pydantic", "pydantic_core"}
EFFECTS = {
    *("asyncio", "concurrent", "ctypes", "glob", "http", "io", "logging", "multiprocessing", "os", "pathlib", "random"),
    *("secrets", "select", "shutil", "signal", "socket", "sqlite3", "ssl", "subprocess", "tempfile", "threading"),
    *("time", "urllib.request"),
}
EFFECT_CALLS = {"open", "print", "input", "eval", "exec"}
CLOCK_READS = {"now", "today", "utcnow"}

# Libraries we may have to replace one day live behind one door each.
OWNERS = {
    "apscheduler": ("bot.sources.clock",),
    "click": ("bot.cli",),
    "httptools": ("bot.shell.wire",),
    "httpx": ("bot.shell.ways",),
    "openpyxl": ("bot.shell.workbook",),
    "rich": ("bot.cli",),
    "starlette": ("bot.web", "bot.drill"),
    "tinydb": ("bot.shell",),
    "uvicorn": ("bot.web", "bot.drill"),
    "watchfiles": ("bot.sources",),
    "yaml": ("bot.shell",),
}


def violations(module: str, source: str) -> list[str]:
    """What the module called `module` (bot.core.ladder; a package is bot.core.__init__) does against the rules."""
    tree = ast.parse(source)
    layer = ring(module)
    found = [f"{module} imports {name}" for name in imported(tree) if not may_import(module, layer, name)]
    if layer in PURE:
        found += [f"{module} calls {name}" for name in effects_called(tree)]
    return found


def ring(name: str) -> str:
    """The part of the bot that a module belongs to; whatever lies beside bot/app.py is application too."""
    part = name.split(".")[1]
    return part if part in MAY_IMPORT else "app"


def imported(tree: ast.Module) -> Iterator[str]:
    """Every module named by an import, at any depth, also one only for type checkers: an arrow is an arrow.

    `from bot.core import events` counts as bot.core.events, so that importing a neighbour through its package shows.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = "." * node.level + (node.module or "")
            yield from (f"{origin}.{alias.name}" if is_ours(origin) else origin for alias in node.names)


def is_ours(name: str) -> bool:
    return name.split(".")[0] == "bot"


def may_import(module: str, layer: str, name: str) -> bool:
    if name.startswith("."):
        return False
    if is_ours(name):
        return may_import_ours(module, layer, name)
    library = name.split(".")[0]
    if library in OWNERS and not lives_in(module, OWNERS[library]):
        return False
    return layer not in PURE or may_be_pure(name)


def may_import_ours(module: str, layer: str, name: str) -> bool:
    if name in {"bot", "bot.__version__"}:
        return True
    target = ring(name)
    if target not in MAY_IMPORT[layer]:
        return False
    return layer not in RIBS or target != layer or module.endswith(".__init__") or not is_another_rib(module, name)


def is_another_rib(module: str, name: str) -> bool:
    """Is `name` a file beside `module` in its package, and not one of the package's shared helpers?"""
    neighbour = ".".join(name.split(".")[:3])
    path = ROOT / Path(*neighbour.split(".")).with_suffix(".py")
    shared = neighbour in RIB_HELPERS or neighbour.split(".")[-1].startswith("_")
    return path.exists() and neighbour != module and not shared


def lives_in(module: str, homes: tuple[str, ...]) -> bool:
    return any(module == home or module.startswith(f"{home}.") for home in homes)


def may_be_pure(name: str) -> bool:
    library = name.split(".")[0]
    if library in PURE_LIBRARIES:
        return True
    return library in sys.stdlib_module_names and not {library, name} & EFFECTS


def effects_called(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Name) and node.func.id in EFFECT_CALLS:
            yield f"{node.func.id}()"
        if isinstance(node.func, ast.Attribute) and node.func.attr in CLOCK_READS:
            yield f".{node.func.attr}()"


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


MODULES = {module_name(path): path for path in sorted((ROOT / "bot").rglob("*.py"))}


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_inward(module: str) -> None:
    assert violations(module, MODULES[module].read_text("utf-8")) == []


def test_httpx_is_imported_in_exactly_one_module() -> None:
    """httpx stands still and has a successor: the day we change over, one file changes."""
    trees = {module: ast.parse(path.read_text("utf-8")) for module, path in MODULES.items()}
    users = [module for module, tree in trees.items() if "httpx" in {name.split(".")[0] for name in imported(tree)}]
    assert len(users) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("bot.core.ladder", "import bot.shell.store"),
        ("bot.core.ladder", "from bot import app"),
        ("bot.core.ladder", "from bot.rule_kinds import milestone"),
        ("bot.core.ladder", "def late():\n    import loguru"),
        ("bot.core.ladder", "import yaml"),
        ("bot.core.ladder", "from time import time"),
        ("bot.core.ladder", "from pathlib import Path"),
        ("bot.core.ladder", "import urllib.request"),
        ("bot.core.ladder", "from . import facts"),
        ("bot.core.ladder", "from datetime import datetime\nnow = datetime.now()"),
        ("bot.core.ladder", "import datetime\ntoday = datetime.date.today()"),
        ("bot.core.ladder", "text = open('x').read()"),
        ("bot.rule_kinds.milestone", "from bot.rule_kinds import recurring"),
        ("bot.rule_kinds.milestone", "from bot.rule_kinds.recurring import Recurring"),
        ("bot.rule_kinds.milestone", "import bot.platforms"),
        ("bot.platforms.wecom", "from bot.platforms import dingtalk"),
        ("bot.platforms.wecom", "import httpx"),
        ("bot.sources.clock", "import bot.sources.inbox"),
        ("bot.sources.clock", "from bot.shell import store"),
        ("bot.sources.inbox", "import apscheduler"),
        ("bot.shell.store", "from bot.app import build"),
        ("bot.shell.store", "from bot.settings import Settings"),
        ("bot.shell.store", "import uvicorn"),
        ("bot.shell.store", "import click"),
        ("bot.web.pages", "from bot.drill import twin"),
        ("bot.web.pages", "import tinydb"),
        ("bot.drill.twin", "import bot.shell.courier"),
        ("bot.app", "from bot.cli import main"),
        ("bot.app", "import httpx"),
        ("bot.journey", "from bot.cli import main"),
        ("bot.web.pages", "import bot.journey"),
        ("bot.settings", "import bot.app"),
        ("bot.__init__", "import bot.cli"),
    ],
)
def test_an_arrow_pointing_outward_is_reported(module: str, source: str) -> None:
    assert len(violations(module, source)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        (
            "bot.core.ladder",
            "from datetime import datetime\nfrom pydantic import BaseModel\nfrom bot.core import facts",
        ),
        ("bot.rule_kinds.__init__", "import bot.rule_kinds.milestone"),
        ("bot.rule_kinds.milestone", "from bot.rule_kinds import kinds\nfrom bot.core.item import Item"),
        ("bot.platforms.wecom", "from bot.platforms import _text, Robot\nfrom bot.platforms.limits import LIMITS"),
        ("bot.shell.ways", "import httpx\nfrom bot.platforms import wecom"),
        ("bot.sources.clock", "import apscheduler.triggers.date\nfrom datetime import datetime\nx = datetime.now()"),
        ("bot.app", "from bot import __version__, settings\nimport bot.drill.twin, bot.web, bot.shell.store"),
        ("bot.cli.run", "import click, rich.table\nfrom bot import app"),
        ("bot.__main__", "from bot.cli import main"),
    ],
)
def test_an_arrow_pointing_inward_is_accepted(module: str, source: str) -> None:
    assert violations(module, source) == []


# Put together here so that this file does not name them either.
REGISTRIES = tuple(
    ".".join(halves)
    for halves in [
        ("pypi", "org"),
        ("python" + "hosted", "org"),
        ("npm" + "js", "org"),
        ("npm" + "js", "com"),
        ("npmmirror", "com"),
        ("tuna.tsinghua", "edu.cn"),
        ("mirrors.aliyun", "com"),
        ("mirrors.ustc", "edu.cn"),
        ("debian", "org"),
        ("crates", "io"),
        ("golang", "org"),
    ]
)


def registries_named(text: str) -> list[str]:
    return [host for host in REGISTRIES if host in text.lower()]


def test_a_registry_in_a_lock_file_is_noticed() -> None:
    assert registries_named("--index-url https://PyPI." + "org/simple") == ["pypi." + "org"]


def test_no_file_names_a_package_registry() -> None:
    """Machines behind a county's firewall use a mirror of their own: nothing here may tell pip or apt where to go."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    files = [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]
    guilty = {path.name: found for path in files if (found := registries_named(path.read_text("utf-8", "replace")))}
    assert len(files) > 10
    assert guilty == {}
