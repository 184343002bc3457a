"""What is said of values: true when it is said, mended when a value is, once where it cannot change."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from tests.year.book import BAD, Book, Finding, Told, moments
from tests.year.plan import Figure
from tests.year.record import ADMIN

WATCHED = re.compile(r"^[^:@]+(?::保持|:只增不减|@(?P<target>\d{4}))$")
SAID_VALUE = re.compile(r"(?:(\d{4}(?:Q\d|H\d)?)年?(?:第[一二三四]季度)?|完成值)(\d[\d.]*)")
GAP = re.compile(r"(\d[\d.]*)[^\d，　]*，序时应为(\d[\d.]*)[^\d，　]*，(?P<words>[^，　（]*?落后(\d[\d.]*)个百分点)")
GONE = re.compile("撤回|不再作数|作废")
TYPED = timedelta(minutes=30)


@dataclass(frozen=True)
class Value:
    """A value as it was entered."""

    at: str
    period: str
    value: float
    final: bool


def values(book: Book, figure: str) -> list[Value]:
    """Everything that was entered of a figure, in order; a value that is withdrawn is one of which nothing final is known."""
    return [
        Value(at, data["period"], float(data.get("value", 0)), data.get("final", False))
        for at, data in book.letters("observed", "withdrawn")
        if data.get("indicator") == figure
    ]


def known(entered: list[Value], moment: str) -> dict[str, float]:
    """The final values by period as they stood at a moment; periods that have not begun say nothing."""
    found: dict[str, float] = {}
    for one in entered:
        if one.at <= moment and one.period[:4] <= moment[:4]:
            if one.final:
                found[one.period] = one.value
            else:
                found.pop(one.period, None)
    return found


def is_bad(book: Book, item: str, moment: str) -> bool | None:
    """Whether a watch or target is missed at a moment; None where that cannot be said."""
    figure = book.plan(moment).figures.get(re.split("[:@]", item)[0])
    matched = WATCHED.match(item)
    if figure is None or matched is None:
        return None
    have = known(values(book, figure.id), moment)
    if target := matched["target"]:
        met = figure.met(target, have[target]) if target in have else None
        return None if met is None else not met
    if not have:
        return None
    latest = max(have)
    if item.endswith("只增不减"):
        return _fell(figure, have, latest)
    floor = figure.floor(latest)
    return None if floor is None else (have[latest] < floor[0] if floor[1] else have[latest] > floor[0])


def _fell(figure: Figure, have: Mapping[str, float], latest: str) -> bool | None:
    """Whether it moved the wrong way since the same period of the year before."""
    before = have.get(f"{int(latest[:4]) - 1}{latest[4:]}")
    if before is None:
        return None
    return have[latest] < before if figure.rising else have[latest] > before


def untrue_verdicts(book: Book) -> Iterator[Finding]:
    """R1, N2, N7: a verdict is true of the latest figure, the direction considered, when it is said."""
    for told in book.told:
        matched = WATCHED.match(told.item)
        if told.verdict not in ("未达标", "恢复", "达标") or not matched:
            continue
        target, truths = matched["target"], {is_bad(book, told.item, moment) for moment in moments(told)}
        if target and target > told.message.at[:4]:
            yield told.against("verdict-of-the-future", "N2", "这一期还没有开始")
        elif (told.verdict == "未达标") not in truths and truths != {None}:
            yield told.against("untrue-verdict", _case_of(book, told), "与当时最近一期的数不符")


def _case_of(book: Book, told: Told) -> str:
    if told.item.endswith("只增不减"):
        return "R1"
    ahead = any(one.period[:4] > told.message.at[:4] for one in values(book, told.figure) if one.at <= told.message.at)
    return "N2" if ahead else "N7"


def last_words(book: Book) -> Iterator[Finding]:
    """Y1, Y5, N7: within two workdays after a value is entered the last word told of it is true, value and all."""
    for figure in {data["indicator"]: 1 for _, data in book.letters("observed")}:
        entered = values(book, figure)
        for one in entered:
            for item in _watched(book, figure):
                yield from _last_word(book, item, entered, one)


def _watched(book: Book, figure: str) -> list[str]:
    """The watches and targets of a figure that can be judged from outside."""
    form = book.versions[-1][1].figures[figure]
    targets = [f"{figure}@{year}" for year in form.targets]
    return targets + [f"{figure}:{name}" for name in ("保持", "只增不减") if name in form.watches]


def _last_word(book: Book, item: str, entered: list[Value], one: Value) -> Iterator[Finding]:
    deadline = book.by(one.at, 2)
    figure = book.plan(one.at).figures.get(re.split("[:@]", item)[0])
    if figure is None or book.is_over(deadline) or book.is_troubled(figure.lead, one.at, deadline):
        return
    truth = is_bad(book, item, deadline)
    lines = [t for t in book.by_item.get(item, ()) if t.message.chat in book.chats_of(figure.lead) and t.verdict]
    before = next((t for t in reversed(lines) if t.message.at <= deadline), None)
    if truth is None or any(one.at < other.at <= deadline for other in entered):
        return
    if before is None:
        if truth:
            why = f"{one.period} {one.value}，两个工作日内没有告知"
            yield Finding("miss-untold", _closed_or(book, item, "Y5"), one.at, figure.lead, item, why)
    elif (before.verdict == "未达标") != truth:
        why = f"{one.at}录入{one.period} {one.value}，此后没有再说"
        yield before.against("last-word-untrue", _closed_or(book, item, "Y1"), why)
    elif truth and not figure.sensitive and (wrong := _wrong_value(before, entered, deadline)):
        yield before.against("changed-value-untold", "Y5", wrong)


def withdrawn_untold(book: Book) -> Iterator[Finding]:
    """N2: who heard a verdict on a value that was withdrawn hears within two workdays that it does not hold any more."""
    for at, data in book.letters("withdrawn"):
        figure, deadline = book.plan(at).figures.get(data.get("indicator", "")), book.by(at, 2)
        if figure is None or book.is_over(deadline) or book.is_troubled(figure.lead, at, deadline):
            continue
        for item in _watched(book, figure.id):
            lines = [t for t in book.by_item.get(item, ()) if t.message.chat in book.chats_of(figure.lead)]
            heard = [told for told in lines if told.message.at <= at and told.verdict]
            since = [told for told in lines if at < told.message.at <= deadline]
            if heard and is_bad(book, item, deadline) is None and not any(GONE.search(told.text) for told in since):
                yield heard[-1].against("withdrawn-untold", "N2", f"{at}已撤回，没有告知")


def _closed_or(book: Book, item: str, case: str) -> str:
    return "N7" if any(data["item"] == item for _, data in book.letters("closed")) else case


def _wrong_value(told: Told, entered: list[Value], moment: str) -> str:
    """What the figure is by now, when the line says another one of the same period."""
    have = known(entered, moment)
    said = SAID_VALUE.search(told.text.split("）", 1)[-1])
    period = (said[1] or told.item.rpartition("@")[2]) if said else ""
    if said is None or period not in have or float(said[2].rstrip(".")) == have[period]:
        return ""
    return f"已更正为{have[period]}，没有再告知"


def several_verdicts(book: Book) -> Iterator[Finding]:
    """Y3: one figure has one verdict line in a message."""
    for message in book.messages:
        lines: dict[str, list[Told]] = {}
        for told in book.by_chat.get(message.chat, ()):
            group = lines.setdefault(told.figure, [])
            mine = told.message is message and told.verdict and not told.item.startswith("T03-F1")
            if mine and told.text not in [other.text for other in group]:
                group.append(told)
        for figure, group in lines.items():
            words = {told.verdict in BAD for told in group}
            if len(words) > 1:
                yield group[0].against(
                    "two-verdicts", "Y3", f"{figure}一条消息里两种结论：{'、'.join(t.verdict for t in group)}"
                )
            elif len(group) > 1:
                yield group[0].against("one-fact-twice", "Y3", f"{figure}一条消息里说了{len(group)}遍")


def points_of_progress(book: Book) -> Iterator[Finding]:
    """Y3: points of progress are never written as points of the figure."""
    for told in book.told:
        found = GAP.search(told.text)
        if found and "进度" not in found["words"]:
            gap = abs(float(found[2]) - float(found[1]))
            if abs(gap - float(found[4])) > 0.02:
                yield told.against("progress-as-points", "Y3", f"与序时值相差{gap:.2f}，却写落后{found[4]}个百分点")


def recovery_of_nothing(book: Book) -> Iterator[Finding]:
    """Y5: 恢复 is said only to who heard the trouble."""
    heard: set[tuple[str, str]] = set()
    for told in book.told:
        key = (told.message.chat, told.item)
        if told.verdict in BAD:
            heard.add(key)
        elif told.verdict == "恢复" and key not in heard:
            yield told.against("recovery-of-nothing", "Y5", "这个群没有听说过问题")


def told_while_typed(book: Book) -> Iterator[Finding]:
    """Y5: what is typed in piece by piece is told when it is whole."""
    typed = [datetime.fromisoformat(at) for at, data in book.letters("observed") if data["indicator"] == "T03-I2"]
    for told in book.told:
        if told.item.startswith("T03-F1@") and told.verdict:
            at = told.message.time
            if any(at - TYPED <= one <= at for one in typed) and any(at < one <= at + TYPED for one in typed):
                yield told.against("told-while-typed", "Y5", "出生人口还在逐年录入")


def unchanged_again(book: Book) -> Iterator[Finding]:
    """Y6: what cannot change before the next period is told when it is known, and once a quarter."""
    for chat, lines in book.by_chat.items():
        seen: dict[tuple[str, str], str] = {}
        said: dict[str, tuple[str, str]] = {}  # item → what was said of it last
        for told in lines:
            if chat == ADMIN or told.verdict not in BAD or told.message.again:
                continue
            have = known(values(book, told.figure), told.message.at)
            key = (told.item, str(max(have.items())) if have else told.text.split("）", 1)[-1])
            quarter = _quarter(told.message.day)
            if said.setdefault(told.item, key) != key:  # another value was told in between, and taken back
                seen.pop(key, None)
            said[told.item] = key
            if seen.get(key) == quarter:
                yield told.against("unchanged-again", "Y6", "本季度已经告知过，数没有变")
            seen[key] = quarter if key in seen else "first"


def _quarter(day: date) -> str:
    return f"{day.year}Q{(day.month + 2) // 3}"


def made_good_since(book: Book) -> Iterator[Finding]:
    """Y6: what a later period made good is over."""
    for told in book.told:
        said = SAID_VALUE.search(told.text.split("）", 1)[-1])
        if told.verdict not in BAD or not said or not said[1] or not told.item.endswith((":保持", ":只增不减")):
            continue
        have = known(values(book, told.figure), told.message.at)
        if have and said[1] < max(have) and is_bad(book, told.item, told.message.at) is False:
            yield told.against("made-good-since", "Y6", f"{max(have)}已经达到要求")


FINDERS = (
    untrue_verdicts, last_words, withdrawn_untold, several_verdicts, points_of_progress, recovery_of_nothing, told_while_typed,
    unchanged_again, made_good_since,
)  # fmt: skip
