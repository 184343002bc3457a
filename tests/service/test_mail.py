"""Letters from outside: taken in once and for good, or set aside with a sentence for the admin."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from loguru import logger

from bot.core.deciding.addressees import ADMIN
from bot.core.facts.events import Event, EventRejected
from bot.sources.inbox import Inbox
from bot.state.store import Store
from tests.kit.house import House, at, furnished
from tests.kit.rules_factory import TASK, edited


@pytest.fixture(autouse=True)
def _quiet() -> None:
    logger.remove()


def told_admin(house: House, words: str) -> list[str]:
    return [bubble.source for bubble in house.seen(ADMIN) if words in bubble.source or words in bubble.title]


DONE = {"specversion": "1.0", "id": "1", "source": "test", "type": "duban.done", "time": "2027-03-01T08:00:00+08:00"}


def drop(house: House, name: str, **event: Any) -> Path:
    """A file in state/inbox, as any script may leave one."""
    folder = house.folder / "state" / "inbox"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps({**DONE, **event}, ensure_ascii=False), "utf-8")
    return folder / name


def rejections(store: Store) -> list[str]:
    payloads = [event.payload for event in store.events]
    return [payload.problem for payload in payloads if isinstance(payload, EventRejected)]


async def real_pass(house: House) -> None:
    """One pass of the real bot, at a story's time: letters leave the inbox."""
    house.clock.kind = "real"
    await house.app.one_pass()
    await house.app.deliveries.settled()


async def test_a_letter_is_taken_in_and_its_file_goes(tmp_path: Path) -> None:
    async with furnished(tmp_path, "2027-03-01T07:00") as house:
        path = drop(house, "a.json", data={"item": "T05-M1"})
        drop(house, "b.json", data={"item": "T05-M1"})  # the same source and id
        await real_pass(house)
        assert [event.id for event in house.store.events] == ["1"]
        assert "T05-M1" in house.store.facts.marks
        assert list(path.parent.iterdir()) == []


async def test_a_letter_stays_until_it_is_durable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with furnished(tmp_path, "2027-03-01T07:00") as house:
        path = drop(house, "a.json", data={"item": "T05-M1"})
        present: list[bool] = []
        keep = house.store.keep

        def watching(event: Event) -> None:
            present.append(path.exists())
            keep(event)

        monkeypatch.setattr(house.store, "keep", watching)
        await real_pass(house)
        assert present == [True]
        assert not path.exists()


@pytest.mark.parametrize(
    ("event", "says"),
    [
        ({"data": {"item": "T05-M7"}}, "没有事项“T05-M7”，是不是“T05-M1”？"),
        ({"data": {"item": "民乐"}}, "没有事项“民乐”"),
        ({"type": "duban.closed", "data": {"item": "T05-R1@2027-9", "by": "办"}}, "没有事项“T05-R1@2027-9”，是不是"),
        ({"type": "duban.observed", "data": {"indicator": "I5", "period": "2026", "value": "1"}}, "没有指标“I5”"),
        (
            {"type": "duban.observed", "data": {"indicator": "I4", "period": "2026年", "value": "1"}},
            "没有I4的期别“2026年”，是不是“2026”？",
        ),
        (
            {
                "type": "duban.silenced",
                "data": {"chat": "县教肓局", "until": "2027-04-01T00:00:00+08:00", "reason": "x"},
            },
            "没有群聊“县教肓局”，是不是“县教育局”？",
        ),
        (
            {"type": "duban.silenced", "data": {"item": "T05-X1", "until": "2027-04-01T00:00:00+08:00", "reason": "x"}},
            "没有事项“T05-X1”",
        ),
        (
            {"type": "duban.silenced", "data": {"until": "2027-04-01T00:00:00+08:00", "reason": "x"}},
            "只写一样",
        ),
        (
            {"type": "duban.silenced", "data": {"item": "T05-M1", "until": "9999-12-31T00:00:00+08:00", "reason": "x"}},
            "日期9999年超出范围",
        ),
        ({"type": "duban.confirmed", "data": {"rules": {"T05-R9": "x"}}}, "没有事项“T05-R9”"),
        ({"type": "duban.confirmed", "data": {"leads": {"T06": "x"}}}, "没有任务“T06”"),
        (
            {
                "type": "duban.extended",
                "data": {"item": "T05-M1", "to": "2027-06-01", "rule_due": "2027-12-31", "reason": "x", "by": "y"},
            },
            "新时限2027-06-01不晚于原时限2027-12-31",
        ),
        (
            {
                "type": "duban.extended",
                "data": {"item": "T05-D1", "to": "2028-06-01", "rule_due": "2027-12-31", "reason": "x", "by": "y"},
            },
            "T05-D1没有时限，不能延期",
        ),
        ({"time": "9999-12-31T23:59:59+00:00", "data": {"item": "T05-M1"}}, "日期9999年超出范围"),
        ({"type": "duban.event_rejected", "data": {"name": "x", "problem": "假的"}}, "不接受外来的"),
        ({"type": "duban.rules_rejected", "data": {"digest": "x", "problems": 1, "first": []}}, "不接受外来的"),
    ],
)
async def test_what_speaks_of_nothing_that_exists_is_set_aside_and_the_admin_hears(
    tmp_path: Path, event: dict[str, Any], says: str
) -> None:
    async with furnished(tmp_path, "2027-03-01T08:00") as house:
        path = drop(house, "a.json", **event)
        await real_pass(house)
        [problem] = rejections(house.store)
        assert says in problem
        assert not path.exists()
        assert (path.parent / "rejected" / "a.json").exists()
        assert len(house.store.events) == 1
        facts = house.store.facts
        known = (facts.marks, facts.extensions, facts.observations, facts.item_silences, facts.chat_silences)
        assert known == ({}, {}, {}, {}, {})


