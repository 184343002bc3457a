"""A rehearsal of one day is that day of the whole story, however late it begins and whatever it leaves out."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.deciding.addressees import ADMIN
from bot.core.facts.events import Closed, Done, Event, Extended, Observed, Payload, Returned, Silenced
from bot.core.preview.rehearsal import Occasion, WordedMessage, audience, happening, play, rehearse
from bot.core.rules.rulebook import Rulebook
from tests.kit.builders import INDICATOR, a_duty, a_milestone, a_rulebook, moment
from tests.kit.builders import the_county as county
from tests.stories.timeline import Timeline

Lines = set[tuple[str, str]]


def day(text: str) -> date:
    return date.fromisoformat(text)


def lines(said: tuple[WordedMessage, ...] | list[WordedMessage]) -> Lines:
    return {(one.unit, one.text) for one in said}


def an_event(payload: Payload, on: date, key: str) -> Event:
    return Event.of(payload, key=key, time=happening(on))


@cache
def whole_story(until: str) -> dict[date, Lines]:
    """What the county is told day by day, from the plan's first day on, nothing left out."""
    found: dict[date, Lines] = defaultdict(set)
    for one in play(county(), Occasion(day(until)), county().plan.starts_on):
        found[one.on].add((one.unit, one.text))
    return found


# --- the start ----------------------------------------------------------------------------------------------------------


@settings(max_examples=25)
@given(st.dates(day("2026-11-23"), day("2028-06-30")))
def test_a_day_rehearsed_is_that_day_of_the_whole_story(today: date) -> None:
    (said,) = rehearse(county(), [Occasion(today)])
    assert lines(said) == whole_story("2028-06-30").get(today, set())


def test_the_first_day_is_the_backlog_of_a_start() -> None:
    (said,) = rehearse(county(), [Occasion(county().plan.starts_on)])
    assert lines(said) == whole_story("2028-06-30")[county().plan.starts_on]
    assert any("【事项交办】" in one.text for one in said)


def test_days_of_one_past_are_played_together_and_come_out_as_alone() -> None:
    days = [day(text) for text in ("2028-04-03", "2027-03-16", "2027-12-01", "2027-12-24")]
    together = rehearse(county(), [Occasion(today) for today in days])
    assert [lines(said) for said in together] == [lines(rehearse(county(), [Occasion(today)])[0]) for today in days]


@settings(max_examples=20)
@given(
    st.dates(day("2027-01-04"), day("2028-06-30")),
    st.sampled_from(["T05-M1", "T05-R1", "I4:报送", "T09-R1", "T05-M1-02"]),
)
def test_what_is_said_of_one_item_is_the_same_with_the_other_rules_left_out(today: date, item: str) -> None:
    (whole,), (some,) = (
        rehearse(county(), [Occasion(today, items=items)]) for items in (frozenset(), frozenset({item}))
    )

    def about(said: tuple[WordedMessage, ...]) -> Lines:
        return {
            (one.unit, part.text)
            for one in said
            for part in one.about
            if part.telling.item == item or part.telling.item.startswith(f"{item}@")
        }

    assert about(some) == about(whole)


# --- a past --------------------------------------------------------------------------------------------------------------

STEPS = ("编号: T05-M1-01, 名称: 自评, 完成时限: 2027-02-26, 依据: 管理员",)
DUE = day("2027-03-31")


@cache
def a_small_plan() -> Rulebook:
    return a_rulebook(
        a_milestone(due=str(DUE), more="结果公布: 2027-04-15", steps=STEPS),
        a_milestone("T05-M2", "2027-04-30", ladder="一般节点"),
        a_duty(cadence="每月10日"),
        indicators=INDICATOR,
        starts="2027-01-04",
    )


def payloads() -> st.SearchStrategy[Payload]:
    items = st.sampled_from(["T05-M1", "T05-M1-01", "T05-M2", "T05-R1@2027-03"])
    far = st.dates(day("2027-04-01"), day("2027-06-30"))
    return st.one_of(
        st.builds(lambda item: Done(item=item), items),
        st.builds(lambda item: Closed(item=item, by=""), items),
        st.builds(lambda item: Returned(item=item, reason="补材料"), items),
        st.builds(lambda to: Extended(item="T05-M1", to=to, rule_due=DUE, reason="", by=""), far),
        st.builds(lambda item, to: Silenced(item=item, until=happening(to), reason=""), items, far),
        st.builds(
            lambda chat, to: Silenced(chat=chat, until=happening(to), reason=""), st.sampled_from(["县教育局"]), far
        ),
        st.builds(
            lambda period, value: Observed(indicator="I4", period=period, value=Decimal(value)),
            st.sampled_from(["2026", "2027"]),
            st.sampled_from(["96", "97"]),
        ),
    )


@settings(max_examples=120)
@given(
    st.lists(st.tuples(payloads(), st.dates(day("2027-01-20"), day("2027-06-20"))), max_size=4),
    st.dates(day("2027-01-04"), day("2027-06-30")),
)
def test_a_day_with_a_past_is_that_day_of_the_whole_story(past: list[tuple[Payload, date]], today: date) -> None:
    before = sorted((one for one in past if one[1] < today), key=lambda one: one[1])
    known = tuple(an_event(payload, on, str(index)) for index, (payload, on) in enumerate(before))
    occasion, rulebook = Occasion(today, known), a_small_plan()
    story = [one for one in play(rulebook, occasion, rulebook.plan.starts_on) if one.on == today]
    (said,) = rehearse(rulebook, [occasion])
    assert lines(said) == lines(story)


@pytest.mark.parametrize("today", ["2027-03-01", "2027-03-24", "2027-04-16", "2027-04-20", "2027-05-06"])
def test_a_day_is_what_the_service_says_that_day_when_lived_minute_by_minute(today: str) -> None:
    past = [
        (Done(item="T05-R1@2027-03"), "2027-03-12"),
        (Returned(item="T05-R1@2027-03", reason="补材料"), "2027-04-15"),
        (Observed(indicator="I4", period="2026", value=Decimal(96)), "2027-04-19"),
    ]
    story = Timeline(a_small_plan(), start="2027-01-04", unheard=True).as_confirmed()
    known = []
    for payload, on in past:
        if on < today:
            story.at(f"{on} 23:59")
            story.happens(payload)
            known.append(an_event(payload, day(on), on))
    story.at(f"{today} 00:00")
    lived = story.at(f"{today} 23:59").sent
    (said,) = rehearse(a_small_plan(), [Occasion(day(today), tuple(known))])
    addressed = {(row.addressee, row.item, row.rung) for one in lived for row in one.draft.tellings}
    assert {
        (part.telling.addressee, part.telling.item, part.telling.rung) for one in said for part in one.about
    } == addressed


def test_without_confirmation_proposals_are_told_to_the_admin_only() -> None:
    rulebook = a_rulebook(a_milestone(due="2027-06-30", basis="建议"), lead="建议")
    for confirmed, hears in ((True, True), (False, False)):
        said = rehearse(rulebook, [Occasion(day("2027-06-23"), confirmed=confirmed)])[0]
        assert any(one.unit == "县教育局" for one in said) is hears


def test_everybody_has_a_chat_of_their_own_in_a_rehearsal() -> None:
    names = audience(county())
    assert {"县教育局", "县教育局·分管领导", "各学校", "领导小组", ADMIN} <= set(names)
    assert moment("2027-01-04 23:59") == happening(day("2027-01-04"))
