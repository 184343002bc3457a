"""Generic webhooks: Standard Webhooks headers over the very bytes, Slack's body, and success by the status."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from bot.core.telling.message import Line, Message
from bot.core.telling.outcome import Verdict
from bot.platforms import Request, Robot, Style, Success, platform
from bot.platforms.webhook import sign
from tests.platforms.samples import Sample

NOW = datetime(2027, 12, 24, 8, 47, 5, tzinfo=UTC)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SAMPLE = Sample(secret=SECRET)
MESSAGE = Message(
    "【督办汇总】县教育局", (Line("1. 控辍保学 <@all> *一* @channel"),), number="2027-0412", mentions=("U123",)
)


def request(message: Message = MESSAGE, style: Style = "text", secret: str = SECRET, now: datetime = NOW) -> Request:
    robot = Robot("县教育局#1", "webhook", SecretStr("https://x.cn/hooks/t"), SecretStr(secret), style=style)
    return platform("webhook").encode(message, robot, now)


def headers(of: Request) -> dict[str, str]:
    return {name.lower(): value for name, value in of.headers}


def test_signature_is_the_one_of_the_published_vector() -> None:
    signed = sign(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_signature_is_over_the_bytes_that_go_out() -> None:
    sent = request()
    found = headers(sent)
    good = sign(SECRET, found["webhook-id"], found["webhook-timestamp"], sent.body)
    assert (found["webhook-signature"], found["webhook-timestamp"]) == (good, str(int(NOW.timestamp())))


def test_another_attempt_has_the_same_id_and_a_new_signature() -> None:
    first = headers(request())
    again = headers(request(replace(MESSAGE, mark="补发"), now=NOW + timedelta(hours=1)))
    assert again["webhook-id"] == first["webhook-id"]
    assert again["webhook-signature"] != first["webhook-signature"]


def test_what_was_worded_anew_and_every_part_have_ids_of_their_own() -> None:
    said = [MESSAGE, replace(MESSAGE, lines=(Line("1. 已逾期"),)), *(replace(MESSAGE, part=n, parts=2) for n in (1, 2))]
    assert len({headers(request(one))["webhook-id"] for one in said}) == 4


@pytest.mark.parametrize("secret", ["", "SECdemo", "whsec_", "whsec_%%%", "whsec_c2hvcnQ=", "whsec_" + "QUFB" * 40])
def test_a_secret_of_another_kind_is_refused_without_repeating_it(secret: str) -> None:
    with pytest.raises(ValueError, match="whsec_ 加 24 至 64 字节") as caught:
        request(secret=secret)
    assert not secret or f"“{secret}”" not in str(caught.value)


def test_body_is_the_documented_one() -> None:
    assert json.loads(request(replace(MESSAGE, mark="补发", part=2, parts=3)).body) == {
        "type": "duban.message",
        "timestamp": "2027-12-24T08:47:05+00:00",
        "data": {
            "number": "2027-0412",
            "title": "【补发】【督办汇总】县教育局（2/3）",
            "text": "【补发】【督办汇总】县教育局（2/3）\n1. 控辍保学 <@all> *一* @channel\n编号 2027-0412",
            "part": 2,
            "parts": 3,
            "resent": True,
            "mentions": ["U123"],
        },
    }


def test_slack_s_body_is_text_alone_in_which_nobody_is_called_but_those_named() -> None:
    payload = json.loads(request(style="slack").body)
    assert list(payload) == ["text"]
    assert "＜＠all＞ ＊一＊ ＠channel" in payload["text"]
    assert payload["text"].endswith("\n<@U123>")


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (200, b"ok", Verdict.DELIVERED),
        (200, b"", Verdict.DELIVERED),
        (200, b'{"result":"success"}', Verdict.DELIVERED),
        (201, b"", Verdict.DELIVERED),
        (202, b"", Verdict.DELIVERED),
        (204, b"", Verdict.DELIVERED),
        (200, b"<html>login</html>", Verdict.AMBIGUOUS),
        (200, b" \n<!DOCTYPE html>", Verdict.AMBIGUOUS),
        (302, b"", Verdict.REFUSED),
        (400, b"", Verdict.UNDELIVERABLE),
        (401, b"", Verdict.REFUSED),
        (403, b"", Verdict.REFUSED),
        (404, b"no_team", Verdict.REFUSED),
        (410, b"", Verdict.REFUSED),
        (413, b"", Verdict.RESHAPE),
        (415, b"", Verdict.UNDELIVERABLE),
        (422, b"", Verdict.UNDELIVERABLE),
        (418, b"", Verdict.LATER),
        (429, b"", Verdict.LATER),
        (500, b"", Verdict.LATER),
        (502, b"", Verdict.LATER),
        (503, b"", Verdict.LATER),
        (504, b"", Verdict.LATER),
    ],
)
def test_status_alone_decides_but_for_a_page(status: int, body: bytes, verdict: Verdict) -> None:
    outcome = platform("webhook").read_reply(status, body)
    assert (outcome.verdict, outcome.code) == (verdict, f"HTTP {status}")
    assert outcome.remedy or verdict is Verdict.DELIVERED


@pytest.mark.parametrize(
    ("success", "body", "delivered"),
    [
        ("", b'{"ok":false}', False),
        ("", b'{"code":500,"success":false}', False),
        ("", b'{"code":0}', True),
        ("", b'{"code":1,"code":0}', False),
        ("2xx", b'{"ok":false}', True),
        ("json", b'{"errcode":0,"errmsg":"ok"}', True),
        ("json", b'{"ok":true}', True),
        ("json", b'{"success":true,"code":0}', True),
        ("json", b'{"success":true,"code":1}', False),
        ("json", b'{"ok":true,"success":false}', False),
        ("json", b'{"result":"success"}', False),
        ("json", b'{"code":1,"code":0}', False),
        ("json", b"please sign in", False),
        ("json", b"", False),
        ("slack", b"ok\n", True),
        ("slack", b"no_team", False),
        ("slack", b"", False),
    ],
)
def test_what_counts_as_a_success_is_the_robot_s_own_rule(success: Success, body: bytes, delivered: bool) -> None:
    outcome = platform("webhook").read_reply(200, body, success=success)
    assert outcome.verdict is (Verdict.DELIVERED if delivered else Verdict.AMBIGUOUS)


@pytest.mark.parametrize(
    ("status", "perhaps"), [(400, False), (404, False), (429, False), (408, True), (503, True), (302, True)]
)
def test_a_receiver_of_webhooks_refuses_by_its_status(status: int, perhaps: bool) -> None:
    assert platform("webhook").read_reply(status, b"").perhaps is perhaps


def test_a_page_is_known_by_its_content_type_too() -> None:
    outcome = platform("webhook").read_reply(200, b"ok", {"content-type": "text/html; charset=utf-8"})
    assert outcome.verdict is Verdict.AMBIGUOUS


def test_a_busy_receiver_s_retry_after_is_kept_to() -> None:
    assert platform("webhook").read_reply(503, b"", {"retry-after": "90"}).wait_seconds == 90