async def test_the_admin_hears_of_one_bad_letter_once(tmp_path: Path) -> None:
    async with furnished(tmp_path, "2027-03-01T08:00") as house:
        for time in ("2027-03-01T08:10", "2027-03-02T09:40", "2027-03-03T09:40", "2027-03-04T09:40"):
            drop(house, "a.json", data={"item": "T05-M7"})
            house.clock.jump(at(time))
            await real_pass(house)
        assert len(rejections(house.store)) == 1
        assert len(told_admin(house, "来件无法识别")) == 1


async def test_a_former_id_is_understood_as_today_s(tmp_path: Path) -> None:
    task = edited(TASK, "名称: 创建工作通过", "曾用编号: [T05-M9]\n    名称: 创建工作通过")
    async with furnished(tmp_path, "2027-03-01T08:00", changes={"tasks/05.yaml": task}) as house:
        drop(house, "a.json", data={"item": "T05-M9"})
        await real_pass(house)
        assert set(house.store.facts.marks) == {"T05-M1"}


async def test_a_letter_that_would_break_every_look_is_refused_and_the_bot_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with furnished(tmp_path, "2027-03-01T08:00") as house:
        drop(house, "a.json", data={"item": "T05-M1"})
        after = type(house.store.facts).after

        def failing(self: Any, event: Event) -> Any:
            if event.type == "duban.done":
                raise OverflowError
            return after(self, event)

        monkeypatch.setattr(type(house.store.facts), "after", failing)
        await real_pass(house)
        assert "处理时出错（OverflowError）" in rejections(house.store)[0]
        assert house.store.facts.marks == {}


async def test_a_story_leaves_the_real_bot_s_letters_where_they_are(tmp_path: Path) -> None:
    async with furnished(tmp_path, "2027-03-01T08:00") as house:
        path = drop(house, "a.json", data={"item": "T05-M1"})
        drop(house, "b.json", id="2", data={"item": "T05-M7"})
        await house.live("2027-03-03T18:00")
        assert "T05-M1" in house.store.facts.marks
        assert len(rejections(house.store)) == 1
        assert path.exists()
        assert (path.parent / "b.json").exists()


async def test_a_letter_that_cannot_be_moved_holds_up_nobody(tmp_path: Path) -> None:
    async with furnished(tmp_path, "2027-03-01T08:00") as house:
        drop(house, "a.json", data={"item": "T05-M7"})
        drop(house, "b.json", id="2", data={"item": "T05-M1"})
        (tmp_path / "state" / "inbox" / "rejected").write_text("a file where a folder should be", "utf-8")
        await real_pass(house)
        await real_pass(house)
        assert "T05-M1" in house.store.facts.marks
        assert not (tmp_path / "state" / "inbox" / "b.json").exists()


async def test_a_posted_event_is_what_a_script_would_drop(tmp_path: Path) -> None:
    async with furnished(tmp_path, "2027-03-01T08:00") as house:
        path = Inbox(house.home.inbox).post(Event.model_validate({**DONE, "data": {"item": "T05-M1"}}))
        assert path.parent == tmp_path / "state" / "inbox"
        await real_pass(house)
        assert "T05-M1" in house.store.facts.marks


async def test_a_letter_put_in_the_place_of_one_just_taken_in_is_read_too(tmp_path: Path) -> None:
    async with furnished(tmp_path, "2027-03-01T07:00") as house:
        house.clock.kind = "real"
        drop(house, "done.json", id="1", data={"item": "T05-M1"})
        durable = house.store.durable

        async def meanwhile() -> None:
            await durable()
            drop(house, "done.json", id="2", data={"item": "T05-M1"})

        house.store.durable = meanwhile  # type: ignore[method-assign]
        await house.app.one_pass()
        house.store.durable = durable  # type: ignore[method-assign]
        await house.app.one_pass()
        assert [event.id for event in house.store.events] == ["1", "2"]
        assert list(house.home.inbox.glob("*.json")) == []


async def test_what_a_letter_said_is_withdrawn_by_another_once_and_for_good(tmp_path: Path) -> None:
    """Also after a restart; the same letter left again has no effect, and a second one is refused with a sentence."""
    async with furnished(tmp_path, "2027-03-01T07:00") as house:
        drop(house, "a.json", data={"item": "T05-M1"})
        await real_pass(house)
        house.reopen()
        again = {"type": "duban.withdrawn", "data": {"what": "done", "item": "T05-M1"}}
        drop(house, "b.json", id="2", **again)
        await real_pass(house)
        assert house.store.facts.marks == {}
        house.reopen()
        assert house.store.facts.marks == {}
        drop(house, "b.json", id="2", **again)
        drop(house, "c.json", id="3", **again)
        await real_pass(house)
        assert [one.partition("。")[0] for one in rejections(house.store)] == ["c.json：T05-M1没有办结可撤回"]
