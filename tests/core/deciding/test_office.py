"""What the office says by itself: lists a person can read, and the troubles the machine cannot mend."""

from __future__ import annotations

from datetime import date

from bot.core.deciding import office
from bot.core.deciding.findings import Finding, judge
from bot.core.deciding.office import OfficeKind, Trouble, unconfirmed
from bot.core.facts.facts import Facts
from bot.core.rules.rulebook import Rulebook
from tests.kit.builders import a_duty, a_milestone, a_rulebook, an_undated, moment, the_county
from tests.stories.timeline import Timeline


def is_office(finding: Finding) -> bool:
    return isinstance(finding.item.rule.kind, OfficeKind)


def said(rulebook: Rulebook, day: str, facts: Facts | None = None) -> dict[str, Finding]:
    today = date.fromisoformat(day)
    known = facts or Facts()
    return {f.item.id: f for f in office.findings(rulebook, known, judge(rulebook, known, today), today)}


def test_every_finding_of_the_office_knows_it_is_one() -> None:
    found = said(the_county(), "2027-01-04")
    assert all(is_office(finding) for finding in found.values())
    assert not any(is_office(finding) for finding in judge(the_county(), Facts(), date(2027, 1, 4)))
    assert {"系统:待确认@2027Q1", "系统:待定@2027Q1", "系统:日历@2027", "交办:T05", "交办:I4"} <= set(found)


def test_proposed_steps_are_listed_with_their_dates() -> None:
    step = "编号: T05-M1-01, 名称: 县级自评, 完成时限: 2027-03-31, 依据: 建议"
    found = said(a_rulebook(a_milestone(more="结果公布: 2028-03-31", steps=[step])), "2026-11-23")
    assert found["系统:待确认@启动"].lines == (
        "待确认事项1项，待确认牵头单位0处。确认前不发给责任单位。",
        "T05-M1 国家评估认定：2027年底（2028年3月31日前公布结果）；步骤 T05-M1-01 2027年3月31日",
    )


def test_nothing_is_listed_when_nothing_waits() -> None:
    found = said(a_rulebook(a_milestone()), "2027-01-04")
    assert not [item for item in found if item.startswith(("系统:待确认", "系统:待定"))]


def test_confirmed_everything_waits_for_nobody() -> None:
    assert unconfirmed(the_county(), Facts(all_confirmed=True)) == ([], {})
    rules, leads = unconfirmed(the_county(), Facts())
    assert len(rules) > 40
    assert {"T05": "县教育局", "I4": "县教育局"}.items() <= leads.items()


def test_long_lists_of_undated_items_are_broken_into_readable_lines() -> None:
    many = [an_undated(f"T05-D{n}", title=f"{'长' * 40}{n}") for n in range(1, 31)]
    lines = said(a_rulebook(*many), "2027-01-04")["系统:待定@2027Q1"].lines
    assert lines[0] == "未定时限30项，请确定时限后改为节点或周期。"
    assert max(map(len, lines)) <= 200
    assert all(any(f"D{n}{'长' * 40}{n}" in line for line in lines) for n in range(1, 31))


def test_trouble_is_repeated_every_working_day_while_it_lasts() -> None:
    story = Timeline(a_rulebook(a_duty(cadence="每年12月31日")), start="2027-03-01")
    trouble = Trouble("机器人失效", "机器人失效", moment("2027-03-01 08:00"), ("县教育局的机器人已失效。",))
    rulebook, facts = story.rulebook, story.facts
    for day, told in (("2027-03-01", "当天"), ("2027-03-02", "逾期每1个工作日")):
        today = date.fromisoformat(day)
        (found,) = [f for f in office.findings(rulebook, facts, [], today, [trouble]) if "失效" in f.item.id]
        labels = [rung.offset.words() for rung in found.item.rule.ladder.rungs]
        assert told in labels
    assert found.lines == ("县教育局的机器人已失效。",)
