"""Reads the pasted text of a State Council holiday notice into one year's calendar, or lists every problem found in it.

The text contains its own checks: weekdays in brackets, counts of days (共3天), make-up days on Saturdays or Sundays. A year of
reminders depends on the result, so a single problem refuses the whole notice; each problem quotes the notice's own words.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from bot.core.time.festivals import HOLIDAYS
from bot.core.time.grammar import YEARS, WordError, real_date
from bot.core.time.workdays import SATURDAY, CalendarYear, DayRange, StatutoryTable, law_days

WEEKDAYS = "一二三四五六日"
LONGEST = 20_000  # characters; a notice has about 600, a whole web page around it a few thousand
TITLE = "国务院办公厅关于{year}年部分节假日安排的通知"

_WEEKDAY = re.compile("(?:周|星期|礼拜)([一二三四五六日天])")
_DATE_PARTS = re.compile(r"(?:(\d{4})年)?(?:(\d{1,2})月)?(\d{1,2})日(.*)")
#: What stands in brackets after a date. A missing bracket matches too, so that it can be reported.
_BRACKETS = "（[^（）。]{0,30}）|（?(?:周|星期|礼拜)[一二三四五六日天]）?"
#: All quantifiers are possessive (?+ *+): a damaged text must not cause catastrophic backtracking.
_DATE = rf"(?:\d{{4}}年)?+(?:\d{{1,2}}月)?+\d{{1,2}}日(?:{_BRACKETS})?+"
_RUN = rf"{_DATE}(?:(?:至|到|[-–—~]+){_DATE})?+"
_CLAUSE = re.compile(
    rf"(?P<list>{_RUN}(?:[、，和及与]++{_RUN}){{0,11}}+)(?P<words>[^。；\d不]{{0,40}}?)(?P<verb>放假|补休|上班)"
)
_COUNT = re.compile(r"\D{0,8}(\d{1,3})天")
_WITH_WEEKEND = re.compile("[^。；]{0,4}与周[末六日]连休")
_ASIDE = re.compile("(?:鼓励|其中)[^。]*")
_HOLIDAY = "(?:元旦|春节|清明节?|(?:国际)?劳动节|端午节?|中秋节?|国庆节?)"
_HEADING = re.compile(rf"(?P<names>{_HOLIDAY}(?:[、和与及]{_HOLIDAY}){{0,6}}+)(?:：|(?=\d))")
_TAIL = re.compile("节假日期间|国务院办公厅")
_TITLE_YEAR = re.compile(r"(\d{4})年部分节假日安排")
_SIGNED = re.compile(r"(国务院办公厅)?(\d{4}年\d{1,2}月\d{1,2}日)(?![（至到、，和与及放补上])")


@dataclass(frozen=True, slots=True)
class Notice:
    """The result of reading. `calendar` is None exactly when there are problems.

    `weekdays` and `counts` are the numbers of weekdays and day counts in the text that were checked against its dates.
    """

    calendar: CalendarYear | None
    problems: tuple[str, ...]
    weekdays: int = 0
    counts: int = 0


def read_notice(text: str, year: int | None = None, statutory: StatutoryTable | None = None) -> Notice:
    """Reads a pasted notice. Never raises for bad text: problems are in the result.

    `year` is needed when the text has no title; with a title, the two must agree. With `statutory`, the statutory days of
    that year must be among the days off.
    """
    if len(text) > LONGEST:
        return Notice(None, (f"文字太长，有{len(text)}个字，不像一份通知：请只粘贴通知本身",))
    plain = _plain(text)
    problems: list[str] = []
    found = _year(plain, year, problems)
    sections = _sections(plain)
    problems += _names_missing_or_twice([names for names, _ in sections])
    if found is None:
        return Notice(None, tuple(problems))
    reading = _NoticeReader(found)
    for names, body in sections:
        reading.section(names, body)
    issued = reading.issue_day(plain)
    reading.compare(statutory)
    problems += reading.problems
    calendar = None if problems or issued is None else reading.calendar(issued)
    return Notice(calendar, tuple(dict.fromkeys(problems)), reading.weekdays, reading.counts)


def weekday_name(day: date) -> str:
    """The weekday in Chinese, 星期一 to 星期日."""
    return f"星期{WEEKDAYS[day.weekday()]}"


def _plain(text: str) -> str:
    """The text with half-width digits, full-width punctuation, and without blanks, line breaks or invisible characters."""
    visible = "".join(sign for sign in unicodedata.normalize("NFKC", text) if unicodedata.category(sign) != "Cf")
    return re.sub(r"\s+", "", visible).translate(str.maketrans("(),:;", "（），：；"))


def _year(plain: str, wanted: int | None, problems: list[str]) -> int | None:
    """The title's year, else the wanted one.

    When the two differ, dates are read with the title's year, so that only the mismatch is reported and not every date.
    """
    titles = {int(found) for found in _TITLE_YEAR.findall(plain)}
    if len(titles) > 1:
        problems.append(
            f"通知里有几个年份的标题：{'、'.join(f'{one}年' for one in sorted(titles))}，请一次只粘贴一份通知"
        )
    year = min(titles, default=wanted)
    if year is None:
        problems.append("看不出是哪一年的通知：请连标题一起粘贴，或另外指明年份")
    elif wanted not in (None, year):
        problems.append(f"年份不符：通知标题是“{year}年部分节假日安排”，要录入的是{wanted}年")
    if year is not None and year not in YEARS:
        problems.append(f"“{year}年”应在{YEARS[0]}至{YEARS[-1]}之间")
        return None
    return year


def _sections(plain: str) -> list[tuple[tuple[str, ...], str]]:
    """The holiday names of each heading with the text after it; text after the notice's closing words is left out."""
    headings = list(_HEADING.finditer(plain))
    closing = _TAIL.search(plain, headings[0].end()) if headings else None
    tail = closing.start() if closing else len(plain)
    headings = [heading for heading in headings if heading.start() < tail]
    ends = [heading.start() for heading in headings[1:]] + [tail] * bool(headings)
    return [(_names(head["names"]), plain[head.end() : end]) for head, end in zip(headings, ends, strict=True)]


