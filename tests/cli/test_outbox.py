"""`duban outbox` and `duban robot`: orders to a bot at rest and to a running one; nothing is sent by the command itself."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from bot.core.telling.entry import Entry, EntryState, Telling
from bot.service.home import open_store, peek_store
from bot.sources.clock import wall
from bot.sources.inbox import Inbox
from bot.state.robot_state import RobotState
from tests.cli.conftest import Run
from tests.kit.rules_factory import write_rules

CHATS = """群聊:
  管理员:
    - {方言: wecom, 地址: 'http://127.0.0.1:9/cgi-bin/webhook/send?key=a'}
  县教育局:
    - {方言: wecom, 地址: 'http://127.0.0.1:9/cgi-bin/webhook/send?key=b'}
  县财政局: 县教育局
"""
ROW = Telling(
    item="T05-M1", rule="T05-M1", title="国家评估认定", unit="县教育局", addressee="县教育局", role="牵头单位",
    state="临期", due_on=date(2027, 12, 31), rung="提前7天", rung_on=date(2027, 12, 24), form="单发", reason="FIRST",
)  # fmt: skip


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Two messages given up, one refused, one delivered; a robot broken."""
    write_rules(tmp_path)
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "chats.yaml").write_text(CHATS, "utf-8")
    store, lock = open_store(tmp_path / "state", "real")
    states = (EntryState.UNDELIVERABLE, EntryState.UNDELIVERABLE, EntryState.REFUSED, EntryState.DELIVERED)
    with store.work():
        for index, state in enumerate(states, 1):
            entry = Entry(
                number=f"2026-000{index}", chat="县教育局", form="单发", slot=False, tellings=(ROW,), at=wall(), state=state,
                next_attempt_at=wall(), unclear=4 if index == 1 else 0, resent=index == 1,
            )  # fmt: skip
            store.put(entry)
        store.put_robot(RobotState(name="县教育局#1", broken="请重新添加机器人", broken_since=wall()))
    store.close()
    lock.release()
    return tmp_path


def states(home: Path) -> dict[str, str]:
    return {number: entry.state.value for number, entry in peek_store(home / "state").entries.items()}


def test_the_list_counts_what_nobody_knows(duban: Run) -> None:
    code, out, _ = duban("outbox")
    assert code == 0
    assert "2026-0001" in out
    assert "结果不明4次" in out
    assert out.splitlines()[-1] == "待发1条，投递失败2条，已送达1条，曾结果不明1条。"
    assert json.loads(duban("outbox", "--json")[1])[0]["unclear"] == 4


def test_explain_says_what_was_promised_and_has_not_arrived(duban: Run) -> None:
    _, out, _ = duban("explain", "T05-M1", "--as-confirmed")
    said = {line.partition("→ ")[2].partition("（")[0]: line for line in out.splitlines()}
    assert "还没有送达，见 duban outbox" in said["县教育局"]
    assert {f"2026-000{number}" in said["县教育局"] for number in (1, 2, 3)} == {True}
    assert "2026-0004" not in said["县教育局"]
    assert "还没有送达" not in said["县财政局"]


def test_a_message_is_sent_again_by_number_with_who_decided_it(duban: Run, home: Path) -> None:
    code, out, _ = duban("outbox", "resend", "2026-0001", "--by", "李主任", "--reason", "群里没有", "--yes")
    assert code == 0
    assert "1条已排队重发" in out
    entry = peek_store(home / "state").entries["2026-0001"]
    assert (entry.state, entry.resent, entry.unclear) == (EntryState.LATER, True, 0)
    assert entry.why == "李主任要求重发，群里没有"


def test_all_that_failed_goes_again_at_once(duban: Run, home: Path) -> None:
    assert duban("outbox", "resend", "--failed", "--by", "李主任", "--yes")[0] == 0
    assert list(states(home).values()) == ["稍后重试"] * 3 + ["已送达"]
    assert "没有要重发的" in duban("outbox", "resend", "--failed", "--by", "李主任", "--yes")[1]


@pytest.mark.parametrize(
    ("arguments", "says", "code"),
    [
        (("resend", "2026-0004", "--by", "李"), "2026-0004已送达，不能重发", 1),
        (("resend", "2026-9999", "--by", "李"), "待发箱里没有“2026-9999”", 1),
        (("resend", "--by", "李"), "只写一样", 2),
        (("resend", "2026-0001", "--failed", "--by", "李"), "只写一样", 2),
        (("resend", "2026-0001"), "--by", 2),
        (("reroute", "2026-0001", "县教肓局", "--by", "李"), "是不是“县教育局”", 1),
    ],
)
def test_a_wrong_order_is_refused_and_writes_nothing(
    duban: Run, home: Path, arguments: tuple[str, ...], says: str, code: int
) -> None:
    before = states(home)
    ended, _, err = duban("outbox", *arguments, "--yes")
    assert ended == code
    assert says in err
    assert states(home) == before


def test_without_a_yes_nothing_is_done(duban: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("click.confirm", lambda question: False)
    code, out, err = duban("outbox", "resend", "2026-0001", "--by", "李主任")
    assert (code, "2026-0001" in out, "没有重发" in err) == (1, True, True)
    assert states(home)["2026-0001"] == "投递失败"


def test_one_message_or_all_of_a_chat_are_sent_elsewhere_with_a_mark(duban: Run, home: Path) -> None:
    assert duban("outbox", "reroute", "2026-0001", "管理员", "--by", "李主任", "--yes")[0] == 0
    assert duban("outbox", "reroute", "县财政局", "管理员", "--by", "李主任", "--yes")[0] == 0  # shares 县教育局's chat
    entries = peek_store(home / "state").entries
    assert [entries[f"2026-000{n}"].chat for n in (1, 2, 3, 4)] == ["管理员"] * 3 + ["县教育局"]
    assert {row.mark for n in (1, 2, 3) for row in entries[f"2026-000{n}"].tellings} == {"原应发到县教育局，请转告"}


def test_robots_are_listed_with_what_is_wrong_and_retried(duban: Run, home: Path) -> None:
    assert "县教育局#1 wecom 自" in duban("robot", "list")[1]
    assert "请重新添加机器人" in duban("robot", "list")[1]
    code, out, _ = duban("robot", "retry", "县教育局#1", "--by", "李主任")
    assert (code, "重新启用" in out) == (0, True)
    assert "县教育局#1 wecom 正常" in duban("robot", "list")[1]
    assert states(home)["2026-0003"] == "稍后重试"
    assert "是不是“县教育局#1”" in duban("robot", "retry", "县教肓局#1", "--by", "李主任")[2]


def test_a_running_bot_gets_the_order_by_its_inbox(duban: Run, home: Path) -> None:
    store, lock = open_store(home / "state", "real")
    try:
        for order in (
            ("outbox", "resend", "2026-0001", "--by", "李主任", "--yes"),
            ("robot", "retry", "县教育局#1", "--by", "李"),
        ):
            code, out, _ = duban(*order)
            assert code == 0
            assert "已交给运行中的督办" in out
    finally:
        store.close()
        lock.release()
    letters = Inbox(home / "state" / "inbox").letters(wall())
    assert sorted(letter.event.type for letter in letters) == ["duban.resend_asked", "duban.robot_mended"]
