"""Checks events from outside against the rules before they are stored.

An event about something that does not exist would stay in the journal for ever and have no effect, so it is refused.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date, datetime
from decimal import Decimal
from functools import singledispatch

from bot.core.deciding.addressees import ADMIN, LEADING_GROUP, SUPERVISOR, key_of
from bot.core.deciding.findings import arisen_items, canonical, find_item, items_of
from bot.core.facts import events as e
from bot.core.facts.case_steps import Leg, Procedure, current_leg, legs, not_reached, path_of, procedure_of
from bot.core.facts.cases import Case
from bot.core.facts.facts import Facts
from bot.core.facts.plausible import value_doubt
from bot.core.facts.renaming import payload_of_today
from bot.core.facts.withdrawing import nothing_to_withdraw
from bot.core.rules.forms import reckonable
from bot.core.rules.item import Item, long_date
from bot.core.rules.item_ids import (
    CaseStep,
    is_case_number,
    is_one_of,
    is_year,
    split_case,
    split_step,
    typed_id,
    without_step,
)
from bot.core.rules.rulebook import Rule, Rulebook
from bot.core.time.grammar import WordError
from bot.core.time.near import near
from bot.core.time.zone import day_of

YEARS = range(2000, 2101)  # a date in any other year is taken for a typing error
HISTORY = 20  # years before the plan whose values may be reported: for trends, and births of today's pupils


class Refused(Exception):  # noqa: N818 - an answer to the sender, not a failure of the bot
    """Why an event is refused, as a Chinese sentence without its full stop."""


def vetted(
    event: e.Event, rulebook: Rulebook, chats: Collection[str], today: date, facts: Facts, *, reasons: bool = True
) -> e.Event:
    """The event with former ids replaced by today's. Raises Refused when it names something that does not exist.

    Without `reasons` none is asked for: a rule test may leave them out.
    """
    _check_year(event.time)
    meant = _meant(event.payload)
    if reasons:
        _check_reason(meant)
    lookup = _Lookup(rulebook, chats, today, facts, event.time)
    lookup.no_whole_case(meant)
    payload = _vet(payload_of_today(meant, rulebook.succession, facts.cases), lookup)
    return event.model_copy(update={"data": payload.model_dump(mode="json")})


def _meant(payload: e.Payload) -> e.Payload:
    """The payload with its ids and its period without slips of the keyboard."""
    typed = {name: getattr(payload, name, "") for name in ("item", "indicator", "period", "rule", "case")}
    return payload.model_copy(update={name: typed_id(text) for name, text in typed.items() if text})


def _check_reason(payload: e.Payload) -> None:
    """Refuses a blank reason where one is required."""
    field = type(payload).model_fields.get("reason")
    if field is not None and field.is_required() and not getattr(payload, "reason", "").strip():
        raise Refused("原因没有填写")


def periods_of(rulebook: Rulebook, indicator: str, today: date) -> list[str]:
    """Labels of the periods for which a value may be reported: those with a report or a target, and past ones for trends.

    Past ones are years and the reporting periods of the indicator before the plan began, `HISTORY` years back.
    """
    until = date(max(today.year + 2, 2036), 12, 31)
    found = {item.period for item in items_of(rulebook, until) if is_one_of(item.id, indicator) and item.period}
    first = rulebook.plan.starts_on.year
    past = {str(first - back) for back in range(1, HISTORY + 1)}
    form = next(one for one in rulebook.indicators if one.id == indicator)
    earlier = form.reporting.cadence.periods(rulebook.calendar, date(first - HISTORY, 1, 1), until)
    return sorted(found | past | {period.label for period in earlier if period.opens < rulebook.plan.starts_on})


def opening_of(rulebook: Rulebook, indicator: str, label: str) -> date:
    """The first day of a period of an indicator."""
    form = next(one for one in rulebook.indicators if one.id == indicator)
    try:
        return form.reporting.cadence.period(rulebook.calendar, label).opens
    except WordError:  # a year before the plan, for trends
        return date(int(label[:4]), 1, 1)


class _Lookup:
    """Finds what an event names in rules and facts; raises Refused when it is not there."""

    def __init__(self, rulebook: Rulebook, chats: Collection[str], today: date, facts: Facts, said: datetime) -> None:
        self.rulebook, self.today, self.facts, self.said = rulebook, today, facts, said
        self.said_on = min(day_of(said), today)
        self.robots = chats  # chats that have a robot
        self.chats = {*rulebook.addressable, ADMIN, LEADING_GROUP, *chats}

    def item(self, name: str) -> Item:
        found = find_item(self.rulebook, name, self.today, self.facts)
        if found is None:
            self._refuse_quietly(canonical(self.rulebook, name, self.facts))
            items = items_of(self.rulebook, date(self.today.year + 2, 12, 31))
            arisen = arisen_items(self.rulebook, self.facts)
            raise _unknown("事项", name, [without_step(one.id) for one in (*items, *arisen)])
        return found

    def no_whole_case(self, payload: e.Payload) -> None:
        """Refuses a whole case where a step is meant: only 销号 and 静默 are for a case as a whole."""
        name = getattr(payload, "item", "")
        if (
            not isinstance(payload, e.Closed | e.Silenced | e.Withdrawn)
            and split_case(self.rulebook.succession.renumbered(name)) in self.facts.cases
        ):
            raise Refused(f"{name}是一整件，请在后面写“#”和步骤的名称")

    def _refuse_quietly(self, name: str) -> None:
        """Refuses what looks like a case without quoting it: it may be a person's name, and the admin chat shows refusals."""
        rule, mark, rest = name.partition("@")
        if not mark or rule not in self.rulebook.by_id or procedure_of(self.rulebook.by_id[rule]) is None:
            return
        number, border, _ = rest.partition("#")
        if border or not is_year(number):
            _check_number(number)
        if border:
            case = self.case(rule, number).id
            unreached = not_reached(name, self.rulebook.by_id, self.facts, self.rulebook.calendar)
            raise Refused(unreached or f"{case}没有这一步")

    def case_rule(self, name: str) -> tuple[Rule, Procedure]:
        """A rule under which cases are opened, and the steps of its cases."""
        rule = self.rulebook.by_id.get(name)
        procedure = procedure_of(rule) if rule else None
        if rule is None or procedure is None:
            known = [one.id for one in self.rulebook.rules if procedure_of(one)]
            raise Refused(f"{rule.id}不是办件或禁止事项，没有件可登记") if rule else _unknown("办件事项", name, known)
        return rule, procedure

    def case(self, name: str, number: str) -> Case:
        """An opened case."""
        rule, _ = self.case_rule(name)
        _check_number(number)
        found = self.facts.cases.get((rule.id, number))
        if found is None:
            known = [one.number for one in self.facts.cases.values() if one.rule == rule.id]
            raise _unknown(f"{rule.id}的件", number, known)
        return found

    def open_leg(self, case: Case) -> Leg:
        """The current step of a case."""
        _, procedure = self.case_rule(case.rule)
        leg = current_leg(legs(case, procedure, self.facts, self.rulebook.calendar))
        if leg is None:
            raise Refused(f"{case.id}已经办结")
        return leg

    def past(self, on: date, what: str, since: date, since_what: str) -> None:
        """Refuses a day in the future, or before `since`."""
        _check_year(on)
        if on > self.today:
            raise Refused(f"{what}{on}还没有到")
        if on < since:
            raise Refused(f"{what}{on}早于{since_what}{since}")

    def begun(self, indicator: str, period: str) -> None:
        """Refuses a period that has not begun. Planned values may be entered ahead: seats of a school under construction."""
        opens = opening_of(self.rulebook, indicator, period)
        planned = (name for rule in self.rulebook.rules for name in rule.kind.planned(rule.form))
        if opens > self.said_on and indicator not in planned:
            raise Refused(f"{indicator}的{period}这一期{long_date(opens)}才开始，还没有终值可报，请核对期别")

    def indicator(self, name: str) -> str:
        return _one_of("指标", name, [one.id for one in self.rulebook.indicators])

    def target(self, name: str) -> str:
        """The id of an item, or of what stands for several: a rule, a case."""
        rule = self.rulebook.by_id.get(name)
        return rule.id if rule else self.item_or_case(name)

    def item_or_case(self, name: str) -> str:
        """The id of an item or of a whole case."""
        today = canonical(self.rulebook, name, self.facts)
        return today if split_case(today) in self.facts.cases else self.item(name).id

    def unclosed(self, name: str) -> str:
        """The same id; refuses what is struck off, which only 退回 opens again."""
        mark = self.facts.marks.get(name)
        if mark and mark.what == "closed":
            raise Refused(f"{name}已于{day_of(mark.at)}销号；要重新督办请先退回（duban return）")
        return name

    def chat(self, name: str) -> str:
        """A chat, or a name that is told somewhere: a unit, its 分管领导; with or without a chat of its own."""
        called = addressee_called(self.rulebook, name)
        unit = called.removesuffix(f"·{SUPERVISOR}")
        if called in self.chats or unit in self.chats:
            return called
        # A leader is never taken for the unit, whose chat hears much more.
        raise _unknown("群聊", name, _leaders(self.chats) if SUPERVISOR in name else self.chats)


