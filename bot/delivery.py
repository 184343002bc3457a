"""Delivery: due entries to their chats, one at a time per chat and chats side by side, each step written down first.

A fixed set of workers; an entry that must wait is a state in the outbox, never a sleeping task.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

from loguru import logger

from bot.core.findings import Finding
from bot.core.message import Message
from bot.core.outbox import Entry, EntryState, cancelled, due, obsolete, sending, settle
from bot.core.outcome import Outcome, Verdict
from bot.core.rulebook import Rulebook
from bot.core.windows import OfficeHours, is_open, next_open_minute, slot
from bot.core.wording import Letterhead, Words, word
from bot.core.workdays import Calendar
from bot.platforms import Robot, parts
from bot.shell.courier import Courier
from bot.shell.robots import Robots, Wait
from bot.shell.store import Store, day_of

WORKERS = 64


def allowed(at: datetime, chat: str, today: datetime, hours: OfficeHours, calendar: Calendar) -> datetime:
    """The instant at or after `at` at which a chat may be written to: today in office hours, else in its next slot."""
    same_day = at if is_open(at, hours, calendar) else next_open_minute(at, hours, calendar)
    if day_of(same_day) == day_of(today):
        return same_day
    planned = slot(chat, calendar.send_day_on_or_after(day_of(same_day)), hours)
    if planned >= same_day or day_of(planned) == day_of(same_day):
        return max(planned, same_day)
    return slot(chat, calendar.send_day_on_or_after(day_of(same_day) + timedelta(days=1)), hours)


class Deliveries:
    """Workers over a queue of chats. `view` gives them what wording needs; `settled` waits until all is quiet."""

    def __init__(
        self,
        store: Store,
        robots: Robots,
        courier: Courier,
        hours: OfficeHours,
        now: Callable[[], datetime],
        wall: Callable[[], datetime],
        on_outcome: Callable[[Entry, Outcome], None] | None = None,
    ) -> None:
        self._store, self._robots, self._courier = store, robots, courier
        self._hours, self._now, self._wall = hours, now, wall
        self._queue: asyncio.Queue[str] = asyncio.Queue()
        self._busy: set[str] = set()
        self._workers: list[asyncio.Task[None]] = []
        self._view: tuple[Rulebook, Mapping[str, Finding], Letterhead] | None = None
        self._on_outcome = on_outcome
        self.on_settled: Callable[[], None] | None = None
        self.count = 0  # parts delivered since the start

    def view(self, rulebook: Rulebook, findings: Mapping[str, Finding], head: Letterhead) -> None:
        """What is true now; entries are worded from it at the moment of sending."""
        self._view = (rulebook, findings, head)

    def start(self, entries: Iterable[Entry]) -> None:
        """Queues the chats of due entries that no worker has in hand."""
        for chat in dict.fromkeys(entry.chat for entry in entries):
            if chat not in self._busy and self._sendable(chat):
                self._busy.add(chat)
                self._queue.put_nowait(chat)
        missing = min(WORKERS, len(self._busy)) - len(self._workers)
        self._workers += [asyncio.create_task(self._work()) for _ in range(missing)]

    async def settled(self) -> None:
        """Returns when every queued chat has been dealt with."""
        await self._queue.join()

    async def close(self) -> None:
        """Lets what is in flight settle (10 s at most), then ends the workers and the courier."""
        try:
            await asyncio.wait_for(self._queue.join(), 10)
        except TimeoutError:
            logger.warning("仍有消息在发送中，重启后标明补发")
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        await self._courier.aclose()

    def next_instant(self, now: datetime) -> datetime | None:
        """The earliest retry ahead, of chats that have a robot to speak through."""
        waiting = (
            entry.next_attempt_at
            for entry in self._store.open_entries()
            if entry.state in (EntryState.PENDING, EntryState.LATER) and self._sendable(entry.chat)
        )
        return min((at for at in waiting if at > now), default=None)

    def _sendable(self, chat: str) -> bool:
        return chat in self._robots.by_chat

    async def _work(self) -> None:
        while True:
            chat = await self._queue.get()
            try:
                await self._drain(chat)
            except OSError as error:
                logger.error("{}：状态无法写入，消息留在待发箱：{}", chat, error)
            finally:
                self._busy.discard(chat)
                self._queue.task_done()
                if self.on_settled:
                    self.on_settled()

    async def _drain(self, chat: str) -> None:
        """Every due entry of one chat, oldest first; a wait ends the round so that order is kept."""
        while True:
            entry = next((e for e in due(self._store.open_entries(), self._now()) if e.chat == chat), None)
            if entry is None or not await self._deliver(entry):
                return

    async def _deliver(self, entry: Entry) -> bool:
        """One entry as far as it goes now; False when the chat has to wait."""
        assert self._view is not None
        rulebook, findings, head = self._view
        opens = self._allowed(self._now(), entry.chat)
        if opens > self._now():  # found late: after a restart in the evening, or over a holiday
            return self._wait(entry, Wait(opens, "等到办公时间再发"))
        fresh = self._still_true(entry, findings)
        if fresh is None:
            return True
        message = word(fresh, Words(rulebook, findings, self._now().date(), head))
        return await self._send_parts(fresh, message)

    def _still_true(self, entry: Entry, findings: Mapping[str, Finding]) -> Entry | None:
        """The entry without rows that need not be said any more; cancelled when none is left."""
        now = self._now()
        reasons = [obsolete(row, findings.get(row.item), self._store.facts, now) for row in entry.rows]
        if entry.parts_done or not any(reasons):
            return entry
        keep = tuple(row for row, why in zip(entry.rows, reasons, strict=True) if not why)
        gone = [row for row, why in zip(entry.rows, reasons, strict=True) if why]
        fresh = entry.model_copy(update={"rows": keep}) if keep else cancelled(entry, next(filter(None, reasons)))
        with self._store.work():
            self._store.untell(entry, gone)
            self._store.put(fresh)
        return fresh if keep else None

    async def _send_parts(self, entry: Entry, message: Message) -> bool:
        """All parts not yet accepted; each is written down before and settled after."""
        while True:
            now = self._now()
            robot = self._robots.choose(entry.chat, now)
            if isinstance(robot, Wait):
                return self._wait(entry, robot)
            pieces = parts(message, _small(robot, entry))
            sent = sending(entry, robot.name)
            with self._store.work():
                self._store.put(sent)
                self._robots.stamp(robot, now)
            outcome = await self._courier.send(
                _small(robot, entry), pieces[min(sent.parts_done, len(pieces) - 1)], self._wall()
            )
            entry = self._settle(sent, robot, outcome, len(pieces))
            if entry.state is not EntryState.SENDING:
                return entry.state in (EntryState.DELIVERED, EntryState.UNDELIVERABLE)

    def _settle(self, entry: Entry, robot: Robot, outcome: Outcome, total: int) -> Entry:
        """Writes down what came of one part; the entry stays in 发送中 while parts remain."""
        now = self._now()
        done = entry.parts_done + (outcome.verdict is Verdict.DELIVERED)
        entry = entry.model_copy(update={"parts_done": done})
        if outcome.verdict is not Verdict.DELIVERED or done >= total:
            entry = settle(entry, outcome, now, lambda at: self._allowed(at, entry.chat))
            entry = self._another(entry, outcome)
        with self._store.work():
            self._store.put(entry)
            self._robots.learn(robot, outcome, now)
        self.count += outcome.verdict is Verdict.DELIVERED
        if self._on_outcome:
            self._on_outcome(entry, outcome)
        log = logger.info if outcome.verdict is Verdict.DELIVERED else logger.warning
        log(
            "{} {} 第{}次：{} {} {}",
            entry.number,
            robot.name,
            entry.attempts,
            outcome.verdict.value,
            outcome.code,
            outcome.remedy,
        )
        return entry

    def _another(self, entry: Entry, outcome: Outcome) -> Entry:
        """A refused entry goes on at once through another robot of its chat, if one is left besides the one that failed."""
        others = [robot for robot in self._robots.by_chat.get(entry.chat, ()) if robot.name != entry.robot]
        if outcome.verdict is Verdict.REFUSED and any(not self._broken(robot) for robot in others):
            return entry.model_copy(update={"state": EntryState.LATER, "next_attempt_at": self._now()})
        return entry

    def _broken(self, robot: Robot) -> bool:
        state = self._store.robots.get(robot.name)
        return bool(state and state.broken)

    def _wait(self, entry: Entry, wait: Wait) -> bool:
        """Parks an entry until a robot is free, or until a person mends one."""
        state = EntryState.LATER if wait.until else EntryState.REFUSED
        at = self._allowed(wait.until, entry.chat) if wait.until else entry.next_attempt_at
        with self._store.work():
            self._store.put(entry.model_copy(update={"state": state, "next_attempt_at": at, "why": wait.why}))
        return False

    def _allowed(self, at: datetime, chat: str) -> datetime:
        assert self._view is not None
        return allowed(at, chat, self._now(), self._hours, self._view[0].calendar)


def _small(robot: Robot, entry: Entry) -> Robot:
    """After a refusal for shape, the plain form of the same robot."""
    if not entry.compact:
        return robot
    return Robot(robot.name, robot.dialect, robot.url, robot.secret, robot.keyword, "text")
