"""Every word a chat reads: golden texts, and what must never be said."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import cache

import pytest

from bot.core.deciding import office
from bot.core.deciding.addressees import ADMIN
from bot.core.deciding.desk import Used
from bot.core.deciding.findings import Finding, judge
from bot.core.deciding.look import Scene
from bot.core.deciding.memory import Tellings
from bot.core.facts.events import Closed, Done, Extended, Observed, Returned
from bot.core.facts.facts import Facts
from bot.core.preview.preview import preview_of
from bot.core.rules.item import State
from bot.core.rules.rulebook import Rulebook
from bot.core.telling.entry import Entry, Telling
from bot.core.telling.message import Message, Paint
from bot.core.telling.outbox import promised
from bot.core.telling.wording import Letterhead, Words, day_text, each_value_once, quoted_once, short_day, word
from bot.core.time.windows import OfficeHours
from tests.kit.builders import (
    INDICATOR,
    a_duty,
    a_milestone,
    a_rulebook,
    an_undated,
    everybody,
    facts_after,
    moment,
    the_county,
)
from tests.stories.timeline import Timeline

HEAD = Letterhead(phone="0936-0000000")
MILESTONE = a_milestone(
    "T05-M1", "2027-03-31", title="义务教育优质均衡创建：市级复核材料", more="出处: 创建工作高标准通过国家评估认定"
)
PRESSURE = ("收到请回复", "务必", "立即", "否则", "通报批评", "排名", "接龙", "@所有人", "打卡", "！", "!")


def found_on(day: str, rulebook: Rulebook, facts: Facts | None = None) -> dict[str, Finding]:
    today = date.fromisoformat(day)
    items = judge(rulebook, facts or Facts(), today)
    said = office.findings(rulebook, facts or Facts(), items, today)
    return {finding.item.id: finding for finding in (*items, *said)}


def a_row(finding: Finding, **changes: object) -> Telling:
    row = Telling(
        item=finding.item.id, rule=finding.item.rule.id, title=finding.item.shown_title, unit="县教育局",
        addressee="县教育局", role="牵头单位", state=finding.state.value, due_on=finding.due_on, rung="提前7天",
        rung_on=date(2027, 3, 24), form="汇总", reason="FIRST",
    )  # fmt: skip
    return replace(row, **changes)  # type: ignore[arg-type]


def written(
    rulebook: Rulebook, day: str, *rows: tuple[str, dict[str, object]], facts: Facts | None = None, form: str = "汇总",
    head: Letterhead = HEAD, resent: bool = False, chat: str = "县教育局",
) -> Message:  # fmt: skip
    """The message for these items on that day."""
    findings = found_on(day, rulebook, facts)
    made = tuple(a_row(findings[item], form=form, **changes) for item, changes in rows)
    at = moment(f"{day} 08:50")
    entry = Entry(
        number="2027-0412", chat=chat, form=form, slot=True, tellings=made, at=at, next_attempt_at=at, resent=resent
    )
    return word(entry, Words(rulebook, findings, at.date(), head))


def text(message: Message) -> str:
    return "\n".join((message.headline, *(line.text for line in (*message.lines, *message.foot))))


# --- golden texts ---------------------------------------------------------------


def test_single_before_the_date() -> None:
    message = written(a_rulebook(MILESTONE), "2027-03-24", ("T05-M1", {}), form="单发")
    assert (
        text(message)
        == """\
