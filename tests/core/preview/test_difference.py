"""What an edit changes: every telling is the same, changed in one recognisable way, new, or gone; none is counted twice."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.core.deciding.desk import Used
from bot.core.deciding.look import Scene
from bot.core.deciding.memory import Tellings
from bot.core.preview.difference import (
    Difference,
    DifferenceKind,
    PreviewTelling,
    by_chat,
    described,
    difference,
    messages,
    totals,
)
from bot.core.preview.preview import preview_of
from bot.core.rules.rulebook import Rulebook
from bot.core.telling.entry import Telling
from bot.core.time.windows import OfficeHours
from bot.core.time.zone import ZONE
from tests.kit.builders import a_duty, a_milestone, a_rulebook, everybody, facts_after, moment


def a_telling(item: str = "T05-M1", who: str = "县教育局", day: str = "2027-12-01", **changes: str) -> PreviewTelling:
    on = date.fromisoformat(day)
    row = Telling(
        item=item, rule=item, title="国家评估认定", unit=who, addressee=who, role="牵头单位", state="临期",
        due_on=None, rung=changes.get("rung", "提前30天"), rung_on=on, form=changes.get("form", "汇总"), reason="FIRST",
    )  # fmt: skip
    return PreviewTelling(datetime(on.year, on.month, on.day, 8, 41, tzinfo=ZONE), changes.get("chat", who), row)


def told(rulebook: Rulebook, until: str = "2028-03-31") -> list[PreviewTelling]:
    scene = Scene(rulebook, facts_after(), Tellings(), everybody(rulebook), OfficeHours(), lambda chat, day: Used())
    return [
        PreviewTelling(draft.at, draft.chat, row)
        for draft, _ in preview_of(scene, moment("2027-01-04"), moment(until))
        for row in draft.tellings
    ]


def of(found: list[Difference], change: DifferenceKind) -> list[Difference]:
    return [one for one in found if one.change is change]


def days(found: list[Difference]) -> list[tuple[str, str, str]]:
    """(rung, day before, day after)."""
    return [
        (
            one.told.telling.rung,
            str(one.before.at.date()) if one.before else "",
            str(one.after.at.date()) if one.after else "",
        )
        for one in found
    ]


# --- edits of a rulebook ---------------------------------------------------------


def test_equal_rules_change_nothing() -> None:
    assert difference(told(a_rulebook(a_milestone())), told(a_rulebook(a_milestone()))) == []


def test_another_name_changes_nothing_that_is_told() -> None:
    assert difference(told(a_rulebook(a_milestone())), told(a_rulebook(a_milestone(title="通过认定")))) == []


def test_another_date_moves_every_rung_to_its_new_day() -> None:
    before = told(a_rulebook(a_milestone(due="2027-11-30", ladder="一般节点")), "2027-12-08")
    after = told(a_rulebook(a_milestone(due="2027-12-03", ladder="一般节点")), "2027-12-08")
    found = [one for one in difference(before, after) if one.told.telling.addressee == "县教育局"]
    assert {one.change for one in found} == {DifferenceKind.MOVED}
    assert days(found) == [
        ("提前7天", "2027-11-23", "2027-11-26"),
        ("提前1个工作日", "2027-11-29", "2027-12-02"),
        ("逾期1个工作日", "2027-12-01", "2027-12-06"),
    ]


def test_a_new_duty_is_added_and_without_it_again_gone() -> None:
    alone, both = told(a_rulebook(a_milestone())), told(a_rulebook(a_milestone(), a_duty()))
    added, gone = difference(alone, both), difference(both, alone)
    assert {one.change for one in added} == {DifferenceKind.ADDED}
    assert {one.change for one in gone} == {DifferenceKind.GONE}
    assert [one.after for one in added if one.told.telling.item.startswith("T05-R1")] == [
        one.before for one in gone if one.told.telling.item.startswith("T05-R1")
    ]


def test_another_lead_is_told_instead_of_the_one_before() -> None:
    lead = "牵头: {单位: 县财政局, 依据: 管理员}"
    before, after = a_milestone(ladder="一般节点"), a_milestone(ladder="一般节点", more=lead)
    found = [
        one
        for one in difference(told(a_rulebook(before)), told(a_rulebook(after)))
        if one.told.telling.role == "牵头单位"
    ]
    rerouted = of(found, DifferenceKind.REROUTED)
    assert rerouted
    assert {
        (one.before.telling.addressee, one.after.telling.addressee) for one in rerouted if one.before and one.after
    } == {("县教育局", "县财政局")}
    assert not of(found, DifferenceKind.ADDED)


def test_another_form_is_no_new_telling() -> None:
    found = difference([a_telling()], [a_telling(form="单发")])
    assert [(one.change, described(one)) for one in found] == [(DifferenceKind.RESHAPED, "2027-12-01　汇总→单发")]


# --- how changes are recognised ---------------------------------------------------


def test_another_chat_on_the_same_day_is_rerouted_and_stands_under_both_chats() -> None:
    found = difference([a_telling(chat="管理员")], [a_telling()])
    assert [(one.change, described(one)) for one in found] == [
        (DifferenceKind.REROUTED, "2027-12-01　县教育局　管理员群→县教育局群　汇总")
    ]
    assert list(by_chat(found)) == ["县教育局", "管理员"]


def test_repeats_are_matched_in_order_of_time() -> None:
    before = [a_telling(day=day, rung="逾期每7天") for day in ("2027-12-01", "2027-12-08", "2027-12-15")]
    after = [a_telling(day=day, rung="逾期每7天") for day in ("2027-12-03", "2027-12-10")]
    assert days(difference(before, after)) == [
        ("逾期每7天", "2027-12-01", "2027-12-03"),
        ("逾期每7天", "2027-12-08", "2027-12-10"),
        ("逾期每7天", "2027-12-15", ""),
    ]


def test_totals_name_only_what_there_is() -> None:
    found = difference([a_telling(), a_telling("T05-M2")], [a_telling("T05-M3"), a_telling(day="2027-12-02")])
    assert totals(found) == "新增1项、改期1项、取消1项"
    assert totals([]) == ""


def test_a_digest_is_one_message_and_each_single_its_own() -> None:
    told = [
        a_telling("T05-M1"),
        a_telling("T05-M2"),
        a_telling("T05-M3", form="单发"),
        a_telling("T05-M4", form="单发"),
    ]
    assert messages(told) == 3


some = st.builds(
    a_telling,
    st.sampled_from(["T05-M1", "T05-M2"]),
    st.sampled_from(["县教育局", "县财政局"]),
    st.dates(date(2027, 12, 1), date(2027, 12, 4)).map(str),
    form=st.sampled_from(["汇总", "单发"]),
    chat=st.sampled_from(["县教育局", "管理员"]),
)


@given(st.lists(some, max_size=8), st.lists(some, max_size=8))
def test_what_is_left_after_the_changes_is_the_same_on_both_sides(
    before: list[PreviewTelling], after: list[PreviewTelling]
) -> None:
    found = difference(before, after)
    kept_before = Counter(before) - Counter(one.before for one in found if one.before)
    kept_after = Counter(after) - Counter(one.after for one in found if one.after)
    assert kept_before == kept_after
    assert sum(kept_before.values()) + sum(one.before is not None for one in found) == len(before)
    assert sum(kept_after.values()) + sum(one.after is not None for one in found) == len(after)


@given(st.lists(some, max_size=8), st.lists(some, max_size=8))
def test_looking_from_the_other_side_turns_every_change_round(
    before: list[PreviewTelling], after: list[PreviewTelling]
) -> None:
    there, back = difference(before, after), difference(after, before)
    turned = {DifferenceKind.ADDED: DifferenceKind.GONE, DifferenceKind.GONE: DifferenceKind.ADDED}
    assert Counter(one.change for one in there) == Counter(turned.get(one.change, one.change) for one in back)


def test_a_telling_a_minute_later_on_the_same_day_is_the_same() -> None:
    one = a_telling()
    assert difference([one], [replace(one, at=one.at + timedelta(minutes=1))]) == []
