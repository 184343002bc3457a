"""What the judge knows of a year: who said what to whom, what had been entered by then, and which rules were in force."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any

from tests.year.days import Days
from tests.year.plan import Duty, Plan
from tests.year.record import ADMIN, Act, Said, Year

ID = re.compile(r"（((?:[TS]\d\d-[A-Z]\d*|I\d)[^（）\s]*)）")
SINGLE_ID = re.compile(r"^编号：(\S+)")
PLAIN_ID = re.compile(r"^· 事项(\S+)　")
HEADING = re.compile(r"^[一二三四五六七八九十]+、(.+)$")
LATE = re.compile(r"已逾期(\d+)天")
LIMIT = re.compile(r"(?:时限：?|完成时限：)(?:(\d{4})年)?(\d+)月(\d+)日")
VERDICTS = ("严重滞后", "未达标", "滞后", "预警", "恢复", "达标")
BAD = ("严重滞后", "未达标", "滞后", "预警")
OPEN_WORDS = ("逾期", "剩余", "今日到期", "请反馈进展", "请报送数据")
MARGIN = timedelta(minutes=2)  # between something being entered and its being known at the latest


@dataclass(frozen=True)
class Finding:
    """One thing that should not have been said, or should have been and was not."""

    kind: str
    case: str  # the number it has in the list of known faults
    at: str
    chat: str
    line: str
    why: str


@dataclass(frozen=True)
class Told:
    """What one message says of one item."""

    message: Said
    item: str
    text: str
    heading: str
    verdict: str

    @property
    def figure(self) -> str:
        """The figure of a watch, a target or a report: what stands before : or @."""
        return re.split("[:@]", self.item)[0]

    @property
    def rule(self) -> str:
        """The rule that the item comes of."""
        return self.item.partition("@")[0]

    @property
    def late(self) -> int:
        """How many days late the line says it is; 0 when it does not."""
        found = LATE.search(self.text)
        return int(found[1]) if found else 0

    @property
    def limit(self) -> date | None:
        """The date it gives."""
        found = LIMIT.search(self.text)
        return date(int(found[1] or self.message.day.year), int(found[2]), int(found[3])) if found else None

    @property
    def hands_over(self) -> bool:
        """Whether it is a line of a hand-over."""
        return self.heading == "交办"

    def against(self, kind: str, case: str, why: str) -> Finding:
        """A finding about this line."""
        return Finding(kind, case, self.message.at, self.message.chat, self.text, why)


def told_by(message: Said) -> Iterator[Told]:
    """Everything a message says of single items."""
    heading = ""
    if message.lines and (single := SINGLE_ID.match(message.lines[0])):
        text = " ".join((message.title, *message.lines))
        yield Told(message, single[1], text, "", _verdict(message.lines[0]))
        return
    for line in message.lines:
        if found := HEADING.match(line):
            heading = found[1]
        elif found := ID.search(line) or PLAIN_ID.match(line):
            for item in found[1].split("、"):  # one line may say one thing of a figure for several of its items
                yield Told(message, item, line, heading, _verdict(line))


def _verdict(line: str) -> str:
    """The verdict about a value that a line gives, if it gives one."""
    head = line.split("）", 1)[-1]
    return next((word for word in VERDICTS if re.search(f"[　（(]{word}(?:[　）)]|$)", f"　{head.strip()}")), "")


class Book:
    """A year, indexed."""

    def __init__(self, year: Year) -> None:
        self.year, self.script = year, year.script
        self.messages = year.messages
        self.end = datetime.fromisoformat(year.script.end)

    @cached_property
    def told(self) -> tuple[Told, ...]:
        """Every line about an item, in order of time."""
        return tuple(sorted((t for m in self.messages for t in told_by(m)), key=lambda t: t.message.at))

    @cached_property
    def by_item(self) -> Mapping[str, list[Told]]:
        """The lines about each item."""
        found: dict[str, list[Told]] = {}
        for told in self.told:
            found.setdefault(told.item, []).append(told)
        return found

    @cached_property
    def by_chat(self) -> Mapping[str, list[Told]]:
        """The lines in each chat."""
        found: dict[str, list[Told]] = {}
        for told in self.told:
            found.setdefault(told.message.chat, []).append(told)
        return found

    @cached_property
    def versions(self) -> list[tuple[str, Plan]]:
        """The rule files as they were saved, from when on each. What has a former name in it is not in force."""
        files = dict(self.script.files)
        found = [("", Plan(dict(files)))]
        for act in self.acts("files"):
            files |= act.what["files"]
            plan = Plan(dict(files))
            if not _half_mended(plan):
                found.append((act.at, plan))
        return found

    def plan(self, at: str) -> Plan:
        """The rules in force at a moment."""
        return self.versions[bisect_right([since for since, _ in self.versions], at[:16]) - 1][1]

    def days(self, at: str) -> Days:
        """The calendar in force at a moment."""
        return self.plan(at).days

    @cached_property
    def last_days(self) -> Days:
        """The calendar as it became known in the end."""
        return self.versions[-1][1].days

    def acts(self, do: str) -> Iterator[Act]:
        """Everything of that sort that was done."""
        return (act for act in self.script.acts if act.do == do)

    def letters(self, *kinds: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """When letters of these kinds were written, and what they say; what was said by mistake and withdrawn was not said.

        Values are kept even so: they may have been told meanwhile.
        """
        for place, act in enumerate(self.acts("letter")):
            if act.what["type"].removeprefix("duban.") in kinds and place not in self._withdrawn:
                yield act.at, act.what["data"]

    @cached_property
    def _withdrawn(self) -> set[int]:
        """The places of letters that were withdrawn by a later one."""
        said: dict[tuple[str, str], int] = {}
        found: set[int] = set()
        for place, act in enumerate(self.acts("letter")):
            kind, data = act.what["type"].removeprefix("duban."), act.what["data"]
            if kind == "withdrawn" and data["what"] != "observed":
                found.add(said[data["what"], data["item"]])
            elif "item" in data:
                said[kind, data["item"]] = place
        return found

    def chats_of(self, unit: str) -> set[str]:
        """Where a unit hears: its own chat or the one it shares, under any of its names."""
        names = {unit, self.versions[-1][1].now(unit)} | {
            old for old, new in self.versions[-1][1].successors.items() if new == unit
        }
        return {self.script.shared.get(name, name) for name in names}

    def heard(self, unit: str, name: str, since: str = "", until: str = "9") -> Iterator[Told]:
        """What a unit heard of an item or a rule in a span of time."""
        chats = self.chats_of(unit)
        rule = name.partition("@")[0]
        for told in self.of_rule.get(rule, ()):
            if since < told.message.at <= until and told.message.chat in chats and told.item in (name, rule):
                yield told

    @cached_property
    def of_rule(self) -> Mapping[str, list[Told]]:
        """The lines about each rule and its items."""
        found: dict[str, list[Told]] = {}
        for told in self.told:
            found.setdefault(told.rule, []).append(told)
        return found

    @cached_property
    def duties(self) -> Mapping[str, Duty]:
        """Everything that ever had a date, as the last version that knew it says."""
        return {name: duty for _, plan in self.versions for name, duty in plan.duties.items()}

    def first_heard(self, unit: str, name: str) -> str:
        """When a unit first heard of an item or its rule; nothing if never. A hand-over of the rule counts."""
        return next((told.message.at for told in self.heard(unit, name)), "")

    def by(self, at: str, workdays: int) -> str:
        """The end of the day that comes so many workdays later."""
        return f"{self.last_days.after(date.fromisoformat(at[:10]), workdays)}T23:59:59"

    def next_list(self, at: str) -> str:
        """The end of the day of the month's list that follows."""
        day = date.fromisoformat(at[:10])
        first = date(day.year + day.month // 12, day.month % 12 + 1, 1)
        return f"{self.last_days.first_sending_day(first)}T23:59:59"

    def is_over(self, moment: str) -> bool:
        """Whether a moment lies after the year's end, so that what was owed until then cannot be missed."""
        return moment >= self.script.end

    @cached_property
    def troubled(self) -> Mapping[str, list[tuple[str, str]]]:
        """When a chat could not be written to, or was not to be."""
        found: dict[str, list[tuple[str, str]]] = {}
        broken: dict[str, str] = {}
        for act in self.acts("mood"):
            chat = act.what["robot"].split("#")[0]
            if act.what["mood"] == "well" and chat in broken:
                found.setdefault(chat, []).append((broken.pop(chat), act.at))
            else:
                broken[chat] = act.at
        for at, data in self.letters("silenced"):
            if data.get("chat"):
                found.setdefault(self.script.shared.get(data["chat"], data["chat"]), []).append(
                    (at, data["until"][:16])
                )
        return found

    def is_troubled(self, chat: str, since: str, until: str) -> bool:
        """Whether a chat was broken or silenced at any time of a span."""
        return any(begins <= until and since <= ends for begins, ends in self.troubled.get(chat, ()))

    def is_hushed(self, item: str, since: str, until: str) -> bool:
        """Whether somebody asked for silence about an item or its rule at any time of a span."""
        return any(
            at <= until and since <= data["until"][:19]
            for at, data in self.letters("silenced")
            if data.get("item") in (item, item.partition("@")[0])
        )

    def well_by(self, chat: str, at: str, workdays: int) -> str:
        """The end of the day so many workdays later, counted from when the chat could be written to again."""
        ends = [until for since, until in self.troubled.get(chat, ()) if since <= self.by(at, workdays) and at <= until]
        return self.by(max((at, *ends)), workdays)

    def units(self) -> Iterator[str]:
        """Every chat that is a unit's."""
        return (chat for chat in self.by_chat if chat not in (ADMIN,))


def _half_mended(plan: Plan) -> bool:
    """A name of before stands in a task file still: `check --fix` has not been run yet."""
    former = [name for name, new in plan.successors.items() if name not in plan.units]
    return any(name in text for name in former for file, text in plan.files.items() if file.startswith("tasks/"))


def moments(told: Told) -> tuple[str, str]:
    """When a line was said, and when it may have been written: what is entered in between need not be in it."""
    return told.message.at, f"{told.message.time - MARGIN:%Y-%m-%dT%H:%M:%S}"
