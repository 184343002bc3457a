"""One item looked at alone: whatever event is about it, the look says of it what a look at everything would."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.core.deciding.desk import Used
from bot.core.deciding.findings import known_items
from bot.core.deciding.look import Scene, look, look_at
from bot.core.deciding.memory import Tellings
from bot.core.facts.events import Closed, Done, Event, Extended, Payload, Returned
from bot.core.facts.facts import Facts
from bot.core.time.windows import OfficeHours
from tests.kit.builders import everybody, moment
from tests.kit.builders import the_county as county

NOW = moment("2027-09-20T15:00")


def a_scene(facts: Facts) -> Scene:
    return Scene(county(), facts, Tellings(), everybody(county()), OfficeHours(), lambda chat, day: Used())


BEFORE = a_scene(Facts(all_confirmed=True))
SEEN = {finding.item.id: finding for finding in look(BEFORE, NOW)[0]}
ITEMS = known_items(county(), NOW.date())


def payloads(item: str, kind: int) -> Payload:
    due = SEEN[item].due_on or NOW.date()
    return (
        Done(item=item, by="县教育局"),
        Closed(item=item, by="办公室"),
        Returned(item=item, by="办公室", reason="材料不全"),
        Extended(item=item, to=due + timedelta(days=30), rule_due=due, reason="工期", by="办公室"),
    )[kind]


@given(st.sampled_from(ITEMS), st.integers(0, 3))
def test_one_item_looked_at_alone_is_found_and_decided_as_among_all(item: object, kind: int) -> None:
    about = item.id  # type: ignore[attr-defined]
    event = Event.of(payloads(about, kind), key="one", time=NOW - timedelta(seconds=1), source="test")
    after = replace(BEFORE, facts=BEFORE.facts.after(event))
    found, decided = look_at(after, NOW, about, SEEN)
    everything, decisions = look(after, NOW)
    touched = {finding.item.id for finding in found}
    assert about in touched
    assert found == [finding for finding in everything if finding.item.id in touched]
    assert decided == [decision for decision in decisions if decision.finding.item.id in touched]
    others = {finding.item.id: finding for finding in everything if finding.item.id not in touched}
    assert {key: others[key] for key in others if key in {item.id for item in ITEMS}} == {
        key: SEEN[key] for key in others if key in {item.id for item in ITEMS}
    }


def test_an_item_that_no_plan_has_is_not_looked_at_alone() -> None:
    assert look_at(BEFORE, NOW, "T99-M1", SEEN) == ([], [])
