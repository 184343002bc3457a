"""机构改革和改编号: units renamed or merged, items renumbered; what was said counts, and nobody hears it twice."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from bot.core.deciding.memory import Tellings
from bot.core.facts.events import Closed, Confirmed, Done, Extended, Observed, Returned, Silenced
from bot.core.facts.facts import fold
from bot.core.rules.rulebook import Rulebook
from tests.kit.builders import INDICATOR, UNITS, a_duty, a_milestone, a_rulebook, an_event, moment
from tests.stories.timeline import Timeline


class Reform(Timeline):
    """A timeline that survives reforms: what happened and what was told is looked at under the new rulebook's names."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._events: list[object] = []

    def happens(self, payload: object) -> None:
        self._events.append(an_event(payload, self.now))  # type: ignore[arg-type]
        super().happens(payload)  # type: ignore[arg-type]

    def reformed(self, rulebook: Rulebook) -> None:
        """The rule files are edited, and everything kept is read again under today's names, as the store does."""
        self.edited(rulebook)
        start = type(self.facts)(all_confirmed=self.facts.all_confirmed, names=rulebook.succession)
        self.facts = fold(self._events, start)  # type: ignore[arg-type]
        hearings = self.tellings.hearings.copy(rulebook.succession)
        self.tellings = Tellings(self.tellings, rulebook.succession, hearings)


def renamed(*items: str, **more: str) -> Rulebook:
    """县教育局 is now called 县教育和科技局."""
    units = UNITS.replace("名称: 县教育局", "名称: 县教育和科技局, 曾用名: [县教育局]")
    more.setdefault("units", "县教育和科技局, 县财政局")
    return a_rulebook(*items, unit_file=units, lead_unit="县教育和科技局", **more)


def merged(*items: str, **more: str) -> Rulebook:
    """县教育局 went into 县人社局; the task still names it."""
    return a_rulebook(*items, unit_file=gone("县教育局", "县人社局"), **more)


def gone(unit: str, into: str) -> str:
    return UNITS.replace(f"名称: {unit}", f"名称: {unit}, 已并入: {into}")


MILESTONE = a_milestone(due="2027年6月底前")


# --- renamed ---------------------------------------------------------------------------


def test_a_renamed_unit_is_not_told_again_and_hears_the_next_rung_under_its_new_name() -> None:
    story = Reform(a_rulebook(MILESTONE), start="2027-05-31")
    story.at("2027-06-01 18:00")
    story.reformed(renamed(MILESTONE))
    assert story.at("2027-06-22 18:00").rows == []
    story.at("2027-06-23 18:00").expect(
        "县教育和科技局 汇总 T05-M1 提前7天 NEXT_RUNG", "县财政局 汇总 T05-M1 提前7天 NEXT_RUNG"
    )


def test_confirmed_leads_rules_and_silences_of_a_renamed_unit_stay() -> None:
    proposed = a_duty(basis="建议")
    before = a_rulebook(proposed, lead="建议")
    story = Reform(before, start="2027-02-22")
    story.at("2027-02-22 18:00")
    story.happens(Confirmed(rules={"T05-R1": before.by_id["T05-R1"].fingerprint}, leads={"T05": "县教育局"}))
    story.happens(Silenced(chat="县教育局", until=moment("2027-03-10 12:00"), reason="部署"))
    story.reformed(renamed(proposed, lead="建议"))
    story.at("2027-03-09 18:00").expect_nothing()
    story.at("2027-03-11 18:00").expect("县教育和科技局 汇总 T05-R1@2027-1 提前15天 FIRST")


def test_the_leader_of_a_renamed_unit_is_not_told_again() -> None:
    late = a_milestone(due="2027-05-14")
    story = Reform(a_rulebook(late), start="2027-05-14")
    assert any(row.addressee == "县教育局·分管领导" for row in story.at("2027-05-31 18:00").rows)
    story.reformed(renamed(late))
    assert not any(row.role == "分管领导" for row in story.at("2027-06-04 18:00").rows)


