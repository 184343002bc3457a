"""`duban doctor`: each thing that can stand in the way is named with its remedy; nothing is written to any platform."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from pydantic import SecretStr

from bot.core.facts.events import Event, RulesRejected
from bot.core.telling.entry import Entry, EntryState
from bot.platforms import Robot
from bot.sending.courier import Courier, place_of
from bot.service.home import open_store
from bot.sources.clock import wall
from bot.state.robot_state import RobotState
from tests.cli.conftest import Run
from tests.kit.rules_factory import TASK, edited, write_rules

TLS = Path(__file__).parents[1] / "data" / "tls"
CHATS = """群聊:
  管理员:
    - {{方言: wecom, 地址: 'http://127.0.0.1:{port}/cgi-bin/webhook/send?key=aaaaaaaa'}}
  县教育局:
    - {{方言: wecom, 地址: 'http://127.0.0.1:{port}/cgi-bin/webhook/send?key=bbbbbbbb'}}
"""


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Something that can be connected to and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@pytest.fixture
def home(tmp_path: Path, listener: socket.socket) -> Path:
    write_rules(tmp_path)
    (tmp_path / "config").mkdir()
    write_chats(tmp_path, CHATS.format(port=listener.getsockname()[1]))
    return tmp_path


def write_chats(home: Path, text: str) -> None:
    (home / "config" / "chats.yaml").write_text(text, "utf-8")


def event() -> Event:
    return Event.of(
        RulesRejected(digest="0a", problems=1, first=("x",)), key="rules-0a", time=wall(), source="duban/rules"
    )


def lived(home: Path) -> None:
    """A state with something in it."""
    store, lock = open_store(home / "state", "real")
    with store.work():
        store.keep(event())
    with store.work():
        entry = Entry(number="2026-0001", chat="县教育局", form="单发", slot=False, tellings=(), at=wall(),
                      state=EntryState.UNDELIVERABLE, next_attempt_at=wall())  # fmt: skip
        store.put(entry)
    with store.work():
        store.put_robot(RobotState(name="县教育局#1", broken="请重新添加机器人", broken_since=wall()))
    store.close()
    lock.release()


def beat(home: Path, age: timedelta, **more: object) -> None:
    (home / "state").mkdir(exist_ok=True)
    said = {"时间": (wall() - age).isoformat(), **more}
    (home / "state" / "heartbeat.json").write_text(json.dumps(said, ensure_ascii=False), "utf-8")


def test_a_sound_home_is_fit_and_every_way_out_is_tried_once(duban: Run, home: Path, listener: socket.socket) -> None:
    code, out, _ = duban("doctor")
    assert code == 0
    assert "不行" not in out
    assert f"正常　连接：127.0.0.1:{listener.getsockname()[1]}（2个机器人）连得上" in out
    assert out.splitlines()[-1].startswith("查了")
    assert not (home / "state").exists()  # nothing was changed


def test_a_platform_that_cannot_be_reached_is_told_unless_nobody_asks(duban: Run, listener: socket.socket) -> None:
    listener.close()
    code, out, _ = duban("doctor")
    assert code == 1
    assert "连不上（ConnectionRefusedError）。检查网络、防火墙" in out
    assert duban("doctor", "--offline")[0] == 0


def test_in_json_each_sign_has_its_grade_and_its_remedy(duban: Run, home: Path) -> None:
    write_chats(home, "群聊: {}\n")
    code, out, _ = duban("doctor", "--json")
    assert code == 0
    sign = next(one for one in json.loads(out) if one["subject"] == "群聊")
    assert sign == {
        "grade": "注意", "subject": "群聊", "said": "一个机器人也没有，消息都留在待发箱", "mend": "在 config/chats.yaml 里配置",
    }  # fmt: skip


def _no_admin(home: Path) -> None:
    text = (home / "config" / "chats.yaml").read_text("utf-8")
    write_chats(home, text.replace("管理员", "县财政局"))


def _no_variable(home: Path) -> None:
    write_chats(home, "群聊:\n  管理员:\n    - {方言: wecom, 地址: env:DUBAN_TEST_NONE}\n")


def _open_secret(home: Path) -> None:
    secret = home / "config" / "key"
    secret.write_text("http://127.0.0.1:9/send?key=cccccccc", "utf-8")
    secret.chmod(0o644)
    write_chats(home, "群聊:\n  管理员:\n    - {方言: wecom, 地址: file:config/key}\n")


def _damaged(home: Path) -> None:
    lived(home)
    journal = max((home / "state").glob("journal-*.log"), key=lambda path: path.stat().st_size)
    raw = bytearray(journal.read_bytes())
    raw[len(raw) // 4] ^= 0x20
    journal.write_bytes(raw)


def _torn(home: Path) -> None:
    lived(home)
    journal = max((home / "state").glob("journal-*.log"), key=lambda path: path.stat().st_size)
    journal.write_bytes(journal.read_bytes()[:-3])


def _old_copy(home: Path) -> None:
    lived(home)
    copy = home / "state" / "backup" / "duban-2026-01-01.tar.gz"
    copy.parent.mkdir(exist_ok=True)
    copy.write_bytes(b"")
    past = (wall() - timedelta(days=9)).timestamp()
    os.utime(copy, (past, past))


@pytest.mark.parametrize(
    ("sicken", "words", "code"),
    [
        (_no_admin, "不行　群聊：没有管理员的群聊", 1),
        (_no_variable, "不行　配置：1处错误", 1),
        (_open_secret, "别的用户也能读", 0),
        (_damaged, "不行　状态：", 1),
        (_torn, "注意　状态：", 0),
        (_old_copy, "注意　备份：最近一份是9天前的", 0),
        (lived, "注意　待发箱：1条没有送达、不再自动重试", 0),
        (lived, "注意　群机器人：县教育局#1不可用：请重新添加机器人", 0),
        (lambda home: beat(home, timedelta(seconds=20)), "正常　运行：督办正在运行", 0),
        (lambda home: beat(home, timedelta(minutes=9)), "注意　运行：督办没有在运行", 0),
        (lambda home: beat(home, timedelta(hours=-2)), "比现在还晚", 1),
        (lambda home: beat(home, timedelta(), 心跳已停="自查有1处出入", 出入=["某项"]), "不行　运行：自查有1处出入：某项", 1),
        (lambda home: write_rules(home, {"tasks/05.yaml": edited(TASK, "2027年底", "2027年13月")}), "不行　规则：1处错误", 1),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(
    duban: Run, home: Path, sicken: Callable[[Path], object], words: str, code: int
) -> None:
    sicken(home)
    got, out, _ = duban("doctor", "--offline")
    assert words in out
    assert got == code


def test_a_folder_that_cannot_be_written_to_is_named(duban: Run, home: Path) -> None:
    (home / "config" / "bot.yaml").write_text("备份文件夹: /proc/beifen\n", "utf-8")
    code, out, _ = duban("doctor", "--offline")
    assert code == 1
    assert "不行　磁盘：备份文件夹（/proc/beifen）写不进去" in out


@pytest.mark.parametrize(
    ("free", "grade", "code"), [(1 << 20, "不行", 1), (500 << 20, "注意", 0), (2 << 30, "正常", 0)]
)
def test_a_disk_nearly_full_is_told(
    duban: Run, monkeypatch: pytest.MonkeyPatch, free: int, grade: str, code: int
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    got, out, _ = duban("doctor", "--offline")
    assert f"{grade}　磁盘：state可写" in out
    assert got == code


def test_a_clock_behind_what_is_on_record_is_told(duban: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lived(home)
    monkeypatch.setattr("bot.cli.doctor.wall", lambda: wall() - timedelta(days=1))
    code, out, _ = duban("doctor", "--offline")
    assert code == 1
    assert "不行　时钟：记录里已有" in out


# --- ways to a platform -------------------------------------------------------------------------------------------------


def robot(url: str) -> Robot:
    return Robot("县教育局#1", "wecom", SecretStr(url))


def reached(url: str) -> str:
    async def reach() -> str:
        outcome = await Courier(("qyapi.weixin.qq.com",), timeout=1.0).reach(robot(url))
        return outcome.text if outcome else ""

    return asyncio.run(reach())


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (socket.gaierror(-2, "?"), "域名解析不了"),
        (["10.0.0.1"], "解析到不允许的地址"),
        (["127.0.0.1"], "解析到不允许的地址"),
    ],
)
def test_where_a_name_leads_is_looked_at_as_when_sending(
    monkeypatch: pytest.MonkeyPatch, found: object, why: str
) -> None:
    async def resolved(host: str, port: int) -> object:
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr("bot.sending.gate.resolved", resolved)
    assert reached("https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=dddddddd") == why


def test_a_host_that_is_not_allowed_and_an_address_that_is_none_are_not_connected_to() -> None:
    assert "不在允许名单中" in reached("https://example.com/send")
    assert reached("http://127.0.0.1:x/send") == "不是网址"
    assert place_of(robot("http://127.0.0.1:x/send")) == "地址不是网址的"


def test_a_server_that_never_shakes_hands_is_given_up_in_time(listener: socket.socket) -> None:
    assert reached(f"https://127.0.0.1:{listener.getsockname()[1]}/send") == "连接超时"


async def test_a_certificate_is_trusted_only_from_its_root() -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS / "server.pem", TLS / "server.key")
    server = await asyncio.start_server(hang_up, "127.0.0.1", 0, ssl=context)
    async with server:
        stranger = robot(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/send")
        outcome = await Courier(()).reach(stranger)
        known = await Courier(()).reach(replace(stranger, authority=(TLS / "ca.pem").read_text("utf-8")))
    assert outcome is not None
    assert (outcome.text, known) == ("证书不受信任", None)
