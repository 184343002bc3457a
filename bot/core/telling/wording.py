"""Wording: from the tellings of an entry and today's findings to a Message. All chat texts are made here.

Texts are short: neutral verbs, no pressure, no names of persons, sensitive items only by number,
unit and date. Dates are written out; remaining time is counted to the day of sending, never to the day of deciding.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from bot.core.deciding.addressees import name_of
from bot.core.deciding.findings import Finding
from bot.core.deciding.notices import REGISTERED_LABEL, VOID
from bot.core.deciding.reasons import Reason
from bot.core.facts.withdrawing import CALLED
from bot.core.rules.item import GRAVITY, State, long_date
from bot.core.rules.ladder import MONTH_LIST, is_still
from bot.core.rules.rulebook import Delivery, IndicatorForm, Role, Rulebook
from bot.core.telling.entry import Entry, Telling
from bot.core.telling.handing_over import hand_over_lines
from bot.core.telling.message import RESENT, Line, LineKind, Message, Paint
from bot.core.telling.remainder import about
from bot.core.time.workdays import Calendar

WEEKDAYS = "一二三四五六日"
NUMERALS = ("一", "二", "三", "四", "五", "六", "七", "八", "九", "十", "十一", "十二")
SPACE = "\u3000"
VALUE = re.compile(r"(?:完成值|\d{4}年?[^\d，]*)([\d.]+\D*)")  # with which a verdict begins: a target's, a watch's

#: The rung of an item that was sent back.
RETURNED = "退回"

#: Behind a line that members may have seen already, in a message of which not all may have been seen.
AGAIN = "补发，可能已收到"

#: What the month's list stands under (月初清单); its title too when nothing else is said.
THIS_MONTH = "本月到期事项"

#: Sections of a digest, in order of weight: heading and the states that stand under it.
SECTIONS: tuple[tuple[str, tuple[State, ...]], ...] = (
    ("交办", (State.ASSIGNED,)),
    ("逾期", (State.OVERDUE,)),
    ("数据未报", (State.UNREPORTED,)),
    ("未达标", (State.MISSED,)),
    ("严重滞后", (State.FAR_BEHIND,)),
    ("预警", (State.WARNED,)),
    ("滞后", (State.BEHIND,)),
    (THIS_MONTH, ()),  # what the month's list tells of, whatever its state
    ("临期", (State.APPROACHING,)),
    (State.ON_TRACK.shown, (State.ON_TRACK,)),
    ("恢复", (State.RECOVERED,)),
    ("达标", (State.MET,)),
    ("结论撤回", ()),  # what takes back a verdict, for want of the values that it rested on
    ("待核", (State.AWAITING_CHECK, State.AWAITING_RESULT)),
    ("提示", (State.ADVISED,)),
    ("暂停计时", (State.PAUSED,)),
    ("已办结", (State.CLOSED,)),
    ("已调整", (State.WITHDRAWN,)),
    ("请办公室处理", (State.NOTED, State.UNDATED)),
    (REGISTERED_LABEL, ()),  # what was registered for a unit, whatever the item's state
)

#: Most lines of a message with a 月度清单, and most lines of each other section in it. What is cut off is counted by unit.
LONGEST, BRIEF = 40, 6

#: Verdicts about a value; the date they carry is the day it became known, not a deadline.
JUDGED = (State.MET, State.MISSED, State.BEHIND, State.FAR_BEHIND, State.WARNED, State.RECOVERED)

_GOOD = (State.MET, State.RECOVERED)

#: States in which a value is asked for.
ASKED = (State.ON_TRACK, State.APPROACHING, State.UNREPORTED)

#: Roles above the unit: they are informed, the unit is asked.
ABOVE = (Role.SUPERVISOR.value, Role.LEADING_GROUP.value)

#: Roles of who must act.
ANSWERABLE = (Role.LEAD.value, Role.PROVIDER.value)

#: Titles of single messages by state.
KINDS = {
    State.OVERDUE: "逾期提醒",
    State.UNREPORTED: "数据未报提醒",
    State.APPROACHING: "临期提醒",
    State.ON_TRACK: "到期提醒",
    State.MISSED: "指标提醒",
    State.BEHIND: "指标提醒",
    State.FAR_BEHIND: "指标提醒",
    State.WARNED: "预警提醒",
    State.ADVISED: "季前提示",
    State.RECOVERED: "指标提醒",
    State.MET: "指标提醒",
    State.NOTED: "办公室提醒",
}


@dataclass(frozen=True, slots=True)
class Letterhead:
    """What every message carries: 落款, contact, paint of the states, and the mark of a drill."""

    office: str = "督办办公室"
    phone: str = ""
    paint: Mapping[str, str] | None = None
    mark: str = ""

    @property
    def contact(self) -> str:
        """联系：office and phone."""
        return f"联系：{self.office}{' ' + self.phone if self.phone else ''}"

    def painted(self, state: State) -> Paint:
        """The colour configured for a state; none by default for calm ones."""
        return Paint((self.paint or {}).get(state.value, DEFAULT_PAINT.get(state, "none")))


DEFAULT_PAINT: Mapping[State, str] = {
    State.APPROACHING: "blue",
    State.OVERDUE: "red",
    State.UNREPORTED: "yellow",
    State.MISSED: "red",
    State.FAR_BEHIND: "red",
    State.BEHIND: "yellow",
    State.WARNED: "yellow",
    State.RECOVERED: "green",
    State.MET: "green",
    State.CLOSED: "green",
}

LIGHTS = {Paint.BLUE: "蓝灯", Paint.GREEN: "绿灯", Paint.YELLOW: "黄灯", Paint.RED: "红灯", Paint.NONE: ""}


@dataclass(frozen=True, slots=True)
class Words:
    """Everything wording needs besides the entry: rulebook, today's findings by item, the day, the letterhead.

    `name` is the name above the message, once it is known; a line for anybody else says whose it is. Lines about the items
    `again` may have been seen already.
    """

    rulebook: Rulebook
    findings: Mapping[str, Finding]
    today: date
    head: Letterhead
    name: str = ""
    again: frozenset[str] = frozenset()

    @property
    def calendar(self) -> Calendar:
        """The calendar in force."""
        return self.rulebook.calendar


def word(entry: Entry, words: Words) -> Message:
    """The message an entry is sent as today."""
    tellings = [(telling, words.findings[telling.item]) for telling in entry.tellings if telling.item in words.findings]
    mark = RESENT if entry.marked else words.head.mark
    words = replace(words, name=_titled(entry), again=entry.marked_lines)
    if entry.form == Delivery.SINGLE.value and tellings:
        title, lines = _single(tellings, words)
    else:
        title, lines = _digest(tellings, words)
    lines = [line._replace(text=quoted_once(line.text)) for line in lines]
    foot = _foot(entry, tellings, words)
    return Message(title=quoted_once(title), lines=tuple(lines), foot=foot, number=entry.number, mark=mark)


def _foot(entry: Entry, tellings: Sequence[tuple[Telling, Finding]], words: Words) -> tuple[Line, ...]:
    about_plan = any(finding.state is not State.NOTED for _, finding in tellings)
    basis = f"依据：{words.rulebook.plan.citation}{SPACE}" if about_plan and entry.form != Delivery.SINGLE.value else ""
    small = (
        f"{basis}{words.head.contact}",
        f"编号 {entry.number} · 本消息由系统自动发送，无需在群内回复",
    )
    return tuple(Line(text, LineKind.NOTE) for text in small)


# --- single -----------------------------------------------------------------


def _single(tellings: Sequence[tuple[Telling, Finding]], words: Words) -> tuple[str, list[Line]]:
    telling, finding = tellings[0]
    title = f"【{'退回' if telling.rung == RETURNED else KINDS.get(finding.state, '督办提醒')}】{shown_title(finding)}"
    if finding.state is State.NOTED:
        return title, _about((Line(text) for text in finding.lines), tellings)
    paint, plan = words.head.painted(finding.state), words.rulebook.plan
    light = finding.state.shown
    lamp = f"{LIGHTS[paint]}（{light}）" if LIGHTS[paint] else light
    lines = [
        Line(f"编号：{finding.item.number}{SPACE}灯号：{lamp}", light=light, paint=paint),
        Line(f"{'数据报送单位' if _reports(finding) else plan.called(Role.LEAD)}：{_principal(finding, words)}"),
    ]
    if finding.state is State.ADVISED:
        lines.append(Line(f"执行：自{long_date(finding.due_on)}起"))
    elif not _judged(finding):
        left = _remaining(finding, words).replace("（", "，含").replace("）", "")
        lines.append(Line(f"完成时限：{long_date(finding.due_on)}（{left}）{_provisional(finding, words)}"))
    if not finding.item.rule.sensitive:
        lines.append(Line(f"依据：{words.rulebook.plan.citation}{_cited(finding)}"))
        if finding.detail:
            lines.append(Line(finding.detail))
    whose = _whose([one for one, _ in tellings], words)
    to = f"通知对象：{whose}" if whose else ""
    lines += [Line(text) for text in (to, _ask(telling, finding), *_marks(tellings, words)) if text]
    return title, _about(lines, tellings)


def _about(lines: Iterable[Line], tellings: Iterable[tuple[Telling, Finding]]) -> list[Line]:
    """The lines with what they speak of."""
    spoken_of = tuple(dict.fromkeys(about(telling.item, finding) for telling, finding in tellings))
    return [line._replace(about=spoken_of) for line in lines]


def _reports(finding: Finding) -> bool:
    return finding.item.rule.asks_provider


def _principal(finding: Finding, words: Words) -> str:
    rule = finding.item.rule
    if _reports(finding):
        return rule.provider
    lead = finding.lead or "待确认"
    plan, leads = words.rulebook.plan, rule.lead.units if rule.lead else ()
    for role, units in ((Role.COOPERATING, rule.cooperating), (Role.GUIDING, rule.guiding)):
        others = "、".join(unit for unit in units if unit not in leads)
        lead += f"；{plan.called(role)}：{others}" if others and len(others) <= 24 else ""
    return lead


def _cited(finding: Finding) -> str:
    rule = finding.item.rule
    source = getattr(rule.form, "source", "")
    quoted = source if source.startswith("“") and source.endswith("”") else f"“{source}”"
    return f"{rule.citation}{quoted if source else ''}"


def _ask(telling: Telling, finding: Finding) -> str:
    if telling.rung == RETURNED:
        return f"{_returned(finding)}。请补充完善后再报。"
    if telling.role in ABOVE:
        return "逾期较久，提请关注。" if finding.state is State.OVERDUE else "提请关注。"
    if finding.returned_at is not None and telling.role in ANSWERABLE:
        return f"{_returned(finding)}。请补充完善；确需延期，请说明原因和新时限。"
    if finding.state in JUDGED:
        return "请研究改进措施。" if GRAVITY[finding.state] >= GRAVITY[State.BEHIND] else ""
    if finding.state is State.UNREPORTED or _reports(finding):
        return "请报送该期数据。"
    if finding.state is State.ADVISED:
        return ""
    if finding.state is State.OVERDUE:
        return "请反馈进展；确需延期，请说明原因和新时限。"
    return "请在时限前更新台账进展；确需延期，请于到期前提出原因和新时限。"


# --- digest -----------------------------------------------------------------


def _titled(entry: Entry) -> str:
    """Whose digest it is: the chat's, or that of the one name whose further chat this is (也发)."""
    keys = {telling.addressee for telling in entry.tellings}
    others = list({name_of(key) for key in keys})
    return others[0] if len(others) == 1 and others[0] not in keys else entry.chat