【临期提醒】义务教育优质均衡创建：市级复核材料
编号：T05-M1　灯号：蓝灯（临期）
牵头单位：县教育局；配合单位：县财政局
完成时限：2027年3月31日（剩余7天，含5个工作日）（暂定日历）
依据：实施方案（征求意见稿）第（五）项“创建工作高标准通过国家评估认定”
请在时限前更新台账进展；确需延期，请于到期前提出原因和新时限。
联系：督办办公室 0936-0000000
编号 2027-0412 · 本消息由系统自动发送，无需在群内回复"""
    )


def test_single_after_the_date() -> None:
    message = written(a_rulebook(MILESTONE), "2027-04-01", ("T05-M1", {"rung": "逾期1个工作日"}), form="单发")
    assert text(message).splitlines()[:6] == [
        "【逾期提醒】义务教育优质均衡创建：市级复核材料",
        "编号：T05-M1　灯号：红灯（逾期）",
        "牵头单位：县教育局；配合单位：县财政局",
        "完成时限：2027年3月31日（已逾期1天）",
        "依据：实施方案（征求意见稿）第（五）项“创建工作高标准通过国家评估认定”",
        "请反馈进展；确需延期，请说明原因和新时限。",
    ]


def test_what_is_not_due_yet_claims_no_progress_and_has_no_lamp() -> None:
    message = written(a_rulebook(MILESTONE), "2027-01-04", ("T05-M1", {}), form="单发")
    assert message.lines[0].text == "编号：T05-M1　灯号：在办（未到期）"
    assert message.lines[0].paint is Paint.NONE


def test_single_to_a_leader_informs_and_asks_nothing_of_them() -> None:
    row: dict[str, object] = {"role": "分管领导", "rung": "逾期10个工作日", "mark": "提请办公室报县教育局分管领导"}
    shown = text(written(a_rulebook(MILESTONE), "2027-04-15", ("T05-M1", row), form="单发", chat=ADMIN))
    assert "逾期较久，提请关注。\n提请办公室报县教育局分管领导\n" in shown
    assert "请反馈进展" not in shown


def test_single_about_a_return() -> None:
    facts = facts_after((Returned(item="T05-M1", reason="缺少佐证材料"), "2027-03-01 10:00"))
    shown = text(written(a_rulebook(MILESTONE), "2027-03-01", ("T05-M1", {"rung": "退回"}), form="单发", facts=facts))
    assert shown.startswith("【退回】义务教育优质均衡创建：市级复核材料\n")
    assert "经核实退回：缺少佐证材料。请补充完善后再报。" in shown


def test_the_reason_of_a_return_stands_in_every_line_to_its_lead_and_in_nobody_elses() -> None:
    facts = facts_after((Returned(item="T05-M1", reason="缺少\n佐证材料。"), "2027-03-30 10:00"))
    late = a_rulebook(MILESTONE)
    digest = text(written(late, "2027-04-08", ("T05-M1", {"rung": "逾期5个工作日"}), facts=facts))
    assert "已逾期8天　经核实退回：缺少 佐证材料\n" in digest
    above = text(written(late, "2027-04-08", ("T05-M1", {"role": "领导小组"}), facts=facts, chat="领导小组"))
    hidden = a_rulebook(a_milestone("T05-M1", "2027-03-31", more="敏感: true"))
    secret = text(written(hidden, "2027-04-08", ("T05-M1", {"rung": "退回"}), form="单发", facts=facts))
    assert "佐证材料" not in above + secret
    assert "经核实退回。请补充完善后再报。" in secret


def test_single_about_a_missing_value_asks_the_provider() -> None:
    rulebook = a_rulebook(indicators=INDICATOR)
    shown = text(written(rulebook, "2027-04-20", ("I4:报送@2026", {"role": "数据来源"}), form="单发"))
    assert shown.splitlines()[:6] == [
        "【数据未报提醒】高中阶段毛入学率（2026年度）",
        "编号：I4:报送@2026　灯号：黄灯（未报）",
        "数据报送单位：县民政局",
        "完成时限：2027年3月31日（宽限至4月15日，已逾期5天）",
        "依据：实施方案（征求意见稿）指标",
        "请报送该期数据。",
    ]


def test_single_about_a_verdict_shows_the_value_and_no_deadline() -> None:
    facts = facts_after((Observed(indicator="I4", period="2027", value=Decimal("96.2")), "2028-04-05 10:00"))
    shown = text(written(a_rulebook(indicators=INDICATOR), "2028-04-06", ("I4@2027", {}), form="单发", facts=facts))
    assert "【指标提醒】高中阶段毛入学率2027年目标（达到97%）" in shown
    assert "完成值96.2%，目标达到97%" in shown
    assert "请研究改进措施。" in shown
    assert "完成时限" not in shown


def test_digest_of_a_day() -> None:
    rulebook = a_rulebook(
        a_milestone("T05-M1", "2027-03-31", title="国家评估认定"),
        a_milestone("T05-M2", "2027年底", title="校舍改造", more="结果公布: 2028-03-31"),
        a_duty(cadence="每年3月15日"),
        indicators=INDICATOR,
    )
    message = written(
        rulebook,
        "2027-03-24",
        ("T05-M1", {}),
        ("T05-R1@2027", {}),
        ("T05-M2", {"role": "配合单位"}),
        ("I4:报送@2026", {}),
    )
    assert (
        text(message)
        == """\
