"""Plays a script against the real service, without sockets and in virtual time, and keeps what every chat sees.

The only file of the year that knows the bot; what it gives back is plain data.
"""

from __future__ import annotations

import html
import json
import re
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from time import process_time
from typing import Any
from unittest import mock

from loguru import logger

from bot.core.deciding.office import unconfirmed
from bot.core.facts.case_steps import Leg
from bot.core.facts.events import Confirmed, Event, Payload
from bot.core.facts.facts import Facts
from bot.core.rules.item import State
from bot.core.telling.entry import EntryState
from bot.core.time.zone import ZONE
from bot.drill.rendering import rendered
from bot.drill.twin import Bubble
from bot.service import hourly_audit
from tests.simulation import world as worlds
from tests.simulation.audit import Audit, number_of
from tests.simulation.platforms import Address
from tests.simulation.stage import staged, tidy
from tests.simulation.story import IN_MEMORY
from tests.simulation.world import World, clear, staged_machine
from tests.year.record import Act, Said, Script, Year, joined

DAY = timedelta(days=1)
SOURCE = "duban/cli"
SETTINGS = "每夜备份: false\n"  # here goes `生效方式: 存盘即生效` once there is such a setting
BLOCK = re.compile(r"</?(?:p|h3|li|div|blockquote|ul|ol)[^>]*>|<hr>|\n")
TAG = re.compile(r"<[^>]+>")
PART = re.compile(r"（(\d+)/(\d+)）$")
FOOT = ("依据：", "联系：", "编号 ")


class Ear(Audit):
    """Hears everything and judges nothing: that is the judge's."""

    def __init__(self, town: Town) -> None:
        super().__init__(town.clock)
        self._town = town

    def see(self, bubble: Bubble) -> None:
        self._town.bubbles.append(said(bubble))

    def written(self, chat: str, shown: Any) -> None:
        """What is on its way has not been heard yet."""

    def refused(self, chat: str, shown: Any) -> None:
        """Nor is what was refused."""

    def found_at_the_start(self, store: Any) -> None:
        """What a start finds is the service's own affair."""

    def settled(self, entry: Any, outcome: Any) -> None:
        """Outcomes are, too."""

    def heart(self, doubts: Any) -> None:
        """So is its heartbeat."""


def said(bubble: Bubble) -> Said:
    """A bubble as its readers see it: title, lines, small print."""
    texts = [html.unescape(TAG.sub("", piece)).strip() for piece in BLOCK.split(rendered(bubble))]
    title, *lines = [text for text in texts if text]
    foot = next((i for i in range(len(lines) - 1, -1, -1) if not lines[i].startswith(FOOT)), -1) + 1
    return Said(
        f"{bubble.at:%Y-%m-%dT%H:%M:%S}",
        bubble.chat,
        number_of(bubble),
        title,
        tuple(lines[:foot]),
        tuple(lines[foot:]),
    )


