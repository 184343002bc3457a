"""Who is spoken to, when a chat's slot opens, and what has been told."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from itertools import permutations

import pytest

from bot.core.deciding.addressees import ADMIN, Addressee, Directory, addressees
from bot.core.deciding.decision import as_of, ripe, turns
from bot.core.deciding.decisions import decide
from bot.core.deciding.desk import Desk, Used
from bot.core.deciding.findings import judge
from bot.core.deciding.memory import PastTelling, Tellings
from bot.core.deciding.reasons import Reason
from bot.core.facts.events import Observed
from bot.core.facts.facts import Facts
from bot.core.rules.rulebook import Role, Rulebook
from bot.core.time.windows import OfficeHours, slot
from tests.kit.builders import INDICATOR, a_duty, a_milestone, a_rulebook, everybody, facts_after, moment

CHAT = "县教育局"
SLOT = slot(CHAT, date(2027, 3, 3), OfficeHours())


def desk(now: str, used: Used = Used(), rulebook: Rulebook | None = None) -> Desk:  # noqa: B008 - frozen
    book = rulebook or a_rulebook()
    return Desk(Facts(), Tellings(), everybody(book), book.calendar, OfficeHours(), moment(now), lambda chat, day: used)


def heard_by(rulebook: Rulebook, rule: str) -> dict[str, set[str]]:
    """Addressee → roles in which they hear an item of that rule."""
    found = judge(rulebook, Facts(), date(2027, 3, 3))
    finding = next(one for one in found if one.item.rule.id == rule)
    return {one.key: {role.value for role in one.roles} for one in addressees(finding)}


def test_milestone_speaks_to_lead_others_leader_and_group() -> None:
    assert heard_by(a_rulebook(a_milestone()), "T05-M1") == {
        "县教育局": {"牵头单位"},
        "县财政局": {"配合单位"},
        "县教育局·分管领导": {"分管领导"},
        "领导小组": {"领导小组"},
    }


def test_other_kinds_speak_to_cooperating_units_only_when_named() -> None:
    assert set(heard_by(a_rulebook(a_duty()), "T05-R1")) == {"县教育局"}
    assert set(heard_by(a_rulebook(a_duty(more="配合: [各学校]")), "T05-R1")) == {"县教育局", "各学校"}


def test_without_a_confirmed_lead_only_the_admin_and_the_group_are_left() -> None:
    assert heard_by(a_rulebook(a_milestone(), lead="建议"), "T05-M1") == {
        ADMIN: {"牵头单位", "配合单位", "分管领导"},
        "领导小组": {"领导小组"},
    }


def test_report_speaks_to_its_provider_whoever_leads() -> None:
    unconfirmed = INDICATOR.replace("县教育局, 依据: 管理员", "县教育局, 依据: 建议")
    assert set(heard_by(a_rulebook(indicators=unconfirmed), "I4:报送")) == {"县民政局"}


@pytest.mark.parametrize(
    ("key", "role", "chats", "expected"),
    [
        ("县教育局", Role.LEAD, {"县教育局": "群1"}, ("群1", "")),
        ("县教育局", Role.LEAD, {}, (ADMIN, "县教育局未配置群聊，请转告")),
        ("县教育局·分管领导", Role.SUPERVISOR, {"县教育局": "群1"}, (ADMIN, "提请办公室报县教育局分管领导")),
        ("县教育局·分管领导", Role.SUPERVISOR, {"县教育局·分管领导": "群2"}, ("群2", "")),
        ("领导小组", Role.LEADING_GROUP, {"县教育局": "群1"}, (ADMIN, "提请办公室报领导小组")),
        ("领导小组", Role.LEADING_GROUP, {"领导小组": "群3"}, ("群3", "")),
        (ADMIN, Role.ADMIN, {}, (ADMIN, "")),
    ],
)
def test_who_has_no_chat_is_spoken_of_in_the_admins(
    key: str, role: Role, chats: dict[str, str], expected: tuple[str, str]
) -> None:
    assert Directory(chats).route(Addressee(key, key, role, frozenset({role}))) == expected


@pytest.mark.parametrize(
    ("now", "used", "expected"),
    [
        ("2027-03-03 00:00", Used(), SLOT),
        ("2027-03-03 10:07", Used(), moment("2027-03-03 10:07")),  # the slot was missed: at once
        ("2027-03-03 12:40", Used(), moment("2027-03-03 14:31")),
        ("2027-03-03 18:00", Used(), SLOT.replace(day=4)),
        ("2027-03-03 10:07", Used(slots=1), SLOT.replace(day=4)),
        ("2027-03-05 10:07", Used(slots=1), SLOT.replace(day=8)),  # a Friday
        ("2027-03-06 10:07", Used(), SLOT.replace(day=8)),
    ],
)
def test_a_chats_slot_opens_once_a_working_day(now: str, used: Used, expected: datetime) -> None:
    assert desk(now, used).opening(CHAT) == expected


@pytest.mark.parametrize(
    ("now", "used", "expected"),
    [
        ("2027-03-03 10:07", Used(), None),  # today's slot is free and takes it
        ("2027-03-03 10:07", Used(slots=1), "2027-03-03 10:07"),
        ("2027-03-03 10:07", Used(slots=1, singles=1), "2027-03-03 10:07"),
        ("2027-03-03 10:07", Used(slots=1, singles=2), None),
        ("2027-03-03 11:59", Used(slots=1), "2027-03-03 11:59"),
        ("2027-03-03 12:00", Used(slots=1), "2027-03-03 14:31"),
        ("2027-03-03 17:30", Used(slots=1), None),
        ("2027-03-06 10:07", Used(slots=1), None),
    ],
)
def test_event_driven_single_uses_what_is_left_of_the_day(now: str, used: Used, expected: str | None) -> None:
    assert desk(now, used).promptly(CHAT) == (moment(expected) if expected else None)


def test_decision_reads_out_of_hours_until_its_slot_and_then_tells() -> None:
    rulebook = a_rulebook(a_milestone(due="2027-03-10"))
    found = judge(rulebook, Facts(), date(2027, 3, 3))
    decisions = decide(found, desk("2027-03-03 00:00", rulebook=rulebook))
    mine = next(one for one in decisions if one.addressee.key == CHAT)
    waiting = as_of(mine, moment("2027-03-03 08:00"))
    assert (waiting.reason, waiting.until) == (Reason.OUT_OF_HOURS, SLOT)
    assert as_of(mine, SLOT).reason is Reason.FIRST
    assert mine not in ripe(decisions, moment("2027-03-03 08:00"))
    assert mine in ripe(decisions, SLOT)
    assert turns([mine]) == [SLOT, mine.until]  # the next rung, once this one is told


def test_every_reason_has_words_and_a_side() -> None:
    assert len({reason.words for reason in Reason}) == len(Reason)
    assert {reason.name for reason in Reason if reason.tells} == {
        "ASSIGNED", "FIRST", "NEXT_RUNG", "REPEAT", "WORSENED", "ESCALATED", "RECOVERED", "VOIDED", "REGISTERED", "WITHDRAWN",
    }  # fmt: skip


# --- tellings ---------------------------------------------------------------


def a_telling(rung_on: str, at: str = "2027-03-03 08:50", due: str = "2027-03-10", who: str = CHAT) -> PastTelling:
    return PastTelling(
        "T05-M1", date.fromisoformat(due), who, date.fromisoformat(rung_on), "提前7天", "临期", "FIRST", "1", moment(at)
    )


def test_last_telling_is_the_latest_rung_in_whatever_order_they_came() -> None:
    tellings = [a_telling(f"2027-03-{day:02d}") for day in (1, 5, 9)]
    for order in permutations(tellings):
        assert Tellings(order).last("T05-M1", date(2027, 3, 10), CHAT) == tellings[-1]


def test_of_two_tellings_of_one_rung_the_later_one_counts() -> None:
    first, second = a_telling("2027-03-01"), a_telling("2027-03-01", at="2027-03-03 15:00")
    assert Tellings([first, second]).last("T05-M1", date(2027, 3, 10), CHAT) == second


def test_tellings_of_another_date_or_addressee_do_not_count() -> None:
    memory = Tellings([a_telling("2027-03-01")])
    assert memory.last("T05-M1", date(2027, 6, 30), CHAT) is None
    assert memory.last("T05-M1", date(2027, 3, 10), "县财政局") is None
    assert memory.latest("T05-M1", "县财政局") is None


def test_latest_word_is_known_over_all_dates() -> None:
    memory = Tellings([a_telling("2027-03-09"), a_telling("2027-03-01", at="2027-05-01 09:00", due="2027-06-30")])
    heard = memory.latest("T05-M1", CHAT)
    assert heard is not None
    assert heard.at == moment("2027-05-01 09:00")


def test_forgotten_telling_is_owed_again_and_a_copy_keeps_its_own() -> None:
    memory = Tellings([a_telling("2027-03-01"), a_telling("2027-03-05")])
    twin = memory.copy()
    memory.forget(a_telling("2027-03-05"))
    memory.forget(a_telling("2027-03-09"))  # never told: nothing to take back
    assert memory.last("T05-M1", date(2027, 3, 10), CHAT) == a_telling("2027-03-01")
    assert twin.last("T05-M1", date(2027, 3, 10), CHAT) == a_telling("2027-03-05")


def test_a_good_value_that_comes_on_a_sunday_is_looked_at_again_on_monday() -> None:
    rulebook = a_rulebook(indicators=INDICATOR)
    facts = facts_after((Observed(indicator="I4", period="2027", value=Decimal(98)), "2027-03-07T10:00"))
    sunday = replace(desk("2027-03-07 10:01", rulebook=rulebook), facts=facts)
    decisions = decide(judge(rulebook, facts, date(2027, 3, 7)), sunday)
    mine = next(one for one in decisions if one.finding.item.id == "I4@2027" and one.addressee.key == CHAT)
    assert (mine.reason, mine.at) == (Reason.NOT_DUE, None)
    assert mine.until == slot(CHAT, date(2027, 3, 8), OfficeHours())
