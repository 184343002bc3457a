"""待定: a commitment without a date is nobody's deadline."""

from __future__ import annotations

from datetime import date

from bot.core.facts.facts import Facts
from bot.core.rules.item import State
from tests.kit.builders import a_rulebook, an_undated, items_by_id


def test_it_is_one_item_without_any_date() -> None:
    (item,) = items_by_id(a_rulebook(an_undated(more="建议时限: 2027-03-10"))).values()
    assert (item.id, item.due_on, item.late_from) == ("T05-D1", None, None)


def test_no_day_makes_it_late() -> None:
    (item,) = items_by_id(a_rulebook(an_undated(more="建议时限: 2027-03-10"))).values()
    for day in (date(2026, 11, 23), date(2027, 3, 11), date(2040, 1, 1)):
        assert item.rule.kind.judge(item, Facts(), day).state is State.UNDATED


def test_a_proposed_date_is_shown_as_a_proposal() -> None:
    for more, when in (
        ("", "待定"),
        ("建议时限: 2027-03-10", "待定（建议2027年3月10日）"),
        ("建议时限: 2027年底", "待定（建议2027年底）"),
    ):
        (rule,) = a_rulebook(an_undated(more=more)).rules
        assert rule.kind.when(rule.form) == when
