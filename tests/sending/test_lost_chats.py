"""A unit that loses its chat: nothing is decided for good by a chats.yaml that is half saved, or edited in two steps."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from loguru import logger

from bot.core.deciding.addressees import ADMIN
from bot.core.telling.entry import EntryState
from bot.core.telling.outbox import asked_again
from bot.service.home import read_home
from tests.kit.house import House, at, furnished
from tests.service.test_edits import write_chats

UNITS = ("县教育局", "县财政局", "县委教育工委", "各学校")
FURTHER = "基础教育股"
SLOW = 45009  # what WeCom says when too much is sent: the message waits, and nobody has seen it
DAY = "2027-03-10"


@pytest.fixture(autouse=True)
def _quiet() -> None:
    logger.remove()


class Living:
    """The service's own loop, which stands still where the story wants to do something."""

    def __init__(self, house: House) -> None:
        self.house = house
        self._running = asyncio.create_task(house.app.run())

    async def to(self, instant: str) -> None:
        """Lives on to an instant; the loop looks around at once, as after a change of a file."""
        clock = self.house.clock
        clock.until = at(instant)
        clock.over.clear()
        self.house.app.poke.set()
        over = asyncio.create_task(clock.over.wait())
        await asyncio.wait((self._running, over), return_when=asyncio.FIRST_COMPLETED)
        over.cancel()
        assert not self._running.done()

    async def end(self) -> None:
        self.house.app.stop()
        await self._running

    async def restart(self, *, ended: bool = False) -> None:
        """The process ends, and another one begins with the files as they are."""
        if not ended:
            await self.end()
        self.house.close()
        self.house.clock.over.clear()
        self.house.open(read_home(self.house.folder).chats)
        self._running = asyncio.create_task(self.house.app.run())


@asynccontextmanager
async def living(folder: Path, *units: str, extra: str = "") -> AsyncIterator[tuple[House, Living]]:
    async with furnished(folder, f"{DAY}T08:00", names=(*UNITS, ADMIN, FURTHER), begin=False, heard=True) as house:
        write_chats(house, ADMIN, *units, extra=extra)
        house.open(read_home(folder).chats)
        life = Living(house)
        try:
            yield house, life
        finally:
            await life.end()
            house.close()


def chats_file(house: House) -> Path:
    return house.folder / "config" / "chats.yaml"


def without(text: str, *names: str) -> str:
    """chats.yaml without the two lines of each of these."""
    lines = text.splitlines()
    gone = {place + more for place, line in enumerate(lines) for more in (0, 1) if line.strip(": ") in names}
    return "\n".join(line for place, line in enumerate(lines) if place not in gone) + "\n"


def slow(house: House, *chats: str) -> None:
    for chat in chats:
        house.twin.refuse(chat, SLOW)


def heal(house: House, *chats: str) -> None:
    for chat in chats:
        house.twin.heal(chat)


def told(house: House, *chats: str) -> Counter[tuple[str, str, str]]:
    """Chat, item and mark of everything that members have seen."""
    shown = "".join(bubble.source for chat in chats for bubble in house.seen(chat))
    entries = [entry for entry in house.entries(EntryState.DELIVERED) if entry.chat in chats]
    assert all(entry.number in shown for entry in entries)
    assert len(entries) == sum(len(house.seen(chat)) for chat in chats)
    return Counter((entry.chat, telling.item, telling.mark) for entry in entries for telling in entry.tellings)


def passed_on(house: House) -> list[str]:
    """What the admin was asked to pass on to somebody without a chat."""
    return [bubble.source for bubble in house.seen(ADMIN) if "未配置群聊" in bubble.source]


OWN = ("县教育局", "县财政局", "县委教育工委")


