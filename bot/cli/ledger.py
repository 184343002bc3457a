"""duban ledger: the 台账 as a spreadsheet or text, and an edited spreadsheet back into rule files and values."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from bot.cli.common import OK, PROBLEMS, WRONG_USE, Failure, agreed, in_home, opened, rules_of
from bot.cli.facts import hand_in
from bot.core.deciding.admission import Refused, vetted
from bot.core.facts.events import Event
from bot.core.facts.facts import Facts
from bot.core.facts.plausible import value_doubt
from bot.core.rules.rulebook import IndicatorForm, Rulebook
from bot.ledger.diff import Comparison, compare, names_for
from bot.ledger.layout import BY_NAME, ITEMS, Table
from bot.ledger.rows import choices, guide, tables
from bot.ledger.values import Entered, entered
from bot.rulefiles.ledger import workbook
from bot.rulefiles.ledger.edits import RuleEdits, draft, write_all
from bot.rulefiles.ledger.sheets import WorkbookError
from bot.rulefiles.ledger.workbook import LIKE_A_FORMULA, OfficeMissingError
from bot.rulefiles.loader import assemble
from bot.rulefiles.run_tests import proven
from bot.rulefiles.text.problems import Problem
from bot.rulefiles.text.splice import SpliceError
from bot.service.home import Home, peek_store
from bot.service.wiring import scene_of
from bot.sources.clock import wall
from bot.state.disk.errors import describe

NOTHING = "什么都没有写入。"
PICKED_UP = "运行中的督办会自己读取，不用重启。"


@click.group("ledger")
def ledger() -> None:
    """台账：导出成表格，改好再录入。"""


# --- export --------------------------------------------------------------------------


@ledger.command("export")
@click.argument("file", required=False, metavar="[文件.xlsx]")
@click.option("--with-sensitive", is_flag=True, help="敏感事项连内容一起导出；不加则只有编号、单位和日期")
@click.option("--text", is_flag=True, help="不要表格，把一张表作为文本（CSV）打印出来")
@click.option("--sheet", type=click.Choice(list(BY_NAME)), default=ITEMS, show_default=True, help="--text 打印哪张表")
@click.option("--force", is_flag=True, help="文件已经有了也盖掉")
@in_home
def export(folder: Path, file: str | None, with_sensitive: bool, text: bool, sheet: str, force: bool) -> int:
    """导出台账：事项、单位、指标、目标、数据各一张表。"""
    home = opened(folder)
    rulebook, facts, today = rules_of(home), _facts(home), wall().date()
    rows = tables(rulebook, facts, today, with_sensitive)
    if text:
        _print(next(table for table in rows if table.layout.name == sheet), file)
        return OK
    path = Path(file or f"台账-{today}.xlsx")
    if path.suffix.lower() != ".xlsx":
        raise Failure(f"文件名要以 .xlsx 结尾：{path.name}", WRONG_USE)
    if path.exists() and not force:
        raise Failure(f"{path.name} 已经有了，没有盖掉。换个文件名，或加 --force。", WRONG_USE)
    with _explained(path):
        raw = workbook.write(rows, guide(rulebook, today, with_sensitive), choices(rulebook))
        _save(path, raw)
    counts = "、".join(f"{table.layout.name}{len(table.rows)}行" for table in rows)
    click.echo(f"已导出 {path}：{counts}。改好后录入：duban ledger import {path.name}")
    return OK


def _facts(home: Home) -> Facts:
    return scene_of(home, rules_of(home), peek_store(home.state("real"))).facts


def _print(table: Table, file: str | None) -> None:
    """A table as CSV. A text that a spreadsheet would read as a formula gets an apostrophe."""
    if file:
        raise Failure("--text 直接打印，不写文件名。要存成文件：duban ledger export --text > 台账.csv", WRONG_USE)
    out = io.StringIO()
    lines = csv.writer(out, lineterminator="\n")
    lines.writerow(column.title for column in table.layout.columns)
    for row in table.rows:
        lines.writerow("" if cell is None else _harmless(cell) for cell in row.cells)
    click.echo(out.getvalue(), nl=False)


def _harmless(cell: object) -> str:
    if isinstance(cell, str):
        return f"'{cell}" if cell.startswith(LIKE_A_FORMULA) else cell
    return f"{cell:f}" if hasattr(cell, "as_tuple") else str(cell)


def _save(path: Path, raw: bytes) -> None:
    """Writes a file in one step, readable by its owner only."""
    target = path.resolve()
    drafted = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(drafted, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
            out.write(raw)
        drafted.replace(target)
    finally:
        drafted.unlink(missing_ok=True)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turns errors of reading or writing a file into Failures."""
    try:
        yield
    except OfficeMissingError as error:
        raise Failure(f"{error}。", WRONG_USE) from None
    except WorkbookError as error:
        raise Failure(f"{path.name}：{error}。{NOTHING}") from None
    except OSError as error:
        raise Failure(f"{path.name}：{describe(error)}。{NOTHING}", WRONG_USE) from None


