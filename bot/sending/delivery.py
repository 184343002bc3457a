"""Delivery: due entries to their chats, one at a time per chat and chats side by side, each step written down first.

A fixed set of workers; an entry that must wait is a state in the outbox, never a sleeping task.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

from loguru import logger

from bot.core.deciding.findings import Finding
from bot.core.rules.rulebook import Rulebook
from bot.core.telling.entry import Entry, EntryState
from bot.core.telling.message import Message
from bot.core.telling.outbox import cancelled, obsolete, recovered, sending, settle
from bot.core.telling.outcome import Outcome, Verdict
from bot.core.telling.plain_wording import plainly
from bot.core.telling.wording import Letterhead, Words, word
from bot.core.time.windows import OfficeHours, is_open, next_open_minute, slot
from bot.core.time.workdays import Calendar
from bot.core.time.zone import ZONE, day_of, midnight
from bot.platforms import Robot, parts, smaller
from bot.sending.courier import Courier
from bot.sending.orders import wake
from bot.sending.robots import Robots, Wait
from bot.state.disk.errors import StateError
from bot.state.sent import Sent
from bot.state.store import Store

WORKERS = 64
DESK = (
    64  # messages made ready side by side, however many workers: the first are on their way while the next are written
)
LINE = 50  # messages that arrived, on one line of the log
DAY = timedelta(days=1)
CLOSING = 8.0  # seconds in which what is in flight may settle, out of the ten a clean stop may take


def allowed(at: datetime, chat: str, today: datetime, hours: OfficeHours, calendar: Calendar) -> datetime:
    """The instant at or after `at` at which a chat may be written to: today in office hours, else in its next slot."""
    at = at.astimezone(ZONE)
    opens = at if is_open(at, hours, calendar) else next_open_minute(at, hours, calendar)
    return opens if opens.date() == day_of(today) else max(opens, slot(chat, opens.date(), hours))


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
        self._workers: list[asyncio.Task[None]] = []
        self._desk = asyncio.Semaphore(DESK)
        self._view: tuple[Rulebook, Mapping[str, Finding], Letterhead] | None = None
        self._on_outcome = on_outcome
        self._sent = sent
        self._closing = False
        self.on_settled: Callable[[], None] | None = None
        self.count = 0  # parts delivered since the start
        self._slip = ""  # what went wrong with words, until the admin is told
        self._arrived: list[str] = []  # not yet in the log

    def view(self, rulebook: Rulebook, findings: Mapping[str, Finding], head: Letterhead) -> None:
        """What is true now; entries are worded from it at the moment of sending."""
        self._view = (rulebook, findings, head)

    def recover(self) -> None:
        """Entries in 发送中 that nobody has in hand may have arrived: they go again marked 补发.

        A restart leaves them behind, and a disk that filled up between sending and writing down what came of it.
        """
        now = self._now()
        lost = [e for e in self._store.open_entries() if e.state is EntryState.SENDING and e.chat not in self._busy]
        if lost:
            with self._store.work():
                for entry in lost:
                    self._store.put(recovered(_whole(entry, now), now))

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
        missing = min(WORKERS, len(self._busy)) - len(self._workers)
        self._workers += [asyncio.create_task(self._work()) for _ in range(missing)]

    def _probe(self, now: datetime) -> None:
        """Once a day a chat whose robots are all broken tries whether one works again.

        Everything that waits for it stands up, or what is new today would be heard before it.
        """
        for chat in self._robots.to_probe(now):
            refused = [one for one in self._store.shelf.open_of(chat) if one.state is EntryState.REFUSED]
            with self._store.work():
                for one in refused:
                    self._store.put(one.model_copy(update={"state": EntryState.LATER, "next_attempt_at": now}))

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
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        await self._courier.aclose()
        if self._sent:
            self._sent.close()

    def next_instant(self, now: datetime) -> datetime | None:
        """The earliest retry ahead, of chats that have a robot to speak through."""
        return min((head.next_attempt_at for head in self._heads() if head.next_attempt_at > now), default=None)

    def _heads(self) -> list[Entry]:
        return [head for head in self._store.shelf.heads() if head.chat in self._robots.by_chat]

    async def _work(self) -> None:
        while True:
            chat = await self._queue.get()
            waiting = False
            try:
                await self._drain(chat)
                if self._queue.empty():  # what comes next would have flushed what came of this
                    self._tell_arrived()
                    await self._store.durable()
                # Asked last: nothing may be awaited between this and the chat's being free.
                waiting = self._store.head(chat) is not None
            except (StateError, OSError) as error:  # the next heartbeat tries again
                logger.error("{}：状态无法写入，消息留在待发箱：{}", chat, error)
            finally:
                self._busy.discard(chat)
                self._queue.task_done()
            if waiting and self.on_settled:
                self.on_settled()

    async def _drain(self, chat: str) -> None:
        """What one chat is due, oldest first; who must wait holds back the younger ones, so that order is kept."""
        while not self._closing:
            now = self._now()
            self._merge_late(chat, now)
            entry = self._store.head(chat)
            if entry is None or entry.next_attempt_at > now:
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

        Where today's has reached the chat already, it is tomorrow's: one digest a day, whatever has waited. What is
        younger waits behind it, a single too: a chat hears things in their order.
        """
        late = [one for one in self._store.shelf.waiting(chat, before=day_of(now)) if one.next_attempt_at <= now]
        if late and self._store.shelf.served(chat, day_of(now)):
            with self._store.work():
                for one in late:
                    tomorrow = midnight(day_of(now) + DAY)
                    self._store.put(one.model_copy(update={"state": EntryState.LATER, "next_attempt_at": tomorrow}))
        elif late and self._allowed(now, chat, now) <= now:
            waiting = self._store.shelf.waiting(chat, before=day_of(now) + DAY)
            if len(waiting) > 1:
                with self._store.work():
                    self._store.merge(waiting, now)

    def _give_up(self, number: str, error: str) -> None:
        entry = self._store.entries[number]
        if entry.state.open:
            why = f"程序出错（{error}），请告知维护人员"
            with self._store.work():
                self._store.put(entry.model_copy(update={"state": EntryState.UNDELIVERABLE, "why": why}))

    async def _deliver(self, entry: Entry, now: datetime) -> None:
        """One entry as far as it goes now."""
        assert self._view is not None
        rulebook, findings, head = self._view
        opens = self._allowed(now, entry.chat, now)
        if opens > now:  # found late: after a restart in the evening, or over a holiday
            self._wait(entry, Wait(opens, "等到办公时间再发"), now)
            return
        fresh = self._still_true(entry, findings, now)
        if fresh is not None:
            await self._send_parts(fresh, Words(rulebook, findings, day_of(now), head), now)

    def _still_true(self, entry: Entry, findings: Mapping[str, Finding], now: datetime) -> Entry | None:
        """The entry without tellings that need not be said any more; cancelled when none is left."""
        reasons = [
            obsolete(telling, findings.get(telling.item), self._store.facts, now, entry.chat)
            for telling in entry.tellings
        ]
        if entry.parts_done or not any(reasons):
            return entry
        keep = tuple(telling for telling, why in zip(entry.tellings, reasons, strict=True) if not why)
        gone = [telling for telling, why in zip(entry.tellings, reasons, strict=True) if why]
        fresh = entry.model_copy(update={"tellings": keep}) if keep else cancelled(entry, next(filter(None, reasons)))
        with self._store.work():
            self._store.take_back(entry, gone)
            self._store.put(fresh)
        return fresh if keep else None

    async def _send_parts(self, entry: Entry, words: Words, now: datetime) -> None:
        """All parts not yet accepted; each is written down before and settled after."""
        while True:
            async with self._desk:
                robot = self._speaker(entry, now)
                if isinstance(robot, Wait):
                    self._wait(entry, robot, now)
                    return
                entry, pieces = _cut(entry, robot, partial(self._say, words))
                sent = sending(entry, robot.name)
                sealed = self._courier.seal(_small(robot, entry), pieces[sent.parts_done], self._wall())
                with self._store.work(durable=False):
                    self._store.put(sent)
                    self._robots.stamp(robot, now)
                    self._note_slip(now)
                await self._store.durable()  # before the network is touched; who is at the desk shares a flush
            outcome = await self._courier.post(sealed)
            now = self._now()
            said = b"" if isinstance(sealed, Outcome) else sealed.request.body
            kept = self._kept(sent, outcome, said, len(pieces), now)
            entry = self._settle(sent.model_copy(update=kept), robot, outcome, len(pieces), now)
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

        The worker flushes it, with its next intention or before it rests: until then a crash would send again as 补发.
        """
        delivered = outcome.verdict is Verdict.DELIVERED
        if not delivered or entry.parts_done >= total:
            entry = settle(entry, outcome, now, lambda at: self._allowed(at, entry.chat, now))
            entry = entry if delivered else _resumable(self._another(entry, outcome), outcome.verdict, now)
        with self._store.work(durable=False):
            self._store.put(entry)
            if self._robots.learn(robot, outcome, now):
                wake(self._store, now)
        self._tell(entry, robot, outcome)
        return entry

    def _tell(self, entry: Entry, robot: Robot, outcome: Outcome) -> None:
        """One line for an attempt; those of a crowd that went well share lines."""
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

    def _kept(self, entry: Entry, outcome: Outcome, said: bytes, total: int, now: datetime) -> dict[str, object]:
        """What an entry keeps of a part: that it was accepted, and the hash of what was, or may have been, shown.

        The words themselves go beside the archive.
        """
        kept: dict[str, object] = {}
        if outcome.verdict is Verdict.DELIVERED:
            kept["parts_done"] = entry.parts_done + 1
        shown = kept or outcome.verdict is Verdict.AMBIGUOUS or outcome.perhaps
        if self._sent is None or not said or not shown:
            return kept
        text = self._sent.keep(entry.number, f"{entry.parts_done + 1}/{total}", said, now)
        return kept if text in entry.texts else kept | {"texts": (*entry.texts, text)}

    def _another(self, entry: Entry, outcome: Outcome) -> Entry:
        """A refused entry goes on at once through another robot of its chat, if one is left besides the one that failed."""
        others = [robot for robot in self._robots.by_chat.get(entry.chat, ()) if robot.name != entry.robot]
        if outcome.verdict is Verdict.REFUSED and any(not self._broken(robot) for robot in others):
            return entry.model_copy(update={"state": EntryState.LATER, "next_attempt_at": self._now()})
        return entry

    def _broken(self, robot: Robot) -> bool:
        state = self._store.robots.get(robot.name)
        return bool(state and state.broken)

    def _wait(self, entry: Entry, wait: Wait, now: datetime) -> None:
        """Parks an entry until a robot is free, or until a person mends one."""
        state = EntryState.LATER if wait.until else EntryState.REFUSED
        at = self._allowed(wait.until, entry.chat, now) if wait.until else entry.next_attempt_at
        parked = entry.model_copy(update={"state": state, "next_attempt_at": at, "why": wait.why})
        with self._store.work():
            self._store.put(_whole(parked, now) if wait.until else _again(parked))

    def _allowed(self, at: datetime, chat: str, now: datetime) -> datetime:
        assert self._view is not None
        return allowed(at, chat, now, self._hours, self._view[0].calendar)


def _cut(entry: Entry, robot: Robot, say: Callable[[Entry], Message]) -> tuple[Entry, tuple[Message, ...]]:
    """The parts for this robot, and the entry begun anew where those accepted so far are not the first of them.

    A finding that changed meanwhile, another robot or a mark that came to the title may move the borders of the parts.
    """
    pieces = parts(say(entry), _small(robot, entry))
    cut = _fingerprint(pieces)
    if entry.parts_done and (entry.cut != cut or robot.name != entry.robot):
        entry = _again(entry)
        pieces = parts(say(entry), _small(robot, entry))
        cut = _fingerprint(pieces)
    return entry if entry.cut == cut else entry.model_copy(update={"cut": cut}), pieces


def _fingerprint(pieces: Sequence[Message]) -> str:
    """The same for the same words cut in the same places, whatever mark they carry; nothing for what is one piece."""
    if len(pieces) == 1:
        return ""
    said = repr([(piece.title, piece.lines, piece.foot) for piece in pieces])
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def _small(robot: Robot, entry: Entry) -> Robot:
    """After a refusal for shape, the plain form of the same robot."""
    return smaller(robot) if entry.compact else robot


def _resumable(entry: Entry, verdict: Verdict, now: datetime) -> Entry:
    """The entry as its next attempt must begin it: after a refusal another robot, or another shape, starts anew."""
    if verdict in (Verdict.RESHAPE, Verdict.REFUSED):
        return _again(entry)
    return _whole(entry, now) if entry.state is EntryState.LATER else entry


def _whole(entry: Entry, now: datetime) -> Entry:
    """Parts are cut from the words of one day: a message whose rest goes on another day goes again whole."""
    return entry if day_of(entry.next_attempt_at) == day_of(now) else _again(entry)


def _again(entry: Entry) -> Entry:
    """Begun anew, because the parts accepted so far no longer fit what follows; marked 补发 if there were any."""
    return entry.model_copy(update={"parts_done": 0, "resent": True}) if entry.parts_done else entry
