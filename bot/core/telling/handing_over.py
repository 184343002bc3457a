"""交办: what a message says of everything that is handed over to the units of a chat.

First the tasks, by the role that the units have in them; then a line for each duty, those with the same date under that date; then the
figures by name. What is closed or reported done is left out, and an extension in force stands in place of the date.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from bot.core.deciding.addressees import name_of
from bot.core.deciding.event_rungs import HANDED_ON_LABEL
from bot.core.deciding.findings import Finding
from bot.core.deciding.office import handed_over, role_in
from bot.core.rules.item import State, long_date
from bot.core.rules.rulebook import IndicatorForm, Role, Rule, Rulebook, TaskForm
from bot.core.telling.entry import Telling
from bot.core.telling.message import About, Line
from bot.core.telling.remainder import about

SPACE = "\u3000"
#: Stands above what came to a unit after its 交办.
ANEW = "新增或调整"
#: More tasks than this in one role are named by their numbers: what is to be done stands in the lines that follow.
MANY = 8
#: What is over, so that nobody is asked for it any more.
_OVER = (State.CLOSED, State.AWAITING_CHECK)

#: Roles by weight.
_RANK = (Role.LEAD, Role.PROVIDER, Role.COOPERATING, Role.GUIDING)

#: A task or indicator that is handed over, and to which units of the chat; of each the ids of the rules, or None for all of them.
Handed = tuple[Finding, Mapping[str, "tuple[str, ...] | None"]]


def hand_over_lines(
    handed: Sequence[tuple[Sequence[Telling], Finding]],
    rulebook: Rulebook,
    findings: Mapping[str, Finding],
    chat: str,
    requested: Mapping[str, Container[str]],
) -> list[Line]:
    """The lines of the section; `chat` is the name that members read above the message.

    Figures that the same message asks for in another section (`requested`: rule → who is asked) are counted, not named.
    """
    said = _HandOver(rulebook, findings, chat, requested)
    first = _pairs(handed, anew=False)
    later = _pairs(handed, anew=True)
    lines = [*said.lines(first), *([Line(f"{ANEW}：")] if later else []), *said.lines(later)]
    marks = dict.fromkeys(one.mark for tellings, _ in handed for one in tellings if one.mark)
    return [*lines, *(Line(f"（{rulebook.plan.in_own_words(mark)}）") for mark in marks)]


def _pairs(handed: Iterable[tuple[Sequence[Telling], Finding]], anew: bool) -> list[Handed]:
    """What is handed over for the first time, or what came to a unit after that."""
    found: list[Handed] = []
    for tellings, finding in handed:
        units = {name_of(one.addressee): one.hands for one in tellings if (one.rung == HANDED_ON_LABEL) is anew}
        if units:
            found.append((finding, units))
    return found


def _listed(head: str, names: Sequence[Line]) -> Iterator[Line]:
    """Names on lines of their own, so that a long message may be cut between them."""
    yield Line(f"{head}：")
    yield from (name._replace(text=f"· {name.text}") for name in names)


def _reported(head: str, names: Sequence[Line], below: Sequence[tuple[About, ...]]) -> Iterator[Line]:
    """Figures to be reported; those that the message asks for further down are counted."""
    counted = f"{head}：{len(below)}项，名称见下面的报送要求" if below else ""
    if not names:
        yield Line(counted, about=tuple(one for spoken_of in below for one in spoken_of))
    else:
        yield from _listed(f"{counted}；另有" if counted else head, names)


@dataclass(frozen=True)
class _HandOver:
    """What the lines are worded from."""

    rulebook: Rulebook
    findings: Mapping[str, Finding]
    chat: str
    requested: Mapping[str, Container[str]]

    def lines(self, handed: Sequence[Handed]) -> list[Line]:
        """Tasks, duties, figures."""
        return [*self.tasks(handed), *self.duties(handed), *self.figures(handed)]

    def tasks(self, handed: Sequence[Handed]) -> Iterator[Line]:
        """The tasks, by the roles of the units in them: 牵头：第（五）项　高质量推动…. Of many only the numbers."""
        found: dict[str, list[tuple[TaskForm, About]]] = {}
        for owner, roles, task in sorted(self._roles(handed), key=lambda one: min(map(_RANK.index, one[1].values()))):
            found.setdefault(self._in_words(roles), []).append((owner, task))
        for in_words, owners in found.items():
            numbers = [owner.cited(self.rulebook.plan) for owner, _ in owners]
            tasks = zip(numbers, owners, strict=True)
            titles = [Line(f"{number}{SPACE}{owner.title}", about=(task,)) for number, (owner, task) in tasks]
            if 1 < len(owners) <= MANY:
                yield from _listed(in_words, titles)
            else:
                said = titles[0].text if len(owners) == 1 else "、".join(numbers)
                yield Line(f"{in_words}：{said}", about=tuple(task for _, task in owners))

    def _roles(self, handed: Sequence[Handed]) -> Iterator[tuple[TaskForm, dict[str, Role], About]]:
        """Each task with the roles of the units in it."""
        for finding, units in handed:
            owner = finding.item.rule.form
            if isinstance(owner, TaskForm):
                yield owner, {unit: self._role(owner, unit) for unit in units}, about(finding.item.id, finding)

    def _role(self, owner: TaskForm, unit: str) -> Role:
        """The role of a unit in a task; where the task does not name it, its weightiest in a single item."""
        if owner.chosen_lead and unit in owner.chosen_lead.units:
            return Role.LEAD
        if unit in owner.units:
            return Role.COOPERATING
        roles = {role_in(rule, unit) for rule in self.rulebook.rules_of(owner.id)}
        return next((role for role in _RANK if role in roles), Role.GUIDING)

    def _in_words(self, roles: Mapping[str, Role]) -> str:
        """The roles in the plan's words, and which unit has which where the chat's name does not say."""
        called = self.rulebook.plan.called_briefly
        own = set(roles) <= {self.chat}
        return "、".join(called(role) if own else f"{unit}{called(role)}" for unit, role in roles.items())

    def duties(self, handed: Sequence[Handed]) -> Iterator[Line]:
        """A line for each duty that is no figure, in the order of the plan; those that share a date stand under it, behind the others."""
        roles_in_tasks = Counter(role for _, roles, _ in self._roles(handed) for role in roles.values())
        usual = max(roles_in_tasks, key=roles_in_tasks.__getitem__, default=Role.LEAD)
        groups: dict[str, list[Line]] = {}
        for rule, roles, spoken_of in self._shares(handed):
            if not rule.provider:
                title = f"事项{rule.id}" if rule.sensitive else f"{rule.title}（{rule.id}）"
                behind = "" if roles == {self.chat: usual} else f"{SPACE}{self._in_words(roles)}"
                groups.setdefault(f"{self._when(rule)}{behind}", []).append(Line(title, about=spoken_of))
        alone = [
            titles[0]._replace(text=f"{titles[0].text}{SPACE}{when}")
            for when, titles in groups.items()
            if len(titles) == 1
        ]
        if alone:
            yield from _listed("事项", alone)
        for when, titles in groups.items():
            if len(titles) > 1:
                yield from _listed(when, titles)

    def _shares(self, handed: Sequence[Handed]) -> Iterator[tuple[Rule, dict[str, Role], tuple[About, ...]]]:
        """The rules that are handed over, each with the role of every unit that hears of it, and what a line about it speaks of."""
        for finding, units in handed:
            for rule in handed_over(finding, units):
                own = self.findings.get(rule.id)
                mine = [unit for unit, ids in units.items() if ids is None or rule.id in ids]
                roles = {unit: role for unit in mine if (role := role_in(rule, unit))}
                if roles and (own is None or own.state not in _OVER):
                    yield rule, roles, (about(finding.item.id, finding), about(rule.id, own))

    def _when(self, rule: Rule) -> str:
        """The date in words, or the one to which it is put off; of a period that is put off, both."""
        own = self.findings.get(rule.id)
        if own is not None and own.extended:
            return f"延期至{long_date(own.due_on)}"
        later = (f"{one.item.period}延期至{long_date(one.due_on)}" for one in self._extended.get(rule.id, ()))
        return "，".join((rule.shown_when, *later))

    @cached_property
    def _extended(self) -> Mapping[str, list[Finding]]:
        """What is open and put off, by rule."""
        found: dict[str, list[Finding]] = {}
        for finding in self.findings.values():
            if finding.extended and finding.state not in _OVER:
                found.setdefault(finding.item.rule.id, []).append(finding)
        return found

    def figures(self, handed: Sequence[Handed]) -> Iterator[Line]:
        """The figures by the dates on which their values are due, then those that others report."""
        reported: dict[str, list[Line]] = {}
        below: dict[str, list[tuple[About, ...]]] = {}  # asked for in another section
        watched: dict[str, tuple[str, Line]] = {}  # figure → role and name
        shares = [share for share in self._shares(handed) if share[0].provider]
        for rule, roles, spoken_of in shares:
            if rule.asks_provider:
                named_below = all(unit in self.requested.get(rule.id, ()) for unit in roles)
                names = [] if named_below else [self._figure(rule.form, roles, spoken_of)]
                reported.setdefault(self._when(rule), []).extend(names)
                below.setdefault(self._when(rule), []).extend([spoken_of] if named_below else [])
        named = {rule.form.id for rule, *_ in shares if rule.asks_provider}
        for rule, roles, spoken_of in shares:
            if rule.form.id not in named:
                watched.setdefault(rule.form.id, ("数据由其他单位报送", self._figure(rule.form, roles, spoken_of)))
        called, helping = self.rulebook.plan.called_briefly(Role.COOPERATING), {self.chat: Role.COOPERATING}
        for form, owner in ((one.item.rule.form, one) for one, _ in handed):
            if isinstance(form, IndicatorForm) and form.id not in {*named, *watched}:
                watched[form.id] = called, self._figure(form, helping, (about(owner.item.id, owner),))
        for when, names in reported.items():
            yield from _reported(f"指标数据{SPACE}{when}", names, below[when])
        for what in dict.fromkeys(what for what, _ in watched.values()):
            yield from _listed(f"指标（{what}）", [name for its, name in watched.values() if its == what])

    def _figure(self, form: IndicatorForm, roles: Mapping[str, Role], spoken_of: tuple[About, ...]) -> Line:
        """The name of a figure, and whose it is where the chat's name does not say; of a sensitive one the number."""
        whose = "" if set(roles) <= {self.chat} else f"（{'、'.join(roles)}）"
        return Line(f"{f'指标{form.id}' if form.sensitive else form.title}{whose}", about=spoken_of)
