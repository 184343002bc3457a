"""What every platform makes of an answer: delivered is HTTP 200 with the integer code 0 in JSON, and nothing else."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.telling.outcome import Verdict
from bot.drill.dialects import DIALECTS
from bot.platforms import platform

#: A generic webhook answers by status alone (test_webhook.py).
CODED = [name for name, server in DIALECTS.items() if server.wire.code_fields]


def code_field(dialect: str) -> str:
    return DIALECTS[dialect].wire.code_fields[0]


def refused(dialect: str, code: object, **more: object) -> bytes:
    return json.dumps({code_field(dialect): code, DIALECTS[dialect].wire.text_field: "said", **more}).encode()


@pytest.mark.parametrize(
    ("dialect", "code"), [(name, code) for name, server in DIALECTS.items() for code in server.wire.codes]
)
def test_every_known_code_is_no_delivery_and_has_a_remedy(dialect: str, code: int) -> None:
    outcome = platform(dialect).read_reply(200, refused(dialect, code))
    assert outcome.verdict is not Verdict.DELIVERED
    assert outcome.code == str(code)
    assert outcome.remedy
    assert outcome.verdict is Verdict.LATER or outcome.wait_seconds == 0


@pytest.mark.parametrize("dialect", CODED)
@given(code=st.integers())
def test_only_zero_is_delivered(dialect: str, code: int) -> None:
    outcome = platform(dialect).read_reply(200, refused(dialect, code))
    assert (outcome.verdict is Verdict.DELIVERED) == (code == 0)


@pytest.mark.parametrize("dialect", CODED)
def test_unknown_code_is_tried_again_slowly_and_counted(dialect: str) -> None:
    outcome = platform(dialect).read_reply(200, refused(dialect, 87654321))
    assert (outcome.verdict, outcome.counts, outcome.code) == (Verdict.LATER, True, "87654321")
    assert outcome.wait_seconds >= 60


@pytest.mark.parametrize("dialect", CODED)
@pytest.mark.parametrize("code", ["0", False, True, None, 0.0, [], {}, [0]])
def test_code_of_another_type_is_no_delivery(dialect: str, code: object) -> None:
    assert platform(dialect).read_reply(200, refused(dialect, code)).verdict is Verdict.AMBIGUOUS


@pytest.mark.parametrize("dialect", CODED)
@pytest.mark.parametrize(
    "body",
    [b"", b" ", b"ok", b"0", b"null", b"[]", b"{}", b'{"errcode":0', b"<html><body>ok</body></html>", b"[" * 60_000],
    ids=lambda body: body[:12].decode(),
)
def test_body_that_is_no_answer_is_ambiguous(dialect: str, body: bytes) -> None:
    assert platform(dialect).read_reply(200, body).verdict is Verdict.AMBIGUOUS


@pytest.mark.parametrize("dialect", CODED)
@pytest.mark.parametrize(
    ("status", "verdict"),
    [
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
    ],
)
def test_status_decides_where_the_body_says_nothing(dialect: str, status: int, verdict: Verdict) -> None:
    for body in (b"", b"<html></html>", refused(dialect, 0)):
        outcome = platform(dialect).read_reply(status, body)
        assert outcome.verdict is verdict
        assert outcome.code == f"HTTP {status}"
        assert outcome.remedy


@pytest.mark.parametrize("dialect", list(DIALECTS))
@pytest.mark.parametrize(
    ("status", "perhaps"),
    [(408, False), (429, False), (500, True), (501, True), (502, True), (503, False), (504, True), (524, True)],
)
def test_only_what_was_turned_away_at_the_door_is_known_not_to_have_been_posted(
    dialect: str, status: int, perhaps: bool
) -> None:
    outcome = platform(dialect).read_reply(status, b"<html></html>")
    assert (outcome.verdict, outcome.counts, outcome.perhaps) == (Verdict.LATER, False, perhaps)
    assert ("补发" in outcome.remedy) == perhaps


@pytest.mark.parametrize("dialect", CODED)
def test_code_in_the_body_speaks_louder_than_the_status(dialect: str) -> None:
    dead = DIALECTS[dialect].unknown_token
    assert platform(dialect).read_reply(400, refused(dialect, dead)).code == str(dead)


jsonish = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 1) | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["errcode", "code", "errCode", "msg"]), inner)
    ),
    max_leaves=4,
)
bodies = st.binary(max_size=60) | jsonish.map(lambda value: json.dumps(value).encode())


@pytest.mark.parametrize("dialect", CODED)
@given(status=st.sampled_from([200]) | st.integers(100, 599), body=bodies)
def test_nothing_but_200_and_code_zero_is_delivered(dialect: str, status: int, body: bytes) -> None:
    outcome = platform(dialect).read_reply(status, body)
    if outcome.verdict is Verdict.DELIVERED:
        code = json.loads(body)[code_field(dialect)]
        assert (status, code, type(code)) == (200, 0, int)
    else:
        assert outcome.remedy


@pytest.mark.parametrize("dialect", CODED)
@pytest.mark.parametrize(
    "private",
    [
        "from ip: 61.178.1.2",
        "61.178.1.2",
        "from ip: 2408:8000::1",
        "https://open.work.weixin.qq.com/devtool/query?e=93000",
        "key=693a91f6",
        "access_token=abc",
        "sign=l1N0gAcBjdwB",
        "693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa",
    ],
)
def test_private_parts_of_the_servers_words_are_taken_out(dialect: str, private: str) -> None:
    body = refused(dialect, 93000, **{DIALECTS[dialect].wire.text_field: f"refused, {private}, because"})
    text = platform(dialect).read_reply(200, body).text
    assert text.startswith("refused, …")
    assert text.endswith("because")


@pytest.mark.parametrize("dialect", CODED)
def test_servers_words_are_one_short_line(dialect: str) -> None:
    said = {DIALECTS[dialect].wire.text_field: "机器人\n不在群里\u202e" * 1000}
    text = platform(dialect).read_reply(200, refused(dialect, 1, **said)).text
    assert len(text) <= 200
    assert text.startswith("机器人 不在群里")
    assert "\n" not in text
