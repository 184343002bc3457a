"""A message of several parts: what an interruption makes of it, and when what is left may go as it was worded."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from bot.core.deciding.findings import Finding, judge
from bot.core.facts.events import Extended
from bot.core.telling.entry import YIELDS, Entry, EntryState
from bot.core.telling.message import RESENT, Line, Message
from bot.core.telling.outbox import asked_again, begun_anew, part_done, perhaps_seen, recovered, sending, settle, unsaid
from bot.core.telling.outcome import Outcome, Verdict
from bot.core.telling.remainder import about, following, reads_true
from bot.core.telling.retries import INTERRUPTED, RESENDS
from bot.core.time.zone import day_of
from tests.core.telling.test_outbox import NOW, RULEBOOK, a_row, an_entry, office_hours
from tests.kit.builders import facts_after

STEP = "T05-M1-01"


def findings(*happened: Extended, days: int = 0) -> dict[str, Finding]:
    facts = facts_after(*((payload, "2027-03-03 09:00") for payload in happened))
    return {one.item.id: one for one in judge(RULEBOOK, facts, day_of(NOW) + timedelta(days=days))}


def part(index: int, *items: str) -> Message:
    lines = tuple(Line(item, about=(about(item, findings()[item]),)) for item in items)
    return Message("【督办汇总】县教育局", lines, number="2027-0001", part=index, parts=3)


PIECES = (part(1, "T05-M1"), part(2, "T05-M1", STEP), part(3, STEP))


def begun(accepted: int = 0, **changes: object) -> Entry:
    """A message of three parts, so many of them accepted and the next one in flight."""
    rows = (a_row(), a_row(STEP))
    return sending(an_entry("2027-0001", *rows, parts_done=accepted, **changes), "机器人1", NOW, PIECES)


def answered(entry: Entry, verdict: Verdict) -> Entry:
    outcome = Outcome(verdict)
    return settle(part_done(entry, outcome), outcome, NOW, office_hours, parts=3)


def marks(entry: Entry) -> list[str]:
    return [piece.mark for piece in entry.pieces]


@pytest.mark.parametrize("accepted", [0, 1, 2])
def test_an_interruption_marks_the_part_in_flight_and_no_other(accepted: int) -> None:
    entry = recovered(begun(accepted), NOW)
    assert marks(entry) == [RESENT if place == accepted else "" for place in range(3)]
    assert (entry.state, entry.interrupted, entry.unclear) == (EntryState.PENDING, 1, 0)
    assert entry.rest == entry.pieces[accepted:]


def test_between_two_parts_nothing_was_in_flight_so_nothing_is_marked_or_counted() -> None:
    entry = answered(begun(), Verdict.DELIVERED)
    assert (entry.state, entry.in_flight) == (EntryState.SENDING, False)
    entry = recovered(entry, NOW)
    assert (entry.state, entry.parts_done, entry.interrupted, entry.resent) == (EntryState.PENDING, 1, 0, False)
    assert entry.rest == PIECES[1:]


def test_an_entry_interrupted_again_and_again_yields_and_is_never_given_up() -> None:
    entry = an_entry()
    for count in range(1, 4 * YIELDS):
        entry = recovered(sending(entry, "机器人1", NOW), NOW)
        assert entry.state.open
        assert (entry.interrupted, entry.yields) == (count, count >= YIELDS)
        assert entry.next_attempt_at == NOW + (INTERRUPTED if entry.yields else timedelta())


def test_interruptions_take_nothing_of_the_patience_with_unclear_answers() -> None:
    entry = begun(interrupted=YIELDS)
    for _ in RESENDS:
        entry = answered(entry, Verdict.AMBIGUOUS)
        assert entry.state is EntryState.LATER
        entry = sending(entry, "机器人1", NOW, entry.pieces)
    assert answered(entry, Verdict.AMBIGUOUS).state is EntryState.UNDELIVERABLE


@pytest.mark.parametrize("verdict", [Verdict.LATER, Verdict.REFUSED, Verdict.RESHAPE, Verdict.AMBIGUOUS])
def test_accepted_parts_stay_accepted_whatever_becomes_of_the_next(verdict: Verdict) -> None:
    entry = answered(begun(1), verdict)
    assert entry.parts_done == 1
    assert marks(entry) == ["", RESENT if verdict is Verdict.AMBIGUOUS else "", ""]
    assert len(entry.rest) == 2


def test_what_nobody_has_seen_is_worded_anew() -> None:
    assert answered(begun(), Verdict.LATER).rest == ()


def test_the_parts_are_not_kept_for_longer_than_they_are_needed() -> None:
    entry = answered(begun(2), Verdict.DELIVERED)
    assert (entry.state, entry.pieces) == (EntryState.DELIVERED, ())
    again = asked_again(answered(begun(1), Verdict.UNDELIVERABLE), "人工重发", NOW)
    assert (again.parts_done, again.pieces, again.resent, again.interrupted) == (0, (), True, 0)


def test_after_a_restored_backup_all_that_is_left_may_have_been_seen() -> None:
    entry = perhaps_seen(answered(begun(1), Verdict.LATER))
    assert marks(entry)[1:] == [RESENT, RESENT]


def test_an_entry_begun_anew_says_all_of_it_again_and_marks_it() -> None:
    entry = begun_anew(answered(begun(1), Verdict.LATER))
    assert (entry.parts_done, entry.pieces, entry.rest, entry.resent) == (0, (), (), True)


def test_the_rest_reads_true_until_an_item_in_it_has_another_state_or_date() -> None:
    entry = answered(begun(2), Verdict.LATER)
    assert reads_true(entry, findings())
    assert reads_true(entry, findings(days=1))
    assert not reads_true(entry, findings(days=10))  # overdue by now
    put_off = Extended(item=STEP, to=date(2027, 4, 10), rule_due=date(2027, 3, 10), reason="施工", by="办公室")
    assert not reads_true(entry, findings(put_off))
    assert not reads_true(entry.model_copy(update={"tellings": (a_row(),)}), findings())  # it was taken out
    assert not reads_true(entry, {})


def test_what_is_only_in_accepted_parts_may_change() -> None:
    put_off = Extended(item="T05-M1", to=date(2027, 4, 10), rule_due=date(2027, 3, 10), reason="施工", by="办公室")
    assert not reads_true(answered(begun(1), Verdict.LATER), findings(put_off))
    assert reads_true(answered(begun(2), Verdict.LATER), findings(put_off))


def test_worded_anew_what_is_left_says_what_was_not_accepted_and_marks_what_was_seen_in_part() -> None:
    entry = answered(begun(2), Verdict.LATER)
    assert [(telling.item, telling.seen) for telling in unsaid(entry).tellings] == [
        (STEP, True)
    ]  # it began in the second part
    apart = entry.model_copy(update={"pieces": (part(1, "T05-M1"), part(2, "T05-M1"), part(3, STEP))})
    assert [(telling.item, telling.seen) for telling in unsaid(apart).tellings] == [(STEP, False)]


def test_members_may_have_seen_what_was_accepted_and_what_is_in_doubt() -> None:
    pieces = (part(1, "T05-M1"), part(2, STEP), part(3, STEP))
    entry = begun(1).model_copy(update={"pieces": pieces})
    assert [telling.item for telling in answered(entry, Verdict.LATER).perhaps_told] == ["T05-M1"]
    assert [telling.item for telling in answered(entry, Verdict.AMBIGUOUS).perhaps_told] == ["T05-M1", STEP]


def test_of_a_hand_over_the_rules_that_were_not_said_are_left() -> None:
    row = replace(a_row("交办:T05"), hands=("T05-M1", STEP))
    lines = [Line(item, about=(about("交办:T05", None), about(item, findings()[item]))) for item in ("T05-M1", STEP)]
    pieces = tuple(Message("【事项交办】", (line,), part=index, parts=2) for index, line in enumerate(lines, 1))
    left = unsaid(an_entry("2027-0001", row, parts_done=1, pieces=pieces))
    assert [telling.hands for telling in left.tellings] == [(STEP,)]
    assert left.tellings[0].seen


def test_parts_that_are_cut_anew_are_numbered_behind_the_accepted_ones() -> None:
    parts = following(PIECES[:1], (*PIECES[1:], PIECES[2]))
    assert [(one.part, one.parts) for one in parts] == [(1, 3), (2, 4), (3, 4), (4, 4)]
