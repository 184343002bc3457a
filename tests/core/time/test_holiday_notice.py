"""Pasted holiday notices: what is right reads back exactly, what is doubtful is refused with every reason at once."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import cache
from itertools import product
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.time.holiday_notice import read_notice
from bot.core.time.workdays import CalendarYear, DayRange, StatutoryTable

CALENDARS = Path(__file__).parents[3] / "rules" / "calendars"
MADE_UP = (Path(__file__).parents[2] / "data" / "made_up_notice_2027.txt").read_text("utf-8")
NUMBERS = "一二三四五六七"
WEEKDAYS = "一二三四五六日"


# --- composing a notice from a calendar -----------------------------------------


def spoken(day: date, year: int, style: str, *, after: date | None = None, bracket: bool = True) -> str:
    """1月3日（周六）; the month is left out behind a date of the same month, the year is said only outside `year`."""
    same_month = after is not None and (after.year, after.month) == (day.year, day.month)
    turned = day.year != (after.year if after else year)
    text = ("" if same_month else f"{day.month}月") + f"{day.day}日"
    text = f"{day.year}年{text}" if turned and not same_month else text
    return f"{text}（{'周' if style == 'new' else '星期'}{WEEKDAYS[day.weekday()]}）" if bracket else text


def off_words(run: DayRange, year: int, style: str) -> str:
    """What a notice says of one range; the older style has no weekdays there, and joins single days to the weekend."""
    new = style == "new"
    count = (run.last - run.first).days + 1
    if count > 1:
        ends = spoken(run.first, year, style, bracket=new), spoken(run.last, year, style, after=run.first, bracket=new)
        return f"{ends[0]}至{ends[1]}放假调休，共{count}天"
    single = spoken(run.first, year, style, bracket=new)
    if not new and run.first.weekday() in (0, 4):
        return f"{single}放假，与周末连休"
    return f"{single}放假1天，不调休" if new else f"{single}放假"


def composed(form: CalendarYear, style: str = "new", *, title: bool = True, numbered: bool = True) -> str:
    """A notice in the usual wording; a make-up day is told with the holiday that is nearest to it."""
    near: dict[int, list[date]] = {}
    for day in form.makeup:
        distances = [min(abs(day - run.first), abs(day - run.last)) for run in form.off]
        near.setdefault(distances.index(min(distances)), []).append(day)
    lines = [f"国务院办公厅关于{form.year}年部分节假日安排的通知"] if title else []
    for index, run in enumerate(form.off):
        worked = "、".join(spoken(day, form.year, style) for day in near.get(index, []))
        number = f"{NUMBERS[index]}、" if numbered else ""
        lines.append(f"{number}{run.name}：{off_words(run, form.year, style)}。{f'{worked}上班。' if worked else ''}")
    issued = form.issued_on
    assert issued
    return "\n\n".join(
        [*lines, "节假日期间，各单位安排好值班。", f"国务院办公厅\n{issued.year}年{issued.month}月{issued.day}日"]
    )


def shipped(year: int) -> CalendarYear:
    form = CalendarYear.model_validate(yaml.safe_load((CALENDARS / f"{year}.yaml").read_text("utf-8")))
    return form.model_copy(update={"terms": ()})


@cache
def table() -> StatutoryTable:
    return StatutoryTable.model_validate(yaml.safe_load((CALENDARS / "法定节日.yaml").read_text("utf-8")))


def full_width(text: str) -> str:
    return text.translate(str.maketrans("0123456789", "０１２３４５６７８９"))


def wrapped(text: str) -> str:
    """A line break after every seventh character, as out of a narrow page."""
    return "\r\n".join(text[at : at + 7] for at in range(0, len(text), 7))


def ascii_signs(text: str) -> str:
    return text.replace("（", "(").replace("）", ")").replace("：", ":").replace("，", ",").replace("至", "-")


def invisible(text: str) -> str:
    return text.replace("月", "\u200b月\u00a0").replace("、", "、\u3000")


# --- what is right reads back -------------------------------------------------------


@pytest.mark.parametrize("worn", [str, full_width, wrapped, ascii_signs, invisible])
def test_notice_of_a_shipped_year_reads_back_to_the_shipped_calendar(worn: Callable[[str], str]) -> None:
    for year, style in product((2024, 2025, 2026), ("new", "old")):
        notice = read_notice(worn(composed(shipped(year), style)), year)
        assert notice.problems == (), (year, style)
        assert notice.calendar == shipped(year), (year, style)


def test_numbers_before_the_holidays_and_the_title_are_not_needed() -> None:
    text = composed(shipped(2026), title=False, numbered=False)
    assert read_notice(text, 2026).calendar == shipped(2026)


def test_counts_say_how_much_of_the_text_checked_itself() -> None:
    notice = read_notice(composed(shipped(2026)))
    assert (notice.weekdays, notice.counts) == (20, 7)


def test_made_up_notice_reads_and_has_the_statutory_days() -> None:
    notice = read_notice(MADE_UP, statutory=table())
    assert notice.problems == ()
    assert notice.calendar
    assert notice.calendar.makeup[0] == date(2027, 1, 31)


def changed(old: str, new: str, text: str = MADE_UP) -> str:
    assert old in text
    return text.replace(old, new, 1)


def off_days(text: str, name: str) -> list[str]:
    """“MM-DD MM-DD” of each range of a holiday; the text must be sound."""
    notice = read_notice(text)
    assert notice.calendar, notice.problems
    return [f"{run.first} {run.last}" for run in notice.calendar.off if run.name == name]


@pytest.mark.parametrize(
    ("words", "read"),
    [
        ("1月1日放假", ["2027-01-01 2027-01-01"]),
        ("1月1日放假，与周末连休", ["2027-01-01 2027-01-01"]),
        ("1月1日（周五）放假，与周六连休", ["2027-01-01 2027-01-01"]),
        ("1月1日（元旦，星期五）放假1天", ["2027-01-01 2027-01-01"]),
        ("2026年12月31日至2027年1月3日放假公休，共4天", ["2026-12-31 2027-01-03"]),
        ("2026年12月31日至1月3日放假，共4天", ["2026-12-31 2027-01-03"]),
        ("12月31日（周四）至1月3日（星期天）放假，共4天", ["2026-12-31 2027-01-03"]),
        ("1月1日—3日放假，共3天。其中，1月1日（星期五）为法定节假日", ["2027-01-01 2027-01-03"]),
        ("1月1日放假，1月4日（星期一）补休", ["2027-01-01 2027-01-01", "2027-01-04 2027-01-04"]),
    ],
)
def test_older_wordings_are_understood(words: str, read: list[str]) -> None:
    assert off_days(changed("1月1日（周五）至3日（周日）放假，共3天", words), "元旦") == read


def test_holidays_may_share_a_paragraph() -> None:
    text = changed("六、中秋节：9月15日（周三）放假1天，不调休。", "")
    text = changed("七、国庆节", "六、国庆节和中秋节", text)
    assert off_days(text, "国庆节、中秋节") == ["2027-10-01 2027-10-07"]


def test_makeup_days_of_one_month_may_leave_it_out() -> None:
    notice = read_notice(changed("2月20日（周六）上班", "2月20日（周六）、27日（周六）上班"))
    assert notice.calendar
    assert notice.calendar.makeup[1:3] == (date(2027, 2, 20), date(2027, 2, 27))


def test_advice_about_leave_is_no_holiday() -> None:
    text = changed("2月20日（周六）上班。", "2月20日（周六）上班。鼓励各单位安排职工在2月4日（周四）休息。")
    assert read_notice(text).calendar == read_notice(MADE_UP).calendar


def test_what_follows_the_closing_words_is_not_read() -> None:
    text = MADE_UP + "\n相关链接\n元旦：1月9日放假\n打印日期 2026年12月5日"
    assert read_notice(text).calendar == read_notice(MADE_UP).calendar


# --- what is doubtful is refused ------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("1月1日（周五）", "1月1日（周四）", ["元旦：“1月1日（周四）”的星期不对：2027年1月1日是星期五"]),
        ("2月5日（农历除夕、周五）", "2月5日（农历除夕、周六）", ["“2月5日（农历除夕、周六）”的星期不对"]),
        ("共7天。1月31日", "共8天。1月31日", ["共8天”的天数不对：日期算起来是7天"]),
        ("9月15日（周三）放假1天", "9月15日（周三）放假2天", ["放假2天”的天数不对：日期算起来是1天"]),
        ("9月15日（周三）放假1天", "9月15日放假，与周末连休", ["与周末连休”对不上：2027年这一天是星期三"]),
        ("2月20日（周六）", "2月19日（周五）", ["2月19日（周五）上班”：2月19日是星期五，调休上班日应是周六或周日"]),
        ("2月20日（周六）", "2月6日（周六）", ["2月6日（周六）上班”：2月6日又在“2月5日（农历除夕、周五）"]),
        ("5月8日（周六）", "4月25日（周日）", ["4月25日上班写了两次"]),
        ("五、端午节：6月9日（周三）放假1天，不调休。", "", ["没有找到“端午节”的安排"]),
        ("五、端午节：", "五、端干节：", ["没有找到“端午节”的安排"]),
        ("五、端午节：", "五、中秋节：", ["没有找到“端午节”的安排", "“中秋节”的安排写了2次"]),
        ("9月15日（周三）放假1天", "10月7日放假1天", ["“10月1日（周五）至7日（周四）放假”与“10月7日放假”的日期重叠：10月7日"]),
        ("（周五）至3日（周日）", "（周五至3日（周日）", ["“1月1日（周五”的括号不配对"]),
        ("（周五）至3日（周日）放假", "（周五）至3日周日）放假", ["“3日周日）”的括号不配对"]),
        ("4月25日（周日）", "4月31日（周日）", ["“4月31日（周日）”这一天不存在：2027年4月只有1至30日"]),
        ("4月25日（周日）", "14月25日（周日）", ["“14月25日（周日）”写了14月"]),
        ("10月1日（周五）至7日（周四）", "10月7日（周四）至1日（周五）", ["的起止不对：从2027-10-07到2027-10-01"]),
        ("5月1日（周六）至5日", "1日（周六）至5日", ["劳动节：“1日（周六）”没有写月份"]),
        ("5月1日（周六）至", "2026年5月1日至", ["“2026年5月1日”不属于2027年"]),
        ("放假1天，不调休。\n\n六", "放家1天，不调休。\n\n六", ["“6月9日（周三）放家1天”看不出是放假还是上班", "端午节：没有读到放假日期"]),
        ("2月20日（周六）上班", "2月20日（周六）不上班", ["2月20日（周六）不上班”看不出是放假还是上班"]),
        ("10月9日（周六）上班。", "10月9日（周六）", ["看不出是放假还是上班"]),
        ("5月1日（周六）至5日（周三）放假调休，共5天", "5月2日至6日放假调休，共5天", ["劳动节：“5月2日至6日放假”不含法定放假日5月1日"]),
        ("2026年11月30日", "", ["没有找到落款日期"]),
        ("2026年11月30日", "2026年11月31日", ["落款日期：“2026年11月31日”这一天不存在"]),
        ("2026年11月30日", "2024年11月30日", ["落款日期“2024年11月30日”与2027年的通知不符"]),
    ],
)  # fmt: skip
def test_every_doubt_is_named_in_the_notice_s_own_words(old: str, new: str, said: list[str]) -> None:
    notice = read_notice(changed(old, new))
    assert notice.calendar is None
    for sentence in said:
        assert any(sentence in problem for problem in notice.problems), notice.problems


def test_a_single_slip_brings_a_single_complaint() -> None:
    for old, new in [("1月1日（周五）", "1月1日（周四）"), ("共5天", "共6天"), ("2026年11月30日", "")]:
        assert len(read_notice(changed(old, new)).problems) == 1


def test_statutory_days_of_the_shipped_table_must_be_off() -> None:
    text = changed("4月3日（周六）至5日（周一）放假，共3天", "4月3日（周六）至4日（周日）放假，共2天")
    assert read_notice(text).problems == ()
    [problem] = read_notice(text, statutory=table()).problems
    assert "不含法定放假日4月5日" in problem


def test_notice_of_another_year_is_refused_without_a_word_about_its_weekdays() -> None:
    [problem] = read_notice(composed(shipped(2026)), 2027).problems
    assert problem == "年份不符：通知标题是“2026年部分节假日安排”，要录入的是2027年"


def test_a_wrong_year_without_a_title_shows_in_the_weekdays() -> None:
    problems = read_notice(composed(shipped(2026), title=False), 2027).problems
    assert len([problem for problem in problems if "星期不对" in problem]) == 20


def test_two_notices_in_one_paste_are_refused() -> None:
    problems = read_notice(composed(shipped(2025)) + composed(shipped(2026))).problems
    assert "2025年、2026年" in problems[0]


def test_a_whole_book_is_refused_unread() -> None:
    assert "不像一份通知" in read_notice(MADE_UP * 100).problems[0]


@pytest.mark.parametrize("word", ["1日、", "1月1日（周五）至2日、", "1月1日放假。", "（", "元旦、", "1日至"])
def test_endless_repetition_is_refused_without_endless_search(word: str) -> None:
    """A search that tries every way to cut such a text does not end before pytest's own timeout."""
    text = f"元旦：{word * (19_000 // len(word))}"
    assert read_notice(text, 2027).calendar is None