【督办汇总】县教育局 · 3月24日（周三）
共4项：逾期1、临期2、在办（未到期）1
一、逾期
1. 控辍保学学期排查（T05-R1@2027）　时限3月15日，已逾期9天　请反馈进展或申请延期
二、临期
1. 高中阶段毛入学率（2026年度）（I4:报送@2026）　时限3月31日，剩余7天（5个工作日）（暂定日历）　请报送数据
2. 国家评估认定（T05-M1）　时限3月31日，剩余7天（5个工作日）（暂定日历）
三、在办（未到期）
1. 校舍改造（T05-M2）　时限12月31日，剩余282天（198个工作日）（暂定日历）　牵头：县教育局
依据：实施方案（征求意见稿）　联系：督办办公室 0936-0000000
编号 2027-0412 · 本消息由系统自动发送，无需在群内回复"""
    )


def test_assignment_lists_every_duty_with_its_date_in_words() -> None:
    rulebook = a_rulebook(
        a_milestone("T05-M1", "2027年底", more="结果公布: 2028-03-31"), a_duty(), an_undated(), indicators=INDICATOR
    )
    rows: list[tuple[str, dict[str, object]]] = [("交办:I4", {}), ("交办:T05", {})]
    message = written(rulebook, "2026-11-23", *rows)
    assert [line.text for line in message.lines] == [
        "一、交办",
        "牵头：第（五）项　高质量推动义务教育优质均衡发展",
        "事项：",
        "· 国家评估认定（T05-M1）　2027年底（2028年3月31日前公布结果）",
        "· 控辍保学学期排查（T05-R1）　每年3月15日、9月15日",
        "指标（数据由其他单位报送）：",
        "· 高中阶段毛入学率",
    ]
    assert message.title == "【事项交办】县教育局 · 11月23日（周一）"
    provider = written(
        rulebook, "2026-11-23", ("交办:I4", {"addressee": "县民政局", "role": "配合单位"}), chat="县民政局"
    )
    assert [line.text for line in provider.lines[1:]] == [
        "指标数据　每年报送，次年3月31日前（宽限10个工作日）：",
        "· 高中阶段毛入学率",
    ]


def test_duties_with_one_date_stand_under_it_and_tasks_without_a_duty_are_only_named() -> None:
    rulebook = a_rulebook(
        a_duty("T05-R1", title="第一项", cadence="每季度末"),
        a_duty("T05-R2", title="第二项", cadence="每季度末"),
        a_duty("T05-R3", title="第三项", cadence="每年底", more="配合: [县财政局]"),
    )
    assert [line.text for line in written(rulebook, "2026-11-23", ("交办:T05", {})).lines] == [
        "一、交办",
        "牵头：第（五）项　高质量推动义务教育优质均衡发展",
        "事项：",
        "· 第三项（T05-R3）　每年底",
        "每季度末：",
        "· 第一项（T05-R1）",
        "· 第二项（T05-R2）",
    ]
    helper: dict[str, object] = {"addressee": "县财政局", "role": "配合单位"}
    assert [line.text for line in written(rulebook, "2026-11-23", ("交办:T05", helper), chat="县财政局").lines] == [
        "一、交办",
        "配合：第（五）项　高质量推动义务教育优质均衡发展",
        "事项：",
        "· 第三项（T05-R3）　每年底",
    ]


def put_off(item: str, due: str, to: str) -> Extended:
    return Extended(item=item, to=date.fromisoformat(to), rule_due=date.fromisoformat(due), reason="顺延", by="督查室")


def test_what_is_handed_over_is_open_and_has_the_date_in_force() -> None:
    rulebook = a_rulebook(
        a_milestone("T05-M1", "2027-03-31"), a_milestone("T05-M2", "2027-03-31", title="第二项"),
        a_milestone("T05-M3", "2027-03-31", title="第三项"), a_duty(cadence="每季度末"),
    )  # fmt: skip
    facts = facts_after(
        (put_off("T05-M1", "2027-03-31", "2027-05-01"), "2026-11-20 10:00"),
        (Closed(item="T05-M2", by="督查室"), "2026-11-20 10:00"),
        (Done(item="T05-M3", by="县教育局"), "2026-11-20 10:00"),
        (put_off("T05-R1@2026Q4", "2026-12-31", "2027-01-20"), "2026-11-20 10:00"),
    )
    assert [line.text for line in written(rulebook, "2026-11-23", ("交办:T05", {}), facts=facts).lines][2:] == [
        "事项：",
        "· 国家评估认定（T05-M1）　延期至2027年5月1日",
        "· 控辍保学学期排查（T05-R1）　每季度末，2026Q4延期至2027年1月20日",
    ]


def test_each_line_of_a_shared_chat_says_whose_it_is() -> None:
    rulebook = a_rulebook(MILESTONE, a_duty(more="配合: [县财政局]"))
    shared: dict[str, object] = {"addressee": "县财政局", "unit": "县财政局", "role": "配合单位"}
    rows: list[tuple[str, dict[str, object]]] = [("T05-R1@2027-1", {}), ("T05-M1", {}), ("T05-M1", shared)]
    own, both = [line.text for line in written(rulebook, "2027-03-10", *rows).lines if "（T05-" in line.text]
    assert "县" not in own
    assert both.endswith("（县教育局、县财政局）")
    single = written(rulebook, "2027-03-24", ("T05-M1", shared), form="单发")
    assert "通知对象：县财政局" in text(single)
    handed = text(written(rulebook, "2026-11-23", ("交办:T05", {}), ("交办:T05", shared)))
    assert "县教育局牵头、县财政局配合：第（五）项" in handed
    assert "每年3月15日、9月15日　县教育局牵头、县财政局配合" in handed


def test_monthly_list_names_the_unit_responsible() -> None:
    rulebook = a_rulebook(MILESTONE)
    row: dict[str, object] = {"role": "领导小组", "addressee": "领导小组"}
    message = written(rulebook, "2027-06-01", ("T05-M1", row), form="月度清单", chat="领导小组")
    assert message.title == "【月度清单】领导小组 · 6月1日（周二）"
    assert message.lines[2].text.endswith("时限3月31日，已逾期62天　责任单位：县教育局")


def a_long_list() -> tuple[list[Finding], list[str]]:
    """57 findings about the same day's list, and the lines that it makes of them."""
    rulebook = a_rulebook(MILESTONE, a_duty(cadence="每周五"), indicators=INDICATOR)
    findings = found_on("2027-12-01", rulebook)
    rows = [f for f in findings.values() if f.state in (State.OVERDUE, State.UNREPORTED)]
    row: dict[str, object] = {"role": "领导小组", "addressee": "领导小组"}
    message = written(rulebook, "2027-12-01", *((one.item.id, row) for one in rows), form="月度清单", chat="领导小组")
    return rows, [line.text for line in message.lines]


