"""A post office for tests of delivery: store, robots, courier and workers on one folder, the twin on the other side."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from loguru import logger
from pydantic import SecretStr

from bot.core.deciding.addressees import Addressee, Directory, name_of
from bot.core.deciding.desk import Desk
from bot.core.deciding.findings import Finding
from bot.core.deciding.look import Scene, look
from bot.core.deciding.memory import Tellings
from bot.core.facts.events import Event
from bot.core.rules.rulebook import Role, Rulebook
from bot.core.telling.digest import Draft
from bot.core.telling.entry import Entry, Telling
from bot.core.telling.wording import Letterhead
from bot.core.time.windows import OfficeHours
from bot.drill.twin import Bubble, Twin
from bot.platforms import Robot
from bot.rulefiles.loader import assemble
from bot.sending.chats import Chats
from bot.sending.courier import Courier
from bot.sending.delivery import Deliveries
from bot.sending.robots import Robots
from bot.sources.clock import wall
from bot.state.disk.database import Database
from bot.state.disk.journal import Journal
from bot.state.sent import Sent
from bot.state.store import Store
from tests.kit.faulty_disks import FailingDisk
from tests.kit.house import at, serving
from tests.kit.rules_factory import rule_files

MORNING = "2027-12-24T09:40"
UNITS = ("县教育局", "县财政局", "县委教育工委", "管理员")


def small_rules() -> Rulebook:
    rulebook = assemble(rule_files()).rulebook
    assert rulebook is not None
    return rulebook


RULES = small_rules()


class Anybody(Directory):
    """Whoever a test makes up is an addressee of everything."""

    def hearer(self, finding: Finding, key: str, role: str) -> Addressee:
        """That addressee."""
        del finding
        return Addressee(key, name_of(key), Role(role), frozenset({Role(role)}))


class AsPromised(Deliveries):
    """Deliveries that do not ask what else was told: tests promise one row many times."""

    def _desk(self, entry: Entry, now: datetime) -> Desk:
        return replace(super()._desk(entry, now), memory=Tellings())


class Office:
    """Everything delivery needs, on one folder, with a hand-wound clock."""

    def __init__(self, folder: Path, twin: Twin, port: int) -> None:
        self.folder, self.twin, self.port = folder, twin, port
        self.now = at(MORNING)
        self.rules = RULES
        self.disk = FailingDisk("write")
        self.robots: dict[str, tuple[Robot, ...]] = {}
        self.ahead = timedelta()  # how far the wall's clock stands ahead of the real one
        self.outcomes: list[str] = []

    def robot(self, chat: str, dialect: str = "wecom", secret: str | None = None) -> Robot:
        """One more robot of a chat, on the twin."""
        name = f"{chat}#{len(self.robots.get(chat, ())) + 1}"
        address = SecretStr(f"http://127.0.0.1:{self.port}{self.twin.add_chat(chat, dialect, secret)}")
        robot = Robot(name, dialect, address, SecretStr(secret) if secret else None)
        self.robots[chat] = (*self.robots.get(chat, ()), robot)
        return robot

    def wall(self) -> datetime:
        """The time that signatures are made and checked with."""
        return wall() + self.ahead

    def open(self) -> None:
        """What a start of the bot does."""
        self.journal = Journal.open(self.folder, self.disk)
        self.store = Store(Database(self.journal))
        self.known = Robots(self.robots, self.store)
        courier = Courier((), timeout=300.0, loopback_only=True)
        self.deliveries = AsPromised(
            self.store, self.known, courier, OfficeHours(), lambda: self.now, self.wall,
            lambda entry, outcome: self.outcomes.append(outcome.verdict.value),
            Sent(self.folder / "archive"),
        )  # fmt: skip
        self.known.note_setups()
        self.store.tellings.hearings.always = at("2026-11-23T08:00")
        self.look()
        self.deliveries.recover()

    def look(self, rules: Rulebook | None = None) -> None:
        """Today's findings, as a pass leaves them; by these rules from now on."""
        rules = self.rules = rules or self.rules
        scene = Scene(
            rules, replace(self.store.facts, all_confirmed=True), self.store.tellings, Chats().directory, OfficeHours(),
            self.store.used,
        )  # fmt: skip
        self.findings = {finding.item.id: finding for finding in look(scene, self.now)[0]}
        self.deliveries.view(rules, self.findings, Letterhead(phone="0936-1"), Anybody({}))

    def row(self, item: str = "T05-M1", **changes: Any) -> Telling:
        """A telling of an item as it stands today."""
        found = self.findings[item]
        whole = Telling(
            item=item, rule=found.item.rule.id, title=found.item.title, unit="县教育局", addressee="县教育局",
            role="牵头单位", state=found.state.value, due_on=found.due_on, rung="提前7天", rung_on=date(2027, 12, 24),
            form="汇总", reason="FIRST",
        )  # fmt: skip
        return replace(whole, **changes)

    def promise(self, chat: str = "县教育局", *rows: Telling, form: str = "汇总") -> str:
        """An entry due now; its number."""
        draft = Draft(chat, form, True, rows or (self.row(),), self.now)
        with self.store.work():
            return self.store.promise([draft], self.now, "")[-1].number

    def entry(self, number: str) -> Entry:
        return self.store.entries[number]

    async def send(self) -> None:
        """Everything that is due, as one pass does it."""
        self.deliveries.recover()
        self.deliveries.start()
        await self.deliveries.settled()

    async def wind(self, **time: float) -> None:
        """Moves the clock on and sends what is due then."""
        self.now += timedelta(**time)
        self.look()
        await self.send()

    async def retry(self, number: str) -> None:
        """Goes to the entry's next attempt and makes it."""
        self.now = self.entry(number).next_attempt_at
        self.look()
        await self.send()

    def event(self, payload: Any) -> None:
        with self.store.work():
            self.store.keep(Event.of(payload, key=repr(payload), time=self.now))
        self.look()

    def seen(self, chat: str = "县教育局") -> list[Bubble]:
        return self.twin.received(chat)

    async def die(self) -> None:
        """A power cut: nothing is settled, nothing is said."""
        await self.deliveries.abandon()
        self.store.close()

    async def close(self) -> None:
        await self.deliveries.close()
        self.store.close()


def numbers(bubbles: list[Bubble]) -> list[str]:
    return [bubble.source.split("编号 ")[-1].split(" ")[0] for bubble in bubbles]


def marked(bubbles: list[Bubble]) -> list[bool]:
    return ["补发" in bubble.title for bubble in bubbles]


def many_rows(office: Office, count: int) -> list[Telling]:
    """Rows of one item for many addressees make one line; a long detail makes a long message instead."""
    return [office.row(addressee=f"单位{index}", mark="请办公室转告" * 20 + str(index)) for index in range(count)]


def long_digest(office: Office) -> str:
    """A message of several parts."""
    return office.promise("县教育局", *many_rows(office, 60))


@asynccontextmanager
async def post_office(folder: Path) -> AsyncIterator[Office]:
    """One chat each for three units and the admin; everything settled and closed at the end."""
    logger.remove()
    made: list[Office] = []
    twin = Twin(lambda: made[0].now, lambda: wall() + made[0].ahead)
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(serving(twin.asgi))
        made.append(Office(folder / "state", twin, port))
        for unit in UNITS:
            made[0].robot(unit)
        made[0].open()
        yield made[0]
        await made[0].close()
