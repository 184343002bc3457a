"""`duban case` as the office uses it: in order, in Chinese, and with nothing said of anybody."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from zipfile import ZipFile

import pytest

from bot.core.facts.events import CaseOpened
from bot.service.home import open_store, peek_store
from bot.sources.clock import wall
from tests.kit.builders import LADDERS, a_ban, a_case_rule
from tests.kit.rules_factory import TASK, edited, write_rules

Run = Callable[..., tuple[int, str, str]]
NOTE = "某某学校张三"
TODAY = wall().date()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    task = edited(TASK, "事项:\n", f"事项:\n{a_case_rule()}{a_ban()}")
    write_rules(tmp_path, {"tasks/05.yaml": task, "ladders.yaml": LADDERS})
    return tmp_path


def an_open_case(duban: Run, *more: str) -> None:
    code, _, err = duban("case", "open", "T05-C1", "2027-003", "--note", NOTE, *more)
    assert code == 0, err


def test_a_case_is_opened_advanced_paused_resumed_and_closed(duban: Run, home: Path) -> None:
    began = str(TODAY - timedelta(days=7))
    code, out, _ = duban("case", "open", "T05-C1", "2027-003", "--on", began, "--category", "媒体反映")
    assert code == 0
    assert out.startswith("已登记。T05-C1@2027-003 现在是第1步，时限")
    assert duban("case", "step", "T05-C1", "2027-003", "--on", began)[1].startswith(
        "本步已办完。T05-C1@2027-003 现在是第2步"
    )
    assert "停在第2步" in duban("case", "pause", "T05-C1", "2027-003", "--reason", "协查", "--on", began)[1]
    code, _, err = duban("case", "step", "T05-C1", "2027-003")
    assert (code, "请先恢复计时" in err) == (1, True)
    assert duban("case", "resume", "T05-C1", "2027-003")[1].startswith("已恢复计时。T05-C1@2027-003 现在是第2步")
    assert "已全部办结" in duban("case", "close", "T05-C1", "2027-003", "--by", "秘书组")[1]
    assert duban("case", "list")[1] == "没有办件。\n"
    assert "T05-C1@2027-003　第2步" in duban("case", "list", "--all")[1]


def test_a_refused_event_is_not_written(duban: Run, home: Path) -> None:
    an_open_case(duban)
    for arguments, words in (
        (("open", "T05-C1", "2027-003"), "已经登记过"),
        (("open", "T05-C1", "张三"), "只用数字、大写字母和连字符"),
        (("open", "T05-R1", "2027-004"), "不是办件或禁止事项"),
        (("open", "T05-C1", "2027-004", "--category", "媒体反应"), "可用：群众来信、媒体反映"),
        (("open", "T05-C1", "2027-004", "--on", str(TODAY + timedelta(days=1))), "还没有到"),
        (("open", "T05-C1", "2027-004", "--on", "昨天"), "不是一个日期"),
        (("step", "T05-C1", "2027-009"), "没有T05-C1的件“2027-009”"),
        (("resume", "T05-C1", "2027-003"), "没有暂停计时"),
        (("close", "T05-C1", "2027-009", "--by", "秘书组"), "没有办件"),
    ):
        code, _, err = duban("case", *arguments)
        assert code in (1, 2)
        assert words in err
        assert "什么都没有写入" in err
    events = [event.payload for event in peek_store(home / "state").events]
    assert [type(payload) for payload in events] == [CaseOpened]


def test_the_list_names_state_and_date_and_counts_what_it_shows(duban: Run) -> None:
    an_open_case(duban)
    out = duban("case", "list")[1]
    assert "T05-C1@2027-003　第1步　时限" in out
    assert "共1件：在办（未到期）1件。" in out
    rows = json.loads(duban("case", "list", "T05-C1", "--json")[1])
    assert [(row["编号"], row["步"]) for row in rows] == [("T05-C1@2027-003", 1)]
    code, _, err = duban("case", "list", "T05-R1")
    assert (code, "没有办件事项“T05-R1”" in err) == (1, True)


def test_a_lead_under_a_ban_is_a_case_of_one_step(duban: Run) -> None:
    assert "现在是第1步" in duban("case", "open", "T05-B1", "2027-001")[1]
    assert "已全部办结" in duban("case", "step", "T05-B1", "2027-001")[1]


def test_the_other_commands_know_the_items_of_a_case(duban: Run) -> None:
    an_open_case(duban)
    item = "T05-C1@2027-003#监测"
    assert duban("done", item)[0] == 0
    assert duban("return", item, "--reason", "缺材料")[0] == 0
    assert duban("close", item, "--by", "秘书组")[0] == 0
    assert "T05-C1@2027-003　第2步" in duban("case", "list")[1]
    code, _, err = duban("close", "T05-C1@2027-003", "--by", "秘书组")
    assert (code, "如 T05-C1@2027-003#核查；整件销号用 duban case close" in err) == (1, True)


def test_while_a_bot_runs_a_case_goes_through_the_inbox(duban: Run, home: Path) -> None:
    store, lock = open_store(home / "state", "real")
    try:
        assert "已交给运行中的督办" in duban("case", "open", "T05-C1", "2027-003")[1]
        assert len(list((home / "state" / "inbox").glob("*.json"))) == 1
    finally:
        store.close()
        lock.release()


def test_explain_of_a_rule_without_a_case_says_that_there_is_nothing_yet(duban: Run) -> None:
    code, _, err = duban("explain", "T05-C1")
    assert (code, "还没有进入督办" in err) == (1, True)
    an_open_case(duban)
    assert "T05-C1@2027-003#监测 督办事项" in duban("explain", "T05-C1")[1]


def test_reading_back_says_every_step_and_its_limits(duban: Run) -> None:
    out = duban("check", "--read")[1]
    assert "第2步核查10个工作日（媒体反映5个工作日）" in out
    assert "每年4月1日至9月30日，季前提示一次；线索登记后10个工作日内处理" in out


def test_nothing_that_is_printed_holds_the_note_of_a_case(duban: Run, home: Path) -> None:
    an_open_case(duban, "--on", str(TODAY - timedelta(days=30)))
    duban("case", "pause", "T05-C1", "2027-003", "--reason", NOTE)
    duban("case", "resume", "T05-C1", "2027-003")
    item = "T05-C1@2027-003#监测"
    commands = (
        ("case", "list", "--all"), ("case", "list", "--json"), ("preview", "--text"), ("preview", "--json"),
        ("explain", item), ("explain", item, "--json"), ("outbox", "--json"), ("check", "--read"), ("confirm",),
        ("extend", item, "2035-01-01", "--reason", "会商", "--by", "秘书组"),
        ("ledger", "export", str(home / "台账.xlsx")),
    )  # fmt: skip
    for command in commands:
        code, out, err = duban(*command)
        assert code == 0, (command, err)
        assert "张三" not in out + err, command
        assert item in out or command[0] != "explain"
    with ZipFile(home / "台账.xlsx") as exported:
        assert not any(NOTE in exported.read(name).decode("utf-8", "ignore") for name in exported.namelist())


def test_a_step_is_finished_by_its_name_or_its_place_and_only_where_the_case_is(duban: Run) -> None:
    an_open_case(duban)
    for other in ("核查", "2", "调查"):
        code, _, err = duban("case", "step", "T05-C1", "2027-003", other)
        assert (code, "现在是第1步，不是" in err) == (1, True)
    assert "现在是第2步" in duban("case", "step", "T05-C1", "2027-003", "监测")[1]
    assert "现在是第3步" in duban("case", "step", "T05-C1", "2027-003", "2")[1]


def test_closing_one_case_leaves_the_steps_of_another_alone(duban: Run) -> None:
    an_open_case(duban)
    assert duban("case", "open", "T05-C1", "2027-003-1")[0] == 0
    assert "T05-C1@2027-003-1 已全部办结" in duban("case", "close", "T05-C1", "2027-003-1", "--by", "秘书组")[1]
    assert [row["编号"] for row in json.loads(duban("case", "list", "--json")[1])] == ["T05-C1@2027-003"]
    assert "T05-C1@2027-003　第1步" in duban("case", "list")[1]


def test_the_older_id_of_a_step_is_still_understood(duban: Run) -> None:
    an_open_case(duban)
    assert duban("done", "T05-C1@2027-003-1")[0] == 0
    assert "T05-C1@2027-003#监测 督办事项" in duban("explain", "T05-C1@2027-003-1")[1]


def test_an_open_case_outlives_its_rule_and_check_and_list_name_it(duban: Run, home: Path) -> None:
    an_open_case(duban)
    path = home / "rules" / "tasks" / "05.yaml"
    path.write_text(path.read_text("utf-8").replace(a_case_rule(), ""), "utf-8")
    words = "T05-C1@2027-003 尚未办结，规则里已没有T05-C1这一办件，不再提醒"
    assert f"提示：{words}" in duban("check")[1]
    assert "misfit-case" in duban("check", "--json")[1]
    for more in ((), ("T05-C1",)):
        assert words in duban("case", "list", *more)[1]
    assert "已全部办结" in duban("case", "close", "T05-C1", "2027-003", "--by", "秘书组")[1]
    assert duban("case", "list")[1] == "没有办件。\n"
    assert "尚未办结" not in duban("check")[1]


def test_a_whole_case_is_explained_silenced_and_elsewhere_asks_for_its_step(duban: Run, home: Path) -> None:
    an_open_case(duban, "--on", str(TODAY - timedelta(days=7)))
    assert duban("case", "step", "T05-C1", "2027-003", "第1步")[0] == 0
    code, out, _ = duban("explain", "T05-C1@2027-003", "--at", str(TODAY))
    assert (code, "#监测 " in out, "#核查 " in out) == (0, True, True), out
    for command in (
        ("done",),
        ("return", "--reason", "缺材料"),
        ("extend", "2099-01-01", "--reason", "协查", "--by", "秘书组"),
    ):
        code, _, err = duban(command[0], "T05-C1@2027-003", *command[1:])
        assert (code, "是一整件，请写明是哪一步，如 T05-C1@2027-003#核查" in err) == (1, True), err
    assert duban("silence", "T05-C1@2027-003", "--until", "2099-01-01", "--reason", "协查")[0] == 0
    assert "静默" in duban("explain", "T05-C1@2027-003#核查", "--at", str(TODAY + timedelta(days=60)))[1]


@pytest.mark.parametrize("command", [("done",), ("explain",), ("close", "--by", "秘书组")])
def test_a_step_that_a_case_has_not_come_to_is_named_as_such(duban: Run, home: Path, command: tuple[str, ...]) -> None:
    an_open_case(duban)
    for step in ("2027-003#核查", "2027-003-2"):
        code, _, err = duban(command[0], f"T05-C1@{step}", *command[1:])
        assert (code, "T05-C1@2027-003现在是第1步，没有走到第2步" in err) == (1, True), err


def test_a_step_is_known_by_the_name_it_has_today(duban: Run, home: Path) -> None:
    an_open_case(duban)
    file = home / "rules" / "tasks" / "05.yaml"
    file.write_text(file.read_text("utf-8").replace("名称: 监测,", "名称: 察看, 曾用名: [监测],"), "utf-8")
    assert "T05-C1@2027-003#监测" in duban("done", "T05-C1@2027-003#察看")[1]


def test_open_cases_of_a_removed_rule_are_listed_and_counted(duban: Run, home: Path) -> None:
    an_open_case(duban)
    write_rules(home, {"ladders.yaml": LADDERS})
    assert duban("case", "list")[1].endswith("共1件：规则已删1件。\n")
    assert [row["状态"] for row in json.loads(duban("case", "list", "--json")[1])] == ["规则已删"]
    assert duban("case", "list", "T05-C1")[1].endswith("共1件：规则已删1件。\n")


@pytest.mark.parametrize(
    "wrong",
    [
        "不应发给: [{单位: 县教育局, 事项: T05-C1@2027-003}]",
        "应当发给: [{单位: 领导小组, 包含: 从未说过}]",
        "应当发: 县教育局",
    ],
)
def test_what_is_wrong_in_a_rule_test_stops_nobody_from_registering(duban: Run, home: Path, wrong: str) -> None:
    (home / "rules" / "tests").mkdir()
    (home / "rules" / "tests" / "试.yaml").write_text(
        f"测试:\n  - 名称: 试\n    今天是: 2027-12-01\n    {wrong}\n", "utf-8"
    )
    an_open_case(duban)
    assert duban("case", "list")[0] == 0
    assert duban("done", "T05-M1")[0] == 0
    assert duban("check")[0] == 1
