"""机构改革 while the bot runs: history counts under new names, what is on its way follows, and nobody hears twice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from loguru import logger

from bot.core.deciding.admission import vetted
from bot.core.deciding.findings import find_item
from bot.core.facts.events import Done, Event, Silenced
from bot.core.telling.entry import EntryState
from bot.rulefiles.loader import assemble
from bot.rulefiles.run_tests import proven
from bot.service.home import facts_of, open_store, peek_store, read_home
from bot.service.wiring import scene_of
from tests.kit.house import House, at, furnished
from tests.kit.rules_factory import INDICATORS, TASK, UNITS, edited, rule_files, write_rules
from tests.service.test_edits import edit, look, tellings, write_chats

RENAMED = edited(UNITS, "名称: 县教育局", "名称: 县教育和科技局, 曾用名: [县教育局]")
MERGED = edited(UNITS, "名称: 县教育局", "名称: 县教育局, 已并入: 县委教育工委")
RENUMBERED = edited(
    TASK.replace("T05-M1", "T05-M8").replace("T05-R1", "T05-R9"),
    "编号: T05-M8\n    类型: 节点\n",
    "编号: T05-M8\n    曾用编号: [T05-M1]\n    类型: 节点\n",
).replace("编号: T05-R9\n", "编号: T05-R9\n    曾用编号: [T05-R1]\n")

WITHOUT_DUTY = TASK[: TASK.index("  - 编号: T05-R1")]


@pytest.fixture(autouse=True)
def _quiet() -> None:
    logger.remove()


def new_names(text: str) -> str:
    return text.replace("县教育局", "县教育和科技局")


def happened(house: House, payload: Done | Silenced, key: str) -> None:
    """An event from outside, as the inbox would bring it."""
    app = house.app
    event = Event.of(payload, key=key, time=app.clock.now(), source="test")
    app.take_in(vetted(event, app.rulebook, app.chats.robots, app.clock.now().date(), app.store.facts))


def heard(house: House, chat: str, words: str) -> int:
    """How many messages of a chat hold these words."""
    return sum(words in bubble.source for bubble in house.seen(chat))


async def test_a_unit_renamed_while_the_bot_runs_goes_on_in_its_old_group(tmp_path: Path) -> None:
    async with furnished(tmp_path, "2027-03-10T08:00", begin=False) as house:
        write_chats(house, "管理员", "县教育局", "县委教育工委")
        house.open(read_home(tmp_path).chats)
        await look(house, "2027-03-10T09:33")
        assert heard(house, "县教育局", "T05-M1-01") == 1
        before = len(house.entries())
        edit(house, units=RENAMED, tasks_05=new_names(TASK), indicators=new_names(INDICATORS))
        await look(house, "2027-03-10T10:02")
        assert house.app.rulebook.addressable[1] == "县教育和科技局"
        assert set(house.app.chats.robots) == {"管理员", "县教育和科技局", "县委教育工委"}
        await look(house, "2027-03-11T09:33")
        assert len(house.entries()) == before  # not 交办, nor what was told, nor under the other minute of the new name
        await look(house, "2027-12-01T09:33")
        assert heard(house, "县教育局", "T05-M1") > 1  # the twin knows the group by the name it was opened under
        await house.app.deliveries.close()
        house.close()


async def test_an_entry_that_waits_is_said_under_the_new_name(tmp_path: Path) -> None:
    async with furnished(tmp_path, "2027-03-10T08:00", begin=False) as house:
        write_chats(house, "管理员", "县教育局")
        house.open(read_home(tmp_path).chats)
        house.twin.refuse("县教育局", -1)
        await look(house, "2027-03-10T09:33")
        [waiting] = house.entries(EntryState.LATER)
        edit(house, units=RENAMED, tasks_05=new_names(RENUMBERED), indicators=new_names(INDICATORS))
        await look(house, "2027-03-10T09:34")
        house.twin.heal("县教育局")
        await look(house, "2027-03-10T15:02")
        [sent] = [entry for entry in house.entries() if entry.number == waiting.number]
        assert (sent.state, sent.chat) == (EntryState.DELIVERED, "县教育和科技局")
        assert ("T05-M8-01", "县教育和科技局") in {(row.item, row.addressee) for row in sent.tellings}
        assert heard(house, "县教育局", "T05-M8-01") == 1
        await house.app.deliveries.close()
        house.close()


async def test_the_group_of_a_merged_unit_hears_no_more_and_its_entries_go_to_the_successor(tmp_path: Path) -> None:
    async with furnished(tmp_path, "2027-03-10T08:00", begin=False) as house:
        write_chats(house, "管理员", "县教育局", "县委教育工委")
        house.open(read_home(tmp_path).chats)
        house.twin.refuse("县教育局", -1)
        await look(house, "2027-03-10T09:33")
        assert heard(house, "县委教育工委", "交办") == 1
        waiting = [entry for entry in house.entries(EntryState.LATER) if entry.chat == "县教育局"]
        assert waiting
        house.twin.heal("县教育局")
        edit(house, units=MERGED)
        await look(house, "2027-03-10T09:34")
        await look(house, "2027-03-10T15:02")
        assert house.seen("县教育局") == []
        assert {entry.chat for entry in house.entries(EntryState.DELIVERED)} == {"管理员", "县委教育工委"}
        assert heard(house, "县委教育工委", "T05-M1-01") == 1
        await look(house, "2027-03-11T09:33")
        await look(house, "2027-03-12T09:33")
        assert (
            heard(house, "县委教育工委", "第（五）项") == 2
        )  # its own part, assigned before, and what it answers for now
        rows = [row for entry in house.entries(EntryState.DELIVERED) for row in entry.tellings]
        assert len({(row.item, row.addressee, row.rung_on) for row in rows}) == len(rows)
        await house.app.deliveries.close()
        house.close()


async def test_a_merger_survives_a_restart_and_a_restart_repeats_nothing(tmp_path: Path) -> None:
    async with furnished(tmp_path, "2026-11-23T08:00") as house:
        await house.live("2027-03-12T10:00")
        before = tellings(house)
        edit(house, units=MERGED)
        for hour in (10, 15):
            house.reopen()
            await house.live(f"2027-03-15T{hour}:05")
        new = tellings(house) - before
        assert {(item, who) for item, who, _ in new} == {
            ("交办:I4", "县委教育工委"),
            ("交办:T05", "县委教育工委"),
            ("T05-R1@2027-1", "县委教育工委"),  # due today, and new to it: asked for by a later day
        }


async def test_items_renumbered_while_the_bot_runs_are_not_told_again(tmp_path: Path) -> None:
    async with furnished(tmp_path, "2026-11-23T08:00") as house:
        await house.live("2027-03-12T10:00")
        happened(house, Done(item="T05-M1-01", by="县教育局"), "done")
        before = tellings(house)
        house.reopen()
        edit(house, tasks_05=RENUMBERED)
        await house.live("2027-03-15T18:00")
        assert tellings(house) == before
        assert house.store.facts.marks["T05-M8-01"].what == "done"
        happened(house, Done(item="T05-R1@2027-1"), "by the former number")
        assert house.store.facts.marks["T05-R9@2027-1"].what == "done"


async def test_the_state_on_disk_keeps_the_names_it_was_written_with(tmp_path: Path) -> None:
    async with furnished(tmp_path, "2026-11-23T08:00") as house:
        await house.live("2027-03-12T10:00")
        happened(house, Silenced(chat="县教育局", until=at("2027-12-01T00:00"), reason="部署"), "silence")
        kept = [event.model_dump_json() for event in house.store.events]
        edit(house, units=RENAMED, tasks_05=new_names(RENUMBERED), indicators=new_names(INDICATORS))
        house.reopen()
        assert set(house.store.facts.chat_silences) == {"县教育和科技局"}
        assert [event.model_dump_json() for event in house.store.events] == kept
        edit(house, units=UNITS, tasks_05=TASK, indicators=INDICATORS)  # the reform is called off
        house.reopen()
        assert set(house.store.facts.chat_silences) == {"县教育局"}
        before = tellings(house)
        await house.live("2027-03-12T18:00")
        assert tellings(house) == before


def test_commands_beside_a_running_bot_see_todays_names(tmp_path: Path) -> None:
    write_rules(tmp_path)
    store, lock = open_store(tmp_path / "state", "real")
    with store.work():
        store.keep(Event.of(Done(item="T05-R1@2027-1"), key="done", time=at("2027-03-10T08:00")))
    store.close()
    lock.release()
    write_rules(tmp_path, {"tasks/05.yaml": RENUMBERED})
    home = read_home(tmp_path)
    assert home.rulebook is not None
    assert set(facts_of(home).marks) == {"T05-R9@2027-1"}
    assert scene_of(home, home.rulebook, peek_store(home.state("real"))).facts.marks == facts_of(home).marks
    found = find_item(home.rulebook, "T05-R1@2027-1", date(2027, 3, 10), facts_of(home))
    assert found is not None
    assert found.id == "T05-R9@2027-1"


def test_rule_tests_go_on_naming_what_was_renamed_merged_and_renumbered() -> None:
    test = """\
