"""One chat, one slot: at most two singles, everything else in one digest, nothing twice and nothing lost."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from bot.core.deciding.addressees import Addressee
from bot.core.deciding.decision import Decision
from bot.core.deciding.findings import judge
from bot.core.deciding.reasons import Reason
from bot.core.facts.facts import Facts
from bot.core.rules.ladder import DatedRung
from bot.core.rules.rulebook import Delivery, Role, RungForm
from bot.core.rules.words import Offset
from bot.core.telling.digest import Draft, compose
from tests.kit.builders import a_milestone, a_rulebook, moment

AT = moment("2027-03-11 08:50")
BOOK = a_rulebook(*(a_milestone(f"T05-M{n}", f"2027-03-{n:02d}", title=f"第{n}件") for n in range(1, 10)))
FINDINGS = {found.item.id: found for found in judge(BOOK, Facts(), AT.date())}


def a_decision(
    n: int, delivery: Delivery, *, rung: str = "", role: Role = Role.LEAD, key: str = "县教育局",
    chat: str = "县教育局", prompt: bool = False,
) -> Decision:  # fmt: skip
    """A telling about T05-M<n>, whose rung stands on `rung` (its due date when not said)."""
    finding = FINDINGS[f"T05-M{n}"]
    on = date.fromisoformat(rung) if rung else date(2027, 3, n)
    form = RungForm(offset=Offset.parse("当天"), roles=(role,), delivery=delivery)
    addressee = Addressee(key, key, role, frozenset({role}))
    telling = DatedRung(on, on, form, "当天", False)
    return Decision(finding, addressee, chat, Reason.FIRST, at=AT, rung=telling, prompt=prompt)


def shape(drafts: list[Draft]) -> list[tuple[str, list[str]]]:
    return [(draft.form, [row.item for row in draft.tellings]) for draft in drafts]


def test_singles_beyond_two_fold_into_the_digest_the_deepest_stay_alone() -> None:
    decisions = [
        a_decision(1, Delivery.SINGLE, rung="2027-03-02"),
        a_decision(2, Delivery.SINGLE, rung="2027-03-10"),
        a_decision(3, Delivery.SINGLE, rung="2027-03-06"),
        a_decision(4, Delivery.DIGEST),
    ]
    drafts = compose(decisions, {})
    assert shape(drafts) == [
        ("单发", ["T05-M2"]), ("单发", ["T05-M3"]), ("汇总", ["T05-M1", "T05-M4"]),
    ]  # fmt: skip
    assert {row.form for row in drafts[-1].tellings} == {"汇总"}


def test_of_equally_deep_rungs_the_earliest_date_stays_alone() -> None:
    drafts = compose([a_decision(n, Delivery.SINGLE) for n in (5, 3, 4)], {})
    assert shape(drafts) == [("单发", ["T05-M3"]), ("单发", ["T05-M4"]), ("汇总", ["T05-M5"])]


def test_singles_already_used_today_leave_less_room() -> None:
    drafts = compose([a_decision(n, Delivery.SINGLE) for n in (1, 2)], {"县教育局": 1})
    assert shape(drafts) == [("单发", ["T05-M1"]), ("汇总", ["T05-M2"])]
    assert shape(compose([a_decision(1, Delivery.SINGLE)], {"县教育局": 2})) == [("汇总", ["T05-M1"])]


def test_two_addressees_of_one_chat_hear_of_an_item_in_one_single() -> None:
    decisions = [
        a_decision(1, Delivery.SINGLE),
        a_decision(1, Delivery.DIGEST, role=Role.COOPERATING, key="县财政局"),
        a_decision(2, Delivery.DIGEST),
    ]
    drafts = compose(decisions, {})
    assert shape(drafts) == [("单发", ["T05-M1", "T05-M1"]), ("汇总", ["T05-M2"])]
    assert {row.addressee for row in drafts[0].tellings} == {"县教育局", "县财政局"}


def test_monthly_list_stays_a_list_beside_a_single_of_the_same_item() -> None:
    monthly = a_decision(1, Delivery.MONTHLY, role=Role.LEADING_GROUP, key="领导小组")
    drafts = compose([a_decision(1, Delivery.SINGLE), monthly], {})
    assert [(draft.form, [row.form for row in draft.tellings]) for draft in drafts] == [
        ("单发", ["单发"]), ("汇总", ["月度清单"]),
    ]  # fmt: skip


def test_prompt_singles_beyond_the_budget_make_no_draft_and_stay_owed() -> None:
    decisions = [a_decision(n, Delivery.SINGLE, prompt=True) for n in (1, 2, 3)]
    drafts = compose(decisions, {"县教育局": 1})
    assert shape(drafts) == [("单发", ["T05-M1"])]
    assert not drafts[0].slot


def test_chats_are_composed_apart() -> None:
    drafts = compose(
        [a_decision(1, Delivery.DIGEST), a_decision(1, Delivery.DIGEST, chat="县财政局", key="县财政局")], {}
    )
    assert {draft.chat for draft in drafts} == {"县教育局", "县财政局"}


@given(
    st.lists(st.tuples(st.integers(1, 9), st.sampled_from(Delivery)), unique_by=lambda one: one[0]), st.integers(0, 3)
)
def test_whatever_comes_is_told_once_within_the_budget(wanted: list[tuple[int, Delivery]], used: int) -> None:
    drafts = compose([a_decision(n, delivery) for n, delivery in wanted], {"县教育局": used})
    told = [row.item for draft in drafts for row in draft.tellings]
    assert sorted(told) == sorted(f"T05-M{n}" for n, _ in wanted)
    forms = [draft.form for draft in drafts]
    assert forms.count("单发") <= max(0, 2 - used)
    assert forms.count("汇总") <= 1
