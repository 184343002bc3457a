"""Case events from outside: taken in order, with dates that can be, under ids that exist; else refused with a sentence."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from bot.core.deciding.admission import Refused, vetted
from bot.core.facts.events import (
    CaseAdvanced,
    CaseOpened,
    CasePaused,
    CaseResumed,
    Closed,
    Done,
    Extended,
    Observed,
    Payload,
    Returned,
    Silenced,
)
from bot.core.facts.facts import Facts
from bot.core.rules.rulebook import Rulebook
from tests.kit.builders import a_ban, a_case_rule, a_duty, a_rulebook, an_event, moment
from tests.rule_kinds.numbers import an_indicator

TODAY = date(2027, 3, 31)


def rulebook() -> Rulebook:
    return a_rulebook(a_case_rule(more="曾用编号: [T05-C9]"), a_ban(), a_duty())


def opened(on: int | date = 1, **change: Any) -> CaseOpened:
    day = on if isinstance(on, date) else date(2027, 3, on)
    return CaseOpened(**{"rule": "T05-C1", "case": "2027-003", "on": day, **change})


def step(number: int, on: int, rule: str = "T05-C1") -> CaseAdvanced:
    return CaseAdvanced(item=f"{rule}@2027-003-{number}", on=date(2027, 3, on))


def pause(on: int) -> CasePaused:
    return CasePaused(rule="T05-C1", case="2027-003", on=date(2027, 3, on), reason="协查")


def resume(on: int) -> CaseResumed:
    return CaseResumed(rule="T05-C1", case="2027-003", on=date(2027, 3, on))


def longer(month: int, day: int) -> Extended:
    to = date(2027, month, day)
    return Extended(item="T05-R1@2027-1", to=to, rule_due=date(2027, 3, 15), reason="施工", by="督查室")


def taken_in(*payloads: Payload) -> Facts:
    """Every payload vetted and folded, in order."""
    facts = Facts()
    for number, payload in enumerate(payloads):
        event = an_event(payload, f"2027-03-31 {8 + number:02}:00")
        facts = facts.after(vetted(event, rulebook(), (), TODAY, facts))
    return facts


ACCEPTED: tuple[tuple[Payload, ...], ...] = (
    (opened(),),
    (opened(31),),
    (opened(category="媒体反映"),),
    (opened(), opened(2, case="2027-004")),
    (opened(), step(1, 1)),
    (opened(), step(1, 3), step(2, 3), step(3, 9), step(4, 31)),
    (opened(), pause(1), resume(1)),
    (opened(), pause(2), resume(9), pause(9), resume(12), step(1, 12)),
    (opened(), step(1, 3), pause(3)),
    (opened(), pause(2), Closed(item="T05-C1@2027-003", by="秘书组")),
    (opened(rule="T05-B1"), step(1, 3, "T05-B1")),
    (opened(), Silenced(item="T05-C1@2027-003", until=moment("2027-06-30 17:00"), reason="协查")),
    (longer(5, 31), longer(6, 30)),
    (
        Closed(item="T05-R1@2027-1", by="督查室"),
        Returned(item="T05-R1@2027-1", reason="缺材料"),
        Done(item="T05-R1@2027-1"),
    ),
    (opened(rule="T05-C9"), step(1, 3, "T05-C9"), Closed(item="T05-C9@2027-003-2", by="秘书组")),
)

REFUSED: tuple[tuple[tuple[Payload, ...], str], ...] = (
    ((opened(rule="T05-C2"),), "没有办件事项“T05-C2”，是不是“T05-C1”？"),
    ((opened(rule="T05-R1"),), "T05-R1不是办件或禁止事项"),
    ((opened(case="张三"),), "件的编号只用数字、大写字母和连字符"),
    ((opened(case="2027_3"),), "件的编号只用数字、大写字母和连字符"),
    ((opened(case="2" * 21),), "不超过20个字"),
    ((opened(case="2027-003#1"),), "件的编号只用数字、大写字母和连字符"),
    ((opened(case="2027-003@1"),), "件的编号只用数字、大写字母和连字符"),
    ((opened(rule="T05-B1", case="2027"),), "也不能只是四位数字"),
    ((opened(), Done(item="T05-C1@2027-003")), "T05-C1@2027-003是一整件，请在后面写“#”和步骤的名称"),
    ((opened(), opened(case="2027-003-1"), Done(item="T05-C1@2027-003-1")), "T05-C1@2027-003-1是一整件"),
    ((opened(), CaseAdvanced(item="T05-C1@2027-003#调查", on=TODAY)), "现在是第1步，不是所写的那一步"),
    ((opened(), Closed(item="T05-C1@2027-003#张三", by="秘书组")), "T05-C1@2027-003没有这一步"),
    ((opened(category="媒体反应"),), "T05-C1没有所写的类别，可用：群众来信、媒体反映"),
    ((opened(rule="T05-B1", category="媒体反映"),), "T05-B1没有所写的类别，不要写类别"),
    ((opened(), pause(3).model_copy(update={"case": "张三"})), "件的编号只用数字、大写字母和连字符"),
    ((opened(), CaseAdvanced(item="T05-C1@张三-1", on=TODAY)), "件的编号只用数字、大写字母和连字符"),
    ((opened(), Closed(item="T05-C1@张三-1", by="秘书组")), "件的编号只用数字、大写字母和连字符"),
    ((opened(), opened(2)), "T05-C1的2027-003已经登记过"),
    ((opened(rule="T05-C9"), opened(2)), "T05-C1的2027-003已经登记过"),
    ((opened(date(2027, 4, 1)),), "登记日期2027-04-01还没有到"),
    ((opened(date(1927, 3, 1)),), "日期1927年超出范围"),
    ((step(1, 3),), "没有T05-C1的件“2027-003”"),
    ((opened(3), step(1, 2)), "办完日期2027-03-02早于"),
    ((opened(), step(2, 3)), "现在是第1步，不是第2步"),
    ((opened(), step(1, 3), step(1, 4)), "现在是第2步，不是第1步"),
    ((opened(), step(1, 9), step(2, 3)), "早于本步开始"),
    ((opened(), step(1, 3), step(2, 3), step(3, 3), step(4, 3), step(4, 4)), "T05-C1@2027-003已经办结"),
    ((opened(), CaseAdvanced(item="T05-C1", on=TODAY)), "件的编号只用数字、大写字母和连字符"),
    ((opened(), pause(2), step(1, 3)), "暂停计时，请先恢复计时"),
    ((pause(2),), "没有T05-C1的件“2027-003”"),
    ((opened(3), pause(2)), "暂停日期2027-03-02早于"),
    ((opened(), pause(2), pause(3)), "起已经暂停计时"),
    ((opened(), pause(2), resume(9), pause(8)), "暂停日期2027-03-08早于"),
    ((opened(), resume(3)), "没有暂停计时，不必恢复"),
    ((opened(), pause(3), resume(2)), "恢复日期2027-03-02早于暂停日期2027-03-03"),
    ((opened(), Closed(item="T05-C1@2027-003-2", by="秘书组")), "T05-C1@2027-003现在是第1步，没有走到第2步"),
    ((opened(), Closed(item="T05-C1@2027-004", by="秘书组")), "没有事项“T05-C1@2027-004”"),
    ((Closed(item="T05-R1@2027-1", by="督查室"), Done(item="T05-R1@2027-1")), "已于2027-03-31销号"),
    ((Closed(item="T05-R1@2027-1", by="督查室"), Closed(item="T05-R1@2027-1", by="督查室")), "已于2027-03-31销号"),
    ((longer(6, 30), longer(5, 31)), "已延期至2027-06-30，新时限2027-05-31不晚于它"),
    ((longer(6, 30), longer(6, 30)), "已延期至2027-06-30，新时限2027-06-30不晚于它"),
)  # fmt: skip


@pytest.mark.parametrize("happened", ACCEPTED)
def test_what_comes_in_order_is_taken_in(happened: tuple[Payload, ...]) -> None:
    assert taken_in(*happened).version == len(happened)


@pytest.mark.parametrize(("happened", "sentence"), REFUSED)
def test_what_cannot_be_is_refused_with_a_sentence(happened: tuple[Payload, ...], sentence: str) -> None:
    facts = taken_in(*happened[:-1])
    with pytest.raises(Refused, match=sentence.replace("？", ".")):
        vetted(an_event(happened[-1], "2027-03-31 20:00"), rulebook(), (), TODAY, facts)


@pytest.mark.parametrize(("happened", "sentence"), REFUSED)
def test_a_refusal_repeats_nothing_that_could_be_a_name(happened: tuple[Payload, ...], sentence: str) -> None:
    del sentence
    facts = taken_in(*happened[:-1])
    with pytest.raises(Refused) as refused:
        vetted(an_event(happened[-1], "2027-03-31 20:00"), rulebook(), (), TODAY, facts)
    assert "张三" not in str(refused.value)


def test_a_category_is_asked_for_where_the_limit_depends_on_it() -> None:
    steps = ["{名称: 核查, 按类别: {群众来信: 10个工作日, 媒体反映: 5个工作日}}"]
    book = a_rulebook(a_case_rule(steps=steps))
    with pytest.raises(Refused, match="请写明类别：群众来信、媒体反映"):
        vetted(an_event(opened(), "2027-03-31 08:00"), book, (), TODAY, Facts())


def test_former_ids_become_todays_before_an_event_is_kept() -> None:
    event = vetted(an_event(opened(rule="T05-C9"), "2027-03-31 08:00"), rulebook(), (), TODAY, Facts())
    assert event.data["rule"] == "T05-C1"


SILENCE = Silenced(item="T05-R1", until=moment("2027-04-30 17:00"), reason="机构搬迁")
CLOSED = Closed(item="T05-R1@2027-1", by="督查室")


@pytest.mark.parametrize("until", ["2027-03-30 23:59", "2027-03-31 09:00"])
def test_a_silence_that_is_over_is_refused(until: str) -> None:
    past = SILENCE.model_copy(update={"until": moment(until)})
    with pytest.raises(Refused, match="已经过去"):
        vetted(an_event(past, "2027-03-31 09:00"), rulebook(), (), TODAY, Facts())


@pytest.mark.parametrize(
    "payload",
    [
        SILENCE, Returned(item=CLOSED.item, reason="缺材料"), pause(2),
        Extended(item=CLOSED.item, to=date(2027, 12, 1), rule_due=date(2027, 3, 31), reason="等文件", by="督查室"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("reason", ["", " 　"])
def test_a_reason_that_is_asked_for_is_not_blank(payload: Payload, reason: str) -> None:
    event = an_event(payload.model_copy(update={"reason": reason}), "2027-03-31 20:00")
    facts = taken_in(opened())
    with pytest.raises(Refused, match="原因没有填写"):
        vetted(event, rulebook(), (), TODAY, facts)
    assert vetted(event, rulebook(), (), TODAY, facts, reasons=False).id == event.id


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("县教育局分管领导", "县教育局·分管领导"), ("县教育局 分管领导", "县教育局·分管领导"),
        ("县教育局 ", "县教育局"), ("领导小组", "领导小组"),
    ],
)  # fmt: skip
def test_a_chat_is_known_however_it_is_spelt(name: str, found: str) -> None:
    event = an_event(SILENCE.model_copy(update={"item": "", "chat": name}), "2027-03-31 09:00")
    assert vetted(event, rulebook(), (), TODAY, Facts()).data["chat"] == found


@pytest.mark.parametrize(("name", "hint"), [("县教育居分管领导", "县教育局·分管领导"), ("县教育", "县教育局")])
def test_the_hint_for_a_leader_is_never_the_whole_bureau(name: str, hint: str) -> None:
    event = an_event(SILENCE.model_copy(update={"item": "", "chat": name}), "2027-03-31 09:00")
    with pytest.raises(Refused, match=f"没有群聊“{name}”，是不是“{hint}”."):
        vetted(event, rulebook(), (), TODAY, Facts())


@pytest.mark.parametrize("typed", ["T05-R1@2027-1 ", "Ｔ05－R1＠２０２７-1", "T05-R1 @2027-1"])
def test_slips_of_the_keyboard_in_an_id_are_read_as_they_were_meant(typed: str) -> None:
    event = an_event(CLOSED.model_copy(update={"item": typed}), "2027-03-31 09:00")
    assert vetted(event, rulebook(), (), TODAY, Facts()).payload == CLOSED


def test_a_value_is_taken_for_a_period_in_full_width() -> None:
    book = a_rulebook(indicators=an_indicator("[报送]"))
    event = an_event(Observed(indicator="I4 ", period="２０２６", value=Decimal(9)), "2027-03-31 09:00")
    assert vetted(event, book, (), TODAY, Facts()).payload == Observed(indicator="I4", period="2026", value=Decimal(9))


SCHOOL_YEARS = an_indicator("[报送]", id="I5", cadence="每学年末")
QUARTERS = an_indicator("[报送]", id="I6", cadence="每季度")
STAGES = "    出生人口: I4\n    学段:\n      - {名称: 幼儿园, 入学年龄: 3, 学制: 3, 学位: I7}\n"
FORECAST = f"  - 编号: T05-F1\n    类型: 预测\n    名称: 学位\n    依据: 管理员\n{STAGES}"


@pytest.mark.parametrize(
    ("indicator", "period", "final", "opens"),
    [
        ("I4", "2027", True, ""), ("I4", "2028", True, "2028年1月1日"), ("I4", "2035", True, "2035年1月1日"),
        ("I4", "2028", False, ""),  # a budget
        ("I5", "2027", True, ""), ("I5", "2028", True, "2027年9月1日"), ("I6", "2027Q1", True, ""),
        ("I6", "2027Q2", True, "2027年4月1日"), ("I7", "2030", True, ""),  # seats that are planned
    ],
)  # fmt: skip
def test_a_period_that_has_not_begun_has_no_final_value(indicator: str, period: str, final: bool, opens: str) -> None:
    book = a_rulebook(
        FORECAST, indicators=f"{an_indicator('[报送]')}{SCHOOL_YEARS}{QUARTERS}{an_indicator('[报送]', id='I7')}"
    )
    event = an_event(Observed(indicator=indicator, period=period, value=Decimal(9), final=final), "2027-03-31 09:00")
    if not opens:
        assert vetted(event, book, (), TODAY, Facts()).payload == event.payload
        return
    with pytest.raises(Refused) as caught:
        vetted(event, book, (), TODAY, Facts())
    assert str(caught.value) == f"{indicator}的{period}这一期{opens}才开始，还没有终值可报，请核对期别"
