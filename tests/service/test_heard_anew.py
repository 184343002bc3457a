"""Who must hear anew after an edit: what comes back, comes sooner or changes hands is new, and late only from then on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from loguru import logger

from bot.service.home import read_home
from tests.kit.house import at, furnished
from tests.kit.rules_factory import LADDERS, TASK, edited
from tests.kit.watched import Watched
from tests.service.test_edits import edit, look, write_chats
from tests.service.test_reform_while_running import MERGED

LEAD, OTHER = "县教育局", "县委教育工委"
MILESTONE = "  - 编号: T05-M1"
DUTY = "  - 编号: T05-R1"


@pytest.fixture(autouse=True)
def _quiet() -> None:
    logger.remove()


def task(day: str = "2027-03-31", lead: str = LEAD) -> str:
    """The task with a milestone due on that day, and judged at once."""
    text = edited(edited(TASK, "    结果公布: 2028-03-31\n", ""), "完成时限: 2027年底", f"完成时限: {day}")
    text = text[: text.index("    步骤:")] + text[text.index(DUTY) :]
    return edited(text, "牵头: {单位: 县教育局,", f"牵头: {{单位: {lead},")


WITHOUT_MILESTONE = task()[: task().index(MILESTONE)] + task()[task().index(DUTY) :]


def rules(text: str) -> Mapping[str, str]:
    return {"tasks/05.yaml": text, "ladders.yaml": LADDERS.replace("逾期20个工作日", "逾期3个工作日")}


def told(service: Watched, since: str, item: str = "T05-M1") -> list[tuple[str, str, str]]:
    """Day, addressee and rung of what leads and leaders were told of the milestone from a day on; 新增 is its hand-over."""
    found = [
        (f"{entry.at:%m-%d}", row.addressee, row.rung)
        for entry in service.store.entries.values()
        for row in entry.tellings
        if (row.item == item and row.role != "配合单位") or (row.rung == "新增" and item in row.leads)
    ]
    return sorted(one for one in found if one[0] >= since)


async def test_what_was_said_to_be_gone_and_comes_back_is_new_to_whoever_read_that(tmp_path: Path) -> None:
    service = Watched(tmp_path, "2027-03-01T08:00", rules(task()))
    await service.until("2027-04-06T08:00")
    assert told(service, "04-01")[0] == ("04-01", LEAD, "逾期1个工作日")
    service.edit(rules(WITHOUT_MILESTONE))
    await service.until("2027-04-15T08:00")
    service.edit(rules(task()))
    await service.until("2027-05-07T18:00")
    assert told(service, "04-15") == [
        ("04-15", LEAD, "提前30天"),
        ("04-15", LEAD, "新增"),
        ("04-30", LEAD, "逾期1个工作日"),
        ("05-06", "领导小组", "逾期3个工作日·月度清单"),
    ]
    assert (service.gaps, service.unasked) == ([], [])
    await service.close()


async def test_what_is_put_back_before_anybody_read_that_it_is_gone_goes_on_as_it_was(tmp_path: Path) -> None:
    service = Watched(tmp_path, "2027-03-01T08:00", rules(task()))
    await service.until("2027-04-06T08:00")
    service.edit(rules(WITHOUT_MILESTONE))
    await service.until("2027-04-06T18:00")
    service.edit(rules(task()))
    await service.until("2027-05-07T18:00")
    assert told(service, "04-06") == [("05-06", "领导小组", "逾期3个工作日·月度清单")]
    assert (service.gaps, service.unasked) == ([], [])
    await service.close()


async def test_who_gets_a_duty_back_is_handed_it_and_the_time_in_which_others_had_it_does_not_count(
    tmp_path: Path,
) -> None:
    service = Watched(tmp_path, "2027-03-01T08:00", rules(task()))
    await service.until("2027-04-06T08:00")
    service.edit(rules(task(lead=OTHER)))
    await service.until("2027-05-06T18:00")
    service.edit(rules(task()))
    await service.until("2027-06-02T18:00")
    assert told(service, "05-07") == [
        ("05-07", LEAD, "提前30天"),
        ("05-07", LEAD, "新增"),
        ("05-24", LEAD, "逾期1个工作日"),
        ("06-01", "领导小组", "逾期3个工作日·月度清单"),
    ]
    assert (service.gaps, service.unasked) == ([], [])
    await service.close()


async def test_a_lead_that_is_put_right_the_same_day_makes_nothing_new(tmp_path: Path) -> None:
    service = Watched(tmp_path, "2027-03-01T08:00", rules(task()))
    await service.until("2027-04-06T18:00")
    service.edit(rules(task(lead=OTHER)))
    service.edit(rules(task()))
    await service.restart()
    await service.until("2027-05-07T18:00")
    assert told(service, "04-06") == [("05-06", "领导小组", "逾期3个工作日·月度清单")]
    await service.close()


async def test_a_date_that_was_moved_earlier_while_the_service_was_down_is_said_to_be_moved(tmp_path: Path) -> None:
    async with furnished(tmp_path, "2027-03-01T08:00", changes=rules(task("2027-08-31"))) as house:
        await look(house, "2027-03-01T09:33")
        house.close()
        edit(house, tasks_05=task("2027-04-20"))
        house.clock.jump(at("2027-05-19T08:00"))
        house.open()
        await look(house, "2027-05-19T09:33")
        house.reopen()
        await look(house, "2027-05-20T09:33")
        [told] = [bubble.source for bubble in house.seen(LEAD) if "补报" in bubble.source]
        assert "请于6月2日前补报（时限已调整为4月20日）" in told


@pytest.mark.parametrize("merged", ["10T10:34", "12T08:00"])
async def test_what_waited_for_a_merged_unit_and_the_hand_over_to_the_other_one_are_one_message(
    tmp_path: Path, merged: str
) -> None:
    async with furnished(tmp_path, "2027-03-10T08:00", changes=rules(task("2027-03-05")), begin=False) as house:
        write_chats(house, "管理员", LEAD, OTHER)
        house.open(read_home(tmp_path).chats)
        house.twin.refuse(LEAD, 93000)
        await look(house, "2027-03-10T09:33")
        edit(house, units=MERGED)
        for instant in (merged, "12T08:31", "12T09:33", "15T09:33", "16T09:33"):
            await look(house, f"2027-03-{instant}")
        told = [bubble.source for bubble in house.seen(OTHER) if "补报" in bubble.source]
        assert len(told) == 1
        assert told[0].count("前补报（原定时限3月5日）") == 1
        assert "牵头：第（五）项" in told[0]
        await house.app.deliveries.close()
        house.close()
