"""Whatever a platform, a gateway or a broken wire answers, it is an outcome; delivered is only what says so whole."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from bot.core.telling.message import Line, LineKind, Message
from bot.core.telling.outcome import Outcome, Verdict
from bot.platforms import Robot, platform, platforms
from bot.platforms._replies import LONGEST_WAIT, TEXT_LENGTH, denied, parsed
from bot.sending.courier import Courier
from bot.sources.clock import wall
from tests.fuzz.amounts import much, tried
from tests.fuzz.slips import HUGE, ODD, slips, spoilt

KEY = "5f3c9d1e-aaaa-bbbb-cccc-0123456789ab"
DATE = "Mon, 01 Mar 2027 00:00:00 GMT"
WAITS = (
    "",
    "0",
    "-1",
    "5",
    "1e9",
    "9" * 20,
    "NaN",
    "٣",
    DATE,
    "Mon, 99 Zzz 0000 25:61:61 +9999",
    "Thu, 01 Jan 1970 00:00:00",
)


def assert_an_outcome(outcome: Outcome) -> None:
    """Something a person can act on, never long, never with the key, never a wait without end."""
    assert outcome.remedy or outcome.verdict is Verdict.DELIVERED
    assert len(outcome.text) <= TEXT_LENGTH + 50
    assert "\n" not in outcome.text
    assert KEY not in outcome.text
    assert 0 <= outcome.wait_seconds <= LONGEST_WAIT


def says_delivered(dialect: str, status: int, body: bytes) -> bool:
    """By the rule alone: HTTP 200 and the integer 0; where there is no code, any 2xx but a page or a body that denies it."""
    fields = platform(dialect).codes.code_fields
    if not fields:
        return status // 100 == 2 and not body.lstrip().startswith(b"<") and not denied(parsed(body))
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return False
    codes = [value[name] for name in fields if name in value] if isinstance(value, dict) else []
    return status == 200 and bool(codes) and codes[0] == 0 and type(codes[0]) is int and not denied(parsed(body))


odd = st.sampled_from((*ODD, *HUGE, KEY, f"denied for key={KEY}")) | st.text(max_size=20)
fields = st.sampled_from(
    ["errcode", "code", "errCode", "StatusCode", "errmsg", "msg", "errMsg", "StatusMessage", "data", "x"]
)
codes = (
    st.integers(-2, 2) | st.integers() | st.integers(10**300, 10**301) | odd | st.floats() | st.none() | st.booleans()
)
replies = st.one_of(
    st.dictionaries(fields, codes | st.lists(codes, max_size=2), max_size=4).map(lambda said: json.dumps(said).encode()),
    st.builds(spoilt, st.sampled_from([b'{"errcode":0,"errmsg":"ok"}', b'{"code":0,"msg":"success"}']), st.lists(slips, max_size=2)),
    st.binary(max_size=200),
    st.builds(lambda one, count: one * count, st.sampled_from([b"[", b'{"a":', b"9", b" ", b"\xff"]), st.integers(1, 20_000)),
)  # fmt: skip
sendable = odd.map(
    lambda text: "".join(one for one in text if one.isprintable() or one in "\t\xa0\x85\xad")
)  # as HTTP allows
names = st.sampled_from(["retry-after", "x-ogw-ratelimit-reset", "date", "x"])
headers = st.dictionaries(names, st.sampled_from(WAITS) | sendable)


@pytest.mark.parametrize("dialect", sorted(platforms()))
@given(status=st.sampled_from([200, 429, 302, 502]) | st.integers(-1, 1000), body=replies, said=headers)
@much(100)
def test_every_platform_s_reader_makes_an_outcome_of_anything(
    dialect: str, status: int, body: bytes, said: dict[str, str]
) -> None:
    tried()
    outcome = platform(dialect).read_reply(status, body, said)
    assert_an_outcome(outcome)
    assert (outcome.verdict is Verdict.DELIVERED) == says_delivered(dialect, status, body)


# --- over the wire -----------------------------------------------------------------------------------------------------

MESSAGE = Message("督办提醒", (Line("控辍保学学期排查（T05-R1@2027-1）", LineKind.ITEM),))


class Liar:
    """A server on 127.0.0.1 that answers every request with the bytes it was told, then hangs up."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.answer = b""
        self._server = self.loop.run_until_complete(asyncio.start_server(self._lie, "127.0.0.1", 0))
        self.port = self._server.sockets[0].getsockname()[1]

    async def _lie(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(int(length.partition(b":")[2]))
        writer.write(self.answer)
        writer.close()
        await writer.wait_closed()

    def hear(self, dialect: str, answer: bytes) -> Outcome:
        """What the courier makes of these bytes."""
        self.answer = answer
        url = f"http://127.0.0.1:{self.port}{platform(dialect).server.path.format(token=KEY)}"
        return self.loop.run_until_complete(self._send(Robot("县教育局#1", dialect, SecretStr(url))))

    async def _send(self, robot: Robot) -> Outcome:
        courier = Courier((), timeout=300.0, loopback_only=True)
        try:
            return await courier.send(robot, MESSAGE, wall())
        finally:
            await courier.aclose()

    def close(self) -> None:
        self._server.close()
        self.loop.run_until_complete(self._server.wait_closed())
        self.loop.close()


@pytest.fixture(scope="module")
def liar() -> Iterator[Liar]:
    made = Liar()
    yield made
    made.close()


def http(body: bytes, status: bytes = b"200 OK", more: bytes = b"") -> bytes:
    return b"HTTP/1.1 %b\r\nContent-Type: application/json\r\n%bContent-Length: %d\r\n\r\n%b" % (
        status,
        more,
        len(body),
        body,
    )


@st.composite
def broken_http(draw: st.DrawFn) -> bytes:
    """A sound answer, or one nearly so, after some slips of whatever stood in between."""
    body = draw(st.sampled_from([b'{"errcode":0,"errmsg":"ok"}', KEY.encode(), b"<html>", b""]) | replies)
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    status = draw(
        st.sampled_from([b"200 OK", b"302 Found", b"429 Too Many", b"999 ?", b"200", b"100 Continue", b"204 No"])
    )
    more = draw(
        st.sampled_from(
            [b"", b"Content-Length: 1\r\n", b"Content-Encoding: gzip\r\n", b"X: " + b"x" * 70_000 + b"\r\n"]
        )
    )
    whole = draw(st.sampled_from([http(body, status, more), chunked]))
    return spoilt(whole, draw(st.lists(slips, max_size=2)))


@given(dialect=st.sampled_from(sorted(platforms())), answer=broken_http() | st.binary(max_size=100))
@much(150)
def test_bytes_over_the_wire_make_an_outcome_and_the_key_stays_at_home(liar: Liar, dialect: str, answer: bytes) -> None:
    tried()
    outcome = liar.hear(dialect, answer)
    assert_an_outcome(outcome)
    if outcome.verdict is Verdict.DELIVERED and platform(dialect).codes.code_fields:
        assert b"200" in answer
        assert b"0" in answer


def test_the_liar_can_tell_the_truth(liar: Liar) -> None:
    assert liar.hear("wecom", http(b'{"errcode":0,"errmsg":"ok"}')).verdict is Verdict.DELIVERED
    assert liar.hear("wecom", http(b'{"errcode":0')).verdict is Verdict.AMBIGUOUS
