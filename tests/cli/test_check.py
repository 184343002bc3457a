"""`duban check` with its ways to mend and to read back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.cli import main
from bot.cli.check import readings
from bot.rulefiles.loader import assemble
from tests.corpus.mutations import RULES
from tests.kit.rules_factory import TASK, edited, write_rules

Run = Callable[..., tuple[int, str, str]]
SLIP = edited(TASK, "编号: T05\n", "编号：T05\n")


@pytest.fixture
def duban(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    write_rules(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["--home", str(tmp_path), "check", *arguments])
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out, captured.err

    return run


def test_fix_mends_says_so_and_ends_as_a_check_of_the_mended_files(duban: Run, tmp_path: Path) -> None:
    folder = write_rules(tmp_path, {"tasks/05.yaml": SLIP})
    assert duban()[0] == 1
    code, out, _ = duban("--fix")
    assert code == 0
    assert "rules/tasks/05.yaml:2 已改：编号：T05 → 编号: T05" in out
    assert "没有错误" in out
    assert (folder / "tasks" / "05.yaml").read_text("utf-8") == TASK


def test_fix_a_second_time_changes_nothing(duban: Run, tmp_path: Path) -> None:
    write_rules(tmp_path, {"tasks/05.yaml": SLIP})
    duban("--fix")
    code, out, _ = duban("--fix")
    assert code == 0
    assert "没有能自动改的地方" in out


def test_fix_reports_what_it_leaves(duban: Run, tmp_path: Path) -> None:
    write_rules(tmp_path, {"tasks/05.yaml": edited(SLIP, "2027年底", "2027年13月")})
    code, out, _ = duban("--fix")
    assert code == 1
    assert "rules/tasks/05.yaml:10:11 错误" in out


def test_fix_in_json_keeps_its_words_out_of_the_json(duban: Run, tmp_path: Path) -> None:
    write_rules(tmp_path, {"tasks/05.yaml": SLIP})
    code, out, err = duban("--fix", "--json")
    assert (code, json.loads(out)) == (0, [])
    assert "已改1处" in err


def test_check_alone_changes_no_file(duban: Run, tmp_path: Path) -> None:
    folder = write_rules(tmp_path, {"tasks/05.yaml": SLIP})
    duban()
    assert (folder / "tasks" / "05.yaml").read_text("utf-8") == SLIP


def test_read_says_of_every_rule_when_and_to_whom_it_speaks(duban: Run) -> None:
    code, out, _ = duban("--read")
    assert code == 0
    lines = {line.split()[0]: line for line in out.splitlines() if "读作" in line}
    assert list(lines) == ["T05-M1", "T05-R1", "T05-D1", "I4:达标", "I4:报送"]
    assert lines["T05-R1"] == (
        "T05-R1 控辍保学学期排查 读作：每年3月15日、9月15日，首期2027年3月15日；"
        "提前3个工作日汇总告知牵头单位；牵头单位是县教育局。"
    )
    assert lines["T05-M1"] == (
        "T05-M1 创建工作通过国家评估认定 读作：2027年底（2028年3月31日前公布结果），即2027年12月31日；"
        "步骤T05-M1-01县级自评：2027年3月31日（建议）；"
        "提前30天汇总告知牵头单位、配合单位；逾期1个工作日单发告知牵头单位；逾期20个工作日起列入月度清单报领导小组；"
        "牵头单位是县教育局；配合单位是县委教育工委、县财政局。"
    )
    assert "不提醒责任单位" in lines["T05-D1"]
    assert "2027年达到97%，2035年97.5%以上；数据报来当天汇总告知牵头单位、管理员" in lines["I4:达标"]
    assert "首期2027年3月31日；提前15天汇总告知数据来源" in lines["I4:报送"]
    assert "依据是建议，确认之前不提醒" in lines["I4:报送"]


def test_read_leaves_out_addressees_that_a_rule_does_not_have(duban: Run, tmp_path: Path) -> None:
    write_rules(
        tmp_path, {"tasks/05.yaml": edited(TASK, "周期: 每年3月15日、9月15日", "周期: 每年底\n    督办阶梯: 重大节点")}
    )
    line = next(line for line in duban("--read")[1].splitlines() if line.startswith("T05-R1"))
    assert "提前30天汇总告知牵头单位；" in line
    assert "配合单位" not in line


def test_read_and_json_do_not_go_together(duban: Run) -> None:
    code, _, err = duban("--read", "--json")
    assert code == 2
    assert "--json" in err


def test_every_shipped_rule_can_be_read_back() -> None:
    rulebook = assemble(RULES).rulebook
    assert rulebook is not None
    lines = list(readings(rulebook))
    assert len(lines) == len(rulebook.rules)
    assert all("；" in line and line.endswith("。") and "；；" not in line and "None" not in line for line in lines)
