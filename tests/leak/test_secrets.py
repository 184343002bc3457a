"""Robots' addresses and signing secrets: after success, every refusal, a crash and every command, no byte of them anywhere."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from loguru import logger

from bot.core.telling.entry import EntryState
from bot.sending import delivery
from bot.service.home import peek_store, read_home
from bot.service.logs import set_up
from tests.kit.house import SAYS, House, at, furnished
from tests.sending.test_courier_ways import proxy

ROOT = Path(__file__).parents[2]
DIALECTS = {
    "县教育局": "dingtalk", "县财政局": "wecom", "管理员": "feishu", "县委教育工委": "lanxin", "领导小组": "webhook",
}  # fmt: skip
SIGNING = {
    "县教育局": "SECd3b07384d113edec49eaa6238ad5ff00",
    "管理员": "hAq9zK27vT55xLw0pRb3",
    "县委教育工委": "Lx7pTq0vNc29sWmYe4Ra",
    "领导小组": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
}
PROXY_PASSWORD = "pw-5f1c7be2a90d4436"
START = "2026-11-23T08:00"


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    yield
    logger.remove()


@asynccontextmanager
async def secretive(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[House, dict[str, str]]]:
    """A house whose chats are configured by reference, and every secret by its variable's name."""
    async with furnished(folder, START, begin=False) as house:
        secrets: dict[str, str] = {}
        lines = ["群聊:"]
        for index, (chat, dialect) in enumerate(DIALECTS.items()):
            path = house.twin.add_chat(chat, dialect, SIGNING.get(chat))
            secrets[f"CHAT_{index}"] = f"http://127.0.0.1:{house.port}{path}"
            secret = ""
            if chat in SIGNING:
                secrets[f"CHAT_{index}_SECRET"] = SIGNING[chat]
                secret = f", 密钥: env:CHAT_{index}_SECRET"
            lines += [f"  {chat}:", f"    - {{方言: {dialect}, 地址: env:CHAT_{index}{secret}}}"]
        (folder / "config").mkdir()
        (folder / "config" / "chats.yaml").write_text("\n".join(lines) + "\n", "utf-8")
        for name, value in secrets.items():
            monkeypatch.setenv(name, value)
        yield house, secrets


def hidden(secrets: dict[str, str]) -> list[str]:
    """What must not be seen: whole secrets, and of an address the token in it."""
    whole = [part for value in secrets.values() for part in (value, value.rpartition("/")[2].rpartition("=")[2])]
    return [*whole, PROXY_PASSWORD, SIGNING["领导小组"].removeprefix("whsec_")]


def assert_nothing_shows(secrets: dict[str, str], folder: Path, *texts: str) -> None:
    written = {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert any("journal" in name for name in written)
    for secret in hidden(secrets):
        assert len(secret) >= 16
        for text in texts:
            assert secret not in text
        for name, content in written.items():
            assert secret.encode() not in content, name


def everything_printed(house: House) -> str:
    """What a careless log line could show."""
    app, home = house.app, house.home
    things = (app, home, app.chats, app.robots, app.store.robots, app.scene(), house.entries(), home.loaded_problems)
    return "\n".join(f"{thing!r}\n{thing}" for thing in things)


async def one_morning(house: House) -> None:
    """A start of the bot, the slots of one morning and an hour of retries."""
    house.open(read_home(house.folder).chats)
    await house.live(START.replace("08:00", "10:30"))


@pytest.mark.parametrize("how", ["well", "busy", "dead", "never", "unknown", "drop", "html"])
async def test_nothing_shows_however_the_platforms_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], how: str
) -> None:
    set_up("DEBUG")
    async with secretive(tmp_path, monkeypatch) as (house, secrets):
        for chat, dialect in DIALECTS.items():
            if how in SAYS:
                house.twin.refuse(chat, SAYS[how][dialect])
            elif how == "unknown":
                house.twin.refuse(chat, 987654)
            elif how != "well":
                {"drop": house.twin.drop_after_accept, "html": house.twin.html}[how](chat)
        await one_morning(house)
        printed = everything_printed(house)
        logged = capsys.readouterr()
        assert "#1 第1次" in logged.err  # something was tried and logged
        assert bool(house.entries(EntryState.DELIVERED)) == (how == "well")
        house.close()
        assert_nothing_shows(secrets, tmp_path / "state", printed, logged.out, logged.err)


async def test_nothing_shows_when_nobody_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up("DEBUG")
    async with secretive(tmp_path, monkeypatch) as (house, secrets):
        for name, value in secrets.items():
            if "SECRET" not in name:
                secrets[name] = value.replace(f":{house.port}/", ":1/")
                monkeypatch.setenv(name, secrets[name])
        await one_morning(house)
        logged = capsys.readouterr()
        assert "没有发出" in logged.err
        house.close()
        assert_nothing_shows(secrets, tmp_path / "state", logged.out, logged.err)


