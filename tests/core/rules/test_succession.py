"""Names and numbers of before: resolved in one place, and a reform changes nothing that is sent but the names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.deciding.hearing import Hearings
from bot.core.deciding.look import Scene
from bot.core.deciding.memory import PastTelling, Tellings
from bot.core.facts.events import CaseAdvanced, CaseOpened, Confirmed, Observed, Payload, Silenced
from bot.core.facts.facts import Facts
from bot.core.facts.renaming import payload_of_today
from bot.core.preview.preview import preview_of
from bot.core.rules.rulebook import Rulebook, UnitForm
from bot.core.rules.succession import UNCHANGED, Succession, heir, of_today, succession
from bot.core.telling.digest import Draft
from bot.core.telling.entry import hearings_of, past_telling
from tests.core.preview.test_preview import QUICK, History, Written, a_scene, histories, rulebooks
from tests.kit.builders import INDICATOR, UNITS, a_milestone, a_rulebook, facts_after, moment


def a_unit(name: str, *, into: str = "", former: tuple[str, ...] = ()) -> UnitForm:
    return UnitForm(name=name, id="a", merged_into=into, former_names=former)


NAMES = succession(
    [
        a_unit("县教育和科技局", former=("县教育局", "县教育委员会")),
        a_unit("县文化局", into="县文旅局", former=("县文化馆",)),
        a_unit("县文旅局", into="县文体广电和旅游局"),
        a_unit("县文体广电和旅游局"),
    ],
    [("T05-M7", ("T05-M1", "T04-M9")), ("I9", ("I4",)), ("T02-I3", ("T02-I1",))],
)


@pytest.mark.parametrize(
    ("before", "today"),
    [
        ("T05-M1", "T05-M7"),
        ("T04-M9", "T05-M7"),
        ("T05-M1-02", "T05-M7-02"),
        ("T05-M1@2027-1", "T05-M7@2027-1"),
        ("T05-M1-jiaoyuju", "T05-M7-jiaoyuju"),
        ("I4", "I9"),
        ("I4:报送@2026", "I9:报送@2026"),
        ("T02-I1:趋势", "T02-I3:趋势"),
        ("交办:I4", "交办:I9"),
        ("系统:待核:T05-M1", "系统:待核:T05-M7"),
        ("系统:延期失效:T05-M1-02", "系统:延期失效:T05-M7-02"),
        ("T05-M10", "T05-M10"),
        ("T05-M11-01", "T05-M11-01"),
        ("系统:来件@T05-M1.json", "系统:来件@T05-M1.json"),
        ("T05-M7", "T05-M7"),
    ],
)
def test_an_id_is_read_as_todays_with_its_step_period_or_check(before: str, today: str) -> None:
    assert NAMES.item(before) == today


def test_a_renamed_unit_keeps_its_group_and_a_merged_one_does_not() -> None:
    assert NAMES.addressee("县教育委员会·分管领导") == "县教育和科技局·分管领导"
    assert NAMES.chat("县教育局") == "县教育和科技局"
    assert NAMES.addressee("县文化馆") == "县文体广电和旅游局"
    assert NAMES.chat("县文化馆") == "县文化馆"
    assert NAMES.gone("县文旅局·分管领导")
    assert not NAMES.gone("县教育局")


def test_assigning_counts_for_the_people_who_heard_it() -> None:
    assert NAMES.hearer("交办:T05", "县教育局") == "县教育和科技局"
    assert NAMES.hearer("交办:T05", "县文化局") == "县文化局"
    assert NAMES.hearer("T05-M1", "县文化局") == "县文体广电和旅游局"


def test_mergers_in_a_circle_come_to_an_end() -> None:
    units = {one.name: one for one in (a_unit("甲", into="乙"), a_unit("乙", into="甲"), a_unit("丙", into="丙"))}
    assert heir("甲", units) == "乙"
    assert heir("丙", units) == "丙"


def test_a_fingerprint_reads_as_the_rule_of_today_would() -> None:
    steps = ["编号: T05-M1-01, 名称: 自评, 完成时限: 2027-03-31, 依据: 建议"]
    before = a_rulebook(a_milestone(steps=steps, more="配合: [县财政局, 县人社局]")).by_id["T05-M1"]
    moved = [step.replace("M1", "M7") for step in steps]
    units = UNITS.replace("名称: 县教育局", "名称: 县教科局, 曾用名: [县教育局]")
    units = units.replace("名称: 县人社局", "名称: 县人社局, 已并入: 县财政局")
    item = a_milestone("T05-M7", steps=moved, more="配合: [县财政局, 县人社局]\n曾用编号: [T05-M1]")
    after = a_rulebook(item, unit_file=units, units="县教科局, 县财政局", lead_unit="县教科局")
    assert after.succession.fingerprint(before.fingerprint) == after.by_id["T05-M7"].fingerprint
    assert after.succession.fingerprint("") == ""


def test_every_event_is_told_of_todays_items() -> None:
    assert payload_of_today(Observed(indicator="I4", period="2026", value=Decimal(1)), NAMES) == Observed(
        indicator="I9", period="2026", value=Decimal(1)
    )
    opened = CaseOpened(rule="T05-M1", case="2027-01", on=date(2027, 1, 5))
    assert payload_of_today(opened, NAMES) == opened.model_copy(update={"rule": "T05-M7"})
    assert payload_of_today(CaseAdvanced(item="T05-M1@2027-01-2", on=date(2027, 1, 5)), NAMES) == CaseAdvanced(
        item="T05-M7@2027-01-2", on=date(2027, 1, 5)
    )
    silenced = Silenced(chat="县教育局", until=moment("2027-02-01"), reason="部署")
    assert payload_of_today(silenced, NAMES) == silenced.model_copy(update={"chat": "县教育和科技局"})
    confirmed = Confirmed(leads={"T05": "县教育局", "I4": "县文化局、县文旅局"})
    assert payload_of_today(confirmed, NAMES) == Confirmed(leads={"T05": "县教育和科技局", "I9": "县文体广电和旅游局"})


def test_without_a_reform_nothing_is_touched() -> None:
    happened = Silenced(item="T05-M1", until=moment("2027-02-01"), reason="部署")
    assert payload_of_today(happened, UNCHANGED) is happened
    assert not a_rulebook(a_milestone()).succession
    form = a_rulebook(a_milestone()).tasks[0]
    assert of_today(form, UNCHANGED) is form


def test_two_units_told_of_one_rung_count_as_one_that_heard_it_last() -> None:
    def heard(unit: str, on: int) -> PastTelling:
        return PastTelling(
            "T05-M1", date(2027, 6, 30), unit, date(2027, 6, on), "x", "临期", "FIRST", "", moment("2027-06-01")
        )

    memory = Tellings([heard("县文旅局", 23), heard("县文体广电和旅游局", 1)], NAMES)
    last = memory.last("T05-M7", date(2027, 6, 30), "县文体广电和旅游局")
    assert last is not None
    assert last.rung_on == date(2027, 6, 23)
    memory.forget(heard("县文旅局", 23))
    assert memory.copy().last("T05-M7", date(2027, 6, 30), "县文体广电和旅游局") == replace(
        heard("县文体广电和旅游局", 1), item="T05-M7"
    )


# --- a reform changes nothing but names -------------------------------------------------------

Line = tuple[date, str, str, str, str, str, str]
#: New names whose chats have the same day of the week for repeats, so that nothing else can differ.
NEW = {"县教育局": "县教体局", "县财政局": "县财政和金融局", "县民政局": "县社会工作局"}


def renumbered(text: str) -> str:
    """Every item of a text under a new number, its old one stated; the order of numbers stays."""
    moved = re.sub(r"T05-([MRD])(\d)", r"T05-\g<1>1\2", text)
    return re.sub(r"编号: (T05-[MRD])1(\d)\n", r"编号: \g<1>1\2\n    曾用编号: [\g<1>\2]\n", moved)


def reformed(written: Written, unit: str, numbers: bool) -> Rulebook:
    """The same rulebook after a unit got another name, and perhaps every item another number."""
    items = tuple(map(renumbered, written.items)) if numbers else written.items
    indicator = INDICATOR.replace("编号: I4", "编号: I9\n  曾用编号: [I4]") if numbers else INDICATOR
    new = NEW.get(unit, unit)
    units = written.units.replace(f"名称: {unit}", f"名称: {new}, 曾用名: [{unit}]") if unit else written.units

    def named(text: str) -> str:
        return text.replace(unit, new) if unit else text

    return a_rulebook(
        *map(named, items), lead=written.lead, ladders=written.ladders, indicators=named(indicator), unit_file=units,
        units=named("县教育局, 县财政局"), lead_unit=named("县教育局"),
    )  # fmt: skip


def lines(drafts: Iterable[Draft], item: Callable[[str], str], name: Callable[[str], str]) -> Counter[Line]:
    """What was told on which day, by the names of after the reform; the minute is the chat name's own."""
    return Counter(
        (
            d.at.date(),
            name(d.chat),
            d.form,
            item(row.item),
            name(row.addressee),
            f"{row.rung} {row.rung_on}",
            row.reason,
        )
        for d in drafts
        for row in d.tellings
    )