def addressee_called(rulebook: Rulebook, name: str) -> str:
    """Today's name of a chat or an addressee that a person called by an alias or a former name; it need not exist."""
    unit, mark, leader = key_of(name.strip()).partition("·")
    return rulebook.succession.addressee(f"{rulebook.unit_aliases.get(unit, unit)}{mark}{leader}")


def _leaders(chats: Iterable[str]) -> list[str]:
    return [one if one.endswith(SUPERVISOR) else f"{one}·{SUPERVISOR}" for one in chats]


def _unknown(kind: str, word: str, known: Iterable[str]) -> Refused:
    match = near(word, known)
    return Refused(f"没有{kind}“{word[:40]}”{f'，是不是“{match}”？' if match else ''}")


def _one_of(kind: str, word: str, known: Collection[str]) -> str:
    if word not in known:
        raise _unknown(kind, word, known)
    return word


def _check_number(number: str) -> None:
    if not is_case_number(number):
        raise Refused("件的编号只用数字、大写字母和连字符，如 2027-003，不超过20个字，也不能只是四位数字")


def _check_year(when: date | datetime) -> None:
    if when.year not in YEARS:
        raise Refused(f"日期{when.year}年超出范围")


@singledispatch
def _vet(payload: e.Payload, lookup: _Lookup) -> e.Payload:
    """Checks one payload and replaces former ids. Payload types without an implementation are written by the bot only."""
    raise Refused(f"不接受外来的{payload.type}事件")


