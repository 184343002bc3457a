"""Rule tests against rules: green when they hold, and a red one says what is really sent, to whom."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bot.core.facts.events import RulesRejected
from bot.rulefiles.loader import Loaded, assemble
from bot.rulefiles.run_tests import proven
from bot.rulefiles.text.problems import Problem
from bot.service import home
from bot.service.home import Home, RulesUnusableError, open_store, read_home, tried, usable_rulebook
from bot.service.wiring import make_app
from tests.kit.builders import LADDERS as CASE_LADDERS
from tests.kit.builders import a_case_rule
from tests.kit.house import at, furnished
from tests.kit.rules_factory import LADDERS, TASK, edited, place_of, rule_files, write_rules

#: 2027-12-01 is 30 days before T05-M1 is due; everybody of the task hears of it, 县教育局 leads.
GREEN = """\
测试:
  - 名称: 提前30天
    今天是: 2027-12-01
    应当发给:
      - {单位: [县教育局, 县财政局], 事项: T05-M1, 包含: 剩余30天}
      - {单位: 县教育局, 包含: [督办汇总, 时限12月31日]}
    不应发给:
      - {单位: [领导小组, 县教育局·分管领导], 事项: T05-M1}
      - {单位: 管理员, 包含: T05-M1}
      - 各学校
