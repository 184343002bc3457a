"""config/bot.yaml and DUBAN_…: defaults, the environment's precedence, and problems in Chinese with their place."""

from __future__ import annotations

from datetime import date, time
from pathlib import Path

import pytest

from bot.core.rules.item import State
from bot.core.telling.message import Paint
from bot.rulefiles.text.problems import Problem
from bot.settings import PLATFORM_HOSTS, Settings, load_settings


def load(home: Path, text: str | None = None) -> Settings:
    settings, problems = load_all(home, text)
    assert settings is not None, problems
    return settings


def load_all(home: Path, text: str | None = None) -> tuple[Settings | None, tuple[Problem, ...]]:
    if text is not None:
        (home / "config").mkdir(exist_ok=True)
        (home / "config" / "bot.yaml").write_text(text, "utf-8")
    return load_settings(home)


def test_without_a_file_everything_has_a_default(tmp_path: Path) -> None:
    settings = load(tmp_path)
    assert settings.host == "127.0.0.1"
    assert settings.allowed_hosts == PLATFORM_HOSTS
    assert settings.office_hours.on(date(2027, 3, 1)) == ((time(8, 30), time(12)), (time(14, 30), time(17, 30)))


def test_an_empty_file_is_as_good_as_none(tmp_path: Path) -> None:
    assert load(tmp_path, "# 还没有设置\n") == load(tmp_path)


def test_the_file_says_office_phone_and_paint(tmp_path: Path) -> None:
    head = load(tmp_path, "落款: 县委教育工委秘书组\n联系电话: 0936-1234567\n灯号颜色: {临期: yellow}\n").letterhead()
    assert head.contact == "联系：县委教育工委秘书组 0936-1234567"
    assert head.painted(State.APPROACHING) is Paint.YELLOW
    assert head.painted(State.OVERDUE) is Paint.RED


def test_an_empty_value_is_the_default(tmp_path: Path) -> None:
    assert load(tmp_path, "联系电话:\n端口:\n").port == 8866


def test_seasonal_hours_hold_in_their_season_only(tmp_path: Path) -> None:
    text = "季节办公时间:\n  - {起: 06-01, 止: 09-30, 时段: [8:00-12:00, 15:00-18:00]}\n"
    hours = load(tmp_path, text).office_hours
    assert hours.on(date(2027, 7, 1))[0] == (time(8), time(12))
    assert hours.on(date(2027, 10, 8))[0] == (time(8, 30), time(12))


# --- environment --------------------------------------------------------------------


def test_the_environment_beats_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUBAN_OFFICE", "来自环境")
    monkeypatch.setenv("DUBAN_PORT", "9000")
    settings = load(tmp_path, "落款: 来自文件\n端口: 8000\n联系电话: '1'\n")
    assert (settings.office, settings.port, settings.phone) == ("来自环境", 9000, "1")


def test_lists_in_the_environment_are_written_with_commas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUBAN_ALLOWED_HOSTS", "qyapi.weixin.qq.com, im.gansu.gov.cn、x.cn")
    monkeypatch.setenv("DUBAN_HOURS", "9:00-12:00,14:00-17:00")
    settings = load(tmp_path)
    assert settings.allowed_hosts == ("qyapi.weixin.qq.com", "im.gansu.gov.cn", "x.cn")
    assert settings.office_hours.on(date(2027, 3, 1))[1] == (time(14), time(17))


def test_tables_in_the_environment_are_written_as_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUBAN_PAINT", '{"临期": "yellow"}')
    monkeypatch.setenv("DUBAN_SEASONS", '[{"起": "06-01", "止": "09-30", "时段": ["8:00-12:00"]}]')
    settings = load(tmp_path)
    assert settings.paint == {"临期": "yellow"}
    assert settings.office_hours.on(date(2027, 7, 1)) == ((time(8), time(12)),)


@pytest.mark.parametrize(
    ("name", "value"),
    [("PORT", "eighty"), ("PORT", "99999"), ("HEARTBEAT", "1"), ("HOURS", "morning"), ("LOG_LEVEL", "LOUD"),
     ("PAINT", "not json"), ("SEASONS", "{")],
)  # fmt: skip
def test_a_bad_variable_is_named_and_keeps_the_bot_from_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"DUBAN_{name}", value)
    for text in (None, "端口: 8000\n灯号颜色: {}\n"):
        settings, problems = load_all(tmp_path, text)
        assert settings is None
        assert [problem.file for problem in problems] == ["环境变量"]
        assert f"DUBAN_{name}" in problems[0].message
        assert not any(word in str(problems[0]) for word in ("Input", "should", "valid", "Error"))


def test_other_variables_are_nobody_s_business(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUBAN_HOME", "/somewhere")
    monkeypatch.setenv("PORT", "1")
    monkeypatch.setenv("HOST", "0.0.0.0")
    assert (load(tmp_path).port, load(tmp_path).host) == (8866, "127.0.0.1")


# --- problems -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        ("联系电话: '1'\n端口号: 80\n", (2, 1), "不认识“端口号”"),
        ("端口: 八十\n", (1, 5), "端口"),
        ("端口: 99999\n", (1, 5), "端口"),
        ("办公时间: [8:30到12:00]\n", (1, 7), "8:30-12:00"),
        ("办公时间: [25:00-26:00]\n", (1, 7), "不是一天中的时间"),
        ("灯号颜色: {临期: purple}\n", (1, 12), "临期"),
        ("季节办公时间:\n  - {起: 6月, 止: 09-30, 时段: [8:00-12:00]}\n", (2, 9), "起"),
        ("日志级别: 大声\n", (1, 7), "日志级别"),
        ("落款：秘书组\n", (1, 3), "："),
    ],
)
def test_a_problem_in_the_file_has_its_place(tmp_path: Path, text: str, place: tuple[int, int], says: str) -> None:
    settings, problems = load_all(tmp_path, text)
    assert settings is None
    [problem] = problems
    assert (problem.file, (problem.line, problem.column)) == ("config/bot.yaml", place)
    assert says in str(problem)


def test_all_problems_are_said_at_once(tmp_path: Path) -> None:
    _, problems = load_all(tmp_path, "端口: 八十\n心跳秒数: 1\n多余: 1\n")
    assert [problem.line for problem in problems] == [1, 2, 3]


@pytest.mark.parametrize(
    "text",
    [
        "办公时间: [14:30-17:30, 8:30-12:00]\n",
        "办公时间: []\n",
        "季节办公时间:\n  - {起: 02-30, 止: 09-30, 时段: [8:00-12:00]}\n",
        "季节办公时间:\n  - {起: 06-01, 止: 13-01, 时段: [8:00-12:00]}\n",
    ],
)
def test_hours_that_contradict_themselves_are_refused_in_chinese(tmp_path: Path, text: str) -> None:
    settings, [problem] = load_all(tmp_path, text)
    assert settings is None
    assert (problem.file, problem.line > 0) == ("config/bot.yaml", True)
    assert "Value error" not in problem.message
    assert any("一" <= letter <= "鿿" for letter in problem.message)


def test_settings_cannot_be_changed_once_read(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="frozen"):
        load(tmp_path).port = 1  # type: ignore[misc]


@pytest.mark.parametrize(("said", "meant"), [("是", True), ("否", False), ("true", True), ("false", False)])
def test_a_switch_is_written_as_everywhere_in_the_file_and_in_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, meant: bool
) -> None:
    assert load(tmp_path, f"每夜备份: {said}\n").backup is meant
    monkeypatch.setenv("DUBAN_BACKUP", said)
    assert load(tmp_path, f"每夜备份: {'否' if meant else '是'}\n").backup is meant