@pytest.mark.parametrize("answer", ["407 Proxy Authentication Required", "502 Bad Gateway", ""])
async def test_nothing_shows_of_a_proxy_and_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], answer: str
) -> None:
    set_up("DEBUG")
    async with secretive(tmp_path, monkeypatch) as (house, secrets), proxy(answer) as between:
        secrets["PROXY"] = between.base.replace("//", f"//ban:{PROXY_PASSWORD}@")
        monkeypatch.setenv("PROXY", secrets["PROXY"])
        path = tmp_path / "config" / "chats.yaml"
        path.write_text(path.read_text("utf-8").replace("}", ", 代理: env:PROXY, 根证书: root.pem}"), "utf-8")
        (tmp_path / "root.pem").write_bytes((ROOT / "tests" / "data" / "tls" / "ca.pem").read_bytes())
        await one_morning(house)
        printed = everything_printed(house)
        logged = capsys.readouterr()
        assert between.asked
        assert bool(house.entries(EntryState.DELIVERED)) == (answer == "")
        house.close()
        code, checked = await command(tmp_path, "check")
        assert code == 0
        assert_nothing_shows(secrets, tmp_path / "state", printed, logged.out, logged.err, checked)


async def test_no_order_about_messages_and_robots_shows_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with secretive(tmp_path, monkeypatch) as (_, secrets):
        outputs = [await command(tmp_path, "confirm", "--all"), await command(tmp_path, "once")]
        [number, *_] = peek_store(tmp_path / "state").entries or ["2026-0001"]
        by = ("--by", "李主任")
        orders = [
            ("outbox", "resend", number, *by, "--yes"), ("outbox", "reroute", number, "管理员", *by, "--yes"),
            ("outbox", "resend", "--failed", *by, "--yes"), ("robot", "list"), ("robot", "retry", "县教育局#1", *by),
            ("outbox", "--json"), ("once", "--json"),
        ]  # fmt: skip
        outputs += [await command(tmp_path, *order) for order in orders]
        assert "县教育局#1 dingtalk" in outputs[5][1]
        assert_nothing_shows(secrets, tmp_path / "state", *(text for _, text in outputs))


async def test_nothing_shows_in_the_traceback_of_a_crash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up("DEBUG")
    async with secretive(tmp_path, monkeypatch) as (house, secrets):

        def failing(robot: object, *_: object) -> None:
            address = secrets["CHAT_1"]  # in a local variable and in the exception's own words
            raise RuntimeError(f"cannot reach {address}")

        monkeypatch.setattr(delivery, "_small", failing)
        await one_morning(house)
        logged = capsys.readouterr()
        assert "RuntimeError" in logged.err
        house.close()
        assert_nothing_shows({"CHAT_1": secrets["CHAT_1"]}, tmp_path / "state", logged.out, logged.err)


async def command(home: Path, *arguments: str) -> tuple[int, str]:
    """One command as a script calls it: exit code and everything it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "--home", str(home), *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=ROOT, env=dict(os.environ),
    )  # fmt: skip
    printed, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, printed.decode()


async def test_no_command_shows_a_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with secretive(tmp_path, monkeypatch) as (house, secrets):
        house.clock.jump(at("2026-11-23T09:31"))
        house.twin.refuse("县财政局", 93000)
        outputs = [await command(tmp_path, "once", "--at", "2026-11-23T09:31", "--as-confirmed", "--json")]
        assert outputs[0][0] == 0
        assert '"refused": 1' in outputs[0][1]
        looks = [
            ("outbox", "--drill", "--json"), ("outbox", "--drill", "--all"), ("check",), ("check", "--json"),
            ("preview", "--json"), ("explain", "T05-M1", "--json"), ("schema",),
        ]  # fmt: skip
        outputs += await asyncio.gather(*(command(tmp_path, *look) for look in looks))
        assert [code for code, _ in outputs] == [0] * 8
        outputs += [await command(tmp_path, "doctor"), await command(tmp_path, "doctor", "--json")]
        assert all("连接" in text for _, text in outputs[-2:])
        assert_nothing_shows(secrets, tmp_path / "state", *(text for _, text in outputs))


async def test_no_complaint_about_the_chats_repeats_what_stands_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with secretive(tmp_path, monkeypatch) as (house, secrets):
        token = "693a91f6-7000-4bc4-97a0-0ec2aa5aaa01"
        text = (
            (tmp_path / "config" / "chats.yaml")
            .read_text("utf-8")
            .replace("env:CHAT_0,", f"https://x.cn/?key={token},")
        )
        (tmp_path / "config" / "chats.yaml").write_text(text.replace("wecom", "wecon"), "utf-8")
        code, printed = await command(tmp_path, "check")
        assert code == 1
        assert "config/chats.yaml:3:" in printed
        assert token not in printed
        house.open(read_home(tmp_path).chats)
        await house.live("2026-11-23T10:30")
        house.close()
        assert_nothing_shows(secrets, tmp_path / "state", printed)