@pytest.mark.parametrize("flap", ["deleted", "half written"])
async def test_a_file_without_some_chats_for_seconds_sends_nothing_elsewhere(tmp_path: Path, flap: str) -> None:
    async with living(tmp_path, *UNITS) as (house, life):
        slow(house, *OWN)
        await life.to(f"{DAY}T09:35")
        waiting = {entry.number: entry.chat for entry in house.store.open_entries()}
        assert sorted(waiting.values()) == sorted(OWN)
        whole = chats_file(house).read_text("utf-8")
        half = without(whole, *OWN[:2]) if flap == "deleted" else without(whole, *UNITS)
        for minute in range(36, 40):
            chats_file(house).write_text(half, "utf-8")
            heal(house, *OWN)
            await life.to(f"{DAY}T09:{minute}:00")
            await life.to(f"{DAY}T09:{minute}:08")
            chats_file(house).write_text(whole, "utf-8")
            await life.to(f"{DAY}T09:{minute}:20")
        await life.to(f"{DAY}T18:00")
        assert passed_on(house) == []
        assert {entry.number: entry.chat for entry in house.entries() if entry.number in waiting} == waiting
        assert set(told(house, *OWN).values()) == {1}
        assert {entry.number for entry in house.entries(EntryState.DELIVERED)} >= waiting.keys()


async def test_what_is_due_while_a_chat_is_gone_for_minutes_is_said_there_when_it_is_back(tmp_path: Path) -> None:
    async with living(tmp_path, *UNITS) as (house, life):
        await life.to(f"{DAY}T09:25")
        whole = chats_file(house).read_text("utf-8")
        chats_file(house).write_text(without(whole, "县教育局"), "utf-8")
        await life.to(f"{DAY}T09:25:10")
        await life.to(f"{DAY}T09:34")  # the unit's slot is at 9:26
        assert [entry.chat for entry in house.store.open_entries()] == ["县教育局"]
        chats_file(house).write_text(whole, "utf-8")
        await life.to(f"{DAY}T09:35")
        assert passed_on(house) == []
        assert {mark for _, _, mark in told(house, "县教育局")} == {""}
        assert set(told(house, *OWN).values()) == {1}


async def test_after_the_grace_the_admin_is_asked_to_pass_it_on(tmp_path: Path) -> None:
    async with living(tmp_path, *UNITS) as (house, life):
        await life.to(f"{DAY}T09:25")
        chats_file(house).write_text(without(chats_file(house).read_text("utf-8"), "县教育局"), "utf-8")
        await life.to(f"{DAY}T09:25:10")
        await life.to(f"{DAY}T09:34")
        assert passed_on(house) == []
        await life.to("2027-03-11T12:00")
        [asked] = passed_on(house)
        assert "县教育局未配置群聊，请转告" in asked


async def test_a_unit_that_never_had_a_chat_does_not_wait(tmp_path: Path) -> None:
    async with living(tmp_path, "县财政局") as (house, life):
        await life.to(f"{DAY}T09:00")
        assert len(passed_on(house)) == 1


async def test_over_a_restart_the_grace_counts_from_when_the_loss_was_first_seen(tmp_path: Path) -> None:
    async with living(tmp_path, *UNITS) as (house, life):
        await life.to(f"{DAY}T09:25")
        chats_file(house).write_text(without(chats_file(house).read_text("utf-8"), "县教育局"), "utf-8")
        await life.to(f"{DAY}T09:25:10")
        since = house.store.meta("lost_chats")
        await life.to(f"{DAY}T09:30")
        await life.restart()
        await life.to(f"{DAY}T09:34")
        assert house.store.meta("lost_chats") == since != {}
        assert [entry.chat for entry in house.store.open_entries()] == ["县教育局"]
        await life.to(f"{DAY}T09:36")
        assert house.store.meta("lost_chats") == {}
        assert {entry.chat for entry in house.store.open_entries()} <= {ADMIN}