def _names(text: str) -> tuple[str, ...]:
    """The full names of the holidays in a heading: 清明 becomes 清明节."""
    shorts = (one.removeprefix("国际").removesuffix("节") for one in re.split("[、和与及]", text))
    return tuple(next(name for name in HOLIDAYS if name.startswith(short)) for short in shorts)


def _names_missing_or_twice(headings: Iterable[tuple[str, ...]]) -> Iterator[str]:
    named = [name for names in headings for name in names]
    for name in HOLIDAYS:
        if name not in named:
            yield f"没有找到“{name}”的安排"
        elif named.count(name) > 1:
            yield f"“{name}”的安排写了{named.count(name)}次"


def _listed(days: Iterable[date]) -> str:
    return "、".join(f"{day.month}月{day.day}日" for day in days)


class _NoticeReader:
    """Reads one notice section by section and collects problems."""

    def __init__(self, year: int) -> None:
        self.year = year
        self.problems: list[str] = []
        self.weekdays = self.counts = 0
        self._off: list[tuple[DayRange, str]] = []  # each with the phrase it was read from
        self._makeup: list[tuple[date, str]] = []
        self._holidays: tuple[str, ...] = ()
        self._carried: tuple[int, int] | None = None  # year and month of the date before, for “2月14日、28日”

    def _say(self, phrase: str, problem: str) -> None:
        self.problems.append(f"{'、'.join(self._holidays)}：“{phrase}”{problem}")

    # --- reading ---

    def section(self, names: tuple[str, ...], body: str) -> None:
        """Reads the days off and make-up days of one numbered paragraph; a date that is neither is a problem."""
        self._holidays, self._carried = names, None
        body = _ASIDE.sub("", body)
        before, end = len(self._off), 0
        left: list[str] = []
        for clause in _CLAUSE.finditer(body):
            left.append(body[end : clause.start()])
            end = clause.end()
            self._clause(clause, body[end:])
        left.append(body[end:])
        for rest in left:
            for found in re.finditer(rf"{_DATE}[^。；，]{{0,40}}", rest):
                self._unread(found[0])
        if len(self._off) == before:
            self.problems.append(f"{'、'.join(names)}：没有读到放假日期")

    def _unread(self, phrase: str) -> None:
        """Reports a date that was not read, except a bare full date: that is the signature's."""
        if not re.fullmatch(r"\d{4}年\d{1,2}月\d{1,2}日", phrase):
            self._say(phrase, "看不出是放假还是上班")

    def _clause(self, clause: re.Match[str], rest: str) -> None:
        phrase = clause[0]
        read = [self._run(found[0], phrase) for found in re.finditer(_RUN, clause["list"])]
        runs = [run for run in read if run]
        if clause["verb"] == "上班":
            self._makeup += [(day, phrase) for first, last in runs for day in _days(first, last)]
            return
        name = "、".join(self._holidays)
        new = [DayRange.model_validate({"名称": name, "起": first, "止": last}) for first, last in runs]
        self._off += [(run, phrase) for run in new]
        if len(runs) == len(read):
            self._count(new, phrase, rest)

    def _count(self, runs: list[DayRange], phrase: str, rest: str) -> None:
        """Checks 共3天 against the number of dates, and 与周末连休 against their weekdays."""
        days = [day for run in runs for day in run.days()]
        found = _COUNT.match(rest)
        if found and int(found[1]) != len(days):
            self._say(phrase + found[0], f"的天数不对：日期算起来是{len(days)}天")
        self.counts += bool(found)
        joined = _WITH_WEEKEND.match(rest)
        near = {day + timedelta(days=step) for day in days for step in (-1, 0, 1)}
        if joined and not any(day.weekday() >= SATURDAY for day in near):
            self._say(phrase + joined[0], f"对不上：{self.year}年这一天是{weekday_name(days[0])}")

    def _run(self, text: str, phrase: str) -> tuple[date, date] | None:
        ends = [self._day(found[0]) for found in re.finditer(_DATE, text)]
        first, last = ends[0], ends[-1]
        if first is None or last is None:
            return None
        if not 0 <= (last - first).days < 62:
            self._say(phrase, f"的起止不对：从{first}到{last}")
            return None
        return first, last

    def _day(self, text: str) -> date | None:
        """The date, with the weekday in its brackets checked; None when there is none, after reporting why."""
        found = _DATE_PARTS.fullmatch(text)
        assert found is not None
        if text.count("（") != text.count("）"):
            self._say(text, "的括号不配对")
        day = self._resolved(found, text)
        weekday = _WEEKDAY.search(found[4])
        if day and weekday:
            self.weekdays += 1
            if weekday[1].replace("天", "日") != WEEKDAYS[day.weekday()]:
                self._say(text, f"的星期不对：{day.year}年{day.month}月{day.day}日是{weekday_name(day)}")
        return day

    def _resolved(self, found: re.Match[str], text: str) -> date | None:
        if found[2] is None and self._carried is None:
            self._say(text, "没有写月份")
            return None
        year, month = self._carried or (self.year, 0)
        if found[2] is not None:
            month = int(found[2])
            # 元旦 may begin in December of the year before; most notices then write the year, but not all.
            year = int(found[1] or (self.year - (month == 12 and "元旦" in self._holidays)))
        self._carried = year, month
        try:
            day = real_date(year, month, int(found[3]), text)
        except WordError as error:
            self.problems.append(f"{'、'.join(self._holidays)}：{error.problem}")
            return None
        if not date(self.year - 1, 12, 1) <= day <= date(self.year, 12, 31):
            self._say(text, f"不属于{self.year}年")
        return day

    def issue_day(self, plain: str) -> date | None:
        """The date after the issuing office's name, else the last full date that stands alone; None after reporting why."""
        found = list(_SIGNED.finditer(plain))
        signed = [one[2] for one in found if one[1]] or [one[2] for one in found]
        if not signed:
            self.problems.append("没有找到落款日期：请连最后的“国务院办公厅”和日期一起粘贴")
            return None
        year, month, day = (int(part) for part in re.findall(r"\d+", signed[-1]))
        try:
            issued = real_date(year, month, day, signed[-1])
        except WordError as error:
            self.problems.append(f"落款日期：{error.problem}")
            return None
        if issued.year not in (self.year - 1, self.year):
            self.problems.append(f"落款日期“{signed[-1]}”与{self.year}年的通知不符")
        return issued

    # --- comparing ---

    def compare(self, statutory: StatutoryTable | None) -> None:
        """Checks all paragraphs against each other and against the statutory days."""
        phrases = self._overlaps()
        self._check_makeup(phrases)
        self._check_statutory(set(phrases), statutory)

    def _overlaps(self) -> dict[date, str]:
        """The phrase of every day off; reports phrases that name the same days."""
        phrases: dict[date, str] = {}
        for run, phrase in self._off:
            twice = [day for day in run.days() if day in phrases]
            if twice:
                self.problems.append(f"{run.name}：“{phrase}”与“{phrases[twice[0]]}”的日期重叠：{_listed(twice)}")
            phrases.update(dict.fromkeys(run.days(), phrase))
        return phrases

    def _check_makeup(self, phrases: dict[date, str]) -> None:
        seen: set[date] = set()
        for day, phrase in self._makeup:
            name = _listed([day])
            if day.weekday() < SATURDAY:
                self.problems.append(f"“{phrase}”：{name}是{weekday_name(day)}，调休上班日应是周六或周日")
            if day in phrases:
                self.problems.append(f"“{phrase}”：{name}又在“{phrases[day]}”之内，不能既放假又上班")
            if day in seen:
                self.problems.append(f"“{phrase}”：{name}上班写了两次")
            seen.add(day)

    def _check_statutory(self, off: set[date], table: StatutoryTable | None) -> None:
        """Reports statutory days that are missing from the days off of a holiday that was read."""
        for name, days in law_days(self.year, table).items():
            said = next((phrase for run, phrase in self._off if name in run.name.split("、")), None)
            missing = [day for day in days if day not in off]
            if said is not None and missing:
                self.problems.append(f"{name}：“{said}”不含法定放假日{_listed(missing)}")

    def calendar(self, issued: date) -> CalendarYear:
        """The year's calendar form; only called when there are no problems."""
        return CalendarYear.model_validate(
            {
                "年份": self.year,
                "状态": "已公布",
                "文件": TITLE.format(year=self.year),
                "发布日期": issued,
                "放假": sorted((run for run, _ in self._off), key=lambda run: run.first),
                "上班": sorted(day for day, _ in self._makeup),
            }
        )


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=n) for n in range((last - first).days + 1))
