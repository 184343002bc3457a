"""/metrics: how the service stands, in Prometheus' text format. Numbers only, no names of units or items."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from bot.core.telling.entry import EntryState
from bot.service.status import Status

_SAMPLE = tuple[str, float]


def exposition(now: Status) -> str:
    """All gauges as one text. A time that is not known yet is left out."""
    return "".join(f"{line}\n" for line in _lines(now))


def _lines(now: Status) -> Iterator[str]:
    states = [(f'{{state="{state.name.lower()}"}}', float(now.counts.get(state.value, 0))) for state in EntryState]
    yield from _gauge("duban_up", "1 while the loop goes round", [("", now.alive)])
    yield from _gauge("duban_ready", "1 once reminders have somewhere to go", [("", now.ready)])
    yield from _gauge("duban_entries", "messages that are not archived, by state", states)
    yield from _gauge("duban_broken_robots", "robots that a person must mend", [("", now.broken)])
    yield from _gauge("duban_last_evaluation_timestamp_seconds", "when reminders were last decided", _at(now.evaluated))
    yield from _gauge("duban_audit_timestamp_seconds", "when the last self-audit was made", _at(now.audited))
    if now.audited:
        yield from _gauge("duban_audit_agrees", "1 while nothing is missing", [("", not now.gaps)])
        yield from _gauge("duban_audit_gaps", "what the last self-audit found missing", [("", len(now.gaps))])


def _at(instant: datetime | None) -> list[_SAMPLE]:
    return [("", instant.timestamp())] if instant else []


def _gauge(name: str, about: str, samples: Iterable[_SAMPLE]) -> Iterator[str]:
    found = [f"{name}{labels} {value:.15g}" for labels, value in samples]
    if found:
        yield from (f"# HELP {name} {about}", f"# TYPE {name} gauge", *found)
