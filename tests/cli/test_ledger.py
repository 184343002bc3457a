"""duban ledger as an admin uses it: out, edited, shown, confirmed, in; nothing is written that was not shown."""

from __future__ import annotations

import csv
import io
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from bot.service.home import open_store, peek_store
from bot.sources.inbox import Inbox
from tests.kit.ledger_desk import add, put
from tests.kit.rules_factory import INDICATORS, TASK, edited, rule_files, write_rules

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    write_rules(tmp_path)
    return tmp_path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "台账.xlsx"


def work_on(file: Path, *edits: Callable[[Any], None]) -> None:
    book = openpyxl.load_workbook(file)
    for edit in edits:
        edit(book)
    book.save(file)


def on_disk(home: Path) -> dict[str, bytes]:
    return {name: (home / "rules" / name).read_bytes() for name in rule_files()}


def test_out_and_in_without_an_edit_changes_nothing(duban: Run, home: Path, file: Path) -> None:
    code, out, _ = duban("ledger", "export", str(file))
    assert (code, "事项4行" in out) == (0, True)
    code, out, _ = duban("ledger", "import", str(file))
    assert (code, out) == (0, "没有改动。\n")
    assert on_disk(home) == rule_files()


def test_an_edit_is_shown_and_written_with_comments_kept(duban: Run, home: Path, file: Path) -> None:
    duban("ledger", "export", str(file))
    work_on(file, put("目标", "I4", "值", 97.2, "2027年"), put("事项", "T05-D1", "完成时限", "2027年6月底"))
    code, out, _ = duban("ledger", "import", str(file), "--yes")
    assert code == 0
    assert "目标!D2　I4 2027年 值：97 → 97.2（rules/indicators.yaml:" in out
    assert "T05-D1 类型：待定 → 节点" in out
    assert "已写入2个规则文件" in out
    expected = edited(INDICATORS, "值: 97,", "值: 97.2,").encode()
    assert on_disk(home)["indicators.yaml"] == expected
    assert "基期: # 待填" in expected.decode()
    assert duban("check")[0] == 0


def test_values_become_events_and_corrections_new_events(duban: Run, home: Path, file: Path) -> None:
    duban("report", "I4", "2026", "96.2")
    duban("ledger", "export", str(file))
    work_on(file, put("数据", "I4", "数值", 96.3, "2026"), add("数据", 编号="I4", 期别="2025", 数值="95.1"))
    code, out, _ = duban("ledger", "import", str(file), "--yes")
    assert (code, "已录入2个数据" in out, "更正，原为96.2%" in out) == (0, True, True)
    store = peek_store(home / "state")
    values = {key: str(seen.value) for key, seen in store.facts.observations.items()}
    assert values == {("I4", "2026"): "96.3", ("I4", "2025"): "95.1"}
    assert len(store.events) == 3


def test_a_running_bot_gets_the_values_in_its_inbox(duban: Run, home: Path, file: Path) -> None:
    duban("ledger", "export", str(file))
    work_on(file, add("数据", 编号="I4", 期别="2025", 数值=95.1))
    store, lock = open_store(home / "state", "real")
    try:
        code, out, _ = duban("ledger", "import", str(file), "--yes")
    finally:
        store.close()
        lock.release()
    assert (code, "运行中的督办" in out) == (0, True)
    assert len(list(Inbox(home / "state" / "inbox").folder.glob("*.json"))) == 1


def test_without_a_yes_nothing_is_written(duban: Run, home: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    duban("ledger", "export", str(file))
    work_on(file, put("事项", "T05-R1", "事项", "排查"))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"n\n")))
    code, out, err = duban("ledger", "import", str(file))
    assert (code, "排查" in out, "--yes" in err) == (2, True, True)

    class Terminal(io.TextIOWrapper):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", Terminal(io.BytesIO(b"n\n")))
    code, out, _ = duban("ledger", "import", str(file))
    assert (code, "什么都没有写入" in out) == (1, True)
    assert on_disk(home) == rule_files()


def test_a_doubtful_value_is_listed_as_to_be_confirmed_and_entered_once_it_is(
    duban: Run, home: Path, file: Path
) -> None:
    duban("ledger", "export", str(file))
    work_on(file, add("数据", 编号="I4", 期别="2025", 数值=968))
    code, out, _ = duban("ledger", "import", str(file))
    assert (code, "待确认：数据!D" in out, "968%与2027年的目标97%相差悬殊，是不是96.8%" in out) == (2, True, True)
    assert duban("ledger", "import", str(file), "--yes")[0] == 0
    (event,) = peek_store(home / "state").events
    assert (event.data["value"], event.data["confirmed"]) == ("968", True)


def test_one_bad_cell_stops_all_of_it_and_every_one_is_named(duban: Run, home: Path, file: Path) -> None:
    duban("ledger", "export", str(file))
    work_on(
        file,
        put("事项", "T05-R1", "事项", "排查"),
        put("事项", "T05-R1", "牵头单位", "县教育"),
        put("事项", "T05-D1", "出处", "二十个字以上" * 5),
        add("数据", 编号="I4", 期别="2026Q5", 数值=1),
    )
    code, _, err = duban("ledger", "import", str(file), "--yes")
    assert code == 1
    assert "事项!E4：没有“县教育”这个单位。建议：是不是“县教育局”？" in err
    assert "事项!D5：rules/tasks/05.yaml:" in err
    assert "数据!D4：" in err or "数据!D3：" in err
    assert "以上3处有问题" in err
    assert on_disk(home) == rule_files()
    assert not peek_store(home / "state").events


