"""After a restore: only what may have been sent between the backup and the restore goes as 补发, by the instant."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from loguru import logger

from bot.core.facts.events import Event, Returned
from bot.drill.twin import Bubble
from tests.kit.house import House, at, furnished
from tests.service.test_outages import CROWDED

CHAT = "县教育局"


@asynccontextmanager
async def restored(folder: Path, when: str) -> AsyncIterator[House]:
    """A house whose state of 4 March, 08:00, is put back `when` it is told."""
    logger.remove()
    async with furnished(folder, "2027-03-01T08:00", changes=CROWDED, heard=True) as house:
        await house.live("2027-03-04T08:00")
        house.reopen()
        house.store.begin_again(at(when), "状态由备份恢复")
        house.clock.jump(at(when))
        yield house


def plan(bubbles: list[Bubble]) -> list[Bubble]:
    return [bubble for bubble in bubbles if bubble.at >= at("2027-03-04T08:00")]


@pytest.mark.parametrize(("when", "marked"), [("2027-03-05T08:30", False), ("2027-03-05T10:01", True)])
async def test_what_had_its_minute_before_the_restore_is_marked_and_nothing_else(
    tmp_path: Path, when: str, marked: bool
) -> None:
    async with restored(tmp_path, when) as house:
        await house.live("2027-03-05T18:00")
        [digest] = plan(house.seen(CHAT))
        assert "T05-R2@2027-03" in digest.source
        assert ("补发" in digest.title) == marked
        house.reopen()
        await house.live("2027-03-31T18:00")
        assert not any("补发" in bubble.title + bubble.source for bubble in plan(house.all_seen()) if bubble.at.day > 5)


@pytest.mark.parametrize(("returned", "marked"), [("2027-03-04T15:00", True), ("2027-03-04T16:03", False)])
async def test_a_return_issued_after_the_restore_is_not_marked_one_that_is_posted_again_is(
    tmp_path: Path, returned: str, marked: bool
) -> None:
    async with restored(tmp_path, "2027-03-04T16:01") as house:
        house.app.take_in()
        house.clock.jump(at("2027-03-04T16:05"))
        what = Returned(item="T05-R2@2027-03", reason="缺材料")
        house.app.take_in(Event.of(what, key="r", time=at(returned), source="duban/test"))
        await house.live("2027-03-05T18:00")
        [single] = [bubble for bubble in plan(house.seen(CHAT)) if "退回" in bubble.title]
        assert ("补发" in single.title) == marked
