"""duban calendar: add a pasted holiday notice, show a year, note a county's own exception. Only these commands write rules/."""

from __future__ import annotations

import sys
from calendar import monthrange
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import zip_longest
from pathlib import Path

import click

from bot.cli.common import OK, PROBLEMS, WRONG_USE, Failure, day, in_home, opened, rules_of
from bot.core.deciding.findings import items_of
from bot.core.rules.ladder import Anchor, stairs
from bot.core.rules.rulebook import Role, Rulebook
from bot.core.time.holiday_notice import Notice, read_notice, weekday_name
from bot.core.time.workdays import Calendar, CalendarYear, Level
from bot.rulefiles import calendar_files as calendar_file
from bot.rulefiles.calendar_files import CalendarFileError, YearFile
from bot.rulefiles.loader import FOLDER, Loaded, assemble
from bot.rulefiles.text.problems import Problem
from bot.service.home import Home
from bot.sources.clock import wall
from bot.state.disk.errors import describe

NOTHING = "什么都没有写入。"
PICKED_UP = "运行中的督办会自己读取，不用重启。"
WEEK = "一　 二　 三　 四　 五　 六　 日　 "
MOST_EXAMPLES = 8


@click.group("calendar")
def calendar() -> None:
    """放假日历：录入放假通知、查看一年、登记县里的例外。"""


# --- add ------------------------------------------------------------------------


@calendar.command("add")
@click.argument("file", default="-", metavar="[文件|-]")
@click.option("--year", type=int, help="哪一年的通知；粘贴时带标题的可以不写")
@click.option("--yes", is_flag=True, help="不再询问，直接写入")
@in_home
def add(folder: Path, file: str, year: int | None, yes: bool) -> int:
    """录入国务院办公厅的放假通知：粘贴全文，核对后写入当年日历。"""
    home = opened(folder)
    notice = read_notice(_text_of(file), year, calendar_file.statutory_table(home.files))
    if notice.calendar is None:
        problems = "\n".join(f"· {problem}" for problem in notice.problems)
        raise Failure(f"通知有{len(notice.problems)}处对不上：\n{problems}\n{NOTHING}")
    old, raw = _edited(home, notice.calendar)
    if raw == old.raw:
        click.echo(f"{FOLDER}/{old.name} 已经是这个安排，没有变化。")
        return OK
    after = _trial(home, old.name, raw)
    _show_notice(notice, notice.calendar)
    _show_changes(home, after, notice.calendar.year)
    if not _agreed(yes, file):
        click.echo(NOTHING)
        return PROBLEMS
    _write(home, old, raw)
    click.echo(f"已写入 {FOLDER}/{old.name}。{PICKED_UP}")
    return OK


def _text_of(file: str) -> str:
    """The pasted or saved text, in UTF-8 or in the encoding of older Windows editors."""
    if file == "-" and sys.stdin.isatty():
        click.echo("请粘贴通知全文，另起一行按 Ctrl-D 结束：", err=True)
    try:
        raw = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise Failure(f"打不开文件“{file}”：{describe(error)}", WRONG_USE) from None
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Failure(f"“{file}”不是文本文件。请把通知另存为文本，或直接粘贴。{NOTHING}", WRONG_USE)


def _edited(home: Home, year: CalendarYear) -> tuple[YearFile, bytes]:
    try:
        old = calendar_file.find(home.files, year.year, Level.STATE)
        return old, calendar_file.announced(old, year)
    except CalendarFileError as error:
        raise Failure(f"{error}。{NOTHING}") from None


def _trial(home: Home, name: str, raw: bytes) -> Loaded:
    """All rules with the new file. Raises Failure for an error that the new file brings."""
    after = assemble({**home.files, name: raw})
    mine = [problem for problem in after.problems if problem.is_error and problem.file == f"{FOLDER}/{name}"]
    if mine:
        raise Failure("\n".join([*map(str, mine), NOTHING]))
    return after


def _agreed(yes: bool, file: str) -> bool:
    if yes:
        return True
    if file == "-" and not sys.stdin.isatty():
        raise Failure(f"通知是从管道读入的，没法再问。核对无误后加上 --yes 再运行。{NOTHING}", WRONG_USE)
    return click.confirm("确认？", default=False)


