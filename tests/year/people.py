"""What people type and who becomes answerable: reasons reach their unit, what is registered is heard of, duties are handed over."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from itertools import pairwise
from typing import Any

from tests.year.book import OPEN_WORDS, Book, Finding, Told, moments
from tests.year.plan import Duty, Plan
from tests.year.record import LEADERS

#: Event → words that tell its unit of it.
REGISTERED = {
    "done": ("待核", "已报办结", "办结"),
    "closed": ("销号", "办结"),
    "extended": ("延期", "延至"),
    "returned": ("退回",),
}
WITHDRAWN = ("取消", "撤销", "不再", "调整", "移出")
HANDED = 3  # workdays


def lost_reasons(book: Book) -> Iterator[Finding]:
    """M1: the reason of a return reaches the lead; of a sensitive item only that it was returned."""
    for at, data in book.letters("returned"):
        duty = book.plan(at).duties.get(data["item"]) or book.duties.get(data["item"])
        if duty is None:
            continue
        deadline = book.well_by(duty.lead, at, 2)
        if book.is_over(deadline) or _unconfirmed(book, duty, at) or _overtaken(book, data["item"], at, deadline):
            continue
        reason = "退回" if duty.sensitive else data["reason"]
        if not any(reason in told.text for told in book.heard(duty.lead, data["item"], at, deadline)):
            yield Finding(
                "reason-lost", "M1", at, duty.lead, data["item"], f"退回原因“{data['reason']}”没有告诉牵头单位"
            )


def untold_registers(book: Book) -> Iterator[Finding]:
    """M4: who leads it then hears what was registered for it, by its month's list at the latest."""
    for kind, words in REGISTERED.items():
        for at, data in book.letters(kind):
            duty = book.plan(at).duties.get(data["item"]) or book.duties.get(data["item"])
            deadline = book.next_list(at)
            if duty is None or book.is_over(deadline) or _overtaken(book, data["item"], at, deadline):
                continue
            later = book.plan(deadline).duties.get(duty.id)
            if (
                book.is_hushed(duty.id, at, deadline)
                or _unconfirmed(book, duty, at)
                or (later is not None and later.lead != duty.lead)
            ):
                continue
            heard = book.heard(duty.lead, data["item"], at, deadline)
            if not any(word in told.text or word in told.heading for told in heard for word in words):
                yield Finding(
                    "register-untold", "M4", at, duty.lead, f"{kind} {data['item']}", f"到{deadline[:10]}没有告诉单位"
                )


def _unconfirmed(book: Book, duty: Duty, at: str) -> bool:
    """Whether its task was confirmed only later: until then no unit is told of it."""
    return any(
        at < act.at and duty.task in act.what["tasks"] and not act.what.get("all_but") for act in book.acts("confirm")
    )


def _overtaken(book: Book, item: str, at: str, deadline: str) -> bool:
    """Something later was registered before the unit had to hear of this."""
    return any(other["item"] == item and at < when <= deadline for when, other in book.letters(*REGISTERED))


def progress_nobody_reported(book: Book) -> Iterator[Finding]:
    """M3: 正常推进 claims something; it is not said where nobody has said anything."""
    reported = {data["item"]: at for at, data in reversed(list(book.letters("done")))}
    for told in book.told:
        claims = told.heading == "正常推进" or "正常推进" in told.text
        if claims and reported.get(told.item, "9") > told.message.at:
            yield told.against("progress-claimed", "M3", "没有人报告过进展")


def not_handed_over(book: Book) -> Iterator[Finding]:
    """Y4: whoever becomes answerable for something is handed it."""
    for at, plan, rule in (*_changes(book), *_confirmed_late(book)):
        lead = _answerable(plan)[rule]
        if not book.is_over(book.by(at, HANDED)) and not _hears_of(book, plan, rule, at, book.by(at, HANDED)):
            yield Finding("not-handed-over", "Y4", at, lead, rule, f"自{at[:10]}起由它负责，三个工作日内没有交给它")


def _changes(book: Book) -> Iterator[tuple[str, Plan, str]]:
    """When a rule came to another lead, or came into being."""
    for (_, before), (at, after) in pairwise(book.versions):
        for rule, lead in sorted(_answerable(after).items()):
            was = before.lead(rule) if rule in before.rules else ""
            if lead != after.now(was) or _merged(before, after, was):
                yield at, after, rule


