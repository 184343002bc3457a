"""The small Chinese grammar: what each form means, that it reads back, and what a wrong one is told."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, ValidationError

from bot.core.rules.words import (
    Cadence,
    DueDate,
    Grace,
    Instead,
    Lag,
    MonthDay,
    Offset,
    Period,
    Precision,
    Rhythm,
    Side,
    Span,
    Unit,
    WordError,
)
from bot.core.time.cadence import label_span
from bot.core.time.grammar import Word
from bot.core.time.workdays import Calendar, CalendarYear, StatutoryTable

CALENDAR = Calendar.build(
    [
        CalendarYear.model_validate(
            {
                "年份": 2027,
                "状态": "已公布",
                "文件": "通知",
                "发布日期": "2026-11-30",
                "放假": [{"名称": "元旦", "起": "2027-01-01", "止": "2027-01-03"}],
                "学期": [
                    {"名称": "2027年春季学期", "开始": "2027-03-01", "结束": "2027-07-09"},
                    {"名称": "2027年秋季学期", "开始": "2027-09-01", "结束": "2028-01-14"},
                ],
            }
        )
    ],
    StatutoryTable(),
)
TYPES: tuple[type[Word], ...] = (DueDate, MonthDay, Offset, Cadence, Lag, Grace, Span, Instead)
EXAMPLES = [(kind, example) for kind in TYPES for example in kind.examples]


def d(text: str) -> date:
    return date.fromisoformat(text)


@pytest.mark.parametrize(
    ("text", "on", "precision"),
    [
        ("2027-12-31", "2027-12-31", "日"),
        ("2027-3-1", "2027-03-01", "日"),
        ("2027年12月31日", "2027-12-31", "日"),
        ("2027年12月31日前", "2027-12-31", "日"),
        ("2028年2月29日", "2028-02-29", "日"),
        ("2027年6月底前", "2027-06-30", "月"),
        ("2027年6月底", "2027-06-30", "月"),
        ("2027年6月", "2027-06-30", "月"),
        ("2028年2月底", "2028-02-29", "月"),
        ("2027年第一季度", "2027-03-31", "季"),
        ("2027年四季度", "2027-12-31", "季"),
        ("2027年2季度", "2027-06-30", "季"),
        ("2027年上半年", "2027-06-30", "半年"),
        ("2027年下半年", "2027-12-31", "半年"),
        ("2027年底", "2027-12-31", "年"),
        ("2027年年底前", "2027-12-31", "年"),
        ("2027年", "2027-12-31", "年"),
        ("2030年末", "2030-12-31", "年"),
        ("到2030年", "2030-12-31", "年"),
        ("2030年底以前", "2030-12-31", "年"),
        ("截至2030年底", "2030-12-31", "年"),
        ("2027年中", "2027-06-30", "半年"),
        ("2027年年中", "2027-06-30", "半年"),
        ("2027年上半年末", "2027-06-30", "半年"),
        ("2027年第三季度末", "2027-09-30", "季"),
        ("2027年6月末", "2027-06-30", "月"),
        ("2027年12月31日之前", "2027-12-31", "日"),
        ("2027年6月上旬", "2027-06-10", "月"),
        ("2027年6月中旬", "2027-06-20", "月"),
        ("2028年2月下旬", "2028-02-29", "月"),
        ("“十四五”末", "2025-12-31", "年"),
        ("“十五五”期末", "2030-12-31", "年"),
        ("“十五五”期间", "2030-12-31", "年"),
        ("十五五时期末", "2030-12-31", "年"),
        ("“十六五”末", "2035-12-31", "年"),
        ("２０２７年１２月３１日", "2027-12-31", "日"),
        ("２０２７－１２－３１", "2027-12-31", "日"),
        (" 2027 年 6 月\u3000底前 ", "2027-06-30", "月"),
    ],
)
def test_a_due_date_is_the_last_day_of_what_was_written(text: str, on: str, precision: str) -> None:
    due = DueDate.parse(text)
    assert (due.on, due.precision) == (d(on), Precision(precision))
    assert DueDate.parse(due.words()) == due


def test_a_due_date_keeps_its_words_but_is_equal_by_meaning() -> None:
    year, end = DueDate.parse("2027年"), DueDate.parse("2027年底")
    assert (year.words(), end.words()) == ("2027年", "2027年底")
    assert year == end
    assert hash(year) == hash(end)
    assert end != DueDate.parse("2027-12-31")  # the same day, said more exactly


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("提前30天", Offset(30, Unit.DAY, Side.BEFORE)),
        ("提前1个工作日", Offset(1, Unit.WORKDAY, Side.BEFORE)),
        ("当天", Offset(0, Unit.DAY, Side.ON)),
        ("逾期1个工作日", Offset(1, Unit.WORKDAY, Side.AFTER)),
        ("逾期7天", Offset(7, Unit.DAY, Side.AFTER)),
        ("逾期每7天", Offset(7, Unit.DAY, Side.AFTER, repeats=True)),
        ("逾期每季度", Offset(1, Unit.QUARTER, Side.AFTER, repeats=True)),
        ("逾期每５个工作日", Offset(5, Unit.WORKDAY, Side.AFTER, repeats=True)),
    ],
)
def test_an_offset_is_read_from_its_words(text: str, value: Offset) -> None:
    assert Offset.parse(text) == value


def listed(text: str, since: str, until: str) -> list[tuple[str, str, str]]:
    periods = Cadence.parse(text).periods(CALENDAR, d(since), d(until))
    return [(one.label, one.due.isoformat(), one.opens.isoformat()) for one in periods]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("每年11月30日", [("2027", "2027-11-30", "2027-01-01")]),
        ("每年11月底", [("2027", "2027-11-30", "2027-01-01")]),
        ("每年底", [("2027", "2027-12-31", "2027-01-01")]),
        ("每年", [("2027", "2027-12-31", "2027-01-01")]),
        (
            "每年3月15日、9月15日",
            [("2027-1", "2027-03-15", "2026-09-16"), ("2027-2", "2027-09-15", "2027-03-16")],
        ),
        (
            "每年９月１５日，３月１５日",  # any order, full width
            [("2027-1", "2027-03-15", "2026-09-16"), ("2027-2", "2027-09-15", "2027-03-16")],
        ),
        ("每半年末", [("2027H1", "2027-06-30", "2027-01-01"), ("2027H2", "2027-12-31", "2027-07-01")]),
        (
            "每季度末月25日",
            [
                ("2027Q1", "2027-03-25", "2027-01-01"),
                ("2027Q2", "2027-06-25", "2027-04-01"),
                ("2027Q3", "2027-09-25", "2027-07-01"),
                ("2027Q4", "2027-12-25", "2027-10-01"),
            ],
        ),
        (
            "每学期开学后20个工作日内",
            [("2027-1", "2027-03-29", "2027-03-01"), ("2027-2", "2027-09-29", "2027-09-01")],
        ),
        ("每学期末", [("2027-1", "2027-01-15", "2026-09-01"), ("2027-2", "2027-07-09", "2027-03-01")]),
        (
            "每学期结束前10个工作日",
            [
                ("2027-2", "2027-06-25", "2027-03-01"),
                ("2028-1", "2027-12-31", "2027-09-01"),  # numbered by the term's end, 2028-01-14
            ],
        ),
        ("每学年末", [("2027", "2027-07-09", "2026-09-01")]),
        ("自2023年起每2年11月底", [("2027", "2027-11-30", "2026-01-01")]),
        ("每两年11月底、自2026年起", []),
        ("自2022年起每五年一次", [("2027", "2027-12-31", "2023-01-01")]),
        ("自2028年起每季度末", []),
        ("每年6月中旬", [("2027", "2027-06-20", "2027-01-01")]),
        (
            "每季度首月10日前",
            [
                ("2027Q1", "2027-01-10", "2027-01-01"),
                ("2027Q2", "2027-04-10", "2027-04-01"),
                ("2027Q3", "2027-07-10", "2027-07-01"),
                ("2027Q4", "2027-10-10", "2027-10-01"),
            ],
        ),
        (
            "每半年结束后15日内",
            [("2026H2", "2027-01-15", "2026-07-01"), ("2027H1", "2027-07-15", "2027-01-01")],
        ),
        ("每年结束后10个工作日内", [("2026", "2027-01-15", "2026-01-01")]),  # 1–3 January are days off
    ],
)
def test_the_periods_due_in_a_year(text: str, expected: list[tuple[str, str, str]]) -> None:
    assert listed(text, "2027-01-01", "2027-12-31") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("每周五", [("2026W53", "2027-01-01"), ("2027W01", "2027-01-08"), ("2027W02", "2027-01-15")]),
        ("每星期五", [("2026W53", "2027-01-01"), ("2027W01", "2027-01-08"), ("2027W02", "2027-01-15")]),
        ("每周五前", [("2026W53", "2027-01-01"), ("2027W01", "2027-01-08"), ("2027W02", "2027-01-15")]),
        ("每半月", [("2027-01上", "2027-01-15")]),
        ("每月第一个工作日", [("2027-01", "2027-01-04")]),
        ("每月结束后5个工作日内", [("2026-12", "2027-01-08")]),
        ("每月结束后5天内", [("2026-12", "2027-01-05")]),
        ("每月5日前", [("2027-01", "2027-01-05")]),
    ],
)
def test_the_periods_due_in_the_first_half_of_a_month(text: str, expected: list[tuple[str, str]]) -> None:
    assert [(label, due) for label, due, _ in listed(text, "2027-01-01", "2027-01-16")] == expected


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("每季度一次", "每季度末"),
        ("每个季度", "每季度末"),
        ("每季首月10日前", "每季度首月10日"),
        ("每年1月和7月底", "每年1月底、7月底"),
        ("每年3月15日前、9月15日前", "每年3月15日、9月15日"),
        ("每年年底前", "每年底"),
        ("每月第二个工作日", "每月第2个工作日"),
        ("每月结束后5天内", "每月结束后5日内"),
        ("每两年11月底，自2026年起", "自2026年起每2年11月底"),
        ("2026年起每三年一次", "自2026年起每3年底"),
        ("自2027年起每月5日前", "自2027年起每月5日"),
    ],
)
def test_small_words_change_nothing_and_are_left_out_when_read_back(written: str, read: str) -> None:
    assert Cadence.parse(written).words() == read
    assert Cadence.parse(read) == Cadence.parse(written)


def test_weeks_and_years_keep_their_ends() -> None:
    friday = Cadence.parse("每周五").period(CALENDAR, "2027W01")
    assert (friday.opens, friday.due, friday.ends) == (d("2027-01-04"), d("2027-01-08"), d("2027-01-10"))
    biennial = Cadence.parse("自2026年起每2年11月底").period(CALENDAR, "2028")
    assert (biennial.opens, biennial.ends) == (d("2027-01-01"), d("2028-12-31"))
    with pytest.raises(WordError, match="没有“2027”这一期"):
        Cadence.parse("自2026年起每2年11月底").period(CALENDAR, "2027")


def test_ten_workdays_before_the_end_of_the_last_autumn_term_fall_before_the_year() -> None:
    assert listed("每学期结束前10个工作日", "2026-12-01", "2026-12-31") == [("2027-1", "2026-12-31", "2026-09-01")]


@pytest.mark.parametrize(
    ("text", "february", "count"),
    [
        ("每月10日", "2028-02-10", 12),
        ("每月底", "2028-02-29", 12),
        ("每月", "2028-02-29", 12),
        ("每月最后一个工作日", "2028-02-29", 12),
    ],
)
def test_the_months_of_a_leap_year(text: str, february: str, count: int) -> None:
    months = listed(text, "2028-01-01", "2028-12-31")
    assert months[1] == ("2028-02", february, "2028-02-01")
    assert len(months) == count


def test_the_last_workday_of_a_month_avoids_the_weekend() -> None:
    assert listed("每月最后一个工作日", "2027-10-01", "2027-10-31") == [("2027-10", "2027-10-29", "2027-10-01")]


def test_both_ends_of_the_asked_range_count() -> None:
    assert [label for label, _, _ in listed("每季度末", "2027-03-31", "2027-06-30")] == ["2027Q1", "2027Q2"]
    assert listed("每季度末", "2027-04-01", "2027-06-29") == []


cadences = st.sampled_from([Cadence.parse(text) for text in Cadence.examples])
days = st.dates(date(2024, 1, 1), date(2035, 12, 31))


@given(cadences, days, days, days)
def test_labels_do_not_depend_on_when_one_looks(cadence: Cadence, one: date, two: date, three: date) -> None:
    early, late, until = sorted((one, two, three))
    everything = cadence.periods(CALENDAR, early, until)
    assert cadence.periods(CALENDAR, late, until) == [period for period in everything if period.due >= late]


@given(cadences, days, days)
def test_periods_are_sorted_unique_inside_the_range_and_open_before_they_are_due(
    cadence: Cadence, one: date, two: date
) -> None:
    since, until = sorted((one, two))
    periods = cadence.periods(CALENDAR, since, until)
    dues = [period.due for period in periods]
    assert dues == sorted(set(dues))
    assert len({period.label for period in periods}) == len(periods)
    assert all(since <= period.due <= until and period.opens <= period.due for period in periods)
    assert [cadence.period(CALENDAR, period.label) for period in periods] == periods


def test_an_unknown_label_is_refused_with_the_known_ones() -> None:
    with pytest.raises(WordError, match=r"“每半年末”没有“2027Q1”这一期。可以写：.*“2027H1”"):
        Cadence.parse("每半年末").period(CALENDAR, "2027Q1")
    with pytest.raises(WordError, match="没有“明年”这一期"):
        Cadence.parse("每半年末").period(CALENDAR, "明年")


@pytest.mark.parametrize(
    ("text", "cadence", "label", "expected"),
    [
        ("次年3月31日", "每年", "2027", "2028-03-31"),
        ("次年2月底", "每年", "2027", "2028-02-29"),
        ("当年10月31日", "每年", "2027", "2027-10-31"),
        ("当年10月31日", "每学期末", "2027-2", "2027-10-31"),
        ("次月10日", "每月", "2027-01", "2027-02-10"),
        ("次月10日", "每月", "2027-12", "2028-01-10"),
        ("次月28日", "每月", "2027-01", "2027-02-28"),
        ("次月10日", "每季度", "2027Q2", "2027-07-10"),
        ("次季度首月15日", "每季度", "2027Q1", "2027-04-15"),
        ("次季度首月15日", "每季度", "2027Q4", "2028-01-15"),
        ("次季度首月15日", "每月", "2027-05", "2027-07-15"),
        ("期满后20个工作日", "每季度", "2027Q1", "2027-04-28"),
        ("每季度结束后10个工作日内", "每季度", "2027Q1", "2027-04-14"),
        ("季后15日内", "每季度", "2027Q1", "2027-04-15"),
        ("月后5日内", "每月", "2027-03", "2027-04-05"),
        ("下月5日前", "每月", "2027-03", "2027-04-05"),
        ("次年1月底前", "每年", "2027", "2028-01-31"),
        ("次年3月中旬", "每年", "2027", "2028-03-20"),
        ("期满后15天", "每半年", "2027H2", "2028-01-15"),
        ("期满后15天", "每年11月底", "2027", "2028-01-15"),  # the period is the year, whenever the duty is due
        ("期满后15天", "每学期末", "2027-2", "2027-07-24"),
    ],
)
def test_a_report_is_due_after_its_period(text: str, cadence: str, label: str, expected: str) -> None:
    period = Cadence.parse(cadence).period(CALENDAR, label)
    assert Lag.parse(text).resolve(period, CALENDAR) == d(expected)


@pytest.mark.parametrize(
    ("label", "first", "last"),
    [
        ("2027", "2027-01-01", "2027-12-31"),
        ("2027H2", "2027-07-01", "2027-12-31"),
        ("2028Q1", "2028-01-01", "2028-03-31"),
        ("2028-02", "2028-02-01", "2028-02-29"),
    ],
)
def test_a_label_tells_its_span(label: str, first: str, last: str) -> None:
    assert label_span(label) == (d(first), d(last))


def test_an_ordinal_label_tells_no_span_and_ends_when_it_is_due() -> None:
    with pytest.raises(WordError, match="不是能推算起止的期别"):
        label_span("2027-1")
    assert Period("2027-1", d("2027-03-15"), d("2026-09-16")).ends == d("2027-03-15")


@pytest.mark.parametrize(
    ("text", "day", "expected"),
    [
        ("10个工作日", "2027-03-01", "2027-03-15"),
        ("7天", "2027-12-28", "2028-01-04"),
        ("3个月", "2027-11-30", "2028-02-29"),
        ("1个月", "2027-01-31", "2027-02-28"),
        ("12个月", "2027-12-15", "2028-12-15"),
        ("收到之日起10个工作日内", "2027-03-01", "2027-03-15"),
        ("自受理之日起7日内", "2027-12-28", "2028-01-04"),
    ],
)
def test_a_span_ends(text: str, day: str, expected: str) -> None:
    assert Span.parse(text).after(d(day), CALENDAR) == d(expected)


def test_grace_is_days_or_workdays_and_never_months() -> None:
    assert Grace.parse("10个工作日") == Grace(10, Unit.WORKDAY)
    assert Grace.parse("１５天") == Grace(15, Unit.DAY)
    with pytest.raises(WordError, match="宽限看不懂“3个月”"):
        Grace.parse("3个月")


def test_every_example_reads_and_is_written_back_as_it_stood() -> None:
    for kind, text in EXAMPLES:
        assert kind.parse(text).words() == text


counted = st.integers(1, 9999)
units = st.sampled_from([Unit.DAY, Unit.WORKDAY])
month_days = st.dates(date(2027, 1, 1), date(2027, 12, 31)).map(lambda day: MonthDay(day.month, day.day))
values = st.one_of(
    st.builds(Offset, counted, units, st.just(Side.BEFORE)),
    st.builds(Offset, counted, units, st.just(Side.AFTER), st.booleans()),
    st.builds(Span, counted, st.sampled_from([Unit.DAY, Unit.WORKDAY, Unit.MONTH])),
    st.builds(Grace, counted, units),
    month_days,
    st.builds(MonthDay, st.integers(1, 12), st.just(0)),
    st.lists(month_days, min_size=1, max_size=9, unique=True).map(
        lambda dates: Cadence(Rhythm.DATES, tuple(sorted(dates, key=lambda one: one.in_year(2027))))
    ),
    st.builds(Cadence, st.just(Rhythm.MONTH_DAY), count=st.integers(1, 28)),
    st.builds(Cadence, st.just(Rhythm.QUARTER_DAY), count=st.integers(1, 30)),
    st.builds(Cadence, st.just(Rhythm.WEEK_DAY), count=st.integers(1, 7), since=st.sampled_from((0, 2026))),
    st.builds(
        Cadence,
        st.just(Rhythm.DATES),
        month_days.map(lambda on: (on,)),
        count=st.integers(2, 10),
        since=st.integers(2000, 2099),
    ),
    st.builds(Cadence, st.sampled_from([Rhythm.TERM_START, Rhythm.TERM_BEFORE_END]), count=st.integers(1, 200)),
    month_days.map(lambda on: Lag.parse(f"次年{on.words()}")),
    st.dates(date(2000, 1, 1), date(2099, 12, 31)).map(DueDate.parse),
)


@given(values)
def test_reading_what_was_written_gives_the_value_again(value: Word) -> None:
    assert type(value).parse(value.words()) == value
    assert str(value) == value.words()


@given(
    st.sampled_from(TYPES),
    st.one_of(st.text(max_size=12), st.text("0123456789年月日底前每提逾期天个工作、-", max_size=14)),
)
def test_any_other_text_is_refused_in_one_way_only(kind: type[Word], text: str) -> None:
    try:
        value = kind.parse(text)
    except WordError:  # any other exception fails the test
        return
    assert kind.parse(value.words()) == value


@pytest.mark.parametrize(
    ("kind", "text", "problem"),
    [
        (DueDate, "2027-02-30", "“2027-02-30”这一天不存在：2027年2月只有1至28日"),
        (DueDate, "2027年13月", "“2027年13月”写了13月，一年只有1至12月"),
        (DueDate, "2027年0月底", "“2027年0月底”写了0月，一年只有1至12月"),
        (DueDate, "2027-04-31", "“2027-04-31”这一天不存在：2027年4月只有1至30日"),
        (DueDate, "1927年底", "“1927年底”的年份是1927，应在2000至2099之间"),
        (DueDate, "年底", "完成时限看不懂“年底”。可以写：“2027年底”"),
        (DueDate, "明年6月", "完成时限看不懂“明年6月”。可以写：“2027年6月”"),
        (DueDate, "2027年第五季度", "完成时限看不懂“2027年第五季度”。可以写：“2027年第一季度”"),
        (Offset, "提前每7天", "时点看不懂“提前每7天”"),
        (Offset, "提前0天", "“提前0天”的数目是0，应在1至9999之间"),
        (Offset, "提前10工作日", "时点看不懂“提前10工作日”。可以写："),
        (Offset, "超期7天", "时点看不懂“超期7天”。可以写：“逾期7天”"),
        (Cadence, "每周", "周期看不懂“每周”。可以写："),
        (Cadence, "每2年11月底", "“每2年11月底”没有说从哪年算起。可以写：“自2026年起每2年11月底”"),
        (Cadence, "每季度首月31日", "“每季度首月31日”：31日不是每次都有。可以写：“每季度末”"),
        (DueDate, "2027年前", "“2027年前”看不出含不含2027年。可以写：“2026年底”、“2027年底”"),
        (Cadence, "每月31日", "“每月31日”：31日不是每次都有。可以写：“每月底”"),
        (Cadence, "每季度末月31日", "“每季度末月31日”：31日不是每次都有。可以写：“每季度末”"),
        (Cadence, "每年2月29日", "2月29日不是每年都有。可以写：“2月底”"),
        (Cadence, "每年4月31日", "“4月31日”这一天不存在：4月只有1至30日。可以写：“4月底”"),
        (Cadence, "每年3月31日、3月底", "“每年3月31日、3月底”里有重复的日期"),
        (Cadence, "每年" + "、".join(f"{n}月1日" for n in range(1, 11)), "一年超过9次"),
        (Cadence, "每学期开学后300个工作日内", "的数目是300，应在1至200之间"),
        (Lag, "次月31日", "“次月31日”：31日不是每次都有，应在1至28日之间"),
        (Lag, "次年3月", "应报看不懂“次年3月”。可以写：“次年3月31日”"),
        (Lag, "期满后3个月", "应报看不懂“期满后3个月”。可以写："),
        (Span, "两周", "时长看不懂“两周”。可以写："),
        (MonthDay, "9月", "月日看不懂“9月”。可以写："),
    ],
)
def test_a_wrong_word_is_told_what_is_wrong_and_what_may_be_written(kind: type[Word], text: str, problem: str) -> None:
    with pytest.raises(WordError) as caught:
        kind.parse(text)
    assert problem in str(caught.value)


def test_a_problem_and_its_hint_can_be_shown_apart() -> None:
    with pytest.raises(WordError) as caught:
        Offset.parse("超期7天")
    assert caught.value.problem == "时点看不懂“超期7天”"
    assert caught.value.hint.startswith("可以写：“逾期7天”、“逾期每7天”")


class Form(BaseModel):
    model_config = ConfigDict(frozen=True)

    due: DueDate
    cadence: Cadence | None = None


@pytest.mark.parametrize("given_due", ["2027年底", "２０２７年底", DueDate.parse("2027年底")])
def test_a_pydantic_field_reads_words_and_writes_them_back(given_due: Any) -> None:
    form = Form.model_validate({"due": given_due, "cadence": "每月１０日"})
    assert form.due.on == d("2027-12-31")
    assert form.model_dump() == {"due": "2027年底", "cadence": "每月10日"}
    assert Form.model_validate_json(form.model_dump_json()) == form


def test_a_date_from_yaml_is_a_due_date() -> None:
    assert Form.model_validate({"due": d("2027-03-31")}).due == DueDate.parse("2027-03-31")


@pytest.mark.parametrize("wrong", [2027, None, ["2027年底"], True])
def test_a_pydantic_field_refuses_what_is_not_text(wrong: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        Form.model_validate({"due": wrong})
    assert caught.value.errors()[0]["msg"].startswith("完成时限应写成文字")


def test_a_pydantic_error_is_the_chinese_sentence_alone() -> None:
    with pytest.raises(ValidationError) as caught:
        Form.model_validate({"due": "2027年13月"})
    error = caught.value.errors()[0]
    assert (error["type"], error["loc"]) == ("word", ("due",))
    assert error["msg"] == "“2027年13月”写了13月，一年只有1至12月"
    assert error["ctx"]["problem"] == error["msg"]


def test_the_json_schema_speaks_chinese_with_examples() -> None:
    due = Form.model_json_schema()["properties"]["due"]
    assert (due["type"], due["title"]) == ("string", "完成时限")
    assert "2027年底" in due["examples"]
    assert due["description"].startswith("最后一天")


def test_the_grammar_s_one_place_lists_every_example() -> None:
    import bot.core.rules.words

    grammar = (bot.core.rules.words.__doc__ or "").replace("[前]", "")
    assert [text for _, text in EXAMPLES if text not in grammar] == []


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("11月底", "2027-11-30"),
        ("11月30日前", "2027-11-30"),
        ("2028-01-15", "2028-01-15"),
        ("不开展", None),
        ("不报", None),
    ],
)
def test_one_period_may_have_a_date_of_its_own_or_none(text: str, due: str | None) -> None:
    period = Period("2027", d("2027-03-31"), d("2027-01-01"))
    moved = Instead.parse(text).of(period)
    assert (moved.due if moved else None) == (d(due) if due else None)
    assert moved is None or (moved.label, moved.opens) == (period.label, period.opens)
