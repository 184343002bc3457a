"""减负: what one chat gets in one slot: at most two singles and one digest, whatever the number of decisions.

What is over the budget goes into the digest; nothing is dropped.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from bot.core.deciding.decision import Decision
from bot.core.deciding.desk import SINGLES_A_DAY
from bot.core.rules.rulebook import Delivery
from bot.core.telling.entry import Telling

SINGLE, DIGEST, MONTHLY = (form.value for form in (Delivery.SINGLE, Delivery.DIGEST, Delivery.MONTHLY))


@dataclass(frozen=True, slots=True)
class Draft:
    """A message to be: its chat, form, tellings, and the instant it is composed for."""

    chat: str
    form: str
    slot: bool
    tellings: tuple[Telling, ...]
    at: datetime


def compose(decisions: Iterable[Decision], singles_used: dict[str, int], company: Container[str] = ()) -> list[Draft]:
    """Drafts for decisions that tell, grouped by chat; `singles_used` is what each chat got today already.

    Prompt decisions become singles only. Those beyond the budget make no draft: they stay owed and go with the chat's next
    slot (OVER_BUDGET). So do those that ride, unless the chat gets a digest anyway: from these decisions, or because it is
    in `company`.
    """
    groups: dict[tuple[str, bool], list[Decision]] = {}
    for decision in decisions:
        groups.setdefault((decision.chat, decision.prompt), []).append(decision)
    drafts: list[Draft] = []
    for (chat, prompt), group in groups.items():
        drafts.extend(_chat(chat, group, singles_used.get(chat, 0), prompt, chat in company))
    return in_order(drafts)


def in_order(drafts: Iterable[Draft]) -> list[Draft]:
    """By time; what leaves in the same minute by chat and form."""
    return sorted(drafts, key=lambda draft: (draft.at, draft.chat, draft.form))


def _chat(chat: str, group: Sequence[Decision], used: int, prompt: bool, company: bool) -> list[Draft]:
    at = max(d.at for d in group if d.at is not None)
    alone = _singles(group)[: max(0, SINGLES_A_DAY - used)]
    told = {id(decision) for single in alone for decision in single}
    rest = [] if prompt else [decision for decision in group if id(decision) not in told]
    if not company and all(decision.rides for decision in rest):
        rest = []
    drafts = [Draft(chat, SINGLE, not prompt, tuple(Telling.of(d, SINGLE) for d in one), at) for one in alone]
    if rest:
        tellings = tuple(Telling.of(d, MONTHLY if d.delivery is Delivery.MONTHLY else DIGEST) for d in rest)
        drafts.append(Draft(chat, DIGEST, True, tellings, at))
    return drafts


def _singles(group: Sequence[Decision]) -> list[list[Decision]]:
    """Singles by item, deepest rung first, then earliest due date; what the digest would repeat of it joins the single.

    Two addressees of one chat hear of an item once; the monthly list is a list of its own.
    """
    found = {d.finding.item.id: list[Decision]() for d in group if d.delivery is Delivery.SINGLE}
    for decision in group:
        if decision.delivery is not Delivery.MONTHLY and not decision.rides and decision.finding.item.id in found:
            found[decision.finding.item.id].append(decision)
    return sorted(
        found.values(), key=lambda ds: (-max(map(_depth, ds)), ds[0].finding.due_on or date.max, ds[0].finding.item.id)
    )


def _depth(decision: Decision) -> int:
    """How far past (or before) its due date a rung stands, in days; larger is deeper."""
    assert decision.rung is not None
    due = decision.finding.anchor.late_from if decision.finding.anchor else decision.rung.on
    return (decision.rung.on - due).days