"""


def a_test(*lines: str, today: str = "2027-12-01", known: str = "") -> str:
    past = f"    已知:\n      - {known}\n" if known else ""
    return f"测试:\n  - 名称: 试\n    今天是: {today}\n{past}" + "".join(f"    {line}\n" for line in lines)


def errors(text: str, **changes: str) -> list[Problem]:
    files = {f"{name}.yaml": content for name, content in changes.items()}
    found = proven(assemble(rule_files({"tests/试.yaml": text, **files})))
    assert (found.rulebook is None) == any(one.is_error for one in found.problems)
    return [one for one in found.problems if one.is_error]


def test_a_test_that_holds_says_nothing() -> None:
    assert not errors(GREEN)


def test_full_width_and_blanks_make_no_difference() -> None:
    assert not errors(a_test("应当发给: [{单位: 县教育局, 包含: 剩余 ３０ 天}]"))


# --- red ----------------------------------------------------------------------------------------------------------------


def test_a_red_test_says_what_was_expected_and_what_is_really_sent() -> None:
    text = a_test("应当发给: [{单位: 县教育局, 事项: T05-M1, 包含: 剩余29天}]")
    (one,) = errors(text)
    assert one.code == "red-test"
    assert (one.line, one.column) == place_of(text, "县教育局")
    assert "2027年12月1日应当发给县教育局关于T05-M1、含“剩余29天”的消息" in one.message
    assert "当天发给县教育局的是：T05-M1（" in one.message
    assert "剩余30天" in one.message
    assert "T05-M1当天发给：" in one.message
    assert "就改回规则" in one.hint


def test_a_red_test_says_to_whom_the_item_goes_instead() -> None:
    (one,) = errors(a_test("应当发给: [{单位: 县教育局·分管领导, 事项: T05-M1}]"))
    assert "当天什么也没有发给县教育局·分管领导" in one.message
    assert "T05-M1当天发给：县委教育工委、县教育局、县财政局" in one.message


def test_what_must_not_be_sent_is_red_when_it_is() -> None:
    text = a_test("不应发给: [{单位: [县教育局, 领导小组], 事项: T05-M1}]")
    (one,) = errors(text)
    assert "不应发给县教育局关于T05-M1的消息" in one.message
    assert (one.line, one.column) == place_of(text, "县教育局")


def test_an_edit_of_a_ladder_turns_the_test_red() -> None:
    assert errors(GREEN, ladders=edited(LADDERS, "提前30天", "提前31天"))


def test_a_milestone_is_not_its_steps() -> None:
    step = "应当发给: [{单位: 县教育局, 事项: T05-M1-01}]"
    milestone = "不应发给: [{单位: 县教育局, 事项: T05-M1}]"
    assert not errors(a_test(step, milestone, today="2027-03-01"))


def test_the_rule_of_a_duty_stands_for_all_its_periods() -> None:
    assert not errors(a_test("应当发给: [{单位: 县教育局, 事项: T05-R1}]", today="2027-03-10"))


@pytest.mark.parametrize("about", ["T05-C1", "T05-C1@2027-003", '"T05-C1@2027-003#监测"'])
def test_a_case_is_named_as_a_rule_as_a_whole_or_by_its_step(about: str) -> None:
    changes = {"tasks/05": edited(TASK, "事项:\n", f"事项:\n{a_case_rule()}"), "ladders": CASE_LADDERS}
    opened = "{登记: T05-C1, 编号: 2027-003, 日期: 2027-03-01}"
    reached = f"应当发给: [{{单位: 县教育局, 事项: {about}}}]"
    not_reached = '不应发给: [{单位: 县教育局, 事项: "T05-C1@2027-003#核查"}]'
    assert not errors(a_test(reached, not_reached, today="2027-03-03", known=opened), **changes)
    assert errors(a_test(reached.replace("应当", "不应"), today="2027-03-03", known=opened), **changes)


def test_rules_that_cannot_be_played_are_an_error_and_not_a_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("bot.rulefiles.run_tests.rehearse", breaks)
    (one,) = errors(GREEN)
    assert one.code == "cannot-rehearse"


# --- the past -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "today", "expected"),
    [
        ("{销号: T05-M1, 日期: 2027-11-30}", "2027-12-01", "不应发给: [{单位: 县教育局, 事项: T05-M1}]"),
        ("{静默: 县教育局, 至: 2027-12-20}", "2027-12-01", "不应发给: [县教育局]"),
        (
            "{静默: T05-M1, 日期: 2027-11-30, 至: 2027-12-20}",
            "2027-12-21",
            "应当发给: [{单位: 县教育局, 事项: T05-M1, 包含: 剩余10天}]",
        ),
        ("{延期: T05-M1, 至: 2028-01-20}", "2027-12-21", "应当发给: [{单位: 县教育局, 事项: T05-M1, 包含: 剩余30天}]"),
        ("{报送: I4, 期别: 2027, 值: 96}", "2027-12-01", "应当发给: [{单位: 管理员, 事项: I4@2027, 包含: 未达标}]"),
        ("{报送: I4, 期别: 2027, 值: 97}", "2027-12-01", "应当发给: [{单位: 县教育局, 包含: [I4@2027, 达标]}]"),
        ("{退回: T05-M1}", "2027-11-25", "应当发给: [{单位: 县教育局, 事项: T05-M1, 包含: 退回}]"),
        ("{办结: T05-M1}", "2027-12-01", "不应发给: [{单位: 县教育局, 事项: T05-M1}]"),
    ],
)
def test_the_past_counts(known: str, today: str, expected: str) -> None:
    assert not errors(a_test(expected, today=today, known=known))
    assert errors(a_test(expected, today=today)) or "退回" in known


CLOSED = "{销号: T05-M1, 日期: 2027-11-20}"


@pytest.mark.parametrize(
    ("withdrawal", "words"),
    [
        ("{撤回: 销号, 事项: T05-M1}", ""),
        ("{撤回: 办结, 事项: T05-M1}", "T05-M1最后登记的是销号，不是办结"),
        ("{撤回: 静默, 事项: 县教育局}", "县教育局没有静默可撤回"),
        ("{撤回: 登记, 事项: T05-C1, 编号: 2027-003}", "没有办件事项“T05-C1”"),
        ("{撤回: 删除, 事项: T05-M1}", "“撤回”后面写撤回什么：报送、办结、销号"),
    ],
)
def test_what_was_entered_may_be_withdrawn(withdrawal: str, words: str) -> None:
    told = "应当发给: [{单位: 县教育局, 事项: T05-M1}]"
    found = errors(a_test(told, today="2027-12-01", known=f"{CLOSED}\n      - {withdrawal}"))
    assert words in found[0].message if words else not found
    assert errors(a_test(told, today="2027-12-01", known=CLOSED))


def test_proposals_count_as_confirmed_unless_said_otherwise() -> None:
    told = "应当发给: [{单位: 县教育局, 事项: T05-M1-01}]"
    text = a_test(told, today="2027-03-01")
    assert not errors(text)
    assert errors(edited(text, "    应当", "    建议: 未确认\n    应当"))
    confirmed = a_test("建议: 未确认", told, today="2027-03-01", known="{确认: 全部, 日期: 2027-01-04}")
    assert not errors(confirmed)


# --- tests that cannot be ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code", "words", "at"),
    [
        (a_test("应当发给: [教育局]"), "unknown-unit", "请写全称“县教育局”", "教育局"),
        (a_test("不应发给: [县财正局]"), "unknown-unit", "是不是“县财政局”", "县财正局"),
        (a_test("不应发给: [县委教育工委·分管领到]"), "unknown-unit", "是不是“县委教育工委·分管领导”", "县委"),
        (a_test("不应发给: [{单位: 县财政局, 事项: T05-M2}]"), "unknown-item", "是不是“T05-M1”", "T05-M2"),
        (
            a_test("不应发给: [{单位: 县财政局, 包含: T05-R1@2027-3}]"),
            "unknown-item",
            "是不是“T05-R1@20",
            "T05-R1@2027-3",
        ),
        (a_test("应当发给: [县教育局]", today="2027-12-04"), "test-day", "星期六", "2027-12-04"),
        (a_test("应当发给: [县教育局]", today="2027-10-01"), "test-day", "不发任何消息", "2027-10-01"),
        (a_test("应当发给: [县教育局]", today="2026-11-20"), "test-day", "看看年份", "2026-11-20"),
        (a_test("应当发给: [县教育局]", today="2072-12-01"), "test-day", "看看年份", "2072-12-01"),
        (
            a_test("应当发给: [县教育局]", known="{办结: T05-M9}"),
            "known-refused",
            "没有事项“T05-M9”，是不是“T05-M1”",
            "T05-M9",
        ),
        (a_test("应当发给: [县教育局]", known="{报送: I5, 期别: 2027, 值: 1}"), "known-refused", "是不是“I4”", "I5"),
        (a_test("应当发给: [县教育局]", known="{报送: I4, 期别: 2027Q1, 值: 1}"), "known-refused", "期别", "I4"),
        (
            a_test("应当发给: [县教育局]", known="{办结: T05-M1, 日期: 2027-12-01}"),
            "known-day",
            "不早于",
            "2027-12-01}",
        ),
        (
            a_test("应当发给: [县教育局]", known="{静默: T05-M1, 至: 2027-11-30}"),
            "known-day",
            "哪天起静默",
            "2027-11-30",
        ),
        (a_test("应当发给: [县教育局]", known="{确认: T05-X1}"), "known-refused", "没有事项“T05-X1”", "T05-X1"),
        (
            a_test("应当发给: [县教育局]", known="{延期: T05-M1, 至: 2027-06-30}"),
            "known-refused",
            "不晚于原时限",
            "T05-M1",
        ),
    ],
)
def test_a_test_that_cannot_be_is_said_where_it_is_wrong(text: str, code: str, words: str, at: str) -> None:
    (one,) = errors(text)
    assert one.code == code
    assert words in f"{one.message} {one.hint}"
    assert (one.line, one.column) == place_of(text, at)


# --- at every load ---------------------------------------------------------------------------------------------------------


def test_a_red_test_keeps_a_fresh_home_from_starting(tmp_path: Path) -> None:
    write_rules(tmp_path, {"tests/试.yaml": edited(GREEN, "剩余30天", "剩余29天")})
    home = read_home(tmp_path)
    assert home.rulebook is None
    store, lock = open_store(tmp_path / "state", "story")
    with pytest.raises(RulesUnusableError, match="规则"):
        make_app(home, store, None, home.chats)  # type: ignore[arg-type]
    store.close()
    lock.release()


@pytest.fixture
def tries(monkeypatch: pytest.MonkeyPatch) -> list[Loaded]:
    """Everything whose tests are tried."""
    seen: list[Loaded] = []

    def counted(loaded: Loaded) -> Loaded:
        seen.append(loaded)
        return proven(loaded)

    monkeypatch.setattr(home, "proven", counted)
    monkeypatch.setattr(home, "_pass_elsewhere", lambda files: False)  # what a child tries nobody counts here
    return seen


def start(folder: Path) -> Home:
    """What a start makes of the rules before anything is sent."""
    home = read_home(folder, tests=False)
    store, lock = open_store(folder / "state", "real")
    try:
        home = tried(home, store)
        usable_rulebook(home, store)
        return home
    finally:
        store.close()
        lock.release()


def test_a_restart_with_rules_that_have_passed_does_not_try_them_again(tmp_path: Path, tries: list[Loaded]) -> None:
    write_rules(tmp_path, {"tests/试.yaml": GREEN})
    assert start(tmp_path).rulebook is not None
    assert len(tries) == 1
    assert start(tmp_path).rulebook is not None
    assert len(tries) == 1


def test_a_restart_tries_the_tests_of_rules_edited_meanwhile(tmp_path: Path, tries: list[Loaded]) -> None:
    write_rules(tmp_path, {"tests/试.yaml": GREEN})
    good = start(tmp_path).rulebook
    write_rules(tmp_path, {"tests/试.yaml": edited(GREEN, "剩余30天", "剩余29天")})
    assert good is not None
    assert start(tmp_path).rulebook is None
    assert len(tries) == 2
    assert start(tmp_path).rulebook is None  # a red one is tried at every start
    assert len(tries) == 3


def test_another_version_of_the_program_tries_them_anew(
    tmp_path: Path, tries: list[Loaded], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_rules(tmp_path, {"tests/试.yaml": GREEN})
    start(tmp_path)
    monkeypatch.setattr(home, "__version__", "99")
    start(tmp_path)
    assert len(tries) == 2


FIRST_START = """
import os, sys
from pathlib import Path
from bot.service import home
from tests.rulefiles.test_run_tests import start
tried, proven = Path(sys.argv[1]) / "tried", home.proven
def noted(loaded):
    with tried.open("a") as file:
        file.write(f"{os.getpid()} ")
    return proven(loaded)
