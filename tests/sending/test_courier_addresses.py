"""Where the courier may write to: listed hosts over https, and the loopback. All else is refused unheard."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest
from pydantic import SecretStr

from bot.core.telling.message import Line, Message
from bot.core.telling.outcome import Verdict
from bot.platforms import Robot
from bot.sending.courier import Courier
from bot.sending.transports import Lane

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
MESSAGE = Message("【督办汇总】县教育局", (Line("1. 控辍保学学期排查"),))


class Deaf(Courier):
    """A courier that cannot connect: any request handed to a transport is the failure."""

    def _transport(self, lane: Lane) -> httpx.AsyncBaseTransport:
        raise AssertionError("a connection was asked for")


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("https://evil.example.cn/cgi-bin/webhook/send", "不在允许名单中"),
        ("https://qyapi.weixin.qq.com.evil.cn/x", "不在允许名单中"),
        ("https://qyapi.weixin.qq.com@evil.cn/x", "不在允许名单中"),
        ("https://127.0.0.1@evil.cn/x", "不在允许名单中"),
        ("https://dg-work.cn/x", "不在允许名单中"),
        ("https://evildg-work.cn/x", "不在允许名单中"),
        ("https://127.1/x", "不在允许名单中"),
        ("https://2130706433/x", "不在允许名单中"),
        ("https://0.0.0.0/x", "不在允许名单中"),
        ("https://10.0.0.8/x", "不在允许名单中"),
        ("https://localhost.evil.cn/x", "不在允许名单中"),
        ("http://qyapi.weixin.qq.com/x", "不是 https"),
        ("ftp://127.0.0.1/x", "不是 https"),
        ("file:///etc/passwd", "不是 https"),
        ("qyapi.weixin.qq.com/x", "不是 https"),
        ("", "不是 https"),
        ("https://[::1/x", "不是网址"),
        ("https://exa\x00mple.cn/x", "不是网址"),
        ("https://xn--/x", "不是网址"),
    ],
)
async def test_address_outside_the_list_is_refused_without_connecting(address: str, why: str) -> None:
    one = Deaf(("qyapi.weixin.qq.com", "*.dg-work.cn"))
    outcome = await one.send(Robot("县教育局#1", "wecom", SecretStr(address)), MESSAGE, NOW)
    assert outcome.verdict is Verdict.REFUSED
    assert why in outcome.text
    assert outcome.remedy


@pytest.mark.parametrize(
    "address",
    [
        "https://qyapi.weixin.qq.com/x",
        "https://QYAPI.weixin.qq.com/x",
        "https://oapi.dg-work.cn:8443/x",
        "http://127.0.0.1:9/x",
        "http://127.8.8.8:9/x",
        "http://[::1]:9/x",
        "http://localhost:9/x",
        "https://localhost:9/x",
    ],
)
async def test_listed_and_loopback_hosts_are_let_through(address: str) -> None:
    one = Deaf(("qyapi.weixin.qq.com", "*.dg-work.cn"))
    outcome = await one.send(Robot("县教育局#1", "wecom", SecretStr(address)), MESSAGE, NOW)
    assert outcome.verdict is Verdict.LATER
    assert outcome.text == "没有连上平台（AssertionError）"


@pytest.mark.parametrize("address", ["https://qyapi.weixin.qq.com/x", "http://10.0.0.8/x", "https://evil.cn/x"])
async def test_drill_writes_to_the_loopback_only(address: str) -> None:
    one = Deaf(("qyapi.weixin.qq.com", "*.cn", "10.0.0.8"), loopback_only=True)
    outcome = await one.send(Robot("县教育局#1", "wecom", SecretStr(address)), MESSAGE, NOW)
    assert (outcome.verdict, outcome.text) == (Verdict.REFUSED, "演练中只能发往本机")