def test_the_same_file_twice_adds_nothing_twice(duban: Run, home: Path, file: Path) -> None:
    duban("ledger", "export", str(file))
    work_on(file, add("事项", 事项="供暖检查", 任务="T05", 完成时限="每年10月底"))
    assert duban("ledger", "import", str(file), "--yes")[0] == 0
    code, _, err = duban("ledger", "import", str(file), "--yes")
    assert (code, "T05-R2" in err) == (1, True)


def test_export_import_export_shows_the_same_cells(duban: Run, home: Path, file: Path) -> None:
    duban("ledger", "export", str(file))
    work_on(file, put("事项", "T05-D1", "完成时限", "每季度末"), put("指标", "I4", "基期年份", 2025),
            put("指标", "I4", "基期值", 95))  # fmt: skip
    duban("ledger", "import", str(file), "--yes")
    duban("ledger", "export", str(home / "一.xlsx"))
    assert duban("ledger", "import", str(home / "一.xlsx"))[1] == "没有改动。\n"
    duban("ledger", "export", str(home / "二.xlsx"))
    first, second = (
        [[[cell.value for cell in row] for row in sheet.iter_rows()] for sheet in openpyxl.load_workbook(home / name)]
        for name in ("一.xlsx", "二.xlsx")
    )
    assert first == second


def test_an_export_never_writes_over_a_file_unasked(duban: Run, file: Path) -> None:
    file.write_bytes(b"mine")
    code, _, err = duban("ledger", "export", str(file))
    assert (code, "--force" in err, file.read_bytes()) == (2, True, b"mine")
    assert duban("ledger", "export", str(file), "--force")[0] == 0
    assert stat.S_IMODE(os.stat(file).st_mode) == 0o600
    assert duban("ledger", "export", str(file.with_suffix(".xls")))[0] == 2


def test_the_text_has_the_ledger_s_columns_and_nothing_sensitive(duban: Run, home: Path) -> None:
    write_rules(home, {"tasks/05.yaml": edited(TASK, "名称: 打造乡村温馨学校", "名称: 内情\n    敏感: 是")})
    code, out, _ = duban("ledger", "export", "--text")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 0
    assert list(rows[0])[:8] == ["编号", "事项", "依据", "出处", "牵头单位", "牵头依据", "配合单位", "完成时限"]
    assert {row["编号"]: row["完成时限"] for row in rows}["T05-M1-01"] == "2027-03-31"
    assert "内情" not in out
    assert "内情" in duban("ledger", "export", "--text", "--with-sensitive")[1]
    assert duban("ledger", "export", "--text", "--sheet", "单位")[1].startswith(
        "编号,名称,性质,别名,曾用名,已并入,类别\n"
    )


def test_a_text_that_begins_like_a_formula_is_made_harmless(duban: Run, home: Path) -> None:
    write_rules(home, {"tasks/05.yaml": edited(TASK, "名称: 打造乡村温馨学校", '名称: "=1+1"')})
    assert ",'=1+1," in duban("ledger", "export", "--text")[1]


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "台账.xlsx："), (b"", "空的"), (b"a,b", "不是 .xlsx"), (b"\xd0\xcf\x11\xe0..", "旧的 .xls")],
)
def test_a_file_that_is_no_ledger_is_refused(duban: Run, file: Path, content: bytes | None, said: str) -> None:
    if content is not None:
        file.write_bytes(content)
    code, _, err = duban("ledger", "import", str(file), "--yes")
    assert code in (1, 2)
    assert said in err


def test_without_openpyxl_it_is_said_how_to_get_it(duban: Run, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    code, _, err = duban("ledger", "export", str(file))
    assert (code, "duban[office]" in err, file.exists()) == (2, True, False)


def test_no_address_of_a_robot_is_in_the_workbook(duban: Run, home: Path, file: Path) -> None:
    (home / "config").mkdir()
    secret = "http://127.0.0.1:9/robot?key=s3cret"
    (home / "config" / "chats.yaml").write_text(f"群聊:\n  县教育局:\n    - {{方言: wecom, 地址: {secret}}}\n", "utf-8")
    duban("ledger", "export", str(file), "--with-sensitive")
    assert all(
        "s3cret" not in str(cell.value) for sheet in openpyxl.load_workbook(file) for row in sheet for cell in row
    )


def test_the_reason_of_an_extension_stands_in_the_ledger(duban: Run, home: Path, file: Path) -> None:
    duban("extend", "T05-M1", "2028-03-31", "--reason", "国家评估安排顺延", "--by", "督查室")
    duban("ledger", "export", str(file))
    rows = openpyxl.load_workbook(file)["事项"].iter_rows(values_only=True)
    assert any("延至2028年3月31日（国家评估安排顺延）" in row for row in rows)


def test_an_old_file_does_not_bring_a_withdrawn_value_back(duban: Run, home: Path, file: Path) -> None:
    """2019 has a row only while it has a value."""
    duban("report", "I4", "2019", "94.2")
    duban("ledger", "export", str(file))
    duban("withdraw", "report", "I4", "2019")
    assert duban("ledger", "import", str(file), "--yes")[:2] == (0, "没有改动。\n")
    work_on(file, put("数据", "I4", "数值", 94.3, "2019"))
    code, out, err = duban("ledger", "import", str(file), "--yes")
    assert code == 1
    assert "导出之后这一行已经撤回或删去。建议：重新导出，再改一次" in out + err
