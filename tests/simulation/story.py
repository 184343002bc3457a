"""One seed, one story: weeks of everything that may happen to a service, then calm, then the reckoning."""

from __future__ import annotations

import errno
import hashlib
import tempfile
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

from loguru import logger

from bot.core.facts import events as e
from bot.core.time.zone import ZONE
from tests.simulation import county
from tests.simulation.platforms import MOODS, Address, narrow
from tests.simulation.stage import staged, tidy
from tests.simulation.world import World, clear, staged_machine

DIALECTS = ("wecom", "dingtalk", "feishu")
NARROW = 3  # messages a minute and robot, where much is to be said
IN_MEMORY = Path("/dev/shm")  # where there is one: what reaches the platter is the stage's own business
CALM = timedelta(days=16)  # longer than the longest holiday and the slowest retry
KINDS = ("lean", "lean", "busy", *("lean",) * 5)
DAYS = {"lean": 364, "busy": 91, "real": 35}
BOOKS: dict[str, Callable[[], tuple[Mapping[str, bytes], ...]]] = {
    "lean": county.lean,
    "busy": county.good,
    "real": lambda: (county.real(),),
}
#: How long a platform's mood lasts: a hiccup, an afternoon, over a weekend, or weeks; a robot that is gone stays gone.
MOOD_HOURS = (1, 6, 70, 500)
#: Hours of quiet on average: most things happen in bursts, and in between a week may pass.
PAUSES = {"lean": (0.02, 0.3, 12, 90, 400), "busy": (0.02, 0.3, 3, 12, 30, 90), "real": (0.3, 12, 48)}


#: How long chats are gone from chats.yaml.
GONE_SECONDS = (2, 10, 60, 590, 700, 4000, 90000, 400000)


def kind_of(seed: int) -> str:
    """Most stories are long and quiet, some crowded, a few by the county's own rules."""
    return "real" if seed % 100 == 99 else KINDS[seed % len(KINDS)]


def days_of(seed: int) -> int:
    """How long a story is."""
    return DAYS[kind_of(seed)]


@dataclass
class Result:
    """What a story came to."""

    seed: int
    days: float
    bubbles: int
    again: int
    deaths: int
    passes: int
    digest: str  # of every line told


