"""What every platform makes of an answer: delivered is HTTP 200 with the integer code 0 in JSON, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.telling.outcome import Scope, Verdict
from bot.platforms import platform, platforms
from tests.platforms.samples import refused, sample

Owed = Callable[[str], None]

#: Where only the HTTP status counts (a generic webhook), its own test says what each status means.
CODED = [name for name, each in platforms().items() if each.codes.code_fields]
#: Every check that a new platform with codes must pass.
CONTRACT: list[Owed] = []


def owed(check: Owed) -> Owed:
    """A check of the contract, run for every dialect whose answers have a code."""
    CONTRACT.append(check)
    return pytest.mark.parametrize("dialect", CODED)(check)


def code_field(dialect: str) -> str:
    return platform(dialect).codes.code_fields[0]


def text_field(dialect: str) -> str:
    return platform(dialect).codes.text_fields[0]


@owed
def test_every_known_code_has_its_consequence_and_a_remedy(dialect: str) -> None:
    known, whole = sample(dialect).codes, sample(dialect).whole_platform
    assert platform(dialect).codes.meanings.keys() == known.keys()
    for code, (verdict, seconds) in known.items():
        outcome = platform(dialect).read_reply(200, refused(dialect, code))
        assert (outcome.verdict, outcome.wait_seconds, outcome.code) == (verdict, seconds, str(code))
        assert outcome.verdict is not Verdict.DELIVERED
        assert outcome.verdict is Verdict.LATER or outcome.wait_seconds == 0, code
        assert outcome.scope is (Scope.PLATFORM if code in whole else Scope.ROBOT), code
        assert outcome.counts is (verdict is not Verdict.LATER), (
            code
        )  # a wait that a known code asks for spends no attempt
        assert outcome.remedy, code


@owed
@given(code=st.integers())
def test_only_zero_is_delivered(dialect: str, code: int) -> None:
    outcome = platform(dialect).read_reply(200, refused(dialect, code))
    assert (outcome.verdict is Verdict.DELIVERED) == (code == 0)


@owed
def test_unknown_code_is_tried_again_slowly_and_counted(dialect: str) -> None:
    outcome = platform(dialect).read_reply(200, refused(dialect, 87654321))
    assert (outcome.verdict, outcome.counts, outcome.code) == (Verdict.LATER, True, "87654321")
    assert outcome.wait_seconds >= 60


@owed
def test_code_of_another_type_is_no_delivery(dialect: str) -> None:
    others: tuple[object, ...] = ("0", False, True, None, 0.0, [], {}, [0])
    for code in others:
        assert platform(dialect).read_reply(200, refused(dialect, code)).verdict is Verdict.AMBIGUOUS, code


@owed
def test_body_that_is_no_answer_is_ambiguous(dialect: str) -> None:
    page, deep = b"<html><body>ok</body></html>", b"[" * 60_000
    for body in (b"", b" ", b"ok", b"0", b"null", b"[]", b"{}", b'{"errcode":0', page, deep):
        assert platform(dialect).read_reply(200, body).verdict is Verdict.AMBIGUOUS, body[:30]


@owed
def test_status_decides_where_the_body_says_nothing(dialect: str) -> None:
    for status, verdict in (
        (201, Verdict.AMBIGUOUS),
        (204, Verdict.AMBIGUOUS),
        (301, Verdict.REFUSED),
        (302, Verdict.REFUSED),
        (307, Verdict.REFUSED),
        (400, Verdict.UNDELIVERABLE),
        (403, Verdict.REFUSED),
        (404, Verdict.REFUSED),
        (413, Verdict.RESHAPE),
        (418, Verdict.LATER),
        (429, Verdict.LATER),
        (500, Verdict.LATER),
        (502, Verdict.LATER),
        (503, Verdict.LATER),
    ):
        for body in (b"", b"<html></html>", refused(dialect, 0)):
            outcome = platform(dialect).read_reply(status, body)
            assert outcome.verdict is verdict, (status, body)
            assert outcome.code == f"HTTP {status}"
            assert outcome.remedy


@pytest.mark.parametrize("dialect", platforms())
def test_a_server_in_trouble_may_have_posted_the_message(dialect: str) -> None:
    for status in (408, 500, 501, 502, 503, 504, 524):
        outcome = platform(dialect).read_reply(status, b"<html></html>")
        assert (outcome.verdict, outcome.counts, outcome.perhaps) == (Verdict.LATER, False, True), status
        assert "补发" in outcome.remedy, status


@owed
@given(status=st.integers(100, 599))
def test_a_status_proves_no_refusal_where_the_platform_has_codes(dialect: str, status: int) -> None:
    outcome = platform(dialect).read_reply(status, b"<html></html>")
    assert outcome.perhaps


@owed
def test_a_field_given_twice_is_doubt(dialect: str) -> None:
    field, dead = code_field(dialect), platform(dialect).server.unknown_token
    for first, second in ((dead, 0), (0, dead)):
        outcome = platform(dialect).read_reply(200, f'{{"{field}":{first},"{field}":{second}}}'.encode())
        assert (outcome.verdict, outcome.perhaps) == (Verdict.AMBIGUOUS, True)


@owed
def test_a_reply_that_contradicts_itself_is_no_delivery(dialect: str) -> None:
    for more in ({"success": False}, {"ok": False}, {"ok": "no"}, {"StatusCode": 1}):
        assert platform(dialect).read_reply(200, refused(dialect, 0, **more)).verdict is Verdict.AMBIGUOUS, more


@owed
def test_code_in_the_body_speaks_louder_than_the_status(dialect: str) -> None:
    dead = platform(dialect).server.unknown_token
    assert platform(dialect).read_reply(400, refused(dialect, dead)).code == str(dead)


FIELDS = sorted({name for each in platforms().values() for name in each.codes.code_fields})
jsonish = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 1) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from([*FIELDS, "msg"]), inner),
    max_leaves=4,
)
bodies = st.binary(max_size=60) | jsonish.map(lambda value: json.dumps(value).encode())


@owed
@given(status=st.sampled_from([200]) | st.integers(100, 599), body=bodies)
def test_nothing_but_200_and_code_zero_is_delivered(dialect: str, status: int, body: bytes) -> None:
    outcome = platform(dialect).read_reply(status, body)
    if outcome.verdict is Verdict.DELIVERED:
        code = json.loads(body)[code_field(dialect)]
        assert (status, code, type(code)) == (200, 0, int)
    else:
        assert outcome.remedy


PRIVATE = (
    "from ip: 61.178.1.2",
    "61.178.1.2",
    "from ip: 2408:8000::1",
    "https://open.work.weixin.qq.com/devtool/query?e=93000",
    "key=693a91f6",
    "access_token=abc",
    "sign=l1N0gAcBjdwB",
    "693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa",
)


@owed
def test_private_parts_of_the_servers_words_are_taken_out(dialect: str) -> None:
    for private in PRIVATE:
        body = refused(dialect, 93000, **{text_field(dialect): f"refused, {private}, because"})
        text = platform(dialect).read_reply(200, body).text
        assert text.startswith("refused, …"), private
        assert text.endswith("because"), private


@owed
def test_servers_words_are_one_short_line(dialect: str) -> None:
    said = {text_field(dialect): "机器人\n不在群里\u202e" * 1000}
    text = platform(dialect).read_reply(200, refused(dialect, 1, **said)).text
    assert len(text) <= 200
    assert text.startswith("机器人 不在群里")
    assert "\n" not in text


DATE, TWO_MINUTES_LATER = "Tue, 24 Nov 2026 03:00:00 GMT", "Tue, 24 Nov 2026 03:02:00 GMT"


@pytest.mark.parametrize("dialect", platforms())
def test_a_server_s_own_wait_is_kept_to_within_reason(dialect: str) -> None:
    waits: list[tuple[dict[str, str], float]] = [
        ({"retry-after": "120"}, 120),
        ({"retry-after": "0"}, 1),
        ({"retry-after": "0\x1f"}, 1),  # white space to `strip`, and none to `float`
        ({"retry-after": "999999"}, 3600),
        ({"retry-after": TWO_MINUTES_LATER, "date": DATE}, 120),
        ({"retry-after": TWO_MINUTES_LATER}, 60),  # a date alone says nothing about how long
        ({"retry-after": "soon"}, 60),
        ({"retry-after": "１２０"}, 60),
        ({"x-ogw-ratelimit-reset": "7"}, 7),
        ({}, 60),
    ]
    for headers, seconds in waits:
        outcome = platform(dialect).read_reply(429, b"", headers)
        assert (outcome.verdict, outcome.wait_seconds, outcome.counts) == (Verdict.LATER, seconds, False), headers


@owed
def test_a_wait_in_the_headers_makes_nothing_of_a_refusal(dialect: str) -> None:
    for code, (verdict, _) in sample(dialect).codes.items():
        if verdict is Verdict.REFUSED:
            outcome = platform(dialect).read_reply(200, refused(dialect, code), {"retry-after": "5"})
            assert (outcome.verdict, outcome.wait_seconds) == (Verdict.REFUSED, 0), code
