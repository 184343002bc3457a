"""When things may be said: nothing is late before it was heard of, lists have their day, offices have hours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta

from tests.year.book import OPEN_WORDS, Book, Finding, Told, moments
from tests.year.plan import Duty
from tests.year.record import ADMIN, Said

GRACE = 10  # workdays between a unit's first hearing and its being late
ARISEN = re.compile(r"^[TS]\d\d-[CB]\d")  # cases and bans have their own dates


def claims_of_lateness(book: Book) -> Iterator[Finding]:
    """T2, Y2: late counts from ten workdays after the unit first heard, at the earliest."""
    for told in book.told:
        duty = book.duties.get(told.item)
        if not told.late or duty is None or ARISEN.match(told.item):
            continue
        heard, day = _first_hearing(book, duty), told.message.day
        if not heard or heard > told.message.at:
            yield told.against(*_kind(book, told), "逾期之前，责任单位没有听说过这件事")
            continue
        earliest = book.last_days.after(date.fromisoformat(heard[:10]), GRACE)
        if day - timedelta(days=told.late) < earliest:
            yield told.against(*_kind(book, told), f"{heard[:10]}才第一次告知，{earliest}以后才谈得上逾期")


def _first_hearing(book: Book, duty: Duty) -> str:
    """The first hearing of whoever was answerable for it at any time."""
    leads = {plan.duties[duty.id].lead for _, plan in book.versions if duty.id in plan.duties}
    return min(filter(None, (book.first_heard(lead, duty.id) for lead in leads)), default="")


def _kind(book: Book, told: Told) -> tuple[str, str]:
    """Whether the item was there from the beginning, or was added or confirmed since."""
    late_tasks = {task for act in book.acts("confirm") if not act.what.get("all_but") for task in act.what["tasks"]}
    added = told.item not in book.versions[0][1].duties
    if added or told.rule.split("-")[0] in late_tasks:
        return "late-though-new", "Y2"
    return "late-before-heard", "T2"


def blame_of_newcomers(book: Book) -> Iterator[Finding]:
    """T2, Y4: who became answerable for something late has ten workdays, too."""
    for told in book.told:
        duty = book.plan(told.message.at).duties.get(told.item)
        since = _answerable_since(book, duty, told.message.at) if duty and told.late else ""
        if duty is None or not since:
            continue
        earliest = book.last_days.after(date.fromisoformat(since[:10]), GRACE)
        if told.message.day - timedelta(days=told.late) < earliest:
            yield told.against(
                "newcomer-blamed", "Y4", f"{duty.lead}从{since[:10]}起才负责，{earliest}以后才谈得上逾期"
            )


def _answerable_since(book: Book, duty: Duty, moment: str) -> str:
    """When the present lead took over from another unit; nothing if it always led, or took that unit in."""
    found, was = "", duty.lead
    for at, plan in book.versions:
        lead = plan.duties[duty.id].lead if duty.id in plan.duties and at <= moment else was
        if book.plan(moment).now(lead) != book.plan(moment).now(was):
            found = at
        was = lead
    return found


def lists_on_other_days(book: Book) -> Iterator[Finding]:
    """Y2: a month's list leaves on the first sending day of the month."""
    for message in book.messages:
        listed = "月度清单" in message.title or any("月度清单" in line for line in message.lines)
        first = book.days(message.at).first_sending_day(message.day.replace(day=1))
        if listed and message.day != first and not book.is_troubled(message.chat, str(first), message.at):
            yield about(message, "list-on-another-day", "Y2", f"本月第一个能发的日子是{first}")


def outside_hours(book: Book) -> Iterator[Finding]:
    """Y8: in office hours of working days, never on the hour or half hour."""
    for message in book.messages:
        days = book.days(message.at)
        if not days.may_send(message.day):
            yield about(message, "day-off", "Y8", "这天不上班")
        elif not days.open(message.time):
            yield about(message, "outside-hours", "Y8", "不在办公时间")
        elif message.time.minute in (0, 30):
            yield about(message, "crowded-minute", "Y8", "整点或半点")


def over_budget(book: Book) -> Iterator[Finding]:
    """Y8: a chat gets one digest and two singles a day; what goes again does not count."""
    seen: dict[tuple[str, date, bool], int] = {}
    for message in book.messages:
        single = bool(message.lines) and message.lines[0].startswith("编号：")
        key = (message.chat, message.day, single)
        seen[key] = seen.get(key, 0) + (not message.again)
        if not message.again and seen[key] > (2 if single else 1):
            yield about(message, "over-budget", "Y8", f"当天第{seen[key]}条{'单发' if single else '汇总'}")