def _digest(tellings: Sequence[tuple[Telling, Finding]], words: Words) -> tuple[str, list[Line]]:
    merged = _merged(tellings)
    monthly = [pair for pair in merged if pair[0][0].form == Delivery.MONTHLY.value]
    plain = [pair for pair in merged if pair[0][0].form != Delivery.MONTHLY.value]
    lines: list[Line] = []
    if any(f.state is not State.ASSIGNED and f.state is not State.NOTED for _, f in merged):
        lines.append(Line(_count(merged)))
    lines += _sections(plain, words, BRIEF if monthly else None)
    if monthly:
        wrong = all(GRAVITY[finding.state] >= GRAVITY[State.OVERDUE] for _, finding in monthly)
        what = "月度清单（逾期较久或未达标）" if wrong else "月度清单"
        lines.append(Line(f"{NUMERALS[_headings(lines)]}、{what}", LineKind.HEADING))
        lines += _numbered(sorted(monthly, key=_weightiest_first), words, LONGEST - len(lines))
    return f"【{_kind(merged)}】{words.name} · {short_day(words.today)}", lines


def _headings(lines: Sequence[Line]) -> int:
    return sum(line.kind is LineKind.HEADING for line in lines)


def _kind(merged: Sequence[tuple[list[Telling], Finding]]) -> str:
    if merged and all(finding.state is State.ASSIGNED for _, finding in merged):
        return "事项交办"
    if merged and all(tellings[0].form == Delivery.MONTHLY.value for tellings, _ in merged):
        return "月度清单"
    if merged and all(_heading(pair) == THIS_MONTH for pair in merged):
        return THIS_MONTH
    return "督办汇总"


