"""What a person sends again says 补发 whenever anybody may have seen any of it."""

from __future__ import annotations

import pytest

from bot.core.telling.entry import EntryState
from bot.core.telling.outbox import asked_again
from tests.core.telling.test_outbox import NOW, an_entry


@pytest.mark.parametrize("seen", [{"resent": True}, {"unclear": 1}, {"parts_done": 1}])
def test_what_may_have_been_seen_is_marked_and_begins_anew(seen: dict[str, object]) -> None:
    given_up = an_entry(state=EntryState.UNDELIVERABLE).model_copy(update=seen)
    again = asked_again(given_up, "办公室重发", NOW)
    assert (again.resent, again.state) == (True, EntryState.LATER)
    assert (again.unclear, again.parts_done) == (0, 0)


def test_what_nobody_can_have_seen_is_not_marked() -> None:
    assert not asked_again(an_entry(state=EntryState.UNDELIVERABLE, attempts=3), "办公室重发", NOW).resent