@_vet.register
def _(payload: e.Observed, lookup: _Lookup) -> e.Payload:
    indicator = lookup.indicator(lookup.rulebook.succession.renumbered(payload.indicator))
    _one_of(f"{indicator}的期别", payload.period, periods_of(lookup.rulebook, indicator, lookup.today))
    if payload.final:  # a preliminary value, such as a budget, may come before its period and is judged by nothing
        lookup.begun(indicator, payload.period)
    if not reckonable(payload.value):
        raise Refused(f"{indicator}的数值过大或位数过多，请核对")
    form = next(one for one in lookup.rulebook.indicators if one.id == indicator)
    if not payload.confirmed and value_doubt(form, payload.period, payload.value, lookup.facts):
        # without the numbers: the admin chat shows refusals
        raise Refused(f"{indicator} {payload.period}的数值与目标或往期相差悬殊，核对无误后写明 confirmed 再报")
    value = Decimal(f"{payload.value:f}")  # 1e2 is shown as 100
    return payload.model_copy(update={"indicator": indicator, "value": value})


@_vet.register
def _(payload: e.Closed, lookup: _Lookup) -> e.Payload:
    return payload.model_copy(update={"item": lookup.unclosed(lookup.item_or_case(payload.item))})


@_vet.register
def _(payload: e.Done, lookup: _Lookup) -> e.Payload:
    return payload.model_copy(update={"item": lookup.unclosed(lookup.item(payload.item).id)})


