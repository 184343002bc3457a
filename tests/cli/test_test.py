"""`duban test`: what is red with what is really sent, a first version of tests, and what no test would notice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kit.rules_factory import LADDERS, TASK, edited, write_rules

Run = Callable[..., tuple[int, str, str]]

GREEN = """\
# 说明：每一级一天
测试:
  - 名称: 提前30天
    今天是: 2027-12-01
    应当发给:
      - {单位: [县教育局, 县财政局], 事项: T05-M1, 包含: 剩余30天}
"""
RED = edited(GREEN, "剩余30天", "剩余29天")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    write_rules(tmp_path)
    return tmp_path


def with_tests(home: Path, text: str, name: str = "试") -> Path:
    return write_rules(home, {f"tests/{name}.yaml": text}) / "tests" / f"{name}.yaml"


def test_without_tests_it_says_how_to_get_some(duban: Run) -> None:
    code, out, _ = duban("test")
    assert code == 0
    assert "duban test --generate" in out


def test_green_tests_are_counted(duban: Run, home: Path) -> None:
    with_tests(home, GREEN)
    assert duban("test")[:2] == (0, "共1条测试，全部通过。\n")


def test_a_red_test_names_its_place_and_what_is_really_sent(duban: Run, home: Path) -> None:
    with_tests(home, RED)
    code, out, _ = duban("test")
    assert code == 1
    first, told, whom, count = out.splitlines()
    assert first.startswith("rules/tests/试.yaml:6:15 测试“提前30天”没有通过：2027年12月1日应当发给县教育局、县财政局")
    assert "当天发给县教育局的是：T05-M1（创建工作通过国家评估认定" in told
    assert "T05-M1当天发给：" in whom
    assert count == "共1条测试，1条没有通过。"


def test_only_the_files_named_are_tried(duban: Run, home: Path) -> None:
    with_tests(home, RED)
    path = with_tests(home, GREEN, "好")
    for name in ("好.yaml", "rules/tests/好.yaml", str(path)):
        assert duban("test", name)[:2] == (0, "共1条测试，全部通过。\n")
    assert duban("test", "坏.yaml")[0] == 1
    assert "没有规则测试文件“坏.yaml”" in duban("test", "坏.yaml")[2]


def test_check_shows_a_red_test_and_commands_that_act_refuse_the_rules(duban: Run, home: Path) -> None:
    with_tests(home, RED)
    code, out, _ = duban("check")
    assert code == 1
    assert "rules/tests/试.yaml:6:15 错误：测试“提前30天”没有通过" in out
    code, _, err = duban("once")
    assert code == 1
    assert "rules/tests/试.yaml:6:15" in err


def test_rules_with_errors_are_shown_before_any_test(duban: Run, home: Path) -> None:
    write_rules(home, {"tasks/05.yaml": edited(TASK, "2027年底", "2027年抵")})
    code, _, err = duban("test")
    assert code == 1
    assert "rules/tasks/05.yaml" in err


# --- writing ----------------------------------------------------------------------------------------------------------


def test_what_is_generated_is_shown_and_written_only_on_demand(duban: Run, home: Path) -> None:
    code, out, _ = duban("test", "--generate", "T05-R1")
    assert code == 0
    assert out.startswith("测试:\n  - 名称: ")
    assert not (home / "rules" / "tests").exists()


def test_into_a_new_file_and_then_behind_what_is_there(duban: Run, home: Path) -> None:
    assert "已写入" in duban("test", "--generate", "T05-M1", "--into", "阶梯.yaml")[1]
    path = home / "rules" / "tests" / "阶梯.yaml"
    first = path.read_text("utf-8")
    assert duban("test")[0] == 0
    assert duban("test", "--generate", "I4:达标", "--into", str(path))[0] == 0
    assert path.read_text("utf-8").startswith(first.rstrip("\n"))
    code, out, _ = duban("test")
    assert code == 0
    assert "全部通过" in out


def test_comments_and_indentation_of_an_admin_stay(duban: Run, home: Path) -> None:
    own = GREEN.replace("\n    ", "\n  ").replace("\n  - 名称", "\n- 名称")
    path = with_tests(home, own)
    assert duban("test")[0] == 0
    assert duban("test", "--generate", "T05-R1", "--into", "试.yaml")[0] == 0
    assert path.read_text("utf-8").startswith(own)
    assert duban("test")[0] == 0


@pytest.mark.parametrize("name", ["别处.yaml", "rules/试.yaml"])
def test_a_file_that_is_never_read_is_not_written(duban: Run, home: Path, name: str) -> None:
    code, _, err = duban("test", "--generate", "T05-M1", "--into", str(home / name))
    assert code == 2
    assert "什么都没有写入" in err
    assert not (home / name).exists()


def test_a_file_whose_end_is_not_its_tests_is_left_alone(duban: Run, home: Path) -> None:
    path = with_tests(home, GREEN + "备注: 无\n")
    before = path.read_bytes()
    assert duban("test", "--generate", "T05-M1", "--into", "试.yaml")[0] == 1
    assert path.read_bytes() == before


def test_an_unknown_item_is_answered_with_a_near_one(duban: Run) -> None:
    code, _, err = duban("test", "--generate", "T05-M2")
    assert code == 1
    assert "是不是“T05-M1”" in err


def test_an_item_that_tells_nobody_anything_cannot_be_tested(duban: Run) -> None:
    code, _, err = duban("test", "--generate", "T05-D1")
    assert code == 1
    assert "写不出测试" in err


@pytest.mark.parametrize("arguments", [("--into", "a.yaml"), ("--generate", "T05-M1", "--thorough", "T05-M1")])
def test_options_that_do_not_go_together_are_wrong_use(duban: Run, arguments: tuple[str, ...]) -> None:
    assert duban("test", *arguments)[0] == 2


# --- thorough ---------------------------------------------------------------------------------------------------------


def test_thorough_lists_what_no_test_would_notice(duban: Run, home: Path) -> None:
    with_tests(home, GREEN)
    code, out, _ = duban("test", "--thorough", "T05-M1")
    assert code == 1
    assert "T05-M1 没有测试会发现：督办阶梯第2级：逾期1个工作日→" in out
    assert "第1级：提前30天→" not in out


def test_thorough_is_content_with_what_is_generated(duban: Run) -> None:
    duban("test", "--generate", "T05-M1", "--into", "阶梯.yaml")
    duban("test", "--generate", "T05-R1", "--into", "阶梯.yaml")
    code, out, _ = duban("test", "--thorough", "T05-M1", "--thorough", "T05-R1")
    assert code == 0
    assert "T05-M1、T05-R1的每处改动都有测试会发现" in out


def test_an_edit_of_the_ladder_is_caught_by_what_was_generated(duban: Run, home: Path) -> None:
    duban("test", "--generate", "T05-M1", "--into", "阶梯.yaml")
    write_rules(home, {"ladders.yaml": edited(LADDERS, "逾期1个工作日", "逾期3个工作日")})
    assert duban("test")[0] == 1