def test_a_long_monthly_list_has_forty_lines_and_counts_the_rest_by_unit() -> None:
    rows, lines = a_long_list()
    assert len(rows) > 40
    assert len(lines) == 40
    assert lines[-1] == f"其余{len(rows) - 37}项：县教育局{len(rows) - 38}项、县民政局1项"


def test_a_monthly_list_begins_with_what_is_late_longest_and_does_not_mix_states() -> None:
    _, lines = a_long_list()
    late = [int(found[1]) for line in lines if (found := re.search(r"已逾期(\d+)天", line))]
    assert late == sorted(late, reverse=True)
    assert all("I4:报送" not in line for line in lines), "逾期 stands before 数据未报"


def test_all_sections_at_once_are_numbered_on() -> None:
    facts = facts_after((Observed(indicator="I4", period="2027", value=Decimal(96)), "2027-03-20 10:00"))
    rulebook = a_rulebook(MILESTONE, a_duty(cadence="每年3月15日"), indicators=INDICATOR)
    items = ("T05-M1", "T05-R1@2027", "I4@2027", "I4:报送@2026", "交办:T05", "系统:日历@2027")
    findings = found_on("2027-01-20", rulebook, facts) | found_on("2027-03-24", rulebook, facts)
    rows = [a_row(findings[item]) for item in items] + [a_row(findings["T05-R1@2027"], form="月度清单")]
    at = moment("2027-03-24 08:50")
    entry = Entry(
        number="2027-1", chat="县教育局", form="汇总", slot=True, tellings=tuple(rows), at=at, next_attempt_at=at
    )
    headings = [
        line.text for line in word(entry, Words(rulebook, findings, at.date(), HEAD)).lines if line.kind == "heading"
    ]
    assert headings == [
        "一、交办", "二、逾期", "三、未达标", "四、临期", "五、请办公室处理", "六、月度清单（逾期较久或未达标）",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("第（十二）项““特岗教师”工资性补助”", "第（十二）项“‘特岗教师’工资性补助”"),
        ("没有“落实“双减”政策”，是不是“双减”", "没有“落实‘双减’政策”，是不是“双减”"),
        ("“教会、勤练、常赛”和“双减”", "“教会、勤练、常赛”和“双减”"),
        ("甲”乙“丙", "甲”乙“丙"),
    ],
)
def test_marks_within_marks_are_single_ones(text: str, expected: str) -> None:
    assert quoted_once(text) == expected


