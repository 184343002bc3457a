"""Peers that took a message for sent: success is what the platform's own code says, and nothing else (F1–F6)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from bot.core.telling.entry import Entry, EntryState
from bot.core.telling.message import Message
from bot.core.telling.outbox import sending, settle
from bot.core.telling.outcome import Verdict
from bot.platforms import Robot, platform
from tests.kit.house import SAYS, at
from tests.kit.post_office import Office, marked, numbers, post_office
from tests.platforms.samples import NOW, Chat, message, refused
from tests.platforms.test_every_reply import bodies, code_field
from tests.sending.test_courier import answering, gateway

THREE = ("dingtalk", "feishu", "wecom")  # whose failures peers are known for


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with post_office(tmp_path) as made:
        yield made


# --- F1 -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", THREE)
@pytest.mark.parametrize("kind", ["a code", "an unknown code", "nothing", "a page", "no code", "code in quotes"])
async def test_f01_http_200_without_the_platform_s_zero_is_not_sent(office: Office, dialect: str, kind: str) -> None:
    """Apprise 2.2.0 reports SUCCESS for HTTP 200 with errcode 40058."""
    code = {"wecom": 40058, "dingtalk": 460101, "feishu": 19036}[dialect]
    body = {
        "a code": refused(dialect, code),
        "an unknown code": refused(dialect, 987654),
        "nothing": b"",
        "a page": b"<html><body>ok</body></html>",
        "no code": b'{"errmsg":"ok","msg":"success"}',
        "code in quotes": refused(dialect, "0"),
    }[kind]
    async with gateway(answering(body, "200 OK", "Connection: close")) as server:
        path = platform(dialect).server.path.format(token="token")
        office.robots["县教育局"] = (Robot("县教育局#1", dialect, SecretStr(server.base + path)),)
        number = office.promise()
        await office.send()
    entry = office.entry(number)
    assert (entry.state is EntryState.DELIVERED, entry.delivered_at, len(server.requests) > 0) == (False, None, True)
    assert entry.why
    if "a code" in kind or "unknown" in kind:
        assert entry.code == str(code if kind == "a code" else 987654)


# --- F2 -------------------------------------------------------------------------------------------


@given(
    dialect=st.sampled_from(THREE),
    status=st.sampled_from([200]) | st.integers(100, 599),
    body=bodies | st.integers(-1, 1).map(lambda code: json.dumps({"errcode": code, "code": code}).encode()),
)
def test_f02_no_record_says_delivered_unless_the_platform_s_rule_matched(
    dialect: str, status: int, body: bytes
) -> None:
    """Nightingale #1437 logs result=succ beside code=400, too many request."""
    entry = Entry(number="2027-0001", chat="县教育局", form="汇总", slot=True, tellings=(), at=NOW, next_attempt_at=NOW)
    outcome = platform(dialect).read_reply(status, body)
    after = settle(sending(entry, "县教育局#1", NOW), outcome, at("2027-12-24T09:40"), lambda then: then)
    accepted = status == 200 and zero_in(body, code_field(dialect))
    assert (after.state is EntryState.DELIVERED) == (outcome.verdict is Verdict.DELIVERED) == accepted
    assert (after.delivered_at is not None) == accepted


def zero_in(body: bytes, field: str) -> bool:
    try:
        value: Any = json.loads(body)
    except (ValueError, RecursionError):
        return False
    code = value.get(field) if isinstance(value, dict) else None
    return code == 0 and type(code) is int


# --- F3 -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", THREE)
def test_f03_no_real_error_body_reads_as_delivered(dialect: str) -> None:
    """PrometheusAlert looks for "failed" and "error" in the reply, and stores what holds neither as success."""
    table = platform(dialect).codes
    assert len(table.meanings) > 10
    for code, known in table.meanings.items():
        for words in (known.says, "ok", "success", "exceed max length 4096"):
            body = refused(dialect, code, **{table.text_fields[0]: words})
            assert platform(dialect).read_reply(200, body).verdict is not Verdict.DELIVERED, code


