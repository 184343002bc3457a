"""钉钉: signature in the address, a text that names whom it rings, markdown that a strict reader takes as meant."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from pydantic import SecretStr

from bot.core.telling.message import Line, LineKind, Message, Paint
from bot.core.telling.outcome import Scope, Verdict
from bot.drill.twin import Bubble
from bot.platforms import Robot, Style
from bot.platforms.dingtalk import PLATFORM, sign
from tests.platforms.samples import Sample, off

MARKS = ("**", "#### ", "### ", "> ")


def rows(bubble: Bubble) -> Iterator[str]:
    return (off(line, MARKS) for line in bubble.source.split("\n"))


# It rings by its lists alone, so that no text could ring anybody.
SAMPLE = Sample(
    secret="SECdemo0123456789",
    rows=rows,
    whole_platform=frozenset({90002, 90018}),
    codes={
        -1: (Verdict.LATER, 0),
        40035: (Verdict.UNDELIVERABLE, 0),
        43002: (Verdict.UNDELIVERABLE, 0),
        43004: (Verdict.UNDELIVERABLE, 0),
        90002: (Verdict.LATER, 300),
        90018: (Verdict.LATER, 300),
        90020: (Verdict.REFUSED, 0),
        90030: (Verdict.REFUSED, 0),
        101002: (Verdict.RESHAPE, 0),
        130101: (Verdict.LATER, 600),
        130102: (Verdict.LATER, 600),
        300001: (Verdict.REFUSED, 0),
        300005: (Verdict.REFUSED, 0),
        310000: (Verdict.REFUSED, 0),
        400013: (Verdict.REFUSED, 0),
        400101: (Verdict.REFUSED, 0),
        400102: (Verdict.REFUSED, 0),
        400105: (Verdict.UNDELIVERABLE, 0),
        400106: (Verdict.REFUSED, 0),
        410100: (Verdict.LATER, 600),
        430101: (Verdict.UNDELIVERABLE, 0),
        430102: (Verdict.UNDELIVERABLE, 0),
        430103: (Verdict.UNDELIVERABLE, 0),
        430104: (Verdict.UNDELIVERABLE, 0),
        460101: (Verdict.RESHAPE, 0),
    },
)

SIGNED_AT = datetime.fromtimestamp(1599360473, UTC)
URL = "https://oapi.dingtalk.com/robot/send?access_token=demo"
DIGEST = Message(
    "【督办汇总】县教育局",
    (
        Line("一、逾期", LineKind.HEADING),
        Line("1. 控辍保学学期排查（T05-R1@2027-2）　已逾期100天", light="逾期", paint=Paint.RED),
        Line("台账：https://duban.example.cn/t/k7"),
    ),
    (Line("依据：实施方案（征求意见稿）", LineKind.NOTE),),
    number="2027-0412",
)


def robot(style: Style = "markdown", secret: str | None = None, url: str = URL) -> Robot:
    return Robot("县教育局#1", "dingtalk", SecretStr(url), SecretStr(secret) if secret else None, style=style)


def payload(message: Message, style: Style = "markdown") -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(PLATFORM.encode(message, robot(style), SIGNED_AT).body)
    return decoded


def signed_url(at: datetime, url: str = URL) -> str:
    return PLATFORM.encode(DIGEST, robot(secret="SECdemo", url=url), at).url.get_secret_value()


def test_digest_as_markdown() -> None:
    lines = [
        "### 【督办汇总】县教育局",
        "#### 一、逾期",
        "1． 控辍保学学期排查（T05-R1@2027-2）　已**逾期**100天",
        "台账：[duban.example.cn/…](https://duban.example.cn/t/k7)",
        "> 依据：实施方案（征求意见稿）",
        "> 编号 2027-0412",
    ]
    assert payload(DIGEST) == {
        "msgtype": "markdown",
        "markdown": {"title": "【督办汇总】县教育局", "text": "\n\n".join(lines)},
    }


def test_digest_as_text() -> None:
    lines = [
        "【督办汇总】县教育局",
        "一、逾期",
        "1. 控辍保学学期排查（T05-R1@2027-2）　已逾期100天",
        "台账：https://duban.example.cn/t/k7",
        "依据：实施方案（征求意见稿）",
        "编号 2027-0412",
    ]
    assert payload(DIGEST, "text") == {"msgtype": "text", "text": {"content": "\n".join(lines)}}


@pytest.mark.parametrize("style", ["markdown", "text"])
def test_mentioned_people_stand_in_the_lists_and_in_the_text(style: Style) -> None:
    rung = payload(Message("督办", (Line("请更新台账"),), mentions=("13800000000", "+852-12345678", "zhangsan")), style)
    assert rung["at"] == {
        "atMobiles": ["13800000000", "+852-12345678"],
        "atUserIds": ["zhangsan"],
        "isAtAll": False,
    }
    shown: str = rung["text"]["content"] if style == "text" else rung["markdown"]["text"]
    assert shown.endswith("\n@13800000000 @+852-12345678 @zhangsan")


def test_signature_matches_the_worked_example() -> None:
    assert sign("SECdemo", "1599360473000") == "tGWkA5eQOQNCNPDgphtxIoNLO+/gD8Lcb705KQoRzeY="


def test_signature_is_percent_encoded_once_in_the_address() -> None:
    encoded = "tGWkA5eQOQNCNPDgphtxIoNLO%2B%2FgD8Lcb705KQoRzeY%3D"
    assert signed_url(SIGNED_AT) == f"{URL}&timestamp=1599360473000&sign={encoded}"


def test_address_pasted_with_an_old_signature_carries_only_the_new_one() -> None:
    assert signed_url(SIGNED_AT, f"{URL}&timestamp=1&sign=old%3D") == signed_url(SIGNED_AT)


def test_thousand_sends_sign_afresh_and_the_address_does_not_grow() -> None:
    queries = [parse_qsl(urlsplit(signed_url(SIGNED_AT + timedelta(hours=n))).query) for n in range(1000)]
    assert {tuple(name for name, _ in query) for query in queries} == {("access_token", "timestamp", "sign")}
    assert len({dict(query)["sign"] for query in queries}) == 1000


def test_secret_without_the_usual_prefix_signs_too() -> None:
    plain = robot(secret="mysecret")
    assert "&sign=" in PLATFORM.encode(DIGEST, plain, SIGNED_AT).url.get_secret_value()


def test_robot_without_secret_keeps_its_address() -> None:
    assert PLATFORM.encode(DIGEST, robot(), SIGNED_AT).url.get_secret_value() == URL


BLOCKS = {"heading_open", "heading_close", "paragraph_open", "paragraph_close", "blockquote_open", "blockquote_close"}


@given(st.text(st.characters() | st.sampled_from("<>[]()*_`#\\\"'&|~!-+=:@/\n\t 0123.)")))
def test_strict_markdown_reader_finds_only_our_own_markup(text: str) -> None:
    whole = Message(f"题{text}", (Line(text, LineKind.HEADING), Line(text), Line(f"1. {text}")), (Line(text),))
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(payload(whole)["markdown"]["text"])
    assert {token.type for token in tokens} <= {*BLOCKS, "inline"}
    assert {child.type for token in tokens for child in inner(token)} <= {"text"}


def inner(token: Token) -> list[Token]:
    return token.children or []


BAN: dict[str, object] = {"status": 1111, "wait": 5, "source": "x5", "punish": "deny", "uuid": "0123456789abcdef"}


def test_banned_address_stops_the_whole_platform_for_five_minutes() -> None:
    outcome = PLATFORM.read_reply(200, json.dumps(BAN).encode())
    assert (outcome.verdict, outcome.wait_seconds, outcome.scope) == (Verdict.LATER, 300, Scope.PLATFORM)
    assert not outcome.counts


def test_ban_merged_with_a_code_is_read_by_its_code() -> None:
    outcome = PLATFORM.read_reply(200, json.dumps({**BAN, "errcode": 130101, "errmsg": "send too fast"}).encode())
    assert (outcome.code, outcome.wait_seconds, outcome.scope) == ("130101", 600, Scope.ROBOT)


def test_security_refusal_shows_the_servers_words_and_what_to_check() -> None:
    said = "错误描述:关键词不匹配;解决方案:请联系群管理员查看此机器人的关键词"
    outcome = PLATFORM.read_reply(200, json.dumps({"errcode": 310000, "errmsg": said}).encode())
    assert outcome.text == said
    assert all(word in outcome.remedy for word in ("关键词", "密钥", "白名单", "时钟"))
