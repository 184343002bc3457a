"""Preview is the engine itself: the same rows as looking at everything every day, and as living through it minute by minute."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from bot.core.deciding.addressees import addressees
from bot.core.deciding.decision import Decision, as_of
from bot.core.deciding.desk import Used
from bot.core.deciding.look import Scene, look
from bot.core.deciding.memory import Tellings
from bot.core.deciding.reasons import Reason
from bot.core.facts.events import Done, Extended, Observed, Payload, Returned, Silenced, Withdrawn
from bot.core.facts.facts import Facts
from bot.core.preview.preview import preview_of
from bot.core.rules.rulebook import Rulebook
from bot.core.telling.digest import Draft, compose
from bot.core.telling.entry import hearings_of, past_telling
from bot.core.time.windows import OfficeHours
from bot.core.time.zone import ZONE, midnight
from tests.kit.builders import (
    INDICATOR,
    UNITS,
    a_duty,
    a_milestone,
    a_rulebook,
    an_undated,
    everybody,
    facts_after,
    heard_long_ago,
    moment,
)
from tests.kit.builders import the_county as county
from tests.stories.timeline import Timeline

CONFIRMED = Facts(all_confirmed=True)
#: Without shrinking: an example is readable as it is, and shrinking years of reminders takes minutes.
QUICK = (Phase.explicit, Phase.reuse, Phase.generate)
Line = tuple[datetime, str, str, str, str, str, str]


def a_scene(rulebook: Rulebook, facts: Facts = CONFIRMED) -> Scene:
    return Scene(rulebook, facts, Tellings(), everybody(rulebook), OfficeHours(), lambda chat, day: Used())


def lines(drafts: Iterable[Draft]) -> Counter[Line]:
    """Every row with its chat, minute, form and reason; order inside a message is wording's affair."""
    return Counter(
        (draft.at, draft.chat, draft.form, row.item, row.addressee, f"{row.rung} {row.rung_on}", row.reason)
        for draft in drafts
        for row in draft.tellings
    )


def day_by_day(scene: Scene, start: datetime, until: datetime) -> Iterator[Draft]:
    """The plain way: everything looked at on every single day."""
    memory = scene.memory.copy()
    used: dict[tuple[str, date], Used] = {}
    scene = replace(scene, memory=memory, used=lambda chat, day: used.get((chat, day), Used()))
    silences = (*scene.facts.item_silences.values(), *scene.facts.chat_silences.values())
    ends = sorted(silence.until for silence in silences)  # the one thing that may happen within a day
    now = start
    while now <= until:
        drafts = _compose_day(scene, now)
        for draft in drafts:
            key = draft.chat, draft.at.date()
            before = used.get(key, Used())
            used[key] = Used(before.slots + draft.slot, before.singles + (draft.form == "单发"))
            for row in draft.tellings:
                memory.add(past_telling(row, "", draft.at))
                for heard in hearings_of(row, draft.at, draft.at):
                    memory.hearings.add(heard)
        yield from (draft for draft in drafts if draft.at <= until)
        if not any(not draft.slot for draft in drafts):
            tomorrow = midnight(now.date() + timedelta(days=1))
            now = next((end.astimezone(ZONE) for end in ends if now < end < tomorrow), tomorrow)


def _compose_day(scene: Scene, now: datetime) -> list[Draft]:
    decisions = look(scene, now)[1]
    today = [d for d in decisions if d.reason.tells and d.at and d.at.date() == now.date()]
    return compose(today, {d.chat: scene.used(d.chat, now.date()).singles for d in today})


def both_ways(scene: Scene, start: str, until: str) -> tuple[Counter[Line], Counter[Line]]:
    first, last = moment(start), moment(until)
    return lines(draft for draft, _ in preview_of(scene, first, last)), lines(day_by_day(scene, first, last))


# --- the preview is brute force ---------------------------------------------------


def test_outlook_of_the_county_is_what_looking_every_day_gives() -> None:
    quick, plain = both_ways(a_scene(county()), "2027-09-01", "2027-12-05 23:59")
    assert quick == plain
    assert len(quick) > 300


