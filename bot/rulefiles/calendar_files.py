"""rules/calendars/*.yaml: finds the file of a year, and writes a holiday notice or a county exception into it.

In an existing file only the lines of the changed keys are replaced, so that school terms and comments stay as they are. The
new text is read back and checked before it is written.
"""

from __future__ import annotations

import os
import re
import shutil
import uuid
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pydantic import ValidationError

from bot.core.time.workdays import CalendarYear, DayRange, Level, StatutoryTable
from bot.rulefiles.loader import FOLDER, STATUTORY
from bot.rulefiles.text.problems import Problem
from bot.rulefiles.text.sheet import Sheet
from bot.rulefiles.text.tree import Tree, read

ORDER = ("年份", "级别", "状态", "文件", "发布日期", "放假", "上班", "学期")
#: Comments in the shipped file of a year without a notice; they are removed when the notice is entered.
STALE = re.compile(r"# (国务院办公厅尚未发布\d{4}年放假安排|通知下发后：状态改为“已公布”).*")
EXCEPTIONS = "县里决定的放假和上班，原因见各行"


class CalendarFileError(Exception):
    """A calendar file cannot be edited by the bot; the text says why and what to do (Chinese)."""


@dataclass(frozen=True, slots=True)
class YearFile:
    """One year's file. `name` is its path inside rules/; `raw` is None if it does not exist yet."""

    name: str
    raw: bytes | None = None
    form: CalendarYear | None = None


def year_files(files: Mapping[str, bytes]) -> list[YearFile]:
    """Every readable year file among the rule files."""
    found = ((name, raw, _form(name, raw)) for name, raw in files.items() if _is_year(name))
    return [YearFile(name, raw, form) for name, raw, form in found if form]


def find(files: Mapping[str, bytes], year: int, level: Level) -> YearFile:
    """The file of that year and level, whatever its name; a new one with the name to use if there is none.

    Raises CalendarFileError.
    """
    for one in year_files(files):
        if one.form and (one.form.year, one.form.level) == (year, level):
            return one
    name = f"calendars/{year}.yaml" if level is Level.STATE else f"calendars/{level.value}-{year}.yaml"
    if name in files:
        raise CalendarFileError(f"{FOLDER}/{name} 有错误，或者写的不是{year}年{level.value}级日历；先改好，再录入")
    return YearFile(name)


def statutory_table(files: Mapping[str, bytes]) -> StatutoryTable | None:
    """The table of 法定节日.yaml; None if it is missing or invalid."""
    raw = files.get(STATUTORY)
    tree = read(raw, STATUTORY)[0] if raw is not None else None
    placed = Sheet(STATUTORY, tree, []).form(StatutoryTable) if tree else None
    return placed.form if placed else None


def announced(file: YearFile, notice: CalendarYear) -> bytes:
    """The file's new content with the notice; terms and comments are kept. Raises CalendarFileError if it cannot be edited."""
    terms = file.form.terms if file.form else ()
    return _spliced(file, notice.model_copy(update={"terms": terms}), _blocks(notice))


def with_exception(file: YearFile, day: date, worked: bool, reason: str, today: date) -> bytes:
    """The county file's new content with one more day off or workday. Raises CalendarFileError if it has the day already."""
    old = file.form
    off, makeup = (old.off, old.makeup) if old else ((), ())
    if day in makeup or any(day in run.days() for run in off):
        raise CalendarFileError(f"{FOLDER}/{file.name} 里已有{day}，先删去那一行，再登记")
    try:
        if worked:
            makeup = tuple(sorted((*makeup, day)))
        else:
            run = DayRange.model_validate({"名称": reason, "起": day, "止": day})
            off = tuple(sorted((*off, run), key=lambda one: one.first))
    except ValidationError:
        raise CalendarFileError(f"原因写作放假名称，最多20个字，现在有{len(reason)}个字") from None
    if old is None or not old.announced:
        form = {"年份": day.year, "级别": Level.COUNTY, "状态": "已公布", "文件": EXCEPTIONS, "发布日期": today}
        new = CalendarYear.model_validate({**form, "放假": off, "上班": makeup, "学期": old.terms if old else ()})
    else:
        new = old.model_copy(update={"off": off, "makeup": makeup})
    blocks = _blocks(new, notes=_makeup_notes(file) | ({day: reason} if worked else {}))
    if old is not None and old.announced:
        blocks = {key: blocks[key] for key in (("上班",) if worked else ("放假",))}
    return _spliced(file, new, blocks)


