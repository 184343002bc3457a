"""办件: steps one after the other, limits by category, a clock that may stand still, and nothing said of persons."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.deciding.findings import arisen_items, judge
from bot.core.deciding.office import findings
from bot.core.facts.case_steps import misfits
from bot.core.facts.events import (
    CaseAdvanced,
    CaseOpened,
    CasePaused,
    CaseResumed,
    Closed,
    Done,
    Extended,
    Payload,
    Returned,
)
from bot.core.facts.facts import Facts
from bot.core.rules.item import State
from bot.core.rules.rulebook import Rulebook
from bot.core.rules.succession import Succession
from bot.rule_kinds.case import KIND
from tests.kit.builders import a_case_rule, a_duty, a_rulebook, facts_after

RULE = "T05-C1"
STEPS = ("监测", "核查", "处理", "通报")


def day(text: str) -> date:
    return date.fromisoformat(text)


def opened(on: str = "2027-03-01", case: str = "2027-003", category: str = "") -> CaseOpened:
    return CaseOpened(rule=RULE, case=case, on=day(on), category=category, note="某某学校张三")


def step(number: int, on: str, case: str = "2027-003") -> CaseAdvanced:
    return CaseAdvanced(item=f"{RULE}@{case}#{STEPS[number - 1]}", on=day(on))


def pause(on: str) -> CasePaused:
    return CasePaused(rule=RULE, case="2027-003", on=day(on), reason="等待外地协查")


def resume(on: str) -> CaseResumed:
    return CaseResumed(rule=RULE, case="2027-003", on=day(on))


def after(*payloads: Payload) -> Facts:
    return facts_after(*((payload, "2027-06-01 10:00") for payload in payloads))


def standing(facts: Facts, today: str, rulebook: Rulebook | None = None) -> dict[str, tuple[str, str]]:
    """Item → state and due date."""
    found = judge(rulebook or a_rulebook(a_case_rule()), facts, day(today))
    return {finding.item.id: (finding.state.value, str(finding.due_on)) for finding in found}


ONE, TWO, THREE, FOUR = (f"{RULE}@2027-003#{name}" for name in STEPS)

#: Monday 2027-03-01; 清明 is Monday 5 April (provisional), Labour Day 1 and 2 May fall on a weekend.
HAND_COMPUTED: tuple[tuple[str, tuple[Payload, ...], str, dict[str, tuple[str, str]]], ...] = (
    ("opened", (opened(),), "2027-03-01", {ONE: ("正常推进", "2027-03-04")}),
    ("opened on a Sunday counts from Monday", (opened("2027-02-28"),), "2027-03-01", {ONE: ("临期", "2027-03-03")}),
    ("on the due date", (opened(),), "2027-03-04", {ONE: ("临期", "2027-03-04")}),
    ("the day after the due date", (opened(),), "2027-03-05", {ONE: ("逾期", "2027-03-04")}),
    (
        "the second step starts when the first is done",
        (opened(), step(1, "2027-03-03")), "2027-03-03",
        {ONE: ("销号", "2027-03-04"), TWO: ("正常推进", "2027-03-17")},
    ),
    (
        "by category",
        (opened(category="媒体反映"), step(1, "2027-03-03")), "2027-03-03",
        {ONE: ("销号", "2027-03-04"), TWO: ("正常推进", "2027-03-10")},
    ),
    (
        "another category has the step's own limit",
        (opened(category="群众来信"), step(1, "2027-03-03")), "2027-03-03",
        {ONE: ("销号", "2027-03-04"), TWO: ("正常推进", "2027-03-17")},
    ),
    (
        "a late step moves the next one",
        (opened(), step(1, "2027-03-12")), "2027-03-12",
        {ONE: ("销号", "2027-03-04"), TWO: ("正常推进", "2027-03-26")},
    ),
    (
        "the fourth step",
        (opened(), step(1, "2027-03-03"), step(2, "2027-03-10"), step(3, "2027-03-24")), "2027-03-24",
        {ONE: ("销号", "2027-03-04"), TWO: ("销号", "2027-03-17"), THREE: ("销号", "2027-03-31"),
         FOUR: ("正常推进", "2027-03-31")},
    ),
    (
        "finished",
        (opened(), step(1, "2027-03-03"), step(2, "2027-03-10"), step(3, "2027-03-24"), step(4, "2027-03-29")),
        "2027-06-01",
        {ONE: ("销号", "2027-03-04"), TWO: ("销号", "2027-03-17"), THREE: ("销号", "2027-03-31"),
         FOUR: ("销号", "2027-03-31")},
    ),
    ("the clock stands still", (opened(), pause("2027-03-02")), "2027-04-20", {ONE: ("暂停计时", "2027-03-04")}),
    (
        "three workdays of standing still",
        (opened(), pause("2027-03-02"), resume("2027-03-05")), "2027-03-05",
        {ONE: ("临期", "2027-03-09")},
    ),
    (
        "over a weekend only workdays count",
        (opened(), pause("2027-03-04"), resume("2027-03-08")), "2027-03-08",
        {ONE: ("临期", "2027-03-08")},
    ),
    (
        "stopped and resumed on one day",
        (opened(), pause("2027-03-02"), resume("2027-03-02")), "2027-03-03",
        {ONE: ("临期", "2027-03-04")},
    ),
    (
        "over a public holiday",
        (opened("2027-04-01"), pause("2027-04-02"), resume("2027-04-06")), "2027-04-06",
        {ONE: ("临期", "2027-04-08")},
    ),
    (
        "a stop after the due date excuses nothing",
        (opened(), pause("2027-03-08"), resume("2027-03-15")), "2027-03-15",
        {ONE: ("逾期", "2027-03-04")},
    ),
    (
        "two stops add up",
        (opened(), pause("2027-03-02"), resume("2027-03-03"), pause("2027-03-04"), resume("2027-03-08")),
        "2027-03-08",
        {ONE: ("临期", "2027-03-09")},
    ),
    (
        "a stop in the first step leaves the second alone",
        (opened(), pause("2027-03-02"), resume("2027-03-03"), step(1, "2027-03-04")), "2027-03-04",
        {ONE: ("销号", "2027-03-05"), TWO: ("正常推进", "2027-03-18")},
    ),
    (
        "said done, not checked",
        (opened(), Done(item=ONE)), "2027-03-10",
        {ONE: ("待核", "2027-03-04")},
    ),
    (
        "sent back after it was done",
        (opened(), step(1, "2027-03-03"), Returned(item=ONE, reason="材料不全")), "2027-03-10",
        {ONE: ("逾期", "2027-03-04")},
    ),
    (
        "closed as a whole",
        (opened(), step(1, "2027-03-03"), Closed(item=f"{RULE}@2027-003", by="秘书组")), "2027-06-02",
        {ONE: ("销号", "2027-03-04"), TWO: ("销号", "2027-03-17")},
    ),
    (
        "extended",
        (opened(), Extended(item=ONE, to=day("2027-03-12"), rule_due=day("2027-03-04"), reason="会商", by="秘书组")),
        "2027-03-08",
        {ONE: ("正常推进", "2027-03-12")},
    ),
)  # fmt: skip


@pytest.mark.parametrize(
    ("happened", "today", "expected"), [row[1:] for row in HAND_COMPUTED], ids=[row[0] for row in HAND_COMPUTED]
)
def test_a_case_stands_as_computed_by_hand(
    happened: tuple[Payload, ...], today: str, expected: dict[str, tuple[str, str]]
) -> None:
    assert standing(after(*happened), today) == expected


def test_a_step_that_was_struck_off_starts_the_next_on_that_day() -> None:
    facts = facts_after((opened(), "2027-03-01 09:00"), (Closed(item=ONE, by="秘书组"), "2027-03-03 16:00"))
    assert standing(facts, "2027-03-03") == {ONE: ("销号", "2027-03-04"), TWO: ("正常推进", "2027-03-17")}


def test_a_step_done_again_after_being_sent_back_goes_on() -> None:
    facts = facts_after(
        (opened(), "2027-03-01 09:00"),
        (step(1, "2027-03-03"), "2027-03-03 09:00"),
        (Returned(item=ONE, reason="材料不全"), "2027-03-05 09:00"),
        (step(1, "2027-03-08"), "2027-03-08 09:00"),
    )
    assert standing(facts, "2027-03-08")[TWO] == ("正常推进", "2027-03-22")


def test_a_total_limit_caps_every_step_and_stands_still_with_the_case() -> None:
    rulebook = a_rulebook(a_case_rule(more="总时限: 5个工作日"))
    done = step(1, "2027-03-03")
    assert standing(after(opened(), done), "2027-03-03", rulebook)[TWO] == ("正常推进", "2027-03-08")
    stopped = after(opened(), done, pause("2027-03-04"), resume("2027-03-08"))
    assert standing(stopped, "2027-03-08", rulebook)[TWO] == ("临期", "2027-03-10")


def test_limits_may_be_days_or_months_and_a_pause_then_moves_by_days() -> None:
    rulebook = a_rulebook(a_case_rule(steps=["{名称: 监测, 时限: 2个月}"], categories=""))
    facts = after(opened("2027-03-01"), pause("2027-03-05"), resume("2027-03-12"))
    assert standing(facts, "2027-03-12", rulebook) == {ONE: ("正常推进", "2027-05-08")}


def test_cases_stand_beside_each_other_and_beside_the_calendar() -> None:
    rulebook = a_rulebook(a_case_rule(), a_duty())
    facts = after(opened(), opened("2027-03-02", case="2027-004"))
    ids = [item.id for item in arisen_items(rulebook, facts)]
    assert ids == [ONE, f"{RULE}@2027-004#监测"]
    assert {"T05-R1@2027-1", *ids} <= set(standing(facts, "2027-03-02", rulebook))


def test_rules_without_cases_are_never_asked_for_any() -> None:
    assert arisen_items(a_rulebook(a_duty()), after(opened())) == []


def test_finished_cases_of_long_ago_are_no_longer_made_into_items() -> None:
    rulebook = a_rulebook(a_case_rule(steps=["{名称: 监测, 时限: 5个工作日}"], categories=""))
    old = (opened("2027-03-01"), step(1, "2027-03-03"))
    recent = after(*old, opened("2029-03-01", case="2029-001"))
    later = after(*old, opened("2029-03-04", case="2029-001"))
    assert [item.id for item in arisen_items(rulebook, recent)] == [ONE, f"{RULE}@2029-001#监测"]
    assert [item.id for item in arisen_items(rulebook, later)] == [f"{RULE}@2029-001#监测"]


def test_an_unfinished_case_is_never_forgotten() -> None:
    rulebook = a_rulebook(a_case_rule())
    facts = after(opened("2027-03-01"), opened("2035-03-04", case="2035-001"))
    assert standing(facts, "2035-03-04", rulebook)[ONE] == ("逾期", "2027-03-04")


def test_cases_opened_under_a_former_id_go_on_under_todays() -> None:
    rulebook = a_rulebook(a_case_rule("T05-C2", more="曾用编号: [T05-C1]"))
    names = Succession(ids={"T05-C1": "T05-C2"})
    facts = facts_after(
        (opened(), "2027-03-01 09:00"), (step(1, "2027-03-03"), "2027-03-03 09:00"), start=Facts(names=names)
    )
    assert standing(facts, "2027-03-03", rulebook)["T05-C2@2027-003#核查"] == ("正常推进", "2027-03-17")


# --- properties -----------------------------------------------------------------

DAYS = st.dates(date(2027, 1, 4), date(2027, 11, 30))


@given(DAYS, st.integers(1, 40), st.integers(0, 9))
def test_a_pause_of_n_workdays_moves_the_due_date_n_workdays(on: date, count: int, wait: int) -> None:
    rulebook = a_rulebook(a_case_rule(steps=["{名称: 监测, 时限: 10个工作日}"], categories=""))
    calendar = rulebook.calendar
    began = CaseOpened(rule=RULE, case="2027-003", on=on)
    (plain,) = arisen_items(rulebook, after(began))
    stopped_on = calendar.shift_workdays(calendar.workday_on_or_after(on), wait)
    stop = CasePaused(rule=RULE, case="2027-003", on=stopped_on, reason="协查")
    go = CaseResumed(rule=RULE, case="2027-003", on=calendar.shift_workdays(stopped_on, count))
    (moved,) = arisen_items(rulebook, after(began, stop, go))
    assert plain.due_on is not None
    assert moved.due_on is not None
    assert calendar.workdays_between(plain.due_on, moved.due_on) == count


@given(DAYS, st.lists(st.integers(0, 30), max_size=4), st.integers(0, 60))
def test_a_case_has_at_most_one_step_that_is_not_finished(on: date, waits: list[int], later: int) -> None:
    happened: list[Payload] = [CaseOpened(rule=RULE, case="2027-003", on=on)]
    for number, wait in enumerate(waits, 1):
        on += timedelta(days=wait)
        happened.append(step(number, str(on)))
    found = standing(after(*happened), str(on + timedelta(days=later)))
    assert list(found) == [ONE, TWO, THREE, FOUR][: len(waits) + 1]
    unfinished = [state for state, _ in found.values() if state != State.CLOSED]
    assert len(unfinished) == (len(waits) < 4)


@given(DAYS, st.integers(0, 60), st.integers(1, 30))
def test_a_running_case_only_gets_graver_with_time(on: date, later: int, more: int) -> None:
    order = [State.ON_TRACK, State.APPROACHING, State.OVERDUE]
    facts = after(CaseOpened(rule=RULE, case="2027-003", on=on))
    states = [standing(facts, str(on + timedelta(days=days)))[ONE][0] for days in (later, later + more)]
    assert [order.index(State(state)) for state in states] == sorted(order.index(State(state)) for state in states)


# --- privacy ----------------------------------------------------------------------


def test_a_case_rule_is_sensitive_whatever_the_file_says() -> None:
    (rule,) = a_rulebook(a_case_rule(more="敏感: 否")).rules
    assert rule.sensitive
    (item,) = arisen_items(a_rulebook(a_case_rule(more="敏感: 否")), after(opened()))
    assert item.shown_title == "督办事项"


def test_the_names_of_steps_are_not_read_in_a_chat() -> None:
    (rule,) = a_rulebook(a_case_rule()).rules
    assert rule.kind.when(rule.form) == "登记后分4步办理，依次为3、10、15、5个工作日"


# --- the rules change under open cases -------------------------------------------------------------------------------


def written(*steps: str, categories: str = "群众来信, 媒体反映", more: str = "") -> Rulebook:
    lines = [f"{{名称: {name}, 时限: 5个工作日}}" for name in steps]
    return a_rulebook(a_case_rule(steps=lines, categories=categories, more=more))


def begun(*payloads: Payload, steps: tuple[str, ...] = ("监测", "核查", "处理"), category: str = "") -> Facts:
    return after(opened(category=category).model_copy(update={"steps": steps}), *payloads)


@pytest.mark.parametrize(
    ("now", "reached"),
    [
        (("监测", "核查", "处理"), TWO),
        (("立案", "监测", "核查", "处理"), TWO),  # one more in front
        (("监测", "会商", "核查", "处理"), TWO),  # one more in front of the step it has come to
        (("核查", "监测", "处理"), TWO),  # another order
        (("核查", "处理"), TWO),  # the step it is done with is gone
        (("监测", "调查", "处理"), TWO),  # renamed
        (("监测", "处理"), THREE),  # the step it has come to is gone
        (("监测", "会商", "处理", "通报"), THREE),  # one gone, two come: no rename
        (("监测", "处理", "会商"), THREE),  # one come at another place
        (("甲", "乙"), f"{RULE}@2027-003#甲"),  # all other steps
    ],
)
def test_an_edit_of_the_steps_moves_no_open_case(now: tuple[str, ...], reached: str) -> None:
    found = standing(begun(step(1, "2027-03-03")), "2027-03-04", written(*now))
    assert [item for item, (state, _) in found.items() if state != "销号"] == [reached]


RENAMED = ("立案", "监测", "会商", "调查, 曾用名: [核查]", "通报")  # 处理 is gone, three have come


def test_a_renamed_step_is_followed_by_its_former_name_whatever_else_changes() -> None:
    facts, book = begun(step(1, "2027-03-03")), written(*RENAMED)
    assert standing(facts, "2027-03-04", book) == standing(facts, "2027-03-04", written("监测", "核查", "处理"))
    (_, said) = next(iter(misfits(book.by_id, facts, book.calendar)))
    assert "只是改了名的，请在那一步写明曾用名" in said
    assert not [*misfits(book.by_id, begun(step(1, "2027-03-03"), steps=("监测", "核查")), book.calendar)]


def test_a_step_that_is_done_and_gone_keeps_its_place_and_its_day() -> None:
    facts = begun(step(1, "2027-03-03"))
    before, after_ = (
        standing(facts, "2027-03-04", written(*now)) for now in (("监测", "核查", "处理"), ("核查", "处理"))
    )
    assert after_[TWO] == before[TWO]
    assert after_[ONE][0] == "销号"


@pytest.mark.parametrize("former", ["监测", "旧名"])
def test_a_former_name_belongs_to_one_step(former: str) -> None:
    form = written("监测", "核查", "处理").rules[0].form
    names = ((), ("旧名",), (former,))
    stages = [one.model_copy(update={"former_names": own}) for one, own in zip(form.stages, names, strict=True)]
    found = KIND.remarks(form.model_copy(update={"stages": tuple(stages)}), {})
    assert [one.loc for one in found] == [("步骤", 2, "曾用名", 0)]


def test_a_step_added_at_the_end_opens_no_finished_case_again() -> None:
    finished = begun(step(1, "2027-03-03"), step(2, "2027-03-04"), step(3, "2027-03-05"))
    found = standing(finished, "2027-03-08", written("监测", "核查", "处理", "通报"))
    assert {state for state, _ in found.values()} == {"销号"}


@pytest.mark.parametrize(
    ("rulebook", "words"),
    [
        (a_rulebook(a_duty()), "规则里已没有T05-C1这一办件"),
        (written("监测", "处理"), "尚未办的步骤有的已从规则里删去"),
        (written("监测", "核查", "处理", categories="群众来信"), "登记的类别已不在规则里，按步骤的一般时限计算"),
    ],
)
def test_an_open_case_that_the_rules_no_longer_fit_is_named_to_the_admin(rulebook: Rulebook, words: str) -> None:
    facts = begun(step(1, "2027-03-03"), category="媒体反映")
    (found,) = [one for one in findings(rulebook, facts, [], day("2027-03-04")) if one.item.id == "系统:办件@T05-C1"]
    assert len(found.lines) == 1
    assert words in found.lines[0]
    assert not any(name in found.lines[0] for name in ("监测", "核查", "媒体反映"))


def test_of_a_closed_case_nobody_is_told_that_its_rule_is_gone() -> None:
    facts = begun(Closed(item=f"{RULE}@2027-003", by="秘书组"))
    assert list(misfits({}, facts, a_rulebook(a_duty()).calendar)) == []


# --- ids of cases and steps, today's and those of before 2026-12 ------------------------------------------------------


def test_closing_one_case_touches_no_step_of_another() -> None:
    rulebook = a_rulebook(a_case_rule())
    names = rulebook.succession
    facts = facts_after(
        (opened(), "2027-03-01 09:00"),
        (opened(case="2027-003-1"), "2027-03-01 09:01"),
        (Closed(item=f"{RULE}@2027-003-1", by="秘书组"), "2027-03-02 09:00"),
        start=Facts(names=names),
    )
    found = standing(facts, "2027-03-02", rulebook)
    assert (found[ONE][0], found[f"{RULE}@2027-003-1#监测"][0]) == ("临期", "销号")


def test_an_id_of_before_is_the_step_at_that_place_where_no_case_has_that_number() -> None:
    rulebook = a_rulebook(a_case_rule())
    facts = facts_after(
        (opened(), "2027-03-01 09:00"),
        (Closed(item=f"{RULE}@2027-003-1", by="秘书组"), "2027-03-02 09:00"),
        (opened(case="2027-003-1"), "2027-03-02 09:01"),
        (CaseAdvanced(item=f"{RULE}@2027-003-2", on=day("2027-03-03")), "2027-03-03 09:00"),
        start=Facts(names=rulebook.succession),
    )
    found = standing(facts, "2027-03-03", rulebook)
    assert [found[item][0] for item in (ONE, TWO, THREE)] == ["销号", "销号", "正常推进"]
    assert found[f"{RULE}@2027-003-1#监测"][0] == "临期"


def test_two_steps_of_one_name_are_refused() -> None:
    form = written("核查").rules[0].form
    twice = form.model_copy(update={"stages": (*form.stages, *form.stages)})
    assert [one.code for one in KIND.remarks(twice, {})] == ["duplicate-step"]