def _confirmed_late(book: Book) -> Iterator[tuple[str, Plan, str]]:
    """What was confirmed after the others."""
    for act in book.acts("confirm"):
        plan = book.plan(act.at)
        if not act.what.get("all_but"):
            rules = {duty.rule for duty in plan.duties.values() if duty.task in act.what["tasks"] and not duty.figure}
            yield from ((act.at, plan, rule) for rule in sorted(rules))


def _answerable(plan: Plan) -> Mapping[str, str]:
    """Who leads every rule with a date."""
    return {duty.rule: duty.lead for duty in plan.duties.values() if not duty.figure}


def _merged(before: Plan, after: Plan, unit: str) -> bool:
    """Whether a unit went up in another one between two versions."""
    return after.now(unit) != unit and unit == before.now(unit) and after.now(unit) in before.units


def _hears_of(book: Book, plan: Plan, rule: str, since: str, until: str) -> bool:
    """Whether today's lead hears of a rule in its own chat, not in that of the unit it took in; a reproach is no hand-over."""
    lead = _answerable(plan)[rule]
    own = book.script.shared.get(lead, lead)
    renamed = {old for old, new in plan.successors.items() if new == lead and old not in plan.units}
    lines = book.of_rule.get(rule, ())
    said = [told for told in lines if since < told.message.at <= until and told.message.chat in {own, *renamed}]
    return any(not told.late for told in said)


def never_withdrawn(book: Book) -> Iterator[Finding]:
    """Y4: what was told and is taken out of the rules is withdrawn once."""
    for (_, before), (at, after) in pairwise(book.versions):
        for rule in sorted(set(_answerable(before)) - set(_answerable(after))):
            lead, deadline = _answerable(before)[rule], book.next_list(at)
            told = [t for t in book.of_rule.get(rule, ()) if t.message.at < at and _open_at(book, t, at)]
            later = list(book.heard(lead, rule, at, deadline)) + [t for t in told if at < t.message.at <= deadline]
            later += [t for name in {t.item for t in told} for t in book.heard(lead, name, at, deadline)]
            if told and not any(word in t.text or word in t.heading for t in later for word in WITHDRAWN):
                yield told[-1].against("never-withdrawn", "Y4", f"{at[:10]}已从规则中删去，没有说明")


def _open_at(book: Book, told: Told, at: str) -> bool:
    """Whether what a line asked for was still open then."""
    over = any(data["item"] == told.item and when < at for when, data in book.letters("done", "closed"))
    return not over and not told.hands_over


def rules_of_before(book: Book) -> Iterator[Finding]:
    """D6: a line says what the rules say now: the rule is there, under this name, and its unit under its present one."""
    for told in book.told:
        plan = book.plan(told.message.at)
        rule = plan.rules.get(told.rule) or plan.rules.get(told.rule.rpartition("-")[0])
        if rule is None:
            withdraws = any(word in told.text or word in told.heading for word in WITHDRAWN)
            if told.figure not in plan.figures and not withdraws:
                yield told.against("rule-of-before", "D6", "规则里已经没有这一项")
        elif not rule.get("敏感") and told.rule in plan.rules and not _named(told, str(rule["名称"])):
            yield told.against("rule-of-before", "D6", f"现在的名称是{rule['名称']}")
        for old in plan.successors:
            if re.search(rf"(?:责任单位|牵头(?:单位)?|配合(?:单位)?)：[^　）]*{old}", told.text):
                yield told.against("rule-of-before", "D6", f"{old}现在是{plan.now(old)}")


def _named(told: Told, title: str) -> bool:
    """Whether a line names an item; a long title may be cut."""
    return title[:14] in told.text or "督办事项" in told.text


def outlived_periods(book: Book) -> Iterator[Finding]:
    """Y6: a period that was missed leaves the leading group's list when a later one was done."""
    done: dict[str, list[tuple[str, Duty]]] = {}
    for at, data in book.letters("closed"):
        if (duty := book.duties.get(data["item"])) and "@" in duty.id:
            done.setdefault(duty.rule, []).append((at, duty))
    for told in book.by_chat.get(LEADERS, ()):
        mine = book.duties.get(told.item)
        if mine and told.late:
            later = [duty.id for at, duty in done.get(mine.rule, ()) if at <= moments(told)[1] and duty.due > mine.due]
            if later:
                yield told.against("outlived-period", "Y6", f"{later[-1]}已经销号")


# --- cases -------------------------------------------------------------------------------------------------------