def test_a_source_that_begins_with_a_quotation_is_quoted_once_around_it() -> None:
    rulebook = a_rulebook(a_milestone("T05-M1", "2027-03-31", more="出处: “特岗教师”工资性补助"))
    message = written(rulebook, "2027-03-24", ("T05-M1", {}), form="单发")
    assert "第（五）项“‘特岗教师’工资性补助”" in text(message)


# --- times and marks -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2027-12-24", "时限12月31日，剩余7天（5个工作日）"),
        ("2027-12-31", "时限12月31日，今日到期"),
        ("2028-01-04", "时限2027年12月31日，待公布，3月31日前公布结果"),
        ("2028-04-03", "时限2027年12月31日，应于3月31日前公布结果，已逾期3天"),
        ("2026-12-31", "时限2027年12月31日，剩余365天（254个工作日）"),
    ],
)
def test_remaining_days_are_counted_to_the_day_of_sending(day: str, expected: str) -> None:
    rulebook = a_rulebook(a_milestone(more="结果公布: 2028-03-31"))
    line = next(line.text for line in written(rulebook, day, ("T05-M1", {})).lines if line.text.startswith("1. "))
    assert expected in line


def test_report_inside_its_grace_is_not_called_late() -> None:
    line = written(a_rulebook(indicators=INDICATOR), "2027-04-02", ("I4:报送@2026", {})).lines[2].text
    assert "在宽限期内" in line
    assert "逾期" not in line


def test_the_year_is_shown_when_it_is_not_this_one() -> None:
    assert day_text(date(2027, 9, 15), date(2027, 1, 1)) == "9月15日"
    assert day_text(date(2028, 9, 15), date(2027, 1, 1)) == "2028年9月15日"
    assert short_day(date(2027, 12, 24)) == "12月24日（周五）"


