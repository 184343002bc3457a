"""Rehearsal: what every addressee is told on one day if everything before it was told on time.

A state without past tellings sends its whole backlog on the first day, and only new tellings from the next day on. So a
rehearsal begins on the last sending day before the day in question, or before the first event if that is earlier. From
there it runs `preview_of`, interrupted at every event.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from itertools import groupby

from bot.core.deciding.addressees import ADMIN, LEADING_GROUP, SUPERVISOR, Directory
from bot.core.deciding.desk import Used
from bot.core.deciding.findings import Finding, kin
from bot.core.deciding.hearing import Hearings
from bot.core.deciding.look import Scene
from bot.core.deciding.memory import Tellings
from bot.core.facts.events import Event, Extended
from bot.core.facts.facts import Facts, fold
from bot.core.preview.preview import preview_of
from bot.core.rules.item_ids import may_be_of
from bot.core.rules.rulebook import Delivery, Rulebook
from bot.core.telling.digest import Draft
from bot.core.telling.entry import Telling, hearings_of, past_telling
from bot.core.telling.outbox import promised
from bot.core.telling.wording import Letterhead, Words, word
from bot.core.time.windows import OfficeHours
from bot.core.time.zone import ZONE, day_of, midnight

#: When events happen of which only the day is known: after everything sent on that day, so they show on the next sending day.
AFTER_HOURS = time(23, 59)
#: Occasions less than this apart are played in one run: to continue is cheaper than to begin again.
NEAR = timedelta(days=120)


@dataclass(frozen=True)
class Occasion:
    """A day, the events before it (in order of time), and whether proposals count as confirmed.

    `items` are the items or rules in question; text about others may then be left out. Empty means whole messages.
    """

    today: date
    known: tuple[Event, ...] = ()
    confirmed: bool = True
    items: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class WordedTelling:
    """One telling, and the text of its message reduced to this item."""

    telling: Telling
    text: str


@dataclass(frozen=True, slots=True)
class WordedMessage:
    """One message of a day: its addressee (`unit`), its text, and its tellings with the text about each item."""

    on: date
    unit: str
    text: str
    about: tuple[WordedTelling, ...]


def happening(day: date) -> datetime:
    """The instant assumed for an event of which only the day is known."""
    return datetime.combine(day, AFTER_HOURS, ZONE)


def audience(rulebook: Rulebook) -> tuple[str, ...]:
    """All possible addressees: units, standing groups, their 分管领导, the leading group, the admin."""
    leaders = (f"{unit}·{SUPERVISOR}" for unit in rulebook.addressable)
    return (*rulebook.addressable, *leaders, LEADING_GROUP, ADMIN)


def rehearse(rulebook: Rulebook, occasions: Sequence[Occasion]) -> list[tuple[WordedMessage, ...]]:
    """The messages of each occasion, in their order; occasions with equal pasts share one run."""
    found: dict[int, tuple[WordedMessage, ...]] = {}
    for group in _alike(occasions):
        said = _said(rulebook, [occasions[index] for index in group])
        found.update((index, tuple(one for one in said if one.on == occasions[index].today)) for index in group)
    return [found[index] for index in range(len(occasions))]


def _said(rulebook: Rulebook, group: Sequence[Occasion]) -> list[WordedMessage]:
    """The messages on the days of occasions with one past.

    For speed, only the rules in question are played. In a digest, the text about an item does not depend on other rules. With
    singles it does: the third single of a day goes into the digest. So days with a single are played again with all rules.
    """
    names = frozenset[str]().union(*(one.items for one in group))
    if not names:
        return _on_days(rulebook, group)
    named = (rule for rule in rulebook.rules if any(may_be_of(name, rule.id, rule.owner) for name in names))
    alone = replace(rulebook, rules=tuple(named))
    said = _on_days(alone, group)
    crowded = {one.on for one in said if any(part.telling.form == Delivery.SINGLE.value for part in one.about)}
    again = _on_days(rulebook, [one for one in group if one.today in crowded])
    return [*(one for one in said if one.on not in crowded), *again]


def _on_days(rulebook: Rulebook, group: Sequence[Occasion]) -> list[WordedMessage]:
    days = {one.today for one in group}
    if not days:
        return []
    last = replace(group[0], today=max(days))
    return list(play(rulebook, last, first_look(rulebook, min(days), last.known), days))


def play(
    rulebook: Rulebook, last: Occasion, start: date, days: Container[date] | None = None
) -> Iterator[WordedMessage]:
    """All messages from `start` (its backlog included) to the last occasion's day; with `days`, only those of these days."""
    memory = Tellings(hearings=Hearings(always=midnight(rulebook.plan.starts_on)))
    facts = Facts(all_confirmed=last.confirmed, names=rulebook.succession)
    scene = Scene(rulebook, facts, memory, _own_chats(rulebook), OfficeHours(), lambda chat, day: Used())
    now = midnight(start)
    for until, events in _chapters(last.known, happening(last.today)):
        for draft, findings in preview_of(scene, now, until) if until > now else ():
            for telling in draft.tellings:
                memory.add(past_telling(telling, "", draft.at))
                for heard in hearings_of(telling, draft.at, draft.at):
                    memory.hearings.add(heard)
            if days is None or draft.at.date() in days:
                yield _spoken(draft, findings, rulebook)
        now = max(now, until)
        scene = replace(scene, facts=fold(events, scene.facts))


