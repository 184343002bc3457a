"""Facts are a fold: the same events give the same facts, and nothing is forgotten by accident."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.facts.events import (
    PAYLOADS,
    CaseAdvanced,
    CaseOpened,
    CasePaused,
    CaseResumed,
    Closed,
    Confirmed,
    Done,
    EventRejected,
    Extended,
    Observed,
    Payload,
    ResendAsked,
    Returned,
    RobotMended,
    RulesMended,
    RulesRejected,
    Silenced,
    Withdrawn,
)
from bot.core.facts.facts import Facts, fold
from bot.core.rules.rulebook import Rulebook
from tests.kit.builders import a_duty, a_milestone, a_rulebook, an_event, facts_after, items_by_id, moment

STEP = "编号: T05-M1-01, 名称: 县级自评, 完成时限: 2027-03-31, 依据: 建议"
OPENED = CaseOpened(rule="T09-C1", case="2027-003", on=date(2027, 1, 4), note="备注")
PAUSED = CasePaused(rule="T09-C1", case="2027-003", on=date(2027, 1, 5), reason="补充材料")
ADVANCED = CaseAdvanced(item="T09-C1@2027-003#监测", on=date(2027, 1, 6))
RESUMED = CaseResumed(rule="T09-C1", case="2027-003", on=date(2027, 1, 6))
SAMPLES: tuple[Payload, ...] = (
    Observed(indicator="I4", period="2027", value=Decimal("96.2")),
    Done(item="T05-M1"),
    Closed(item="T05-M1", by="秘书组"),
    Returned(item="T05-M1", reason="缺材料"),
    Extended(item="T05-M1", to=date(2028, 6, 30), rule_due=date(2027, 12, 31), reason="等待", by="秘书组"),
    Silenced(item="T05-M1", until=moment("2027-12-31"), reason="部署"),
    Silenced(chat="县教育局", until=moment("2027-12-31"), reason="部署"),
    Confirmed(rules={"T05-M1": "x"}, leads={"T05": "县教育局"}),
    RulesRejected(digest="abc", problems=1, first=("错误",)),
    RulesMended(told=True),
    EventRejected(name="一.json", problem="不是 JSON"),
    OPENED,
    PAUSED,
    ADVANCED,
    RESUMED,
    Withdrawn(what="case_opened", rule="T09-C1", case="2027-003"),
)


#: About messages and robots: what they change is the outbox (tests/sending/test_orders.py).
ORDERS = {ResendAsked, RobotMended}


def test_orders_about_messages_change_no_fact() -> None:
    for payload in (ResendAsked(numbers=("2027-0001",)), RobotMended(robot="县教育局#1")):
        assert facts_after((payload, "2027-01-04 10:00")) == replace(Facts(), version=1)


def test_every_event_there_is_has_a_place_in_the_facts() -> None:
    assert {type(payload) for payload in SAMPLES} | ORDERS == set(PAYLOADS.values())
    for payload in SAMPLES:
        happened = () if payload is OPENED else ((OPENED, "2027-01-04 08:00"), (PAUSED, "2027-01-04 09:00"))
        before = facts_after(*happened)
        after = before.after(an_event(payload, "2027-01-04 10:00"))
        assert after.version == before.version + 1
        assert after != replace(before, version=after.version)


def test_an_event_about_a_case_that_was_never_opened_changes_nothing() -> None:
    for payload in (PAUSED, ADVANCED, RESUMED):
        assert facts_after((payload, "2027-01-04 10:00")).cases == {}


def test_a_number_is_given_to_one_case_only() -> None:
    again = OPENED.model_copy(update={"on": date(2027, 2, 1)})
    facts = facts_after((OPENED, "2027-01-04 10:00"), (again, "2027-02-01 10:00"))
    assert [case.opened_on for case in facts.cases.values()] == [date(2027, 1, 4)]


@given(st.lists(st.sampled_from(SAMPLES), max_size=12))
def test_replay_rebuilds_the_facts_exactly(payloads: list[Payload]) -> None:
    events = [an_event(payload, f"2027-01-{day + 1:02d} 10:00") for day, payload in enumerate(payloads)]
    step_by_step = Facts()
    for event in events:
        step_by_step = step_by_step.after(event)
    assert fold(events) == step_by_step == fold(events[3:], fold(events[:3]))
    assert step_by_step.version == len(events)


def test_older_facts_are_left_alone() -> None:
    before = facts_after((Done(item="T05-M1"), "2027-01-04 10:00"))
    before.after(an_event(Closed(item="T05-M1", by="秘书组"), "2027-01-05 10:00"))
    assert before.marks["T05-M1"].what == "done"


def test_later_mark_wins() -> None:
    facts = facts_after(
        (Done(item="T05-M1"), "2027-01-04 10:00"),
        (Returned(item="T05-M1", reason="缺材料"), "2027-01-05 10:00"),
        (Closed(item="T05-M1", by="秘书组"), "2027-01-06 10:00"),
    )
    assert facts.marks["T05-M1"].what == "closed"


def test_revised_value_is_news_and_a_repeated_one_is_not() -> None:
    facts = facts_after((SAMPLES[0], "2027-01-04 10:00"))
    again = facts.after(an_event(Observed(indicator="I4", period="2027", value=Decimal("96.20")), "2027-02-04 10:00"))
    assert again.observations["I4", "2027"].at == moment("2027-01-04 10:00")
    revised = again.after(an_event(Observed(indicator="I4", period="2027", value=Decimal("97")), "2027-03-04 10:00"))
    assert revised.observations["I4", "2027"].at == moment("2027-03-04 10:00")


def test_only_the_last_fifty_refusals_are_kept() -> None:
    refusals = [(EventRejected(name=f"{n}.json", problem="不是 JSON"), "2027-01-04 10:00") for n in range(60)]
    kept = facts_after(*refusals).rejections
    assert len(kept) == 50
    assert kept[-1].key == "来件@59.json"


def a_proposal(
    due: str = "2027-12-31", units: str = "县教育局, 县财政局", basis: str = "建议", lead: str = "建议"
) -> Rulebook:
    return a_rulebook(a_milestone(due=due, basis=basis, steps=[STEP]), units=units, lead=lead)


def confirmed(rulebook: Rulebook) -> Facts:
    (rule,) = rulebook.rules
    event = Confirmed(rules={rule.id: rule.fingerprint}, leads={rule.lead_key: "县教育局"})
    return facts_after((event, "2027-01-04 10:00"))


def test_confirmation_holds_for_the_fingerprint_it_was_given_for() -> None:
    facts = confirmed(a_proposal())
    assert facts.confirms(a_proposal().rules[0])
    assert not facts.confirms(a_proposal(due="2027-11-30").rules[0])
    assert not facts.confirms(a_proposal(units="县教育局, 县民政局").rules[0])


def test_changed_step_asks_again_but_holds_only_the_steps() -> None:
    facts = confirmed(a_proposal(basis="方案"))
    moved = a_rulebook(a_milestone(due="2027-12-31", steps=[STEP.replace("03-31", "04-30")]))
    items = items_by_id(moved)
    assert not facts.allows(items["T05-M1-01"])
    assert facts.allows(items["T05-M1"])


def test_confirmed_lead_is_bound_to_the_unit() -> None:
    facts = confirmed(a_proposal())
    assert facts.confirmed_lead(a_proposal().rules[0]) == "县教育局"
    other = facts_after((Confirmed(leads={"T05": "县民政局"}), "2027-01-04 10:00"))
    assert other.confirmed_lead(a_proposal().rules[0]) is None
    assert Facts().confirmed_lead(a_proposal(lead="管理员").rules[0]) == "县教育局"
    assert Facts().confirmed_lead(a_rulebook(a_milestone(), lead="").rules[0]) is None


def test_as_confirmed_takes_every_proposal_for_granted() -> None:
    everything = Facts(all_confirmed=True)
    assert everything.confirms(a_proposal().rules[0])
    assert everything.confirmed_lead(a_proposal().rules[0]) == "县教育局"


@pytest.mark.parametrize(("rule_due", "holds"), [(date(2027, 12, 31), True), (date(2027, 11, 30), False)])
def test_extension_is_bound_to_the_date_it_was_granted_against(rule_due: date, holds: bool) -> None:
    granted = Extended(item="T05-M1", to=date(2028, 6, 30), rule_due=rule_due, reason="等待", by="秘书组")
    facts = facts_after((granted, "2027-01-04 10:00"))
    item = items_by_id(a_rulebook(a_milestone(due="2027-12-31")))["T05-M1"]
    assert (facts.extension_of(item) is not None) is holds
    assert (facts.void_extension_of(item) is not None) is not holds


def test_a_period_of_another_cadence_makes_nothing_good() -> None:
    """A rule was monthly before it came twice a year: 2027-08 is no later period than 2027-2."""
    item = items_by_id(a_rulebook(a_duty()))["T05-R1@2027-2"]
    facts = facts_after((Closed(item="T05-R1@2027-08", by="督查室"), "2027-09-01 10:00"))
    assert facts.later_done(item) == ""