def _merged(tellings: Sequence[tuple[Telling, Finding]]) -> list[tuple[list[Telling], Finding]]:
    """One line for an item, whoever of the chat it is for; a monthly line stays apart from a digest line."""
    found: dict[tuple[str, bool], tuple[list[Telling], Finding]] = {}
    for telling, finding in tellings:
        key = (telling.item, telling.form == Delivery.MONTHLY.value)
        found.setdefault(key, ([], finding))[0].append(telling)
    return _one_line_a_figure(found.values())


def _one_line_a_figure(merged: Iterable[tuple[list[Telling], Finding]]) -> list[tuple[list[Telling], Finding]]:
    """Verdicts of several watches on one figure that agree are one line: nobody reads the same fact twice."""
    found: dict[tuple[object, ...], list[tuple[list[Telling], Finding]]] = {}
    for tellings, finding in merged:
        found.setdefault(_figure(tellings[0], finding), []).append((tellings, finding))
    return [
        ([telling for tellings, _ in group for telling in tellings], _together([finding for _, finding in group]))
        for group in found.values()
    ]


def _figure(telling: Telling, finding: Finding) -> tuple[object, ...]:
    """What the lines of one verdict on one figure have in common; any other finding stands alone."""
    form = finding.item.rule.form
    voided = _voided([telling], finding)
    if not isinstance(form, IndicatorForm) or not (voided or finding.state in (*_GOOD, State.MISSED, State.WARNED)):
        return telling.item, telling.form
    good = finding.state in _GOOD
    return form.id, finding.due_on, good, voided, finding.state is State.WARNED, telling.form == Delivery.MONTHLY.value


