"""Whatever stands in a rule file, the answer is rules that can be judged by, or problems with their places."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.deciding.desk import Used
from bot.core.deciding.look import Scene, look
from bot.core.deciding.memory import Tellings
from bot.core.facts.facts import Facts
from bot.core.time.windows import OfficeHours
from bot.rulefiles.loader import SINGLE, Loaded, assemble
from tests.corpus.mutations import RULES
from tests.fuzz.amounts import much, tried
from tests.fuzz.slips import Slip, slips, spoilt
from tests.kit.builders import everybody
from tests.kit.house import at
from tests.kit.rules_factory import INDICATORS, TASK, edited, place_of, rule_files

#: Small files that would grow, nest or repeat without end, were they believed.
HOSTILE = {
    "references to references": "a: &a [x, x, x, x, x, x, x, x, x]\n"
    + "".join(f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in pairwise("abcdefghijklm")),
    "brackets": f"a: {'[' * 200_000}",
    "braces": "{a: " * 50_000,
    "indents": "".join(f"{' ' * depth}a:\n" for depth in range(1500)),
    "dashes": "- " * 100_000,
    "a long line": f"{TASK}说明: {'长' * 150_000}\n",
    "a long key": f"{'长' * 150_000}: 1\n",
    "a long number": TASK.replace("2027年底", "9" * 400_000),
    "one key many times": "键: 1\n" * 10_000,
    "many wrong items": TASK.replace("事项:\n", "事项:\n  - {编号: T05-M9, 类型: 节店, 名程: 甲}\n" * 1000),
    "many unknown units": TASK.replace("县财政局]", ", ".join(f"县某{number}局" for number in range(1000)) + "]"),
    "commas": TASK.replace("县财政局]", "，、；" * 40_000 + "]"),
    "colons": "：" * 100_000,
    "blanks": f"a:{' ' * 400_000}b\n",
}
ENDS = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
ALONE = ("calendars/", *SINGLE)


def around(name: str) -> dict[str, bytes]:
    """The shipped rules with no task but this one, if it is one."""
    return {file: raw for file, raw in RULES.items() if file.startswith(ALONE) or file == name}


def assert_rules_or_places(files: Mapping[str, bytes]) -> Loaded:
    loaded = assemble(files)
    assert (loaded.rulebook is None) == any(problem.is_error for problem in loaded.problems)
    lines = {f"rules/{file}": len(ENDS.split(raw.decode("utf-8", "replace"))) for file, raw in files.items()}
    for problem in loaded.problems:
        assert 1 <= problem.line <= lines.get(problem.file, 0) + 1
        assert problem.column >= 1
        assert problem.message
        assert len(str(problem)) < 1000
    if loaded.rulebook is not None:
        scene = Scene(
            loaded.rulebook, replace(Facts(), all_confirmed=True), Tellings(), everybody(loaded.rulebook), OfficeHours(),
            lambda chat, day: Used(),
        )  # fmt: skip
        look(scene, at("2027-12-01T09:26"))
    return loaded


@given(name=st.sampled_from(sorted(RULES)), ways=st.lists(slips, min_size=1, max_size=4))
@much(120)
def test_a_spoilt_file_of_the_county_is_rules_or_problems_with_places(name: str, ways: list[Slip]) -> None:
    tried()
    assert_rules_or_places({**around(name), name: spoilt(RULES[name], ways)})


@given(name=st.sampled_from(sorted(rule_files())), ways=st.lists(slips, min_size=1, max_size=8))
@much(200)
def test_a_spoilt_file_of_a_small_plan_is_rules_or_problems_with_places(name: str, ways: list[Slip]) -> None:
    tried()
    assert_rules_or_places({**rule_files(), name: spoilt(rule_files()[name], ways)})


@given(
    name=st.sampled_from(sorted(rule_files())),
    raw=st.binary(max_size=300) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")),
)
@much(200)
def test_anything_in_place_of_a_file_is_rules_or_problems_with_places(name: str, raw: bytes) -> None:
    tried()
    assert_rules_or_places({**rule_files(), name: raw})


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_in_short_sentences(name: str) -> None:
    loaded = assert_rules_or_places({**rule_files(), "tasks/05.yaml": HOSTILE[name].encode()})
    assert loaded.rulebook is None


def test_a_value_of_a_whole_page_is_quoted_with_its_beginning_and_the_sentence_keeps_its_end() -> None:
    page = "长" * 1900
    loaded = assemble({**rule_files(), "tasks/05.yaml": edited(TASK, "每年3月15日、9月15日", page).encode()})
    [problem] = [one for one in loaded.problems if one.is_error]
    assert problem.message.startswith("周期看不懂“长")
    assert "……" in problem.message
    assert len(problem.message) <= 400


@pytest.mark.parametrize("number", ["9" * 400, "1e999999", "1e-999999", "-1e15", "0.0000000001", "NaN", "inf"])
def test_a_number_nobody_could_reckon_with_is_a_problem_at_its_place(number: str) -> None:
    wrong = edited(INDICATORS, "值: 97,", f"值: {number},")
    [problem] = [
        one
        for one in assert_rules_or_places({**rule_files(), "indicators.yaml": wrong.encode()}).problems
        if one.is_error
    ]
    assert (problem.line, problem.column) == place_of(wrong, f"{number}, 措辞")


@pytest.mark.parametrize(
    "change", ["{年均增长: " + "9" * 400 + "%}", "{比基期: 增长" + "9" * 400 + "%}", "{年均增长: 99999999%}"]
)
def test_a_change_beyond_all_sense_is_rules_or_problems_too(change: str) -> None:
    wrong = edited(INDICATORS, "值: 97.5", change.strip("{}"))
    wrong = edited(wrong, "基期: # 待填", "基期: {年份: 2025, 值: 90}")
    assert_rules_or_places({**rule_files(), "indicators.yaml": wrong.encode()})
