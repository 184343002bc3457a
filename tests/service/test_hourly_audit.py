"""The self-audit of a living service: silent through every honest story, and exact about each loss."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest
from loguru import logger

from bot.core.deciding import decision, decisions, findings
from bot.core.deciding.addressees import ADMIN
from bot.core.deciding.findings import items_of
from bot.core.facts.events import Closed, Done, Extended, Observed, Payload, Returned, Silenced, Withdrawn
from bot.core.rules import ladder
from bot.core.rules.item import Item
from bot.core.rules.ladder import DatedRung
from bot.core.rules.words import Offset
from bot.core.telling import digest
from bot.core.telling.digest import Draft
from bot.core.telling.entry import Entry, EntryState, past_telling
from bot.core.telling.outcome import Outcome, Verdict
from bot.sending.delivery import Deliveries
from bot.service import app as app_module
from bot.state.store import TOLD
from tests.kit.house import at
from tests.kit.rules_factory import CALENDAR, LADDERS, TASK, UNITS, edited
from tests.kit.watched import HOUR, Watched
from tests.plans.test_county_plan import rulebook as the_county

LEAD = "县教育局"
#: A unit renamed, a duty that comes every month, a unit with the month's list, a rung that repeats by workdays.
BUSY = {
    "ladders.yaml": edited(LADDERS, "逾期每7天", "逾期每3个工作日"),
    "units.yaml": edited(UNITS, "名称: 县财政局, ", "名称: 县财政局, 月初清单: 是, "),
    "tasks/05.yaml": edited(TASK, "每年3月15日、9月15日", "每月20日"),
}


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[str]]:
    lines: list[str] = []
    logger.remove()
    logger.add(lines.append, format="{message}", level="WARNING")
    yield lines
    logger.remove()


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Watched]:
    made = Watched(tmp_path, "2027-03-01T08:00")
    yield made
    await made.close()


# --- nothing is missing in honest stories ------------------------------------------------------------


def dated_items(service: Watched) -> list[Item]:
    return [item for item in items_of(service.rulebook, date(2028, 6, 30)) if item.due_on and not item.parent]


def something_said(chance: Random, item: Item, service: Watched) -> Payload:
    """What people say of an item."""
    assert item.due_on is not None
    shifted = item.due_on + timedelta(days=chance.choice((-5, 3, 30)))
    return chance.choice(
        [
            Done(item=item.id, by="单位"),
            Closed(item=item.id, by="办公室"),
            Returned(item=item.id, reason="材料不全", by="办公室"),
            Silenced(item=item.id, until=service.now + timedelta(days=chance.randint(1, 20)), reason="专班"),
            Silenced(chat=LEAD, until=service.now + timedelta(hours=chance.randint(1, 40)), reason="会议"),
            Extended(item=item.id, to=shifted, rule_due=item.due_on, reason="施工", by="办公室"),
            Observed(indicator="I4", period=str(service.now.year - 1), value=Decimal(chance.choice((96, 98)))),
            Withdrawn(what="observed", indicator="I4", period=str(service.now.year - 1)),
            Withdrawn(what=chance.choice(("done", "closed", "returned", "extended", "silenced")), item=item.id),
        ]
    )


async def anything(chance: Random, service: Watched) -> None:
    """Now and then something goes otherwise than planned."""
    if chance.random() < 0.08:  # nothing stays broken for weeks, or waiting would be a gap
        service.platforms.mend()
    match chance.randrange(120):
        case 0:
            service.platforms.all_down = True
        case 1:
            service.platforms.down = {f"{LEAD}#1": Outcome(Verdict.REFUSED, code="93000")}
        case 2:
            service.platforms.mend()
            service.jump(days=10)
            await service.restart()
        case 3 | 4 | 5:
            service.jump(hours=chance.choice((-30, -3, -1, 1, 5)))
        case 6 | 7:
            service.edit({**BUSY, **chance.choice(EDITS)})
        case 8 | 9 | 10:
            await service.restart()
        case 11 | 12 | 13 | 14 | 15:
            say_something(chance, service)


def say_something(chance: Random, service: Watched) -> None:
    """Somebody says something of an item near its date, perhaps long after it happened."""
    near = [item for item in dated_items(service) if abs((item.due_on or date.max) - service.now.date()).days < 40]
    if near:
        said = something_said(chance, chance.choice(near), service)
        service.happens(said, hours_ago=chance.choice((0, 0, 5, 30)))


EDITS: list[dict[str, str]] = [
    {},
    {"tasks/05.yaml": edited(TASK, "完成时限: 2027年底", "完成时限: 2027年6月底")},
    {"tasks/05.yaml": edited(TASK, "每年3月15日、9月15日", "每月5日")},
    {"ladders.yaml": edited(LADDERS, "时点: 提前7天", "时点: 提前10天")},
    {"ladders.yaml": edited(LADDERS, "提前3个工作日", "提前15天")},
    {"calendars/2027.yaml": CALENDAR + "放假:\n  - {名称: 春节, 起: 2027-02-05, 止: 2027-02-11}\n"},
    {"units.yaml": edited(UNITS, "名称: 县财政局, ", "名称: 县财政局, 已并入: 县教育局, ")},
]


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_happens_in_a_year_no_audit_raises_a_false_alarm(tmp_path: Path, seed: int) -> None:
    chance = Random(seed)
    service = Watched(tmp_path, "2026-11-24T08:00", BUSY)
    while service.now < at("2027-12-31T18:00"):
        service.every = timedelta(minutes=chance.choice((60, 60, 240, 400)))
        await service.step()
        await anything(chance, service)
    await service.close()
    assert (service.gaps, service.unasked) == ([], [])
    assert len(service.audits) > 800
    assert len(service.store.entries) > 50


async def test_over_the_end_of_the_county_s_year_every_audit_agrees(tmp_path: Path) -> None:
    service = Watched(tmp_path, "2026-12-14T08:00", rulebook=the_county())
    service.every = timedelta(hours=9)
    chance = Random(1)
    while service.now < at("2027-01-22T18:00"):
        await service.step()
        if chance.random() < 0.01:
            await service.restart()
    await service.close()
    assert (service.gaps, service.unasked) == ([], [])
    assert len(service.store.entries) > 40


# --- each loss is named ------------------------------------------------------------------------------


async def test_an_entry_that_vanished_before_it_left_is_named_within_the_hour(tmp_path: Path) -> None:
    service = Watched(tmp_path, "2027-03-01T08:00", heard=True)
    service.platforms.all_down = True
    await service.until("2027-03-10T12:00")  # the fifteenth is three workdays ahead
    service.lose(entry := service.carrying("T05-R1@2027-1", "提前3个工作日"))
    since = len(service.audits)
    await service.until("2027-03-10T13:00")
    assert service.said(since) == [("T05-R1@2027-1", "提前3个工作日", LEAD)]
    assert service.gaps[-1].says == f"记为已告知（{entry.number}），但没有送达凭证，也不在待发箱"
    await service.close()


async def test_a_receipt_that_vanished_is_named_also_by_a_fresh_process(service: Watched) -> None:
    await service.until("2027-03-10T12:00")
    entry = service.carrying("T05-R1@2027-1", "提前3个工作日")
    assert entry.state is EntryState.DELIVERED
    service.lose(entry)
    await service.restart()
    since = len(service.audits)
    await service.until("2027-03-10T12:05")
    assert service.said(since) == [("T05-R1@2027-1", "提前3个工作日", LEAD)]


async def test_a_receipt_that_vanished_at_a_month_s_end_is_named_in_the_next_month_too(service: Watched) -> None:
    await service.until("2027-03-31T18:00")
    entry = max(service.store.entries.values(), key=lambda entry: entry.at)
    service.lose(entry)
    service.jump(hours=7)
    await service.restart()
    since = len(service.audits)
    await service.until("2027-04-01T01:30")
    assert {item for item, _, _ in service.said(since)} == {row.item for row in entry.tellings}


async def changed(service: Watched, change: Callable[[Entry], object]) -> list[str]:
    """What a fresh process misses at once after something was done to a delivered message in the state, with right checksums."""
    await service.until("2027-03-10T12:00")
    entry = service.carrying("T05-R1@2027-1", "提前3个工作日")
    assert entry.state is EntryState.DELIVERED
    with service.store.work():
        change(entry)
    await service.restart()
    since = len(service.audits)
    await service.until("2027-03-10T12:05")
    return [gap.says for report in service.audits[since:] for gap in report.gaps]


async def test_a_row_of_the_record_that_was_removed_is_named(service: Watched) -> None:
    said = await changed(service, lambda entry: service.store.untell(entry.tellings))
    assert any("没有记为已告知" in one for one in said)


async def test_a_delivery_turned_into_a_failure_is_named(service: Watched) -> None:
    failed = {"state": EntryState.UNDELIVERABLE}
    said = await changed(service, lambda entry: service.store.put(entry.model_copy(update=failed)))
    assert any("记为投递失败，与送达时间不符" in one for one in said)


@pytest.mark.parametrize(
    ("number", "rung_on", "says"),
    [("2027-0900", date(2027, 3, 11), "编号还没有用到"), ("2027-0001", date(2027, 6, 1), "早于应告知的日期")],
)
async def test_a_message_and_its_record_that_were_invented_together_are_named(
    service: Watched, number: str, rung_on: date, says: str
) -> None:
    def invent(entry: Entry) -> None:
        row = replace(entry.tellings[0], rung_on=rung_on)
        service.store.put(entry.model_copy(update={"number": number, "tellings": (row,)}))
        one = past_telling(row, number, entry.at)
        service.store._told_table.insert(TOLD.dump_python(one, mode="json"))  # noqa: SLF001 - as a forger would

    said = await changed(service, invent)
    assert any(says in one for one in said)


def without_rung(monkeypatch: pytest.MonkeyPatch, label: str, on: str) -> None:
    """A ladder that does not come to a rung on one day."""
    whole = ladder.of_rung

    def broken(*args: Any) -> Iterator[DatedRung]:
        return (one for one in whole(*args) if (one.label, one.on.isoformat()) != (label, on))

    monkeypatch.setattr(ladder, "of_rung", broken)


async def test_a_rung_that_the_ladder_skips_is_named_on_its_day(
    service: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_rung(monkeypatch, "提前3个工作日", "2027-03-10")
    await service.until("2027-03-09T23:00")
    assert service.gaps == []
    await service.until("2027-03-12T18:00")
    assert service.said() == [("T05-R1@2027-1", "提前3个工作日", LEAD)]
    [gap] = service.gaps
    assert (gap.due, gap.says) == (at("2027-03-10T09:26"), "没有告知过")
    assert service.audits[-1].agrees is False  # by night and the day after too


async def test_a_skipped_repeat_says_how_far_it_had_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rungs = edited(
        LADDERS,
        "提前3个工作日, 对象: 牵头单位, 形式: 汇总}",
        "提前3个工作日, 对象: 牵头单位, 形式: 汇总}\n    - {时点: 逾期每7天, 对象: 牵头单位, 形式: 汇总}",
    )
    service = Watched(tmp_path, "2027-03-08T08:00", {"ladders.yaml": rungs})
    await service.until("2027-03-25T18:00")
    without_rung(monkeypatch, "逾期每7天", "2027-03-29")
    service.edit({"ladders.yaml": rungs})  # a rulebook remembers the stairs it has climbed
    await service.until("2027-03-30T18:00")
    await service.close()
    [gap] = service.gaps
    assert (gap.rung, gap.due.date(), gap.says) == (
        "逾期每7天",
        date(2027, 3, 29),
        "只告知到“提前3个工作日”（2027-0006）",
    )


async def test_an_addressee_whom_the_decision_forgets_is_named(
    service: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = digest.compose

    def forgetful(*args: Any) -> list[Draft]:
        return [draft for draft in whole(*args) if draft.chat != "县财政局"]

    service.every = timedelta(hours=6)
    await service.until("2027-11-20T18:00")
    monkeypatch.setattr(app_module, "compose", forgetful)
    await service.until("2027-12-02T18:00")
    assert service.said() == [("T05-M1", "提前30天", "县财政局")]


async def test_an_item_that_is_judged_no_more_is_named(service: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = findings.known_items

    def fewer(*args: Any) -> tuple[Item, ...]:
        return tuple(item for item in whole(*args) if item.id != "T05-R1@2027-1")

    monkeypatch.setattr(findings, "known_items", fewer)
    await service.until("2027-03-10T18:00")
    assert service.said() == [("T05-R1@2027-1", "提前3个工作日", LEAD)]


async def test_a_verdict_about_a_number_that_nobody_is_told_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Watched(tmp_path, "2028-03-01T08:00")
    await service.until("2028-03-01T12:00")
    whole = decision.ripe
    monkeypatch.setattr(
        app_module, "ripe", lambda decisions, now: [d for d in whole(decisions, now) if d.finding.item.id != "I4@2027"]
    )
    service.happens(Observed(indicator="I4", period="2027", value=Decimal(96)))
    await service.until("2028-03-03T18:00")
    await service.close()
    assert {(item, unit) for item, _, unit in service.said()} == {("I4@2027", LEAD), ("I4@2027", ADMIN)}


async def test_a_return_that_nobody_hears_of_is_named(service: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    await service.until("2027-03-01T12:00")
    monkeypatch.setattr("bot.core.deciding.decisions.returned", lambda finding, addressee, rung, last, desk: None)
    service.happens(Returned(item="T05-M1", reason="材料不全", by="办公室"))
    await service.until("2027-03-03T18:00")
    assert ("T05-M1", "退回", LEAD) in service.said()


async def test_a_message_that_nobody_takes_is_named_after_an_hour(
    service: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    await service.until("2027-03-09T18:00")
    monkeypatch.setattr(Deliveries, "start", lambda _: None)
    await service.until("2027-03-10T12:00")
    assert service.said() == [("T05-R1@2027-1", "提前3个工作日", LEAD)]
    assert service.gaps[0].says.endswith(" 到了时间没有发出")


async def test_a_message_that_is_refused_for_weeks_is_named_in_the_end(service: Watched) -> None:
    service.every = timedelta(hours=3)
    service.platforms.down = {f"{LEAD}#1": Outcome(Verdict.REFUSED, code="93000")}
    await service.until("2027-03-14T18:00")
    assert service.gaps == []
    await service.until("2027-03-17T18:00")
    assert {gap.says.partition(" ")[2] for gap in service.gaps} == {"一直没有送达"}


async def test_what_nothing_in_the_rules_asks_for_is_only_remarked(
    service: Watched, monkeypatch: pytest.MonkeyPatch, logged: list[str]
) -> None:
    whole = ladder._nominal  # noqa: SLF001 - a deliberate fault: the step in which days are counted

    def early(offset: Offset, *args: Any) -> date:
        return whole(offset, *args) - timedelta(days=offset.count == 3)

    monkeypatch.setattr(ladder, "_nominal", early)
    await service.until("2027-03-09T18:00")
    assert service.gaps == []
    assert [(gap.item, gap.rung, gap.unit) for gap in service.unasked] == [("T05-R1@2027-1", "提前3个工作日", LEAD)]
    assert service.auditor.gaps() == ()
    assert any("规则没有要求" in line for line in logged)


# --- what is only on its way -------------------------------------------------------------------------


ON_ITS_WAY: dict[str, Callable[[Watched], Any]] = {
    "a silence": lambda one: one.happens(Silenced(item="T05-R1", until=at("2027-03-20T00:00"), reason="专班")),
    "a silent chat": lambda one: one.happens(Silenced(chat=LEAD, until=at("2027-03-11T14:40"), reason="会议")),
    "said done": lambda one: one.happens(Done(item="T05-R1@2027-1", by=LEAD)),
    "closed": lambda one: one.happens(Closed(item="T05-R1@2027-1", by="办公室")),
    "returned hours ago": lambda one: one.happens(
        Returned(item="T05-R1@2027-1", reason="材料不全", by="办公室"), hours_ago=30
    ),
    "extended backwards": lambda one: one.happens(
        Extended(item="T05-R1@2027-1", to=date(2027, 3, 12), rule_due=date(2027, 3, 15), reason="提前", by="办公室")
    ),
    "an edit dated back": lambda one: one.edit(
        {"tasks/05.yaml": edited(TASK, "每年3月15日、9月15日", "每年1月12日、3月11日、9月15日")}
    ),
    "a rung added that has passed": lambda one: one.edit(
        {"ladders.yaml": edited(LADDERS, "提前3个工作日", "提前30天")}
    ),
    "ten days off": lambda one: one.jump(days=10),
    "a day back": lambda one: one.jump(days=-1),
    "an hour on": lambda one: one.jump(hours=1),
}


@pytest.mark.parametrize("what", ON_ITS_WAY)
@pytest.mark.parametrize("moment", ["2027-03-09T10:00", "2027-03-10T09:26"])
async def test_what_has_a_reason_to_wait_is_no_gap(service: Watched, what: str, moment: str) -> None:
    await service.until(moment)
    ON_ITS_WAY[what](service)
    await service.until("2027-03-24T18:00")
    assert (service.gaps, service.unasked) == ([], [])


async def test_a_week_without_platforms_and_twenty_restarts_in_an_hour_are_no_gap(service: Watched) -> None:
    await service.until("2027-03-09T18:00")
    service.platforms.all_down = True
    await service.until("2027-03-15T08:00")
    for _ in range(20):
        await service.restart()
        service.jump(minutes=3)
        await service.step()
    service.platforms.mend()
    await service.until("2027-03-17T18:00")
    assert service.gaps == []


# --- what becomes of a gap -----------------------------------------------------------------------------


async def test_a_gap_is_told_to_the_admin_once_a_day_and_logged_once(
    service: Watched, monkeypatch: pytest.MonkeyPatch, logged: list[str]
) -> None:
    without_rung(monkeypatch, "提前3个工作日", "2027-03-10")
    await service.until("2027-03-12T18:00")
    told = [entry for entry in service.store.entries.values() if any(row.item == "系统:自查" for row in entry.tellings)]
    assert [(entry.chat, entry.at.day) for entry in told] == [(ADMIN, 10), (ADMIN, 11), (ADMIN, 12)]
    assert [line.strip() for line in logged if "自查" in line] == [
        "自查有出入：T05-R1@2027-1 县教育局 提前3个工作日（应于2027-03-10 09:26）：没有告知过"
    ]


async def test_once_nothing_is_missing_any_more_the_heart_may_beat(
    service: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_rung(monkeypatch, "提前3个工作日", "2027-03-10")
    await service.until("2027-03-11T12:00")
    assert service.auditor.gaps() == ("T05-R1@2027-1 县教育局 提前3个工作日（应于2027-03-10 09:26）：没有告知过",)
    service.happens(Closed(item="T05-R1@2027-1", by="办公室"))
    await service.until("2027-03-11T14:00")
    assert (service.auditor.gaps(), service.auditor.troubles()) == ((), [])


async def test_an_audit_that_cannot_be_made_stops_only_the_heart(
    service: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.core.audit.self_audit.expected_states", lambda *_: 1 / 0)
    await service.until("2027-03-02T12:00")
    assert service.auditor.gaps() == ("自查没有做成（ZeroDivisionError）",)
    assert service.store.entries


async def test_an_audit_is_made_once_an_hour_and_anew_when_the_clock_was_set_back(service: Watched) -> None:
    service.every = timedelta(minutes=10)
    await service.until("2027-03-01T12:00")
    instants = [report.at for report in service.audits]
    assert all(later - earlier >= HOUR for earlier, later in pairwise(instants))
    service.jump(minutes=-60)
    await service.step()
    assert service.audits[-1].at == at("2027-03-01T11:00")


async def test_a_correction_on_the_day_of_its_verdict_that_nobody_is_told_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Watched(tmp_path, "2028-03-01T08:00")
    service.happens(Observed(indicator="I4", period="2027", value=Decimal(98)))
    await service.until("2028-03-01T12:00")
    monkeypatch.setattr(decisions, "_is_news", lambda finding, addressee, desk: False)
    service.happens(Observed(indicator="I4", period="2027", value=Decimal(90)))
    await service.until("2028-03-03T18:00")
    await service.close()
    assert ("I4@2027", "当天", LEAD) in service.said()
