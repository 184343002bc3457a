"""待发箱: what an answer makes of an entry, how long it waits, and what need not be said any more."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from bot.core.deciding.addressees import ADMIN, Directory
from bot.core.deciding.desk import Desk, Used
from bot.core.deciding.findings import judge
from bot.core.deciding.memory import PastTelling, Tellings
from bot.core.facts.events import Closed, Done, Extended, Payload, Returned, Silenced
from bot.core.facts.facts import Facts
from bot.core.rules.rulebook import Rulebook
from bot.core.rules.succession import Succession
from bot.core.telling.entry import Entry, EntryState, Telling
from bot.core.telling.outbox import cancelled, merged, readdressed, recovered, said_together, sending, settle, untrue
from bot.core.telling.outcome import Outcome, Verdict
from bot.core.telling.retries import BACKOFF, RESENDS, UNKNOWN_CAP
from bot.core.time.windows import OfficeHours, is_open, next_open_minute
from tests.kit.builders import a_milestone, a_rulebook, everybody, facts_after, moment

NOW = moment("2027-03-03 09:26")
RULEBOOK = a_rulebook(
    a_milestone(due="2027-03-10", steps=["编号: T05-M1-01, 名称: 县级自评, 完成时限: 2027-03-10, 依据: 管理员"])
)


def a_row(item: str = "T05-M1", who: str = "县教育局", **changes: object) -> Telling:
    row = Telling(
        item=item, rule="T05-M1", title="国家评估认定", unit=who, addressee=who, role="牵头单位", state="临期",
        due_on=date(2027, 3, 10), rung="提前7天", rung_on=date(2027, 3, 3), form="单发", reason="FIRST",
    )  # fmt: skip
    return replace(row, **changes)  # type: ignore[arg-type]


def an_entry(number: str = "2027-0001", *rows: Telling, **changes: object) -> Entry:
    entry = Entry(
        number=number, chat="县教育局", form="单发", slot=True, tellings=rows or (a_row(),), at=NOW, next_attempt_at=NOW
    )
    return entry.model_copy(update=changes)


def office_hours(at: datetime) -> datetime:
    hours = OfficeHours()
    return at if is_open(at, hours, RULEBOOK.calendar) else next_open_minute(at, hours, RULEBOOK.calendar)


def settled(entry: Entry, verdict: Verdict, now: datetime = NOW, **said: object) -> Entry:
    return settle(sending(entry, "机器人1", now), replace(Outcome(verdict), **said), now, office_hours)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("verdict", "state"),
    [
        (Verdict.DELIVERED, EntryState.DELIVERED),
        (Verdict.LATER, EntryState.LATER),
        (Verdict.RESHAPE, EntryState.LATER),
        (Verdict.REFUSED, EntryState.REFUSED),
        (Verdict.UNDELIVERABLE, EntryState.UNDELIVERABLE),
        (Verdict.AMBIGUOUS, EntryState.LATER),
    ],
)
def test_each_verdict_has_its_state(verdict: Verdict, state: EntryState) -> None:
    assert settled(an_entry(), verdict).state is state


def test_only_a_delivered_entry_says_when_it_was_delivered() -> None:
    for verdict in Verdict:
        assert (settled(an_entry(), verdict).delivered_at is not None) is (verdict is Verdict.DELIVERED)


def test_ambiguous_one_goes_again_marked_with_the_same_number() -> None:
    again = settled(an_entry(), Verdict.AMBIGUOUS)
    assert (again.resent, again.number) == (True, "2027-0001")
    assert again.next_attempt_at > NOW


def test_ambiguous_one_goes_again_ever_slower_and_stops_after_the_last_resend() -> None:
    entry = an_entry()
    for planned in RESENDS:
        entry = settled(entry, Verdict.AMBIGUOUS)
        assert (entry.next_attempt_at - NOW).total_seconds() >= planned
    last = settled(entry, Verdict.AMBIGUOUS)
    assert (last.state, last.unclear, last.resent) == (EntryState.UNDELIVERABLE, len(RESENDS) + 1, True)
    assert "请到群里核对" in last.why


def test_a_wait_of_seconds_grows_while_the_platform_goes_on_asking_for_it() -> None:
    entry, waits = an_entry(), []
    for _ in range(6):
        entry = settled(entry, Verdict.LATER, code="11232", wait_seconds=5.0, counts=False)
        waits.append((entry.next_attempt_at - NOW).total_seconds())
    assert waits == [5, 10, 20, 40, 60, 60]


def test_a_limit_that_stays_is_asked_ten_times_and_then_ever_more_seldom() -> None:
    entry, waits = an_entry(), []
    for _ in range(18):
        entry = settled(entry, Verdict.LATER, code="45009", wait_seconds=60.0, counts=False)
        waits.append((entry.next_attempt_at - NOW).total_seconds())
    assert waits == [60] * 10 + [120, 240, 480, 960, 1800, 1800, 1800, 1800]


def test_shape_that_is_refused_twice_is_given_up() -> None:
    smaller = settled(an_entry(), Verdict.RESHAPE)
    assert (smaller.compact, smaller.next_attempt_at) == (True, NOW)
    assert settled(smaller, Verdict.RESHAPE).state is EntryState.UNDELIVERABLE


def test_wait_grows_with_every_attempt_by_at_most_a_fifth_more_than_planned() -> None:
    entry = an_entry()
    for planned in (*BACKOFF, BACKOFF[-1]):
        entry = settled(entry, Verdict.LATER)
        waited = (entry.next_attempt_at - NOW).total_seconds()
        assert planned <= waited <= planned * 1.2
    assert settled(an_entry(), Verdict.LATER) == settled(an_entry(), Verdict.LATER)  # a replay waits exactly as long


def test_the_platforms_own_wait_is_kept_to() -> None:
    assert settled(an_entry(), Verdict.LATER, wait_seconds=600.0).next_attempt_at == NOW + timedelta(seconds=600)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2027-03-03 11:55", "2027-03-03 14:31"),
        ("2027-03-03 17:25", "2027-03-04 08:31"),
        ("2027-03-05 17:25", "2027-03-08 08:31"),  # over a weekend
        ("2026-09-30 17:25", "2026-10-08 08:31"),  # over 国庆节
    ],
)
def test_wait_that_crosses_the_end_of_office_hours_goes_on_in_the_next(now: str, expected: str) -> None:
    waiting = settled(an_entry(), Verdict.LATER, moment(now), wait_seconds=600.0)
    assert waiting.next_attempt_at == moment(expected)
    assert settled(an_entry(attempts=3), Verdict.AMBIGUOUS, moment(now)).next_attempt_at == moment(expected)


def test_code_nobody_knows_is_tried_a_few_times_and_then_shown_to_a_person() -> None:
    entry = an_entry()
    for _ in range(UNKNOWN_CAP - 1):
        entry = settled(entry, Verdict.LATER, code="99999")
        assert entry.state is EntryState.LATER
    assert settled(entry, Verdict.LATER, code="99999").state is EntryState.UNDELIVERABLE


def test_known_limits_and_plain_outages_are_waited_out_for_ever() -> None:
    entry = an_entry()
    for _ in range(50):
        entry = settled(settled(entry, Verdict.LATER, code="45009", counts=False), Verdict.LATER)
    assert entry.state is EntryState.LATER


def test_entry_found_in_sending_goes_again_marked() -> None:
    again = recovered(sending(an_entry(), "机器人1", NOW), NOW)
    assert (again.state, again.resent, again.next_attempt_at) == (EntryState.PENDING, True, NOW)


def test_every_state_is_open_or_final() -> None:
    final = {EntryState.DELIVERED, EntryState.UNDELIVERABLE, EntryState.CANCELLED}
    assert {state for state in EntryState if not state.open} == final
    assert cancelled(an_entry(), "已销号").state is EntryState.CANCELLED


# --- still true? ---------------------------------------------------------------


def why_not(row: Telling, *happened: Payload, at: str = "2027-03-03 10:00", told: Sequence[PastTelling] = ()) -> str:
    facts = facts_after(*((payload, "2027-03-03 09:30") for payload in happened))
    now, chat = moment(at), "县教育局"
    found = {one.item.id: one for one in judge(RULEBOOK, facts, now.date())}
    return untrue(row, found.get(row.item), a_desk(RULEBOOK, facts, now, *told), chat)


def a_desk(rulebook: Rulebook, facts: Facts, now: datetime, *told: PastTelling) -> Desk:
    return Desk(facts, Tellings(told), everybody(rulebook), rulebook.calendar, OfficeHours(), now, lambda *_: Used())


def an_extension() -> Extended:
    return Extended(item="T05-M1", to=date(2027, 6, 30), rule_due=date(2027, 3, 10), reason="等待", by="秘书组")


@pytest.mark.parametrize(
    ("row", "happened", "why"),
    [
        (a_row(), (), ""),
        (a_row(), (Returned(item="T05-M1", reason="缺材料"),), ""),
        (a_row("T05-M9"), (), "事项已不在规则中"),
        (a_row(), (Closed(item="T05-M1", by="秘书组"),), "已销号"),
        (a_row(), (Done(item="T05-M1"),), "已报办结，待核"),
        (a_row(), (an_extension(),), "时限已改为2027年6月30日"),
        (a_row(reason="RECOVERED"), (Closed(item="T05-M1", by="秘书组"),), "已销号"),
        (a_row(reason="RECOVERED"), (), "事项已重新打开"),
        (a_row("T05-M1-01"), (Done(item="T05-M1"),), "T05-M1由上级事项统一提醒"),
        (a_row("T05-M1-01", role="配合单位"), (), "按现行规则不再由县教育局以配合单位接收"),
        (a_row(who="团县委"), (), "按现行规则不再由团县委以牵头单位接收"),
        (a_row(who="县教育局→基础教育股"), (), "按现行规则不再由县教育局→基础教育股以牵头单位接收"),
        (a_row(), (Silenced(item="T05-M1", until=moment("2027-03-05 12:00"), reason="部署"),), "静默至2027-03-05 12:00"),
        (a_row("T05-M1-01"), (Silenced(item="T05-M1", until=moment("2027-03-05"), reason="部署"),), "静默至2027-03-05 00:00"),
        (a_row(), (Silenced(chat="县教育局", until=moment("2027-03-05"), reason="部署"),), "静默至2027-03-05 00:00"),
        (a_row(), (Silenced(chat="县财政局", until=moment("2027-03-05"), reason="部署"),), ""),
        (a_row(), (Silenced(item="T05-M1", until=moment("2027-03-03 09:59"), reason="部署"),), ""),
    ],
)  # fmt: skip
def test_what_is_no_longer_true_is_not_said(row: Telling, happened: tuple[Payload, ...], why: str) -> None:
    assert why_not(row, *happened) == why


def heard_before(**changes: object) -> PastTelling:
    told = PastTelling(
        "T05-M1", date(2027, 3, 10), "县教育局", date(2027, 3, 11), "逾期1天", "逾期", "FIRST", "2027-0001",
        moment("2027-03-11 09:26"),
    )  # fmt: skip
    return replace(told, **changes)  # type: ignore[arg-type]


def test_that_it_is_over_is_said_to_who_heard_of_the_trouble() -> None:
    over, closed = a_row(reason="RECOVERED", rung="恢复"), Closed(item="T05-M1", by="秘书组")
    assert why_not(over, closed, told=[heard_before()]) == ""
    assert why_not(a_row(), closed, told=[heard_before()]) == "已销号"
    assert why_not(over, at="2027-03-12 10:00", told=[heard_before()]) != ""


def test_what_a_later_message_told_is_not_said_again() -> None:
    later = heard_before(rung_on=date(2027, 3, 3), rung="提前7天", state="临期")
    assert why_not(a_row(), told=[later]) == "本级次已提醒"


def test_expired_silence_of_an_item_does_not_hide_one_of_its_rule() -> None:
    over = Silenced(item="T05-M1-01", until=moment("2027-03-03 09:45"), reason="部署")
    still = Silenced(item="T05-M1", until=moment("2027-03-05 12:00"), reason="部署")
    assert why_not(a_row("T05-M1-01"), over, still) == "静默至2027-03-05 12:00"


def test_proposal_that_changed_since_is_not_said() -> None:
    rulebook = a_rulebook(a_milestone(due="2027-03-10", basis="建议"))
    (finding,) = judge(rulebook, Facts(), NOW.date())
    assert untrue(a_row(), finding, a_desk(rulebook, Facts(), NOW), "县教育局") == "待人工确认"


# --- merged and moved --------------------------------------------------------------


def test_what_waited_becomes_one_digest_that_names_every_row_once() -> None:
    entries = [
        an_entry("2027-0001", a_row(rung="提前7天"), a_row("T05-M2")),
        an_entry("2027-0002", a_row(rung="逾期1个工作日"), at=NOW + timedelta(days=8)),
        an_entry("2027-0003", a_row(who="县财政局"), resent=True, at=NOW + timedelta(days=9)),
    ]
    digest = merged(entries, said_together(entries), "2027-0009", NOW + timedelta(days=9))
    assert {(row.item, row.addressee, row.rung, row.form) for row in digest.tellings} == {
        ("T05-M1", "县教育局", "逾期1个工作日", "汇总"),
        ("T05-M2", "县教育局", "提前7天", "汇总"),
        ("T05-M1", "县财政局", "提前7天", "汇总"),
    }
    assert (digest.form, digest.resent, digest.slot) == ("汇总", False, True)
    assert [(row.addressee, row.seen) for row in digest.tellings if row.seen] == [("县财政局", True)]
    assert digest.why == "合并2027-0001、2027-0002、2027-0003"


def test_rows_of_the_monthly_list_stay_in_it_when_merged() -> None:
    entries = [an_entry("2027-0001", a_row(form="月度清单"))]
    digest = merged(entries, said_together(entries), "2027-0009", NOW)
    assert [row.form for row in digest.tellings] == ["月度清单"]


def moved(entry: Entry, chats: dict[str, str], mended: tuple[str, ...] = ()) -> Entry:
    [after] = readdressed(entry, Directory(chats), set(chats.values()), set(mended), NOW + timedelta(hours=1))
    return after


def test_entry_whose_chat_is_gone_follows_its_addressee() -> None:
    entry = moved(an_entry(), {"县教育局": "新群", ADMIN: ADMIN})
    assert (entry.chat, entry.state, entry.next_attempt_at) == ("新群", EntryState.LATER, NOW + timedelta(hours=1))


def test_entry_that_falls_to_the_admin_says_for_whom_it_was() -> None:
    entry = moved(an_entry(), {ADMIN: ADMIN})
    assert entry.chat == ADMIN
    assert [row.mark for row in entry.tellings] == ["县教育局未配置群聊，请转告"]


def placed(entry: Entry, directory: Directory, *sound: str) -> list[tuple[str, str, list[str]]]:
    """Number, chat and marks of what an entry becomes after chats changed."""
    after = readdressed(entry, directory, sound or set(directory.chats.values()), (), NOW)
    return [(one.number, one.chat, [telling.mark for telling in one.tellings]) for one in after]


def test_what_was_to_be_passed_on_comes_home_without_its_mark() -> None:
    chats = {"县教育局": "县教育局", "县财政局": "县财政局", ADMIN: ADMIN}
    rows = [a_row(who=who, mark=f"{who}未配置群聊，请转告") for who in ("县教育局", "县财政局")]
    of_the_office = a_row("系统:待定@2027Q1", ADMIN, role="管理员", mark="请确认牵头单位")
    entry = an_entry("2027-0009", *rows, of_the_office, chat=ADMIN)
    assert placed(entry, Directory(chats)) == [
        ("2027-0009", ADMIN, ["请确认牵头单位"]),
        ("", "县教育局", [""]),
        ("", "县财政局", [""]),
    ]
    assert placed(entry, Directory({ADMIN: ADMIN})) == [
        ("2027-0009", ADMIN, [*(row.mark for row in rows), "请确认牵头单位"])
    ]


def test_what_left_an_entry_carries_its_number_and_is_not_what_was_tried() -> None:
    rows = (a_row(), a_row(who="县财政局"))
    entry = an_entry(
        "2027-0009", *rows, state=EntryState.LATER, attempts=3, unclear=1, resent=True, carries=("2027-0004",)
    )
    stays, left = readdressed(
        entry, Directory({"县教育局": "县教育局", "县财政局": "县财政局"}), {"县教育局", "县财政局"}, (), NOW
    )
    assert (stays.number, stays.attempts, stays.resent, stays.moved) == ("2027-0009", 3, True, False)
    assert (left.carries, left.attempts, left.resent, left.moved) == (("2027-0004", "2027-0009"), 0, False, True)
    assert [(telling.seen, telling.form) for telling in left.tellings] == [(True, "汇总")]
    assert (left.form, left.slot) == ("汇总", True)  # it takes none of the other chat's single messages


@pytest.mark.parametrize("what", [{"state": "销号"}, {"reason": "REGISTERED"}])
def test_a_leader_without_a_chat_is_to_be_told_only_that_something_is_closed(what: dict[str, str]) -> None:
    row = replace(a_row(who="县教育局·分管领导", role="分管领导"), **what)  # type: ignore[arg-type]
    assert placed(an_entry("2027-0009", row, chat="县教育局·分管领导"), Directory({ADMIN: ADMIN})) == [
        ("2027-0009", ADMIN, ["请办公室告知县教育局分管领导"])
    ]


def test_what_a_person_sent_elsewhere_stays_while_that_chat_is_there() -> None:
    entry = an_entry("2027-0009", a_row(by_order=True), chat="县财政局")
    chats = {"县教育局": "县教育局", "县财政局": "县财政局"}
    assert placed(entry, Directory(chats)) == [("2027-0009", "县财政局", [""])]
    assert placed(entry, Directory({"县教育局": "县教育局"})) == [("2027-0009", "县教育局", [""])]
    waiting = Directory(chats, lost=frozenset({"县财政局"}))
    assert placed(entry, waiting, "县教育局") == [("2027-0009", "县财政局", [""])]


def test_who_was_renamed_keeps_the_message_as_it_is() -> None:
    names = Succession({"县教育局": "县教体局"})
    entry = an_entry(attempts=2)
    [after] = readdressed(entry, Directory({"县教育局": "县教体局"}), {"县教体局"}, (), NOW, names)
    assert (after.chat, after.attempts, after.moved) == ("县教体局", 2, False)


def test_entry_waits_where_it_is_while_nobody_has_a_chat() -> None:
    assert moved(an_entry(), {}) == an_entry()


def test_refused_entry_tries_again_once_its_chat_is_mended() -> None:
    refused = an_entry(state=EntryState.REFUSED)
    assert moved(refused, {"县教育局": "县教育局"}, ("县教育局",)).state is EntryState.LATER
    assert moved(refused, {"县教育局": "县教育局"}) == refused


def test_entry_in_flight_is_left_alone() -> None:
    flying = an_entry(state=EntryState.SENDING)
    assert moved(flying, {"县教育局": "新群"}) == flying


# --- one place ------------------------------------------------------------------

MADE_HERE = "bot/core/telling/outbox.py"


def test_an_entry_becomes_another_one_in_one_module_only() -> None:
    """Whoever changes an entry calls a named transition: no other module writes a field that only entries have."""
    own = set(Entry.model_fields) - {"form", "chat", "number", "at", "slot", "code", "rules", "robot", "state"}
    root = Path(__file__).parents[3]
    guilty = [
        f"{path.relative_to(root)}:{node.lineno}"
        for path in sorted((root / "bot").rglob("*.py"))
        if str(path.relative_to(root)) != MADE_HERE and "telling.entry import" in path.read_text("utf-8")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and makes_an_entry(node, own)
    ]
    assert guilty == []


def makes_an_entry(node: ast.Call, fields: set[str]) -> bool:
    if isinstance(node.func, ast.Name) and node.func.id == "Entry":
        return True
    if not (isinstance(node.func, ast.Attribute) and node.func.attr == "model_copy"):
        return False
    keys = {
        key.value
        for part in ast.walk(node)
        if isinstance(part, ast.Dict)
        for key in part.keys
        if isinstance(key, ast.Constant)
    }
    return bool(keys & ({*fields, "state"}))
