"""The journey on one screen: `take_in` decides and never touches the network, `send_due` acts and never decides.

    event ─▶ facts ─▶ findings ─▶ decisions ─▶ drafts ─▶ outbox ─▶ delivery ─▶ outcome

They meet only at the outbox. `run` is the reconcile loop: look, decide, send, wait for the next instant.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic

from loguru import logger

from bot.core.audit.self_audit import Report
from bot.core.deciding.decision import Decision, ripe, turns
from bot.core.deciding.findings import Finding, asked_anew, moved_by_calendar, redated
from bot.core.deciding.look import Scene, look_at
from bot.core.deciding.observer import Observer
from bot.core.deciding.office import Trouble, duties_of
from bot.core.facts.events import Closed, Done, Event, Extended, Returned
from bot.core.rules.rulebook import Rulebook
from bot.core.telling.digest import compose
from bot.core.telling.entry import Entry
from bot.core.telling.outbox import succeeded
from bot.core.telling.wording import Letterhead
from bot.core.time.windows import OfficeHours
from bot.core.time.zone import day_of, midnight
from bot.sending.chats import Chats
from bot.sending.delivery import Deliveries
from bot.sending.orders import obey
from bot.sending.robots import Robots
from bot.service.lost_chats import LostChats
from bot.service.restored import note_doubts
from bot.sources import Source
from bot.sources.clock import Clock
from bot.state.disk.errors import JournalBroken, StateError
from bot.state.store import Store

ALIVE_SECONDS = 130.0  # twice the longest heartbeat, and some
HURRY = 0.05  # seconds that a whole look waits for what events led to
LOOK_ANYWAY = timedelta(minutes=15)  # a look at least so often: a mistake in noting changes lasts no longer
FORGET = 900.0  # real seconds after which a look begins without what earlier ones remember: so does a mistake of theirs


@dataclass(slots=True)
class Tally:
    """What one pass did; the counts `duban once --json` prints."""

    told: int = 0
    withheld: int = 0
    delivered: int = 0
    later: int = 0
    refused: int = 0
    undeliverable: int = 0


@dataclass
class App:
    """Everything wired together. Only `make_app` (bot/service/wiring.py) makes one."""

    rulebook: Rulebook
    store: Store
    configured: Chats
    lost: LostChats
    chats: Chats  # those in force: as configured, and what was lost a short while ago
    robots: Robots
    deliveries: Deliveries
    clock: Clock
    hours: OfficeHours
    letterhead: Letterhead
    poke: asyncio.Event = field(default_factory=asyncio.Event)
    sources: list[Source] = field(default_factory=list)
    before_pass: list[Callable[[datetime], None]] = field(default_factory=list)
    after_pass: list[Callable[[datetime], None]] = field(default_factory=list)
    more_troubles: list[Callable[[], list[Trouble]]] = field(default_factory=list)
    findings: dict[str, Finding] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)
    audit: Report | None = None  # what the last self-audit found
    _turns: Sequence[datetime] = ()  # when any of it may come out differently by time alone, in order
    _begun: bool = False
    _stopping: bool = False
    _on_the_way: bool = False  # whether anything was being sent when chats changed last
    _last_pass: float = field(default_factory=monotonic)
    _stalled: tuple[datetime, str] | None = None  # since when, and why, nothing could be written
    _seen: tuple[object, ...] = ()  # what the last look rested on, and the span in which nothing changes by itself
    _quiet: tuple[datetime, datetime] | None = None
    observer: Observer = field(default_factory=Observer)
    _remembers_since: float = field(default_factory=monotonic)
    hasty: bool = False  # whether events were taken in since the last whole look

    # --- the journey --------------------------------------------------------

    def take_in(self, event: Event | None = None, now: datetime | None = None) -> list[Entry]:
        """Decides: what is known now, what that means, who is told; one record; no network.

        The record is flushed with the first intention to send that it leads to, or at the end of the pass.
        Where nothing else can have changed, an event about one item is decided by a look at that item alone; the next
        pass looks at everything.
        """
        now, alone = now or self.clock.now(), self._alone(event)
        with self.store.work(durable=False):
            if event is not None and not self.store.knows(event):
                self.store.keep(event)
                obey(self.store, event, now)
            note_doubts(self.store, self.scene, event, now)
            findings, decisions = look_at(self.scene(), now, alone, self.findings) if alone else ([], [])
            self.hasty = bool(findings)
            if not self.hasty:
                findings, decisions = self._observe(now)
                self.store.set_meta("evaluated", now.isoformat(timespec="minutes"))
            due = ripe(decisions, now)
            drafts = compose(due, self._singles_used(due, now))
            entries = self.store.promise(drafts, now, self.rulebook.digest)
        self._note_look(findings, decisions, due)
        self.tally.told += sum(len(draft.tellings) for draft in drafts)
        return entries

    def _observe(self, now: datetime) -> tuple[list[Finding], list[Decision]]:
        """A look at everything, by what the looks of the last minutes remember."""
        if monotonic() - self._remembers_since >= FORGET:
            self.observer, self._remembers_since = Observer(), monotonic()
        return self.observer.look(self.scene(), now)

    def _alone(self, event: Event | None) -> str:
        """The item an event is about, if it is news, about one item only, and all is as at the last look; else nothing."""
        if event is None or self.store.knows(event) or not self._unchanged():
            return ""
        payload = event.payload
        about = payload.item if isinstance(payload, Done | Closed | Returned | Extended) else ""
        return about if about in self.findings else ""

    def _note_look(self, findings: Sequence[Finding], decisions: Sequence[Decision], due: Sequence[Decision]) -> None:
        found = {finding.item.id: finding for finding in findings}
        if self.hasty:
            self.findings = self.findings | found
            self._seen = self._grounds()
            return
        self.findings, self._turns = found, turns(decisions)
        self.tally.withheld = len(decisions) - sum(not one.rides for one in due)

    def send_due(self) -> None:
        """Acts: hands every chat that is due to a worker; never decides who is told what."""
        self.deliveries.view(self.rulebook, self.findings, self.letterhead, self.chats.directory)
        self.deliveries.recover()
        self.deliveries.start()

    # --- around it ------------------------------------------------------------

    def scene(self) -> Scene:
        """What any moment is decided from."""
        return Scene(
            rulebook=self.rulebook,
            facts=self.store.facts,
            memory=self.store.tellings,
            directory=self.chats.directory,
            hours=self.hours,
            used=self.store.used,
            troubles=(*self.robots.troubles(), *self.store.troubles(), *self._heard_of_state()),
        )

    def note_recovery(self) -> None:
        """Remembers that opening the state had to cut something off, so that the admin hears of it."""
        if self.store.recovery_warning:
            logger.warning("{}", self.store.recovery_warning)
            with self.store.work():
                self.store.note("状态恢复", "状态日志曾截去末尾", self.store.recovery_warning, self.clock.now())

    def _heard_of_state(self) -> list[Trouble]:
        """Notes of the state, told on their day and on the next workday: the slot of their day may be over."""
        today, calendar = day_of(self.clock.now()), self.rulebook.calendar
        fresh = [
            note
            for note in self.store.notes()
            if today <= calendar.send_day_on_or_after(day_of(note.since) + timedelta(days=1))
        ]
        return fresh + [trouble for troubles in self.more_troubles for trouble in troubles()]

    def _singles_used(self, decisions: Sequence[Decision], now: datetime) -> dict[str, int]:
        return {chat: self.store.used(chat, day_of(now)).singles for chat in {d.chat for d in decisions}}

    def start(self) -> None:
        """After a restart: what was being sent goes again, and entries without a chat are readdressed."""
        self.deliveries.recover()
        self.readdress(self.configured)
        self.deliveries.view(self.rulebook, self.findings, self.letterhead, self.chats.directory)
        self.deliveries.cut_waits()

    def adopt(self, rulebook: Rulebook, before: Rulebook | None = None) -> None:
        """New rules; what was kept under former names goes on under today's, what is on its way is said once.

        `before` are the rules that were in force until now. What their calendar moves is told under the new date already.
        """
        now, before = self.clock.now(), before or self.rulebook
        if dates := moved_by_calendar(before, rulebook, self.store.facts, day_of(now)):
            self.store.redate(dates)
        edit = asked_anew(before, rulebook, self.store.facts, day_of(now)), redated(before, rulebook, day_of(now))
        self.rulebook = rulebook
        self.store.follow(rulebook.succession)
        self.store.spell_out_hand_overs(before.rules)
        self.store.note_edit(*edit, now)
        self.store.note_duties(duties_of(rulebook), now)
        self.store.note_who_acts({rule.id: rule.principals for rule in rulebook.rules}, now)
        self.store.note_in_force((rule.id for rule in rulebook.rules), now)
        if rulebook.succession:
            with self.store.work():
                for moved in list(succeeded(self.store.entries.values(), rulebook.succession)):
                    self.store.put(moved)

    def readdress(self, configured: Chats) -> None:
        """New chats and robots: entries of chats that are gone follow their addressees, refused ones try a new address.

        Who lost their chat keeps it for a grace, in which the entries wait.
        """
        now, before = self.clock.now(), self.chats.robots
        with self.store.work():
            chats = self.lost.in_force(configured, self.rulebook, now)
            mended = {*self.robots.note_setups(chats.robots), *(chats.robots.keys() - before.keys())}
            on_the_way = self.store.readdress(chats.directory, chats.robots, mended, now) if chats.robots else False
        self.configured, self.chats = configured, chats  # only when it is written down
        self.robots.by_chat, self._on_the_way = chats.robots, on_the_way

    def end_graces(self, now: datetime) -> None:
        """Those who lost their chat and waited for it long enough have none any more. What was being sent is looked at again."""
        if self._on_the_way or self.lost.over(now):
            self.readdress(self.configured)

    def next_instant(self) -> datetime:
        """The earliest instant at which anything may change by itself: a slot, a rung, a retry, a rest's end, a new day."""
        now = self.clock.now()
        ahead = (
            self._next_look(now),
            self.deliveries.next_instant(now),
            self.robots.next_instant(now),
            self.lost.next_instant(now),
        )
        return min(instant for instant in ahead if instant is not None)

    def _next_look(self, now: datetime) -> datetime:
        """The earliest instant at which a look may lead to something by time alone; on a day off it leads to nothing."""
        ahead = self._turns[bisect_right(self._turns, now) :][:1]
        tomorrow = self.rulebook.calendar.send_day_on_or_after(day_of(now) + timedelta(days=1))
        return min([midnight(tomorrow), *ahead])

    async def one_pass(self) -> None:
        """Looks, decides, sends; with a story clock, settles everything before time may move on."""
        self.look_around()
        if not self.nothing_new():
            await self._hurry()
            now = self.clock.now()
            self.take_in(now=now)
            self._settle_down(now)
        self.send_due()
        if self.clock.kind != "real":
            await self.deliveries.settled()
        await self.store.durable()
        self._last_pass = monotonic()
        for after in self.after_pass:
            after(self.clock.now())

    def look_around(self) -> None:
        """Looks at every source, then does what comes before a pass. What cannot be read holds up nothing else."""
        for look_at_it in (*(source.look for source in self._all_sources()), *self.before_pass):
            try:
                look_at_it(self.clock.now())
            except OSError as error:
                logger.error("文件读写出错，稍后再试：{}", error)

    def _all_sources(self) -> tuple[Source, ...]:
        return (self.clock, *self.sources)

    async def _hurry(self) -> None:
        """Sends what events led to before the look at everything."""
        if self.hasty and self.clock.kind == "real":
            self.send_due()
            with suppress(TimeoutError):
                await asyncio.wait_for(self.deliveries.settled(), HURRY)

    def nothing_new(self) -> bool:
        """Whether a look would see what the last one saw."""
        return not self.hasty and self._unchanged()

    def _unchanged(self) -> bool:
        """Nothing that a look rests on has changed since the last, and no instant passed.

        A clock that was set back counts as an instant passed.
        """
        now = self.clock.now()
        return self._quiet is not None and self._quiet[0] <= now < self._quiet[1] and self._seen == self._grounds()

    def _settle_down(self, now: datetime) -> None:
        """`now` is the look's own: an instant that passes while it is taken is still ahead."""
        self._seen = self._grounds()
        self._quiet = (now, min(self._next_look(now), now + LOOK_ANYWAY))

    def _grounds(self) -> tuple[object, ...]:
        """What a look rests on besides the moment. Most of what delivery writes down leaves it as it is."""
        store, memory = self.store, self.store.tellings
        return (
            self.rulebook,
            self.chats,
            store.facts,
            memory,
            memory.version,
            memory.hearings.version,
            store.shelf.recounts,
            self.scene().troubles,
        )

    async def run(self) -> None:
        """The reconcile loop, until `stop`."""
        self.deliveries.on_settled = self.poke.set if self.clock.kind == "real" else None
        for source in self._all_sources():
            source.start(self.poke.set)
        try:
            while not self._stopping:
                before = self.deliveries.count
                await self.pass_or_wait_out()
                if not self._stopping:
                    await self.clock.wait(self.next_instant(), self.poke, self.deliveries.count > before)
        finally:
            for source in self._all_sources():
                source.stop()
            await self.deliveries.close()

    async def pass_or_wait_out(self) -> None:
        """A full disk is waited out; after a broken journal only a restart can tell what the disk holds."""
        try:
            if not self._begun:
                self.start()
                self._begun = True
            await self.one_pass()
            self._note_stall()
        except StateError as error:
            if isinstance(error, JournalBroken) or self.clock.kind != "real":
                raise
            logger.error("状态无法写入，稍后再试：{}", error)
            self._stalled = self._stalled or (self.clock.now(), str(error))

    def _note_stall(self) -> None:
        """After writing failed and works again: tells the admin since when no reminder could leave."""
        if self._stalled:
            since, why = self._stalled
            now = self.clock.now()
            text = f"{since:%m-%d %H:%M}至{now:%m-%d %H:%M}状态无法写入，期间没有发送提醒，现已恢复并补上。原因：{why}"
            with self.store.work():
                self.store.note("状态停写", "状态曾无法写入", text, now)
            self._stalled = None

    @property
    def alive(self) -> bool:
        """Whether the loop has gone round within the last two minutes."""
        return monotonic() - self._last_pass < ALIVE_SECONDS

    def stop(self) -> None:
        """Ends the loop; what is in flight settles first."""
        self._stopping = True
        self.deliveries.wind_down()
        self.poke.set()