def test_outlook_of_the_unconfirmed_county_is_what_looking_every_day_gives() -> None:
    quick, plain = both_ways(a_scene(county(), Facts()), "2026-11-23", "2027-01-20 23:59")
    assert quick == plain


@pytest.mark.soak
def test_outlook_of_the_county_over_fourteen_months_is_what_looking_every_day_gives() -> None:
    quick, plain = both_ways(a_scene(county()), "2026-11-23", "2028-01-31 23:59")
    assert quick == plain


LADDER_WORDS = (
    "提前400天",
    "提前30天",
    "提前3个工作日",
    "当天",
    "逾期1个工作日",
    "逾期每7天",
    "逾期每45天",
    "逾期10个工作日",
)
ROLES = ("牵头单位", "[牵头单位, 配合单位]", "分管领导", "领导小组")


@dataclass(frozen=True)
class Written:
    """A rulebook as its text, so that a failing example can be read."""

    items: tuple[str, ...]
    ladders: str
    lead: str
    listed: tuple[str, ...] = ()  # units with a 月初清单

    @property
    def units(self) -> str:
        """units.yaml."""
        text = UNITS
        for unit in self.listed:
            text = text.replace(f"名称: {unit}", f"名称: {unit}, 月初清单: 是")
        return text

    @property
    def rulebook(self) -> Rulebook:
        return a_rulebook(*self.items, lead=self.lead, ladders=self.ladders, indicators=INDICATOR, unit_file=self.units)


@st.composite
def rulebooks(draw: st.DrawFn) -> Written:
    """A few items of every kind under random ladders."""
    rungs = st.tuples(
        st.sampled_from(LADDER_WORDS), st.sampled_from(ROLES), st.sampled_from(("单发", "汇总", "月度清单"))
    )
    names = ("重大节点", "一般节点", "常态工作")
    ladders = "".join(
        f"{name}:\n" + "".join(f"  - {{时点: {w}, 对象: {r}, 形式: {f}}}\n" for w, r, f in _sound(draw, rungs))
        for name in names
    )
    ladders += "数据报送:\n  - {时点: 提前15天, 对象: 数据来源, 形式: 汇总}\n"
    ladders += "  - {时点: 逾期每20天, 对象: 数据来源, 形式: 单发}\n"
    ladders += "指标达标:\n  - {时点: 当天, 对象: [牵头单位, 管理员], 形式: 单发}\n"
    days = st.dates(date(2026, 12, 1), date(2027, 12, 31))
    due = [draw(days) for _ in range(3)]
    step = f"编号: T05-M1-01, 名称: 自评, 完成时限: {draw(days)}, 依据: {draw(st.sampled_from(('管理员', '建议')))}"
    items = (
        a_milestone("T05-M1", str(due[0]), more=f"结果公布: {due[0] + timedelta(days=60)}", steps=[step]),
        a_milestone("T05-M2", str(due[1]), ladder="一般节点"),
        a_milestone("T05-M3", str(due[2]), ladder="一般节点", basis=draw(st.sampled_from(("方案", "建议")))),
        a_duty(cadence=draw(st.sampled_from(("每月10日", "每季度末", "每学期末", "每年6月底")))),
        an_undated(),
    )
    listed = st.lists(st.sampled_from(("县教育局", "县财政局", "县民政局")), unique=True)
    return Written(items, ladders, draw(st.sampled_from(("管理员", "建议"))), tuple(draw(listed)))


def _place(rung: tuple[str, str, str]) -> tuple[str, str]:
    """When a rung speaks, and to whom first: a ladder says that once."""
    return rung[0], rung[1].removeprefix("[")[:4]


