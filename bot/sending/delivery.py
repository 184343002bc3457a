"""Delivery: due entries to their chats, one at a time per chat and chats side by side, each step written down first.

A fixed set of workers; an entry that must wait is a state in the outbox, never a sleeping task.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from functools import partial

from loguru import logger

from bot.core.deciding.addressees import Directory
from bot.core.deciding.desk import Desk, Used
from bot.core.deciding.findings import Finding
from bot.core.deciding.memory import WithoutMessage
from bot.core.rules.rulebook import Rulebook
from bot.core.telling.entry import YIELDS, Entry, EntryState
from bot.core.telling.message import Message
from bot.core.telling.outbox import (
    failed,
    handed_on,
    late,
    parked,
    part_done,
    perhaps_shown,
    pruned,
    put_off,
    recovered,
    sending,
    settle,
    unsaid,
    waiting_no_longer,
    waiting_on,
    woken,
)
from bot.core.telling.outcome import Outcome, Verdict
from bot.core.telling.plain_wording import plainly
from bot.core.telling.remainder import following, reads_true
from bot.core.telling.retries import LONGEST
from bot.core.telling.wording import Letterhead, Words, word
from bot.core.time.windows import OfficeHours, allowed, slot
from bot.core.time.zone import day_of, midnight
from bot.platforms import Robot, parts, smaller
from bot.sending.courier import Courier
from bot.sending.orders import make_due
from bot.sending.robots import Robots, Wait
from bot.state.disk.errors import StateError
from bot.state.sent import Sent
from bot.state.store import Store

WORKERS = 64
PREPARED = 64  # messages prepared at the same time, however many workers there are: the first are sent while the next are prepared
LINE = 50  # messages that arrived, on one line of the log
DAY = timedelta(days=1)
CLOSING = 8.0  # seconds in which what is in flight may settle, out of the ten a clean stop may take


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
        sent: Sent | None = None,
    ) -> None:
        self._store, self._robots, self._courier = store, robots, courier
        self._hours, self._now, self._wall = hours, now, wall
        self._queue: asyncio.Queue[str] = asyncio.Queue()
        self._busy: set[str] = set()
        self.workers: list[asyncio.Task[None]] = []
        self._preparing = asyncio.Semaphore(PREPARED)
        self._view: tuple[Rulebook, Mapping[str, Finding], Letterhead, Directory] | None = None
        self._on_outcome = on_outcome
        self._sent = sent
        self._closing = False
        self.on_settled: Callable[[], None] | None = None
        self.count = 0  # parts delivered since the start
        self._slip = ""  # an error of the wording that the admin has still to be told
        self._arrived: list[str] = []  # not yet in the log

    def view(self, rulebook: Rulebook, findings: Mapping[str, Finding], head: Letterhead, directory: Directory) -> None:
        """What is true now; at the moment of sending entries are checked against it and worded from it."""
        self._view = (rulebook, findings, head, directory)

    def recover(self) -> None:
        """Entries in 发送中 that nobody has in hand may have arrived: they go again marked 补发.

        A restart leaves such entries, and so does a disk that became full between sending and recording the answer.
        """
        now = self._now()
        lost = [e for e in self._store.open_entries() if e.state is EntryState.SENDING and e.chat not in self._busy]
        if lost:
            with self._store.work():
                for entry in lost:
                    self._store.put(recovered(entry, now))
                self._note_interrupted([entry for entry in lost if entry.in_flight], now)

    def _note_interrupted(self, lost: list[Entry], now: datetime) -> None:
        """What has now been interrupted so often that it goes behind the others of its chat; the admin hears of it once."""
        often = [f"{entry.number}（{entry.chat}）" for entry in lost if entry.interrupted + 1 == YIELDS]
        if often:
            said = f"{'、'.join(often)}在发送途中因程序中断已达{YIELDS}次，改排在本群其他消息之后，仍会发出；请查看服务为何反复中断"
            self._store.note("发送中断", "有消息多次在发送途中中断", said, now)

    def clock_was_set(self, step: timedelta) -> None:
        """Waits go on by elapsed time although the wall clock was set by `step`."""
        with self._store.work():
            self._robots.move_rests(step)
            for entry in self._store.open_entries():
                if (moved := waiting_on(entry, step)) is not entry:
                    self._store.put(moved)

    def cut_waits(self) -> None:
        """After a restart nothing waits longer than the longest wait of its kind: the wall clock may have been set meanwhile."""
        now = self._now()
        with self._store.work():
            self._robots.cut_rests(now)
            for entry in self._store.open_entries():
                cut = waiting_no_longer(entry, self._allowed(now + LONGEST, entry.chat, now))
                if cut is not entry:
                    self._store.put(cut)

    def start(self) -> None:
        """Queues the chats whose oldest entry is due and that no worker has in hand."""
        now = self._now()
        if self._sent:
            self._sent.flush()
        self._probe(now)
        for head in self._heads():
            if head.next_attempt_at <= now and head.chat not in self._busy and not self._closing:
                self._busy.add(head.chat)
                self._queue.put_nowait(head.chat)
        missing = min(WORKERS, len(self._busy)) - len(self.workers)
        self.workers += [asyncio.create_task(self._work()) for _ in range(missing)]

    def _probe(self, now: datetime) -> None:
        """Once a day a chat whose robots are all broken tries whether one works again.

        All its refused entries become due again, so that today's do not overtake them.
        """
        for chat in self._robots.to_probe(now):
            refused = [one for one in self._store.shelf.open_of(chat) if one.state is EntryState.REFUSED]
            with self._store.work():
                for one in refused:
                    self._store.put(woken(one, now))

    async def settled(self) -> None:
        """Returns when every queued chat has been dealt with."""
        await self._queue.join()

    def wind_down(self) -> None:
        """From now on nothing new is begun; what is in flight settles."""
        self._closing = True

    async def close(self) -> None:
        """Lets what is in flight settle (eight seconds at most), then ends the workers and the courier."""
        self.wind_down()
        try:
            await asyncio.wait_for(self._queue.join(), CLOSING)
        except TimeoutError:
            logger.warning("仍有消息在发送中，重启后标明补发")
        self._tell_arrived()
        await self.abandon()
        if self._sent:
            self._sent.close()

    async def abandon(self) -> None:
        """Ends the workers and the courier at once; what is in flight stays in 发送中, as a power cut leaves it."""
        for worker in self.workers:
            worker.cancel()
        await asyncio.gather(*self.workers, return_exceptions=True)
        await self._courier.aclose()

    def next_instant(self, now: datetime) -> datetime | None:
        """The earliest retry ahead, of chats that have a robot to speak through."""
        return min((head.next_attempt_at for head in self._heads() if head.next_attempt_at > now), default=None)

    def _heads(self) -> list[Entry]:
        spoken = (head for head in self._store.shelf.heads() if head.chat in self._robots.by_chat)
        return [head for head in spoken if not self._has_lost_its_place(head)]

    def _has_lost_its_place(self, entry: Entry) -> bool:
        """Whether somebody whom it tells lost their chat a short while ago, so that nobody knows where it belongs."""
        lost = self._view[3].lost if self._view else frozenset()
        return bool(lost) and any(one.addressee in lost and not one.by_order for one in entry.tellings)

    async def _work(self) -> None:
        while True:
            chat = await self._queue.get()
            waiting = False
            try:
                await self._drain(chat)
                if self._queue.empty():  # no further entry whose flush would cover this outcome
                    self._tell_arrived()
                    await self._store.durable()
                # Asked last: nothing may be awaited between this and giving the chat free.
                waiting = self._store.head(chat) is not None
            except (StateError, OSError) as error:  # the next heartbeat tries again
                logger.error("{}：状态无法写入，消息留在待发箱：{}", chat, error)
            finally:
                self._busy.discard(chat)
                self._queue.task_done()
            if waiting and self.on_settled:
                self.on_settled()

    async def _drain(self, chat: str) -> None:
        """Sends what is due to one chat, oldest first. While the oldest entry waits, younger ones wait too, so that order is kept."""
        while not self._closing:
            now = self._now()
            self._merge_late(chat, now)
            entry = self._store.head(chat)
            if entry is None or entry.next_attempt_at > now or self._has_lost_its_place(entry):
                return
            try:
                await self._deliver(entry, now)
            except (StateError, OSError):
                raise
            except Exception as error:  # a message that cannot be made must not stop the ones behind it
                logger.opt(exception=error).error("{} 无法发送", entry.number)
                self._give_up(entry.number, type(error).__name__)

    def _merge_late(self, chat: str, now: datetime) -> None:
        """What has waited since an earlier day goes as one digest with today's, instead of one message after another.

        So does what came from another chat. It waits for the chat's slot of today, at which today's is composed, and where
        today's has reached the chat already, for tomorrow's: a chat gets one digest a day, whatever has waited. Today's
        singles go before it.
        """
        today = day_of(now)
        waiting = self._store.shelf.waiting(chat, before=today + DAY)
        behind, planned = late(waiting, now), slot(chat, today, self._hours)
        if not behind:
            return
        served = self._store.shelf.served(chat, today)
        if served or now < planned:
            with self._store.work():
                for one in behind:
                    self._store.put(put_off(one, midnight(today + DAY) if served else planned))
        elif len(waiting) > 1 and self._allowed(now, chat, now) <= now:
            with self._store.work():
                self._store.merge(waiting, now)

    def _give_up(self, number: str, error: str) -> None:
        entry = self._store.entries[number]
        if entry.state.open:
            with self._store.work():
                self._store.put(failed(entry, error))

    async def _deliver(self, entry: Entry, now: datetime) -> None:
        """One entry as far as it goes now."""
        assert self._view is not None
        rulebook, findings, head, _ = self._view
        opens = self._allowed(now, entry.chat, now)
        if opens > now:  # found late: after a restart in the evening, or over a holiday
            self._wait(entry, Wait(opens, "等到办公时间再发"), now)
            return
        fresh, gone = pruned(entry, findings, self._desk(entry, now))
        if gone:
            with self._store.work():
                self._store.take_back(entry, gone)
                self._store.put(fresh)
        if fresh.state.open:
            await self._send_parts(fresh, Words(rulebook, findings, day_of(now), head), now)

    def _desk(self, entry: Entry, now: datetime) -> Desk:
        """What is decided from, as if this entry had not been made; it has its place in the day's budget already."""
        assert self._view is not None
        rulebook, _, _, directory = self._view
        others = WithoutMessage(self._store.tellings, frozenset((entry.number, *entry.carries)))
        return Desk(self._store.facts, others, directory, rulebook.calendar, self._hours, now, _unused)

    async def _send_parts(self, entry: Entry, words: Words, now: datetime) -> None:
        """All parts not yet accepted; each is written down before and settled after."""
        while True:
            async with self._preparing:
                robot = self._speaker(entry, now)
                if isinstance(robot, Wait):
                    self._wait(entry, robot, now)
                    return
                rest = _rest(entry, _small(robot, entry), words.findings, partial(self._say, words))
                pieces = following(entry.pieces[: entry.parts_done], rest)
                sent = sending(entry, robot.name, now, pieces if len(pieces) > 1 else ())
                piece = pieces[entry.parts_done]
                sealed = self._courier.seal(_small(robot, entry), piece, self._wall())
                with self._store.work(durable=False):
                    self._store.put(sent)
                    self._robots.stamp(robot, now)
                    self._note_slip(now)
                await (
                    self._store.durable()
                )  # on disk before the network is used; messages prepared at the same time share the flush
            outcome = await self._courier.post(sealed)
            now = self._now()
            said = b"" if isinstance(sealed, Outcome) else sealed.request.body
            text = self._kept(sent, outcome, said, piece, now)
            entry = self._settle(part_done(sent, outcome, text), robot, outcome, len(pieces), now)
            if entry.state is not EntryState.SENDING:
                return

    def _say(self, words: Words, entry: Entry) -> Message:
        """Worded; in plain words where that fails, which the admin is told."""
        try:
            return word(entry, words)
        except Exception as error:
            logger.opt(exception=error).error("{} 措辞出错，改用简短文字", entry.number)
            self._slip = f"{entry.number}（{entry.chat}）等消息措辞出错（{type(error).__name__}），已改用简短文字发出，请告知维护人员"
            return plainly(entry, words.head)

    def _note_slip(self, now: datetime) -> None:
        if self._slip:
            self._store.note("措辞出错", "有消息改用简短文字发出", self._slip, now)
            self._slip = ""

    def _speaker(self, entry: Entry, now: datetime) -> Robot | Wait:
        """Who says the next part now, or when it may be said: office hours may end between two parts."""
        if entry.parts_done:
            opens = self._allowed(now, entry.chat, now)
            if self._closing or opens > now:
                return Wait(opens, "停机，启动后续发" if self._closing else "等到办公时间再发")
        return self._robots.choose(entry.chat, now, entry.robot if entry.parts_done else "")

    def _settle(self, entry: Entry, robot: Robot, outcome: Outcome, total: int, now: datetime) -> Entry:
        """Writes down what came of one part; the entry stays in 发送中 while parts remain.

        It is not flushed here: the worker's next record or its rest does that. After a crash in between it is sent again as 补发.
        """
        others = self._robots.others(entry.chat, entry.robot)
        entry = settle(
            entry, outcome, now, lambda at: self._allowed(at, entry.chat, now), parts=total, another=bool(others)
        )
        free = any(one.blocked_until is None or one.blocked_until <= now for one in others)
        with self._store.work(durable=False):
            if free and _may_go_on(entry, outcome):
                self._robots.rest(robot, entry.next_attempt_at)
                entry = handed_on(entry, now)
            self._store.put(entry)
            if self._robots.learn(robot, outcome, now):
                make_due(self._store, now)
        self._tell(entry, robot, outcome)
        return entry

    def _tell(self, entry: Entry, robot: Robot, outcome: Outcome) -> None:
        """Logs an attempt. Successful ones are collected, many on one line."""
        if outcome.verdict is Verdict.DELIVERED and not outcome.remedy:
            self.count += 1
            self._arrived.append(f"{entry.number} {robot.name} 第{entry.attempts}次")
            if len(self._arrived) >= LINE:
                self._tell_arrived()
        else:
            self.count += outcome.verdict is Verdict.DELIVERED
            said = (outcome.verdict.value, outcome.code, outcome.remedy)
            logger.warning("{} {} 第{}次：{} {} {}", entry.number, robot.name, entry.attempts, *said)
        if self._on_outcome:
            self._on_outcome(entry, outcome)

    def _tell_arrived(self) -> None:
        if self._arrived:
            logger.info("{}：{}", Verdict.DELIVERED.value, "、".join(self._arrived))
            self._arrived.clear()

    def _kept(self, entry: Entry, outcome: Outcome, said: bytes, piece: Message, now: datetime) -> str:
        """The hash of the words of a part that members saw or may have seen; nothing where none is kept.

        The words themselves go beside the archive.
        """
        if self._sent is None or not said or not perhaps_shown(outcome):
            return ""
        return self._sent.keep(entry.number, f"{piece.part}/{piece.parts}", said, now)

    def _wait(self, entry: Entry, wait: Wait, now: datetime) -> None:
        """Parks an entry until a robot is free, or until a person mends one."""
        until = self._allowed(wait.until, entry.chat, now) if wait.until else None
        with self._store.work():
            self._store.put(parked(entry, until, wait.why))

    def _allowed(self, at: datetime, chat: str, now: datetime) -> datetime:
        assert self._view is not None
        return allowed(at, chat, now, self._hours, self._view[0].calendar)


def _unused(chat: str, day: date) -> Used:
    """A budget of which nothing is used."""
    del chat, day
    return Used()


def _may_go_on(entry: Entry, outcome: Outcome) -> bool:
    """Whether an entry that must wait for its robot goes on through another one at once: not in the middle of a message.

    Parts are cut for one robot; with another the accepted ones would be repeated.
    """
    waits = entry.state is EntryState.LATER and outcome.verdict in (Verdict.LATER, Verdict.AMBIGUOUS)
    return waits and not entry.parts_done


def _rest(
    entry: Entry, robot: Robot, findings: Mapping[str, Finding], say: Callable[[Entry], Message]
) -> tuple[Message, ...]:
    """The parts that are left for this robot: as they were worded, unless a line in them is no longer true."""
    if entry.rest and reads_true(entry, findings):
        return tuple(part for piece in entry.rest for part in parts(piece, robot))
    return parts(say(unsaid(entry) if entry.rest else entry), robot)


def _small(robot: Robot, entry: Entry) -> Robot:
    """After a refusal for shape, the plain form of the same robot."""
    return smaller(robot) if entry.compact else robot
