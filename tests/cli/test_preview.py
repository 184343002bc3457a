"""duban preview --diff as an official uses it before an edit counts; the totals; the bar that only a terminal sees."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.authoring.preview import DraftOfDay
from bot.cli import preview as foreseeing
from bot.core.telling.digest import Draft
from bot.core.time.zone import ZONE
from bot.service.home import open_store, read_home, usable_rulebook
from bot.service.wiring import make_app
from bot.sources.clock import StoryClock
from tests.kit.house import furnished
from tests.kit.rules_factory import INDICATORS, PLAN, TASK, UNITS, edited, write_rules

Run = Callable[..., tuple[int, str, str]]
SPAN = ("--from", "2027-02-01", "--until", "2027-12-31", "--as-confirmed")
LAST = "  - 编号: T05-D1"
DUTY = """\
  - 编号: T05-R2
    类型: 周期
    名称: 校园周边联合检查
    周期: 每年6月底
    依据: 管理员
"""


RED = """\
测试:
  - 名称: 提前30天
    今天是: 2027-12-01
    应当发给:
      - {单位: [县教育局, 县财政局], 事项: T05-M1, 包含: 剩余29天}
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder whose rules are in force."""
    write_rules(tmp_path)
    store, lock = open_store(tmp_path / "state", "real")
    usable_rulebook(read_home(tmp_path), store)
    store.close()
    lock.release()
    return tmp_path


def rewritten(home: Path, *edits: tuple[str, str]) -> None:
    text = TASK
    for old, new in edits:
        text = edited(text, old, new)
    write_rules(home, {"tasks/05.yaml": text})


def changes(duban: Run, *arguments: str) -> list[dict[str, Any]]:
    code, out, err = duban("preview", "--diff", *arguments, *SPAN, "--json")
    assert code == 0, err
    found: list[dict[str, Any]] = json.loads(out)
    return found


# --- where it begins ------------------------------------------------------------


def rows(duban: Run, *arguments: str) -> list[dict[str, Any]]:
    code, out, err = duban("preview", *arguments, "--until", "2027-12-31", "--as-confirmed", "--json")
    assert code == 0, err
    found: list[dict[str, Any]] = json.loads(out)
    return found


@pytest.mark.parametrize("today", ["2026-11-24", "2027-02-26T10:00"])
@pytest.mark.parametrize("shown", ["2027-03-01", "2027-07-15", "2027-12-24"])
def test_a_preview_begins_today_whatever_it_shows(duban: Run, home: Path, today: str, shown: str) -> None:
    whole = rows(duban, "--today", today)
    assert rows(duban, "--today", today, "--from", shown) == [row for row in whole if row["at"] >= shown]
    assert rows(duban, "--today", today, "--from", "2026-01-01") == whole


def test_before_the_plan_s_first_day_it_begins_there(duban: Run, home: Path) -> None:
    write_rules(home, {"plan.yaml": edited(PLAN, "起算日: 2026-11-23", "起算日: 2027-06-01")})
    found = rows(duban, "--today", "2026-12-01")
    assert found
    assert found == rows(duban, "--today", "2027-06-01")


async def test_a_month_far_ahead_shows_what_the_service_then_says(tmp_path: Path, duban: Run) -> None:
    async with furnished(tmp_path, "2026-11-24T08:00") as house:
        ahead = rows(duban, "--today", "2026-11-24T08:00", "--from", "2027-03-01")
        await house.live("2027-03-31T18:00")
        told = sorted(
            (entry.at.isoformat(timespec="minutes"), entry.chat, telling.item, telling.rung)
            for entry in house.store.entries.values()
            for telling in entry.tellings
            if entry.at.isoformat() >= "2027-03-01"
        )
    march = [row for row in ahead if row["at"] < "2027-04"]
    assert told == sorted((row["at"], row["chat"], row["item"], row["rung"]) for row in march)
    assert told


# --- --diff ---------------------------------------------------------------------


def test_equal_rules_are_said_in_one_sentence(duban: Run) -> None:
    code, out, _ = duban("preview", "--diff", *SPAN)
    assert code == 0
    assert "将要发出的提醒没有变化。" in out


def test_a_comment_and_another_name_send_nothing(duban: Run, home: Path) -> None:
    rewritten(home, ("名称: 控辍保学学期排查", "名称: 控辍保学排查  # 改名"))
    assert changes(duban) == []


def test_a_unit_under_a_new_name_sends_nothing_else(duban: Run, home: Path) -> None:
    units = edited(UNITS, "名称: 县教育局, 别名: [教育局]", "名称: 县教育和体育局, 曾用名: [县教育局]")
    others = {"tasks/05.yaml": TASK, "indicators.yaml": INDICATORS}
    renamed = {name: text.replace("县教育局", "县教育和体育局") for name, text in others.items()}
    write_rules(home, {"units.yaml": units, **renamed})
    assert changes(duban) == []


def test_an_item_under_a_new_number_sends_nothing_else(duban: Run, home: Path) -> None:
    rewritten(home, ("  - 编号: T05-R1\n", "  - 编号: T05-R9\n    曾用编号: T05-R1\n"))
    assert changes(duban) == []


def test_a_new_duty_is_shown_as_added_under_its_chat_with_totals(duban: Run, home: Path) -> None:
    rewritten(home, (LAST, DUTY + LAST))
    code, out, _ = duban("preview", "--diff", *SPAN)
    assert code == 0
    assert "县教育局：新增1项" in out
    assert "    新增 T05-R2@2027 校园周边联合检查　提前3个工作日　2027-06-25　汇总　县教育局" in out
    assert "合计1处：新增1项，涉及1个群。" in out


def test_a_moved_date_shows_both_days(duban: Run, home: Path) -> None:
    rewritten(home, ("每年3月15日、9月15日", "每年3月18日、9月15日"))
    (one,) = changes(duban)
    assert one["change"] == "改期"
    assert (one["before"]["at"][:10], one["after"]["at"][:10]) == ("2027-03-10", "2027-03-15")


def test_what_is_taken_out_is_shown_as_gone(duban: Run, home: Path) -> None:
    start = TASK.index("  - 编号: T05-R1")
    write_rules(home, {"tasks/05.yaml": TASK[:start] + TASK[TASK.index(LAST) :]})
    found = changes(duban)
    assert {one["change"] for one in found} == {"取消"}
    assert {one["before"]["item"] for one in found} == {"T05-R1@2027-1", "T05-R1@2027-2"}


def test_another_lead_is_told_in_another_chat(duban: Run, home: Path) -> None:
    rewritten(
        home, ("周期: 每年3月15日、9月15日", "周期: 每年3月15日、9月15日\n    牵头: {单位: 县财政局, 依据: 管理员}")
    )
    found = changes(duban)
    assert {one["change"] for one in found} == {"改发"}
    _, out, _ = duban("preview", "--diff", *SPAN)
    assert "县教育局→县财政局" in out
    assert len(changes(duban, "--unit", "县财政局")) == len(found)
    assert changes(duban, "--unit", "各学校") == []


def test_another_folder_may_be_compared_with(duban: Run, home: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    rewritten(other, (LAST, DUTY + LAST))
    assert [one["change"] for one in changes(duban, str(other))] == ["取消"]
    assert [one["change"] for one in changes(duban, str(other / "rules"))] == ["取消"]


def test_broken_rules_are_shown_as_check_shows_them(duban: Run, home: Path) -> None:
    rewritten(home, ("2027年底", "2027年13月"))
    code, _, err = duban("preview", "--diff")
    assert code == 1
    assert "rules/tasks/05.yaml:10:" in err


def test_a_red_rule_test_does_not_hide_what_the_edit_would_do(duban: Run, home: Path) -> None:
    write_rules(home, {"tests/t.yaml": RED})
    assert duban("check")[0] == 1
    code, out, _ = duban("preview", *SPAN)
    assert (code, "T05-M1" in out) == (0, True)


def test_a_broken_folder_to_compare_with_is_shown_too(
    duban: Run, home: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("other")
    write_rules(other, {"tasks/05.yaml": edited(TASK, "2027年底", "2027年13月")})
    code, _, err = duban("preview", "--diff", str(other))
    assert code == 1
    assert "2027年13月" in err


def test_without_rules_in_force_the_way_out_is_named(duban: Run, tmp_path_factory: pytest.TempPathFactory) -> None:
    fresh = tmp_path_factory.mktemp("fresh")
    write_rules(fresh)
    code, _, err = duban("preview", "--diff", at=fresh)
    assert code == 1
    assert "duban preview --diff 文件夹" in err


def test_a_folder_that_is_not_there_and_text_of_changes_are_wrong_use(duban: Run, home: Path) -> None:
    assert duban("preview", "--diff", str(home / "没有"))[0] == 2
    assert duban("preview", "--diff", "--text")[0] == 2


def test_what_was_told_already_is_on_neither_side(duban: Run, home: Path) -> None:
    state = read_home(home)
    store, lock = open_store(home / "state", "real")
    app = make_app(state, store, StoryClock(datetime(2027, 3, 10, 10, 5, tzinfo=ZONE)), state.chats)
    assert "T05-R1@2027-1" in {row.item for entry in app.take_in() for row in entry.tellings}
    store.close()
    lock.release()
    rewritten(home, ("每年3月15日、9月15日", "每年3月15日、10月20日"))
    assert {one["before"]["item"] for one in changes(duban)} == {"T05-R1@2027-2"}


# --- totals and the bar -----------------------------------------------------------


def test_preview_ends_with_messages_by_chat_and_tellings_by_unit(duban: Run) -> None:
    _, out, _ = duban("preview", *SPAN)
    assert "条消息：" in out.splitlines()[-2]
    assert "按单位：" in out.splitlines()[-1]
    assert "县教育局" in out.splitlines()[-1]


class Screen(io.StringIO):
    """A terminal's stderr."""

    def isatty(self) -> bool:
        return True