@_vet.register
def _(payload: e.Returned, lookup: _Lookup) -> e.Payload:
    return payload.model_copy(update={"item": lookup.item(payload.item).id})


@_vet.register
def _(payload: e.Extended, lookup: _Lookup) -> e.Payload:
    item = lookup.item(payload.item)
    _check_year(payload.to)
    if item.due_on is None:
        raise Refused(f"{item.id}没有时限，不能延期")
    if payload.to <= item.due_on:
        raise Refused(f"新时限{payload.to}不晚于原时限{item.due_on}")
    granted = lookup.facts.extension_of(item)
    if granted and payload.to <= granted.to:
        raise Refused(f"{item.id}已延期至{granted.to}，新时限{payload.to}不晚于它；要改早，请先撤回延期")
    return payload.model_copy(update={"item": item.id})


@_vet.register
def _(payload: e.CaseOpened, lookup: _Lookup) -> e.Payload:
    rule, procedure = lookup.case_rule(payload.rule)
    _check_number(payload.case)
    if (rule.id, payload.case) in lookup.facts.cases:
        raise Refused(f"{rule.id}的{payload.case}已经登记过，每件一个编号")
    if payload.category and payload.category not in procedure.categories:
        known = f"，可用：{'、'.join(procedure.categories)}" if procedure.categories else "，不要写类别"
        raise Refused(f"{rule.id}没有所写的类别{known}")
    if not payload.category and any(not one.span for one in procedure.limits) and not procedure.total:
        raise Refused(f"时限按类别定，请写明类别：{'、'.join(procedure.categories)}")
    lookup.past(payload.on, "登记日期", date.min, "")
    return payload.model_copy(update={"rule": rule.id, "steps": rule.kind.step_names(rule.form)})


@_vet.register
def _(payload: e.CaseAdvanced, lookup: _Lookup) -> e.Payload:
    name, number, step = _written_step(payload.item, lookup.rulebook) or (*split_case(payload.item), "")
    case = lookup.case(name, number)
    leg = lookup.open_leg(case)
    if step not in (leg.name, leg.title):
        _, procedure = lookup.case_rule(name)
        places = {known: f"第{place}步" for place, (known, _) in enumerate(path_of(case, procedure), 1)}
        raise Refused(f"{case.id}现在是第{leg.step}步，不是{places.get(step, '所写的那一步')}")
    if leg.paused_since:
        raise Refused(f"{case.id}自{leg.paused_since}暂停计时，请先恢复计时")
    lookup.past(payload.on, "办完日期", _ran_since(case, leg), "本步开始（或恢复计时）的日期")
    return payload.model_copy(update={"item": CaseStep(case.rule, number, leg.name).id})


@_vet.register
def _(payload: e.CasePaused, lookup: _Lookup) -> e.Payload:
    case = lookup.case(payload.rule, payload.case)
    leg = lookup.open_leg(case)
    if leg.paused_since:
        raise Refused(f"{case.id}自{leg.paused_since}起已经暂停计时")
    lookup.past(payload.on, "暂停日期", _ran_since(case, leg), "本步开始（或恢复计时）的日期")
    return payload.model_copy(update={"rule": case.rule})


@_vet.register
def _(payload: e.CaseResumed, lookup: _Lookup) -> e.Payload:
    case = lookup.case(payload.rule, payload.case)
    if case.paused_since is None:
        raise Refused(f"{case.id}没有暂停计时，不必恢复")
    lookup.past(payload.on, "恢复日期", case.paused_since, "暂停日期")
    return payload.model_copy(update={"rule": case.rule})


