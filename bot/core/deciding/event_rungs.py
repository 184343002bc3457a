"""Rungs that events make, beside those of a ladder: 退回, 补报, 新增. Each is told once, to whoever must act."""

from __future__ import annotations

from bot.core.deciding.addressees import Addressee
from bot.core.deciding.desk import Desk
from bot.core.deciding.findings import Finding
from bot.core.deciding.hearing import Hearings
from bot.core.deciding.lateness import ACTING
from bot.core.deciding.memory import PastTelling
from bot.core.deciding.office import handed_over
from bot.core.rules.item import State
from bot.core.rules.ladder import DatedRung
from bot.core.rules.rulebook import Delivery, Role, Rule, RungForm
from bot.core.rules.words import Offset
from bot.core.time.zone import day_of

RETURNED = RungForm(offset=Offset.parse("当天"), roles=(Role.LEAD, Role.PROVIDER), delivery=Delivery.SINGLE)
ASKED_LATE = RungForm(offset=Offset.parse("当天"), roles=(Role.LEAD, Role.PROVIDER), delivery=Delivery.DIGEST)
HANDED_ON = RungForm(offset=Offset.parse("当天"), roles=(Role.LEAD,), delivery=Delivery.DIGEST)

#: The label of the rung that hands over what came to a unit after its 交办.
HANDED_ON_LABEL = "新增"


def returned(
    finding: Finding, addressee: Addressee, rung: DatedRung | None, last: PastTelling | None, desk: Desk
) -> DatedRung | None:
    """The rung that says 退回, to those who must act; None where the ladder's own `rung` is to be told.

    It is not told if they were told anything about the item since, or if a later rung of the ladder is due anyway.
    """
    at = finding.returned_at
    if at is None or at > desk.now or addressee.roles.isdisjoint(ACTING):
        return None  # `at` may be in the future: the sender's clock is ahead, or ours was set back
    heard = desk.memory.latest(finding.item.id, addressee.key)
    if heard is not None and heard.at >= at:
        return None
    on = day_of(at)
    if rung is not None and rung.on > on and (last is None or rung.on > last.rung_on):
        return None
    on = max(on, last.rung_on) if last else on
    return DatedRung(on, on, RETURNED, "退回", False)


def to_hand_over(finding: Finding, addressee: Addressee, last: PastTelling | None, desk: Desk) -> tuple[Rule, ...]:
    """What a 交办 hands over: all that is confirmed, and once it was told only what the unit has not heard of in its role."""
    if finding.state is not State.ASSIGNED:
        return ()
    facts = desk.facts
    named = handed_over(finding, (addressee.name,))
    rules = [one for one in named if facts.confirms(one) and (one.asks_provider or facts.confirmed_lead(one))]
    if last is None:
        return tuple(rules)
    news = {one: _is_new(one, addressee.name, last, desk.memory.hearings) for one in rules}
    figures = {one.form.id for one, new in news.items() if one.provider and not new}  # another watch of one is no news
    return tuple(one for one, new in news.items() if new and not (one.judges_values and one.form.id in figures))


def _is_new(rule: Rule, unit: str, last: PastTelling, hearings: Hearings) -> bool:
    """Whether a unit has not heard of a rule in its role, or of its dates; what was asked for after its last 交办 and never arrived does
    not count.
    """
    to_act = unit in rule.principals
    asked, heard = hearings.asked(rule, unit, to_act=to_act), hearings.heard(rule, unit, to_act=to_act)
    if heard is None:
        return asked is None or asked > last.at
    redated = hearings.redated.get(rule.id)
    return redated is not None and heard < redated and last.at < redated


def handed_on(rung: DatedRung | None, last: PastTelling, desk: Desk) -> DatedRung | None:
    """The rung that hands over what came to a unit after its 交办; the 交办 itself where that is still ahead."""
    on = max(desk.today, last.rung_on)
    return rung and DatedRung(on, on, HANDED_ON, HANDED_ON_LABEL, False, on.toordinal())


def asked_late(finding: Finding, addressee: Addressee, last: PastTelling | None, desk: Desk) -> DatedRung | None:
    """The rung that asks by a later day for what nobody who answers for it has heard of: told once, at once.

    The ladder's own rungs count from the later day, so that the first of them may come when the date of the rule is past.
    """
    if not finding.asking.unheard or last is not None or addressee.roles.isdisjoint(ACTING):
        return None
    return DatedRung(desk.today, desk.today, ASKED_LATE, "补报", False)
