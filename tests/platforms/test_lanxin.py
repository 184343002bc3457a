"""蓝信: capital letters on the wire, a signature of its own."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from pydantic import SecretStr

from bot.core.telling.message import Line, Message
from bot.core.telling.outcome import Verdict
from bot.platforms import Robot, platform
from bot.platforms.lanxin import sign
from tests.platforms.samples import Sample

SAMPLE = Sample(secret="SECdemo0123456789")

NOW = datetime.fromtimestamp(1599360473, UTC)
URL = SecretStr("https://im.example.cn:8443/prefix/v1/bot/hook/messages/create?hook_token=t")


def test_signature_is_the_one_worked_by_hand() -> None:
    assert sign("demo", "1599360473") == "5bTA2og3zzhejsnYWRZKGniEexQ7PpkqwnKgKPFlQwY="


def test_body_is_text_with_the_signature_beside_it() -> None:
    robot = Robot("县教育局#1", "lanxin", URL, SecretStr("demo"), style="text")
    sent = platform("lanxin").encode(Message("督办", (Line("一"),), number="2027-0001"), robot, NOW)
    assert sent.url is URL
    assert json.loads(sent.body) == {
        "timestamp": "1599360473",
        "sign": sign("demo", "1599360473"),
        "msgType": "text",
        "msgData": {"text": {"content": "督办\n一\n编号 2027-0001"}},
    }


def test_code_is_spelt_with_a_capital() -> None:
    read = platform("lanxin").read_reply
    assert read(200, b'{"errCode":0,"errMsg":"ok","data":{"msgId":"1"}}').verdict is Verdict.DELIVERED
    assert read(200, b'{"errcode":0,"errmsg":"ok"}').verdict is Verdict.AMBIGUOUS
    assert read(200, b'{"errCode":10007,"errMsg":"x"}').verdict is Verdict.LATER
