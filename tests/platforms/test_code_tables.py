"""Every code the platforms are known to answer with, one row each, and what we make of it."""

from __future__ import annotations

import json

import pytest

from bot.core.telling.outcome import Scope, Verdict
from bot.platforms import limits, platform

LATER, RESHAPE, REFUSED, GIVEN_UP = Verdict.LATER, Verdict.RESHAPE, Verdict.REFUSED, Verdict.UNDELIVERABLE
#: dialect, code, what becomes of the message, seconds to stay away (0: the outbox's backoff)
ROWS = [
    ("wecom", -1, LATER, 0),
    ("wecom", 40007, GIVEN_UP, 0),
    ("wecom", 40008, GIVEN_UP, 0),
    ("wecom", 40009, GIVEN_UP, 0),
    ("wecom", 40033, GIVEN_UP, 0),
    ("wecom", 40058, RESHAPE, 0),
    ("wecom", 41010, GIVEN_UP, 0),
    ("wecom", 41016, GIVEN_UP, 0),
    ("wecom", 44004, GIVEN_UP, 0),
    ("wecom", 45008, GIVEN_UP, 0),
    ("wecom", 45009, LATER, 60),
    ("wecom", 45033, LATER, 5),
    ("wecom", 93000, REFUSED, 0),
    ("wecom", 93004, REFUSED, 0),
    ("wecom", 93008, REFUSED, 0),
    ("wecom", 301019, GIVEN_UP, 0),
    ("dingtalk", -1, LATER, 0),
    ("dingtalk", 40035, GIVEN_UP, 0),
    ("dingtalk", 43002, GIVEN_UP, 0),
    ("dingtalk", 43004, GIVEN_UP, 0),
    ("dingtalk", 90002, LATER, 300),
    ("dingtalk", 90018, LATER, 300),
    ("dingtalk", 90020, REFUSED, 0),
    ("dingtalk", 90030, REFUSED, 0),
    ("dingtalk", 101002, RESHAPE, 0),
    ("dingtalk", 130101, LATER, 600),
    ("dingtalk", 130102, LATER, 600),
    ("dingtalk", 300001, REFUSED, 0),
    ("dingtalk", 300005, REFUSED, 0),
    ("dingtalk", 310000, REFUSED, 0),
    ("dingtalk", 400013, REFUSED, 0),
    ("dingtalk", 400101, REFUSED, 0),
    ("dingtalk", 400102, REFUSED, 0),
    ("dingtalk", 400105, GIVEN_UP, 0),
    ("dingtalk", 400106, REFUSED, 0),
    ("dingtalk", 410100, LATER, 600),
    ("dingtalk", 430101, GIVEN_UP, 0),
    ("dingtalk", 430102, GIVEN_UP, 0),
    ("dingtalk", 430103, GIVEN_UP, 0),
    ("dingtalk", 430104, GIVEN_UP, 0),
    ("dingtalk", 460101, RESHAPE, 0),
    ("feishu", 2200, LATER, 0),
    ("feishu", 9499, GIVEN_UP, 0),
    ("feishu", 11232, LATER, 5),
    ("feishu", 11246, RESHAPE, 0),
    ("feishu", 19001, REFUSED, 0),
    ("feishu", 19002, GIVEN_UP, 0),
    ("feishu", 19007, REFUSED, 0),
    ("feishu", 19021, REFUSED, 0),
    ("feishu", 19022, REFUSED, 0),
    ("feishu", 19024, REFUSED, 0),
    ("feishu", 19036, RESHAPE, 0),
    ("feishu", 99991400, LATER, 60),
]
FIELD = {"wecom": "errcode", "dingtalk": "errcode", "feishu": "code"}
WHOLE_PLATFORM = {90002, 90018}


@pytest.mark.parametrize(("dialect", "code", "verdict", "seconds"), ROWS)
def test_each_known_code_has_its_consequence(dialect: str, code: int, verdict: Verdict, seconds: int) -> None:
    outcome = platform(dialect).read_reply(200, json.dumps({FIELD[dialect]: code}).encode())
    assert (outcome.verdict, outcome.wait_seconds, outcome.code) == (verdict, seconds, str(code))
    assert outcome.scope is (Scope.PLATFORM if code in WHOLE_PLATFORM else Scope.ROBOT)
    assert not (verdict is LATER and outcome.counts)  # what a known code asks for spends no attempt
    assert outcome.remedy


def test_the_tables_hold_nothing_else() -> None:
    wires = {"wecom": limits.WECOM, "dingtalk": limits.DINGTALK, "feishu": limits.FEISHU}
    assert {(name, code) for name, wire in wires.items() for code in wire.codes} == {row[:2] for row in ROWS}


def test_a_ban_of_our_address_rests_all_of_dingtalk() -> None:
    body = b'{"status":1111,"wait":5,"source":"x5","punish":"deny","uuid":"0"}'
    outcome = platform("dingtalk").read_reply(200, body)
    assert (outcome.verdict, outcome.wait_seconds, outcome.scope) == (LATER, 300, Scope.PLATFORM)


def test_an_old_feishu_answer_has_only_its_status_code() -> None:
    assert (
        platform("feishu").read_reply(200, b'{"StatusCode":0,"StatusMessage":"success"}').verdict is Verdict.DELIVERED
    )


def test_wecom_s_warning_is_sent_and_said() -> None:
    outcome = platform("wecom").read_reply(200, b'{"errcode":0,"errmsg":"ok. Warning: wrong json format. "}')
    assert outcome.verdict is Verdict.DELIVERED
    assert "只显示了一部分" in outcome.remedy


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "120"}, 120),
        ({"retry-after": "0"}, 1),
        ({"retry-after": "0\x1f"}, 1),  # white space to `strip`, and none to `float`
        ({"retry-after": "999999"}, 3600),
        ({"retry-after": "Tue, 24 Nov 2026 03:02:00 GMT", "date": "Tue, 24 Nov 2026 03:00:00 GMT"}, 120),
        ({"retry-after": "Tue, 24 Nov 2026 03:02:00 GMT"}, 60),  # a date alone says nothing about how long
        ({"retry-after": "soon"}, 60),
        ({"retry-after": "１２０"}, 60),
        ({"x-ogw-ratelimit-reset": "7"}, 7),
        ({}, 60),
    ],
)
@pytest.mark.parametrize("dialect", ["wecom", "feishu", "webhook", "lanxin"])
def test_a_server_s_own_wait_is_kept_to_within_reason(dialect: str, headers: dict[str, str], seconds: int) -> None:
    outcome = platform(dialect).read_reply(429, b"", headers)
    assert (outcome.verdict, outcome.wait_seconds, outcome.counts) == (LATER, seconds, False)


def test_a_wait_in_the_headers_makes_nothing_of_a_refusal() -> None:
    outcome = platform("wecom").read_reply(200, b'{"errcode":93000}', {"retry-after": "5"})
    assert (outcome.verdict, outcome.wait_seconds) == (REFUSED, 0)
