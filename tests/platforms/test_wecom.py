"""企业微信: what its clients show, whom it can ring, what its codes ask of us."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from pydantic import SecretStr

from bot.core.telling.message import Line, LineKind, Message, Paint
from bot.core.telling.outcome import Verdict
from bot.drill.twin import Bubble
from bot.platforms import Robot, Style, parts
from bot.platforms.wecom import PLATFORM
from tests.platforms.samples import Sample, off

MARKS = ("**", '<font color="comment">', '<font color="warning">', "</font>")


def rows(bubble: Bubble) -> Iterator[str]:
    return (off(line, MARKS) for line in bubble.source.split("\n"))


def measured(body: bytes) -> tuple[int, int]:
    payload = json.loads(body)
    kind = payload["msgtype"]
    return len(payload[kind]["content"].encode()), {"text": 2048, "markdown": 4096}[kind]


SAMPLE = Sample(
    mention_tags=("<@",),
    rows=rows,
    measured=measured,
    codes={
        -1: (Verdict.LATER, 0),
        40007: (Verdict.UNDELIVERABLE, 0),
        40008: (Verdict.UNDELIVERABLE, 0),
        40009: (Verdict.UNDELIVERABLE, 0),
        40033: (Verdict.UNDELIVERABLE, 0),
        40058: (Verdict.RESHAPE, 0),
        41010: (Verdict.UNDELIVERABLE, 0),
        41016: (Verdict.UNDELIVERABLE, 0),
        44004: (Verdict.UNDELIVERABLE, 0),
        45008: (Verdict.UNDELIVERABLE, 0),
        45009: (Verdict.LATER, 60),
        45033: (Verdict.LATER, 5),
        93000: (Verdict.REFUSED, 0),
        93004: (Verdict.REFUSED, 0),
        93008: (Verdict.REFUSED, 0),
        301019: (Verdict.UNDELIVERABLE, 0),
    },
)
NOW = datetime(2027, 12, 24, 0, 47, tzinfo=UTC)
URL = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=demo"
DIGEST = Message(
    "【督办汇总】县教育局 · 12月24日（周五）",
    (
        Line("一、逾期", LineKind.HEADING),
        Line("1. 控辍保学学期排查（T05-R1@2027-2）　已逾期100天", light="逾期", paint=Paint.RED),
        Line("2. 国家评估认定（T05-M1）　临期", light="临期", paint=Paint.BLUE),
    ),
    (Line("依据：实施方案（征求意见稿）　台账：https://duban.example.cn/t/k7", LineKind.NOTE),),
    number="2027-0412",
)


def payload(message: Message, style: Style = "markdown") -> dict[str, Any]:
    request = PLATFORM.encode(message, Robot("县教育局#1", "wecom", SecretStr(URL), style=style), NOW)
    assert request.url.get_secret_value() == URL
    decoded: dict[str, Any] = json.loads(request.body)
    return decoded


def rung(*mentions: str) -> Message:
    return Message("督办", (Line("请更新台账"),), mentions=mentions)


def test_digest_as_markdown() -> None:
    content = (
        "**【督办汇总】县教育局 · 12月24日（周五）**\n"
        "**一、逾期**\n"
        '1． 控辍保学学期排查（T05-R1@2027-2）　已<font color="warning">逾期</font>100天\n'
        "2． 国家评估认定（T05-M1）　**临期**\n"
        '<font color="comment">依据：实施方案（征求意见稿）　台账：[duban.example.cn/…](https://duban.example.cn/t/k7)</font>\n'
        '<font color="comment">编号 2027-0412</font>'
    )
    assert payload(DIGEST) == {"msgtype": "markdown", "markdown": {"content": content}}


def test_digest_as_text() -> None:
    content = (
        "【督办汇总】县教育局 · 12月24日（周五）\n"
        "一、逾期\n"
        "1. 控辍保学学期排查（T05-R1@2027-2）　已逾期100天\n"
        "2. 国家评估认定（T05-M1）　临期\n"
        "依据：实施方案（征求意见稿）　台账：https://duban.example.cn/t/k7\n"
        "编号 2027-0412"
    )
    assert payload(DIGEST, "text") == {"msgtype": "text", "text": {"content": content}}


def test_user_id_is_rung_inside_markdown() -> None:
    assert payload(rung("zhangsan", "li.si@jy"))["markdown"]["content"].endswith("\n<@zhangsan><@li.si@jy>")


def test_mobile_number_is_rung_by_text_for_markdown_cannot() -> None:
    assert payload(rung("13800000000", "zhangsan")) == {
        "msgtype": "text",
        "text": {
            "content": "督办\n请更新台账",
            "mentioned_list": ["zhangsan"],
            "mentioned_mobile_list": ["13800000000"],
        },
    }


def test_only_the_last_part_of_a_long_digest_rings() -> None:
    robot = Robot("县教育局#1", "wecom", SecretStr(URL))
    cut = parts(Message("督办", (Line("控辍保学学期排查"),) * 300, mentions=("13800000000",)), robot)
    kinds = [json.loads(PLATFORM.encode(part, robot, NOW).body)["msgtype"] for part in cut]
    assert kinds == ["markdown"] * (len(cut) - 1) + ["text"]


def test_text_style_does_not_let_people_ring_others() -> None:
    assert payload(Message("督办", (Line("转告<@zhangsan>"),)), "text")["text"]["content"] == "督办\n转告＜@zhangsan>"


def test_warning_about_json_is_delivered_with_a_word_to_the_admin() -> None:
    outcome = PLATFORM.read_reply(200, b'{"errcode":0,"errmsg":"ok. Warning: wrong json format. "}')
    assert outcome.verdict is Verdict.DELIVERED
    assert "格式" in outcome.remedy
    assert "只显示了一部分" in outcome.remedy
    assert PLATFORM.read_reply(200, b'{"errcode":0,"errmsg":"ok"}').remedy == ""


def test_real_refusal_is_shown_without_our_address() -> None:
    said = (
        "invalid webhook url, hint: [1759300000123456], from ip: 61.178.1.2, "
        "more info at https://open.work.weixin.qq.com/devtool/query?e=93000"
    )
    outcome = PLATFORM.read_reply(200, json.dumps({"errcode": 93000, "errmsg": said}).encode())
    assert outcome.text == "invalid webhook url, hint: [1759300000123456], … more info at …"
    assert "重新添加机器人" in outcome.remedy
