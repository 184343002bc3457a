"""A platform is one file: what is dropped into the folder of dialects works everywhere, and nothing else is touched."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

import bot.platforms
from bot.core.telling.message import Line, Message
from bot.core.telling.outcome import Outcome, Verdict
from bot.drill.rendering import rendered
from bot.drill.twin import Bubble, Twin
from bot.platforms import Robot, parts, platform, platforms
from bot.sending.chats import load_chats
from tests.platforms.samples import Sample, off
from tests.platforms.test_every_platform import CONTRACT
from tests.platforms.test_every_reply import CONTRACT as OF_REPLIES
from tests.platforms.test_every_reply import Owed
from tests.sending.test_courier import courier, serving

NOW = datetime(2027, 12, 24, 8, 47, 5, tzinfo=UTC)
SECRET = "mi-yao-0123456789"
MESSAGE = Message("【督办汇总】县教育局", (Line("1. 控辍保学学期排查　已逾期100天"),), number="2027-0412")


def rows(bubble: Bubble) -> Iterable[str]:
    return (off(line, ("**",)) for line in bubble.source.split("\n"))


SAMPLE = Sample(
    secret=SECRET,
    rows=rows,
    codes={
        11: (Verdict.REFUSED, 0),
        12: (Verdict.REFUSED, 0),
        13: (Verdict.REFUSED, 0),
        14: (Verdict.UNDELIVERABLE, 0),
        15: (Verdict.RESHAPE, 0),
        16: (Verdict.LATER, 30),
    },
)


DROPPED_IN = str(Path(__file__).with_name("dropped_in"))


@pytest.fixture(autouse=True)
def dropped_in() -> Iterator[None]:
    """Until the test is over, the folder of dialects has one file more, as far as Python can tell."""
    bot.platforms.__path__.append(DROPPED_IN)
    platforms.cache_clear()
    yield
    bot.platforms.__path__.remove(DROPPED_IN)
    sys.modules.pop("bot.platforms.made_up", None)
    platforms.cache_clear()


def a_twin() -> Twin:
    return Twin(clock=lambda: NOW, wall=lambda: NOW)


async def sent(twin: Twin, path: str, secret: str | None = SECRET, now: datetime = NOW) -> Outcome:
    """What came of one message through the courier, over HTTP on the loopback."""
    async with serving(twin) as base, courier() as one:
        robot = Robot("县教育局#1", "made_up", SecretStr(base + path), SecretStr(secret) if secret else None, "督办")
        return await one.send(robot, MESSAGE, now)


def test_the_finder_finds_it_among_the_others() -> None:
    assert sorted(platforms()) == ["dingtalk", "feishu", "lanxin", "made_up", "webhook", "wecom"]


def test_chats_yaml_accepts_it(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    robot = "{方言: made_up, 格式: text, 地址: 'http://127.0.0.1:9/qun/a/fa', 密钥: mi-yao, 关键词: 督办}"
    (tmp_path / "config" / "chats.yaml").write_text(f"群聊:\n  县教育局:\n    - {robot}\n", "utf-8")
    chats, problems = load_chats(tmp_path, ["县教育局"])
    assert problems == ()
    assert [(one.dialect, one.style) for one in chats.robots["县教育局"]] == [("made_up", "text")]


def test_chats_yaml_suggests_it(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    text = "群聊:\n  县教育局:\n    - {方言: mad_up, 地址: 'http://127.0.0.1:9/qun/a/fa'}\n"
    (tmp_path / "config" / "chats.yaml").write_text(text, "utf-8")
    [problem] = load_chats(tmp_path, ["县教育局"])[1]
    assert (problem.code, "made_up" in problem.hint) == ("unknown-dialect", True)


async def test_a_signed_message_is_delivered_and_shown() -> None:
    twin = a_twin()
    outcome = await sent(twin, twin.add_chat("县教育局", "made_up", secret=SECRET, keyword="督办"))
    assert (outcome.verdict, outcome.code, outcome.text) == (Verdict.DELIVERED, "0", "hao")
    [bubble] = twin.received("县教育局")
    assert (bubble.title, bubble.dialect) == ("【督办汇总】县教育局", "made_up")
    assert "<strong>【督办汇总】县教育局</strong>" in rendered(bubble)


@pytest.mark.parametrize(("secret", "now"), [("other", NOW), (None, NOW), (SECRET, NOW - timedelta(minutes=2))])
async def test_a_wrong_missing_or_old_signature_is_refused(secret: str | None, now: datetime) -> None:
    twin = a_twin()
    outcome = await sent(twin, twin.add_chat("县教育局", "made_up", secret=SECRET), secret, now)
    assert (outcome.verdict, outcome.code, outcome.remedy) == (Verdict.REFUSED, "12", "签名不符：请核对密钥")
    assert twin.received("县教育局") == []


async def test_a_refusal_is_read_by_its_own_table() -> None:
    twin = a_twin()
    path = twin.add_chat("县教育局", "made_up", secret=SECRET)
    assert (await sent(twin, "/qun/nobody/fa")).code == "11"
    twin.refuse("县教育局", 16)
    outcome = await sent(twin, path)
    assert (outcome.verdict, outcome.wait_seconds, outcome.text) == (Verdict.LATER, 30, "tai kuai")


async def test_its_twin_keeps_its_pace() -> None:
    twin = a_twin()
    path = twin.add_chat("县教育局", "made_up", secret=SECRET)
    assert [(await sent(twin, path)).code for _ in range(3)] == ["0", "0", "16"]


def test_a_long_message_is_split_by_its_limit() -> None:
    robot = Robot("县教育局#1", "made_up", SecretStr("http://127.0.0.1:9/qun/a/fa"))
    cut = parts(Message("督办", (Line("控辍保学学期排查"),) * 300), robot)
    assert len(cut) > 1
    assert all(len(platform("made_up").encode(part, robot, NOW).body) <= 3000 for part in cut)


@pytest.mark.parametrize("check", [*CONTRACT, *OF_REPLIES], ids=lambda check: check.__name__)
def test_it_keeps_the_contract(check: Owed) -> None:
    check("made_up")