def test_resent_and_drilled_messages_say_so() -> None:
    rulebook = a_rulebook(MILESTONE)
    drill = replace(HEAD, mark="演练")
    assert written(rulebook, "2027-03-24", ("T05-M1", {}), head=drill).headline.startswith("【演练】【督办汇总】")
    assert written(rulebook, "2027-03-24", ("T05-M1", {}), resent=True).headline.startswith("【补发】【督办汇总】")
    assert written(rulebook, "2027-03-24", ("T05-M1", {}), resent=True).number == "2027-0412"


def test_of_a_digest_only_the_lines_that_may_have_been_seen_say_so() -> None:
    rulebook = a_rulebook(a_milestone(due="2027-03-31"), a_milestone("T05-M2", due="2027-03-30"))
    partly = written(rulebook, "2027-03-24", ("T05-M1", {"seen": True}), ("T05-M2", {}))
    assert partly.mark == ""
    assert [("补发，可能已收到" in line.text) for line in partly.lines if "T05-M" in line.text] == [False, True]
    wholly = written(rulebook, "2027-03-24", ("T05-M1", {"seen": True}), ("T05-M2", {"seen": True}))
    assert wholly.mark == "补发"
    assert "补发" not in "".join(line.text for line in wholly.lines)


def test_issued_plan_is_no_longer_called_a_draft() -> None:
    plan = a_rulebook(MILESTONE).plan.model_copy(update={"status": "印发", "number": "民政发〔2027〕1号"})
    rulebook = replace(a_rulebook(MILESTONE), plan=plan)
    shown = text(written(rulebook, "2027-03-24", ("T05-M1", {})))
    assert "依据：实施方案（民政发〔2027〕1号）" in shown
    assert "征求意见稿" not in shown


def test_state_is_a_word_and_its_colour_is_configured() -> None:
    head = replace(HEAD, paint={"临期": "yellow"})
    line = written(a_rulebook(MILESTONE), "2027-03-24", ("T05-M1", {}), form="单发", head=head).lines[0]
    assert (line.text, line.light, line.paint) == ("编号：T05-M1　灯号：黄灯（临期）", "临期", Paint.YELLOW)


def test_two_addressees_of_one_chat_share_one_line() -> None:
    rows: list[tuple[str, dict[str, object]]] = [
        ("T05-M1", {}), ("T05-M1", {"addressee": "县财政局", "role": "配合单位", "mark": "县财政局未配置群聊，请转告"}),
    ]  # fmt: skip
    lines = written(a_rulebook(MILESTONE), "2027-03-24", *rows).lines
    assert lines[0].text == "共1项：临期1"
    assert len(lines) == 3
    assert lines[2].text.endswith("（县财政局未配置群聊，请转告）")


# --- sensitive items -------------------------------------------------------------------

SECRET = ("秘密事项", "秘密步骤", "秘密出处", "秘密指标", "2600", "1999")


@cache
def a_secret_story() -> str:
    """Everything every chat reads in two years about a milestone, a duty, a commitment and an indicator marked 敏感."""
    step = "编号: T05-M1-01, 名称: 秘密步骤, 完成时限: 2027-03-10, 依据: 建议"
    undated_step = "编号: T05-M1-02, 名称: 秘密步骤, 依据: 建议"
    hidden = "敏感: true\n出处: 秘密出处"
    rulebook = a_rulebook(
        a_milestone("T05-M1", "2027-03-20", title="秘密事项", more=hidden, steps=[step, undated_step]),
        a_milestone("T05-M2", "2027-06-20", title="秘密事项", more=hidden, basis="建议"),
        a_duty(title="秘密事项", more=hidden),
        an_undated(title="秘密事项", more=hidden),
        indicators=INDICATOR.replace("高中阶段毛入学率", "秘密指标").replace("值: 97,", "值: 2600,") + "  敏感: true\n",
    )
    story = Timeline(rulebook, start="2026-11-23")
    texts = [story.at("2027-05-01 18:00").text]
    story.as_confirmed()
    texts.append(story.at("2028-04-05 18:00").text)
    story.happens(Observed(indicator="I4", period="2027", value=Decimal(1999)))
    texts.append(story.at("2028-05-10 18:00").text)
    titles = {
        row.title for one in story.sent for row in one.draft.tellings if not row.item.startswith(("交办", "系统"))
    }
    return "\n".join((*texts, *titles))


