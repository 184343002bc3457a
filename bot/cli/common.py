"""What commands share: opening a home folder, turning errors into sentences and exit codes, reading times."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, time
from functools import wraps
from pathlib import Path
from typing import Any

import click

from bot.core.rules.item_ids import is_one_of
from bot.core.rules.rulebook import Rulebook
from bot.core.time.near import near
from bot.core.time.zone import ZONE
from bot.rulefiles.text.problems import Problem
from bot.service.home import Home, RulesUnusableError, WrongClockError, read_home
from bot.state.disk.errors import StateError
from bot.state.disk.lock import StateLocked

OK, PROBLEMS, WRONG_USE, LOCKED, DAMAGED = range(5)


class Failure(Exception):  # noqa: N818 - it is how a command ends, not an error of ours
    """Ends a command with a sentence (Chinese) and an exit code."""

    def __init__(self, message: str, code: int = PROBLEMS) -> None:
        self.code = code
        super().__init__(message)


@contextmanager
def explained() -> Iterator[None]:
    """Turns errors of the rooms below into Failures with the exit codes of `bot/cli/__init__.py`."""
    try:
        yield
    except RulesUnusableError as error:
        raise Failure("\n".join([*map(str, error.problems), "以上文件有错误，改好后再运行。"])) from None
    except StateLocked as error:
        raise Failure(str(error), LOCKED) from None
    except StateError as error:
        raise Failure(str(error), DAMAGED) from None
    except WrongClockError as error:
        raise Failure(str(error), WRONG_USE) from None


def in_home(function: Callable[..., Any]) -> Callable[..., Any]:
    """A command whose first argument is the home folder."""

    @click.pass_obj
    @wraps(function)
    def wrapped(folder: Path, *args: Any, **kwargs: Any) -> Any:
        with explained():
            return function(folder, *args, **kwargs)

    return wrapped


def opened(folder: Path, *, tests: bool = True) -> Home:
    """The home folder, read. Raises Failure for a folder without rules/. Without `tests` the rule tests are left alone."""
    if not (folder / "rules").is_dir():
        raise Failure(f"{folder} 里没有 rules 文件夹。请用 --home 指明放 rules/ config/ state/ 的文件夹。", WRONG_USE)
    return read_home(folder, tests=tests)


def rules_of(home: Home) -> Rulebook:
    """The rulebook. Raises RulesUnusableError with every error if there is none."""
    if home.rulebook is None:
        raise RulesUnusableError([problem for problem in home.loaded_problems if problem.is_error])
    return home.rulebook


def moment(text: str, *, end: bool = False) -> datetime:
    """2027-12-24 or 2027-12-24T08:31[+08:00]; a date alone is its first (or last) minute. Raises Failure."""
    try:
        if len(text) <= 10:
            return datetime.combine(date.fromisoformat(text), time(23, 59) if end else time(), ZONE)
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Failure(f"“{text}”不是日期或时间，应写作 2027-12-24 或 2027-12-24T08:31", WRONG_USE) from None
    return found.replace(tzinfo=ZONE) if found.tzinfo is None else found.astimezone(ZONE)


def day(text: str) -> date:
    """A date as an admin writes one: 2027-06-30, or the words of rule files (2027年6月底)."""
    from bot.core.rules.words import DueDate, WordError

    try:
        return DueDate.parse(text).on
    except WordError as error:
        raise Failure(str(error), WRONG_USE) from None


def unknown(kind: str, word: str, known: list[str], *, writes: bool = True) -> Failure:
    """没有…, with a near match. A command that would have written says that it wrote nothing."""
    periods = [one for one in known if is_one_of(one, word)]
    match = periods[0] if periods else near(word, known)
    hint = f"是不是“{match}”？" if match else ""
    return Failure(f"没有{kind}“{word}”。{hint}{'什么都没有写入。' if writes else ''}", PROBLEMS)


def agreed(question: str, otherwise: str) -> bool:
    """Whether the person at the terminal says 是 (or y). Raises Failure with `otherwise` where there is no terminal."""
    if not sys.stdin.isatty():
        raise Failure(otherwise, WRONG_USE)
    answer: str = click.prompt(f"{question}（是/否）", default="否", show_default=False)
    return answer.strip().lower() in ("是", "y", "yes")


def say_json(value: Any) -> None:
    """Prints one JSON document, Chinese unescaped."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=1))


def as_json(problem: Problem) -> dict[str, Any]:
    """A problem in the form that --json prints."""
    return {
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "code": problem.code,
        "message": problem.message,
        "hint": problem.hint,
        "severity": problem.severity,
    }