# --- F4 -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dialect", "how", "ends"),
    [
        (dialect, how, ends)
        for dialect in THREE
        for how, ends in (
            ("busy", EntryState.LATER),
            ("dead", EntryState.REFUSED),
            ("never", EntryState.UNDELIVERABLE),
            ("unknown", EntryState.UNDELIVERABLE),
        )
    ],
)
async def test_f04_only_what_may_succeed_is_tried_again(
    office: Office, dialect: str, how: str, ends: EntryState
) -> None:
    """Alertmanager gives WeChat's rate limit up for good, and other tools try a dead robot for ever."""
    office.robots["县教育局"] = ()
    office.robot("县教育局", dialect)
    office.known.note_setups()
    office.twin.refuse("县教育局", SAYS[how][dialect] if how in SAYS else 987654)
    number = office.promise()
    await office.send()
    for _ in range(8):
        if office.entry(number).state is EntryState.LATER:
            await office.retry(number)
    entry = office.entry(number)
    assert entry.state is ends
    assert entry.attempts == {"busy": 9, "dead": 1, "never": 1, "unknown": 5}[how]
    assert entry.why


# --- F5 -------------------------------------------------------------------------------------------


async def test_f05_of_two_chats_only_the_refusing_one_is_tried_again(office: Office) -> None:
    """ElastAlert2 sets alert_sent when any one alerter worked."""
    office.twin.refuse("县财政局", -1)
    good, bad = office.promise("县教育局"), office.promise("县财政局")
    await office.send()
    assert (office.entry(good).state, office.entry(bad).state) == (EntryState.DELIVERED, EntryState.LATER)
    await office.retry(bad)
    office.twin.heal("县财政局")
    await office.retry(bad)
    await office.send()
    assert (numbers(office.seen("县教育局")), numbers(office.seen("县财政局"))) == ([good], [bad])
    assert office.entry(bad).attempts == 3


async def test_f05_of_two_robots_in_one_chat_the_one_that_works_speaks_once(office: Office) -> None:
    """Uptime Kuma marks a rung as sent if any provider worked, and would send through all of them."""
    [dead] = office.robots["县教育局"]
    office.robots["县教育局"] = (replace(dead, url=SecretStr(f"{dead.url.get_secret_value()}gone")),)
    office.robot("县教育局")
    office.known.note_setups()
    number = office.promise()
    for _ in range(3):
        await office.send()
    assert (numbers(office.seen()), marked(office.seen())) == ([number], [False])


# --- F6 -------------------------------------------------------------------------------------------

RUNG: dict[str, Any] = {
    "wecom": ("13800000000", {"mentioned_mobile_list": ["13800000000"]}),
    "dingtalk": ("13800000000", {"atMobiles": ["13800000000"], "atUserIds": [], "isAtAll": False}),
    "feishu": ("ou_zhangsan", None),
}


@pytest.mark.parametrize("dialect", THREE)
def test_f06_who_is_rung_stands_in_the_text_or_the_list_the_platform_rings_by(dialect: str) -> None:
    """Uptime Kuma's DingTalk sends an empty line whenever somebody is to be mentioned."""
    person, expected = RUNG[dialect]
    chat = Chat(dialect, "text")
    assert chat.post(message("请更新台账", mentions=(person,))).verdict is Verdict.DELIVERED
    payload, shown = chat.shown().payload, chat.shown().source
    if dialect == "wecom":
        assert {name: payload["text"][name] for name in expected} == expected
    elif dialect == "dingtalk":
        assert payload["at"] == expected
        assert shown.endswith(f"\n@{person}")
    else:
        assert shown.endswith(f'\n<at user_id="{person}"></at>')
    assert "请更新台账" in shown


@pytest.mark.parametrize("dialect", THREE)
def test_f06_a_message_that_mentions_nobody_has_neither_list_nor_mark(dialect: str) -> None:
    """The same slip the other way round: a list without its text rings people for nothing."""
    for style in ("markdown", "text"):
        body = Chat(dialect, style).request(Message("督办", (), number=f"{date(2027, 1, 4).year}-0001")).body.decode()
        assert not any(mark in body for mark in ("mentioned", 'atMobiles":["', "<at", "<@"))