# --- merged ----------------------------------------------------------------------------


def test_what_the_merged_unit_was_told_is_not_told_to_its_successor_again() -> None:
    story = Reform(a_rulebook(MILESTONE), start="2027-05-31")
    story.at("2027-06-01 18:00")
    story.reformed(merged(MILESTONE))
    passed = story.at("2027-06-22 18:00").expect_nothing()
    assert [(row.item, row.addressee) for row in passed.rows] == [("交办:T05", "县人社局")]  # new to it, said once
    passed = story.at("2027-06-29 18:00")
    passed.expect(
        "县人社局 汇总 T05-M1 提前7天 NEXT_RUNG",
        "县财政局 汇总 T05-M1 提前7天 NEXT_RUNG",
        "县人社局 单发 T05-M1 提前1个工作日 NEXT_RUNG",
    )
    assert not any(one.draft.chat == "县教育局" for one in passed.sent)


def test_lead_and_helper_that_become_one_hear_of_an_item_once() -> None:
    story = Reform(a_rulebook(MILESTONE), start="2027-05-31")
    story.at("2027-06-01 18:00")
    story.reformed(a_rulebook(MILESTONE, unit_file=gone("县教育局", "县财政局")))
    passed = story.at("2027-06-24 18:00")
    passed.expect("县财政局 汇总 T05-M1 提前7天 NEXT_RUNG")
    assert passed.rows[0].role == "牵头单位"
    [handed] = [row for row in passed.rows if row.item == "交办:T05"]  # it helped and leads now
    assert handed.leads == ("T05-M1",)


def test_what_was_confirmed_stays_confirmed_when_lead_and_helper_become_one() -> None:
    proposed = a_milestone(due="2027年6月底前", basis="建议")
    before = a_rulebook(proposed)
    story = Reform(before, start="2027-05-03")
    story.happens(Confirmed(rules={"T05-M1": before.by_id["T05-M1"].fingerprint}))
    story.reformed(a_rulebook(proposed, unit_file=gone("县教育局", "县财政局")))
    assert story.reasons("T05-M1")["县财政局"] != "UNCONFIRMED"


def test_a_silenced_group_of_a_merged_unit_does_not_silence_its_successor() -> None:
    story = Reform(a_rulebook(MILESTONE), start="2027-05-24")
    story.happens(Silenced(chat="县教育局", until=moment("2027-09-01 12:00"), reason="部署"))
    story.reformed(merged(MILESTONE))
    assert any(row.item == "T05-M1" and row.addressee == "县人社局" for row in story.at("2027-06-01 18:00").rows)


def test_a_chain_of_mergers_ends_at_the_last_unit() -> None:
    units = gone("县教育局", "县人社局").replace(
        "名称: 县人社局", "名称: 县人社局, 已并入: 县民政局, 曾用名: [县人事局]"
    )
    rulebook = a_rulebook(MILESTONE, unit_file=units)
    assert rulebook.succession.unit("县教育局") == "县民政局"
    assert rulebook.succession.unit("县人事局") == "县民政局"
    assert rulebook.by_id["T05-M1"].lead is not None
    assert rulebook.by_id["T05-M1"].lead.unit == "县民政局"
    assert set(rulebook.addressable) == {"县财政局", "县民政局", "各学校"}


def test_who_was_told_of_trouble_hears_through_its_successor_that_it_is_over() -> None:
    late = a_milestone(due="2027-05-14")
    story = Reform(a_rulebook(late), start="2027-05-14")
    story.at("2027-05-18 18:00")
    story.reformed(merged(late))
    story.at("2027-05-18 23:00")
    story.happens(Closed(item="T05-M1", by="秘书组"))
    story.at("2027-05-20 18:00").expect("县人社局 汇总 T05-M1 恢复 RECOVERED")