def _write(home: Home, old: YearFile, raw: bytes) -> None:
    try:
        calendar_file.write(home.rules / old.name, raw, old.raw)
    except CalendarFileError as error:
        raise Failure(f"{error}。{NOTHING}") from None
    except OSError as error:
        raise Failure(f"写不了 {FOLDER}/{old.name}：{describe(error)}。{NOTHING}") from None


def _show_notice(notice: Notice, year: CalendarYear) -> None:
    off = {day: "休" for run in year.off for day in run.days()}
    _echo_months(year.year, {**off, **dict.fromkeys(year.makeup, "班")})
    _echo_lists([year])
    click.echo(f"核对：七个节日齐全，{notice.weekdays}处星期、{notice.counts}处天数都对得上。")


# --- what an edit moves ------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Moves:
    """What two rulebooks date differently in one year: due dates, and the days of the reminders before them."""

    due: tuple[str, ...]
    slots: tuple[str, ...]


def _show_changes(home: Home, after: Loaded, year: int) -> None:
    """What the new calendar changes in the dates of the rules, if they can be read."""
    if home.rulebook is None or after.rulebook is None:
        click.echo("规则文件另有错误，暂时算不出对提醒的影响（duban check）。")
    else:
        moves = _moves(home.rulebook, after.rulebook, year)
        click.echo(f"影响：{year}年{len(moves.due)}个事项的时限、{len(moves.slots)}次到期前提醒的日期改变。")
        shown = (*moves.due, *moves.slots)
        for line in shown[:MOST_EXAMPLES]:
            click.echo(f"    {line}")
        if len(shown) > MOST_EXAMPLES:
            click.echo(f"    其余{len(shown) - MOST_EXAMPLES}处见 duban preview。")
    for problem in _new_problems(home.loaded_problems, after.problems):
        click.echo(str(problem))


def _new_problems(before: Sequence[Problem], after: Sequence[Problem]) -> list[Problem]:
    return [problem for problem in after if problem not in before]


def _moves(before: Rulebook, after: Rulebook, year: int) -> _Moves:
    old, new = _dates(before, year), _dates(after, year)
    moved = [
        f"{key}：{old[key]} → {new[key]}"
        for key in old
        if key in new and old[key] != new[key] and year in (old[key].year, new[key].year)
    ]
    return _Moves(
        tuple(line for line in moved if line.startswith("时限 ")),
        tuple(line for line in moved if not line.startswith("时限 ")),
    )


def _dates(rulebook: Rulebook, year: int) -> dict[str, date]:
    """“时限 ITEM” → due date, “ITEM RUNG” → the day it is told, for items due up to the end of the year after."""
    found: dict[str, date] = {}
    for item in items_of(rulebook, date(year + 1, 12, 31)):
        if item.due_on is None or item.late_from is None:
            continue
        found[f"时限 {item.id}"] = item.due_on
        told = stairs(item.rule, Anchor(item.due_on, item.late_from), rulebook.calendar, frozenset(Role), "", False)
        for one in told.until(item.due_on):
            if one.before_due:
                found[f"{item.id} {one.label}"] = one.slot_on
    return found


# --- show -----------------------------------------------------------------------


@calendar.command("show")
@click.argument("year", type=click.IntRange(2000, 2099), required=False, metavar="[年份]")
@in_home
def show(folder: Path, year: int | None) -> int:
    """查看一年的放假和调休：休是放假，班是调休上班。"""
    home = opened(folder)
    known = rules_of(home).calendar
    year = year or wall().year
    files = [one.form for one in calendar_file.year_files(home.files) if one.form]
    ours = sorted((one for one in files if one.year in (year, year + 1)), key=lambda one: one.level.rank)
    _echo_months(year, _marks(known, ours, year))
    own = [one for one in ours if one.year == year]
    if year not in known.years_announced:
        begun = next((one for one in own if one.level is Level.STATE), None)
        click.echo(_provisional(year, begun))
    _echo_lists(own)
    return OK


def _provisional(year: int, begun: CalendarYear | None) -> str:
    """What counts in a year that is not announced; `begun` is the State's file of it."""
    off = "、文件里已写的放假" if begun and begun.off else ""
    worked = "；已写的调休上班，录全以前还按周末休息" if begun and begun.makeup else ""
    rest = f"以上为暂定：周末、法定放假日{off}休息{worked}"
    return f"{year}年放假安排没有录全，{rest}。通知公布后用 duban calendar add 录入。"


