"""Whole lives of a service from a seed: every promise holds in them, and a service that breaks one is found out.

`make soak` lives many more years of other seeds; `DUBAN_YEARS` says how many. A seed that fails says how to see it again.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any
from unittest import mock

import pytest

from bot.core.audit.self_audit import Report, SelfAudit
from bot.core.telling import digest, outbox
from bot.core.telling.entry import Entry, EntryState, Telling
from bot.core.telling.outcome import Outcome, Verdict
from bot.platforms import Robot
from bot.sending import delivery
from bot.sending.chats import Chats
from bot.sending.courier import Courier
from bot.sending.delivery import Deliveries
from bot.sending.robots import Robots
from bot.service.hourly_audit import HourlyAudit
from bot.service.lost_chats import LostChats
from bot.service.mail import Mail
from bot.sources.inbox import Letter
from bot.state import store
from bot.state.disk.journal import Journal
from bot.state.store import Store
from tests.simulation.__main__ import lived
from tests.simulation.stage import Violation
from tests.simulation.story import days_of, live

STORIES, TOGETHER = 225, 5
YEARS = 200
TRIES = 8  # stories in which a broken promise must come to light


@pytest.fixture(autouse=True)
def _nothing_left_behind() -> Iterator[None]:
    """A story that ends in a violation leaves tasks behind, whose end must not fall into somebody else's work."""
    yield
    gc.collect()


@pytest.mark.parametrize("first", range(0, STORIES, TOGETHER))
def test_no_promise_is_broken_whatever_happens(first: int) -> None:
    results = [lived(seed) for seed in range(first, first + TOGETHER)]
    assert sum(result.bubbles for result in results) > 300  # much was said
    assert sum(result.deaths for result in results) > 20  # and much went wrong


def test_these_stories_are_two_hundred_years() -> None:
    assert sum(map(days_of, range(STORIES))) >= YEARS * 365


def test_the_same_seed_is_the_same_story() -> None:
    assert live(22).digest == live(22).digest != live(42).digest


def test_a_story_that_fails_says_how_to_see_it_again() -> None:
    def fails(seed: int) -> Any:
        raise KeyError(seed)

    with pytest.raises(Violation, match=r"KeyError\(7\).*\n.* -m tests.simulation --seed 7$"):
        lived(7, fails)


# --- a service with one fault ---------------------------------------------------

Fault = tuple[object, str, Any]
_send, _unclear, _choose, _promise_one = Courier.post, outbox._unclear, Robots.choose, Store._promise_one
_taken_in = Mail._taken_in


async def _believes_everything(self: Courier, *given: Any) -> Outcome:
    outcome = await _send(self, *given)
    return replace(outcome, verdict=Verdict.DELIVERED) if outcome.verdict is Verdict.LATER else outcome


def _forgets_the_mark(*given: Any) -> dict[str, object]:
    return _unclear(*given) | {"resent": False}


def _inherited(*given: Any) -> tuple[Telling, ...]:
    """One doubtful message is merged with fresh ones, and all is called 补发."""
    return tuple(replace(telling, seen=True) for telling in outbox.said_together(*given))


def _forgotten(*given: Any) -> tuple[Telling, ...]:
    return tuple(replace(telling, seen=False) for telling in outbox.said_together(*given))


def _always_open(at: Any, *_: Any) -> Any:
    return at


def _in_another_chat(self: Robots, chat: str, *given: Any) -> Any:
    return _choose(self, next(other for other in self.by_chat if other != chat), *given)


def _only_says_that_it_flushes(self: Journal) -> None:
    self.synced = self.sequence


def _drops(self: Store, *given: Any) -> Entry:
    """A message is promised, and gone."""
    entry = _promise_one(self, *given)
    self._outbox.remove(doc_ids=[self.shelf.take(entry.number)])
    return entry


def _the_youngest(self: Store, chat: str) -> Entry | None:
    ready = (entry for entry in self.shelf.open_of(chat) if entry.state in (EntryState.PENDING, EntryState.LATER))
    return max(ready, key=lambda entry: (entry.at, entry.number), default=None)


def _at_once(self: Robots, robot: Robot, now: Any, tick: Any) -> Any:
    return now, 0


def _sees_nothing(self: SelfAudit, books: Any, now: Any) -> Report:
    return Report(now)


def _thrown_away_first(self: Mail, letter: Letter, now: Any) -> Letter:
    """A letter leaves the inbox before it was taken in."""
    letter.settle()
    return _taken_in(self, letter, now)


def _at_once_in_force(self: LostChats, configured: Chats, *_: Any) -> Chats:
    return configured


DROPPED: Fault = (Store, "_promise_one", _drops)
#: What is done to the service, and the number of the promise that breaks.
FAULTS: dict[str, tuple[tuple[Fault, ...], str]] = {
    "what was being sent is forgotten": (((Deliveries, "recover", lambda self: None),), "1"),
    "a message is lost from the outbox": ((DROPPED,), "1"),
    "a letter leaves the inbox before it is kept": (((Mail, "_taken_in", _thrown_away_first),), "1"),
    "a resend is not marked": (((outbox, "_unclear", _forgets_the_mark),), "2"),
    "doubt is inherited by what was never sent": (((store, "said_together", _inherited),), "2"),
    "doubt is lost when messages are merged": (((store, "said_together", _forgotten),), "2"),
    "a platform's refusal counts as success": (((Courier, "post", _believes_everything),), "3"),
    "nobody minds office hours": (((delivery, "allowed", _always_open),), "4"),
    "nobody counts what a chat got today": (((digest, "SINGLES_A_DAY", 9),), "5"),
    "nobody minds the pace of a robot": (((Robots, "_free_at", _at_once),), "6"),
    "another chat hears it": (((Robots, "choose", _in_another_chat),), "7"),
    "a chat that is gone for a moment is gone": (((LostChats, "in_force", _at_once_in_force),), "7"),
    "the youngest goes first": (((Store, "head", _the_youngest),), "8"),
    "a flush is not done": (((Journal, "_flush", _only_says_that_it_flushes),), "9"),
    "the self-audit says nothing of a loss": ((DROPPED, (SelfAudit, "audit", _sees_nothing)), "11"),
    "the heart beats over what the self-audit found": ((DROPPED, (HourlyAudit, "gaps", lambda self: ())), "11"),
}


def violations() -> Iterator[str]:
    """What stories say that fail; a fault may break another promise before its own."""
    for seed in range(2, 2 + TRIES):
        try:
            live(seed)
        except Violation as violation:
            yield str(violation)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_service_with_one_fault_is_found_out(fault: str) -> None:
    changes, number = FAULTS[fault]
    with ExitStack() as broken:
        for target, name, value in changes:
            broken.enter_context(mock.patch.object(target, name, value))
        assert any(re.match(rf"([-0-9]+ [:0-9]+ )?{number} ", said) for said in violations())
