"""A service under self-audit: the app and its deliveries over a state in memory, platforms that answer as told, a story clock.

service = Watched(tmp_path)
await service.until("2027-03-01T18:00")
assert service.gaps == []
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from bot.core.audit.self_audit import Gap, Report
from bot.core.facts.events import Event, Payload
from bot.core.facts.facts import Facts
from bot.core.rules.rulebook import Rulebook
from bot.core.telling.entry import Entry
from bot.core.telling.outcome import Outcome, Verdict
from bot.platforms import Robot
from bot.rulefiles.loader import assemble
from bot.sending.chats import Chats
from bot.sending.courier import Courier
from bot.service.app import App
from bot.service.home import Home
from bot.service.hourly_audit import HourlyAudit
from bot.service.wiring import drill_chats, make_app
from bot.settings import Settings
from bot.sources.clock import StoryClock
from bot.state.disk.database import Database
from bot.state.store import Store
from tests.kit.house import at
from tests.kit.rules_factory import rule_files

HOUR = timedelta(hours=1)


class Platforms(Courier):
    """All platforms at once: everything arrives, save at the robots in `down`, which answer what stands there."""

    def __init__(self) -> None:
        super().__init__(())
        self.down: dict[str, Outcome] = {}
        self.all_down = False

    def mend(self) -> None:
        """All is well again."""
        self.down, self.all_down = {}, False

    def seal(self, robot: Robot, message: object, now: datetime) -> Outcome:
        del message, now
        if self.all_down:
            return Outcome(Verdict.LATER, code="503")
        return self.down.get(robot.name, Outcome(Verdict.DELIVERED, code="0"))


class Watched:
    """One home; `audits` holds the report of every audit made."""

    def __init__(
        self,
        folder: Path,
        start: str = "2027-01-04T08:00",
        changes: Mapping[str, str | bytes | None] | None = None,
        rulebook: Rulebook | None = None,
        *,
        heard: bool = False,
    ) -> None:
        """With `heard` everybody heard of everything long ago, so that nothing is asked for by a later day."""
        files = rule_files(changes)
        found = rulebook or assemble(files).rulebook
        assert found is not None
        self._home = Home(folder, Settings(), Chats(), (), found, {} if rulebook else files)
        self.rulebook = found
        self.clock = StoryClock(at(start))
        self.store = Store(Database.in_memory(), Facts(all_confirmed=True))
        self.store.tellings.hearings.always = at("2026-11-23T08:00") if heard else None
        self.platforms = Platforms()
        self.chats = drill_chats(found.addressable, lambda name, dialect: f"http://127.0.0.1:9/{dialect}/{name}")
        self.audits: list[Report] = []
        self.every = HOUR  # how far a step goes at most
        self._keys = 0
        self.app = self._boot()

    def _boot(self) -> App:
        home = replace(self._home, rulebook=self.rulebook)
        app = make_app(home, self.store, self.clock, self.chats, courier=self.platforms)
        self.auditor = HourlyAudit(app)
        app.before_pass.append(self.auditor.before)
        app.after_pass.append(self._audit)
        app.more_troubles.append(self.auditor.troubles)
        app.start()
        return app

    def _audit(self, now: datetime) -> None:
        self.auditor.after(now)
        report = self.app.audit
        if report is not None and (not self.audits or report is not self.audits[-1]):
            self.audits.append(report)

    async def restart(self) -> None:
        """The process ends, another one begins on the same state; the indexes are built again from the disk's tables."""
        await self.close()
        self.store.reload()
        self.app = self._boot()

    async def close(self) -> None:
        await self.app.deliveries.close()

    @property
    def now(self) -> datetime:
        return self.clock.now()

    def jump(self, **time: float) -> None:
        """The clock is set on or back, or the machine slept."""
        self.clock.jump(self.clock.now() + timedelta(**time))

    async def step(self, until: datetime | None = None) -> None:
        """One pass, then on to the next instant at which something may change, at most one step."""
        await self.app.one_pass()
        instants = [self.now + self.every, self.app.next_instant(), until]
        self.clock.jump(min(instant for instant in instants if instant is not None))

    async def until(self, text: str) -> None:
        """Lives up to an instant of the story, which has its pass too."""
        end = at(text)
        while self.now < end:
            await self.step(end)
        await self.app.one_pass()

    def happens(self, payload: Payload, *, hours_ago: float = 0) -> None:
        self._keys += 1
        time = self.now - timedelta(hours=hours_ago)
        self.app.take_in(Event.of(payload, key=f"{self._keys}", time=time, source="test"))

    def edit(self, changes: Mapping[str, str | bytes | None]) -> None:
        """The rule files are edited."""
        found = assemble(rule_files(changes)).rulebook
        assert found is not None
        always = self.store.tellings.hearings.always
        self.rulebook = found
        self.app.adopt(found)
        self.store.tellings.hearings.always = always

    def lose(self, entry: Entry) -> None:
        """An entry vanishes from the state, and whatever told of it stays."""
        with self.store.work():
            self.store.database.table("outbox").remove(doc_ids=[self.store.shelf.ids[entry.number]])
        self.store.reload()

    def carrying(self, item: str, rung: str) -> Entry:
        """The last entry with this line."""
        entries = sorted(self.store.entries.values(), key=lambda entry: entry.at)
        return [entry for entry in entries if any((row.item, row.rung) == (item, rung) for row in entry.tellings)][-1]

    @property
    def gaps(self) -> list[Gap]:
        """Everything any audit found missing, each once."""
        return list(dict.fromkeys(gap for report in self.audits for gap in report.gaps))

    @property
    def unasked(self) -> list[Gap]:
        """Everything any audit found told without being asked."""
        return [gap for report in self.audits for gap in report.unasked]

    def said(self, since: int = 0) -> list[tuple[str, str, str]]:
        """What was found missing from the audit at place `since` on: item, rung, unit."""
        found = (gap for report in self.audits[since:] for gap in report.gaps)
        return list(dict.fromkeys((gap.item, gap.rung, gap.unit) for gap in found))