def _marks(known: Calendar, files: Sequence[CalendarYear], year: int) -> dict[date, str]:
    """休 for named days off; 班 for days that a file makes workdays."""
    made = {day for one in files for day in one.makeup}
    marks: dict[date, str] = {}
    for on in _days_of(year):
        if known.is_workday(on):
            marks[on] = "班" if on in made else ""
        elif known.holiday_name(on):
            marks[on] = "休"
    return marks


def _days_of(year: int) -> Iterator[date]:
    first = date(year, 1, 1)
    return (first + timedelta(days=n) for n in range((date(year, 12, 31) - first).days + 1))


def _echo_months(year: int, marks: Mapping[date, str]) -> None:
    """Twelve months, two beside each other; a mark is one Chinese character and so two columns wide."""
    for month in range(1, 13, 2):
        left, right = (_month(year, one, marks) for one in (month, month + 1))
        for one, other in zip_longest(left, right, fillvalue=" " * 35):
            click.echo(f"{one}  {other}".rstrip())


def _month(year: int, month: int, marks: Mapping[date, str]) -> list[str]:
    """Its lines, each 35 columns: the heading, the weekdays, one line per week from Monday."""
    first = date(year, month, 1)
    cells = [" " * 5] * first.weekday()
    for number in range(1, monthrange(year, month)[1] + 1):
        cells.append(f"{number:>2}{marks.get(first.replace(day=number), '') or '  '} ")
    cells += [" " * 5] * (-len(cells) % 7)
    weeks = ["".join(cells[at : at + 7]) for at in range(0, len(cells), 7)]
    title = f"{year}年{month}月"
    return [title + " " * (33 - len(title)), WEEK, *weeks]


def _echo_lists(years: Sequence[CalendarYear]) -> None:
    """Days off and make-up days in words, one block per level."""
    for one in years:
        head = f"{one.level.value}级：" if one.level is not Level.STATE else ""
        for run in one.off:
            count = (run.last - run.first).days + 1
            click.echo(f"{head}{run.name}：{_named(run.first)}至{_named(run.last)}，共{count}天" if count > 1
                       else f"{head}{run.name}：{_named(run.first)}，共1天")  # fmt: skip
        if one.makeup:
            click.echo(f"{head}调休上班：{'、'.join(map(_named, one.makeup))}")
        total = sum((run.last - run.first).days + 1 for run in one.off)
        if one.off or one.makeup:
            click.echo(f"{head}合计放假{total}天，调休上班{len(one.makeup)}天。")


def _named(on: date) -> str:
    return f"{on.month}月{on.day}日（{weekday_name(on)}）"


# --- exception ------------------------------------------------------------------


@calendar.command("exception")
@click.argument("on", metavar="日期")
@click.option("--off/--work", "off", default=None, help="这天放假，还是这天上班")
@click.option("--reason", required=True, help="原因，如“县运动会”“防汛停课”")
@in_home
def exception(folder: Path, on: str, off: bool | None, reason: str) -> int:
    """登记县里自己的放假或上班，盖过国家日历，写入 rules/calendars/县-年份.yaml。"""
    home = opened(folder)
    when, reason = day(on), " ".join(reason.split())
    if off is None:
        raise Failure(f"请写明 --off（放假）或 --work（上班）。{NOTHING}", WRONG_USE)
    if not reason:
        raise Failure(f"--reason 是空的，请写原因。{NOTHING}", WRONG_USE)
    try:
        old = calendar_file.find(home.files, when.year, Level.COUNTY)
        raw = calendar_file.with_exception(old, when, not off, reason, wall().date())
    except CalendarFileError as error:
        raise Failure(f"{error}。{NOTHING}") from None
    after = _trial(home, old.name, raw)
    _write(home, old, raw)
    click.echo(
        f"已写入 {FOLDER}/{old.name}：{when.year}年{_named(when)}{'放假' if off else '上班'}（{reason}）。{PICKED_UP}"
    )
    _same_anyway(home, when, off)
    _show_changes(home, after, when.year)
    return OK


def _same_anyway(home: Home, when: date, off: bool) -> None:
    if home.rulebook and home.rulebook.calendar.is_workday(when) is not off:
        click.echo(f"按国家日历，这天本来就{'休息' if off else '上班'}。")


COMMANDS = (calendar,)
