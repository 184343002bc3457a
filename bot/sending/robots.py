"""Which robot of a chat may speak now: rotation, a stored sliding window of send instants, rest, and broken ones.

Platforms count over a rolling minute on their side, so only a stored history keeps the limit across a restart. Where a
robot must wait, the answer is the instant at which it may speak; nothing sleeps here.

The minute is one of elapsed time. Within a process it is measured by a clock that nobody sets (`ticks`, time.monotonic): a
wall clock that jumps loses no send and makes no robot wait longer than a minute. Across a restart only the wall clock is
left: a send stored with a time still to come counts as made at the start, so the wait may be too long and never too short.
A clock that was put forward between the last send and the restart is believed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.core.deciding.office import Trouble
from bot.core.telling.outcome import Outcome, Scope, Verdict
from bot.core.time.zone import ZONE
from bot.platforms import Robot, platform
from bot.sending.chats import address_of, setup_of
from bot.state.robot_state import RobotState
from bot.state.store import Store

WINDOW = timedelta(seconds=60)
SECOND = timedelta(seconds=1)
LONGEST_REST = timedelta(hours=1)  # the longest that a platform's answer may ask for
PROBE = timedelta(hours=20)  # so that a robot broken in one morning is tried again in the next day's slot


@dataclass(frozen=True, slots=True)
class Wait:
    """No robot may speak before `until`; None means not before a person mends one."""

    until: datetime | None
    why: str


class Robots:
    """The robots of every chat and what the store remembers about them."""

    def __init__(
        self,
        robots: Mapping[str, Sequence[Robot]],
        store: Store,
        ticks: Callable[[], float] | None = None,
        now: datetime | None = None,
    ) -> None:
        """`ticks` are seconds that only go forward, `now` what the wall clock says at the start.

        Without them the business clock is taken for one that nobody sets, as a story's is.
        """
        self.by_chat = robots
        self._store = store
        self._ticks = ticks
        self._sends: dict[str, list[float]] = {}  # ticks by address, oldest first: what may lie within the window
        if now is not None:
            self._sends = {one.address: _aged(one.sends, now, self._tick(now)) for one in store.robots.values()}

    def note_setups(self, by_chat: Mapping[str, Sequence[Robot]] | None = None) -> list[str]:
        """Takes note of new set-ups: a broken robot with a new one is sound again. Returns the chats that were mended.

        What the platform counts belongs to the address, so it moves along when a robot only changes its place in the list.
        """
        mended = []
        before = dict(self._store.robots)
        with self._store.work():
            for chat, robots in (self.by_chat if by_chat is None else by_chat).items():
                for robot in robots:
                    state = _met(robot, before)
                    if state != before.get(robot.name):
                        self._store.put_robot(state)
                        if not state.broken:
                            mended.append(chat)
        return mended

    def choose(self, chat: str, now: datetime, going_on: str = "") -> Robot | Wait:
        """The sound robot of this chat that spoke least lately and has room, or when there will be one.

        A message begun by the robot `going_on` is finished by it as long as it is sound: parts are cut for one robot.
        """
        sound = [robot for robot in self.by_chat.get(chat, ()) if self._may_speak(robot, now)]
        if not sound:
            return Wait(None, "没有可用的群机器人")
        sound = [robot for robot in sound if robot.name == going_on] or sound
        tick = self._tick(now)
        free = [(*self._free_at(robot, now, tick), index) for index, robot in enumerate(sound)]
        at, _, index = min(free)
        return sound[index] if at <= now else Wait(at, "达到平台限速，排队中")

    def others(self, chat: str, name: str) -> list[RobotState]:
        """The sound robots of a chat besides the named one, whether they must rest or not."""
        found = (self._state(robot) for robot in self.by_chat.get(chat, ()) if robot.name != name)
        return [state for state in found if not state.broken]

    def rest(self, robot: Robot, until: datetime) -> None:
        """Keeps a robot that just failed from being chosen while another may speak. Inside a unit of work."""
        state = self._state(robot)
        self._store.put_robot(state.model_copy(update={"blocked_until": max(until, state.blocked_until or until)}))

    def stamp(self, robot: Robot, now: datetime) -> None:
        """Remembers that this robot speaks now; called inside the unit of work that precedes the network."""
        tick, state = self._tick(now), self._state(robot)
        sends = [*self._recent(robot, now, tick), tick]
        self._sends[state.address] = sends
        stored = tuple(now - timedelta(seconds=tick - send) for send in sends)  # as the wall clock counts today
        self._store.put_robot(state.model_copy(update={"sends": stored}))

    def move_rests(self, step: timedelta) -> None:
        """The wall clock was set by `step`: rests end after the same elapsed time as before. Inside a unit of work."""
        for name in list(self._store.robots.ailing):
            state = self._store.robots[name]
            if state.blocked_until:
                self._store.put_robot(state.model_copy(update={"blocked_until": state.blocked_until + step}))

    def cut_rests(self, now: datetime) -> None:
        """After a restart, when the wall clock may have been set: no rest is longer than the longest of its kind."""
        for name in list(self._store.robots.ailing):
            state = self._store.robots[name]
            longest = now + (PROBE if state.broken else LONGEST_REST)
            if state.blocked_until and state.blocked_until > longest:
                self._store.put_robot(state.model_copy(update={"blocked_until": longest}))

    def to_probe(self, now: datetime) -> list[str]:
        """Chats all of whose robots are broken, one of them for so long that it may be tried again."""
        if not self._store.robots.ailing:
            return []
        return [
            chat
            for chat, robots in self.by_chat.items()
            if all(self._state(robot).broken for robot in robots)
            and any(self._may_speak(robot, now) for robot in robots)
        ]

    def learn(self, robot: Robot, outcome: Outcome, now: datetime) -> bool:
        """Rest or broken, as the outcome says; a platform-wide wait rests every robot of that dialect.

        Returns whether a robot known as broken has just proved that it works again.
        """
        state = self._state(robot)
        if outcome.verdict is Verdict.REFUSED:
            why = outcome.remedy or outcome.text or outcome.code
            since = state.broken_since or now
            broken = {"broken": why, "broken_since": since, "blocked_until": now + PROBE}
            self._store.put_robot(state.model_copy(update=broken))
        elif outcome.verdict is Verdict.DELIVERED and state.broken:
            sound = {"broken": "", "broken_since": None, "blocked_until": None}
            self._store.put_robot(state.model_copy(update=sound))
            return True
        elif outcome.verdict is Verdict.LATER and outcome.wait_seconds and not outcome.counts:
            until = now + timedelta(seconds=outcome.wait_seconds)
            for one in self._struck(robot, outcome.scope):
                state = self._state(one)
                rest = max(until, state.blocked_until or until)
                self._store.put_robot(state.model_copy(update={"blocked_until": rest}))
        return False

    def next_instant(self, now: datetime) -> datetime | None:
        """The earliest end of a rest after `now`."""
        rests = (self._store.robots[name].blocked_until for name in self._store.robots.ailing)
        return min((rest for rest in rests if rest and rest > now), default=None)

    def troubles(self) -> list[Trouble]:
        """What the admin hears daily while it lasts: one line per broken robot that is still configured."""
        found = []
        for robots in self.by_chat.values() if self._store.robots.ailing else ():
            for robot in robots:
                state = self._state(robot)
                if state.broken and state.broken_since:
                    since = state.broken_since.astimezone(ZONE)
                    line = f"群机器人{robot.name}自{since.month}月{since.day}日起不可用：{state.broken}。消息已留存，修好后补发。"
                    found.append(Trouble(f"机器人:{robot.name}", "群机器人不可用", since, (line,)))
        return found

    def _struck(self, robot: Robot, scope: Scope) -> list[Robot]:
        if scope is Scope.ROBOT:
            return [robot]
        return [one for robots in self.by_chat.values() for one in robots if one.dialect == robot.dialect]

    def _may_speak(self, robot: Robot, now: datetime) -> bool:
        """Whether it is sound, or has been broken for so long that one message may try it."""
        state = self._state(robot)
        return not state.broken or state.blocked_until is None or state.blocked_until <= now

    def _state(self, robot: Robot) -> RobotState:
        return self._store.robots.get(robot.name) or _met(robot, {})

    def _tick(self, now: datetime) -> float:
        """Seconds of elapsed time, from no matter when."""
        return self._ticks() if self._ticks else now.timestamp()

    def _recent(self, robot: Robot, now: datetime, tick: float) -> list[float]:
        """Ticks of the sends of the last minute, oldest first. Of those before this process only the stored time tells how long ago."""
        state = self._state(robot)
        sends = self._sends.get(state.address)
        if sends is None:
            sends = self._sends[state.address] = _aged(state.sends, now, tick)
        return [send for send in sends if tick - send < WINDOW.total_seconds()]

    def _free_at(self, robot: Robot, now: datetime, tick: float) -> tuple[datetime, int]:
        """When this robot may speak next: after its rest, inside the minute's budget and the second's; sends of the minute."""
        state, limits = self._state(robot), platform(robot.dialect).limits
        recent = self._recent(robot, now, tick)
        free = max(now, state.blocked_until or now)
        for budget, window in ((limits.our_per_minute, WINDOW), (limits.our_per_second, SECOND)):
            if budget and len(recent) >= budget:
                left = window.total_seconds() - (tick - recent[-budget])
                free = max(free, now + timedelta(seconds=left))
        return free, len(recent)


def _aged(sends: Iterable[datetime], now: datetime, tick: float) -> list[float]:
    """Ticks of what was stored; what lies ahead of `now` was sent just now, for all we know."""
    return sorted(tick - max(0.0, (now - at).total_seconds()) for at in sends)


def _met(robot: Robot, known: Mapping[str, RobotState]) -> RobotState:
    """What is remembered about a robot as configured now, going by what was known under any name."""
    address, setup = address_of(robot), setup_of(robot)
    own = known.get(robot.name)
    if own is not None and own.setup == setup:
        return own
    past = next((state for state in known.values() if state.address == address), None)
    if past is None:
        return RobotState(name=robot.name, address=address, setup=setup)
    mended: dict[str, object] = {}
    if past.setup != setup:
        mended = {"broken": "", "broken_since": None, "blocked_until": None if past.broken else past.blocked_until}
    return past.model_copy(update={"name": robot.name, "setup": setup, **mended})