def _sound(draw: st.DrawFn, rungs: st.SearchStrategy[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """Rungs a rule file may hold: no two alike, the monthly list only after the date."""
    found = draw(st.lists(rungs, min_size=1, max_size=6, unique_by=_place))
    return [(w, r, "汇总" if f == "月度清单" and not w.startswith("逾期") else f) for w, r, f in found]


@dataclass(frozen=True)
class History:
    """What happened before, and whether proposals count as confirmed."""

    happened: tuple[Payload, ...]
    all_confirmed: bool

    @property
    def facts(self) -> Facts:
        return facts_after(
            *((payload, "2026-12-01 10:00") for payload in self.happened), start=Facts(all_confirmed=self.all_confirmed)
        )


@st.composite
def histories(draw: st.DrawFn) -> History:
    """What people may have said before: done, returned, extended, silenced, a value."""
    happened: list[Payload] = draw(
        st.lists(
            st.sampled_from(
                [
                    Done(item="T05-M2"),
                    Returned(item="T05-M2", reason="缺材料"),
                    Extended(item="T05-M3", to=date(2027, 9, 1), rule_due=date(2027, 6, 1), reason="等待", by="秘书组"),
                    Silenced(item="T05-M1", until=moment("2027-03-03 12:00"), reason="部署"),
                    Silenced(chat="县教育局", until=moment("2027-02-01 09:00").astimezone(UTC), reason="部署"),
                    Observed(indicator="I4", period="2027", value=Decimal(96)),
                    Withdrawn(what="returned", item="T05-M2"),
                    Withdrawn(what="observed", indicator="I4", period="2027"),
                ]
            ),
            max_size=4,
        )
    )
    return History(tuple(happened), draw(st.booleans()))


@settings(max_examples=12, phases=QUICK)
@given(rulebooks(), histories(), st.dates(date(2026, 12, 2), date(2027, 11, 1)))
def test_outlook_of_any_rulebook_is_what_looking_every_day_gives(
    written: Written, history: History, start: date
) -> None:
    quick, plain = both_ways(
        a_scene(written.rulebook, history.facts), str(start), f"{start + timedelta(days=150)} 23:59"
    )
    assert quick == plain


@settings(max_examples=8, phases=QUICK)
@given(rulebooks(), histories(), st.dates(date(2026, 12, 2), date(2027, 11, 1)))
def test_outlook_is_what_the_service_will_do_minute_by_minute(written: Written, history: History, start: date) -> None:
    story = Timeline(written.rulebook, start=f"{start} 00:00", facts=history.facts, unheard=True)
    end = f"{start + timedelta(days=60)} 23:59"
    lived = lines(sent.draft for sent in story.at(end).sent)
    assert lined_up(lived) == lined_up(
        lines(
            draft for draft, _ in preview_of(a_scene(written.rulebook, history.facts), moment(f"{start}"), moment(end))
        )
    )


def lined_up(found: Counter[Line]) -> list[Line]:
    return sorted(found.elements())


def test_rung_far_ahead_is_not_forgotten() -> None:
    ladders = "一般节点:\n  - {时点: 逾期60天, 对象: 牵头单位, 形式: 汇总}\n"
    rest = a_rulebook().ladders
    ladders += "".join(
        f"{name}:\n  - {{时点: 提前1天, 对象: 牵头单位, 形式: 汇总}}\n" for name in rest if name != "一般节点"
    )
    rulebook = a_rulebook(a_milestone(due="2029-12-20", ladder="一般节点"), ladders=ladders)
    found = [draft for draft, _ in preview_of(a_scene(rulebook), moment("2026-11-23"), moment("2030-12-31"))]
    assert [d.at.date() for d in found if d.tellings[0].item == "T05-M1"] == [date(2030, 2, 18)]


# --- budget and days ------------------------------------------------------------


def test_two_years_of_the_county_keep_the_burden_budget_and_the_calendar() -> None:
    rulebook = county()
    per_day: dict[tuple[str, date], list[Draft]] = {}
    for draft, _ in preview_of(a_scene(rulebook), moment("2026-11-23"), moment("2028-11-30")):
        per_day.setdefault((draft.chat, draft.at.date()), []).append(draft)
    assert len(per_day) > 500
    for (chat, day), drafts in per_day.items():
        forms = Counter(draft.form for draft in drafts)
        assert forms["汇总"] <= 1, (chat, day)
        assert forms["单发"] <= 2, (chat, day)
        assert rulebook.calendar.may_send(day), (chat, day)
        for draft in drafts:
            assert (draft.at.hour, draft.at.minute) not in [(8, 30), (9, 0), (9, 30)]
            assert "08:31" <= f"{draft.at:%H:%M}" <= "09:29"


def test_make_up_workdays_carry_messages() -> None:
    rulebook = a_rulebook(a_milestone(due="2026-10-12", ladder="一般节点"), starts="2026-09-01")
    scene = replace(a_scene(rulebook), memory=heard_long_ago())
    days = {draft.at.date() for draft, _ in preview_of(scene, moment("2026-10-01"), moment("2026-10-12"))}
    assert date(2026, 10, 10) in days  # a Saturday, worked for 国庆节
    assert days.isdisjoint({date(2026, 10, day) for day in (1, 2, 3, 4, 5, 6, 7, 11)})


# --- every decision has one honest reason -----------------------------------------


def test_every_finding_and_addressee_has_exactly_one_reason_all_year() -> None:
    scene = a_scene(county())
    for month in range(12):
        day = date(2027 + (month + 2) // 12, (month + 2) % 12 + 1, 17)
        findings, decisions = look(scene, datetime(day.year, day.month, day.day, 9, 0, tzinfo=ZONE))
        wanted = Counter((f.item.id, a.key) for f in findings for a in addressees(f))
        assert Counter((d.finding.item.id, d.addressee.key) for d in decisions) == wanted
        assert max(wanted.values()) == 1
        assert all(isinstance(decision.reason, Reason) for decision in decisions)


Key = tuple[str, str]


def by_key(scene: Scene, now: datetime) -> dict[Key, Decision]:
    return {(d.finding.item.id, d.addressee.key): as_of(d, now) for d in look(scene, now)[1]}


WAITING = (Reason.OUT_OF_HOURS, Reason.SILENCED, Reason.OVER_BUDGET)


def same(first: Decision, later: Decision) -> bool:
    """The same reason about the same rung; or the rung has come, and waits for an instant no earlier than promised."""
    if later.reason in WAITING and first.until is not None and later.until is not None and later.until >= first.until:
        return True
    if first.reason is Reason.SUPPRESSED or first.reason is not later.reason:
        return first.reason is later.reason
    return (first.rung and first.rung.on) == (later.rung and later.rung.on)


@settings(max_examples=12, phases=QUICK)
@given(rulebooks(), histories(), st.dates(date(2026, 12, 2), date(2028, 1, 20)), st.times())
def test_nothing_changes_by_time_alone_before_until(written: Written, history: History, day: date, hour: time) -> None:
    scene = a_scene(written.rulebook, history.facts)
    now = datetime.combine(day, hour.replace(second=0, microsecond=0, fold=0), ZONE)
    decided = by_key(scene, now)
    for hours in (1, 3, 9, 15, 24, 40, 24 * 3, 24 * 5 + 7, 24 * 9, 24 * 16, 24 * 31, 24 * 64):
        later = now + timedelta(hours=hours)
        for key, decision in by_key(scene, later).items():
            first = decided.get(key)
            if first is not None and not first.reason.tells and (first.until is None or later < first.until):
                assert same(first, decision), (
                    key,
                    now,
                    first.reason,
                    first.until,
                    later,
                    decision.reason,
                    decision.until,
                )


@settings(max_examples=12, phases=QUICK)
@given(rulebooks(), histories())
def test_rungs_told_to_one_addressee_only_ever_go_forward(written: Written, history: History) -> None:
    last: dict[tuple[str, date | None, str], date] = {}
    for draft, _ in preview_of(a_scene(written.rulebook, history.facts), moment("2026-12-02"), moment("2028-02-28")):
        for row in draft.tellings:
            key = row.item, row.due_on, row.addressee
            assert row.rung_on > last.get(key, date.min), key
            last[key] = row.rung_on
