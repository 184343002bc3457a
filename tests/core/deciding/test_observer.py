"""What looks again and again says at every moment what a look that remembers nothing would."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date, datetime, timedelta
from random import Random
from typing import Any, ClassVar

import pytest

from bot.core.deciding.decision import ripe
from bot.core.deciding.decisions import decide
from bot.core.deciding.desk import Used
from bot.core.deciding.look import Scene, desk, look
from bot.core.deciding.memory import Tellings
from bot.core.deciding.observer import Observer, orders
from bot.core.deciding.office import Trouble, unconfirmed
from bot.core.deciding.reasons import Reason
from bot.core.facts.events import Closed, Done, Event, Extended, Payload, Returned, Silenced, Withdrawn
from bot.core.facts.facts import Extension, Facts
from bot.core.rules.item import State
from bot.core.telling.digest import compose
from bot.core.telling.entry import hearings_of, past_telling
from bot.core.time.windows import OfficeHours
from tests.kit.builders import a_milestone, a_rulebook, everybody, heard_long_ago, moment
from tests.kit.builders import the_county as county


class Months:
    """A county that lives: people say things, chats are told, tellings are taken back, clocks are set back."""

    def __init__(self, seed: int, heard: bool = True) -> None:
        self.chance = Random(seed)
        self.now = moment("2027-02-01T00:00") + timedelta(days=self.chance.randrange(300))
        self.spent: dict[tuple[str, date], Used] = {}
        self.scene = Scene(
            county(), Facts(all_confirmed=True), heard_long_ago() if heard else Tellings(), everybody(county()), OfficeHours(),
            lambda chat, day: self.spent.get((chat, day), Used()),
        )  # fmt: skip
        self.observer = Observer()

    def say(self) -> None:
        found = self.chance.choice([one for one in look(self.scene, self.now)[0] if one.item.due_on])
        item, due = found.item.id, found.due_on or self.now.date()
        soon = self.now + timedelta(hours=self.chance.randrange(1, 90))
        payload: Payload = self.chance.choice((
            Done(item=item), Closed(item=item, by="办公室"), Returned(item=item, reason="缺件"),
            Extended(item=item, to=due + timedelta(days=9), rule_due=due, reason="等待", by="办公室"),
            Silenced(item=item, until=soon, reason="部署"), Silenced(chat="县教育局", until=soon, reason="部署"),
            *(Withdrawn.model_validate({"what": mark.what, "item": name}) for name, mark in self.scene.facts.marks.items()),
            Withdrawn(what="extended", item=item), Withdrawn(what="silenced", chat="县教育局"),
        ))  # fmt: skip
        at = self.now + timedelta(hours=self.chance.choice((0, 0, 30)))  # a sender's clock may be ahead
        event = Event.of(payload, key=str(self.now), time=at, source="test")
        self.scene = replace(self.scene, facts=self.scene.facts.after(event))

    def tell(self) -> None:
        decisions = ripe(look(self.scene, self.now)[1], self.now)
        for draft in compose(decisions, {d.chat: self.scene.used(d.chat, self.now.date()).singles for d in decisions}):
            before = self.spent.get((draft.chat, self.now.date()), Used())
            spent = Used(before.slots + draft.slot, before.singles + (draft.form == "单发"))
            self.spent[draft.chat, self.now.date()] = spent
            for row in draft.tellings:
                self.scene.memory.add(past_telling(row, "", draft.at))
                for heard in hearings_of(row, draft.at, draft.at):
                    self.scene.memory.hearings.add(heard)

    def take_back(self) -> None:
        every = list(self.scene.memory.since(date(2027, 1, 1)))
        if every:
            self.scene.memory.forget(self.chance.choice(every))

    def something(self) -> None:
        self.chance.choice((self.say, self.tell, self.tell, self.tell, self.take_back, self.trouble, lambda: None))()
        self.now += timedelta(minutes=self.chance.choice((0, 1, 30, 300, 900, 1440, 4000, -700)))
        if self.chance.random() < 0.5:
            self.now = self.slot_or(self.now)

    def slot_or(self, now: datetime) -> datetime:
        """The very instant at which something of the last look changes, where that is near."""
        ahead = [at for one in look(self.scene, now)[1] for at in (one.at, one.until) if at and at > now]
        return min(ahead, default=now) if ahead and min(ahead) < now + timedelta(days=9) else now

    def trouble(self) -> None:
        troubles = (Trouble("机器人:甲", "群机器人不可用", self.now, ("不可用",)),)
        self.scene = replace(self.scene, troubles=self.chance.choice((troubles, ())))


@pytest.mark.parametrize("seed", range(3))
def test_it_says_what_a_look_without_a_memory_says(seed: int) -> None:
    months = Months(seed, heard=seed != 1)
    for _ in range(40):
        assert months.observer.look(months.scene, months.now) == look(months.scene, months.now)
        months.something()


class Watched(Facts):
    """Facts that note which of their fields are read."""

    read: ClassVar[set[str]] = set()

    def __getattribute__(self, name: str) -> Any:
        Watched.read.add(name)
        return super().__getattribute__(name)


def test_weighing_reads_of_the_facts_nothing_but_orders() -> None:
    """So that a decision may be kept when other facts change, and its finding does not."""
    months, names = Months(2), {field.name for field in fields(Facts)}
    for _ in range(30):
        months.something()
    put_off = {
        one.item.id: Extension(one.item.due_on + timedelta(days=9), one.item.due_on, "等待", "办公室", months.now)
        for one in look(months.scene, months.now)[0]
        if one.item.due_on
    }
    leads = {key: unit for key, unit in unconfirmed(county(), Facts())[1].items() if unit}
    for confirmed in ({"all_confirmed": True}, {"all_confirmed": False, "confirmed_leads": leads}):
        facts = Watched(
            **{name: getattr(months.scene.facts, name) for name in names} | {"extensions": put_off} | confirmed
        )
        scene = replace(months.scene, facts=facts)
        findings = look(scene, months.now)[0]
        Watched.read.clear()
        orders(facts)
        watched = names & Watched.read
        Watched.read.clear()
        decide(findings, desk(scene, months.now))
        assert names & Watched.read <= watched


def test_what_is_held_back_and_dates_from_today_dates_from_tomorrow_then() -> None:
    """A closed item whose 恢复 a silence holds back: found by seed 1019 of the simulation."""
    months = Months(0)
    months.now = moment("2027-10-11T10:01")
    months.tell()
    warned = {one.item for one in months.scene.memory.since(date(2027, 1, 1))}
    found = look(months.scene, months.now)[0]
    late = next(one.item.id for one in found if one.state is State.OVERDUE and one.item.id in warned)
    quiet = months.now + timedelta(days=6)
    for number, payload in enumerate((Silenced(item=late, until=quiet, reason="部署"), Closed(item=late, by="办公室"))):
        event = Event.of(payload, key=f"{number}", time=months.now, source="test")
        months.scene = replace(months.scene, facts=months.scene.facts.after(event))
    held = []
    for _ in range(4):
        months.now += timedelta(days=1)
        seen = months.observer.look(months.scene, months.now)
        assert seen == look(months.scene, months.now)
        held += [one.rung.on for one in seen[1] if one.rung is not None and one.rung.label == "恢复"]
    assert len(set(held)) == 4


def test_a_rung_that_found_no_room_on_the_last_day_is_told_when_the_days_digest_is_taken_back() -> None:
    """Before the due date tomorrow's slot is too late: whether it is told at all depends on what the chat has had today."""
    rulebook, now = a_rulebook(a_milestone(due="2027-03-10")), moment("2027-03-10 08:40")
    had = [Used(), Used(slots=1)]
    scene = Scene(
        rulebook,
        Facts(all_confirmed=True),
        heard_long_ago(),
        everybody(rulebook),
        OfficeHours(),
        lambda chat, day: had[-1],
    )
    observer, reasons = Observer(), []
    while had:
        seen = observer.look(scene, now)
        assert seen == look(scene, now)
        reasons += [one.reason for one in seen[1] if (one.finding.item.id, one.chat) == ("T05-M1", "县教育局")]
        now += timedelta(minutes=1)
        had.pop()
    assert reasons == [Reason.TOO_LATE, Reason.FIRST]