def _written_step(item: str, rulebook: Rulebook) -> CaseStep | None:
    """The step that an id names, in today's form or, of a case that does not exist, by its position."""
    return split_step(item) or rulebook.succession.step(item)


def _ran_since(case: Case, leg: Leg) -> date:
    """The day on which the current step began, or on which it was last resumed."""
    resumed = [pause.until for pause in case.pauses if pause.until]
    return max([leg.started_on, *resumed])


@_vet.register
def _(payload: e.Silenced, lookup: _Lookup) -> e.Payload:
    _check_year(payload.until)
    if bool(payload.item) == bool(payload.chat):
        raise Refused("静默要写明一个事项或一个群聊，只写一样")
    if payload.until <= lookup.said or day_of(payload.until) < lookup.today:
        raise Refused(f"静默到{day_of(payload.until)}，已经过去")
    if payload.chat:
        return payload.model_copy(update={"chat": lookup.chat(payload.chat)})
    return payload.model_copy(update={"item": lookup.target(payload.item)})


@_vet.register
def _(payload: e.ResendAsked, lookup: _Lookup) -> e.Payload:
    if not payload.chat:
        return payload
    return payload.model_copy(update={"chat": _one_of("有机器人的群聊", payload.chat, lookup.robots)})


@_vet.register
def _(payload: e.RobotMended, lookup: _Lookup) -> e.Payload:
    return payload


@_vet.register
def _(payload: e.Confirmed, lookup: _Lookup) -> e.Payload:
    rules = {rule.id for rule in lookup.rulebook.rules}
    leads = {rule.lead_key for rule in lookup.rulebook.rules} | {owner.id for owner in lookup.rulebook.owners}
    for name in payload.rules:
        _one_of("事项", name, rules)
    for name in payload.leads:
        _one_of("任务", name, rules | leads)
    return payload


@_vet.register
def _(payload: e.Withdrawn, lookup: _Lookup) -> e.Payload:
    payload = _named_today(payload, lookup)
    if sentence := nothing_to_withdraw(payload, lookup.facts, lookup.said):
        _refuse_unknown(payload, lookup)
        raise Refused(sentence)
    return payload


def _named_today(payload: e.Withdrawn, lookup: _Lookup) -> e.Withdrawn:
    """What is withdrawn, under the ids that facts have: a step of a case by its name, a unit by its full name."""
    update: dict[str, str] = {}
    if payload.what == "case_advanced":
        step = _written_step(payload.item, lookup.rulebook)
        update["item"] = step.id if step else payload.item
    elif payload.item and payload.what not in ("silenced", "confirmed"):
        update["item"] = canonical(lookup.rulebook, payload.item, lookup.facts)
    elif payload.item and payload.item in lookup.rulebook.by_id:
        update["item"] = lookup.rulebook.by_id[payload.item].id
    if payload.chat:
        update["chat"] = lookup.chat(payload.chat)
    return payload.model_copy(update=update)


def _refuse_unknown(payload: e.Withdrawn, lookup: _Lookup) -> None:
    """Refuses a name that nothing has, with the nearest one: nothing was entered under it because it is misspelt."""
    if payload.what == "observed":
        _one_of(
            f"{lookup.indicator(payload.indicator)}的期别",
            payload.period,
            periods_of(lookup.rulebook, payload.indicator, lookup.today),
        )
    elif payload.what.startswith("case_"):
        lookup.case(*(split_step(payload.item) or (payload.rule, payload.case))[:2])
    elif payload.what == "confirmed":
        rules = lookup.rulebook.rules
        _one_of("事项或任务", payload.item, {name for rule in rules for name in (rule.id, rule.owner, rule.lead_key)})
    elif not payload.chat:
        lookup.target(payload.item)
