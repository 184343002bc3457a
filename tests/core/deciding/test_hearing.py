"""When a unit first heard of a rule: what counts, under whose names, and for which rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from bot.core.deciding.findings import known_items
from bot.core.deciding.hearing import Hearing, Hearings
from bot.core.deciding.lateness import Listener
from bot.core.facts.facts import Facts
from bot.core.rules.succession import Succession
from tests.kit.builders import a_milestone, a_rulebook, moment

FIRST, LATER = moment("2026-12-01T08:40"), moment("2027-02-24T10:00")
[RULE] = a_rulebook(a_milestone()).rules


def test_the_first_instant_counts_and_a_delivery_that_comes_later_is_kept_beside_it() -> None:
    hearings = Hearings([Hearing("T05-M1", "县教育局", FIRST)])
    assert (hearings.asked(RULE, "县教育局"), hearings.heard(RULE, "县教育局")) == (FIRST, None)
    assert hearings.add(Hearing("T05-M1", "县教育局", FIRST, LATER)) == Hearing("T05-M1", "县教育局", FIRST, LATER)
    assert hearings.add(Hearing("T05-M1", "县教育局", LATER, LATER)) is None
    assert hearings.heard(RULE, "县教育局") == LATER
    assert hearings.heard(RULE, "县财政局") is None


def test_a_renamed_unit_has_heard_and_the_unit_it_was_merged_into_has_not() -> None:
    row = Hearing("T05-M1", "县卫计局", FIRST, FIRST)
    renamed = Succession({"县卫计局": "县卫健局"})
    merged = Succession({"县卫计局": "县卫健局"}, frozenset({"县卫计局"}))
    assert Hearings([row], names=renamed).heard(RULE, "县卫健局") == FIRST
    assert Hearings([row], names=merged).heard(RULE, "县卫健局") is None
    assert Hearings([Hearing("T09-M9", "县教育局", FIRST)], names=Succession(ids={"T09-M9": "T05-M1"})).asked(
        RULE, "县教育局"
    )


def test_an_old_hand_over_stands_for_the_rules_of_its_task_that_were_there() -> None:
    """It does not say which rules it named; one that came into force since was not among them."""
    row = Hearing("交办:T05", "县教育局", FIRST, FIRST)
    assert Hearings([row]).heard(RULE, "县教育局") == FIRST
    assert Hearings([row], since={"T05-M1": LATER}).heard(RULE, "县教育局") is None


def test_a_copy_is_independent() -> None:
    hearings = Hearings()
    twin = hearings.copy()
    twin.add(Hearing("T05-M1", "县教育局", FIRST, FIRST))
    assert hearings.heard(RULE, "县教育局") is None


def test_a_unit_that_could_not_be_reached_for_weeks_keeps_the_later_day_that_held_when_it_was_reached() -> None:
    """Asked on 1 March, it counts as told on the 15th and has until the 29th, also once its robot is mended in May."""
    book = a_rulebook(a_milestone(due="2027-01-29"))
    [item] = [one for one in known_items(book, date(2027, 3, 1)) if one.id == "T05-M1"]
    asked = Hearing("T05-M1", "县教育局", moment("2027-03-01T09:00"))
    unreached, reached = Hearings([asked]), Hearings([replace(asked, heard=moment("2027-05-12T10:00"))])
    for hearings, today in ((unreached, date(2027, 4, 20)), (reached, date(2027, 5, 13))):
        assert Listener(book, Facts(), hearings, today).of(item).by == date(2027, 3, 29)