class Story:
    """The dice decide what happens next; the world lets it happen."""

    def __init__(self, seed: int, world: World, dice: Random) -> None:
        self.seed, self.world, self.dice = seed, world, dice
        self.days = days_of(seed)
        self.addresses: dict[str, list[Address]] = {}
        self.also: dict[str, str] = {}  # who is told in a further chat, too
        self.kind = kind_of(seed)
        self._books = BOOKS[self.kind]()

    # --- the plot --------------------------------------------------------------

    async def play(self) -> None:
        world, dice = self.world, self.dice
        start = world.clock.true()
        chaos = start + timedelta(days=self.days) - CALM
        self.furnish()
        world.start()
        while (now := world.clock.true()) < chaos:
            await world.live(min(chaos, now + timedelta(hours=dice.expovariate(1 / dice.choice(PAUSES[self.kind])))))
            await self.something()
        await self.reckoning(start + timedelta(days=self.days))

    def furnish(self) -> None:
        """Rules, settings and a robot for everybody."""
        self.world.write("config/bot.yaml", "每夜备份: false\n".encode())
        self.world.rules(self._books[0])
        for index, chat in enumerate(county.CHATS):
            self.addresses[chat] = [self.world.wires.add(chat, DIALECTS[index % 3])]
        self.write_chats()

    def write_chats(self, *without: str) -> None:
        """The whole file, or one that lacks some chats."""
        self._save_chats(self._chats_file(without))
        self.world.clock.beat()

    def _chats_file(self, without: Collection[str] = ()) -> list[str]:
        lines = ["群聊:"]
        for chat, robots in self.addresses.items():
            if chat not in without:
                lines.append(f"  {chat}:")
                lines += [f"    - {{方言: {one.dialect}, 地址: '{one.url}'}}" for one in robots]
        also = [f"  {unit}: {chat}" for unit, chat in self.also.items() if not {unit, chat} & set(without)]
        return [*lines, *(["也发:", *also] if also else [])]

    def _save_chats(self, lines: list[str]) -> None:
        self.world.write("config/chats.yaml", "\n".join(lines).encode())
        self.world.audit.chats_saved({line.strip(" :") for line in lines if line.endswith(":")})
        self.world.clock.beat(0.5)

    async def something(self) -> None:
        """One thing happens."""
        acts: list[tuple[int, Callable[[], object]]] = [
            (8, self.mood), (5, self.good_mood), (8, self.event), (2, self.good_edit), (1, self.bad_edit),
            (3, self.cut_on_disk), (3, self.cut_on_wire), (2, self.full_disk), (1, self.sick_disk),
            (2, self.set_clock), (2, self.new_robot), (1, self.second_robot),
            (2, self.lost_chats), (2, self.half_a_file), (1, self.further_chat),
        ]  # fmt: skip
        slow = ("outage", "restart", "restarts", "kill")
        weights = [weight for weight, _ in acts]
        all_acts: list[Callable[[], object] | str] = [*(act for _, act in acts), *slow]
        chosen = self.dice.choices(all_acts, [*weights, 2, 2, 1, 2])[0]
        if isinstance(chosen, str):
            await getattr(self, chosen)()
        else:
            chosen()
        self.world.disk.cut_in = self.world.disk.cut_in if self.world.up() else None

    async def reckoning(self, end: datetime) -> None:
        """Faults stop, people mend what they were told of, time passes; then nothing may be owed."""
        world = self.world
        world.say("一切恢复正常")
        world.wires.heal()
        world.disk.broken, world.disk.cut_in = 0, None
        world.jump(-world.clock.wrong)
        if not world.up():
            await world.begin_again()
        for chat in self.addresses:
            self.addresses[chat] = [self.new_address(chat)]
        self.write_chats()
        await world.live(end.replace(hour=18, minute=30))
        world.check()
        world.audit.nothing_is_owed()
        world.audit.every_letter_was_read(world.posted, world.folder / "state" / "inbox" / "rejected")
        await world.stop()

    # --- people ---------------------------------------------------------------

    def new_address(self, chat: str) -> Address:
        return self.world.wires.add(chat, self.dice.choice(DIALECTS))

    def new_robot(self) -> None:
        """The admin gives a chat a new robot; the old one is gone."""
        chat = self.dice.choice(county.CHATS)
        for old in self.addresses[chat]:
            old.mood = "dead"
        self.addresses[chat] = [self.new_address(chat)]
        self.world.say(f"{chat} 换了机器人")
        self.write_chats()

    def second_robot(self) -> None:
        """A chat gets one more."""
        chat = self.dice.choice(county.CHATS)
        if len(self.addresses[chat]) < 3:
            self.addresses[chat].append(self.new_address(chat))
            self.world.say(f"{chat} 添了一个机器人")
            self.write_chats()

    def lost_chats(self) -> None:
        """Somebody takes chats out of the file and puts them back after a while: seconds, the grace or about it, days."""
        gone, seconds = self.dice.sample(county.CHATS, self.dice.randint(1, 3)), self.dice.choice(GONE_SECONDS)
        ahead = self._until_something_is_said() - self.dice.choice((0, 5, 60, 300))

        def go() -> None:
            self.world.say(f"chats.yaml 里少了{'、'.join(gone)}，{seconds}秒")
            self.write_chats(*gone)
            self.world.clock.later(seconds, self.write_chats)

        self.world.clock.later(max(0.0, ahead), go)

    def _until_something_is_said(self) -> float:
        """Seconds until the next instant in office hours at which the service means to look."""
        app, now = self.world.app, self.world.clock.now()
        turns = app._turns if app is not None else ()  # noqa: SLF001 - the story meets it where it hurts
        ahead = [at for at in turns if at > now and 8 <= at.astimezone(ZONE).hour < 18]
        return (ahead[0] - now).total_seconds() if ahead else 0.0

    def half_a_file(self) -> None:
        """The file is written slowly: for some seconds its end is missing, wherever that is."""
        lines, seconds = self._chats_file(), self.dice.choice((1, 8, 25))
        kept = self.dice.randint(0, len(lines) - 1)
        self.world.say(f"chats.yaml 只存了{kept}行，{seconds}秒")
        self._save_chats(lines[:kept])
        self.world.clock.later(seconds, self.write_chats)

    def further_chat(self) -> None:
        """也发: a unit is told in the chat of another, too, or is not any more."""
        unit, chat = self.dice.sample(county.CHATS, 2)
        if self.also.pop(unit, None) is None:
            self.also[unit] = chat
        self.world.say(f"也发 {self.also}")
        self.write_chats()

    def good_edit(self) -> None:
        self.world.say("改规则")
        self.world.rules(self.dice.choice(self._books))

    def bad_edit(self) -> None:
        if self.kind == "busy":
            self.world.say("改坏规则")
            self.world.rules(self.dice.choice(county.bad()))

    def event(self) -> None:
        """Somebody says what happened to an item not far from its date."""
        app = self.world.app
        if app is None or not app.findings:
            return
        today = self.world.clock.now().date()
        near = sorted(
            item for item, found in app.findings.items()
            if found.due_on and abs((found.due_on - today).days) < 45 and not item.startswith(("系统:", "交办:"))
        )  # fmt: skip
        slip = self._withdrawal() if self.dice.random() < 0.15 else None
        payload = slip or (self._payload(self.dice.choice(near), today) if near else None)
        if payload is not None:
            now = self.world.clock.now()
            key = f"story-{self.seed}-{self.world.audit.bubbles}-{now:%m%d%H%M%S%f}"
            self.world.say(f"{payload.type} {payload.model_dump(mode='json', exclude_defaults=True)}")
            self.world.letter(e.Event.of(payload, key=key, time=now, source="duban/story").model_dump_json())

    def _payload(self, item: str, today: date) -> e.Payload:
        assert self.world.app is not None
        due = self.world.app.findings[item].item.due_on or today
        soon = datetime.combine(today + timedelta(days=self.dice.randint(1, 6)), datetime.min.time(), ZONE)
        year = str(today.year)
        return self.dice.choice((
            e.Done(item=item), e.Closed(item=item, by="办公室"), e.Returned(item=item, reason="缺材料"),
            e.Returned(item=item, reason="缺附件"),
            e.Extended(item=item, to=due + timedelta(days=self.dice.randint(3, 20)), rule_due=due, reason="等待", by="办"),
            e.Silenced(item=item, until=soon, reason="部署"),
            e.Silenced(chat=self.dice.choice(county.CHATS), until=soon, reason="部署"),
            e.Observed(indicator="I4", period=year, value=Decimal(self.dice.randint(90, 99))),
        ))  # fmt: skip

    def _withdrawal(self) -> e.Payload | None:
        """Something that was entered was a mistake."""
        assert self.world.app is not None
        facts = self.world.app.store.facts
        entered: list[e.Payload] = [
            *(e.Withdrawn(what="observed", indicator=figure, period=period) for figure, period in facts.observations),
            *(e.Withdrawn.model_validate({"what": mark.what, "item": item}) for item, mark in facts.marks.items()),
            *(e.Withdrawn(what="extended", item=item) for item in facts.extensions),
        ]
        return self.dice.choice(entered) if entered else None

    # --- platforms -------------------------------------------------------------

    def mood(self) -> None:
        """A platform behaves badly to one chat, or to all."""
        mood, hours = self.dice.choice(MOODS[1:]), self.dice.choice(MOOD_HOURS)
        whom = [self.dice.choice(county.CHATS)] if self.dice.random() < 0.8 else list(county.CHATS)
        struck = [address for chat in whom for address in self.addresses[chat]]
        for address in struck:
            address.mood = mood
        self.world.say(f"平台 {mood}：{'、'.join(whom)}，{hours}小时")
        self.world.clock.later(hours * 3600.0, lambda: _over(struck, mood))

    def good_mood(self) -> None:
        for robots in self.addresses.values():
            for address in robots:
                if address.mood != "dead" and self.dice.random() < 0.7:
                    address.mood = "well"
        self.world.say("平台好转")

    # --- the machine -------------------------------------------------------------

    def cut_on_disk(self) -> None:
        self.world.disk.cut_in = self.dice.randint(0, 30)
        self.world.say(f"第{self.world.disk.cut_in}次写盘时将断电")

    def cut_on_wire(self) -> None:
        self.world.wires.cut_in = self.dice.randint(0, 4)
        self.world.say(f"第{self.world.wires.cut_in}次发送时将断电")

    def full_disk(self) -> None:
        self._broken_for(errno.ENOSPC, "磁盘满", self.dice.choice((60, 600, 4000)))

    def sick_disk(self) -> None:
        self._broken_for(errno.EIO, "磁盘坏", self.dice.choice((1, 30)))

    def _broken_for(self, code: int, text: str, seconds: float) -> None:
        disk = self.world.disk
        if not self.world.up():
            return
        self.world.say(f"{text}，{seconds}秒")
        disk.broken = code
        self.world.clock.later(seconds, lambda: setattr(disk, "broken", 0))

    def set_clock(self) -> None:
        """Forwards or back, by seconds or days; or right again."""
        wrong = self.world.clock.wrong
        if wrong and self.dice.random() < 0.6:
            self.world.jump(-wrong)
            return
        seconds = self.dice.choice((1, 40, 600, 3600, 30000, 86400, 260000))
        self.world.jump(timedelta(seconds=seconds * self.dice.choice((1, -1))))

    async def outage(self) -> None:
        """The machine is off, for days perhaps."""
        hours = self.dice.choice((1, 6, 30, 100, 240))
        self.world.say(f"停机{hours}小时")
        if self.world.up():
            await self.world.bury(power=self.dice.random() < 0.5)
        await self.world.live(self.world.clock.true() + timedelta(hours=hours))
        await self.world.begin_again()

    async def kill(self) -> None:
        """The process is killed, and brought up again at once."""
        self.world.say("强行结束")
        if self.world.up():
            await self.world.bury(power=False)
        await self.world.begin_again()

    async def restart(self) -> None:
        self.world.say("重启")
        if self.world.up():
            await self.world.stop()
        await self.world.begin_again()

    async def restarts(self) -> None:
        """Many in an hour."""
        for _ in range(self.dice.randint(3, 8)):
            await self.restart()
            await self.world.live(self.world.clock.true() + timedelta(minutes=self.dice.randint(0, 9)))