# --- import --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Import:
    """What an edited workbook asks for, checked against the rules and not yet written."""

    asked: Comparison
    edits: RuleEdits
    values: tuple[Entered, ...]
    errors: tuple[str, ...]
    hints: tuple[str, ...]
    doubtful: tuple[str, ...]

    @property
    def empty(self) -> bool:
        return not (self.edits.files or self.values or self.errors)


@ledger.command("import")
@click.argument("file", metavar="文件.xlsx")
@click.option("--yes", is_flag=True, help="不再询问，直接写入")
@in_home
def import_(folder: Path, file: str, yes: bool) -> int:
    """录入改好的台账：先列出全部差别，确认后写入规则文件和数据。"""
    home = opened(folder)
    tried = _tried(home, Path(file))
    for line in (*tried.edits.words, *(one.words for one in tried.values)):
        click.echo(line)
    for line in (*tried.asked.remarks, *tried.hints):
        click.echo(f"注意：{line}")
    for line in tried.doubtful:
        click.echo(f"待确认：{line}")
    if tried.errors:
        count = len(tried.errors)
        raise Failure("\n".join([*tried.errors, f"以上{count}处有问题，请在表格里改好再录入。{NOTHING}"]))
    if tried.empty:
        click.echo("没有改动。")
        return OK
    if not yes and not agreed("确认写入？", f"没有终端可以询问。核对以上差别无误后，加上 --yes 再运行。{NOTHING}"):
        click.echo(NOTHING)
        return PROBLEMS
    _write(home, tried)
    return OK


def _tried(home: Home, path: Path) -> _Import:
    rulebook, facts, today = rules_of(home), _facts(home), wall().date()
    with _explained(path):
        if path.stat().st_size > workbook.MAX_BYTES:
            raise WorkbookError(f"文件太大，超过{workbook.MAX_BYTES // 1_000_000}MB；请检查是否放错了文件")
        edited = workbook.read(path.read_bytes())
    all_rows, masked = tables(rulebook, facts, today, with_sensitive=True), tables(rulebook, facts, today)
    asked = compare(all_rows, edited, names_for(rulebook, edited), masked)
    try:
        edits = draft(home.files, rulebook, asked)
    except SpliceError as error:
        raise Failure(f"{error}。{NOTHING}") from None
    after = proven(assemble({**home.files, **edits.files}))
    found = [one for one in after.problems if one not in home.loaded_problems]
    values = tuple(entered(asked, facts, {one.id: one.measure for one in rulebook.indicators}))
    refused = _refused(home, values, after.rulebook or rulebook, facts)
    errors = [str(one) for one in edits.complaints] + edits.blamed(one for one in found if one.is_error) + refused
    hints = edits.blamed(_news(found, home.loaded_problems))
    doubtful = _doubtful(values, (after.rulebook or rulebook).indicators, facts)
    return _Import(asked, edits, values, tuple(errors), tuple(hints), tuple(doubtful))


def _doubtful(values: Sequence[Entered], indicators: Sequence[IndicatorForm], facts: Facts) -> Iterator[str]:
    """The values that are to be confirmed, each with its cell and the reason."""
    forms = {one.id: one for one in indicators}
    for entered_ in values:
        form = forms[entered_.payload.indicator]
        doubt = value_doubt(form, entered_.payload.period, entered_.payload.value, facts)
        if doubt:
            yield f"{entered_.where}：{'与目标或往期相差悬殊' if form.sensitive else doubt}"


def _news(found: Sequence[Problem], before: Sequence[Problem]) -> list[Problem]:
    """Problems that the edit adds; an old one on another line is not new."""
    known = {(one.file, one.code, one.message) for one in before}
    return [one for one in found if not one.is_error and (one.file, one.code, one.message) not in known]


def _refused(home: Home, values: Sequence[Entered], rulebook: Rulebook, facts: Facts) -> list[str]:
    """Why values cannot be taken in under these rules, each with its cell."""
    now, found = wall(), []
    for one in values:
        event = Event.of(one.payload, key="trial", time=now, source="duban/cli")
        try:
            vetted(event, rulebook, home.chats.robots, now.date(), facts)
        except Refused as refused:
            found.append(f"{one.where}：{refused}")
    return found


def _write(home: Home, tried: _Import) -> None:
    """Writes rule files, then values: a value may belong to a period that only the new rules have."""
    try:
        write_all(home.rules, home.files, tried.edits.files)
    except OSError as error:
        reason = str(error) if isinstance(error, InterruptedError) else describe(error)
        raise Failure(f"规则文件写不了：{reason}。{NOTHING}") from None
    if tried.edits.files:
        click.echo(f"已写入{len(tried.edits.files)}个规则文件：{'、'.join(tried.edits.files)}。{PICKED_UP}")
    if tried.values:
        handed = hand_in(home, [one.payload for one in tried.values])
        click.echo(f"已录入{len(tried.values)}个数据{handed}。")


COMMANDS = (ledger,)
