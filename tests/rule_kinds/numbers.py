"""Short words for tests of kinds that watch numbers: one indicator, its values by period, the verdict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal

from bot.core.facts.events import Observed
from bot.core.facts.facts import Facts
from bot.core.rules.item import Judgement, State
from bot.core.rules.rulebook import Rulebook
from tests.kit.builders import a_rulebook, an_event

HIGHER, LOWER = "越高越好", "越低越好"
GOOD = frozenset({State.ON_TRACK, State.MET, State.RECOVERED, State.CLOSED})
WRONG = frozenset({State.MISSED, State.BEHIND, State.FAR_BEHIND, State.WARNED})
Values = Mapping[str, str | Decimal]


def an_indicator(
    watched: str,
    *,
    id: str = "I4",  # noqa: A002 - the word an admin writes
    direction: str = HIGHER,
    cadence: str = "每年",
    targets: Iterable[str] = (),
    baseline: str = "",
    more: str = "",
) -> str:
    """One entry of indicators.yaml; `targets` are the insides of inline mappings, `baseline` another."""
    lines = [
        f"编号: {id}", "指标: 某项比例", '计量单位: "%"', f"方向: {direction}", "责任单位: [县教育局]",
        "牵头: {单位: 县教育局, 依据: 管理员}", "数据来源: 县民政局",
        f"报送: {{周期: {cadence}, 应报: 期满后60天, 依据: 管理员}}",
        *([f"基期: {{{baseline}}}"] if baseline else []),
        *(["目标:", *(f"  - {{{target}}}" for target in targets)] if targets else []),
        f"监测: {watched}", *more.splitlines(),
    ]  # fmt: skip
    first, *rest = lines
    return "\n".join([f"- {first}", *(f"  {line}" for line in rest)]) + "\n"


def a_book(*indicators: str) -> Rulebook:
    return a_rulebook(indicators="".join(indicators))


def known(values: Values, *, indicator: str = "I4", final: bool = True, start: Facts | None = None) -> Facts:
    """Facts after these values, one a day from 1 March 2028 (or of a later period's own year) on, in the order given."""
    facts = start or Facts()
    for place, (period, value) in enumerate(values.items()):
        seen = Observed(indicator=indicator, period=period, value=Decimal(value), final=final)
        facts = facts.after(
            an_event(
                seen, f"{max(2028, int(period[:4]))}-03-{place + 1:02} 10:00", f"{indicator}{period}{facts.version}"
            )
        )
    return facts


def judged(book: Rulebook, item: str, facts: Facts) -> Judgement:
    """How an item stands with these facts; no day changes it."""
    since = book.plan.starts_on
    items = (one for rule in book.rules for one in rule.kind.items(rule, book.calendar, since, date(2036, 12, 31)))
    found = next(one for one in items if one.id == item)
    verdict = found.rule.kind.judge(found, facts, date(2028, 6, 1))
    assert verdict == found.rule.kind.judge(found, facts, date(2034, 1, 1))
    return verdict


def years(first: int, *values: str | Decimal | int) -> dict[str, Decimal]:
    """Values of consecutive years."""
    return {str(first + place): Decimal(value) for place, value in enumerate(values)}
