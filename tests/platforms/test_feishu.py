"""飞书: a card that shows what people wrote to the letter, signed inside the body."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from pydantic import SecretStr

from bot.core.telling.message import Line, LineKind, Message, Paint
from bot.core.telling.outcome import Verdict
from bot.drill.twin import Bubble
from bot.platforms import Robot, Style
from bot.platforms.feishu import PLATFORM, sign
from tests.platforms.samples import Sample, off

MARKS = ("**", "<font color='grey'>", "</font>", "<text_tag color='red'>", "</text_tag>")


def rows(bubble: Bubble) -> Iterator[str]:
    yield bubble.title
    yield from (entities_read(off(line, MARKS)) for line in bubble.source.split("\n") if line != "---")


def entities_read(line: str) -> str:
    for code in map(ord, "<>*_~`[]\\#!:$"):
        line = line.replace(f"&#{code};", chr(code))
    return line.replace("&#38;", "&")


SAMPLE = Sample(
    secret="SECdemo0123456789",
    mention_tags=("<at", "</at"),
    rows=rows,
    codes={
        2200: (Verdict.LATER, 0),
        9499: (Verdict.UNDELIVERABLE, 0),
        11232: (Verdict.LATER, 5),
        11246: (Verdict.RESHAPE, 0),
        19001: (Verdict.REFUSED, 0),
        19002: (Verdict.UNDELIVERABLE, 0),
        19007: (Verdict.REFUSED, 0),
        19021: (Verdict.REFUSED, 0),
        19022: (Verdict.REFUSED, 0),
        19024: (Verdict.REFUSED, 0),
        19036: (Verdict.RESHAPE, 0),
        99991400: (Verdict.LATER, 60),
    },
)

SIGNED_AT = datetime.fromtimestamp(1599360473, UTC)
URL = "https://open.feishu.cn/open-apis/bot/v2/hook/demo"
DIGEST = Message(
    "【督办汇总】县教育局",
    (
        Line("一、逾期", LineKind.HEADING),
        Line("1. 控辍保学学期排查（T05-R1@2027-2）　已逾期100天", light="逾期", paint=Paint.YELLOW),
        Line("口径：96.2% → 97%", LineKind.NOTE),
    ),
    (Line("台账：https://duban.example.cn/t/k7", LineKind.NOTE),),
    number="2027-0412",
)


def payload(
    message: Message, style: Style = "markdown", secret: str | None = None, keyword: str = ""
) -> dict[str, Any]:
    robot = Robot("县教育局#1", "feishu", SecretStr(URL), SecretStr(secret) if secret else None, keyword, style)
    request = PLATFORM.encode(message, robot, SIGNED_AT)
    assert request.url.get_secret_value() == URL
    decoded: dict[str, Any] = json.loads(request.body)
    return decoded


def div(message: Message) -> str:
    content: str = payload(message)["card"]["elements"][0]["text"]["content"]
    return content


def test_digest_as_a_card() -> None:
    lines = [
        "**一、逾期**",
        "1． 控辍保学学期排查（T05-R1@2027-2）　已<text_tag color='yellow'>逾期</text_tag>100天",
        "<font color='grey'>口径：96.2% → 97%</font>",
    ]
    note = "台账：[duban.example.cn/…](https://duban.example.cn/t/k7)\n编号 2027-0412"
    assert payload(DIGEST) == {
        "msg_type": "interactive",
        "card": {
            "config": {"wide_screen_mode": True},
            "header": {"title": {"tag": "plain_text", "content": "【督办汇总】县教育局"}, "template": "orange"},
            "elements": [
                {"tag": "div", "text": {"tag": "lark_md", "content": "\n".join(lines)}},
                {"tag": "hr"},
                {"tag": "note", "elements": [{"tag": "lark_md", "content": note}]},
            ],
        },
    }


def test_digest_as_text() -> None:
    lines = [
        "【督办汇总】县教育局",
        "一、逾期",
        "1. 控辍保学学期排查（T05-R1@2027-2）　已逾期100天",
        "口径：96.2% → 97%",
        "台账：https://duban.example.cn/t/k7",
        "编号 2027-0412",
    ]
    assert payload(DIGEST, "text") == {"msg_type": "text", "content": {"text": "\n".join(lines)}}


def test_text_arrives_to_the_letter() -> None:
    text = "县\"教育\"局<b>&amp;\\*粗*_斜_`码`[名](x)~删~ #1 $a$ :OK: '单'"
    assert html.unescape(div(Message("督办", (Line(text),)))) == text
    assert payload(Message(text, ()))["card"]["header"]["title"]["content"] == text


def test_header_wears_the_most_urgent_colour() -> None:
    def template(*paints: Paint) -> object:
        lines = tuple(Line("灯", light="灯", paint=paint) for paint in paints)
        return payload(Message("督办", lines))["card"]["header"]["template"]

    assert template(Paint.GREEN, Paint.RED, Paint.YELLOW) == "red"
    assert template(Paint.BLUE, Paint.GREEN) == "blue"
    assert template(Paint.GREEN) == "green"
    assert template(Paint.NONE) == template() == "blue"


def test_user_id_is_rung_and_a_mobile_number_is_not() -> None:
    rung = Message("督办", (Line("请更新台账"),), mentions=("13800000000", "ou_7d8a"))
    assert div(rung) == "请更新台账\n<at id=ou_7d8a></at>"
    assert payload(rung, "text")["content"]["text"] == '督办\n请更新台账\n<at user_id="ou_7d8a"></at>'


def test_keyword_is_written_as_it_is_for_the_server_reads_what_was_sent() -> None:
    note = payload(Message("汇总", (Line("[督办]*提醒"),)), keyword="[督办]*提醒")["card"]["elements"][-1]
    assert note == {"tag": "note", "elements": [{"tag": "plain_text", "content": "[督办]*提醒"}]}


def test_keyword_in_the_title_needs_no_line() -> None:
    assert payload(DIGEST, keyword="督办") == payload(DIGEST)


def test_signature_matches_the_worked_examples() -> None:
    assert sign("demo", "1599360473") == "l1N0gAcBjdwBvGm1xMjOF0XSyaLRpR7tuO5dHfhAYc8="
    assert sign("mysecret", "1700000000") == "Jp33/xXhCipDEpjyHvEyc7mRSyXWHbNz6J8+C3qQKNo="


def test_signature_stands_in_the_body_in_seconds() -> None:
    signed = payload(DIGEST, secret="demo")
    assert signed.pop("timestamp") == "1599360473"
    assert signed.pop("sign") == "l1N0gAcBjdwBvGm1xMjOF0XSyaLRpR7tuO5dHfhAYc8="
    assert signed == payload(DIGEST)


def test_code_decides_who_must_act_whatever_the_status() -> None:
    for code, (verdict, wait) in SAMPLE.codes.items():
        outcome = PLATFORM.read_reply(400, json.dumps({"code": code, "data": {}, "msg": "said"}).encode())
        assert (outcome.verdict, outcome.wait_seconds) == (verdict, wait), code
        assert outcome.counts is (verdict is not Verdict.LATER)


def test_old_servers_success_has_only_a_status_code() -> None:
    old = b'{"Extra":null,"StatusCode":0,"StatusMessage":"success"}'
    assert PLATFORM.read_reply(200, old).verdict is Verdict.DELIVERED


def test_code_wins_over_the_old_status_code() -> None:
    mixed = b'{"StatusCode":0,"code":19001,"msg":"param invalid"}'
    assert PLATFORM.read_reply(200, mixed).verdict is Verdict.REFUSED
