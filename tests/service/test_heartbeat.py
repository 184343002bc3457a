"""The heartbeat: a file after each pass, and a ping that stops with it and gives its address away to nobody."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from loguru import logger
from pydantic import SecretStr

from bot.core.time.zone import ZONE
from bot.service.app import App
from bot.service.heartbeat import NAME, Heartbeat, Ping, heartbeat
from bot.service.home import open_store, read_home
from bot.service.wiring import listen, make_app
from bot.settings import load_settings
from bot.sources.clock import RealClock
from tests.kit.house import furnished, until
from tests.kit.rules_factory import write_rules

NOW = datetime(2027, 3, 1, 9, 0, tzinfo=ZONE)
SECOND = timedelta(seconds=1)
TOKEN = "693a91f6-7000-4bc4-97a0-0ec2aa5aaa01"


class Watch:
    """An outside watch on the loopback: what it was asked, and how it answers."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.status = 200
        watch = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                watch.asked.append(self.path)
                self.send_response(watch.status)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}/ping/{TOKEN}?from=duban"
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def watch() -> Iterator[Watch]:
    made = Watch()
    yield made
    made.close()


@pytest.fixture
def logged() -> Iterator[list[str]]:
    lines: list[str] = []
    logger.remove()
    logger.add(lines.append, format="{message}", level="DEBUG")
    yield lines
    logger.remove()


@asynccontextmanager
async def real_bot(folder: Path) -> AsyncIterator[App]:
    """The app on the real clock as `duban run` listens, with no chat, so that whatever the hour nothing is sent."""
    write_rules(folder)
    home = read_home(folder)
    store, lock = open_store(home.state("real"), "real")
    app = make_app(home, store, RealClock(heartbeat=3600), home.chats)
    listen(app, home)
    yield app
    await app.deliveries.close()
    store.close()
    lock.release()


def set_up(folder: Path, text: str) -> None:
    (folder / "config").mkdir()
    (folder / "config" / "bot.yaml").write_text(text, "utf-8")


def beats(folder: Path) -> str:
    told: dict[str, Any] = json.loads((folder / NAME).read_text("utf-8"))
    assert set(told) == {"时间", "进程号", "版本"}
    return str(told["时间"])


def test_a_pass_leaves_its_time_and_a_second_one_in_the_same_minute_leaves_it_alone(tmp_path: Path) -> None:
    beating = Heartbeat(tmp_path)
    for seconds in (0, 59, 60):
        beating.beat(NOW + seconds * SECOND)
        assert beats(tmp_path) == f"2027-03-01T09:0{seconds // 60}:00+08:00"
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_a_clock_set_back_does_not_stop_the_heart(tmp_path: Path) -> None:
    beating = Heartbeat(tmp_path)
    beating.beat(NOW)
    beating.beat(NOW - timedelta(hours=2))
    assert beats(tmp_path) == "2027-03-01T07:00:00+08:00"


def test_nothing_beats_while_the_audit_disagrees(tmp_path: Path) -> None:
    pings: list[bool] = []
    gaps: tuple[str, ...] = ()
    beating = Heartbeat(tmp_path, lambda: pings.append(True), gaps=lambda: gaps)
    beating.beat(NOW)
    os.utime(tmp_path / NAME, (1000, 1000))
    gaps = ("T05-M1 县教育局 提前7天：没有告知过",)
    for minute in (1, 2, 3):
        beating.beat(NOW + minute * timedelta(minutes=1))
    said = json.loads((tmp_path / NAME).read_text("utf-8"))
    assert (said["时间"], said["心跳已停"], said["出入"]) == (NOW.isoformat(), "自查有1处出入", list(gaps))
    assert ((tmp_path / NAME).stat().st_mtime, len(pings)) == (1000, 1)
    gaps = ()
    beating.beat(NOW + timedelta(minutes=4))
    assert (beats(tmp_path), len(pings)) == ("2027-03-01T09:04:00+08:00", 2)


