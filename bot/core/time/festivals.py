"""法定节假日: the seven holidays of a year, and what is known of their days before a notice and without any file."""

from __future__ import annotations

from datetime import date, timedelta

HOLIDAYS = ("元旦", "春节", "清明节", "劳动节", "端午节", "中秋节", "国庆节")
#: Holidays whose first day the law sets by the solar calendar.
FIRST_DAYS = {"元旦": (1, 1), "劳动节": (5, 1), "国庆节": (10, 1)}
#: The days between which the other holidays move; 春节 is known to the day.
_SPANS = {"清明节": ((4, 4), (4, 6)), "端午节": ((5, 27), (6, 25)), "中秋节": ((9, 7), (10, 6))}
#: 正月初一 as month and day, from 2000 on.
_NEW_YEARS = """\
0205 0124 0212 0201 0122 0209 0129 0218 0207 0126 0214 0203 0123 0210 0131 0219 0208 0128 0216 0205
0125 0212 0201 0122 0210 0129 0217 0206 0126 0213 0203 0123 0211 0131 0219 0208 0128 0215 0204 0124
0212 0201 0122 0210 0130 0217 0206 0126 0214 0202 0123 0211 0201 0219 0208 0128 0215 0204 0124 0212
0202 0121 0209 0129 0217 0205 0126 0214 0203 0123 0211 0131 0219 0207 0127 0215 0205 0124 0212 0202
0122 0209 0129 0217 0206 0126 0214 0203 0124 0210 0130 0218 0207 0127 0215 0205 0125 0212 0201 0121
"""


def new_year(year: int) -> date | None:
    """正月初一 of a year from 2000 to 2099; None for other years."""
    if not 2000 <= year <= 2099:
        return None
    text = _NEW_YEARS.split()[year - 2000]
    return date(year, int(text[:2]), int(text[2:]))


def spring_break(year: int) -> frozenset[date]:
    """除夕 to 初七, on which nothing is sent while a year has no notice."""
    first = new_year(year)
    return frozenset(first + timedelta(days=n) for n in range(-1, 7)) if first else frozenset()


def possible(name: str, year: int) -> tuple[date, date] | None:
    """The first and last day on which a holiday can fall in a year; None if that is not known."""
    if name == "春节":
        first = new_year(year)
        return (first, first) if first else None
    one, other = _SPANS.get(name) or (FIRST_DAYS[name],) * 2
    return date(year, *one), date(year, *other)


def named_in(text: str) -> tuple[str, ...]:
    """The holidays that a name of days off mentions: 国庆、中秋 is two."""
    return tuple(name for name in HOLIDAYS if (name if name == "春节" else name.removesuffix("节")) in text)