def write(path: Path, raw: bytes, before: bytes | None) -> None:
    """Replaces the file atomically. Raises OSError, or CalendarFileError if its content is no longer `before`.

    The temporary file's name begins with a dot, so that a running bot does not read it as a rule file.
    """
    path = path.resolve()
    if (path.read_bytes() if path.exists() else None) != before:
        raise CalendarFileError(f"{path.name} 刚刚被别人改过，请重新录入")
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        with draft.open("wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        if before is not None:
            shutil.copymode(path, draft)
        os.replace(draft, path)
    finally:
        with suppress(FileNotFoundError):
            draft.unlink()


# --- reading ---


def _is_year(name: str) -> bool:
    return name.startswith("calendars/") and name.endswith(".yaml") and name != STATUTORY


def _form(name: str, raw: bytes) -> CalendarYear | None:
    tree = read(raw, name)[0]
    problems: list[Problem] = []
    placed = Sheet(name, tree, problems).form(CalendarYear) if tree else None
    return placed.form if placed and not problems else None


def _tree(file: YearFile) -> Tree:
    tree = read(file.raw, file.name)[0] if file.raw is not None else None
    assert tree is not None, "an existing YearFile was read before"
    return tree


def _lines(file: YearFile) -> list[str]:
    return file.raw.decode("utf-8-sig").replace("\r\n", "\n").rstrip("\n").split("\n") if file.raw else []


def _makeup_notes(file: YearFile) -> dict[date, str]:
    """The reasons of make-up days, which are comments after them."""
    found = (re.fullmatch(r"\s*- (\d{4}-\d\d-\d\d) +# *(.+)", line) for line in _lines(file))
    return {date.fromisoformat(one[1]): one[2] for one in found if one}


# --- writing ---


def _blocks(year: CalendarYear, notes: Mapping[date, str] | None = None) -> dict[str, list[str]]:
    """The lines of each key in the style of the shipped files; with notes, each make-up day has its own line."""
    blocks = {"年份": [f"年份: {year.year}"]}
    if year.level is not Level.STATE:
        blocks["级别"] = [f"级别: {year.level.value}"]
    blocks |= {"状态": [f"状态: {year.status}"], "文件": [f"文件: {year.document}"]}
    blocks["发布日期"] = [f"发布日期: {year.issued_on}"]
    runs = [f"  - {{名称: {_quoted(run.name)}, 起: {run.first}, 止: {run.last}}}" for run in year.off]
    blocks["放假"] = ["放假:", *runs] if runs else ["放假: []"]
    if notes is None or not year.makeup:
        blocks["上班"] = [f"上班: [{', '.join(map(str, year.makeup))}]"]
    else:
        blocks["上班"] = ["上班:", *(_makeup_line(day, notes) for day in year.makeup)]
    return blocks


def _makeup_line(day: date, notes: Mapping[date, str]) -> str:
    return f"  - {day} # {notes[day]}" if day in notes else f"  - {day}"


def _quoted(text: str) -> str:
    """A text for use inside braces: in double quotes unless it consists of word characters only."""
    if re.fullmatch(r"[\w、（）《》]+", text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _spliced(file: YearFile, wanted: CalendarYear, blocks: Mapping[str, list[str]]) -> bytes:
    """The file with the lines of these keys replaced or inserted; raises CalendarFileError unless it then reads as `wanted`."""
    if file.raw is None:
        lines = [line for key in ORDER for line in blocks.get(key, ())]
    else:
        lines = _replaced(_lines(file), _spans(file), blocks)
        lines = [line for line in lines if not (wanted.announced and STALE.fullmatch(line))]
    newline = "\r\n" if file.raw and b"\r\n" in file.raw else "\n"
    raw = (newline.join(lines) + newline).encode()
    if _form(file.name, raw) != wanted:
        raise CalendarFileError(f"{FOLDER}/{file.name} 的写法不便自动改动，请照 2026.yaml 的样子手工改")
    return raw


def _spans(file: YearFile) -> dict[str, tuple[int, int]]:
    """The first line (from 0) and the end line of each top-level key; comments above a key belong to it."""
    tree, lines = _tree(file), _lines(file)
    starts = {str(path[0]): place.line - 1 for path, place in tree.keys.items() if len(path) == 1}
    spans: dict[str, tuple[int, int]] = {}
    for key, start in starts.items():
        end = min((other for other in starts.values() if other > start), default=len(lines))
        while end > start + 1 and (not lines[end - 1].strip() or lines[end - 1].startswith("#")):
            end -= 1
        spans[key] = start, end
    return spans


def _replaced(lines: list[str], spans: Mapping[str, tuple[int, int]], blocks: Mapping[str, list[str]]) -> list[str]:
    """The lines with each block in the place of its key, or after the last key that precedes it in the usual order."""
    changes = [(spans[key], block) for key, block in blocks.items() if key in spans and key != "年份"]
    behind = {key: max(spans[one][1] for one in _before(key, spans)) for key in blocks if key not in spans}
    changes += [((at, at), blocks[key]) for key, at in behind.items()]
    order = {id(block): ORDER.index(key) for key, block in blocks.items()}
    for (start, end), block in sorted(changes, key=lambda one: (one[0], order[id(one[1])]), reverse=True):
        lines = [*lines[:start], *_with_comment(block, lines[start:end]), *lines[end:]]
    return lines


def _before(key: str, present: Iterable[str]) -> list[str]:
    return [one for one in present if one in ORDER and ORDER.index(one) < ORDER.index(key)] or ["年份"]


def _with_comment(block: list[str], old: list[str]) -> list[str]:
    """The block with the comment that followed its key on the same line."""
    found = re.search(r"\s#.*$", old[0]) if old else None
    return [block[0] + found[0], *block[1:]] if found else block
