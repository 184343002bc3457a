"""Every path, module, test and make target that a page names is there; a decision may name what is gone as formerly so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [
        *(ROOT / name for name in ("README.md", "CHANGELOG.md")),
        *(ROOT / "docs" / f"{name}.md" for name in ("contributing", "failures", "glossary", "journey", "performance")),
        *(ROOT / "docs" / "decisions").glob("*.md"),
    ]
)
SPAN = re.compile(r"(?P<gone>formerly )?`(?P<text>[^`\n]+)`")
FENCE = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PATH = re.compile(r"(?:[\w.-]+/)+[\w.-]*|[\w-]+\.(?:py|md|toml)")
MODULE = re.compile(r"-m ((?:bot|tests|benchmarks)(?:\.[a-z_]+)*)")
TEST = re.compile(r"(tests/[\w/.]+\.py)::(\w+)")

#: What is there only where the bot is installed or runs.
MADE_BY_USE = re.compile(r"\.venv/.*|state/.*|config/chats\.yaml")

#: A file may be named without its folder where that was just said.
NAMES = {path.name for folder in ("bot", "tests", "benchmarks") for path in (ROOT / folder).rglob("*.py")}


def named(page: Path) -> Iterator[str]:
    """What stands in back-ticks and in blocks of commands, without what is said to be gone."""
    text = page.read_text("utf-8")
    yield from (found["text"] for found in SPAN.finditer(FENCE.sub("", text)) if not found["gone"])
    yield from (line for block in FENCE.findall(text) for line in block.splitlines())


def missing(names: Iterator[str]) -> list[str]:
    return [
        wrong for name in names for wrong in [*_no_path(name), *_no_module(name), *_no_test(name), *_no_target(name)]
    ]


def _no_path(name: str) -> list[str]:
    words = (word.partition("::")[0].rpartition("=")[2] for word in name.split())
    paths = (word for word in words if PATH.fullmatch(word) and not MADE_BY_USE.fullmatch(word))
    return [path for path in paths if not (ROOT / path).exists() and path not in NAMES]


def _no_module(name: str) -> list[str]:
    places = [(module, ROOT / Path(*module.split("."))) for module in MODULE.findall(name)]
    return [module for module, path in places if not (path.is_dir() or path.with_suffix(".py").is_file())]


def _no_test(name: str) -> list[str]:
    found = [(file, test) for file, test in TEST.findall(name) if (ROOT / file).exists()]
    return [test for file, test in found if f"def {test}(" not in (ROOT / file).read_text("utf-8")]


def _no_target(name: str) -> list[str]:
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    return [f"make {target}" for target in re.findall(r"^make ([a-z]+)", name) if target not in targets]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_whatever_a_page_names_is_there(page: Path) -> None:
    assert missing(named(page)) == []


@pytest.mark.parametrize(
    "name",
    [
        "bot/core/nowhere.py",
        "nowhere.py",
        "docs/nowhere/",
        "make nothing",
        "make test ONE=tests/stories/test_nowhere.py",
        "python -m tests.nowhere --seed 7",
        "make test ONE=tests/project/test_paths.py::test_nowhere",
    ],
)
def test_what_is_not_there_is_noticed(name: str) -> None:
    assert len(missing(iter([name]))) == 1


def test_every_page_is_read() -> None:
    assert all(page.is_file() for page in PAGES)
    assert sum(1 for page in PAGES for _ in named(page)) > 300


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_between_pages_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text("utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


SOURCES = [path for folder in ("bot", "tests", "benchmarks") for path in (ROOT / folder).rglob("*.py")]
IN_CODE = re.compile(r"\b(?:bot|tests|docs|benchmarks)/[\w/.-]+\.(?:py|md)\b")


def test_every_path_that_code_and_comments_name_is_there() -> None:
    texts = {path: path.read_text("utf-8") for path in SOURCES if path != Path(__file__)}
    wrong = {str(path.relative_to(ROOT)): name for path, text in texts.items() for name in gone(text)}
    assert wrong == {}


def gone(text: str) -> list[str]:
    return [name for name in IN_CODE.findall(text) if not (ROOT / name).exists()]
