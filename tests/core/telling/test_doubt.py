"""What may have arrived before it was cancelled: by telling and chat, under today's names."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from bot.core.rules.succession import UNCHANGED
from bot.core.telling.doubt import Doubts, doubted, said_anew
from bot.core.telling.entry import Telling

ROW = Telling(
    item="T05-M1", rule="T05-M1", title="认定", unit="县教育局", addressee="县教育局", role="牵头单位", state="临期",
    due_on=date(2027, 12, 31), rung="提前7天", rung_on=date(2027, 12, 24), form="汇总", reason="FIRST", ordinal=0,
)  # fmt: skip


def left(doubts: Doubts, chat: str, row: Telling) -> Doubts:
    return said_anew(doubts, chat, row, UNCHANGED)


def test_a_doubt_lasts_until_the_same_rung_is_told_to_the_same_chat() -> None:
    doubts = doubted({}, "县教育局", [ROW])
    assert left(doubts, "县财政局", ROW) == doubts
    assert left(doubts, "县教育局", replace(ROW, rung="提前1天")) == doubts
    assert left(doubts, "县教育局", replace(ROW, item="T05-M2")) == doubts
    assert left(doubts, "县教育局", replace(ROW, addressee="县财政局")) == doubts
    assert left(doubts, "县教育局", replace(ROW, ordinal=1)) == doubts, "the next repetition was never sent"
    assert left(doubts, "县教育局", replace(ROW, rung_on=date(2027, 12, 23), provisional=True)) == {}


def test_a_doubt_of_before_2026_12_lasts_until_its_rung_is_told() -> None:
    doubts = {"T05-M1\n提前7天\n县教育局": "2027-12-24"}
    assert left(doubts, "县教育局", replace(ROW, rung="提前1天")) == doubts
    assert left(doubts, "县教育局", ROW) == {}


def test_doubts_of_years_ago_make_room() -> None:
    doubts = doubted(doubted({}, "县教育局", [ROW]), "县财政局", [ROW])
    assert len(doubts) == 2
    assert len(doubted(doubts, "县教育局", [replace(ROW, item="T06-M1", rung_on=date(2030, 12, 24))])) == 1
