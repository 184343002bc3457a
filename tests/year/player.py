"""People, played with a seed: most things are done in time and checked, some late, returned, put off, or never done."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random

from tests.year.days import Days
from tests.year.plan import Duty
from tests.year.record import Script
from tests.year.turns import SHARED, Desk, county, minutes, turns

START, END = "2026-12-01T07:50", "2028-04-30T18:00"
FIRST, LAST = date(2026, 12, 1), date(2028, 4, 28)
FATES = {"in time": 62, "late": 12, "returned": 8, "put off": 8, "never": 10}
REPORTS = {"in time": 50, "late": 12, "mended at once": 10, "mended later": 10, "preliminary": 10, "never": 8}
REASONS = ("缺市级复核材料", "缺两所学校的名册", "佐证材料没有盖章", "统计口径与上期不一致", "没有附整改清单")
WHY_LATER = ("上级安排顺延", "等财政批复", "现场检查改期")
OFFICE = "督查室"


def played_by(seed: int) -> Script:
    """The script of a seed."""
    dice, desk = Random(seed), Desk(county())
    turns(desk, dice)
    for duty, since, until in lives(desk):
        if duty.figure:
            _report(desk, dice, duty, since)
        else:
            _work(desk, dice, duty, since, until)
    _histories(desk, dice)
    _set_pieces(desk)
    _slips(desk)
    desk.acts.sort(key=lambda act: act.at)
    return Script(START, END, county(), tuple(a for a in desk.acts if a.at < END), SHARED)


def lives(desk: Desk) -> Iterator[tuple[Duty, date, date]]:
    """Everything with a date that anybody may be asked for, with the days between which the rules know it."""
    since: dict[str, date] = {}
    last: dict[str, tuple[Duty, date]] = {}
    for place, (at, plan) in enumerate(desk.versions):
        from_day = date.fromisoformat(at[:10]) if at else FIRST
        following = desk.versions[place + 1 :]
        until = date.fromisoformat(following[0][0][:10]) if following else LAST
        for duty in plan.duties.values():
            since.setdefault(duty.id, from_day)
            last[duty.id] = (duty, until)
    for name in sorted(last):
        duty, until = last[name]
        if duty.due <= LAST + timedelta(days=20):
            yield duty, since[name], until


class Diary:
    """Finds hours of workdays at which people do things."""

    def __init__(self, dice: Random, days: Days, since: date) -> None:
        self._dice, self._days, self._since = dice, days, since
        self._last = ""

    def at(self, day: date) -> str:
        """An hour of the first workday on or after `day`, later than the one before."""
        day = max(day, self._since + timedelta(days=1), FIRST)
        if self._last:
            day = max(day, date.fromisoformat(self._last[:10]) + timedelta(days=1))
        while not self._days.is_workday(day):
            day += timedelta(days=1)
        hour = self._dice.choice((8, 9, 10, 11, 14, 15, 16))
        self._last = f"{day}T{hour:02}:{self._dice.randint(35, 59)}"
        return self._last


def _days(desk: Desk) -> Days:
    return desk.versions[-1][1].days


def _work(desk: Desk, dice: Random, duty: Duty, since: date, until: date) -> None:
    """What becomes of one duty."""
    fate, spread = dice.choices(list(FATES), list(FATES.values()))[0], dice.randint
    diary, before = Diary(dice, _days(desk), since), len(desk.acts)
    if fate == "in time":
        _done_and_closed(desk, diary, duty, duty.due - timedelta(days=spread(1, 8)), spread(1, 6))
    elif fate == "late":
        _done_and_closed(desk, diary, duty, duty.due + timedelta(days=spread(2, 45)), spread(1, 6))
    elif fate == "returned":
        on = duty.due - timedelta(days=spread(1, 6))
        desk.letter(diary.at(on), "done", item=duty.id, by=duty.lead)
        back = on + timedelta(days=spread(2, 4))
        desk.letter(diary.at(back), "returned", item=duty.id, reason=dice.choice(REASONS), by=OFFICE)
        _done_and_closed(desk, diary, duty, back + timedelta(days=spread(5, 12)), spread(1, 5))
    elif fate == "put off":
        to = duty.due + timedelta(days=spread(15, 60))
        data = {"to": str(to), "rule_due": str(duty.due), "reason": dice.choice(WHY_LATER), "by": OFFICE}
        desk.letter(diary.at(duty.due - timedelta(days=spread(2, 10))), "extended", item=duty.id, **data)
        _done_and_closed(desk, diary, duty, to - timedelta(days=spread(1, 5)), spread(1, 5))
    desk.acts[before:] = [act for act in desk.acts[before:] if act.day < until or until >= LAST]


def _done_and_closed(desk: Desk, diary: Diary, duty: Duty, on: date, checked_after: int) -> None:
    at = diary.at(on)
    desk.letter(at, "done", item=duty.id, by=duty.lead)
    desk.letter(
        diary.at(date.fromisoformat(at[:10]) + timedelta(days=checked_after)), "closed", item=duty.id, by=OFFICE
    )


def _report(desk: Desk, dice: Random, duty: Duty, since: date) -> None:
    """How one value comes in."""
    if duty.figure in SET_PIECES:
        return
    fate, spread = dice.choices(list(REPORTS), list(REPORTS.values()))[0], dice.randint
    diary, value = Diary(dice, _days(desk), since), value_of(dice, duty.figure, duty.period)
    early = duty.due - timedelta(days=spread(0, 9))
    if fate == "never":
        return
    if fate == "late":
        early = duty.late_from + timedelta(days=spread(3, 40))
    if fate == "preliminary":
        _value(desk, diary.at(early - timedelta(days=5)), duty, value_of(dice, duty.figure, duty.period), final=False)
    at = diary.at(max(early, duty.opens))
    _value(desk, at, duty, value)
    if fate == "mended at once":
        later = f"{at[:11]}{int(at[11:13]) + 1:02}{at[13:]}"
        _value(desk, later, duty, value_of(dice, duty.figure, duty.period), note="核实更正")
    if fate == "mended later":
        on = date.fromisoformat(at[:10]) + timedelta(days=spread(1, 20))
        _value(desk, diary.at(on), duty, value_of(dice, duty.figure, duty.period), note="核实更正")


def _value(desk: Desk, at: str, duty: Duty, value: float, *, final: bool = True, note: str = "") -> None:
    _observe(desk, at, duty.figure, duty.period, value, final=final, note=note, by=duty.lead)


def _observe(
    desk: Desk, at: str, figure: str, period: str, value: float, *, final: bool = True, note: str = "", by: str = ""
) -> None:
    data = {"indicator": figure, "period": period, "value": str(value), "final": final, "by": by, "note": note}
    desk.letter(at, "observed", **data)


def value_of(dice: Random, figure: str, period: str) -> float:
    """A value as it might be: last known, moved as such figures move, with some luck. Counts stay whole."""
    base, step = VALUES[figure]
    moved = base + step * (int(period[:4]) - 2025) + (abs(step) or 1) * dice.choice((-1.5, -0.5, 0, 0, 0.5, 1))
    if isinstance(base, int):
        return max(round(moved), 0)
    return round(min(moved, 100.0) if base > 85 else moved, 2)


def _histories(desk: Desk, dice: Random) -> None:
    """Values of former years, a few figures in December, births and seats one a minute on a day in March."""
    for place, figure in enumerate(("I4", "T02-I2", "T04-I1", "T11-I1", "T12-I4")):
        for at, year in zip(minutes(f"2026-12-{8 + place:02}T15:02", 3), (2023, 2024, 2025), strict=True):
            _observe(desk, at, figure, str(year), value_of(dice, figure, str(year)))
    births = range(2025, 2006, -1)
    for at, year in zip(minutes("2027-03-18T09:38", len(births)), births, strict=True):
        _observe(desk, at, "T03-I2", str(year), 3300 - 55 * (2025 - year) + dice.randint(-40, 40))


#: Figures whose values are set: (when, figure, period, value, note).
PIECES = (
    ("2026-12-15T10:20", "T08-I2", "2026", 93.2, ""),
    ("2026-12-15T10:40", "T02-I1", "2025", 1.9, ""),
    ("2026-12-15T10:41", "T02-I1", "2026", 2.1, ""),
    ("2026-12-16T15:10", "T08-I2", "2026", 100, "更正"),
    ("2026-12-18T10:45", "T14-I1", "2026", 95, ""),
    ("2026-12-21T09:50", "T11-I1", "2026", 12.6, ""),
    ("2027-07-05T15:40", "I1", "2035", 12.4, ""),
    ("2027-09-20T10:15", "I1", "2026", 9.6, ""),
    ("2027-11-25T09:52", "I4", "2027", 97.6, ""),
    ("2027-11-25T15:25", "I4", "2027", 90.4, "核实更正"),
    ("2027-11-26T09:05", "I3", "2027", 99.2, ""),
    ("2027-11-26T15:50", "I3", "2027", 98.7, "核实更正"),
    ("2027-11-29T10:05", "T08-I2", "2027", 100, ""),
    ("2027-11-29T14:50", "T14-I1", "2027", 100, ""),
    ("2027-11-30T14:50", "T11-I1", "2027", 12.2, ""),
    ("2027-11-30T16:05", "T02-I1", "2027", 1.98, ""),
    ("2028-03-20T09:55", "I8", "2027", 35.3, ""),
)  # fmt: skip
SET_PIECES = frozenset(figure for _, figure, *_ in PIECES)


#: Values entered for the wrong figure, each with the moment at which it was withdrawn: an hour or a day later.
SLIPS = (
    ("2027-09-20T09:20", "I3", "2027", 99.5, "2027-09-21T10:40"),
    ("2027-10-12T08:35", "T08-I2", "2027", 92.5, "2027-10-13T10:35"),
    ("2027-10-14T15:05", "T14-I1", "2027", 93.0, "2027-10-14T16:05"),
)
#: Something struck off by mistake.
STRUCK_OFF = ("2027-05-20T10:10", "T04-R2@2027", "2027-05-21T09:40")


def _set_pieces(desk: Desk) -> None:
    """Values that bring out what once was told wrongly, and the closing of a target between a value and its correction."""
    for at, figure, period, value, note in PIECES:
        _observe(desk, at, figure, period, value, note=note)
    desk.letter("2027-11-25T11:05", "closed", item="I4@2027", by=OFFICE)


def _slips(desk: Desk) -> None:
    """What is entered by mistake and withdrawn."""
    for at, figure, period, value, withdrawn in SLIPS:
        _observe(desk, at, figure, period, value)
        desk.letter(withdrawn, "withdrawn", what="observed", indicator=figure, period=period, note="是另一个指标的数")
    at, item, withdrawn = STRUCK_OFF
    desk.letter(at, "closed", item=item, by=OFFICE)
    desk.letter(withdrawn, "withdrawn", what="closed", item=item, by=OFFICE)


#: Figure → its value in 2025, and how far it moves in a year.
VALUES: dict[str, tuple[float, float]] = {
    "I1": (10.2, 0.15), "I2": (99.9, 0.1), "I3": (100.0, 0.1), "I4": (95.2, 0.9), "I5": (66.5, 2.2), "I6": (60.8, 1.1),
    "I7": (2410, 95), "I8": (34.1, 0.9), "T02-I1": (2.1, -0.05), "T02-I2": (52.4, -0.8), "T02-I3": (11.2, 0.3),
    "T02-I4": (48.0, 1.4), "T02-I21": (98.6, 0.1), "T03-I1": (4200, 60), "T03-I2": (3300, -55), "T03-I3": (8900, 40),
    "T03-I4": (19800, 90), "T03-I5": (8700, 30), "T04-I1": (88.1, 0.9), "T04-I2": (14, 1), "T05-I1": (21, -2),
    "T05-I2": (0.42, -0.01), "T06-I1": (3, 0), "T07-I1": (61, 4), "T07-I2": (3, 1), "T07-I3": (12, 2), "T08-I1": (96.2, 0.6),
    "T08-I2": (97.0, 1), "T10-I1": (16, 1), "T11-I1": (13.1, -0.2), "T11-I2": (71.5, 1.2), "T12-I1": (98400, 2100),
    "T12-I2": (97900, 2300), "T12-I3": (100.0, 0.2), "T12-I4": (31, -2), "T13-I1": (240, 20), "T13-I2": (18, 2), "T13-I3": (22, 2),
    "T13-I4": (93.0, 1.5), "T14-I1": (97.0, 1), "T16-I1": (6, 1), "T17-I1": (62.0, 1.5), "S03-I1": (61200, 1500),
    "S03-I2": (18650, 420), "S03-I3": (0, 0),
}  # fmt: skip
