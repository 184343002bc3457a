"""An entry that is promised and cancelled again and again, with nothing changed in between, is an alarm."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from bot.core.audit.owed import Books
from bot.core.audit.self_audit import SelfAudit
from bot.core.deciding.memory import Tellings
from bot.core.facts.facts import Facts
from bot.core.telling.entry import Entry, EntryState, Telling
from bot.core.time.windows import OfficeHours
from tests.kit.builders import a_milestone, a_rulebook, everybody, moment

NOW = moment("2027-03-03 10:00")
RULEBOOK = a_rulebook(a_milestone(due="2028-03-10"))


def books(*entries: Entry) -> Books:
    return Books(
        RULEBOOK, Facts(), Tellings(), everybody(RULEBOOK), OfficeHours(), entries, {}, frozenset(), date(2027, 3, 1)
    )


def gone(number: str, why: str = "本级次已提醒") -> Entry:
    row = Telling(
        item="T05-M1", rule="T05-M1", title="国家评估认定", unit="县教育局", addressee="县教育局", role="牵头单位", state="销号",
        due_on=date(2028, 3, 10), rung="恢复", rung_on=date(2027, 3, 3), form="汇总", reason="RECOVERED",
    )  # fmt: skip
    return Entry(
        number=number, chat="县教育局", form="汇总", slot=True, tellings=(row,), at=NOW, next_attempt_at=NOW,
        state=EntryState.CANCELLED, why=why,
    )  # fmt: skip


def said(*audits: Books) -> list[str]:
    audit = SelfAudit()
    reports = [audit.audit(one, NOW + timedelta(hours=hour)) for hour, one in enumerate(audits)]
    return [gap.says for gap in reports[-1].gaps]


def test_what_is_promised_and_cancelled_twice_with_nothing_changed_is_a_gap() -> None:
    before, once = books(), gone("2027-0001")
    twice = replace(before, entries=(once, gone("2027-0002")))
    assert said(before, replace(before, entries=(once,))) == []
    assert said(before, replace(before, entries=(once,)), twice) == ["2次列入待发又取消，其间规则、数据和群聊都没有变"]


def test_a_change_in_between_explains_it() -> None:
    before, once = books(), gone("2027-0001")
    after = replace(books(once, gone("2027-0002")), facts=Facts(version=1))
    assert said(before, replace(before, entries=(once,)), after) == []


def test_what_was_merged_or_cancelled_before_is_no_news() -> None:
    before = books(gone("2027-0001"), gone("2027-0002"))
    merged = replace(
        before, entries=(*before.entries, gone("2027-0003", "并入2027-0005"), gone("2027-0004", "并入2027-0005"))
    )
    assert said(before, merged) == []
