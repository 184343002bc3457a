"""How it is said: headings with something under them, lists in an order that shows, and no more messages than it takes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from itertools import groupby, pairwise
from statistics import median

from tests.year.book import HEADING, Book, Finding, Told
from tests.year.late import about
from tests.year.record import ADMIN, LEADERS, Said

NESTED = re.compile(r"“[^”]*“")
TASK_LINE = re.compile(r"^\d+[.．]\s")
LONGEST = 40  # lines of the leading group's list
HEAVIEST = 70  # messages of one unit in the year of 17 months
WEEK = timedelta(days=7)
PARTS = 2  # of a hand-over
ENDLESS = 5  # times that the same thing is promised and taken back


def empty_headings(book: Book) -> Iterator[Finding]:
    """Y8: under a heading stands something; a task that is handed over has duties."""
    for message in book.messages:
        for line, following in pairwise((*message.lines, "")):
            if HEADING.match(line) and (not following or HEADING.match(following)):
                yield Finding("empty-heading", "Y8", message.at, message.chat, line, "标题下面没有内容")
            elif _is_task(message, line) and not following.startswith("·"):
                yield Finding("empty-task", "Y8", message.at, message.chat, line, "交办了任务，下面没有一件事")


def _is_task(message: Said, line: str) -> bool:
    return (
        bool(TASK_LINE.match(line))
        and bool(re.search(r"（(?:牵头|配合|指导|责任|、)+）", line))
        and "指标　" not in line
    )


def nested_quotation(book: Book) -> Iterator[Finding]:
    """Y8: no quotation marks within quotation marks of the same kind."""
    for message in book.messages:
        for line in (message.title, *message.lines):
            if NESTED.search(line):
                yield Finding("nested-quotation", "Y8", message.at, message.chat, line, "引号里又有引号")


def leaders_lists(book: Book) -> Iterator[Finding]:
    """M5: the leading group's list is short, and ordered by weight and age."""
    for message in book.messages:
        if message.chat != LEADERS or not any("月度清单" in line for line in (message.title, *message.lines)):
            continue
        if len(message.lines) > LONGEST:
            yield about(message, "list-too-long", "M5", f"{len(message.lines)}行")
        listed = [
            told for told in book.by_chat.get(LEADERS, ()) if told.message is message and told.heading != "已办结"
        ]
        states = [state for state, _ in groupby(map(_weight, listed))]
        if len(states) != len(set(states)):
            yield about(message, "list-out-of-order", "M5", f"轻重混排：{'、'.join(states)}")
        for state, group in groupby(listed, _weight):
            ages = [told.late for told in group if told.late]
            if ages != sorted(ages, reverse=True):
                yield about(message, "list-out-of-order", "M5", f"{state}没有按拖得久的在前")


def _weight(told: Told) -> str:
    if told.verdict:
        return told.verdict
    return "数据未报" if ":报送" in told.item else "逾期"


def repeats_on_many_days(book: Book) -> Iterator[Finding]:
    """M5: what is only repeated to somebody is repeated on one day of its week."""
    for chat, lines in book.by_chat.items():
        if chat in (ADMIN, LEADERS):
            continue
        weeks: dict[tuple[int, int], dict[date, Told]] = {}
        said: dict[str, int] = Counter()
        for told in lines:
            if told.late and not told.message.again:
                said[told.item] += 1
                if said[told.item] > 1:
                    weeks.setdefault(told.message.day.isocalendar()[:2], {}).setdefault(told.message.day, told)
        for found in weeks.values():
            if len(found) > 1 and not book.is_troubled(chat, str(min(found) - WEEK), f"{max(found)}T23"):
                day, told = sorted(found.items())[-1]
                yield told.against("repeats-scattered", "M5", f"一周里有{len(found)}天只是重复提醒，最后一天{day}")


def endless_promises(book: Book) -> Iterator[Finding]:
    """Y1: nothing is promised and taken back again and again."""
    for what, times in book.year.promises.items():
        if times > ENDLESS:
            yield Finding("promised-again", "Y1", book.script.end, "", what, f"许诺又取消{times}次")


def too_many_messages(book: Book) -> Iterator[Finding]:
    """M5: no unit hears more than it can bear, and a hand-over comes in two parts at most."""
    for chat, count in weights(book).items():
        if count > HEAVIEST:
            yield Finding("too-many-messages", "M5", book.script.end, chat, f"{count}条", f"超过{HEAVIEST}条")
    for message in book.messages:
        if any("交办" in line for line in (message.title, *message.lines[:2])) and message.parts > PARTS:
            yield about(message, "hand-over-too-long", "M5", f"分成{message.parts}部分")


def weights(book: Book) -> Mapping[str, int]:
    """Messages by chat of a unit over the whole year, the heaviest first; what goes again does not count."""
    found = Counter(m.chat for m in book.messages if not m.again and m.chat not in (ADMIN, LEADERS))
    return dict(found.most_common())


def sheet(book: Book) -> str:
    """The figures of weight, for people."""
    found = weights(book)
    lines = [f"消息{len(book.messages)}条；单位{len(found)}个，中位数{median(found.values()):g}"]
    lines += [f"{chat}　{count}条" for chat, count in found.items()]
    others = Counter(m.chat for m in book.messages if m.chat in (ADMIN, LEADERS))
    longest = max((len(m.lines) for m in book.messages if m.chat == LEADERS), default=0)
    digests = [m for m in book.messages if not m.lines or not m.lines[0].startswith("编号：")]
    aside = sum(m.at[11:16] > "09:30" for m in digests)
    lines += [f"{chat}　{count}条" for chat, count in others.items()]
    return "\n".join([*lines, f"领导小组最长一份{longest}行", f"早间一小时以外的汇总{aside}条"])


FINDERS = (
    empty_headings, nested_quotation, leaders_lists, repeats_on_many_days, endless_promises, too_many_messages,
)  # fmt: skip