def _together(findings: Sequence[Finding]) -> Finding:
    """The finding that speaks for all of them: the first, with 恢复 where any says so, and with what each has to say."""
    first = findings[0]
    if len(findings) == 1:
        return first
    state = State.RECOVERED if any(one.state is State.RECOVERED for one in findings) else first.state
    detail = "；".join(each_value_once(dict.fromkeys(one.detail for one in findings if one.detail)))
    title = first.item.title.replace(f"{first.item.period}年", "") if state is State.WARNED else first.item.title
    item = replace(first.item, id="、".join(one.item.id for one in findings), title=title)
    return replace(first, item=item, state=state, detail=detail)


def each_value_once(details: Iterable[str]) -> Iterator[str]:
    """The details without the value that one before them gave: 完成值35.3% is 2027年35.3% again, and the other way round."""
    said = ""
    for detail in details:
        clause, _, rest = detail.partition("，")
        value = VALUE.fullmatch(clause)
        again = value and re.search(rf"(?<![\d.]){re.escape(value[1])}(?![\d.])", said)
        yield rest if rest and again else detail
        said = f"{said}，{detail}"


def _count(merged: Sequence[tuple[list[Telling], Finding]]) -> str:
    found = _by_heading(merged)
    counts = (f"{heading}{len(found[heading])}" for heading, _ in SECTIONS if heading in found)
    return f"共{len(merged)}项：{'、'.join(counts)}"