async def test_a_chat_lost_while_the_service_is_down_has_its_grace_too(tmp_path: Path) -> None:
    async with living(tmp_path, *UNITS) as (house, life):
        slow(house, "县教育局")
        await life.to(f"{DAY}T09:35")
        await life.end()
        whole = chats_file(house).read_text("utf-8")
        chats_file(house).write_text(without(whole, "县教育局"), "utf-8")
        heal(house, "县教育局")
        house.clock.jump(at(f"{DAY}T09:40"))
        await life.restart(ended=True)
        await life.to(f"{DAY}T09:45")
        chats_file(house).write_text(whole, "utf-8")
        await life.to(f"{DAY}T10:00")
        assert passed_on(house) == []
        assert set(told(house, *OWN).values()) == {1}


async def test_a_clock_set_back_or_forward_does_not_change_how_long_a_unit_waits(tmp_path: Path) -> None:
    async with living(tmp_path, *UNITS) as (house, life):
        await life.to(f"{DAY}T09:25")
        chats_file(house).write_text(without(chats_file(house).read_text("utf-8"), "县教育局"), "utf-8")
        await life.to(f"{DAY}T09:25:10")
        ends, step = house.app.lost.next_instant(house.clock.now()), timedelta(hours=-3)
        assert ends == at(f"{DAY}T09:35")
        house.app.lost.clock_was_set(step)
        assert house.app.lost.next_instant(house.clock.now() + step) == ends + step
        assert (
            house.app.lost.next_instant(ends + step) is None
        )  # an end that could not be written down is no instant ahead
        assert house.app.lost.over(ends + step)


# --- 也发 ---------------------------------------------------------------------------------

ALSO = "也发: {县教育局: [基础教育股]}\n"


async def test_a_further_chat_put_back_within_the_grace_loses_nothing_and_hears_nothing_meanwhile(
    tmp_path: Path,
) -> None:
    async with living(tmp_path, *UNITS, FURTHER, extra=ALSO) as (house, life):
        slow(house, FURTHER)
        await life.to(f"{DAY}T09:50")
        [waiting] = house.store.open_entries()
        whole = chats_file(house).read_text("utf-8")
        chats_file(house).write_text(whole.replace(ALSO, "").replace(f"{FURTHER}:", "领导小组:"), "utf-8")
        heal(house, FURTHER)
        await life.to(f"{DAY}T09:59")
        assert told(house, FURTHER) == Counter()
        chats_file(house).write_text(whole, "utf-8")
        await life.to(f"{DAY}T10:20")
        assert house.store.entries[waiting.number].state is EntryState.DELIVERED
        own, further = told(house, "县教育局"), told(house, FURTHER)
        assert {row[1:] for row in own} == {row[1:] for row in further} != set()


async def test_a_further_chat_that_is_somebody_s_own_is_not_spoken_to_after_it_was_taken_out(tmp_path: Path) -> None:
    also = "也发: {县教育局: [县财政局]}\n"
    async with living(tmp_path, *UNITS, extra=also) as (house, life):
        slow(house, "县财政局")
        await life.to(f"{DAY}T09:35")
        chats_file(house).write_text(chats_file(house).read_text("utf-8").replace(also, ""), "utf-8")
        heal(house, "县财政局")
        await life.to(f"{DAY}T18:00")
        assert {
            t.addressee for e in house.entries(EntryState.DELIVERED) if e.chat == "县财政局" for t in e.tellings
        } == {"县财政局"}
        assert house.store.tellings.latest("T05-R1@2027-1", "县教育局→县财政局") is None
        assert set(told(house, *OWN).values()) == {1}


# --- what the admin was to pass on -------------------------------------------------------------


def digests(house: House, chat: str, day: str) -> list[str]:
    return [bubble.title for bubble in house.seen(chat) if str(bubble.at.date()) == day]