测试:
  - 名称: 排查前提醒
    今天是: 2027-03-10
    应当发给:
      - {单位: [县教育局], 事项: T05-R1, 包含: 控辍保学}
    不应发给:
      - {单位: [县财政局, 县教育局·分管领导], 事项: T05-R1}
"""
    for units, task, indicators in (
        (UNITS, TASK, INDICATORS),
        (RENAMED, new_names(RENUMBERED), new_names(INDICATORS)),
        (MERGED, RENUMBERED, INDICATORS),
    ):
        changes = {"units.yaml": units, "tasks/05.yaml": task, "indicators.yaml": indicators, "tests/排查.yaml": test}
        loaded = proven(assemble(rule_files(changes)))
        assert loaded.rulebook is not None, [str(one) for one in loaded.problems]
    red = test.replace("今天是: 2027-03-10", "今天是: 2027-03-11")
    assert proven(assemble(rule_files({**changes, "tests/排查.yaml": red}))).rulebook is None


async def test_what_is_taken_out_of_the_rules_is_withdrawn_once_from_who_heard_of_it(tmp_path: Path) -> None:
    async with furnished(tmp_path, "2027-03-10T08:00", begin=False) as house:
        write_chats(house, "管理员", "县教育局", "县委教育工委")
        house.open(read_home(tmp_path).chats)
        await look(house, "2027-03-10T09:33")
        edit(house, tasks_05=WITHOUT_DUTY)
        await look(house, "2027-03-10T15:02")
        edit(house, tasks_05=TASK)  # put right the same day
        await look(house, "2027-03-11T09:33")
        assert heard(house, "县教育局", "不再督办") == 0
        edit(house, tasks_05=WITHOUT_DUTY)
        house.reopen()
        await look(house, "2027-03-12T09:33")
        assert heard(house, "县教育局", "不再督办") == 0  # until a digest comes, or its Monday
        await look(house, "2027-03-15T09:33")
        assert heard(house, "县教育局", "（T05-R1）　已从方案台账中删去，不再督办") == 1
        assert heard(house, "管理员", "不再督办") == 0


@pytest.mark.parametrize(("units", "names"), [(RENAMED, new_names), (MERGED, str)])
async def test_what_was_taken_out_while_a_chat_was_down_is_withdrawn_under_the_name_its_unit_has_then(
    tmp_path: Path, units: str, names: Callable[[str], str]
) -> None:
    async with furnished(tmp_path, "2027-03-10T08:00", begin=False) as house:
        write_chats(house, "管理员", "县教育局", "县委教育工委")
        house.open(read_home(tmp_path).chats)
        await look(house, "2027-03-10T09:33")
        house.twin.refuse("县教育局", -1)
        edit(house, tasks_05=WITHOUT_DUTY)
        await look(house, "2027-03-11T09:33")
        edit(house, units=units, tasks_05=names(WITHOUT_DUTY), indicators=names(INDICATORS))
        await look(house, "2027-03-11T15:02")
        house.twin.heal("县教育局")
        await look(house, "2027-03-12T09:33")
        await look(house, "2027-03-17T09:33")
        chat = (
            "县委教育工委" if units == MERGED else "县教育局"
        )  # the twin knows a group by the name it was opened under
        assert heard(house, chat, "（T05-R1）　已从方案台账中删去，不再督办") == 1
        await house.app.deliveries.close()
        house.close()