def first_look(rulebook: Rulebook, day: date, known: Iterable[Event]) -> date:
    """The day to begin on: before the first event that may hold back a telling.

    Until then a backlog told late leaves the same record of tellings as tellings on time. Only events hold tellings back: a
    silence, 办结, or what is done about a parent that was past its date, for whose steps the parent spoke.
    """
    early = [day]
    for event in known:
        payload = event.payload
        early.append(day_of(event.time))
        if isinstance(payload, Extended):
            early.append(payload.rule_due)
        elif name := getattr(payload, "item", ""):
            early += [one.due_on for one in kin(rulebook, day, name) if one.parent and one.due_on]
    eve = min(early) - timedelta(days=1)
    start = rulebook.plan.starts_on
    return start if eve <= start else max(start, rulebook.calendar.send_day_on_or_before(eve))


def _alike(occasions: Sequence[Occasion]) -> Iterator[list[int]]:
    """Groups of indices of occasions that share one run: their pasts are equal and their days near each other."""
    groups: dict[tuple[object, ...], list[int]] = {}
    for index in sorted(range(len(occasions)), key=lambda index: occasions[index].today):
        one = occasions[index]
        past = tuple((event.time, event.type, repr(event.data)) for event in one.known)
        groups.setdefault((one.confirmed, bool(one.items), past), []).append(index)
    for group in groups.values():
        run = group[:1]
        for index in group[1:]:
            if occasions[index].today - occasions[run[-1]].today > NEAR:
                yield run
                run = []
            run.append(index)
        yield run


def _chapters(known: Iterable[Event], end: datetime) -> Iterator[tuple[datetime, list[Event]]]:
    """Each instant with events, and its events; at last `end`, without events."""
    for at, events in groupby(known, key=lambda event: event.time):
        yield at, list(events)
    yield end, []


def _own_chats(rulebook: Rulebook) -> Directory:
    """A chat for every addressee: rule tests are about who is told, not in which chat."""
    return Directory({name: name for name in audience(rulebook)})


def _spoken(draft: Draft, findings: Mapping[str, Finding], rulebook: Rulebook) -> WordedMessage:
    words = Words(rulebook, findings, draft.at.date(), Letterhead())
    whole = _text(draft, words)
    texts = {telling.item: whole for telling in draft.tellings}
    if len(texts) > 1:
        texts = {item: _text(_only(draft, item), words) for item in texts}
    return WordedMessage(
        draft.at.date(),
        draft.chat,
        whole,
        tuple(WordedTelling(telling, texts[telling.item]) for telling in draft.tellings),
    )


def _only(draft: Draft, item: str) -> Draft:
    return replace(draft, tellings=tuple(telling for telling in draft.tellings if telling.item == item))


def _text(draft: Draft, words: Words) -> str:
    """Headline and lines of the message, without 落款 and number, which do not depend on the rules."""
    entry = promised(draft, "")
    message = word(entry, words)
    return "\n".join((message.headline, *(line.text for line in message.lines)))
