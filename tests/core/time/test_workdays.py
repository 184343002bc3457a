"""Working days: announced, provisional, and past every table."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.core.time.grammar import WordError
from bot.core.time.workdays import Calendar, CalendarYear, Level, StatutoryTable


def year_file(**changes: Any) -> dict[str, Any]:
    return {
        "年份": 2026,
        "状态": "已公布",
        "文件": "国务院办公厅关于2026年部分节假日安排的通知",
        "发布日期": "2025-11-04",
        "放假": [
            {"名称": "元旦", "起": "2026-01-01", "止": "2026-01-03"},
            {"名称": "春节", "起": "2026-02-15", "止": "2026-02-23"},
            {"名称": "清明节", "起": "2026-04-04", "止": "2026-04-06"},
            {"名称": "劳动节", "起": "2026-05-01", "止": "2026-05-05"},
            {"名称": "端午节", "起": "2026-06-19", "止": "2026-06-21"},
            {"名称": "中秋节", "起": "2026-09-25", "止": "2026-09-27"},
            {"名称": "国庆节", "起": "2026-10-01", "止": "2026-10-07"},
        ],
        "上班": ["2026-01-04", "2026-02-14", "2026-02-28", "2026-09-20", "2026-10-10"],
        **changes,
    }


def make(*years: dict[str, Any], local: tuple[dict[str, Any], ...] = ()) -> Calendar:
    table = {
        "各年": [
            {
                "年份": 2027,
                "放假": [
                    {"名称": "元旦", "起": "2027-01-01", "止": "2027-01-01"},
                    {"名称": "春节", "起": "2027-02-05", "止": "2027-02-08"},
                    {"名称": "国庆节", "起": "2027-10-01", "止": "2027-10-03"},
                    {"名称": "中秋节", "起": "2027-10-03", "止": "2027-10-03"},
                ],
                "免打扰": [{"名称": "春节", "起": "2027-02-05", "止": "2027-02-12"}],
            }
        ]
    }
    return Calendar.build(
        [CalendarYear.model_validate(one) for one in years],
        StatutoryTable.model_validate(table),
        [CalendarYear.model_validate(one) for one in local],
    )


CALENDAR = make(year_file())
days = st.dates(date(2020, 1, 1), date(2045, 12, 31))
counts = st.integers(-600, 600).filter(bool)


def d(text: str) -> date:
    return date.fromisoformat(text)


@pytest.mark.parametrize(
    ("day", "worked", "may_send", "name"),
    [
        ("2026-01-01", False, False, "元旦"),
        ("2026-01-03", False, False, "元旦"),
        ("2026-01-04", True, True, ""),  # Sunday, made up
        ("2026-01-05", True, True, ""),
        ("2026-01-10", False, False, ""),
        ("2026-02-14", True, True, ""),
        ("2026-10-07", False, False, "国庆节"),
        ("2026-10-08", True, True, ""),
        ("2027-01-01", False, False, "元旦"),
        ("2027-02-05", False, False, "春节"),
        ("2027-02-09", True, False, ""),  # worked as far as the law says, but surely swapped
        ("2027-02-12", True, False, ""),
        ("2027-02-15", True, True, ""),
        ("2027-05-03", True, False, ""),
        ("2027-05-06", True, True, ""),
        ("2027-10-03", False, False, "国庆节、中秋节"),
        ("2027-10-07", True, False, ""),
        ("2027-10-08", True, True, ""),
        ("2036-01-01", False, False, "元旦"),  # past the table: fixed dates only
        ("2036-01-28", True, False, ""),  # 春节, known without a table
        ("2036-02-04", True, True, ""),
        ("2036-05-02", False, False, "劳动节"),
        ("2036-10-06", True, False, ""),
    ],
)
def test_a_day_is_worked_may_carry_a_message_and_has_a_name(day: str, worked: bool, may_send: bool, name: str) -> None:
    on = d(day)
    assert (CALENDAR.is_workday(on), CALENDAR.may_send(on), CALENDAR.holiday_name(on)) == (worked, may_send, name)


@pytest.mark.parametrize(
    ("day", "count", "expected"),
    [
        ("2026-11-23", 1, "2026-11-24"),
        ("2026-11-27", 1, "2026-11-30"),
        ("2026-11-28", 1, "2026-11-30"),
        ("2026-11-28", -1, "2026-11-27"),
        ("2026-11-30", -1, "2026-11-27"),
        ("2026-09-30", 1, "2026-10-08"),
        ("2026-10-08", -1, "2026-09-30"),
        ("2026-10-09", 1, "2026-10-10"),
        ("2026-09-18", 1, "2026-09-20"),
        ("2026-12-31", 1, "2027-01-04"),
        ("2027-01-04", -1, "2026-12-31"),
        ("2026-11-23", 10, "2026-12-07"),
        ("2026-11-23", 20, "2026-12-21"),
        ("2026-11-28", 0, "2026-11-28"),
    ],
)
def test_shift_workdays(day: str, count: int, expected: str) -> None:
    assert CALENDAR.shift_workdays(d(day), count) == d(expected)


@pytest.mark.parametrize(
    ("after", "until", "expected"),
    [
        ("2026-12-24", "2026-12-31", 5),
        ("2026-11-23", "2026-11-23", 0),
        ("2026-11-27", "2026-11-29", 0),
        ("2026-11-27", "2026-11-30", 1),
        ("2026-09-30", "2026-10-10", 3),
        ("2026-12-31", "2027-01-04", 1),
        ("2027-01-04", "2026-12-31", -1),
        ("2026-02-13", "2026-02-28", 6),
    ],
)
def test_workdays_between_counts_the_last_day_and_not_the_first(after: str, until: str, expected: int) -> None:
    assert CALENDAR.workdays_between(d(after), d(until)) == expected


@given(days, counts)
def test_shifting_there_and_back_returns_to_the_workday(day: date, count: int) -> None:
    start = CALENDAR.workday_on_or_after(day)
    there = CALENDAR.shift_workdays(start, count)
    assert CALENDAR.is_workday(there)
    assert CALENDAR.shift_workdays(there, -count) == start
    assert CALENDAR.workdays_between(start, there) == count


@given(days)
def test_the_neighbouring_workdays_enclose_the_day(day: date) -> None:
    before, after = CALENDAR.workday_on_or_before(day), CALENDAR.workday_on_or_after(day)
    assert before <= day <= after
    assert (before == after == day) is CALENDAR.is_workday(day)
    skipped = [day + timedelta(days=n) for n in range((before - day).days + 1, (after - day).days)]
    assert CALENDAR.is_workday(day) or not any(CALENDAR.is_workday(one) for one in skipped)


@given(days)
def test_the_neighbouring_send_days_enclose_the_day_and_may_carry_a_message(day: date) -> None:
    before, after = CALENDAR.send_day_on_or_before(day), CALENDAR.send_day_on_or_after(day)
    assert before <= day <= after
    assert CALENDAR.may_send(before)
    assert CALENDAR.may_send(after)
    assert not CALENDAR.may_send(day) or before == after


@given(days, days)
def test_workdays_between_agrees_with_counting(one: date, other: date) -> None:
    first, last = sorted((one, other))
    counted = sum(CALENDAR.is_workday(first + timedelta(days=n)) for n in range(1, (last - first).days + 1))
    assert CALENDAR.workdays_between(first, last) == counted
    assert CALENDAR.workdays_between(last, first) == -counted


@given(days)
def test_a_day_that_may_carry_a_message_is_worked(day: date) -> None:
    assert CALENDAR.is_workday(day) or not CALENDAR.may_send(day)


@given(st.dates(date(2, 1, 1), date(9998, 12, 31)))
def test_no_day_of_any_century_raises(day: date) -> None:
    CALENDAR.holiday_name(day)
    assert CALENDAR.is_provisional(day) is (day.year != 2026)
    assert CALENDAR.send_day_on_or_after(day) >= day >= CALENDAR.send_day_on_or_before(day)
    assert CALENDAR.terms(day, day + timedelta(days=300)) != ()


def test_first_workday_of_a_month() -> None:
    assert CALENDAR.first_workday(2026, 10) == d("2026-10-08")
    assert CALENDAR.first_workday(2027, 1) == d("2027-01-04")


SPANS = {"元旦": "01-01 01-01", "春节": "02-05 02-08", "清明节": "04-05 04-05", "劳动节": "05-01 05-03"}
SPANS |= {"端午节": "06-09 06-09", "国庆节、中秋节": "10-01 10-05"}
OFF_2027 = [{"名称": name, "起": f"2027-{span[:5]}", "止": f"2027-{span[6:]}"} for name, span in SPANS.items()]


def test_a_notice_ends_provisional_and_its_quiet_days() -> None:
    off = OFF_2027
    announced = year_file(年份=2027, 放假=off, 上班=["2027-05-09"])
    later = make(year_file(), announced)
    assert CALENDAR.is_provisional(d("2027-05-04"))
    assert not later.is_provisional(d("2027-05-04"))
    assert later.may_send(d("2027-05-04"))
    assert later.may_send(d("2027-05-09"))
    assert later.years_announced == {2026, 2027}
    for missing in range(len(off)):
        without = make(year_file(), announced | {"放假": off[:missing] + off[missing + 1 :]})
        assert without.years_announced == {2026}
        assert not without.may_send(d("2027-02-12"))
        assert not without.may_send(d("2027-05-09"))  # a Sunday, worked only by a notice that is whole
        assert not without.is_workday(d("2027-05-09"))
        assert not any(
            without.is_workday(day) for run in announced["放假"][:missing] for day in (d(run["起"]), d(run["止"]))
        )


def test_a_provisional_file_adds_days_but_announces_nothing() -> None:
    guess = {"年份": 2027, "状态": "暂定", "放假": [{"名称": "元旦", "起": "2027-01-01", "止": "2027-01-04"}]}
    calendar = make(year_file(), guess)
    assert not calendar.is_workday(d("2027-01-04"))
    assert not calendar.is_workday(d("2027-02-05"))  # the statutory table still speaks
    assert calendar.is_provisional(d("2027-01-04"))
    assert not calendar.may_send(d("2027-10-06"))


def test_the_next_year_s_notice_may_reach_back_into_december() -> None:
    off = [{"名称": "元旦", "起": "2026-12-31", "止": "2027-01-01"}, *OFF_2027[1:]]
    reaching = year_file(年份=2027, 放假=off, 上班=["2026-12-27"])
    calendar = make(year_file(), reaching)
    assert not calendar.is_workday(d("2026-12-31"))
    assert calendar.is_workday(d("2026-12-27"))


def test_a_county_exception_overrules_the_state_in_both_directions() -> None:
    flood = {
        "年份": 2026,
        "级别": "县",
        "状态": "已公布",
        "文件": "防汛停工通知",
        "发布日期": "2026-07-01",
        "放假": [{"名称": "防汛停工", "起": "2026-07-02", "止": "2026-07-02"}],
        "上班": ["2026-10-07"],
    }
    calendar = make(year_file(), local=(flood,))
    assert calendar.holiday_name(d("2026-07-02")) == "防汛停工"
    assert not calendar.may_send(d("2026-07-02"))
    assert calendar.is_workday(d("2026-10-07"))


def test_a_county_exception_does_not_announce_the_year() -> None:
    local = {"年份": 2027, "级别": "县", "状态": "已公布", "文件": "通知", "发布日期": "2026-12-01"}
    assert make(year_file(), local=(local,)).is_provisional(d("2027-03-01"))


def test_calendars_are_equal_by_content() -> None:
    twin, other = make(year_file()), make(year_file(上班=[]))
    assert twin == CALENDAR
    assert hash(twin) == hash(CALENDAR)
    assert twin.digest == CALENDAR.digest
    assert other != CALENDAR
    assert {CALENDAR: 1}[twin] == 1


def test_terms_come_from_the_files_and_are_proposed_where_none_is_named() -> None:
    filed = {"名称": "2026年春季学期", "开始": "2026-02-25", "结束": "2026-07-04", "依据": "管理员"}
    terms = make(year_file(学期=[filed])).terms(d("2026-01-17"), d("2027-03-01"))
    assert [(term.starts_on, term.ends_on, term.provisional) for term in terms] == [
        (d("2026-02-25"), d("2026-07-04"), False),
        (d("2026-09-01"), d("2027-01-15"), True),
        (d("2027-03-01"), d("2027-07-09"), True),
    ]


def test_a_proposed_autumn_term_opens_on_the_first_workday_of_september() -> None:
    autumn = CALENDAR.terms(d("2029-09-03"), d("2029-09-03"))
    assert [(term.name, term.starts_on, term.ends_on) for term in autumn] == [
        ("2029年秋季学期", d("2029-09-03"), d("2030-01-18"))
    ]
    assert CALENDAR.terms(d("2029-08-01"), d("2029-08-31")) == ()


def test_a_county_s_terms_replace_the_state_file_s() -> None:
    low = {"名称": "甲", "开始": "2026-03-02", "结束": "2026-07-10", "依据": "建议"}
    high = {"名称": "乙", "开始": "2026-03-04", "结束": "2026-07-10", "依据": "管理员"}
    local = {"年份": 2026, "级别": "县", "状态": "暂定", "学期": [high]}
    spring = make(year_file(学期=[low]), local=(local,)).terms(d("2026-04-01"), d("2026-04-01"))
    assert [term.name for term in spring] == ["乙"]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"发布日期": "2025-02-30"}, "这一天不存在：2025年2月只有1至28日"),
        ({"上班": ["2026-13-01"]}, "写了13月"),
        ({"上班": ["2026-01-05"]}, "2026-01-05不是周六周日"),
        ({"上班": ["2026-10-03"]}, "2026-10-03既写了放假又写了上班"),
        ({"上班": ["2027-01-03"]}, "2027-01-03不属于2026年"),
        ({"文件": ""}, "应写明文件和发布日期"),
        ({"放假": [{"名称": "元旦", "起": "2026-01-03", "止": "2026-01-01"}]}, "止日应不早于起日"),
        ({"学期": [{"名称": "春", "开始": "2026-03-02", "结束": "2026-03-09"}]}, "一个学期应有4周到8个月"),
        ({"学期": [{"名称": "春", "开始": "2027-03-01", "结束": "2027-07-09"}]}, "春不在2026年开始"),
        ({"上班": [20260104]}, "不是一个日期"),
    ],
)
def test_a_wrong_calendar_file_is_refused_in_chinese(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError) as caught:
        CalendarYear.model_validate(year_file(**changes))
    assert problem in caught.value.errors()[0]["msg"]


def test_unknown_keys_and_levels_are_refused() -> None:
    for key, value in (("节日", []), ("级别", "乡"), ("状态", "草案")):
        with pytest.raises(ValidationError):
            CalendarYear.model_validate({**year_file(), key: value})


def test_full_width_dates_are_read() -> None:
    year = CalendarYear.model_validate(year_file(上班=["２０２６－０１－０４", "2026年2月14日"]))
    assert year.makeup == (d("2026-01-04"), d("2026-02-14"))
    assert year.level is Level.STATE


def test_two_files_of_one_rank_for_one_year_are_refused() -> None:
    with pytest.raises(WordError, match="2026年有两份级别为国家的日历"):
        make(year_file(), year_file())
