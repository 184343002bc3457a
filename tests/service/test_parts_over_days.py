"""A long message through the real service, killed while a part is in flight every morning for a week; counted at the receiver."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from loguru import logger

from bot.core.deciding.addressees import ADMIN, LEADING_GROUP
from bot.core.telling.entry import EntryState
from bot.drill.twin import Bubble
from tests.kit.house import House, at, furnished, until
from tests.kit.rules_factory import LADDERS
from tests.sending.test_parts import MANY, TITLES, place, said
from tests.service.test_app import number_of

DAYS = ("2027-12-24", "2027-12-27", "2027-12-28", "2027-12-29", "2027-12-30", "2027-12-31", "2028-01-03")
CHANGES = {
    "tasks/05.yaml": MANY.replace("2027-12-31", "2028-01-24"),
    "ladders.yaml": LADDERS.replace("提前7天", "提前31天"),
}

NAMES = ("县教育局", "县委教育工委", "县财政局", ADMIN, LEADING_GROUP)  # the first one's platform takes the least


@pytest.fixture(autouse=True)
def _quiet() -> None:
    logger.remove()


def long_ones(house: House) -> list[Bubble]:
    """The parts of the message that is too long, as they were shown."""
    return [bubble for bubble in house.seen("县教育局") if bubble.parts > 1 and said([bubble])]


async def a_morning(house: House, day: str) -> None:
    """The service starts; a part is accepted, the next one is shown, and the process is gone before the answer."""
    house.clock.jump(at(f"{day}T08:00"))
    house.clock.until = at(f"{day}T11:00")
    house.clock.over.clear()
    house.open()
    last = len(long_ones(house)) + 2
    house.twin.on_bubble(lambda _: house.twin.hang("县教育局", 60) if len(long_ones(house)) == last - 1 else None)
    running = asyncio.create_task(house.app.run())
    await until(lambda: len(long_ones(house)) == last or house.clock.over.is_set())
    assert not house.clock.over.is_set(), day
    running.cancel()
    await house.app.deliveries.abandon()
    await asyncio.gather(running, return_exceptions=True)
    house.close()
    house.twin.heal("县教育局")


async def test_killed_every_morning_for_a_week_a_long_message_arrives_part_by_part(tmp_path: Path) -> None:
    async with furnished(tmp_path, changes=CHANGES, names=NAMES, heard=True, begin=False) as house:
        for day in DAYS:
            await a_morning(house, day)
        house.open()
        await house.live("2028-01-05T18:00")
        bubbles = long_ones(house)
        first: dict[str, Bubble] = {}
        for bubble in bubbles:
            before = first.setdefault(place(bubble), bubble)
            assert ("补发" in bubble.title) == (before is not bubble)
            assert bubble.source.replace("【补发】", "") == before.source
        total = bubbles[0].parts
        assert list(first) == [f"{part}/{total}" for part in range(1, total + 1)]
        assert total > len(DAYS)
        assert len(bubbles) == total + len(DAYS)  # each part once, and what was in flight again
        assert said(list(first.values())).keys() >= TITLES.keys()
        assert {number_of(bubble) for bubble in bubbles} == {number_of(bubbles[0])}
        [entry] = [one for one in house.entries() if one.number == number_of(bubbles[0])]
        assert (entry.state, entry.interrupted, entry.unclear) == (EntryState.DELIVERED, len(DAYS), 0)
        told = [bubble for bubble in house.seen(ADMIN) if "在发送途中因程序中断" in bubble.source]
        assert len(told) == 1