def _by_heading(merged: Iterable[tuple[list[Telling], Finding]]) -> dict[str, list[tuple[list[Telling], Finding]]]:
    """The items of each section."""
    found: dict[str, list[tuple[list[Telling], Finding]]] = {}
    for pair in merged:
        found.setdefault(_heading(pair), []).append(pair)
    return found


def _heading(pair: tuple[list[Telling], Finding]) -> str:
    """The section of a digest in which an item stands."""
    tellings, finding = pair
    ahead = finding.state in (State.APPROACHING, State.ON_TRACK)
    if ahead and any(telling.rung == MONTH_LIST for telling in tellings):
        return THIS_MONTH
    if _only_registered(tellings):
        return REGISTERED_LABEL
    if _voided(tellings, finding):
        return "结论撤回"
    state = _verdict(finding)
    return next((heading for heading, states in SECTIONS if state in states), "")


def _sections(merged: Sequence[tuple[list[Telling], Finding]], words: Words, most: int | None) -> list[Line]:
    lines: list[Line] = []
    found = _by_heading(merged)
    for heading, states in SECTIONS:
        if group := found.get(heading):
            paint = words.head.painted(states[0]) if states else Paint.NONE
            text = f"{NUMERALS[_headings(lines)]}、{heading}"
            lines.append(Line(text, LineKind.HEADING, heading if paint is not Paint.NONE else "", paint))
            if states == (State.ASSIGNED,):
                lines += _handed_over(group, _requested(merged), words)
            else:
                lines += _numbered(_by_date(group), words, most)
    return lines


def _requested(merged: Sequence[tuple[list[Telling], Finding]]) -> dict[str, set[str]]:
    """The rules whose values the message asks for in another section, each with who is asked."""
    found: dict[str, set[str]] = {}
    for tellings, finding in merged:
        if _reports(finding) and finding.state in ASKED and not _only_registered(tellings):
            found.setdefault(finding.item.rule.id, set()).update(name_of(telling.addressee) for telling in tellings)
    return found


def _handed_over(
    group: Sequence[tuple[list[Telling], Finding]], requested: Mapping[str, Container[str]], words: Words
) -> list[Line]:
    """The section of what is handed over: as the plan counts its tasks, then the indicators."""
    owners = [owner.id for owner in words.rulebook.owners]
    ordered = sorted(group, key=lambda pair: owners.index(pair[1].item.rule.owner))
    said = hand_over_lines(ordered, words.rulebook, words.findings, words.name, requested)
    titles = [shown_title(finding) for _, finding in ordered if finding.item.id in words.again]
    return [*said, *([Line(f"（{AGAIN}：{'、'.join(titles)}）")] if titles else [])]


def _by_date(group: Sequence[tuple[list[Telling], Finding]]) -> list[tuple[list[Telling], Finding]]:
    return sorted(group, key=lambda pair: (pair[1].due_on or date.max, pair[1].item.id))


def _weightiest_first(pair: tuple[list[Telling], Finding]) -> tuple[int, date, str]:
    """By state as sections are ordered, then what is late longest, so that states are not mixed."""
    finding = pair[1]
    weight = next((place for place, (_, states) in enumerate(SECTIONS) if finding.state in states), len(SECTIONS))
    since = finding.anchor.late_from if finding.anchor else finding.due_on
    return weight, since or date.max, finding.item.id