async def test_what_goes_to_the_admin_is_one_digest_of_its_next_slot(tmp_path: Path) -> None:
    async with living(tmp_path, *UNITS) as (house, life):
        slow(house, *OWN)
        await life.to(f"{DAY}T09:35")
        chats_file(house).write_text(without(chats_file(house).read_text("utf-8"), *UNITS), "utf-8")
        await life.to(f"{DAY}T18:00")
        assert len(digests(house, ADMIN, DAY)) == 1  # it had that before
        await life.to("2027-03-11T18:00")
        [together] = passed_on(house)
        assert len(digests(house, ADMIN, "2027-03-11")) == 1
        assert all(f"{unit}未配置群聊，请转告" in together for unit in OWN)
        assert set(told(house, ADMIN).values()) == {1}


async def test_what_was_not_passed_on_comes_home_when_the_chat_is_back_after_a_day(tmp_path: Path) -> None:
    async with living(tmp_path, *UNITS) as (house, life):
        await life.to(f"{DAY}T09:00")
        slow(house, *OWN, ADMIN)
        await life.to(f"{DAY}T09:35")
        whole = chats_file(house).read_text("utf-8")
        chats_file(house).write_text(without(whole, *UNITS), "utf-8")
        await life.to("2027-03-11T09:10")
        [waiting] = house.store.open_entries()  # one digest, which the admin's platform does not take
        assert (waiting.chat, {telling.mark for telling in waiting.tellings}) == (
            ADMIN,
            {f"{unit}未配置群聊，请转告" for unit in OWN},
        )
        chats_file(house).write_text(whole, "utf-8")
        heal(house, *OWN, ADMIN)
        await life.to("2027-03-12T18:00")
        assert passed_on(house) == []
        home = told(house, *OWN)
        assert set(home.values()) == {1}
        assert {mark for _, _, mark in home} == {""}
        assert {chat for chat, _, _ in home} == set(OWN)
        assert all(len(digests(house, chat, "2027-03-11")) <= 1 for chat in OWN)
        assert not house.store.open_entries()


async def test_what_was_passed_on_is_not_said_again_when_the_chat_is_back(tmp_path: Path) -> None:
    async with living(tmp_path, *UNITS) as (house, life):
        slow(house, *OWN)
        await life.to(f"{DAY}T09:35")
        whole = chats_file(house).read_text("utf-8")
        chats_file(house).write_text(without(whole, *UNITS), "utf-8")
        await life.to("2027-03-11T09:30")
        assert len(passed_on(house)) == 1
        chats_file(house).write_text(whole, "utf-8")
        heal(house, *OWN)
        await life.to("2027-03-12T18:00")
        assert told(house, *OWN) == Counter()


async def test_an_entry_of_two_units_parts_when_one_gets_its_own_chat(tmp_path: Path) -> None:
    async with living(tmp_path, "县教育局", extra="  县财政局: 县教育局\n") as (house, life):
        slow(house, "县教育局")
        await life.to(f"{DAY}T09:35")
        [both] = [entry for entry in house.store.open_entries() if entry.chat == "县教育局"]
        assert {telling.addressee for telling in both.tellings} == {"县教育局", "县财政局"}
        write_chats(house, ADMIN, "县教育局", "县财政局")
        heal(house, "县教育局")
        await life.to("2027-03-11T18:00")
        for unit in ("县教育局", "县财政局"):
            entries = [entry for entry in house.entries(EntryState.DELIVERED) if entry.chat == unit]
            assert {telling.addressee for entry in entries for telling in entry.tellings} == {unit}
        assert set(told(house, "县教育局", "县财政局").values()) == {1}


async def test_what_a_person_sent_elsewhere_stays_there(tmp_path: Path) -> None:
    async with living(tmp_path, *UNITS) as (house, life):
        slow(house, "县教育局")
        await life.to(f"{DAY}T09:35")
        [entry] = house.store.open_entries()
        slow(house, "县财政局")
        with house.store.work():
            house.store.put(asked_again(entry, "管理员要求重发", house.clock.now(), "县财政局"))
        write_chats(house, ADMIN, *UNITS)
        heal(house, *OWN)
        await life.to("2027-03-11T18:00")
        sent = house.store.entries[entry.number]
        assert (sent.chat, sent.state) == ("县财政局", EntryState.DELIVERED)
