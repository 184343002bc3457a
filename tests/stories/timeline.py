"""Stories: the real engine over an in-memory memory and a hand-wound clock, told as timelines.

story = Timeline(a_rulebook(a_milestone()), start="2027-06-01")
story.at("2027-07-05 18:00").expect("县教育局 汇总 T05-M1 提前180天 FIRST")

`at` lets time pass as the service would: it looks at every instant at which something may change. `off_until` is a
machine that is switched off.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from bot.core.deciding.addressees import Directory
from bot.core.deciding.decision import Decision, as_of, ripe, turns
from bot.core.deciding.desk import Used
from bot.core.deciding.findings import Finding, asked_anew, redated
from bot.core.deciding.hearing import AskedAnew, Hearings
from bot.core.deciding.look import Scene, look
from bot.core.deciding.memory import Tellings
from bot.core.facts.events import Payload
from bot.core.facts.facts import Facts
from bot.core.rules.rulebook import Rulebook
from bot.core.telling.digest import Draft, compose
from bot.core.telling.entry import Telling, hearings_of, past_telling
from bot.core.telling.message import Message
from bot.core.telling.outbox import promised
from bot.core.telling.wording import Letterhead, Words, word
from bot.core.time.windows import OfficeHours
from bot.core.time.zone import ZONE, midnight
from tests.kit.builders import an_event, everybody, moment


@dataclass(frozen=True)
class Sent:
    """One message that left: when, to which chat, what it held."""

    draft: Draft
    message: Message

    @property
    def at(self) -> datetime:
        return self.draft.at

    @property
    def text(self) -> str:
        lines = (line.text for line in (*self.message.lines, *self.message.foot))
        return "\n".join((self.message.headline, *lines))

    def lines(self) -> list[str]:
        """县教育局 单发 T05-M1 提前1个工作日 FIRST, one per row."""
        return [f"{self.draft.chat} {row.form} {row.item} {row.rung} {row.reason}" for row in self.draft.tellings]


@dataclass(frozen=True)
class Passed:
    """What was sent since the last look."""

    sent: tuple[Sent, ...]

    @property
    def rows(self) -> list[Telling]:
        return [row for one in self.sent for row in one.draft.tellings]

    @property
    def text(self) -> str:
        return "\n\n".join(one.text for one in self.sent)

    def expect(self, *lines: str) -> Passed:
        """Exactly these lines were told, 交办 and the admin's own lists aside, in any order."""
        told_lines = [line for one in self.sent for line in one.lines() if not _is_office(line)]
        assert sorted(told_lines) == sorted(lines), "\n".join(["told:", *told_lines])
        return self

    def expect_nothing(self) -> Passed:
        """Nobody heard anything but 交办 and the admin's own lists."""
        return self.expect()


def _is_office(line: str) -> bool:
    return any(f" {mark}:" in line for mark in ("交办", "系统"))


@dataclass
class Timeline:
    """A rulebook living through time. Everybody has a chat unless `directory` says otherwise."""

    rulebook: Rulebook
    start: str = "2026-11-23"
    facts: Facts = field(default_factory=Facts)
    directory: Directory | None = None
    hours: OfficeHours = field(default_factory=OfficeHours)
    head: Letterhead = field(default_factory=Letterhead)
    unheard: bool = False  # nobody has heard of anything; else everybody has, long ago

    def __post_init__(self) -> None:
        self.now = moment(self.start)
        self.tellings = Tellings(hearings=Hearings(always=None if self.unheard else moment("2020-01-01")))
        self.sent: list[Sent] = []
        self._used: dict[tuple[str, date], Used] = {}
        self._seen = 0
        self._decisions: list[Decision] = []

    @property
    def scene(self) -> Scene:
        """What the engine decides from right now."""
        directory = self.directory or everybody(self.rulebook)
        return Scene(self.rulebook, self.facts, self.tellings, directory, self.hours, self.used)

    def used(self, chat: str, day: date) -> Used:
        return self._used.get((chat, day), Used())

    # --- time ---------------------------------------------------------------

    def at(self, text: str) -> Passed:
        """Lets the service run until that moment, and returns what it said since the last `at`."""
        end = moment(text)
        assert end >= self.now, "time only goes forward"
        while True:
            self.pass_once()
            tomorrow = midnight(self.now.date() + timedelta(days=1))
            following = min([one for one in turns(self._decisions) if one > self.now] + [tomorrow])
            if following > end:
                self.now = end
                self.pass_once()
                return self._since()
            self.now = following

    def off_until(self, text: str) -> None:
        """The machine is off: nobody looks."""
        self.now = moment(text)

    def pass_once(self) -> None:
        """Looks, decides, says; until nothing more is to be said at this moment."""
        for _ in range(50):
            findings, self._decisions = look(self.scene, self.now)
            chats = {decision.chat for decision in self._decisions}
            singles = {chat: self.used(chat, self.now.date()).singles for chat in chats}
            drafts = compose(ripe(self._decisions, self.now), singles)
            for draft in drafts:
                self.say(draft, {finding.item.id: finding for finding in findings})
            if not drafts:
                return
        raise AssertionError("never comes to rest")

    def say(self, draft: Draft, findings: dict[str, Finding]) -> None:
        key = (draft.chat, draft.at.astimezone(ZONE).date())
        used = self._used.get(key, Used())
        self._used[key] = Used(used.slots + draft.slot, used.singles + (draft.form == "单发"))
        number = f"{draft.at.year}-{len(self.sent) + 1:04d}"
        for row in draft.tellings:
            self.tellings.add(past_telling(row, number, draft.at))
            for heard in hearings_of(row, draft.at, draft.at):
                self.tellings.hearings.add(heard)
        entry = promised(draft, number)
        words = Words(self.rulebook, findings, self.now.astimezone(ZONE).date(), self.head)
        self.sent.append(Sent(draft, word(entry, words)))

    def _since(self) -> Passed:
        passed = Passed(tuple(self.sent[self._seen :]))
        self._seen = len(self.sent)
        return passed

    # --- what happens ---------------------------------------------------------

    def happens(self, payload: Payload) -> None:
        """An event arrives now."""
        self.facts = self.facts.after(an_event(payload, self.now))

    def edited(self, rulebook: Rulebook) -> None:
        """The rule files are edited now, and the record of hearing follows as in the service."""
        before, hearings, names = self.rulebook, self.tellings.hearings, rulebook.succession
        known = {names.renumbered(rule.id) for rule in before.rules}
        hearings.begin({rule.id: self.now for rule in rulebook.rules if rule.id not in known})
        anew = asked_anew(before, rulebook, self.facts, self.now.date())
        hearings.ask_anew({item: AskedAnew(self.now, new) for item, new in anew.items()})
        hearings.redate(dict.fromkeys(redated(before, rulebook, self.now.date()), self.now))
        self.rulebook = rulebook

    # --- questions --------------------------------------------------------------

    def decisions(self, item: str) -> list[Decision]:
        """What the engine says about an item right now, one per addressee."""
        found = look(self.scene, self.now)[1]
        return [as_of(decision, self.now) for decision in found if decision.finding.item.id == item]

    def reasons(self, item: str) -> dict[str, str]:
        """Addressee → reason, right now."""
        return {decision.addressee.key: decision.reason.name for decision in self.decisions(item)}

    def state(self, item: str) -> str:
        """How an item stands right now."""
        return next(f.state.value for f in look(self.scene, self.now)[0] if f.item.id == item)

    def as_confirmed(self) -> Timeline:
        """The same story with every proposal taken as confirmed."""
        self.facts = replace(self.facts, all_confirmed=True)
        return self