def _numbered(ordered: Sequence[tuple[list[Telling], Finding]], words: Words, most: int | None = None) -> list[Line]:
    """The items of a section; with more than `most` lines the last line counts what does not fit."""
    cut = len(ordered) if most is None or len(ordered) <= most else most - 1
    lines: list[Line] = []
    for index, (asked, pairs) in enumerate(_by_request(ordered[:cut], words), 1):
        if asked and len(pairs) > 1:
            lines += _asked_together(f"{index}. {asked}", pairs, words)
        else:
            tellings, finding = pairs[0]
            lines += _about(_item_lines(f"{index}. ", tellings, finding, words), _each(tellings, words))
    rest = [telling for tellings, _ in ordered[cut:] for telling in tellings]
    return lines + (_about([Line(_counted(ordered[cut:]))], _each(rest, words)) if rest else [])


def _each(tellings: Iterable[Telling], words: Words) -> Iterator[tuple[Telling, Finding]]:
    """Tellings of one line with the finding of each, which the line may have put together."""
    return ((telling, words.findings[telling.item]) for telling in tellings)


def _by_request(
    ordered: Sequence[tuple[list[Telling], Finding]], words: Words
) -> Iterator[tuple[str, list[tuple[list[Telling], Finding]]]]:
    """The items of a section; what is asked for by the same day is together, under the request; any other is alone."""
    found: dict[tuple[str, str], list[tuple[list[Telling], Finding]]] = {}
    for tellings, finding in ordered:
        asked = _request(tellings, finding, words)
        found.setdefault((asked, "" if asked else finding.item.id), []).append((tellings, finding))
    yield from ((asked, pairs) for (asked, _), pairs in found.items())


def _request(tellings: Sequence[Telling], finding: Finding, words: Words) -> str:
    """What may stand above several: values asked for by the same later day, and the date of what is due this month."""
    marked = _whose(tellings, words) or any(telling.mark or telling.role in ABOVE for telling in tellings)
    if marked or finding.returned_at is not None:
        return ""
    when = _when(finding, words)
    if _reports(finding) and _asked_later(finding, words):
        return f"{when}{SPACE}请报送数据"
    return _WORKDAYS.sub("", when) if _heading((list(tellings), finding)) == THIS_MONTH else ""


def _asked_together(asked: str, pairs: Sequence[tuple[list[Telling], Finding]], words: Words) -> list[Line]:
    """A request, and under it what it asks for; a period that is that of all of it stands in the request."""
    findings = [finding for _, finding in pairs]
    periods = {one.item.title.removeprefix(one.item.rule.form.title) if _reports(one) else "" for one in findings}
    shared = periods.pop() if len(periods) == 1 else ""
    lines = [Line(f"{asked}{shared}：")]
    for tellings, one in pairs:
        ask = "" if "请报送数据" in asked else _short_ask(tellings[0], one, words)
        detail = "" if one.item.rule.sensitive else one.detail
        head = f"· {shown_title(one).removesuffix(shared)}（{one.item.number}）"
        again = "".join(f"（{mark}）" for mark in _marks([(telling, one) for telling in tellings], words))
        line = Line(SPACE.join(filter(None, (head, detail, ask))) + again)
        lines += _about([line], _each(tellings, words))
    return lines


def _counted(rest: Sequence[tuple[list[Telling], Finding]]) -> str:
    """其余12项：县教育局9项、县财政局3项."""
    units = Counter(_answerable(finding) for _, finding in rest)
    counts = "、".join(f"{unit}{count}项" for unit, count in sorted(units.items(), key=lambda one: (-one[1], one[0])))
    return f"其余{len(rest)}项：{counts}"


def _answerable(finding: Finding) -> str:
    return (finding.item.rule.provider if _reports(finding) else finding.lead) or "待确认"


