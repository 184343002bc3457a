"""The addressees of a finding, and the chat in which each of them is told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

from bot.core.deciding.findings import Finding
from bot.core.rules.rulebook import Role, Rule
from bot.core.rules.units import ADMIN as _ADMIN

ADMIN = _ADMIN
LEADING_GROUP = "领导小组"
SUPERVISOR = "分管领导"
NO_LEAD = "请确认牵头单位"
#: Begins the mark of what the admin's chat gets for a leader: to be reported to them, or only made known.
ASKED_UPWARD, INFORMED_UPWARD = "提请办公室报", "请办公室告知"
#: Separates a name from a further chat in which it is told too (也发): 县教育局→基础教育股. Each such key is a separate addressee.
ALSO = "→"


@dataclass(frozen=True, slots=True)
class Addressee:
    """Who is told. `key` identifies the addressee in the record of tellings, and in the configuration of chats."""

    key: str
    unit: str
    role: Role
    roles: frozenset[Role]
    mark: str = ""

    @property
    def name(self) -> str:
        """The unit or person, without the further chat."""
        return name_of(self.key)


def name_of(key: str) -> str:
    """The unit or person in an addressee's key, without the further chat."""
    return key.partition(ALSO)[0]


def key_of(name: str) -> str:
    """县教育局分管领导, 县教育局/分管领导 and 县教育局·分管领导 are one key."""
    head = name.removesuffix(SUPERVISOR).rstrip("·/ 　")
    return f"{head}·{SUPERVISOR}" if name.endswith(SUPERVISOR) and head else name


def addressees(finding: Finding) -> tuple[Addressee, ...]:
    """Every addressee of any rung of the finding's ladder, each once, with all roles in which they are addressed."""
    return _addressees(finding.item.rule, bool(finding.lead), finding.item.soft or finding.item.rule.soft)


@lru_cache(maxsize=8192)
def _addressees(rule: Rule, led: bool, soft: bool) -> tuple[Addressee, ...]:
    """`led`: the lead unit is confirmed. `soft`: the target is not binding, so nobody above the units is addressed."""
    spoken = {role for rung in rule.ladder.rungs for role in rung.roles}
    spoken -= {Role.SUPERVISOR, Role.LEADING_GROUP} if soft else set()
    found: dict[str, Addressee] = {}
    for one in _everybody(rule, rule.lead.units if led and rule.lead else ()):
        if one.role in spoken:
            before = found.get(one.key, one)
            found[one.key] = replace(before, roles=before.roles | one.roles, mark=before.mark or one.mark)
    return tuple(found.values())


def left_out(finding: Finding) -> Iterator[tuple[Addressee, bool]]:
    """Who is named by the rule or by its ladder and yet never told, and whether that is because the plan only aims at it.

    The rule may name a unit in a role for which its ladder has no rung; nobody above the units is told of 原则上 and 力争.
    """
    rule = finding.item.rule
    heard = {one.key for one in addressees(finding)}
    spoken = {role for rung in rule.ladder.rungs for role in rung.roles}
    for one in _everybody(rule, rule.lead.units if finding.lead and rule.lead else ()):
        named = one.role in (Role.LEAD, Role.COOPERATING, Role.GUIDING, Role.PROVIDER) and one.key != ADMIN
        if one.key not in heard and (named or one.role in spoken):
            heard.add(one.key)
            yield one, one.role in spoken


def _everybody(rule: Rule, leads: tuple[str, ...]) -> Iterator[Addressee]:
    """Every possible addressee of a rule, once for each role; without a confirmed lead the admin takes the units' place."""

    def hears(key: str, role: Role, mark: str = "") -> Addressee:
        return Addressee(key, key.partition("·")[0], role, frozenset({role}), mark)

    yield from (hears(unit, Role.LEAD) for unit in leads)
    for role, units in ((Role.COOPERATING, rule.cooperating), (Role.GUIDING, rule.guiding)):
        yield from (hears(unit, role) for unit in (units if leads else ()) if unit not in leads)
    if not leads:
        yield from (hears(ADMIN, role, NO_LEAD) for role in (Role.LEAD, Role.COOPERATING, Role.GUIDING))
    if rule.provider:
        yield hears(rule.provider, Role.PROVIDER)
    principals = (rule.provider,) if rule.asks_provider else leads
    yield from (hears(f"{unit}·{SUPERVISOR}", Role.SUPERVISOR) for unit in principals)
    if not principals:
        yield hears(ADMIN, Role.SUPERVISOR, NO_LEAD)
    yield hears(LEADING_GROUP, Role.LEADING_GROUP)
    yield hears(ADMIN, Role.ADMIN)


@dataclass(frozen=True, slots=True)
class Directory:
    """The chat of each addressee. Several names may share a chat; messages for a name without a chat go to the admin's chat.

    `also` (也发) are the further chats of a name; in each, the name is a separate addressee with its own slot and record.
    `lost` are the addressees whose chat was taken out of the configuration a short while ago: nothing is sent to them now.
    """

    chats: Mapping[str, str]
    also: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    lost: frozenset[str] = frozenset()

    def hearers(self, finding: Finding) -> Iterator[Addressee]:
        """Every addressee of the finding's ladder, once for each chat in which they are told."""
        for one in addressees(finding):
            yield one
            for chat in self.also.get(one.key, ()):
                yield replace(one, key=f"{one.key}{ALSO}{chat}")

    def hearer(self, finding: Finding, key: str, role: str) -> Addressee | None:
        """The addressee with this key as the rules have it today; None if no rung speaks to it in that role."""
        return next((one for one in self.hearers(finding) if one.key == key and role in one.roles), None)

    def waits(self, key: str, chat: str) -> bool:
        """Whether what this addressee is told in this chat must wait: the place, or the chat itself, was lost a short while ago."""
        return key in self.lost or (bool(self.lost) and chat in {self.chats.get(one) for one in self.lost})

    def route(self, addressee: Addressee) -> tuple[str, str]:
        """The addressee's chat, and the mark to put on the line when the chat is not the addressee's own."""
        _, further, also = addressee.key.partition(ALSO)
        if further:
            return also, addressee.mark
        chat = self.chats.get(addressee.key)
        if chat is not None:
            return chat, addressee.mark
        if addressee.role is Role.SUPERVISOR:
            return ADMIN, f"{ASKED_UPWARD}{addressee.key.replace('·', '')}"
        if addressee.key == LEADING_GROUP:
            return ADMIN, f"{ASKED_UPWARD}领导小组"
        if addressee.key == ADMIN:
            return ADMIN, addressee.mark
        return ADMIN, f"{addressee.key}未配置群聊，请转告"
