"""The two invented sample plans beside this file, read by the real loader together with the national calendars."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path

from bot.core.deciding.findings import items_of
from bot.core.facts.events import Observed
from bot.core.preview.preview import preview_of
from bot.core.rules.item import Item, State
from bot.core.rules.rulebook import Rulebook
from bot.rulefiles.loader import Loaded, assemble, read_files
from tests.kit.builders import calendars, facts_after, moment
from tests.stories.timeline import Sent, Timeline

HERE = Path(__file__).parent
CITY, COUNTY = "city_renewal", "county_health"


def files_of(name: str) -> dict[str, bytes]:
    """The rule files of a sample plan, and the calendars every plan shares."""
    return {**read_files(HERE / name / "rules"), **{path: text.encode() for path, text in calendars().items()}}


@cache
def loaded(name: str) -> Loaded:
    """A sample plan, with whatever the loader has to say of it."""
    return assemble(files_of(name))


def the_plan(name: str) -> Rulebook:
    """A sample plan. Fails when it does not load."""
    found = loaded(name)
    assert found.rulebook is not None, [str(problem) for problem in found.problems]
    return found.rulebook


def dates_of(name: str, rule: str, until: str = "2031-12-31") -> dict[str, str]:
    """Item id → due date of everything under a rule, or under an item's areas, that the plan watches."""
    return {
        item.id: str(item.due_on)
        for item in items(name, until).values()
        if item.rule.id == rule or item.rule.id.startswith(f"{rule}-")
    }


@cache
def items(name: str, until: str = "2031-12-31") -> dict[str, Item]:
    """Every item up to a day, as the service knows them."""
    return {item.id: item for item in items_of(the_plan(name), date.fromisoformat(until))}


def verdict(name: str, item: str, **values: str) -> tuple[State, str]:
    """State and detail of an item once values are known: _2027Q1="20" for its indicator."""
    found = items(name)[item]
    happened = [
        (Observed(indicator=found.rule.form.id, period=label.strip("_"), value=Decimal(value)), f"2031-0{n % 8 + 1}-10")
        for n, (label, value) in enumerate(values.items())
    ]
    judged = found.rule.kind.judge(found, facts_after(*happened), date(2031, 12, 31))
    return judged.state, judged.detail


def foretold(name: str, start: str, until: str) -> list[Sent]:
    """Every message of a span of days as the preview foretells it, everything proposed taken as confirmed."""
    story = Timeline(the_plan(name), start=start).as_confirmed()
    for draft, findings in preview_of(story.scene, moment(start), moment(until)):
        story.now = draft.at
        story.say(draft, dict(findings))
    return story.sent
