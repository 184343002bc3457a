"""Imports point inward, room by room: `MAY_IMPORT` is the plan of the house, from the ground up."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# The rooms from the ground up, and the rooms below that each may use; a room may always use itself.
# `core/__init__` and the other package faces belong to their room.
CORE_UP = ("core.time", "core.rules", "core.facts", "core.deciding", "core.telling")
CORE = {*CORE_UP, "core.preview", "core.audit"}
INNER = {"core", *CORE, "rule_kinds", "platforms", "ledger"}
TEXT = {"rulefiles.text", "rulefiles.checks"}
RULEFILES = {*TEXT, "rulefiles", "rulefiles.ledger"}
STATE = {"state", "state.disk"}
BELOW_SERVICE = {*INNER, *RULEFILES, *STATE, "sending", "sources", "settings"}
MAY_IMPORT: dict[str, set[str]] = {
    "core": set(),
    **{room: set(CORE_UP[:floor]) for floor, room in enumerate(CORE_UP)},
    "core.preview": {*CORE_UP},
    "core.audit": {*CORE_UP},
    "rule_kinds": {"core.time", "core.rules", "core.facts"},
    "ledger": {*CORE_UP[:4], "rule_kinds"},
    "platforms": {"core.telling"},
    "rulefiles.text": {"core.time", "core.rules"},
    "rulefiles.checks": {"core.time", "core.rules", "core.facts", "rule_kinds", "rulefiles.text"},
    "rulefiles": {*CORE, "rule_kinds", *TEXT},
    "rulefiles.ledger": {*CORE, "ledger", *TEXT, "rulefiles"},
    "state.disk": set(),
    "state": {*CORE_UP, "platforms", "state.disk"},
    "sources": {"core.time", "core.facts"},
    "sending": {*CORE_UP, "platforms", "rulefiles.text", *STATE},
    "settings": {"core.time", "core.rules", "core.telling", "rulefiles.text"},
    "service": BELOW_SERVICE,
    "drill": {"core.telling", "platforms"},
    "authoring": {*CORE, "rule_kinds", *RULEFILES, *STATE, "sources", "settings", "service"},
    "web": {*CORE, "service", "authoring"},
    "cli": {*BELOW_SERVICE, "service", "web", "drill", "authoring"},
    "__main__": {"cli"},
    "__init__": set(),
}

# One arrow points up, for type checkers only: a rule kind judges by what happened (`RuleKind.judge`).
UPWARD_FOR_TYPES = {("bot.core.rules.kind", "bot.core.facts.facts.Facts")}
# With it and with one more for type checkers (a rule carries its kind, which makes items of a rule) these form a circle.
CIRCLE_OF_TYPES = {"bot.core.facts.facts", "bot.core.rules.item", "bot.core.rules.kind", "bot.core.rules.rulebook"}

# A rib is one kind, one dialect, one source: a file that can be deleted without touching its neighbours.
RIBS = {"rule_kinds", "platforms", "sources"}

# What pure code may not reach for: disk, network, clock, chance, logger, other threads.
PURE = INNER | TEXT
# yaml only where it may be imported at all (OWNERS)
PURE_LIBRARIES = {"pydantic", "pydantic_core", "typing_extensions", "yaml"}
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
    "httptools": ("bot.sending.wire",),
    "httpx": ("bot.sending.courier", "bot.sending.transports", "bot.sending.wire"),
    "openpyxl": ("bot.rulefiles.ledger.workbook",),
    "rich": ("bot.cli",),
    "starlette": ("bot.web", "bot.drill"),
    "tinydb": ("bot.state",),
    "uvicorn": ("bot.web", "bot.drill"),
    "watchfiles": ("bot.sources",),
    "yaml": ("bot.rulefiles",),
}


def violations(module: str, source: str) -> list[str]:
    """What the module called `module` (bot.core.rules.ladder; a package is bot.core.__init__) does against the rules."""
    tree = ast.parse(source)
    layer = room(module)
    found = [f"{module} imports {name}" for name in imported(tree) if not may_import(module, layer, name)]
    if layer in PURE:
        found += [f"{module} calls {name}" for name in effects_called(tree)]
    return found


def room(name: str) -> str:
    """The room of a module, or of a name imported from one: the longest folder in `MAY_IMPORT` that leads to it."""
    parts = name.split(".")[1:]
    found = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((one for one in found if one in MAY_IMPORT), parts[0])


def imported(tree: ast.Module) -> Iterator[str]:
    """Every module named by an import, at any depth, also one only for type checkers: an arrow is an arrow.

    `from bot.core import events` counts as bot.core.facts.events, so that importing a neighbour through its package shows.
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
    if (module, name) in UPWARD_FOR_TYPES:
        return True
    target = room(name)
    if target != layer and target not in MAY_IMPORT[layer]:
        return False
    return layer not in RIBS or target != layer or module.endswith(".__init__") or not is_another_rib(module, name)


