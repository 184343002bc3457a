"""The chain accuses whatever was changed, and a receipt says what an official needs as proof."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest

from bot.core.rules.succession import UNCHANGED, Succession
from bot.core.telling.entry import Entry, EntryState, Telling
from bot.core.telling.receipts import NOTHING, Link, as_json, in_words, linked, read_link, receipts
from bot.core.time.zone import ZONE

NOW = datetime(2027, 12, 24, 8, 47, tzinfo=ZONE)


def row(item: str = "T05-R1@2027-2") -> Telling:
    return Telling(
        item=item, rule="T05-R1", title="控辍保学学期排查", unit="县教育局", addressee="县教育局", role="牵头单位",
        state="逾期", due_on=date(2027, 9, 15), rung="逾期每7天", rung_on=date(2027, 12, 22), form="汇总", reason="REPEAT",
    )  # fmt: skip


def entry(**update: Any) -> Entry:
    made = Entry(
        number="2027-0412", chat="县教育局", form="汇总", slot=True, tellings=(row(), row("T05-M1")), at=NOW,
        next_attempt_at=NOW, state=EntryState.DELIVERED, delivered_at=NOW, attempts=2, robot="县教育局#1", code="0",
        rules="0123456789abcdef" * 4,
    )  # fmt: skip
    return made.model_copy(update=update)


def chain(*rows: bytes) -> list[bytes]:
    lines, before = [], NOTHING
    for text in rows:
        line, before = linked(before, "outbox", text)
        lines.append(line)
    return lines


def read(lines: list[bytes]) -> list[Link] | tuple[int, str]:
    """The links, or which line is wrong and why."""
    before, found = NOTHING, list[Link]()
    for number, line in enumerate(lines, 1):
        link = read_link(line, before)
        if isinstance(link, str):
            return number, link
        found.append(link)
        before = link.sha256
    return found


ROWS = [f'{{"编号":{number}}}'.encode() for number in range(5)]


def test_a_chain_reads_back_row_by_row() -> None:
    found = read(chain(*ROWS))
    assert isinstance(found, list)
    assert [link.row for link in found] == [{"编号": number} for number in range(5)]


@pytest.mark.parametrize("victim", range(5))
def test_every_changed_byte_of_a_row_is_laid_to_that_row(victim: int) -> None:
    lines = chain(*ROWS)
    for offset in range(len(lines[victim])):
        wrong = bytearray(lines[victim])
        wrong[offset] ^= 1
        found = read([*lines[:victim], bytes(wrong), *lines[victim + 1 :]])
        assert isinstance(found, tuple)
        assert found[0] == victim + 1


def test_a_row_changed_together_with_its_own_hash_is_noticed_at_the_next() -> None:
    lines = chain(*ROWS)
    before = read(lines)
    assert isinstance(before, list)
    lines[2] = linked(before[1].sha256, "outbox", b'{"forged":1}')[0]
    assert read(lines) == (4, "前一行的散列对不上，这一行之前有删去、插入或替换")


@pytest.mark.parametrize("victim", range(4))
def test_a_row_taken_out_or_moved_is_noticed(victim: int) -> None:
    lines = chain(*ROWS)
    gone = read(lines[:victim] + lines[victim + 1 :])
    swapped = read([*lines[:victim], lines[victim + 1], lines[victim], *lines[victim + 2 :]])
    assert isinstance(gone, tuple)
    assert isinstance(swapped, tuple)
    assert gone[0] == swapped[0] == victim + 1


def test_a_receipt_says_what_when_where_under_which_rules_and_what_was_answered() -> None:
    [one] = receipts([entry(resent=True)], frozenset({"T05-R1@2027-2"}), UNCHANGED)
    text = "\n".join(in_words(one))
    for part in ("2027-0412", "已送达（补发）", "控辍保学学期排查", "时限2027年9月15日", "逾期每7天", "定期重复提醒",
                 "县教育局", "2027-12-24 08:47", "0123456789ab", "第2次发送", "平台答复：0"):  # fmt: skip
        assert part in text


def test_a_receipt_of_something_cancelled_says_why_and_not_that_it_arrived() -> None:
    gone = entry(state=EntryState.CANCELLED, delivered_at=None, attempts=0, code="", why="已销号")
    [one] = receipts([gone], frozenset({"T05-M1"}), UNCHANGED)
    text = "\n".join(in_words(one))
    assert "说明：已销号" in text
    assert "送达：" not in text


def test_a_rule_stands_for_all_its_periods() -> None:
    assert len(list(receipts([entry(rows=(row("T05-R1@2027-1"), row()))], frozenset({"T05-R1"}), UNCHANGED))) == 2


def test_what_was_sent_under_a_former_number_counts() -> None:
    names = Succession(ids={"T04-R9": "T05-R1"})
    sent = entry(rows=(row("T04-R9@2027-2"),))
    assert len(list(receipts([sent], frozenset({"T05-R1@2027-2"}), names))) == 1


def test_a_receipt_in_json_names_times_with_their_zone() -> None:
    [one] = receipts([entry()], frozenset({"T05-M1"}), UNCHANGED)
    assert as_json(one)["delivered_at"] == "2027-12-24T08:47:00+08:00"
    assert as_json(one)["outcome"] == "已送达"
