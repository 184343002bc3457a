"""Slots and office hours."""

from __future__ import annotations

from datetime import date, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.time.windows import OfficeHours, SeasonalHours, is_open, next_open_minute, slot
from bot.core.time.workdays import Calendar, CalendarYear, StatutoryTable
from bot.core.time.zone import ZONE

HOURS = OfficeHours()
SUMMER = OfficeHours(
    seasons=(SeasonalHours((5, 1), (9, 30), ((time(8, 0), time(12, 0)), (time(15, 0), time(18, 0)))),),
)
OTHERS = {"元旦": "01-01", "春节": "02-17", "清明节": "04-05", "劳动节": "05-01", "端午节": "06-19", "中秋节": "09-25"}
CALENDAR = Calendar.build(
    [
        CalendarYear.model_validate(
            {
                "年份": 2026,
                "状态": "已公布",
                "文件": "通知",
                "发布日期": "2025-11-04",
                "放假": [
                    {"名称": "国庆节", "起": "2026-10-01", "止": "2026-10-07"},
                    *({"名称": name, "起": f"2026-{first}", "止": f"2026-{first}"} for name, first in OTHERS.items()),
                ],
                "上班": ["2026-09-20", "2026-10-10"],
            }
        )
    ],
    StatutoryTable(),
)

moments = st.datetimes(datetime(2025, 1, 1), datetime(2029, 12, 31), timezones=st.just(ZONE))  # noqa: DTZ001


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


def test_ten_thousand_chats_speak_between_0831_and_0929_and_never_on_the_hour_or_half_hour() -> None:
    minutes = [slot(f"第{n}中学", date(2026, 11, 24), HOURS).time() for n in range(10_000)]
    assert min(minutes) == time(8, 31)
    assert max(minutes) == time(9, 29)
    assert not [one for one in minutes if one.minute in (0, 30)]
    assert len(set(minutes)) == 58  # every minute of the hour is used, so chats are spread


def test_a_slot_is_the_same_in_every_process_and_on_every_day() -> None:
    assert slot("县教育局", date(2026, 11, 24), HOURS) == at("2026-11-24T09:26")
    assert slot("县教育局", date(2027, 3, 1), HOURS) == at("2027-03-01T09:26")


def test_a_season_moves_the_slot_into_its_own_first_hour() -> None:
    summer = slot("县教育局", date(2027, 6, 1), SUMMER)
    assert time(8, 1) <= summer.time() <= time(8, 59)
    assert summer.minute != 30
    assert slot("县教育局", date(2027, 10, 1), SUMMER).time() == slot("县教育局", date(2027, 10, 1), HOURS).time()


def test_a_season_may_run_over_new_year() -> None:
    winter = SeasonalHours((11, 1), (3, 31), ((time(9, 0), time(12, 0)),))
    inside = [date(2026, 11, 1), date(2027, 1, 1), date(2027, 3, 31)]
    outside = [date(2026, 10, 31), date(2027, 4, 1)]
    assert [winter.covers(day) for day in inside + outside] == [True, True, True, False, False]


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-11-24T08:29:59", False),
        ("2026-11-24T08:30:00", True),
        ("2026-11-24T11:59:59", True),
        ("2026-11-24T12:00:00", False),
        ("2026-11-24T14:29", False),
        ("2026-11-24T14:30", True),
        ("2026-11-24T17:30", False),
        ("2026-11-28T09:00", False),  # Saturday
        ("2026-10-10T09:00", True),  # Saturday, made up
        ("2026-10-05T09:00", False),  # Monday of the holiday
        ("2027-10-06T09:00", False),  # a workday as far as known, but nobody knows yet
    ],
)
def test_is_open(moment: str, expected: bool) -> None:
    assert is_open(at(moment), HOURS, CALENDAR) is expected


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-11-24T09:12", "2026-11-24T09:12"),
        ("2026-11-24T09:12:01", "2026-11-24T09:13"),
        ("2026-11-24T08:00", "2026-11-24T08:31"),
        ("2026-11-24T08:30", "2026-11-24T08:31"),
        ("2026-11-24T10:00", "2026-11-24T10:01"),
        ("2026-11-24T11:59:30", "2026-11-24T14:31"),
        ("2026-11-24T17:29", "2026-11-24T17:29"),
        ("2026-11-24T17:29:00.000001", "2026-11-25T08:31"),
        ("2026-11-27T18:00", "2026-11-30T08:31"),
        ("2026-09-30T17:45", "2026-10-08T08:31"),
        ("2026-10-09T23:59:59", "2026-10-10T08:31"),
        ("2027-09-30T20:00", "2027-10-08T08:31"),
        ("2027-04-30T20:00", "2027-05-06T08:31"),
    ],
)
def test_next_open_minute(moment: str, expected: str) -> None:
    assert next_open_minute(at(moment), HOURS, CALENDAR) == at(expected)


@given(moments)
def test_the_next_open_minute_is_open_not_crowded_not_earlier_and_its_own_next(moment: datetime) -> None:
    found = next_open_minute(moment, SUMMER, CALENDAR)
    assert found >= moment
    assert found.minute not in (0, 30)
    assert (found.second, found.microsecond) == (0, 0)
    assert is_open(found, SUMMER, CALENDAR)
    assert next_open_minute(found, SUMMER, CALENDAR) == found


def test_a_moment_without_a_zone_is_refused() -> None:
    naive = datetime(2026, 11, 24, 9, 0)  # noqa: DTZ001
    with pytest.raises(ValueError, match="time zone"):
        is_open(naive, HOURS, CALENDAR)
    with pytest.raises(ValueError, match="time zone"):
        next_open_minute(naive, HOURS, CALENDAR)


@pytest.mark.parametrize(
    ("spans", "problem"),
    [
        ((), "至少要有一段"),
        (((time(12, 0), time(8, 30)),), "结束应晚于开始"),
        (((time(9, 0), time(9, 1)),), "结束应晚于开始"),
        (((time(14, 30), time(17, 30)), (time(8, 30), time(12, 0))), "次序颠倒"),
        (((time(8, 30), time(12, 0)), (time(11, 0), time(17, 30))), "重叠"),
    ],
)
def test_impossible_hours_are_refused_in_chinese(spans: tuple[tuple[time, time], ...], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        OfficeHours(spans)


def test_a_season_on_a_day_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="不存在的日期：2月30日"):
        SeasonalHours((2, 30), (3, 1), HOURS.spans)
