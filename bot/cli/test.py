"""`duban test`: tries the rule tests, drafts tests of an item, and lists changes that no test would notice."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from pathlib import Path

import click

from bot.authoring.drafts import drafted_tests, unnoticed
from bot.authoring.probes import World, worlds
from bot.cli.common import OK, PROBLEMS, WRONG_USE, Failure, in_home, opened, unknown
from bot.core.rules.rulebook import Rulebook
from bot.rulefiles.calendar_files import CalendarFileError, write
from bot.rulefiles.loader import FOLDER, Loaded, assemble
from bot.rulefiles.rule_tests import FOLDER as TESTS
from bot.rulefiles.rule_tests import RuleTest, written
from bot.rulefiles.run_tests import TestResult, proven, try_tests
from bot.service.home import Home, RulesUnusableError

HEAD = "测试:\n"


@click.command("test")
@click.argument("files", nargs=-1, metavar="[文件]...")
@click.option("--generate", metavar="事项", help="照现在的预览给一个事项（或任务、指标）写一份测试，显示出来")
@click.option("--into", metavar="文件", help="和 --generate 一起用：写进 rules/tests/ 下的文件，已有的测试不动")
@click.option(
    "--thorough", multiple=True, metavar="事项", help="逐处试改一个事项的规则，列出没有测试会发现的改动；可写几次"
)
@in_home
def test(folder: Path, files: Sequence[str], generate: str | None, into: str | None, thorough: Sequence[str]) -> int:
    """规则测试：rules/tests/ 里写明哪天应当发给谁、不应发给谁，逐条核对。"""
    if into and not generate:
        raise Failure("--into 要和 --generate 一起用。什么都没有写入。", WRONG_USE)
    if generate and (files or thorough):
        raise Failure("--generate 不能和文件、--thorough 一起用。", WRONG_USE)
    home = opened(folder)
    loaded, rulebook = _sound(home)
    if generate:
        return _generate(home, rulebook, generate, into)
    outcomes = [one for one in try_tests(rulebook, loaded.tests) if _chosen(one, _known_files(loaded, files))]
    failed = _tell(outcomes)
    if thorough and not failed:
        return _thorough(rulebook, thorough, outcomes)
    return PROBLEMS if failed else OK


def _sound(home: Home) -> tuple[Loaded, Rulebook]:
    """What loading gives, without trying the tests. Raises RulesUnusableError."""
    loaded = assemble(home.files)
    if loaded.rulebook is None:
        raise RulesUnusableError([one for one in (loaded.problems or home.loaded_problems) if one.is_error])
    return loaded, loaded.rulebook


def _known_files(loaded: Loaded, files: Sequence[str]) -> set[str]:
    """The test files whose paths end in one of the names; empty without names, which means all."""
    known = list(dict.fromkeys(part.test.sheet.file for part in loaded.tests))
    meant: set[str] = set()
    for name in files:
        found = [
            file for file in known if f"/{file}".endswith("/" + name.removeprefix("./")) or name.endswith(f"/{file}")
        ]
        if not found:
            raise unknown("规则测试文件", name, known, writes=False)
        meant.update(found)
    return meant


def _chosen(outcome: TestResult, files: set[str]) -> bool:
    return not files or outcome.part.test.sheet.file in files


def _tell(outcomes: Sequence[TestResult]) -> int:
    """Prints every red test with what is really sent; returns their number."""
    for outcome in outcomes:
        for problem in outcome.problems:
            first, *rest = problem.message.split("。", 1)
            click.echo(f"{problem.file}:{problem.line}:{problem.column} {first}")
            for line in (rest[0] if rest else problem.hint).split("；"):
                click.echo(f"    {line}")
    failed = sum(bool(outcome.problems) for outcome in outcomes)
    if not outcomes:
        click.echo("还没有规则测试。可用 duban test --generate 事项 --into rules/tests/文件名.yaml 写一份。")
    else:
        click.echo(f"共{len(outcomes)}条测试，{f'{failed}条没有通过' if failed else '全部通过'}。")
    return failed


# --- writing ---------------------------------------------------------------------------------------------------------


def _generate(home: Home, rulebook: Rulebook, name: str, into: str | None) -> int:
    tests = [one for world in _worlds(rulebook, name) for one in drafted_tests(world)]
    if not tests:
        raise Failure(f"{name} 眼下没有会发出的提醒，写不出测试；要先有数据才提醒的，请自己写明“已知”。")
    if into is None:
        click.echo(HEAD + written(tests), nl=False)
        return OK
    path = _inside(home, into)
    before = path.read_bytes() if path.exists() else None
    _write(home, path, before, _appended(before, tests))
    click.echo(f"已写入{len(tests)}条测试：{path}")
    return OK


def _worlds(rulebook: Rulebook, name: str) -> list[World]:
    found = worlds(rulebook, name)
    if not found:
        raise unknown("事项", name, [*rulebook.by_id, *(owner.id for owner in rulebook.owners)], writes=False)
    return found


def _inside(home: Home, into: str) -> Path:
    """The file for new tests. It must be in rules/tests/; a bare name is put there."""
    folder = (home.rules / TESTS).resolve()
    path = folder / into if "/" not in into else Path(into).resolve()
    if path.parent != folder or path.suffix != ".yaml":
        raise Failure(f"规则测试只读 {FOLDER}/{TESTS}/ 下的 .yaml 文件，不是“{into}”。什么都没有写入。", WRONG_USE)
    return path


def _appended(before: bytes | None, tests: Sequence[RuleTest]) -> bytes:
    """The old text of the file with the new tests appended."""
    if before is None or not before.strip():
        return (HEAD + written(tests)).encode()
    old = before.decode("utf-8", errors="strict").rstrip("\n")
    first = re.search(r"^( *)- ", old, re.MULTILINE)
    new = textwrap.indent(textwrap.dedent(written(tests)), first[1] if first else "  ")
    return f"{old}\n\n{new}".encode()


def _write(home: Home, path: Path, before: bytes | None, raw: bytes) -> None:
    """Writes the tests only if they can be read back and are green."""
    name = f"{TESTS}/{path.name}"
    after = proven(assemble({**home.files, name: raw}))
    wrong = [str(one) for one in after.problems if one.is_error and one.file == f"{FOLDER}/{name}"]
    if wrong:
        raise Failure("\n".join([*wrong[:3], f"{path.name} 接不上新的测试（“测试:”要在最后）。什么都没有写入。"]))
    try:
        write(path, raw, before)
    except (OSError, CalendarFileError) as error:
        raise Failure(f"{path.name} 写不了（{type(error).__name__}）。什么都没有写入。") from None


# --- what nobody would notice ----------------------------------------------------------------------------------------


def _thorough(rulebook: Rulebook, names: Sequence[str], outcomes: Sequence[TestResult]) -> int:
    """Prints every change that has an effect and turns no test red."""
    count = 0
    for name in names:
        for world in _worlds(rulebook, name):
            for change in unnoticed(world, outcomes):
                count += 1
                click.echo(f"{world.item or world.rule.id} 没有测试会发现：{change.words}")
    whose = "、".join(names)
    click.echo(f"{whose}有{count}处改动没有测试会发现。" if count else f"{whose}的每处改动都有测试会发现。")
    return PROBLEMS if count else OK


COMMANDS = (test,)
