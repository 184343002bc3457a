"""What every source promises (`bot.sources.Source`), asked of all of them and of one made up here."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest
from loguru import logger

import bot.sources
from bot.core.facts.events import Closed, Done, Event
from bot.core.time.zone import ZONE
from bot.sources import Source
from bot.sources.clock import RealClock, StoryClock
from bot.sources.inbox import Inbox
from bot.sources.rule_files import EditedFiles
from tests.kit.house import House, at, furnished, until

NOW = datetime(2027, 3, 1, 9, 0, tzinfo=ZONE)
LONG = 3600.0  # seconds: a heartbeat that never comes in a test


class Postbox:
    """The made-up source: a list of events that somebody else fills."""

    def __init__(self, take: Callable[[Event, datetime], object]) -> None:
        self._take = take
        self._wake: Callable[[], None] | None = None
        self.waiting: list[Event] = []
        self.jammed = False
        self.running = False

    def put(self, event: Event) -> None:
        self.waiting.append(event)
        if self._wake is not None:
            self._wake()

    def start(self, wake: Callable[[], None]) -> None:
        self._wake, self.running = wake, True

    def look(self, now: datetime) -> None:
        if self.jammed:
            raise PermissionError
        while self.waiting:
            self._take(self.waiting[0], now)
            self.waiting.pop(0)

    def stop(self) -> None:
        self._wake, self.running = None, False


@dataclass
class Trial:
    """One source under test: how it gets news and how it is made unreadable, and what it handed on."""

    source: Source
    handed: list[object] = field(default_factory=list)
    news: Callable[[int], object] | None = None  # a clock has none
    jam: Callable[[bool], object] | None = None
    wakes: bool = True


def postbox(_: Path) -> Trial:
    trial = Trial(Postbox(lambda event, now: trial.handed.append((event, now))))
    box = trial.source
    assert isinstance(box, Postbox)
    trial.news = lambda number: box.put(Event.of(Done(item="T05-M1"), key=str(number), time=NOW))
    trial.jam = lambda jammed: setattr(box, "jammed", jammed)
    return trial


def inbox(folder: Path) -> Trial:
    def take(letter: object, now: datetime) -> None:
        if jammed:
            raise PermissionError
        trial.handed.append((letter, now))

    jammed: list[bool] = []
    box = Inbox(folder, take)
    trial = Trial(box)
    trial.news = lambda number: box.post(Event.of(Closed(item="T05-M1", by="办"), key=str(number), time=NOW))
    trial.jam = lambda stuck: jammed.append(True) if stuck else jammed.clear()
    return trial


def rule_files(folder: Path) -> Trial:
    def paths() -> list[Path]:
        if jammed:
            raise PermissionError
        return sorted(folder.glob("*.yaml"))

    def read() -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in paths()}

    jammed: list[bool] = []
    (folder / "0.yaml").write_text("0", "utf-8")
    trial = Trial(EditedFiles(folder, read, paths, lambda files, now: trial.handed.append((files, now))))
    trial.source.look(NOW)  # what lay there before
    trial.handed.clear()
    trial.news = lambda number: (folder / f"{number}.yaml").write_text(str(number), "utf-8")
    trial.jam = lambda stuck: jammed.append(True) if stuck else jammed.clear()
    return trial


def real_clock(_: Path) -> Trial:
    return Trial(RealClock(heartbeat=LONG))


def story_clock(_: Path) -> Trial:
    return Trial(StoryClock(NOW))


MAKERS = {
    EditedFiles: rule_files,
    Inbox: inbox,
    Postbox: postbox,
    RealClock: real_clock,
    StoryClock: story_clock,
}
WITH_NEWS = [EditedFiles, Inbox, Postbox]


@pytest.fixture(name="trial")
def made_trial(request: pytest.FixtureRequest, tmp_path: Path) -> Trial:
    return MAKERS[request.param](tmp_path)


every_source = pytest.mark.parametrize("trial", MAKERS, ids=lambda kind: kind.__name__, indirect=True)
every_source_with_news = pytest.mark.parametrize("trial", WITH_NEWS, ids=lambda kind: kind.__name__, indirect=True)


def sources_of_the_bot() -> Iterator[type]:
    for module in pkgutil.iter_modules(bot.sources.__path__):
        found = importlib.import_module(f"bot.sources.{module.name}")
        for one in vars(found).values():
            if inspect.isclass(one) and one.__module__ == found.__name__ and not getattr(one, "_is_protocol", False):
                yield from [one] if {"start", "look", "stop"} <= set(vars(one)) else []


def test_no_source_is_left_out_here() -> None:
    assert {*sources_of_the_bot(), Postbox} == set(MAKERS)


@every_source
async def test_it_keeps_the_written_promise(trial: Trial) -> None:
    assert isinstance(trial.source, Source)


@every_source
async def test_a_look_hands_on_nothing_when_nothing_is_new(trial: Trial) -> None:
    trial.source.look(NOW)
    trial.source.look(NOW)
    assert trial.handed == []


@every_source_with_news
async def test_a_look_hands_on_what_is_new_once_with_the_time_and_needs_no_start(trial: Trial) -> None:
    assert trial.news
    for number in (1, 2):
        trial.news(number)
        trial.source.look(NOW)
        trial.source.look(NOW)
        assert len(trial.handed) == number
    assert all(isinstance(one, tuple) and one[1] is NOW for one in trial.handed)


@every_source_with_news
async def test_what_could_not_be_handed_on_is_found_again(trial: Trial) -> None:
    assert trial.news
    assert trial.jam
    trial.news(1)
    trial.jam(True)
    for _ in range(2):
        with pytest.raises(OSError):  # noqa: PT011 - any, the service asks for no more
            trial.source.look(NOW)
    assert trial.handed == []
    trial.jam(False)
    trial.source.look(NOW)
    assert len(trial.handed) == 1


@every_source_with_news
async def test_news_wakes_the_service_while_it_runs_and_not_afterwards(trial: Trial) -> None:
    assert trial.news
    poke = asyncio.Event()
    trial.source.start(poke.set)
    await asyncio.sleep(0)  # the watch on a folder begins with the loop's next round
    trial.news(1)
    await asyncio.wait_for(poke.wait(), 60)
    trial.source.stop()
    poke.clear()
    trial.news(2)
    await asyncio.sleep(0.4)
    assert not poke.is_set()
    trial.source.look(NOW)
    assert trial.handed


@every_source
async def test_an_end_is_harmless_without_a_beginning_and_when_repeated(trial: Trial) -> None:
    failed: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failed.append(context))
    trial.source.stop()
    trial.source.start(lambda: None)
    trial.source.stop()
    trial.source.stop()
    await asyncio.sleep(0.01)
    assert failed == []


# --- in the service ---------------------------------------------------------------------------------


def with_postbox(house: House) -> Postbox:
    """The service with one source more; nothing but this line ties it to the rest."""
    box = Postbox(house.app.take_in)
    house.app.sources.append(box)
    return box


def done(key: str) -> Event:
    return Event.of(Done(item="T05-M1"), key=key, time=at("2027-03-01T08:00"))


async def test_what_a_new_source_finds_is_taken_in_at_the_next_pass(tmp_path: Path) -> None:
    async with furnished(tmp_path, "2027-03-01T07:00") as house:
        box = with_postbox(house)
        box.put(done("1"))
        await house.app.one_pass()
        assert "T05-M1" in house.store.facts.marks


async def test_a_source_that_cannot_be_read_stops_no_other_one_and_is_asked_again(tmp_path: Path) -> None:
    logger.remove()
    async with furnished(tmp_path, "2027-03-01T07:00") as house:
        box = Postbox(house.app.take_in)
        house.app.sources.insert(0, box)
        box.jammed = True
        box.put(done("1"))
        Inbox(house.home.inbox).post(done("2"))
        await house.app.one_pass()
        assert [event.id for event in house.store.events] == ["2"]
        box.jammed = False
        await house.app.one_pass()
        assert [event.id for event in house.store.events] == ["2", "1"]


async def test_sources_run_as_long_as_the_loop_and_wake_it(tmp_path: Path) -> None:
    async with furnished(tmp_path, "2027-03-01T07:00") as house:
        house.clock.paused = True  # only a wake leads to another pass
        box = with_postbox(house)
        running = asyncio.create_task(house.app.run())
        await until(lambda: box.running and house.store.meta("evaluated") is not None)
        await asyncio.sleep(0.01)
        box.put(done("1"))
        await until(lambda: "T05-M1" in house.store.facts.marks)
        house.app.stop()
        await running
        assert not box.running