def test_a_data_provider_that_was_merged_is_followed() -> None:
    story = Reform(a_rulebook(indicators=INDICATOR), start="2027-03-15")
    story.at("2027-03-17 18:00")
    story.reformed(a_rulebook(indicators=INDICATOR, unit_file=gone("县民政局", "县财政局")))
    story.at("2027-04-19 18:00").expect("县财政局 汇总 I4:报送@2026 逾期1个工作日 WORSENED")


# --- renumbered ------------------------------------------------------------------------


def test_a_renumbered_item_keeps_its_rungs_marks_and_steps() -> None:
    steps = ["编号: T05-M1-01, 名称: 自评, 完成时限: 2027-06-10, 依据: 管理员"]
    story = Reform(a_rulebook(a_milestone(due="2027年6月底前", steps=steps)), start="2027-05-31")
    story.at("2027-06-04 18:00")
    story.happens(Done(item="T05-M1-01", by="县教育局"))
    moved = [step.replace("M1", "M7") for step in steps]
    story.reformed(a_rulebook(a_milestone("T05-M7", "2027年6月底前", steps=moved, more="曾用编号: [T05-M1]")))
    story.at("2027-06-22 18:00").expect_nothing()
    assert story.state("T05-M7-01") == "待核"
    story.happens(Returned(item="T05-M1-01", reason="缺材料"))  # whoever still says the old number is understood
    assert story.state("T05-M7-01") == "逾期"


def test_periods_extensions_and_silences_of_a_renumbered_duty_follow() -> None:
    story = Reform(a_rulebook(a_duty()), start="2027-02-22")
    story.happens(
        Extended(item="T05-R1@2027-1", to=date(2027, 4, 16), rule_due=date(2027, 3, 15), reason="等待", by="秘书组")
    )
    story.happens(Silenced(item="T05-R1", until=moment("2027-04-05 12:00"), reason="部署"))
    story.reformed(a_rulebook(a_duty("T05-R8", more="曾用编号: [T05-R1]")))
    story.at("2027-04-02 18:00").expect_nothing()
    story.at("2027-04-07 18:00").expect("县教育局 汇总 T05-R8@2027-1 提前15天 FIRST")


def test_values_of_a_renumbered_indicator_count() -> None:
    story = Reform(a_rulebook(indicators=INDICATOR), start="2027-02-01")
    story.happens(Observed(indicator="I4", period="2026", value=Decimal("96.1"), by="县民政局"))
    story.reformed(a_rulebook(indicators=INDICATOR.replace("编号: I4", "编号: I9\n  曾用编号: [I4]")))
    assert story.state("I9:报送@2026") == "销号"
    story.at("2027-05-31 18:00").expect_nothing()


def test_what_was_confirmed_under_the_former_number_stays_confirmed() -> None:
    steps = ["编号: T05-M1-01, 名称: 自评, 完成时限: 2027-06-10, 依据: 建议"]
    before = a_rulebook(a_milestone(due="2027年6月底前", steps=steps))
    story = Reform(before, start="2027-05-31")
    story.happens(Confirmed(rules={"T05-M1": before.by_id["T05-M1"].fingerprint}))
    moved = [step.replace("M1", "M7") for step in steps]
    story.reformed(a_rulebook(a_milestone("T05-M7", "2027年6月底前", steps=moved, more="曾用编号: [T05-M1]")))
    assert story.facts.confirms(story.rulebook.by_id["T05-M7"])


def test_the_admin_is_not_reminded_again_to_check_a_renumbered_item() -> None:
    story = Reform(a_rulebook(MILESTONE), start="2027-05-03")
    story.happens(Done(item="T05-M1", by="县教育局"))
    assert any(row.item == "系统:待核:T05-M1" for row in story.at("2027-05-12 18:00").rows)
    story.reformed(a_rulebook(a_milestone("T05-M7", "2027年6月底前", more="曾用编号: [T05-M1]")))
    assert not [row for row in story.at("2027-05-14 18:00").rows if row.item.startswith("系统:待核")]