def test_sensitive_item_shows_only_number_unit_and_date() -> None:
    shown = a_secret_story()
    assert [word for word in SECRET if word in shown] == []
    for known in ("T05-M1-01", "T05-M1", "T05-M2", "T05-R1@2027-1", "T05-R1", "I4:报送@2027", "I4@2027", "M1-02", "D1"):
        assert known in shown
    assert "督办事项（T05-R1@2027-1）　时限3月15日" in shown
    assert "事项T05-R1　每年3月15日、9月15日" in shown
    assert "T05-M2：2027年6月20日" in shown
    assert "· 指标I4\n" in shown


# --- what must hold for every text -----------------------------------------------------------


@cache
def county_messages() -> tuple[Message, ...]:
    """Everything the county's chats read in fourteen months, proposals confirmed; and the admin's first year without."""
    return (*_messages(Facts(all_confirmed=True), "2028-01-31"), *_messages(Facts(), "2027-11-30"))


def _messages(facts: Facts, until: str) -> Iterator[Message]:
    rulebook = the_county()
    scene = Scene(rulebook, facts, Tellings(), everybody(rulebook), OfficeHours(), lambda chat, day: Used())
    for draft, findings in preview_of(scene, moment("2026-11-23"), moment(until)):
        entry = promised(draft, "2027-0001")
        yield word(entry, Words(rulebook, findings, draft.at.date(), HEAD))


def test_no_line_is_longer_than_two_hundred_characters() -> None:
    longest = max((line.text for message in county_messages() for line in message.lines), key=len)
    assert len(longest) <= 200, longest


def test_nothing_puts_pressure_on_anybody() -> None:
    for message in county_messages():
        shown = text(message)
        assert [pressure for pressure in PRESSURE if pressure in shown] == []


def test_dates_are_written_out_and_no_raw_value_shows() -> None:
    raw = re.compile(r"\d{4}-\d{2}-\d{2}|None|=\d|[A-Za-z_]{4,}")
    for message in county_messages():
        for line in message.lines:
            assert not raw.search(re.sub(r"duban( [a-z]+)+", "", line.text)), line.text


def test_every_message_is_signed_numbered_and_names_a_draft_while_it_is_one() -> None:
    for message in county_messages():
        foot = "\n".join(line.text for line in message.foot)
        assert "联系：督办办公室 0936-0000000" in foot
        assert "编号 2027-0001 · 本消息由系统自动发送，无需在群内回复" in foot
        if "办公室" not in text(message):
            assert "实施方案（征求意见稿）" in text(message)


def test_nothing_restricted_leaves_by_its_title() -> None:
    hidden = {rule.title for rule in the_county().rules if rule.sensitive}
    assert len(hidden) >= 6
    public = {rule.title for rule in the_county().rules if not rule.sensitive}
    for message in county_messages():
        shown = text(message)
        assert [title for title in hidden if title in shown and not any(title in other for other in public)] == []


def test_a_line_of_several_watches_gives_a_value_once() -> None:
    details = ["2027年35.3%，基期34.1%，要求不低于基期", "完成值35.3%，目标36%左右", "完成值5.3%，目标6%"]
    assert list(each_value_once(details)) == [details[0], "目标36%左右", details[2]]
    details = ["完成值99.5%，目标保持100%", "2027年99.5%，要求不低于100%"]
    assert list(each_value_once(details)) == [details[0], "要求不低于100%"]
