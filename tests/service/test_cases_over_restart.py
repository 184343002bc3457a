"""Cases in the running service: letters in the inbox, a power cut in between, and what the admin reads of a refusal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from loguru import logger

from bot.core.deciding.addressees import ADMIN
from tests.kit.builders import LADDERS, a_case_rule
from tests.kit.house import House, furnished
from tests.kit.rules_factory import TASK, edited

NOTE = "某某学校张三"
CHANGES = {"tasks/05.yaml": edited(TASK, "事项:\n", f"事项:\n{a_case_rule()}"), "ladders.yaml": LADDERS}


@pytest.fixture(autouse=True)
def _quiet() -> None:
    logger.remove()


def drop(house: House, name: str, kind: str, **data: Any) -> None:
    """A letter as any script may leave one."""
    folder = house.folder / "state" / "inbox"
    folder.mkdir(parents=True, exist_ok=True)
    envelope = {"specversion": "1.0", "id": name, "source": "test", "type": f"duban.{kind}", "data": data}
    text = json.dumps({**envelope, "time": "2027-03-02T08:00:00+08:00"}, ensure_ascii=False)
    (folder / f"{name}.json").write_text(text, "utf-8")


async def real_pass(house: House) -> None:
    """One pass of the real bot, at a story's time: letters leave the inbox."""
    house.clock.kind = "real"
    await house.app.one_pass()
    await house.app.deliveries.settled()
    house.clock.kind = "drill"


async def test_a_case_outlives_a_power_cut_between_its_steps(tmp_path: Path) -> None:
    async with furnished(tmp_path, "2027-03-02T07:00", changes=CHANGES) as house:
        drop(house, "a", "case_opened", rule="T05-C1", case="2027-003", on="2027-03-01", note=NOTE)
        await real_pass(house)
        house.reopen()
        drop(house, "b", "case_advanced", item="T05-C1@2027-003#监测", on="2027-03-02")
        await real_pass(house)
        before = house.store.facts
        house.reopen()
        assert house.store.facts == before
        await house.live(until="2027-03-17T18:00")
        said = [bubble.source for bubble in house.seen("县教育局")]
        assert any("督办事项（T05-C1@2027-003第2步）" in text and "时限3月16日" in text for text in said)
        assert not any(NOTE in text or "核查" in text for text in said)


async def test_a_refused_letter_about_a_case_tells_the_admin_without_a_name(tmp_path: Path) -> None:
    async with furnished(tmp_path, "2027-03-02T07:00", changes=CHANGES) as house:
        drop(house, "a", "case_opened", rule="T05-C1", case="张三", on="2027-03-01", note=NOTE)
        await real_pass(house)
        await house.live(until="2027-03-03T18:00")
        said = "".join(bubble.source for bubble in house.seen(ADMIN))
        assert "件的编号只用数字、大写字母和连字符" in said
        assert "张三" not in said