class Town(World):
    """The service with the county around it."""

    def __init__(self, folder: Path, script: Script) -> None:
        start = datetime.fromisoformat(script.start).replace(tzinfo=ZONE)
        super().__init__(folder, start, Random(0), lambda text: None)
        self.script, self.bubbles, self.robots = script, list[Said](), dict[str, Address]()
        self.promises, self.counted = Counter[str](), set[str]()
        self.audit = Ear(self)
        self.wires.on_bubble = self.audit.see
        self.wires.on_written, self.wires.on_refused = self.audit.written, self.audit.refused
        self.wires.on_slip = self.audit.stop
        self.audit.on_failure = self._end

    async def play(self) -> None:
        """The whole script, then the end."""
        self.write("config/bot.yaml", SETTINGS.encode())
        self.rules({name: text.encode() for name, text in self.script.files.items()})
        first, *rest = self.script.acts
        self.do(first)
        self.start()
        for act in rest:
            await self.live(datetime.fromisoformat(act.at).replace(tzinfo=ZONE))
            self.count()
            self.do(act)
        await self.live(datetime.fromisoformat(self.script.end).replace(tzinfo=ZONE))

    def check(self) -> None:
        """Whether the service is sound is the simulation's question; here it only must not have broken down."""
        self._must_be_sound()

    def do(self, act: Act) -> None:
        """One act of the script."""
        getattr(self, f"do_{act.do}")(act.what)

    def do_letter(self, what: Mapping[str, Any]) -> None:
        """An event as another program would write it."""
        self._post(what["type"], what["data"])

    def do_confirm(self, what: Mapping[str, Any]) -> None:
        """`duban confirm`: everything but what belongs to the tasks named, or only the tasks and items named."""
        assert self.app is not None
        rules, leads = unconfirmed(self.app.rulebook, self.app.store.facts)
        named, all_but = {*what["tasks"], *what.get("items", ())}, what.get("all_but", False)

        def wanted(name: str) -> bool:
            parts = (name, name.partition(":")[0], name.partition("-")[0])
            return bool(named.intersection(parts)) is not all_but

        self._post_payload(
            Confirmed(
                rules={rule.id: rule.fingerprint for rule in rules if wanted(rule.id)},
                leads={key: unit for key, unit in leads.items() if unit and wanted(key)},
                by="督查室",
            )
        )

    def do_step(self, what: Mapping[str, Any]) -> None:
        """`duban case step`: whatever step the case has come to is done."""
        assert self.app is not None
        whole = f"{what['rule']}@{what['case']}"
        steps = [f.item for f in self.app.findings.values() if f.item.data and f.state is not State.CLOSED]
        for step in (item.id for item in steps if isinstance(item.data, Leg) and item.data.case.id == whole):
            self._post("duban.case_advanced", {"item": step, "on": what["on"], "by": "县教育局"})

    def do_files(self, what: Mapping[str, Any]) -> None:
        """Rule files are saved."""
        self.rules({name: text.encode() for name, text in what["files"].items()})

    def do_chats(self, what: Mapping[str, Any]) -> None:
        """chats.yaml is saved: for every chat its robot, or the name of the chat that it shares."""
        lines = ["群聊:"]
        for chat, robot in what["chats"].items():
            if robot in what["chats"]:
                lines.append(f"  {chat}: {robot}")
            else:
                address = self.robots.get(robot) or self.wires.add(chat, "wecom")
                self.robots[robot] = address
                lines += [f"  {chat}:", f"    - {{方言: wecom, 地址: '{address.url}'}}"]
        self.write("config/chats.yaml", "\n".join(lines).encode())
        self.clock.beat()

    def do_mood(self, what: Mapping[str, Any]) -> None:
        """A robot breaks, or works again."""
        self.robots[what["robot"]].mood = what["mood"]

    def _post_payload(self, payload: Payload) -> None:
        self._post(payload.type, payload.model_dump(mode="json"))

    def _post(self, kind: str, data: Mapping[str, Any]) -> None:
        event = Event(id=f"year-{len(self.posted)}", source=SOURCE, type=kind, time=self.clock.now(), data=dict(data))
        self.letter(event.model_dump_json())

    def count(self) -> None:
        """Notes what was promised and taken back; a month later it is archived."""
        assert self.app is not None
        for entry in self.app.store.entries.values():
            if entry.state is EntryState.CANCELLED and entry.number not in self.counted:
                self.counted.add(entry.number)
                self.promises.update(f"{t.item} {t.addressee} {t.rung} {t.state}" for t in entry.tellings)

    def refusals(self) -> tuple[str, ...]:
        """The letters that were set aside."""
        aside = sorted((self.state / "inbox" / "rejected").glob("*.json"))
        letters = (json.loads(path.read_text("utf-8")) for path in aside)
        return tuple(f"{letter['time'][:16]} {letter['type']} {letter['data']}" for letter in letters)


def played(script: Script) -> Year:
    """The year of a script."""
    folder = Path(tempfile.mkdtemp(prefix="duban-year-", dir=IN_MEMORY if IN_MEMORY.is_dir() else None))
    towns: list[Town] = []

    async def main() -> None:
        towns.append(Town(folder, script))
        await towns[-1].play()
        await towns[-1].stop()

    began = process_time()
    logger.disable("bot")
    try:
        with tidy(), staged_machine(lambda: towns[-1]), _year():
            staged(main)
            refused = towns[-1].refusals()
    finally:
        logger.enable("bot")
        clear(folder)
    town = towns[-1]
    town.count()
    promises = {what: times for what, times in town.promises.items() if times > 1}
    return Year(script, joined(town.bubbles), refused, promises, round(process_time() - began, 1))


@contextmanager
def _year() -> Iterator[None]:
    """Nothing is confirmed at the beginning; the journal is packed as seldom as a real one, and audits are once a day."""
    with ExitStack() as patches:
        for module, name, value in (
            (worlds, "BASE", Facts()),
            (worlds, "COMPACT", 4 << 20),
            (hourly_audit, "HOUR", DAY),
        ):
            patches.enter_context(mock.patch.object(module, name, value))
        yield
