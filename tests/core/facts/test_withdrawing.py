"""撤回: what was entered by mistake and withdrawn is as if it had never been entered; what is not there is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.core.deciding.admission import Refused, vetted
from bot.core.facts.events import (
    CaseAdvanced,
    CaseOpened,
    CasePaused,
    CaseResumed,
    Closed,
    Confirmed,
    Done,
    Extended,
    Observed,
    Payload,
    Returned,
    Silenced,
    Withdrawn,
)
from bot.core.facts.facts import Facts
from bot.core.rules.rulebook import Rulebook
from tests.kit.builders import INDICATOR, a_case_rule, a_duty, a_milestone, a_rulebook, an_event, moment

TODAY = date(2027, 3, 31)
CASE: dict[str, Any] = {"rule": "T05-C1", "case": "2027-003"}
OPENED = CaseOpened(**CASE, on=date(2027, 3, 1), category="媒体反映")
ONE, TWO = (f"T05-C1@2027-003#{name}" for name in ("监测", "核查"))
PAUSED = CasePaused(**CASE, on=date(2027, 3, 3), reason="协查")
RESUMED = CaseResumed(**CASE, on=date(2027, 3, 5))
SILENCED = Silenced(item="T05-M1", until=moment("2027-12-31"), reason="部署")

#: What is entered by mistake, and how it is withdrawn.
WITHDRAWN: tuple[tuple[Payload, Withdrawn], ...] = (
    (
        Observed(indicator="I4", period="2026", value=Decimal("96.2"), confirmed=True),
        Withdrawn(what="observed", indicator="I4", period="2026"),
    ),
    (Done(item="T05-M1"), Withdrawn(what="done", item="T05-M1")),
    (Closed(item="T05-M1", by="秘书组"), Withdrawn(what="closed", item="T05-M1")),
    (Returned(item="T05-M1", reason="缺材料"), Withdrawn(what="returned", item="T05-M1")),
    (
        Extended(item="T05-M1", to=date(2028, 6, 30), rule_due=date(2027, 12, 31), reason="施工", by="秘书组"),
        Withdrawn(what="extended", item="T05-M1"),
    ),
    (SILENCED, Withdrawn(what="silenced", item="T05-M1")),
    (
        SILENCED.model_copy(update={"item": "", "chat": "县教育局"}),
        Withdrawn(what="silenced", chat="县教育局"),
    ),
    (Confirmed(rules={"T05-R1": "x"}), Withdrawn(what="confirmed", item="T05-R1")),
    (Confirmed(leads={"T05": "县教育局"}), Withdrawn(what="confirmed", item="T05")),
    (OPENED.model_copy(update={"case": "2027-004"}), Withdrawn(what="case_opened", rule="T05-C1", case="2027-004")),
    (CaseAdvanced(item=ONE, on=date(2027, 3, 3)), Withdrawn(what="case_advanced", item=ONE)),
    (PAUSED, Withdrawn(what="case_paused", **CASE)),
)  # fmt: skip
KINDS = [f"{withdrawal.what} {withdrawal.chat or withdrawal.item}" for _, withdrawal in WITHDRAWN]

DONE, CLOSED = Done(item="T05-R1@2027-1"), Closed(item="T05-R1@2027-1", by="秘书组")
#: What may have happened before: a case stands open in any case, so that it has steps and a clock.
EARLIER: tuple[Payload, ...] = (
    Observed(indicator="I4", period="2025", value=Decimal(95), confirmed=True),
    DONE,
    CLOSED,
    Silenced(chat="县财政局", until=moment("2027-12-31"), reason="部署"),
)


def a_book() -> Rulebook:
    return a_rulebook(a_milestone(), a_duty(), a_case_rule(), indicators=INDICATOR)


BOOK = a_book()


def taken_in(*payloads: Payload, start: Facts | None = None) -> Facts:
    """Every payload vetted and folded, in order."""
    facts = start or Facts()
    for payload in payloads:
        event = an_event(payload, "2027-03-31 09:00")
        facts = facts.after(vetted(event, BOOK, (), TODAY, facts))
    return facts


def in_substance(facts: Facts) -> Facts:
    """The facts without the count of events, and without the notes that something was withdrawn."""
    return replace(facts, version=0, withdrawn={}, taken_back={})


@pytest.mark.parametrize(("mistake", "withdrawal"), WITHDRAWN, ids=KINDS)
def test_what_is_withdrawn_is_as_if_it_had_not_been_entered(mistake: Payload, withdrawal: Withdrawn) -> None:
    before = taken_in(OPENED)
    after = taken_in(mistake, withdrawal, start=before)
    assert in_substance(taken_in(mistake, start=before)) != in_substance(before)
    assert in_substance(after) == in_substance(before)


@given(st.lists(st.sampled_from(EARLIER), unique_by=repr), st.sampled_from(WITHDRAWN), st.sampled_from(WITHDRAWN))
def test_whatever_else_happened_before_or_since_stays(
    earlier: list[Payload], mistake: tuple[Payload, Withdrawn], since: tuple[Payload, Withdrawn]
) -> None:
    (wrong, withdrawal), (right, _) = mistake, since
    assume(_about(wrong) != _about(right))
    assume(earlier.count(CLOSED) == 0 or DONE not in earlier[earlier.index(CLOSED) :])  # closed, it is done no more
    start = taken_in(OPENED, *earlier)
    assert in_substance(taken_in(wrong, right, withdrawal, start=start)) == in_substance(taken_in(right, start=start))


def _about(payload: Payload) -> str:
    """What two events change together."""
    if isinstance(payload, Done | Closed | Returned):
        return "mark"
    return "clock" if isinstance(payload, CasePaused | CaseAdvanced) else payload.type


@pytest.mark.parametrize(("mistake", "withdrawal"), WITHDRAWN, ids=KINDS)
def test_a_second_withdrawal_finds_nothing_and_says_so(mistake: Payload, withdrawal: Withdrawn) -> None:
    with pytest.raises(Refused, match="没有"):
        taken_in(OPENED, mistake, withdrawal, withdrawal)


@pytest.mark.parametrize(("mistake", "withdrawal"), WITHDRAWN, ids=KINDS)
def test_what_was_never_entered_cannot_be_withdrawn(mistake: Payload, withdrawal: Withdrawn) -> None:
    del mistake
    with pytest.raises(Refused, match="没有"):
        taken_in(OPENED, withdrawal)


@pytest.mark.parametrize(("mistake", "withdrawal"), WITHDRAWN, ids=KINDS)
def test_it_can_be_entered_anew(mistake: Payload, withdrawal: Withdrawn) -> None:
    again, once = taken_in(OPENED, mistake, withdrawal, mistake), taken_in(OPENED, mistake)
    assert replace(again, version=0) == replace(once, version=0)


def test_a_value_goes_with_all_its_corrections() -> None:
    values = [Observed(indicator="I4", period="2026", value=Decimal(value), confirmed=True) for value in (95, 96)]
    facts = taken_in(*values, Withdrawn(what="observed", indicator="I4", period="2026"))
    assert facts.value("I4", "2026") is None
    assert facts.periods == {}


def test_a_mark_before_holds_again() -> None:
    done, closed = Done(item="T05-M1"), Closed(item="T05-M1", by="秘书组")
    facts = taken_in(done, done, closed, Withdrawn(what="closed", item="T05-M1"))
    assert facts.marks["T05-M1"].what == "done"
    assert taken_in(Withdrawn(what="done", item="T05-M1"), start=facts).marks == {}


def test_a_resumption_is_withdrawn_and_the_clock_stands_still() -> None:
    facts = taken_in(OPENED, PAUSED, RESUMED, Withdrawn(what="case_resumed", **CASE))
    assert facts.cases["T05-C1", "2027-003"].paused_since == PAUSED.on
    facts = taken_in(OPENED, PAUSED, RESUMED, Withdrawn(what="case_paused", **CASE))
    assert facts.cases["T05-C1", "2027-003"].pauses == ()


def test_a_case_goes_with_all_that_was_said_of_its_steps() -> None:
    said = (
        CaseAdvanced(item=ONE, on=date(2027, 3, 2)),
        Returned(item=ONE, reason="缺材料"),
        Silenced(item=ONE, until=moment("2027-12-31"), reason="部署"),
    )
    facts = taken_in(OPENED, *said, Withdrawn(what="case_opened", **CASE))
    assert in_substance(facts) == Facts()


REFUSED: tuple[tuple[tuple[Payload, ...], str], ...] = (
    ((Withdrawn(what="observed", indicator="I5", period="2026"),), "没有指标“I5”，是不是“I4”？"),
    ((Withdrawn(what="observed", indicator="I4", period="206"),), "没有I4的期别“206”"),
    ((Withdrawn(what="observed", indicator="I4", period="2026"),), "I4的2026没有报过数，没有可撤回的"),
    ((Withdrawn(what="done", item="T05-M2"),), "没有事项“T05-M2”，是不是“T05-M1”？"),
    ((Done(item="T05-M1"), Withdrawn(what="closed", item="T05-M1")), "T05-M1最后登记的是办结，不是销号"),
    ((Withdrawn(what="silenced", chat="县教育厅"),), "没有群聊“县教育厅”，是不是“县教育局”？"),
    ((Withdrawn(what="confirmed", item="T06"),), "没有事项或任务“T06”"),
    ((OPENED, Withdrawn(what="case_opened", rule="T05-C1", case="张三")), "件的编号只用数字、大写字母和连字符"),
    ((OPENED, Withdrawn(what="case_advanced", item="T05-C1@2027-003#张三")), "T05-C1@2027-003所写的步骤没有办完"),
    (
        (
            OPENED,
            CaseAdvanced(item=ONE, on=date(2027, 3, 2)),
            CaseAdvanced(item=TWO, on=date(2027, 3, 3)),
            Withdrawn(what="case_advanced", item=ONE),
        ),
        "后面的步骤已经办完，请先撤回后面的",
    ),
    ((OPENED, PAUSED, Withdrawn(what="case_resumed", **CASE)), "自2027-03-03起暂停计时，没有恢复可撤回"),
)  # fmt: skip


@pytest.mark.parametrize(("happened", "sentence"), REFUSED)
def test_a_refusal_says_why_and_repeats_no_name(happened: tuple[Payload, ...], sentence: str) -> None:
    with pytest.raises(Refused, match=sentence.replace("？", ".")) as refused:
        taken_in(*happened)
    assert "张三" not in str(refused.value)


def test_a_silence_that_is_over_is_not_withdrawn() -> None:
    over = SILENCED.model_copy(update={"until": moment("2027-03-31 08:30")})
    facts = Facts().after(an_event(over, "2027-03-30 08:00"))
    asked = an_event(Withdrawn(what="silenced", item="T05-M1"), "2027-03-31 09:00")
    with pytest.raises(Refused, match="T05-M1没有静默可撤回"):
        vetted(asked, a_rulebook(a_duty(), a_milestone()), (), TODAY, facts)


def test_a_withdrawal_follows_what_was_renumbered_since() -> None:
    book = a_rulebook(a_duty(), a_milestone(id="T05-M2", more="曾用编号: [T05-M1]"))
    facts = Facts(names=book.succession).after(an_event(Done(item="T05-M1"), "2027-03-01 08:00"))
    event = vetted(an_event(Withdrawn(what="done", item="T05-M1"), "2027-03-31 08:00"), book, (), TODAY, facts)
    assert event.data["item"] == "T05-M2"
    old = an_event(Withdrawn(what="done", item="T05-M1"), "2027-03-02 08:00")
    assert facts.after(event).marks == facts.after(old).marks == {}


def test_a_value_that_never_counted_leaves_no_trace() -> None:
    """One kept by an older version for a year that had not begun: nobody is told years later that it was withdrawn."""
    far = Observed(indicator="I4", period="2035", value=Decimal(99))
    gone = Withdrawn(what="observed", indicator="I4", period="2035")
    facts = Facts().after(an_event(far, "2027-03-01 08:00"))
    assert replace(taken_in(gone, start=facts), version=0) == Facts()