def is_another_rib(module: str, name: str) -> bool:
    """Is `name` a file beside `module` in its package, and not one of the package's shared helpers?"""
    neighbour = ".".join(name.split(".")[:3])
    path = ROOT / Path(*neighbour.split(".")).with_suffix(".py")
    shared = neighbour.split(".")[-1].startswith("_")
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


def test_imports_point_inward() -> None:
    assert [one for module, path in MODULES.items() for one in violations(module, path.read_text("utf-8"))] == []


def test_httpx_is_imported_only_where_messages_are_sent() -> None:
    """The courier, its transports and the connection under one of them: `OWNERS` lists no module that has no use for it."""
    trees = {module: ast.parse(path.read_text("utf-8")) for module, path in MODULES.items()}
    users = [module for module, tree in trees.items() if "httpx" in {name.split(".")[0] for name in imported(tree)}]
    assert users == list(OWNERS["httpx"])


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("bot.core.rules.ladder", "import bot.state.store"),
        ("bot.core.rules.ladder", "from bot import settings"),
        ("bot.core.rules.ladder", "from bot.core.facts.events import Event"),
        ("bot.core.rules.ladder", "from bot.core.facts import events"),
        ("bot.core.deciding.findings", "from bot.core.telling.outbox import Entry"),
        ("bot.core.audit.owed", "from bot.core.preview import preview"),
        ("bot.core.rules.ladder", "from bot.rule_kinds import milestone"),
        ("bot.core.rules.ladder", "def late():\n    import loguru"),
        ("bot.core.rules.ladder", "import yaml"),
        ("bot.core.rules.ladder", "from time import time"),
        ("bot.core.rules.ladder", "from pathlib import Path"),
        ("bot.core.rules.ladder", "import urllib.request"),
        ("bot.core.rules.ladder", "from . import targets"),
        ("bot.core.rules.ladder", "from datetime import datetime\nnow = datetime.now()"),
        ("bot.core.rules.ladder", "import datetime\ntoday = datetime.date.today()"),
        ("bot.core.rules.ladder", "text = open('x').read()"),
        ("bot.rulefiles.text.tree", "text = open('x').read()"),
        ("bot.rulefiles.text.tree", "from pathlib import Path"),
        ("bot.rulefiles.text.tree", "from bot.rulefiles.loader import load"),
        ("bot.rulefiles.checks.doubts", "from bot.rulefiles import loader"),
        ("bot.rule_kinds.milestone", "from bot.rule_kinds import recurring"),
        ("bot.rule_kinds.milestone", "from bot.rule_kinds.recurring import Recurring"),
        ("bot.rule_kinds.milestone", "import bot.platforms"),
        ("bot.platforms.wecom", "from bot.platforms import dingtalk"),
        ("bot.platforms.wecom", "import httpx"),
        ("bot.sources.clock", "import bot.sources.inbox"),
        ("bot.sources.clock", "from bot.state import store"),
        ("bot.sources.inbox", "import apscheduler"),
        ("bot.state.store", "from bot.service.home import make_app"),
        ("bot.state.store", "from bot.settings import Settings"),
        ("bot.state.store", "import uvicorn"),
        ("bot.state.store", "import click"),
        ("bot.state.disk.journal", "from bot.state.store import Store"),
        ("bot.sending.delivery", "from bot.service.app import App"),
        ("bot.web.pages", "from bot.drill import twin"),
        ("bot.web.pages", "import tinydb"),
        ("bot.drill.twin", "import bot.sending.courier"),
        ("bot.service.app", "from bot.cli import main"),
        ("bot.service.app", "import httpx"),
        ("bot.authoring.preview", "from bot.cli import main"),
        ("bot.web.pages", "import bot.cli.common"),
        ("bot.settings", "import bot.service.app"),
        ("bot.__init__", "import bot.cli"),
    ],
)
def test_an_arrow_pointing_outward_is_reported(module: str, source: str) -> None:
    assert len(violations(module, source)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        (
            "bot.core.rules.ladder",
            "from datetime import datetime\nfrom pydantic import BaseModel\nfrom bot.core.rules import item",
        ),
        ("bot.core.telling.wording", "from bot.core.deciding.findings import Finding"),
        ("bot.rule_kinds.__init__", "import bot.rule_kinds.milestone"),
        ("bot.rule_kinds.milestone", "from bot.rule_kinds import kinds\nfrom bot.core.rules.item import Item"),
        ("bot.rulefiles.text.tree", "import yaml"),
        ("bot.platforms.wecom", "from bot.platforms import _text, Robot"),
        ("bot.sending.transports", "import httpx\nfrom bot.platforms import wecom"),
        ("bot.sources.clock", "import apscheduler.triggers.date\nfrom datetime import datetime\nx = datetime.now()"),
        ("bot.service.app", "from bot import __version__, settings\nimport bot.sources.clock, bot.state.store"),
        ("bot.cli.run", "import click, rich.table\nfrom bot.service import app"),
        ("bot.__main__", "from bot.cli import main"),
    ],
)
def test_an_arrow_pointing_inward_is_accepted(module: str, source: str) -> None:
    assert violations(module, source) == []