home.proven = noted
try:
    print(os.getpid(), start(Path(sys.argv[1])).rulebook is not None)
except home.RulesUnusableError:
    print(os.getpid(), False)
"""


@pytest.mark.parametrize(("days", "sound"), [("29", False), ("30", True)])
def test_what_the_tests_need_of_memory_is_a_child_s_and_only_red_ones_are_tried_again(
    tmp_path: Path, days: str, sound: bool
) -> None:
    write_rules(tmp_path, {"tests/试.yaml": edited(GREEN, "剩余30天", f"剩余{days}天")})
    found = subprocess.run(
        [sys.executable, "-c", FIRST_START, str(tmp_path)], check=True, capture_output=True, text=True
    )
    own, usable = found.stdout.split()[-2:]
    child, *others = (tmp_path / "tried").read_text().split()
    assert (usable, child != own, others) == (str(sound), True, [] if sound else [own])


async def test_a_red_test_keeps_the_last_good_rules_and_the_admin_hears_once(tmp_path: Path) -> None:
    async with furnished(tmp_path, "2027-03-01T08:00") as house:
        tests = house.folder / "rules" / "tests" / "试.yaml"
        tests.parent.mkdir()
        tests.write_text(GREEN, "utf-8")
        before = house.app.rulebook
        ladders = house.folder / "rules" / "ladders.yaml"
        good = ladders.read_text("utf-8")
        ladders.write_text(edited(LADDERS, "提前30天", "提前31天"), "utf-8")
        for moment in ("2027-03-01T09:40", "2027-03-01T09:41", "2027-03-02T09:40"):
            house.clock.jump(at(moment))
            await house.app.one_pass()
        assert house.app.rulebook is before
        (rejected,) = [one.payload for one in house.store.events if isinstance(one.payload, RulesRejected)]
        assert "rules/tests/试.yaml:5" in rejected.first[0]
        assert sum("没有通过" in bubble.source for bubble in house.all_seen()) == 1
        ladders.write_text(edited(good, "提前30天", "提前30天 "), "utf-8")
        house.clock.jump(at("2027-03-02T09:50"))
        await house.app.one_pass()
        assert sum(isinstance(one.payload, RulesRejected) for one in house.store.events) == 1