@pytest.mark.parametrize("text", ["", "你好", "2027年", "元旦：", "国务院办公厅关于2027年部分节假日安排的通知"])
def test_something_else_misses_every_holiday(text: str) -> None:
    problems = read_notice(text, 2027).problems
    assert sum("没有找到“" in one or "没有读到" in one for one in problems) >= 7


def test_a_year_no_calendar_can_have_is_refused() -> None:
    assert read_notice(changed("2027年", "3027年")).problems == ("“3027年”应在2000至2099之间",)


def test_damage_in_many_places_is_reported_all_at_once() -> None:
    text = changed("（周五）至3日（周日）", "（周五至3日（周六）")
    text = changed("端午", "端干", changed("共7天。9月26日", "共9天。9月26日", text))
    found = "\n".join(read_notice(text).problems)
    for said in ("括号不配对", "“3日（周六）”的星期不对", "没有找到“端午节”", "日期算起来是7天"):
        assert said in found


# --- properties ------------------------------------------------------------------------


@st.composite
def ranges(draw: st.DrawFn, year: int) -> list[DayRange]:
    """Seven holidays with room between them; the autumn ones may fall together."""

    def run(name: str, core: date, before: int, after: int) -> DayRange:
        first = core - timedelta(days=draw(st.integers(0, before)))
        last = core + timedelta(days=draw(st.integers(0, after)))
        return DayRange.model_validate({"名称": name, "起": first, "止": last})

    spring = date(year, 1, 21) + timedelta(days=draw(st.integers(0, 30)))
    dragon = date(year, 5, 25) + timedelta(days=draw(st.integers(0, 30)))
    autumn = date(year, 9, 8) + timedelta(days=draw(st.integers(0, 14)))
    start = [
        run("元旦", date(year, 1, 1), 4, 3),
        run("春节", spring, 3, 8),
        run("清明节", date(year, 4, draw(st.sampled_from([4, 5]))), 2, 3),
        run("劳动节", date(year, 5, 1), 3, 5),
        run("端午节", dragon, 2, 3),
    ]
    if draw(st.booleans()):
        return [*start, run(draw(st.sampled_from(["中秋节、国庆节", "国庆节、中秋节"])), date(year, 10, 1), 3, 8)]
    return [*start, run("中秋节", autumn, 2, 3), run("国庆节", date(year, 10, 1), 2, 7)]


