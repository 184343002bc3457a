"""duban calendar as an admin uses it: a pasted notice counts at once, a doubtful one changes nothing."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from loguru import logger

from bot.rulefiles import calendar_files as calendar_file
from bot.rulefiles.calendar_files import CalendarFileError
from bot.rulefiles.loader import load
from tests.kit.house import at, furnished
from tests.kit.rules_factory import LADDERS, TASK, edited, write_rules

Run = Callable[..., tuple[int, str, str]]

ROOT = Path(__file__).parents[2]
MADE_UP = ROOT / "tests" / "data" / "made_up_notice_2027.txt"
SHIPPED = (ROOT / "rules" / "calendars" / "2027.yaml").read_text("utf-8")
STATUTORY = (ROOT / "rules" / "calendars" / "法定节日.yaml").read_text("utf-8")

#: Seven days before lies on 12 February: quiet while 2027 is provisional, an ordinary Friday by the made-up notice.
FEBRUARY = edited(
    edited(edited(TASK, "2027年底", "2027-02-19"), "    结果公布: 2028-03-31\n", ""), "重大节点", "一般节点"
)
STEP = "      - {编号: T05-M1-01, 名称: 县级自评, 完成时限: 2027-03-31, 依据: 建议}\n"
CHANGES = {
    "calendars/2027.yaml": SHIPPED,
    "calendars/法定节日.yaml": STATUTORY,
    "tasks/05.yaml": edited(FEBRUARY, f"    步骤:\n{STEP}", ""),
    "ladders.yaml": LADDERS,
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    write_rules(tmp_path, CHANGES)
    return tmp_path


class Terminal(io.TextIOWrapper):
    """Standard input at which somebody sits."""

    def isatty(self) -> bool:
        return True


def typed(monkeypatch: pytest.MonkeyPatch, text: str, *, terminal: bool = False) -> None:
    kind = Terminal if terminal else io.TextIOWrapper
    monkeypatch.setattr("sys.stdin", kind(io.BytesIO(text.encode()), encoding="utf-8"))


def year_file(home: Path, name: str = "2027") -> Path:
    return home / "rules" / "calendars" / f"{name}.yaml"


def contents(home: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (home / "rules" / "calendars").iterdir()}


def preview(duban: Run, since: str, until: str) -> list[dict[str, Any]]:
    code, out, _ = duban("preview", "--from", since, "--until", until, "--as-confirmed", "--json")
    assert code == 0
    found: list[dict[str, Any]] = json.loads(out)
    return found


# --- add: what is sound counts ---------------------------------------------------


def test_added_notice_replaces_the_provisional_status_and_keeps_terms_and_comments(duban: Run, home: Path) -> None:
    kept = f"# 县教育局办公室维护\n{SHIPPED}# 校历问县教育局\n"
    year_file(home).write_text(kept, "utf-8")
    assert duban("calendar", "add", str(MADE_UP), "--yes")[0] == 0
    lines = year_file(home).read_text("utf-8").splitlines()
    start = SHIPPED.index("学期:")
    assert lines[:3] == ["# 县教育局办公室维护", "年份: 2027", "状态: 已公布"]
    assert lines[-4:] == [*SHIPPED[start:].splitlines(), "# 校历问县教育局"]
    assert "  - {名称: 春节, 起: 2027-02-05, 止: 2027-02-11}" in lines
    assert "上班: [2027-01-31, 2027-02-20, 2027-04-25, 2027-05-08, 2027-09-26, 2027-10-09]" in lines
    assert not any("尚未发布" in line for line in lines)


def test_added_year_reads_as_announced_through_the_real_loader(duban: Run, home: Path) -> None:
    before = load(home / "rules").rulebook
    assert duban("calendar", "add", str(MADE_UP), "--yes")[0] == 0
    after = load(home / "rules").rulebook
    assert before
    assert after
    assert (before.calendar.years_announced, after.calendar.years_announced) == (frozenset(), frozenset({2027}))


def test_reminder_near_the_spring_festival_moves_and_is_no_longer_provisional(duban: Run) -> None:
    def reminder() -> list[tuple[str, bool]]:
        rows = preview(duban, "2027-01-25", "2027-02-18")
        return [(row["at"][:10], row["provisional"]) for row in rows if row["item"] == "T05-M1"]

    assert reminder() == [("2027-02-04", True)]
    _, out, _ = duban("calendar", "add", str(MADE_UP), "--yes")
    assert "T05-M1 提前7天：2027-02-04 → 2027-02-12" in out
    assert "0个事项的时限、1次到期前提醒的日期改变" in out
    assert reminder() == [("2027-02-12", False)]


def test_admin_is_no_longer_asked_for_the_notice(duban: Run) -> None:
    def asked() -> bool:
        return any(row["item"] == "系统:日历@2027" for row in preview(duban, "2026-12-01", "2026-12-31"))

    assert asked()
    duban("calendar", "add", str(MADE_UP), "--yes")
    assert not asked()


def test_table_marks_days_off_and_makeup_days_before_it_asks(duban: Run) -> None:
    _, out, _ = duban("calendar", "add", str(MADE_UP), "--yes")
    assert "18处星期、7处天数都对得上" in out
    assert "25   26   27   28   29   30   31班" in out  # January
    assert " 8休  9休 10休 11休 12   13   14" in out  # February
    assert "合计放假27天，调休上班6天" in out
    assert "运行中的督办会自己读取" in out


def test_year_without_a_file_gets_one_in_the_shipped_style(duban: Run, home: Path) -> None:
    year_file(home).unlink()
    assert duban("calendar", "add", str(MADE_UP), "--yes")[0] == 0
    lines = year_file(home).read_text("utf-8").splitlines()
    shipped = (ROOT / "rules" / "calendars" / "2026.yaml").read_text("utf-8").splitlines()
    assert [line.partition(":")[0] for line in lines] == [line.partition(":")[0] for line in shipped[:13]]


def test_file_of_the_year_under_another_name_is_the_one_edited(duban: Run, home: Path) -> None:
    year_file(home).rename(year_file(home, "国家2027"))
    assert duban("calendar", "add", str(MADE_UP), "--yes")[0] == 0
    assert "状态: 已公布" in year_file(home, "国家2027").read_text("utf-8")
    assert not year_file(home).exists()


def test_adding_the_same_notice_again_changes_nothing(duban: Run, home: Path) -> None:
    duban("calendar", "add", str(MADE_UP), "--yes")
    before = contents(home)
    code, out, _ = duban("calendar", "add", str(MADE_UP))
    assert (code, "没有变化" in out) == (0, True)
    assert contents(home) == before


def test_revised_notice_replaces_the_one_before(duban: Run, home: Path, tmp_path: Path) -> None:
    duban("calendar", "add", str(MADE_UP), "--yes")
    text = edited(MADE_UP.read_text("utf-8"), "（周四）放假调休，共7天。1月31日", "（周四）放假调休，共7天。1月30日")
    (tmp_path / "revised.txt").write_text(edited(text, "1月30日（周日）", "1月30日（周六）"), "gb18030")
    assert duban("calendar", "add", str(tmp_path / "revised.txt"), "--yes")[0] == 0
    text = year_file(home).read_text("utf-8")
    assert "上班: [2027-01-30, 2027-02-20," in text
    assert (text.count("放假:"), text.count("学期:")) == (1, 1)


def test_windows_line_ends_are_kept(duban: Run, home: Path) -> None:
    year_file(home).write_bytes(SHIPPED.replace("\n", "\r\n").encode())
    assert duban("calendar", "add", str(MADE_UP), "--yes")[0] == 0
    raw = year_file(home).read_bytes()
    assert raw.count(b"\n") == raw.count(b"\r\n") > 10


async def test_running_bot_picks_the_notice_up_at_its_next_pass(tmp_path: Path, duban: Run) -> None:
    logger.remove()
    async with furnished(tmp_path, "2026-12-01T08:00") as house:
        await house.app.one_pass()
        assert house.app.rulebook.calendar.years_announced == frozenset()
        assert duban("calendar", "add", str(MADE_UP), "--yes")[0] == 0
        house.clock.jump(at("2026-12-01T08:01"))
        await house.app.one_pass()
        assert house.app.rulebook.calendar.years_announced == {2027}


# --- add: asking --------------------------------------------------------------------


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 1), ("\n", 1)])
def test_file_is_written_only_after_yes(
    duban: Run, home: Path, monkeypatch: pytest.MonkeyPatch, answer: str, code: int
) -> None:
    before = contents(home)
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda prompt="": answer.strip())
    ended, out, _ = duban("calendar", "add", str(MADE_UP))
    assert ended == code
    assert (contents(home) == before) is bool(code)
    assert ("什么都没有写入" in out) is bool(code)


def test_piped_notice_needs_yes_beforehand(duban: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = contents(home)
    typed(monkeypatch, MADE_UP.read_text("utf-8"))
    code, out, err = duban("calendar", "add")
    assert (code, "--yes" in err, "2027年1月" in out) == (2, True, True)
    assert contents(home) == before
    typed(monkeypatch, MADE_UP.read_text("utf-8"))
    assert duban("calendar", "add", "-", "--yes")[0] == 0
    assert contents(home) != before


def test_paste_at_a_terminal_says_how_to_end_it(duban: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch, MADE_UP.read_text("utf-8"), terminal=True)
    code, _, err = duban("calendar", "add", "--yes")
    assert (code, "Ctrl-D" in err) == (0, True)


# --- add: what is doubtful changes nothing -------------------------------------------


def test_damaged_paste_is_refused_with_every_problem_and_nothing_is_written(
    duban: Run, home: Path, tmp_path: Path
) -> None:
    before = contents(home)
    text = edited(MADE_UP.read_text("utf-8"), "（周五）至3日（周日）", "（周五至3日（周六）")
    (tmp_path / "bad.txt").write_text(edited(text, "共7天。9月26日", "共8天。9月26日"), "utf-8")
    code, out, err = duban("calendar", "add", str(tmp_path / "bad.txt"), "--yes")
    assert (code, out) == (1, "")
    for said in ("3处对不上", "括号不配对", "“3日（周六）”的星期不对", "日期算起来是7天", "什么都没有写入"):
        assert said in err
    assert contents(home) == before


def test_notice_of_another_year_is_refused(duban: Run, home: Path) -> None:
    before = contents(home)
    code, _, err = duban("calendar", "add", "--year", "2028", str(MADE_UP), "--yes")
    assert (code, "年份不符" in err) == (1, True)
    assert contents(home) == before


def test_notice_must_hold_the_days_of_the_statutory_table(duban: Run, tmp_path: Path) -> None:
    text = edited(MADE_UP.read_text("utf-8"), "6月9日（周三）", "6月10日（周四）")
    (tmp_path / "other.txt").write_text(text, "utf-8")
    code, _, err = duban("calendar", "add", str(tmp_path / "other.txt"), "--yes")
    assert (code, "不含法定放假日6月9日" in err) == (1, True)


@pytest.mark.parametrize(("name", "raw"), [("missing.txt", None), ("notice.docx", b"PK\x03\x04\xff\xfe\xff\xff\x00")])
def test_what_is_no_text_is_wrong_use(duban: Run, tmp_path: Path, name: str, raw: bytes | None) -> None:
    if raw is not None:
        (tmp_path / name).write_bytes(raw)
    code, _, err = duban("calendar", "add", str(tmp_path / name))
    assert (code, name in err) == (2, True)


@pytest.mark.parametrize("text", ["年份: 2027\n状态：暂定\n", "年份: 2026\n状态: 暂定\n", "{年份: 2027, 状态: 暂定}\n"])
def test_file_that_cannot_be_edited_safely_is_left_alone(duban: Run, home: Path, text: str) -> None:
    year_file(home).write_text(text, "utf-8")
    before = contents(home)
    code, _, err = duban("calendar", "add", str(MADE_UP), "--yes")
    assert (code, "rules/calendars/2027.yaml" in err) == (1, True)
    assert contents(home) == before


def test_errors_elsewhere_in_the_rules_do_not_keep_a_notice_out(duban: Run, home: Path) -> None:
    write_rules(home, {**CHANGES, "tasks/05.yaml": edited(TASK, "2027年底", "2027年13月")})
    code, out, _ = duban("calendar", "add", str(MADE_UP), "--yes")
    assert (code, "算不出对提醒的影响" in out) == (0, True)


def test_folder_that_cannot_be_written_is_said_plainly(duban: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    before = contents(home)
    monkeypatch.setattr("os.replace", full)
    code, _, err = duban("calendar", "add", str(MADE_UP), "--yes")
    assert (code, "磁盘已满" in err) == (1, True)
    assert contents(home) == before  # the draft is gone too


def test_edit_made_while_the_admin_was_asked_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "2027.yaml"
    path.write_text("年份: 2027\n", "utf-8")
    with pytest.raises(CalendarFileError, match="刚刚被别人改过"):
        calendar_file.write(path, b"x", b"something else")
    assert path.read_text("utf-8") == "年份: 2027\n"


# --- show ------------------------------------------------------------------------------


def test_show_marks_a_provisional_year_as_such(duban: Run) -> None:
    code, out, _ = duban("calendar", "show", "2027")
    assert code == 0
    assert "暂定" in out
    assert " 5休  6休  7休" in out  # the statutory days of February
    assert "班" not in out


def test_show_says_what_counts_of_a_notice_that_is_not_whole(duban: Run, home: Path) -> None:
    (home / "rules" / "calendars" / "2027.yaml").write_text(
        "年份: 2027\n状态: 已公布\n文件: 通知\n发布日期: 2026-11-04\n"
        "放假:\n  - {名称: 元旦, 起: 2027-01-01, 止: 2027-01-04}\n上班: [2027-01-09]\n", "utf-8"
    )  # fmt: skip
    _, out, _ = duban("calendar", "show", "2027")
    assert "周末、法定放假日、文件里已写的放假休息；已写的调休上班，录全以前还按周末休息" in out
    assert " 4休" in out
    assert " 9班" not in out


def test_show_lists_holidays_and_makeup_days_of_an_announced_year(duban: Run) -> None:
    duban("calendar", "add", str(MADE_UP), "--yes")
    _, out, _ = duban("calendar", "show", "2027")
    assert "暂定" not in out
    assert "春节：2月5日（星期五）至2月11日（星期四），共7天" in out
    assert "调休上班：1月31日（星期日）、2月20日（星期六）" in out


def columns(text: str) -> int:
    """How wide a terminal shows it: two columns for a Chinese character."""
    return sum(1 + (ord(sign) > 0x2E7F) for sign in text)


def test_right_hand_months_stand_in_one_column_whatever_marks_are_on_their_left(duban: Run) -> None:
    duban("calendar", "add", str(MADE_UP), "--yes")
    lines = duban("calendar", "show", "2027")[1].splitlines()
    heads = [line for line in lines if line.count("2027年") == 2]
    assert [columns(line[: line.rindex("2027年")]) for line in heads] == [37] * 6
    february = next(line for line in lines if " 8休  9休" in line)
    assert columns(february[: february.index(" 8休")]) == 37
    assert max(map(columns, lines[:40])) <= 72


@pytest.mark.parametrize("year", ["1999", "2100", "明年"])
def test_show_of_a_year_no_calendar_can_have_is_wrong_use(duban: Run, year: str) -> None:
    assert duban("calendar", "show", year)[0] == 2


# --- exception -----------------------------------------------------------------------------


def test_county_day_off_overrules_the_state_calendar(duban: Run, home: Path) -> None:
    code, out, _ = duban("calendar", "exception", "2027-03-05", "--off", "--reason", "县运动会")
    assert (code, "2027年3月5日（星期五）放假（县运动会）" in out) == (0, True)
    rulebook = load(home / "rules").rulebook
    assert rulebook
    assert not rulebook.calendar.is_workday(date(2027, 3, 5))
    assert rulebook.calendar.holiday_name(date(2027, 3, 5)) == "县运动会"
    assert rulebook.calendar.years_announced == frozenset()  # a county's word announces no year


def test_county_workday_is_marked_with_its_reason_beside_it(duban: Run, home: Path) -> None:
    for on, reason in (("2027-03-14", "防汛停课补班"), ("2027-03-13", "补课"), ("2027-02-08", "年报会审")):
        assert duban("calendar", "exception", on, "--work", "--reason", reason)[0] == 0
    lines = year_file(home, "县-2027").read_text("utf-8").splitlines()
    assert lines[-4:] == [
        "上班:",
        "  - 2027-02-08 # 年报会审",
        "  - 2027-03-13 # 补课",
        "  - 2027-03-14 # 防汛停课补班",
    ]
    rulebook = load(home / "rules").rulebook
    assert rulebook
    assert all(rulebook.calendar.is_workday(date(2027, *day)) for day in ((2, 8), (3, 13), (3, 14)))
    _, out, _ = duban("calendar", "show", "2027")
    assert "13班 14班" in out
    assert " 8班" in out
    assert "县级：调休上班：2月8日（星期一）、3月13日（星期六）、3月14日（星期日）" in out


def test_days_off_and_workdays_share_one_file_and_its_comments_stay(duban: Run, home: Path) -> None:
    duban("calendar", "exception", "2027-03-14", "--work", "--reason", "补班")
    path = year_file(home, "县-2027")
    path.write_text("# 县政府办通知存档：2027-3\n" + path.read_text("utf-8"), "utf-8")
    duban("calendar", "exception", "2027-03-12", "--off", "--reason", "县运动会")
    lines = path.read_text("utf-8").splitlines()
    assert lines[0] == "# 县政府办通知存档：2027-3"
    assert "  - {名称: 县运动会, 起: 2027-03-12, 止: 2027-03-12}" in lines
    assert lines[-1] == "  - 2027-03-14 # 补班"


def test_county_exception_moves_reminders_and_says_which(duban: Run) -> None:
    duban("calendar", "add", str(MADE_UP), "--yes")
    _, out, _ = duban("calendar", "exception", "2027-02-12", "--off", "--reason", "暴雪")
    assert "T05-M1 提前7天：2027-02-12 → 2027-02-04" in out


def test_exception_that_changes_nothing_says_so(duban: Run) -> None:
    assert "本来就休息" in duban("calendar", "exception", "2027-03-13", "--off", "--reason", "检修")[1]
    assert "本来就上班" in duban("calendar", "exception", "2027-03-12", "--work", "--reason", "检修")[1]
    assert "本来" not in duban("calendar", "exception", "2027-03-14", "--work", "--reason", "检修")[1]


@pytest.mark.parametrize("reason", ["停电: 检修", "县“两会”", '3#楼 "封闭"', "a, b}", "\\"])
@pytest.mark.parametrize("kind", ["--off", "--work"])
def test_reason_may_hold_any_sign(duban: Run, home: Path, reason: str, kind: str) -> None:
    assert duban("calendar", "exception", "2027-03-12", kind, "--reason", reason)[0] == 0
    rulebook = load(home / "rules").rulebook
    assert rulebook
    assert rulebook.calendar.holiday_name(date(2027, 3, 12)) == (reason if kind == "--off" else "")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("2027-03-12", "--reason", "检修"), 2, "--off（放假）或 --work（上班）"),
        (("2027-03-12", "--off"), 2, "--reason"),
        (("2027-03-12", "--off", "--reason", "  "), 2, "请写原因"),
        (("2027-03-12", "--off", "--reason", "因" * 21), 1, "最多20个字，现在有21个字"),
        (("2027-02-30", "--off", "--reason", "检修"), 2, "不存在"),
        (("三月", "--off", "--reason", "检修"), 2, "三月"),
    ],
)
def test_exception_that_is_not_clear_is_refused(
    duban: Run, home: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    before = contents(home)
    ended, _, err = duban("calendar", "exception", *arguments)
    assert (ended, said in err) == (code, True)
    assert contents(home) == before


@pytest.mark.parametrize("kind", ["--off", "--work"])
def test_day_that_is_in_the_county_s_file_already_is_refused(duban: Run, home: Path, kind: str) -> None:
    duban("calendar", "exception", "2027-03-12", "--off", "--reason", "县运动会")
    before = contents(home)
    code, _, err = duban("calendar", "exception", "2027-03-12", kind, "--reason", "改期")
    assert (code, "已有2027-03-12，先删去那一行" in err) == (1, True)
    assert contents(home) == before