def played(scene: Scene, start: date, until: date) -> list[Draft]:
    """Every draft from the first minute of a day to the last of another."""
    return [draft for draft, _ in preview_of(scene, moment(str(start)), moment(f"{until} 23:59"))]


@settings(max_examples=10, phases=QUICK)
@given(
    rulebooks(), histories(), st.dates(date(2026, 12, 2), date(2027, 9, 1)), st.sampled_from(["", *NEW]), st.booleans()
)
def test_a_reform_changes_nothing_that_is_sent_but_names(
    written: Written, history: History, start: date, unit: str, numbers: bool
) -> None:
    reform, end = start + timedelta(days=60), start + timedelta(days=130)
    before = a_scene(written.rulebook, history.facts)
    drafts = played(before, start, end)
    after = reformed(written, unit, numbers)
    names = after.succession
    told = [(row, draft.at) for draft in drafts if draft.at.date() < reform for row in draft.tellings]
    hearings = Hearings((heard for row, at in told for heard in hearings_of(row, at, at)), names=names)
    memory = Tellings((past_telling(row, "", at) for row, at in told), names, hearings)
    scene = replace(a_scene(after, under(history, names)), memory=memory)
    wanted = lines((d for d in drafts if d.at.date() >= reform), names.item, names.addressee)
    assert lines(played(scene, reform, end), str, str) == wanted


def under(history: History, names: Succession) -> Facts:
    """The facts of a history, folded under the names of after the reform."""
    happened: tuple[Payload, ...] = history.happened
    start = Facts(all_confirmed=history.all_confirmed, names=names)
    return facts_after(*((payload, "2026-12-01 10:00") for payload in happened), start=start)


@pytest.mark.parametrize(
    ("written", "today"),
    [
        ("T09-C1@2027-003-2", "T09-C1@2027-003#处理"),
        ("T08-C1@2027-003-2", "T09-C1@2027-003#处理"),
        ("T09-C1@2027-003-1-1", "T09-C1@2027-003-1#核查"),
        ("系统:待核:T08-C1@2027-003-1", "系统:待核:T09-C1@2027-003#核查"),
        ("T09-C1@2027-003#核查", "T09-C1@2027-003#核查"),
        ("T09-C1@2027-003-9", "T09-C1@2027-003-9"),
        ("T05-R1@2027-1", "T05-R1@2027-1"),
    ],
)
def test_a_step_told_under_its_position_is_the_step_of_that_name(written: str, today: str) -> None:
    names = Succession(ids={"T08-C1": "T09-C1"}, steps={"T09-C1": ("核查", "处理")})
    assert names.item(written) == today