@st.composite
def calendars(draw: st.DrawFn) -> CalendarYear:
    year = draw(st.integers(2001, 2098))
    off = draw(ranges(year))
    taken = {day for run in off for day in run.days()}
    weekends = [day for day in _year_from_december(year) if day.weekday() >= 5 and day not in taken]
    makeup = sorted(draw(st.sets(st.sampled_from(weekends), max_size=9)))
    issued = date(year - 1, 10, 1) + timedelta(days=draw(st.integers(0, 90)))
    title = f"国务院办公厅关于{year}年部分节假日安排的通知"
    form = {"年份": year, "状态": "已公布", "文件": title, "发布日期": issued, "放假": off, "上班": makeup}
    return CalendarYear.model_validate(form)


def _year_from_december(year: int) -> Iterator[date]:
    day = date(year - 1, 12, 1)
    return (day + timedelta(days=n) for n in range((date(year, 12, 31) - day).days + 1))


@settings(max_examples=150)
@given(calendars(), st.sampled_from(["new", "old"]), st.sampled_from([str, full_width, wrapped, ascii_signs]))
def test_any_valid_calendar_survives_being_told_and_read(
    form: CalendarYear, style: str, worn: Callable[[str], str]
) -> None:
    notice = read_notice(worn(composed(form, style)))
    assert notice.problems == ()
    assert notice.calendar == form


@settings(max_examples=300)
@given(st.data())
def test_no_damage_makes_it_raise_or_answer_both_ways(data: st.DataObject) -> None:
    text = unicodedata.normalize("NFC", MADE_UP)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text)))
        cut = data.draw(st.integers(0, 12))
        put = data.draw(st.text("0123456789年月日至、，。：（）周星期一六放假上班元旦共天 \n", max_size=6))
        text = text[:at] + put + text[at + cut :]
    notice = read_notice(text, data.draw(st.sampled_from([None, 2027])), table())
    assert (notice.calendar is None) == bool(notice.problems)
