"""Judges a year by what was said, what had been entered by then and what the rule files said; it knows nothing of the code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from tests.year import figures, late, people, shape
from tests.year.book import Book, Finding
from tests.year.record import Year

#: Every kind of fault, and what is wrong with it.
KINDS = {
    "late-before-heard": "called late before its unit had heard of it and had ten workdays",
    "late-though-new": "the same, of what was added or confirmed since the beginning",
    "newcomer-blamed": "called late of who became answerable less than ten workdays before",
    "list-on-another-day": "a month's list on another day than the first sending day",
    "day-off": "a message on a day off",
    "outside-hours": "a message outside office hours",
    "crowded-minute": "a message on the hour or half hour",
    "over-budget": "more messages to a chat on a day than it may get",
    "rung-twice": "a reminder whose day moved, given twice",
    "chased-though-done": "asked for or handed over although it was reported done or struck off",
    "old-date": "a date that an extension or an edit has replaced",
    "silence-ignored": "said to who asked for silence",
    "untrue-verdict": "a verdict that the latest figure belies",
    "verdict-of-the-future": "a verdict about a period that has not begun",
    "last-word-untrue": "the last word told of a figure is no longer true, and was not mended",
    "miss-untold": "a miss that nobody was told of",
    "changed-value-untold": "the value that was told was corrected, and nobody was told",
    "withdrawn-untold": "a value was withdrawn, and who had heard a verdict on it was not told",
    "two-verdicts": "two verdicts about one figure in one message",
    "one-fact-twice": "one figure said twice in one message",
    "progress-as-points": "points of progress written as points of the figure",
    "recovery-of-nothing": "recovered, to who never heard of the trouble",
    "told-while-typed": "told while the numbers behind it were being typed in",
    "unchanged-again": "what cannot change told more often than once a quarter",
    "made-good-since": "a miss that a later period has made good",
    "reason-lost": "the reason of a return did not reach the lead",
    "register-untold": "a unit was not told what was registered for it",
    "progress-claimed": "progress claimed that nobody reported",
    "not-handed-over": "who became answerable was not handed it",
    "never-withdrawn": "what was told and then removed was never withdrawn",
    "rule-of-before": "text of rules or names that no longer hold",
    "outlived-period": "a missed period in the leading group's list though a later one was done",
    "case-untold": "a step that is late was not told to its lead",
    "case-said-over": "a case said to be over that goes on",
    "case-not-late": "a step called late that is not",
    "empty-heading": "a heading with nothing under it",
    "empty-task": "a task handed over without a duty",
    "nested-quotation": "quotation marks within quotation marks",
    "list-too-long": "a list of the leading group that nobody reads to its end",
    "list-out-of-order": "a list of the leading group in an order that nobody sees",
    "repeats-scattered": "mere repeats on several days of a week",
    "promised-again": "the same thing promised and taken back again and again",
    "too-many-messages": "more messages to a unit than it can bear",
    "hand-over-too-long": "a hand-over in too many parts",
}

FINDERS = (*late.FINDERS, *figures.FINDERS, *people.FINDERS, *shape.FINDERS)


def judged(year: Year) -> list[Finding]:
    """Everything that is wrong with a year, in order of time."""
    book = Book(year)
    return sorted((found for find in FINDERS for found in find(book)), key=lambda one: (one.at, one.kind, one.line))


def by_kind(findings: Iterable[Finding]) -> Counter[str]:
    """How often each kind was found."""
    return Counter(one.kind for one in findings)