def told_twice_ahead(book: Book) -> Iterator[Finding]:
    """N9: a rung whose day moves is not told twice: ahead of a date nothing is said on two sending days running."""
    for lines in book.by_item.values():
        last: dict[str, Told] = {}
        for told in lines:
            if (
                "剩余" not in told.text
                or "本月到期" in told.heading
                or "退回" in told.message.title
                or told.message.again
            ):
                continue
            before = last.get(told.message.chat, told)
            running = book.last_days.after(before.message.day, 1) >= told.message.day
            if before.message is not told.message and before.limit == told.limit and running:
                yield told.against("rung-twice", "N9", f"{before.message.at[:10]}刚提醒过")
            last[told.message.chat] = told


def chased_though_done(book: Book) -> Iterator[Finding]:
    """D6: what is reported done or struck off is not asked for, in whatever message, nor handed over."""
    standing = _standing(book)
    for told in book.told:
        asks = any(word in told.text for word in OPEN_WORDS) and told.heading != "已办结"
        if not asks and not told.hands_over:
            continue
        states = {_state(standing.get(told.item, []), moment) for moment in moments(told)}
        if states <= {"done", "closed"}:
            yield told.against("chased-though-done", "D6", f"此前已{'报办结' if 'done' in states else '销号'}")


def _state(said: list[tuple[str, str]], moment: str) -> str:
    """What was said of an item last."""
    return next((state for at, state in reversed(said) if at <= moment), "")


def _standing(book: Book) -> dict[str, list[tuple[str, str]]]:
    """What was said of each item, in order."""
    found: dict[str, list[tuple[str, str]]] = {}
    for kind in ("done", "closed", "returned"):
        for at, data in book.letters(kind):
            found.setdefault(data["item"], []).append((at, kind))
    for said in found.values():
        said.sort()
    return found


def old_dates(book: Book) -> Iterator[Finding]:
    """D6: a date that is given is the one in force, extensions and edits considered."""
    granted: dict[str, list[tuple[str, date]]] = {}
    for at, data in book.letters("extended"):
        granted.setdefault(data["item"], []).append((at, date.fromisoformat(data["to"])))
    for told in book.told:
        duty = book.plan(told.message.at).duties.get(told.item)
        later = [to for at, to in granted.get(told.item, ()) if at <= moments(told)[1]]
        if (
            told.hands_over
            and later
            and not any(word in told.text for word in ("延", f"{later[-1].month}月{later[-1].day}日"))
        ):
            yield told.against("old-date", "D6", f"已延期至{later[-1]}")
        if told.limit is None or duty is None or told.hands_over:
            continue
        right = later[-1] if later else duty.due
        if told.limit not in (right, _asked_late(book, duty)):
            yield told.against("old-date", "D6", f"时限应为{right}")


def _asked_late(book: Book, duty: Duty) -> date | None:
    """The later date until which something is asked for that was due before its unit heard of it."""
    heard = _first_hearing(book, duty)
    return book.last_days.after(date.fromisoformat(heard[:10]), GRACE) if heard else None


def about(message: Said, kind: str, case: str, why: str) -> Finding:
    """A finding about a whole message."""
    return Finding(kind, case, message.at, message.chat, message.title, why)


def silenced_and_told(book: Book) -> Iterator[Finding]:
    """N6: whoever asked for silence, under whatever name, has it."""
    for at, data in book.letters("silenced"):
        span = (at, data["until"][:19])
        if item := data.get("item"):
            lines = [told for told in book.told if told.rule == item and told.message.chat != ADMIN]
        else:
            lines = list(_only_for(book, data["chat"], at))
        for told in lines:
            if at <= moments(told)[1] and told.message.at <= span[1]:
                yield told.against("silence-ignored", "N6", f"{item or data['chat']}静默至{span[1][:10]}")


def _only_for(book: Book, unit: str, at: str) -> Iterator[Told]:
    """The lines in a unit's chat that are for nobody else there."""
    chat = book.script.shared.get(unit, unit)
    others = {name for name, where in book.script.shared.items() if where == chat} | {chat} if chat != unit else set()
    for told in book.by_chat.get(chat, ()):
        rule = book.plan(at).rules.get(told.rule)
        named = {book.plan(at).lead(told.rule), *(rule.get("配合") or ())} if rule else set()
        if chat == unit or (unit in named and not named & (others - {unit})):
            yield told


FINDERS = (
    claims_of_lateness, blame_of_newcomers, lists_on_other_days, outside_hours, over_budget, told_twice_ahead, chased_though_done,
    old_dates, silenced_and_told,
)  # fmt: skip