def cases_of(book: Book) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Every case: its name, when it was entered, and what was said of it."""
    for at, data in book.letters("case_opened"):
        yield f"{data['rule']}@{data['case']}", at, data


def legs(book: Book, name: str, data: Mapping[str, Any]) -> Iterator[tuple[int, date, str]]:
    """The steps of a case by number, with the day on which each was due, and when it was finished (or nothing)."""
    rule, _, number = name.partition("@")
    form = book.plan(f"{data['on']}T23").rules[rule]
    steps = form.get("步骤") or ({"时限": form.get("处理时限", "10个工作日")},)
    finished = [act.at for act in book.acts("step") if (act.what["rule"], act.what["case"]) == (rule, number)]
    whole = next((at for at, closed in book.letters("closed") if closed["item"] == name), "")
    start = date.fromisoformat(data["on"])
    for place, step in enumerate(steps, 1):
        limit = (step.get("按类别") or {}).get(data.get("category"), step["时限"])
        due = book.last_days.after(start, int(re.findall(r"\d+", limit)[0]) + _stood_still(book, rule, number, start))
        done = finished[place - 1] if place <= len(finished) else whole
        yield place, due, done
        if not done:
            return
        start = date.fromisoformat(done[:10])


def _stood_still(book: Book, rule: str, number: str, since: date) -> int:
    """Workdays for which the clock of a case stood still after a day."""
    paused = {d["on"]: "off" for _, d in book.letters("case_paused") if (d["rule"], d["case"]) == (rule, number)}
    resumed = [d["on"] for _, d in book.letters("case_resumed") if (d["rule"], d["case"]) == (rule, number)]
    spans = [
        (date.fromisoformat(a), date.fromisoformat(b)) for a, b in zip(sorted(paused), sorted(resumed), strict=True)
    ]
    return sum(book.last_days.between(a, b) for a, b in spans if a >= since)


def cases_untold(book: Book) -> Iterator[Finding]:
    """N1: a step that is late is told to its lead, whatever became of cases with a number like it."""
    for name, _, data in cases_of(book):
        for place, due, done in legs(book, name, data):
            late = book.last_days.after(due, 1)
            since, until = f"{late}T00:00:00", book.by(f"{late}T00:00:00", 1)
            lead = book.plan(since).lead(data["rule"])
            if (done and done[:10] <= str(late)) or book.is_over(until) or book.is_troubled(lead, since, until):
                continue
            lines = book.by_chat.get(lead, ())
            if not any(since < t.message.at <= until and _is_step(t.item, name, place) and t.late for t in lines):
                yield Finding("case-untold", "N1", since, lead, f"{name} 第{place}步", f"{due}到期未办完，没有提醒")


def _is_step(item: str, case: str, place: int) -> bool:
    """Whether an id names that step of that case: by its position, in figures or in words, or by its name behind a sign.

    A case of one step may be named as a whole.
    """
    return item in (case, f"{case}-{place}", f"{case}第{place}步") or item.startswith(f"{case}#")


def cases_said_over(book: Book) -> Iterator[Finding]:
    """N1, Y8: a case is said to be over only when all of it is."""
    for name, _, data in cases_of(book):
        steps = list(legs(book, name, data))
        form = book.plan(f"{data['on']}T23").rules[data["rule"]]
        over = steps[-1][2] if len(steps) == len(form.get("步骤") or [1]) else ""
        for told in book.told:
            mine = told.item == name or any(_is_step(told.item, name, place) for place, *_ in steps)
            closed = told.heading == "已办结" or "已销号" in told.text or "已办结" in told.text
            if mine and closed and "步" not in told.text and not (over and over <= told.message.at):
                yield told.against("case-said-over", "Y8", "这一件还没有办完")


def cases_called_late(book: Book) -> Iterator[Finding]:
    """N1: a step is called late only when it is: past its own date, and not finished."""
    for name, _, data in cases_of(book):
        for place, due, done in legs(book, name, data):
            mine = (f"{name}-{place}", f"{name}第{place}步")
            for told in (told for item in mine for told in book.by_item.get(item, ())):
                asks = any(word in told.text for word in OPEN_WORDS)
                if told.late and told.message.day <= due:
                    yield told.against("case-not-late", "N1", f"这一步{due}到期")
                elif asks and done and done <= moments(told)[1] and told.heading != "已办结":
                    yield told.against("case-not-late", "N1", f"这一步{done}已办完")


FINDERS = (
    lost_reasons, untold_registers, progress_nobody_reported, not_handed_over, never_withdrawn, rules_of_before, outlived_periods,
    cases_untold, cases_said_over, cases_called_late,
)  # fmt: skip