def ten_days() -> Iterator[DraftOfDay]:
    for day in range(1, 11):
        yield Draft("县教育局", "汇总", True, (), datetime(2027, 3, day, 8, 41, tzinfo=ZONE)), {}


def watched(stderr: io.StringIO, monkeypatch: pytest.MonkeyPatch, patience: float = -1.0) -> str:
    monkeypatch.setattr("sys.stderr", stderr)
    monkeypatch.setattr(foreseeing, "PATIENCE", patience)
    start = datetime(2027, 3, 1, tzinfo=ZONE)
    assert list(foreseeing.with_progress(ten_days(), start, start + timedelta(days=10))) == list(ten_days())
    return stderr.getvalue()


def test_a_long_wait_shows_a_bar_by_day_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = watched(Screen(), monkeypatch)
    assert "推演" in shown
    assert "100%" in shown


def test_a_pipe_never_sees_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    assert watched(io.StringIO(), monkeypatch) == ""


def test_a_short_wait_shows_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert watched(Screen(), monkeypatch, patience=3600) == ""


@pytest.mark.parametrize(
    "far", [("--from", "2099-01-01"), ("--until", "2039-01-01"), ("--diff", "--from", "2050-01-01")]
)
def test_a_day_too_far_away_is_refused_with_the_last_one_that_is_shown(duban: Run, far: tuple[str, ...]) -> None:
    code, _, err = duban("preview", *far)
    assert (code, "最多到2038-12-31" in err) == (2, True)
