"""What comes from outside is checked against the rules before it is kept: an event about something that does not exist
would be believed for ever and change nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date, datetime
from functools import singledispatch

from bot.core import events as e
from bot.core.findings import find_item, items_of
from bot.core.item import Item
from bot.core.notices import ADMIN, LEADING_GROUP
from bot.core.rulebook import Rulebook
from bot.shell.problems import near

YEARS = range(2000, 2101)  # calendars end somewhere; a date beyond is a slip of the keyboard
HISTORY = 10  # years before the plan's first whose values may be handed in, for trends


class Refused(Exception):  # noqa: N818 - it is an answer, not an error of ours
    """Why an event is not taken in, as a Chinese sentence without its full stop."""


def vetted(event: e.Event, rulebook: Rulebook, chats: Collection[str], today: date) -> e.Event:
    """The event with former ids replaced by today's. Raises Refused when it speaks of what is not there."""
    _check_year(event.time)
    payload = _vet(event.payload, _Desk(rulebook, chats, today))
    return event.model_copy(update={"data": payload.model_dump(mode="json")})


def periods_of(rulebook: Rulebook, indicator: str, today: date) -> list[str]:
    """Period labels a value may be handed in for: those with a report or a target, and years past for trends."""
    until = date(max(today.year + 2, 2036), 12, 31)
    own = (f"{indicator}:", f"{indicator}@")
    found = {item.period for item in items_of(rulebook, until) if item.id.startswith(own)}
    first = rulebook.plan.starts_on.year
    return sorted(found | {str(first - back) for back in range(1, HISTORY + 1)})


class _Desk:
    """The rules at hand, and how to say that something is not in them."""

    def __init__(self, rulebook: Rulebook, chats: Collection[str], today: date) -> None:
        self.rulebook, self.today = rulebook, today
        self.chats = {*rulebook.addressable, ADMIN, LEADING_GROUP, *chats}

    def item(self, name: str) -> Item:
        found = find_item(self.rulebook, name, self.today)
        if found is None:
            items = items_of(self.rulebook, date(self.today.year + 2, 12, 31))
            raise _unknown("事项", name, [one.id for one in items])
        return found

    def indicator(self, name: str) -> str:
        return _one_of("指标", name, [one.id for one in self.rulebook.indicators])

    def target(self, name: str) -> str:
        """An item, or a rule with all its items."""
        rule = self.rulebook.by_id.get(name)
        return rule.id if rule else self.item(name).id

    def chat(self, name: str) -> str:
        return _one_of("群聊", self.rulebook.unit_aliases.get(name, name), self.chats)


def _unknown(kind: str, word: str, known: Iterable[str]) -> Refused:
    match = near(word, known)
    return Refused(f"没有{kind}“{word[:40]}”{f'，是不是“{match}”？' if match else ''}")


def _one_of(kind: str, word: str, known: Collection[str]) -> str:
    if word not in known:
        raise _unknown(kind, word, known)
    return word


def _check_year(when: date | datetime) -> None:
    if when.year not in YEARS:
        raise Refused(f"日期{when.year}年超出范围")


@singledispatch
def _vet(payload: e.Payload, desk: _Desk) -> e.Payload:
    """Refusals are the bot's own to write."""
    raise Refused(f"不接受外来的{payload.type}事件")


@_vet.register
def _(payload: e.Observed, desk: _Desk) -> e.Payload:
    desk.indicator(payload.indicator)
    _one_of(f"{payload.indicator}的期别", payload.period, periods_of(desk.rulebook, payload.indicator, desk.today))
    return payload


@_vet.register(e.Done)
@_vet.register(e.Closed)
@_vet.register(e.Returned)
def _(payload: e.Done | e.Closed | e.Returned, desk: _Desk) -> e.Payload:
    return payload.model_copy(update={"item": desk.item(payload.item).id})


@_vet.register
def _(payload: e.Extended, desk: _Desk) -> e.Payload:
    item = desk.item(payload.item)
    _check_year(payload.to)
    if item.due_on is None:
        raise Refused(f"{item.id}没有时限，不能延期")
    if payload.to <= item.due_on:
        raise Refused(f"新时限{payload.to}不晚于原时限{item.due_on}")
    return payload.model_copy(update={"item": item.id})


@_vet.register
def _(payload: e.Silenced, desk: _Desk) -> e.Payload:
    _check_year(payload.until)
    if bool(payload.item) == bool(payload.chat):
        raise Refused("静默要写明一个事项或一个群聊，只写一样")
    if payload.chat:
        return payload.model_copy(update={"chat": desk.chat(payload.chat)})
    return payload.model_copy(update={"item": desk.target(payload.item)})


@_vet.register
def _(payload: e.Confirmed, desk: _Desk) -> e.Payload:
    rules, leads = {rule.id for rule in desk.rulebook.rules}, {owner.id for owner in desk.rulebook.owners}
    for name in payload.rules:
        _one_of("事项", name, rules)
    for name in payload.leads:
        _one_of("任务", name, rules | leads)
    return payload