def _item_lines(prefix: str, tellings: Sequence[Telling], finding: Finding, words: Words) -> list[Line]:
    marks = [_whose(tellings, words), *_marks([(telling, finding) for telling in tellings], words)]
    tail = "".join(f"（{mark}）" for mark in marks if mark)
    if finding.state in (State.NOTED, State.WITHDRAWN):
        first, *rest = finding.lines or (finding.item.title,)
        return [Line(f"{prefix}{first}{tail}"), *(Line(text) for text in rest)]
    title = f"{prefix}{shown_title(finding)}（{finding.item.number}）"
    if _only_registered(tellings):
        return [Line(f"{title}{SPACE}{_registered(finding, words)}{tail}")]
    when = _when(finding, words)
    if _heading((list(tellings), finding)) == THIS_MONTH:
        when = _WORKDAYS.sub("", when)
    parts = [title, when]
    if finding.detail and not finding.item.rule.sensitive and finding.state is not State.CLOSED:
        parts.append(finding.detail)
    if all(_is_unchanged(telling, finding) for telling in tellings):
        parts.append("数据未更新")
    heard = _voided(tellings, finding)
    ask = f"此前的“{heard}”不再作数" if heard else _short_ask(tellings[0], finding, words)
    if ask:
        parts.append(ask)
    return [Line(SPACE.join(parts) + tail)]


def _voided(tellings: Sequence[Telling], finding: Finding) -> str:
    """The verdict that is taken back; empty for any other line."""
    rung = tellings[0].rung
    return rung.removeprefix(VOID) if finding.state is State.AWAITING_RESULT and rung.startswith(VOID) else ""


def _only_registered(tellings: Sequence[Telling]) -> bool:
    return all(telling.rung == REGISTERED_LABEL for telling in tellings)


def _registered(finding: Finding, words: Words) -> str:
    """What was registered: 已报办结，待核; 已销号; 已延期至3月31日."""
    if finding.state in (State.AWAITING_CHECK, State.CLOSED):
        return finding.detail
    granted = f"已延期至{day_text(finding.due_on, words.today)}" if finding.extended and finding.due_on else ""
    said = granted, _returned(finding) if finding.returned_at else ""
    return "，".join(filter(None, said)) or f"{_taken_back(finding)}，{_when(finding, words)}"


def _returned(finding: Finding) -> str:
    """That it was sent back, and the reason that the office typed; of a sensitive item no reason."""
    hidden = finding.item.rule.sensitive or not finding.returned_for
    return "经核实退回" if hidden else f"经核实退回：{finding.returned_for}"


def _taken_back(finding: Finding) -> str:
    """销号已撤回; empty where nothing was withdrawn, or a return, which is as if it had not been."""
    gone = finding.taken_back
    return f"{CALLED[gone.what]}已撤回" if gone and gone.what != "returned" else ""


def _is_unchanged(telling: Telling, finding: Finding) -> bool:
    """Whether a verdict on a value was told before, and no value came in since."""
    again = telling.reason in (Reason.NEXT_RUNG.name, Reason.REPEAT.name) and telling.due_on == finding.due_on
    return again and finding.anchor is not None and is_still(finding.anchor, finding.state)


def _short_ask(telling: Telling, finding: Finding, words: Words) -> str:
    if telling.role in ABOVE:
        return f"责任单位：{_answerable(finding)}"
    if telling.role in (Role.COOPERATING.value, Role.GUIDING.value):
        return f"{words.rulebook.plan.called_briefly(Role.LEAD)}：{finding.lead}" if finding.lead else ""
    if finding.returned_at is not None:
        return _returned(finding)
    if finding.state is State.OVERDUE:
        return "请反馈进展或申请延期"
    return "请报送数据" if _reports(finding) and finding.state is not State.CLOSED else ""


def _when(finding: Finding, words: Words) -> str:
    if finding.state is State.CLOSED:
        return finding.detail or "已办结"
    if finding.state is State.ADVISED and finding.due_on:
        return f"自{day_text(finding.due_on, words.today)}起"
    if _judged(finding) or finding.due_on is None:
        return _verdict(finding).shown
    if _asked_later(finding, words):
        named = "时限已调整为" if finding.asking.sooner else "原定时限"
        why = f"，{_taken_back(finding)}" if _taken_back(finding) else ""
        return f"{_remaining(finding, words)}（{named}{day_text(finding.due_on, words.today)}{why}）"
    granted = "（已延期）" if finding.extended else ""
    return f"时限{day_text(finding.due_on, words.today)}{granted}，{_remaining(finding, words)}{_provisional(finding, words)}"