def test_no_rule_of_the_plan_leads_upward_or_in_a_circle() -> None:
    """A room may only use rooms whose own ground it does not stand on: the plan can be walked from the ground up."""
    settled: set[str] = set()
    while left := {name for name in MAY_IMPORT if name not in settled}:
        grounded = {name for name in left if MAY_IMPORT[name] <= settled}
        assert grounded, left
        settled |= grounded


def imported_at_once(tree: ast.Module, types: bool) -> Iterator[str]:
    """What a module imports while it is imported itself, and with `types` also what only type checkers import."""
    found = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    blocks = [node for node in tree.body if isinstance(node, ast.If | ast.Try)]
    if not types:
        blocks = [node for node in blocks if not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test))]
    inside = [one for block in blocks for one in ast.walk(block) if isinstance(one, ast.Import | ast.ImportFrom)]
    yield from imported(ast.Module([*found, *inside], []))


def in_a_circle(sources: Mapping[str, str], types: bool = False) -> set[str]:
    """The modules that import themselves by way of others; `sources` by module name."""
    arrows: dict[str, set[str]] = {}
    for module, source in sources.items():
        names = set(imported_at_once(ast.parse(source), types))
        targets = {*names, *(name.rpartition(".")[0] for name in names)}
        arrows[module] = {one for one in sources if one != module and one.removesuffix(".__init__") in targets}
    return {module for module in arrows if module in _reached(module, arrows)}


def _reached(start: str, arrows: Mapping[str, set[str]]) -> set[str]:
    found: set[str] = set()
    ahead = set(arrows[start])
    while ahead:
        found |= ahead
        ahead = {far for near in ahead for far in arrows[near]} - found
    return found


def test_no_module_imports_itself_by_way_of_others() -> None:
    """Neither inside a room nor across rooms; for type checkers only one circle is left, and it may not grow."""
    sources = {module: path.read_text("utf-8") for module, path in MODULES.items()}
    assert in_a_circle(sources) == set()
    assert in_a_circle(sources, types=True) == CIRCLE_OF_TYPES


def test_a_circle_of_imports_is_found() -> None:
    types_only = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from bot.core.rules.a import A"
    late = "def f():\n    import bot.core.rules.a"
    for source, at_once, with_types in (
        ("import bot.core.rules.a", 2, 2),
        ("from bot.core.rules import a", 2, 2),
        ("from bot.core.rules.a import A", 2, 2),
        (types_only, 0, 2),
        (late, 0, 0),
    ):
        sources = {"bot.core.rules.a": "from bot.core.rules.b import B", "bot.core.rules.b": source}
        assert (len(in_a_circle(sources)), len(in_a_circle(sources, types=True))) == (at_once, with_types)


FOLDERS = sorted({path.parent for folder in ("bot", "tests") for path in (ROOT / folder).rglob("*.py")})


def test_no_folder_is_too_full_to_take_in_at_a_glance() -> None:
    """A room has about 15 files, its tests two more for all of it. Kinds and dialects are a list: one file each, all alike."""
    most = {"bot": 16, "tests": 18}
    counts = {folder.relative_to(ROOT): len(list(folder.glob("*.py"))) for folder in FOLDERS}
    full = {folder for folder, count in counts.items() if count > most[folder.parts[0]] + 8 * (folder.name in RIBS)}
    assert full == set()


def test_every_room_says_what_lives_in_it_and_what_it_may_import() -> None:
    rooms = [folder for folder in FOLDERS if ROOT / "bot" in folder.parents]
    said = {room: ast.get_docstring(ast.parse((room / "__init__.py").read_text("utf-8"))) or "" for room in rooms}
    assert {room: text for room, text in said.items() if "import" not in text.lower()} == {}


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