def _over(struck: Iterable[Address], mood: str) -> None:
    """A mood passes by itself, unless it has changed since; a robot that is gone stays gone."""
    for address in struck:
        if address.mood == mood != "dead":
            address.mood = "well"


def live(seed: int, say: Callable[[str], object] = lambda text: None) -> Result:
    """Lives through one seed. Raises Violation."""
    whole = hashlib.sha256()
    folder = Path(tempfile.mkdtemp(prefix="duban-simulation-", dir=IN_MEMORY if IN_MEMORY.is_dir() else None))
    worlds: list[World] = []

    def hear(text: str) -> None:
        whole.update(text.encode())
        say(text)

    async def main() -> None:
        dice = Random(seed)
        start = datetime(2027, 1, 4, 7, 50, tzinfo=ZONE) + timedelta(days=dice.randint(0, 300))
        worlds.append(World(folder, start, dice, hear))
        await Story(seed, worlds[-1], dice).play()

    logger.disable("bot")
    try:
        pace = narrow(NARROW) if kind_of(seed) == "busy" else nullcontext()
        with tidy(), pace, staged_machine(lambda: worlds[-1]):
            staged(main)
    finally:
        logger.enable("bot")
        clear(folder)
    world = worlds[-1]
    return Result(
        seed,
        days_of(seed),
        world.audit.bubbles,
        world.audit.again,
        world.deaths,
        world.clock.passes,
        whole.hexdigest()[:16],
    )
