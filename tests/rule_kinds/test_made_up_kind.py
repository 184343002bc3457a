"""A rule kind is one file: what is dropped into the folder of kinds works in every command, and nothing else is touched."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import bot.rule_kinds
from bot.cli import main
from bot.rule_kinds import kinds
from bot.rulefiles.remedies import known_keys
from tests.kit.rules_factory import TASK, edited, write_rules

DROPPED_IN = str(Path(__file__).with_name("dropped_in"))
ITEM = """\
  - 编号: T05-S1
    类型: 开学前
    名称: 校舍安全检查
    提前天数: 10
    依据: 方案
待建规则:
"""


@pytest.fixture(autouse=True)
def dropped_in() -> Iterator[None]:
    """Until the test is over, the folder of kinds has one file more, as far as Python can tell."""
    bot.rule_kinds.__path__.append(DROPPED_IN)
    kinds.cache_clear()
    known_keys.cache_clear()
    yield
    bot.rule_kinds.__path__.remove(DROPPED_IN)
    sys.modules.pop("bot.rule_kinds.before_term", None)
    kinds.cache_clear()
    known_keys.cache_clear()


class House:
    """A rules folder with one item of the made-up kind, and the commands."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._folder, self._capsys = folder, capsys
        self.write(ITEM)

    def write(self, item: str) -> None:
        write_rules(self._folder, {"tasks/05.yaml": edited(TASK, "待建规则:\n", item)})

    def run(self, *arguments: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            main(["--home", str(self._folder), *arguments])
        return int(ended.value.code or 0), self._capsys.readouterr().out

    def json(self, *arguments: str) -> Any:
        code, out = self.run(*arguments)
        assert code == 0, out
        return json.loads(out)


@pytest.fixture
def house(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> House:
    return House(tmp_path, capsys)


def test_check_accepts_it_and_reads_it_back(house: House) -> None:
    code, out = house.run("check", "--read")
    assert code == 0
    assert "没有错误" in out
    assert "每年开学前10天" in out


def test_check_holds_it_to_its_own_shape(house: House) -> None:
    house.write(edited(ITEM, "提前天数: 10", "提前天数: 100"))
    code, out = house.run("check")
    assert code == 1
    assert "提前天数" in out


def test_check_says_what_the_kind_itself_finds_odd(house: House) -> None:
    house.write(edited(ITEM, "提前天数: 10", "提前天数: 50"))
    code, out = house.run("check")
    assert code == 0
    assert "那时还没有放暑假" in out


def test_a_misspelt_kind_is_offered_it(house: House) -> None:
    house.write(edited(ITEM, "类型: 开学前", "类型: 开学先"))
    code, out = house.run("check")
    assert code == 1
    assert "是不是“开学前”？" in out


def test_preview_tells_the_unit_by_the_ladder_of_the_kind(house: House) -> None:
    rows = house.json("preview", "--from", "2027-08-01", "--until", "2027-08-31", "--as-confirmed", "--json")
    told = [(row["unit"], row["state"], row["rung"]) for row in rows if row["item"] == "T05-S1@2027"]
    assert told[:2] == [("县教育局", "正常推进", "提前7天"), ("县教育局", "逾期", "逾期每7天")]


def test_preview_words_it(house: House) -> None:
    code, out = house.run("preview", "--from", "2027-08-10", "--until", "2027-08-20", "--as-confirmed", "--text")
    assert code == 0
    assert "校舍安全检查" in out
    assert "8月22日" in out


def test_explain_gives_its_reason(house: House) -> None:
    [lead] = house.json("explain", "T05-S1@2027", "--at", "2027-08-17", "--as-confirmed", "--json")
    assert (lead["unit"], lead["addressee"], lead["reason"]) == ("县教育局", "牵头单位", "ALREADY_TOLD")


def test_the_schema_of_a_task_knows_it(house: House) -> None:
    schema = house.json("schema", "task")
    [form] = [one for one in schema["$defs"].values() if "提前天数" in one.get("properties", {})]
    assert form["properties"]["类型"]["const"] == "开学前"
    assert form["properties"]["提前天数"]["description"] == "9月1日前多少天，如 10"
