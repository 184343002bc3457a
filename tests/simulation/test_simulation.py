"""Whole lives of a service from a seed: every promise holds in them, and a service that breaks one is found out.

`make soak` lives many more years of other seeds; `DUBAN_YEARS` says how many.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest import mock

import pytest

from bot import delivery
from bot.core import outbox
from bot.core.outcome import Outcome, Verdict
from bot.delivery import Deliveries
from bot.shell.courier import Courier
from bot.shell.journal import Journal
from bot.shell.robots import Robots
from tests.simulation.__main__ import many
from tests.simulation.stage import Violation
from tests.simulation.story import live

STORIES = 16
TRIES = 8  # stories in which a broken promise must come to light


@pytest.mark.parametrize("seed", range(STORIES))
def test_no_promise_is_broken_whatever_happens(seed: int) -> None:
    result = live(seed)
    assert (result.bubbles, result.deaths) > (20, 3)  # much was said and much went wrong


def test_the_same_seed_is_the_same_story() -> None:
    assert live(22).digest == live(22).digest != live(42).digest


@pytest.mark.soak
def test_no_promise_is_broken_in_many_years() -> None:
    assert many(STORIES, float(os.environ.get("DUBAN_YEARS", "200"))) == 0


# --- a service with one fault ---------------------------------------------------

_send, _unclear, _choose = Courier.post, outbox._unclear, Robots.choose


async def _believes_everything(self: Courier, *given: Any) -> Outcome:
    outcome = await _send(self, *given)
    return replace(outcome, verdict=Verdict.DELIVERED) if outcome.verdict is Verdict.LATER else outcome


def _forgets_the_mark(*given: Any) -> dict[str, object]:
    return _unclear(*given) | {"resent": False}


def _always_open(at: Any, *_: Any) -> Any:
    return at


def _in_another_chat(self: Robots, chat: str, *given: Any) -> Any:
    return _choose(self, next(other for other in self.by_chat if other != chat), *given)


def _only_says_that_it_flushes(self: Journal) -> None:
    self._synced = self._sequence


FAULTS: dict[str, tuple[object, str, Callable[..., Any], str]] = {
    "what was being sent is forgotten": (Deliveries, "recover", lambda self: None, "1"),
    "a resend is not marked": (outbox, "_unclear", _forgets_the_mark, "2"),
    "a platform's refusal counts as success": (Courier, "post", _believes_everything, "3"),
    "nobody minds office hours": (delivery, "allowed", _always_open, "4"),
    "another chat hears it": (Robots, "choose", _in_another_chat, "7"),
    "a flush is not done": (Journal, "_flush", _only_says_that_it_flushes, "9"),
}


def first_violation() -> str:
    """What the first stories to fail say."""
    for seed in range(2, 2 + TRIES):
        try:
            live(seed)
        except Violation as violation:
            return str(violation)
    return ""


@pytest.mark.parametrize("fault", FAULTS)
def test_a_service_with_one_fault_is_found_out(fault: str) -> None:
    target, name, value, number = FAULTS[fault]
    with mock.patch.object(target, name, value):
        assert re.search(rf"(^| ){number} ", first_violation())