def _verdict(finding: Finding) -> State:
    """The state to be said; a value that is no longer wrong is only ever told to who heard that it was."""
    return State.RECOVERED if finding.state is State.ON_TRACK and _judged(finding) else finding.state


def _judged(finding: Finding) -> bool:
    """Whether the date it carries is no deadline: the day on which the value that its verdict rests on became known."""
    return finding.state in JUDGED or (finding.item.due_on is None and finding.anchor is not None)


def _remaining(finding: Finding, words: Words) -> str:
    """剩余7天（5个工作日）, 今日到期, 已逾期100天; counted to today."""
    due, today = finding.due_on, words.today
    if due is None:
        return "待定"
    if _asked_later(finding, words):
        return f"请于{day_text(finding.asking.by or due, today)}前补报"
    if today > due:
        late = finding.anchor.late_from if finding.anchor else due
        if today > late:
            return f"{_allowance(finding, late, today) if late != due else ''}已逾期{(today - late).days}天"
        return "在宽限期内" if _reports(finding) else f"待公布，{day_text(late, today)}前公布结果"
    if today == due:
        return "今日到期"
    return f"剩余{(due - today).days}天（{words.calendar.workdays_between(today, due)}个工作日）"


def _asked_later(finding: Finding, words: Words) -> bool:
    """Whether it is asked for by a later day than its own, since it was heard of late."""
    return finding.asking.by is not None and words.today <= finding.asking.by and finding.state is not State.OVERDUE


def _allowance(finding: Finding, late: date, today: date) -> str:
    """From which day on an item is late when that is not its date: 宽限 of a report, 结果公布 of a milestone."""
    until = day_text(late, today)
    if finding.asking.by == late:
        return f"应于{until}前补报，"
    return f"宽限至{until}，" if _reports(finding) else f"应于{until}前公布结果，"


def _provisional(finding: Finding, words: Words) -> str:
    """Of a date still ahead that the year's holiday notice may move."""
    ahead = finding.due_on is not None and finding.due_on >= words.today
    return "（暂定日历）" if finding.provisional and ahead else ""


def _whose(tellings: Sequence[Telling], words: Words) -> str:
    """Whose an item is, where the name above the message does not say so: several names share the chat."""
    names = list(dict.fromkeys(name_of(telling.addressee) for telling in tellings if not telling.mark))
    return "、".join(names) if set(names) - {words.name} else ""


def _marks(tellings: Iterable[tuple[Telling, Finding]], words: Words) -> list[str]:
    said = [telling for telling, _ in tellings]
    marks = dict.fromkeys(words.rulebook.plan.in_own_words(telling.mark) for telling in said if telling.mark)
    return [*marks, *([AGAIN] if any(telling.item in words.again for telling in said) else [])]


# --- words of dates and titles ---------------------------------------------


_WORKDAYS = re.compile("（[0-9]+个工作日）")  # behind the days that are left; needless for a date of this month
_NESTED = re.compile("“[^”]*“")


def quoted_once(text: str) -> str:
    """The text with single quotation marks where there are marks within marks: “‘特岗教师’工资性补助”."""
    if not _NESTED.search(text):
        return text
    depth, found = 0, ""
    for char in text:
        depth += char == "“"
        found += {"“": "‘", "”": "’"}.get(char, char) if depth > 1 else char
        depth = max(0, depth - (char == "”"))
    return found


def shown_title(finding: Finding) -> str:
    """The title, or nothing of it when the item is sensitive."""
    return finding.item.shown_title


def short_day(day: date) -> str:
    """12月24日（周五）."""
    return f"{day.month}月{day.day}日（周{WEEKDAYS[day.weekday()]}）"


def day_text(day: date, today: date) -> str:
    """9月15日, with the year when it is not this one."""
    return f"{day.month}月{day.day}日" if day.year == today.year else long_date(day)
