"""When a unit first heard of a rule, and since when a rule is in force: what lateness counts from.

Whatever was told under a rule, and every rule of a hand-over, counts for its unit: as asked when the telling is first promised, as
heard when it is delivered to the unit's own chat, or for the unit in the admin's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from bot.core.rules.rulebook import Rule
from bot.core.rules.succession import ASSIGNED, UNCHANGED, Succession
from bot.core.rules.units import ADMIN

LONG_AGO = datetime.min.replace(tzinfo=UTC)
#: In front of the ids of rules by which units hear of what is theirs no more.
WITHDRAWN = "系统:已调整:"


@dataclass(frozen=True, slots=True)
class Hearing:
    """One unit and one rule: when it was first asked, and when it first heard (None while nothing was delivered).

    `answers` says whether it was told as the one who must act; who only helps and then takes over is told anew. `relieved` is the
    day on which the rules gave it to others to act.
    """

    rule: str
    unit: str
    asked: datetime
    heard: datetime | None = None
    answers: bool = True
    relieved: date | None = None

    @property
    def key(self) -> tuple[str, str, bool]:
        """What there is one of."""
        return self.rule, self.unit, self.answers

    def joined(self, other: Hearing) -> Hearing:
        """Both as one: the earlier instants count."""
        heard = min(filter(None, (self.heard, other.heard)), default=None)
        return replace(self, asked=min(self.asked, other.asked), heard=heard)


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """A duty or figure that some units heard of and that is theirs no more since a day; `moved` says that others have it now."""

    rule: str
    title: str
    units: tuple[str, ...]
    since: date
    moved: bool

    @property
    def item(self) -> str:
        """The id of the item under which it is told."""
        return f"{WITHDRAWN}{self.rule}@{self.since}"


def is_of(rule: str, duty: str) -> bool:
    """Whether a rule is a duty, or asks for a figure or watches it: T02-I1:报送 is of T02-I1."""
    return rule.partition(":")[0] == duty


@dataclass(frozen=True, slots=True)
class AskedAnew:
    """When an edit made an item due soon or sooner, and whether there was none of that name before."""

    at: datetime
    new: bool


class Hearings:
    """All hearings under the names that rules and units have today, and since when each rule is in force.

    A unit that was renamed is the same hearer; one that others were merged into is not, for it was not told.
    Of a rule that is not in `since` nothing is known: it is in force since always. With `always` nothing counts as late for
    want of a hearing since then, whatever the rows say.
    """

    def __init__(
        self,
        rows: Iterable[Hearing] = (),
        since: Mapping[str, datetime] | None = None,
        names: Succession = UNCHANGED,
        always: datetime | None = None,
    ) -> None:
        self._names, self.always = names, always
        self._rows: dict[tuple[str, str, bool], Hearing] = {}
        self._since = {names.renumbered(rule): at for rule, at in (since or {}).items()}
        self.withdrawn: tuple[Withdrawn, ...] = ()
        self.anew: Mapping[str, AskedAnew] = {}  # by item
        self.redated: Mapping[str, datetime] = {}  # by rule: when an edit gave it other dates
        self.version = 0  # counts changes
        for row in rows:
            self.add(row)

    def add(self, row: Hearing) -> Hearing | None:
        """Adds what is known of a hearing; returns the row as it is from now on, or None where it says nothing new."""
        row = self.named_today(row)
        before = self._rows.get(row.key)
        after = before.joined(row) if before else row
        if after == before:
            return None
        self._rows[row.key] = after
        self.version += 1
        return after

    def named_today(self, row: Hearing) -> Hearing:
        """The hearing under the names of today."""
        return replace(row, rule=self._names.renumbered(row.rule), unit=self._names.chat(row.unit))

    def spelled_out(self, rules: Iterable[Rule]) -> Iterator[Hearing]:
        """What hand-overs that do not say what they handed over let their units hear of these rules."""
        for rule in rules:
            helping = () if rule.asks_provider else (*rule.cooperating, *rule.guiding)
            for unit in dict.fromkeys((ADMIN, *rule.principals, *helping)):
                whole = self.named_today(Hearing(f"{ASSIGNED}{rule.owner}", unit, LONG_AGO))
                row = self._rows.get(whole.key)
                if row and self._names.renumbered(rule.id) not in self._since:
                    yield replace(row, rule=rule.id, answers=unit == ADMIN or unit in rule.principals)

    def under(self, acting: Mapping[str, Collection[str]], today: date) -> Iterator[tuple[Hearing, Hearing]]:
        """Each hearing that is another one now that these act for the rules: before and after.

        Who has to act again after a day or more has heard of it like one who helps; what is put right the same day changes nothing.
        """
        for row in self:
            if not row.answers or row.unit == ADMIN or row.rule not in acting:
                continue
            acts = row.unit in acting[row.rule]
            if acts and row.relieved:
                yield row, replace(row, relieved=None, answers=row.relieved >= today)
            elif not acts and not row.relieved:
                yield row, replace(row, relieved=today)

    def __iter__(self) -> Iterator[Hearing]:
        """All hearings, in no order."""
        return iter(self._rows.values())

    def forget(self, row: Hearing) -> None:
        """Removes a hearing, so that its unit has to hear anew."""
        del self._rows[row.key]
        self.version += 1

    def asked(self, rule: Rule, unit: str, *, to_act: bool = False) -> datetime | None:
        """When the unit was first asked for what the rule asks, whether it arrived or not; with `to_act` as who must act."""
        return min((row.asked for row in self._of(rule, unit, to_act)), default=None)

    def heard(self, rule: Rule, unit: str, *, to_act: bool = False) -> datetime | None:
        """When the unit first heard of the rule; with `to_act` as the one who must act."""
        return min((row.heard for row in self._of(rule, unit, to_act) if row.heard), default=None)

    def reached(self, duty: str, unit: str) -> bool:
        """Whether the unit heard of a duty or figure by its id: T14-R3, or T02-I1 for T02-I1:报送."""
        owner = f"{ASSIGNED}{duty.rpartition('-')[0] or duty}"
        rows = (row for (rule, name, _), row in self._rows.items() if name == unit and row.heard)
        return any(row.rule == owner or is_of(row.rule, duty) for row in rows)

    def begin(self, since: Mapping[str, datetime]) -> None:
        """Rules that come into force."""
        self._since |= since
        self.version += 1

    def since(self, rule: Rule) -> datetime | None:
        """When the rule came into force; None if it was there from the beginning."""
        return self._since.get(rule.id)

    def _of(self, rule: Rule, unit: str, to_act: bool) -> list[Hearing]:
        """The rule's own rows, and that of its owner's hand-over, as far as it does not say what it handed over."""
        keys = [(rule.id, unit, True)] + ([] if to_act else [(rule.id, unit, False)])
        keys += [] if rule.id in self._since else [(f"{ASSIGNED}{rule.owner}", unit, True)]
        return [row for key in keys if (row := self._rows.get(key))]

    def hear_all(self, now: datetime) -> None:
        """Takes what was asked so far as heard at the latest now."""
        for row in [row for row in self._rows.values() if row.heard is None]:
            self.add(replace(row, heard=max(now, row.asked)))

    def take_away(self, rows: Iterable[Withdrawn]) -> None:
        """Sets what units heard of and is theirs no more; who they are is read under today's names."""
        names = self._names
        self.withdrawn = tuple(
            replace(row, rule=names.renumbered(row.rule), units=names.together(row.units)) for row in rows
        )

    def ask_anew(self, items: Mapping[str, AskedAnew]) -> None:
        """Items that an edit made due soon or sooner."""
        self.anew = {**self.anew, **{self._names.item(item): one for item, one in items.items()}}
        self.version += 1

    def redate(self, rules: Mapping[str, datetime]) -> None:
        """Rules that an edit gave other dates."""
        self.redated = {**self.redated, **{self._names.renumbered(rule): at for rule, at in rules.items()}}
        self.version += 1

    def copy(self, names: Succession | None = None) -> Hearings:
        """An independent copy, for a preview; with `names` under those."""
        twin = Hearings(self._rows.values(), self._since, self._names if names is None else names, self.always)
        twin.take_away(self.withdrawn)
        twin.ask_anew(self.anew)
        twin.redate(self.redated)
        return twin