def test_a_file_first_written_in_doubt_is_as_old_as_can_be(tmp_path: Path) -> None:
    Heartbeat(tmp_path, gaps=lambda: ("自查没有做成（KeyError）",)).beat(NOW)
    assert (tmp_path / NAME).stat().st_mtime == 0
    assert "自查没有做成" in (tmp_path / NAME).read_text("utf-8")


def test_a_file_that_cannot_be_written_stops_the_ping_and_nothing_else(tmp_path: Path, logged: list[str]) -> None:
    pings: list[bool] = []
    Heartbeat(tmp_path / "missing", lambda: pings.append(True)).beat(NOW)
    assert pings == []
    assert "心跳文件写不了" in logged[0]


def test_a_ping_asks_the_address_and_follows_no_redirect(watch: Watch, logged: list[str]) -> None:
    ping = Ping(SecretStr(watch.address))
    for watch.status in (200, 302, 302, 204):
        ping().join()
    assert watch.asked == [f"/ping/{TOKEN}?from=duban"] * 4
    assert [line.strip() for line in logged] == [
        "心跳没有送到外部看护（HTTP 302），以后每分钟再试",
        "心跳又送到外部看护了",
    ]


def test_an_address_shows_nowhere(watch: Watch, logged: list[str]) -> None:
    ping = Ping(SecretStr(watch.address))
    watch.close()
    ping().join()
    assert "ConnectionRefusedError" in logged[0]
    assert TOKEN not in f"{ping!r} {vars(ping)} {logged}"


@pytest.mark.parametrize(
    ("address", "says"),
    [
        (f"http://watch.example.cn/{TOKEN}", "心跳地址应以 https 开头"),
        (f"ftp://127.0.0.1/{TOKEN}", "心跳地址应以 https 开头"),
        (TOKEN, "心跳地址不是网址"),
        (f"https://[{TOKEN}", "心跳地址不是网址"),
        (f"https://watch.example.cn:port/{TOKEN}", "心跳地址不是网址"),
        ("", "心跳地址：环境变量 WATCH 没有设置"),
    ],
)
def test_an_address_that_may_not_be_called_is_told_to_the_admin_and_the_file_still_beats(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, logged: list[str], address: str, says: str
) -> None:
    monkeypatch.setenv("WATCH", address)
    beating = heartbeat(tmp_path, tmp_path, "env:WATCH")
    [trouble] = beating.troubles()
    assert trouble.lines == (says,)
    beating.beat(NOW)
    assert beats(tmp_path)
    assert TOKEN not in f"{logged}"


def test_an_address_may_stand_in_a_file_of_its_own(tmp_path: Path, logged: list[str]) -> None:
    assert heartbeat(tmp_path, tmp_path, "file:config/watch").troubles()[0].lines == (
        "心跳地址：密钥文件读不到或是空的",
    )
    (tmp_path / "watch").write_text("https://watch.example.cn/x\n", "utf-8")
    assert heartbeat(tmp_path, tmp_path, "file:watch").troubles() == []
    assert heartbeat(tmp_path, tmp_path, "").troubles() == []


def test_a_literal_address_in_the_settings_is_refused_and_not_repeated(tmp_path: Path) -> None:
    set_up(tmp_path, f"心跳地址: https://watch.example.cn/{TOKEN}\n")
    settings, [problem] = load_settings(tmp_path)
    assert settings is None
    assert "env:变量名" in str(problem)
    assert TOKEN not in f"{problem} {problem!r}"


async def test_a_running_bot_beats_and_pings_the_configured_watch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, watch: Watch, logged: list[str]
) -> None:
    monkeypatch.setenv("WATCH", watch.address)
    set_up(tmp_path, "心跳地址: env:WATCH\n")
    async with real_bot(tmp_path) as app:
        await app.one_pass()
        await app.one_pass()
        await until(lambda: bool(watch.asked))
        assert len(watch.asked) == 1
        assert beats(tmp_path / "state")
        assert TOKEN not in f"{logged}"


async def test_a_story_leaves_the_real_heartbeat_alone(tmp_path: Path) -> None:
    async with furnished(tmp_path) as house:
        await house.app.one_pass()
        assert not any((house.home.state(kind) / NAME).exists() for kind in ("real", "drill"))
