"""Calendar files that read well and cannot be meant: each slip is a hint at its line, and a year that is not whole stays provisional."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from bot.rulefiles.loader import Loaded, assemble
from tests.kit.rules_factory import edited, rule_files

SHIPPED = Path(__file__).parents[2] / "rules" / "calendars"
LAW, YEAR, ANNOUNCED = ((SHIPPED / name).read_text("utf-8") for name in ("法定节日.yaml", "2027.yaml", "2026.yaml"))
HEAD = "状态: 已公布\n文件: 国务院办公厅关于2027年部分节假日安排的通知\n发布日期: 2026-11-20\n"
OFF = """\
放假:
  - {名称: 元旦, 起: 2027-01-01, 止: 2027-01-03}
  - {名称: 春节, 起: 2027-02-05, 止: 2027-02-11}
  - {名称: 清明节, 起: 2027-04-03, 止: 2027-04-05}
  - {名称: 劳动节, 起: 2027-05-01, 止: 2027-05-05}
  - {名称: 端午节, 起: 2027-06-09, 止: 2027-06-11}
  - {名称: 中秋节, 起: 2027-09-15, 止: 2027-09-17}
  - {名称: 国庆节, 起: 2027-10-01, 止: 2027-10-07}
"""
NOTICE = edited(YEAR, "状态: 暂定\n", HEAD + OFF)
COUNTY = (
    "年份: 2026\n级别: 县\n状态: 已公布\n文件: 县里决定\n发布日期: 2026-07-01\n上班:\n  - 2026-10-01\n  - 2026-10-02\n"
)


def loaded(**changes: str) -> Loaded:
    files = {"2027": YEAR, "2026": ANNOUNCED, "法定节日": LAW, **changes}
    found = assemble(rule_files({f"calendars/{name}.yaml": text for name, text in files.items()}))
    assert found.rulebook
    return found


def test_the_shipped_calendars_and_a_whole_notice_raise_no_hint() -> None:
    assert loaded().problems == ()
    found = loaded(**{"2027": NOTICE})
    assert found.problems == ()
    assert found.rulebook
    assert not found.rulebook.calendar.is_provisional(date(2027, 1, 4))


@pytest.mark.parametrize(
    ("changes", "line", "code", "words"),
    [
        ({"2027": edited(YEAR, "状态: 暂定\n", HEAD)}, 4, "holidays-missing", "没有元旦、春节、清明节、劳动节、端午节"),
        ({"2027": edited(YEAR, "状态: 暂定\n", HEAD + "放假: []\n")}, 7, "holidays-missing", "没有元旦"),
        ({"2027": edited(NOTICE, "  - {名称: 端午节, 起: 2027-06-09, 止: 2027-06-11}\n", "")}, 8, "holidays-missing", "没有端午节"),
        ({"2027": edited(NOTICE, "2027-02-05, 止", "2027-02-06, 止")}, 9, "holidays-missing", "没有春节"),
        ({"法定节日": edited(LAW, "春节, 起: 2027-02-05, 止: 2027-02-08", "春节, 起: 2027-01-05, 止: 2027-01-08")},
         8, "holiday-out-of-season", "2027年的春节是2月6日，这里写的是1月5日到1月8日"),
        ({"法定节日": edited(LAW, "2027-09-15, 止: 2027-09-15", "2027-08-15, 止: 2027-08-15")}, 12, "holiday-out-of-season", "中秋节"),
        ({"2026": edited(ANNOUNCED, "2026-02-15, 止: 2026-02-23", "2026-01-15, 止: 2026-01-23")},
         7, "holiday-out-of-season", "春节是2月17日"),
        ({"县-2026": COUNTY}, 7, "works-on-holiday", "10月1日、10月2日是国庆节，法律规定放假，这里写成上班"),
        ({"县-2026": edited(COUNTY, "2026-10-02", "2026-02-17")}, 7, "works-on-holiday", "国庆节、春节"),
        ({"2027": edited(YEAR, "秋季学期, 开始: 2027-09-01, 结束: 2028-01-14", "秋季学期, 开始: 2027-03-01, 结束: 2027-10-14")},
         7, "terms-overlap", "两个学期重叠"),
        ({"法定节日": edited(LAW, "年份: 2027", "年份: 2037").replace("2027-", "2037-")}, 3, "no-statutory-year", "没有2027年"),
    ],
)  # fmt: skip
def test_each_slip_is_a_hint_at_its_line(changes: dict[str, str], line: int, code: str, words: str) -> None:
    found = [problem for problem in loaded(**changes).problems if problem.code == code]
    assert [(one.line, one.is_error) for one in found] == [(line, False)]
    assert words in found[0].message


@pytest.mark.parametrize("law", [LAW, "各年: []\n"])
def test_nothing_leaves_on_the_eve_because_a_file_is_empty(law: str) -> None:
    book = loaded(**{"2027": edited(YEAR, "状态: 暂定\n", HEAD), "法定节日": law}).rulebook
    assert book
    assert book.calendar.is_provisional(date(2027, 1, 4))
    assert not any(book.calendar.may_send(date(2027, 2, day)) for day in range(5, 13))


def test_a_holiday_at_the_county_s_own_choice_is_no_slip() -> None:
    """The days around 国庆节 that the State moves are the county's to decide."""
    assert loaded(**{"县-2026": edited(COUNTY, "10-01\n  - 2026-10-02", "10-06\n  - 2026-10-07")}).problems == ()
