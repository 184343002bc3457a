"""The twin refuses what the real servers refuse, in their words, and remembers what it showed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from bot.core.telling.message import Message
from bot.drill.twin import Bubble, Twin
from bot.platforms import Robot, dingtalk, feishu, platform, platforms

WALL = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


class Clock:
    """A hand-wound business clock; it may stand far from the wall's time."""

    def __init__(self) -> None:
        self.now = datetime(2027, 12, 24, 0, 47, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def wind(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def twin(clock: Clock) -> Twin:
    return Twin(clock=clock, wall=lambda: WALL)


async def post(twin: Twin, path: str, payload: object, content_type: str = "application/json") -> dict[str, Any]:
    """The reply to one POST; bytes go as they are."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload, ensure_ascii=False).encode()
    transport = httpx.ASGITransport(twin.asgi)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        reply = await client.post(path, content=body, headers={"Content-Type": content_type})
    assert reply.status_code == 200
    answer: dict[str, Any] = reply.json()
    return answer


async def code(twin: Twin, path: str, payload: object, content_type: str = "application/json") -> int:
    answer = await post(twin, path, payload, content_type)
    return int(answer["code"] if "code" in answer else answer["errcode"])


def text(content: str) -> dict[str, object]:
    return {"msgtype": "text", "text": {"content": content}}


def markdown(content: str) -> dict[str, object]:
    return {"msgtype": "markdown", "markdown": {"content": content}}


def ding(content: str) -> dict[str, object]:
    return {"msgtype": "markdown", "markdown": {"title": "督办", "text": content}}


def lark(content: str) -> dict[str, Any]:
    return {"msg_type": "text", "content": {"text": content}}


def card(*elements: dict[str, Any], **header: Any) -> dict[str, Any]:
    title = {"title": {"tag": "plain_text", "content": "督办"}, **header}
    return {"msg_type": "interactive", "card": {"header": title, "elements": list(elements)}}


DIV = {"tag": "div", "text": {"tag": "lark_md", "content": "**一、逾期**"}}
GOOD: dict[str, dict[str, Any]] = {"wecom": text("督办"), "dingtalk": text("督办"), "feishu": lark("督办")}


async def test_accepted_message_is_shown_as_members_see_it(twin: Twin, clock: Clock) -> None:
    path = twin.add_chat("县教育局", "wecom")
    payload = markdown('**【督办汇总】县教育局（2/3）**\n<font color="warning">逾期</font>')
    assert await post(twin, path, payload) == {"errcode": 0, "errmsg": "ok"}
    source = payload["markdown"]["content"]  # type: ignore[index]
    title = "【督办汇总】县教育局（2/3）"
    assert twin.received("县教育局") == [
        Bubble("县教育局", clock.now, "wecom", payload, "markdown", title, source, part=2, parts=3)
    ]


async def test_each_dialect_answers_like_the_real_one(twin: Twin) -> None:
    assert await post(twin, twin.add_chat("甲", "dingtalk"), ding("一")) == {"errcode": 0, "errmsg": "ok"}
    answer = await post(twin, twin.add_chat("乙", "feishu"), card(DIV))
    assert answer == {"StatusCode": 0, "StatusMessage": "success", "code": 0, "data": {}, "msg": "success"}
    assert twin.received("甲")[0].title == "督办"
    assert (twin.received("乙")[0].title, twin.received("乙")[0].source) == ("督办", "**一、逾期**")


async def test_whoever_listens_hears_every_bubble(twin: Twin) -> None:
    heard: list[str] = []
    twin.on_bubble(lambda bubble: heard.append(bubble.source))
    path = twin.add_chat("县教育局", "wecom")
    await post(twin, path, text("一"))
    await post(twin, path, text(""))
    await post(twin, path, text("二"))
    assert heard == ["一", "二"]


async def test_chat_may_have_two_robots(twin: Twin) -> None:
    paths = [twin.add_chat("县教育局", "wecom"), twin.add_chat("县教育局", "wecom")]
    assert paths[0] != paths[1]
    assert [await code(twin, path, text("一")) for path in paths] == [0, 0]
    assert len(twin.received("县教育局")) == 2


def test_same_chats_get_the_same_addresses_again(twin: Twin, clock: Clock) -> None:
    again = Twin(clock=clock, wall=clock)
    assert twin.add_chat("县教育局", "feishu") == again.add_chat("县教育局", "feishu")


@pytest.mark.parametrize(
    ("path", "refusal"),
    [
        ("/cgi-bin/webhook/send?key=gone", 93000),
        ("/cgi-bin/webhook/send", 93000),
        ("/robot/send?access_token=gone", 300005),
        ("/open-apis/bot/v2/hook/gone", 19001),
    ],
)
async def test_unknown_robot_is_refused_before_its_body_is_read(twin: Twin, path: str, refusal: int) -> None:
    assert await code(twin, path, b"") == refusal


async def test_wecom_refuses_in_the_real_words(twin: Twin) -> None:
    answer = await post(twin, "/cgi-bin/webhook/send?key=gone", text("一"))
    assert answer["errmsg"].startswith("invalid webhook url, hint: [")
    assert "from ip: 127.0.0.1" in answer["errmsg"]


@pytest.mark.parametrize(
    ("payload", "refusal"),
    [
        (text("汉" * 682 + "ab"), 0),
        (text("汉" * 683), 40058),
        (markdown("汉" * 1365 + "a"), 0),
        (markdown("汉" * 1365 + "ab"), 40058),
        (text(" \n"), 44004),
        ({"msgtype": "text"}, 44004),
        ({"msgtype": "poem", "poem": {}}, 40008),
        (b"{'msgtype': 'text'}", 40008),
        (b"[]", 40008),
        ({"msgtype": "text", "text": {"content": 1}}, 40058),
        ({"msgtype": "text", "text": {"content": "一", "mentioned_list": "zhangsan"}}, 40058),
        ({"msgtype": "text", "text": {"content": "一"}, "title": "多余"}, 40058),
    ],
)
async def test_wecom_checks_shape_and_bytes(twin: Twin, payload: object, refusal: int) -> None:
    assert await code(twin, twin.add_chat("县教育局", "wecom"), payload) == refusal


async def test_wecom_says_which_limit_was_exceeded(twin: Twin) -> None:
    answer = await post(twin, twin.add_chat("县教育局", "wecom"), markdown("汉" * 1366))
    assert answer["errmsg"].startswith("markdown.content exceed max length 4096")


def sized(payload: bytes, size: int) -> bytes:
    """A payload filled up to `size` bytes where it says 汉."""
    return payload.replace("汉".encode(), b"a" * (size - len(payload) + 3))


@pytest.mark.parametrize(
    ("payload", "refusal"),
    [
        (sized(json.dumps(ding("汉"), ensure_ascii=False).encode(), 20_000), 0),
        (sized(json.dumps(ding("汉"), ensure_ascii=False).encode(), 20_001), 460101),
        ({"msgtype": "markdown", "markdown": {"text": "一"}}, 40035),
        ({"msgtype": "markdown", "text": {"content": "一"}}, 40035),
        ({"msgtype": "text", "text": {"content": ""}}, 40035),
        ({"msgtype": "poem"}, 400105),
        (b"", 40035),
        ({**text("一"), "at": {"atMobiles": [13800000000]}}, 40035),
        ({**text("一"), "at": {"atMobiles": ["13800000000"], "isAtAll": False}}, 0),
    ],
)
async def test_dingtalk_checks_shape_and_bytes(twin: Twin, payload: object, refusal: int) -> None:
    assert await code(twin, twin.add_chat("县教育局", "dingtalk"), payload) == refusal


async def test_dingtalk_wants_json_as_content_type(twin: Twin) -> None:
    path = twin.add_chat("县教育局", "dingtalk")
    assert await code(twin, path, text("一"), "application/x-www-form-urlencoded") == 43004


@pytest.mark.parametrize(
    ("payload", "refusal"),
    [
        (sized(json.dumps(lark("汉"), ensure_ascii=False).encode(), 20_000), 0),
        (sized(json.dumps(lark("汉"), ensure_ascii=False).encode(), 20_001), 19036),
        ({"content": {"text": "一"}}, 19002),
        ({"msg_type": "poem"}, 19002),
        ({"msg_type": "text", "content": '{"text":"一"}'}, 9499),
        ({"msg_type": "text"}, 9499),
        (b"{", 9499),
        (card(DIV, {"tag": "hr"}, {"tag": "note", "elements": [{"tag": "plain_text", "content": "一"}]}), 0),
        (card(), 11246),
        (card({"tag": "poem"}), 11246),
        (card({"tag": "note", "elements": []}), 11246),
        (card({**DIV, "colour": "red"}), 11246),
        (card(DIV, template="rainbow"), 11246),
    ],
)
async def test_feishu_checks_shape_and_bytes(twin: Twin, payload: object, refusal: int) -> None:
    assert await code(twin, twin.add_chat("县教育局", "feishu"), payload) == refusal


@pytest.mark.parametrize(("dialect", "refusal"), [("dingtalk", 310000), ("feishu", 19024)])
async def test_keyword_must_be_in_the_message(twin: Twin, dialect: str, refusal: int) -> None:
    path = twin.add_chat("县教育局", dialect, keyword="督办")
    other = {"dingtalk": text("提醒"), "feishu": lark("提醒")}[dialect]
    assert await code(twin, path, other) == refusal
    assert await code(twin, path, GOOD[dialect]) == 0


async def test_feishu_does_not_look_for_the_keyword_in_a_link(twin: Twin) -> None:
    path = twin.add_chat("县教育局", "feishu", keyword="duban")
    linked = {"tag": "div", "text": {"tag": "lark_md", "content": "[台账](https://duban.example.cn)"}}
    assert await code(twin, path, card(linked)) == 19024


@pytest.mark.parametrize(("late", "refusal"), [(0, 0), (3600, 0), (3601, 310000), (-3601, 310000)])
async def test_dingtalk_signature_is_held_against_wall_time(twin: Twin, late: int, refusal: int) -> None:
    path = twin.add_chat("县教育局", "dingtalk", secret="SECdemo")
    stamp = str(round((WALL.timestamp() - late) * 1000))
    signed = httpx.URL(path).copy_merge_params({"timestamp": stamp, "sign": dingtalk.sign("SECdemo", stamp)})
    assert await code(twin, str(signed), text("一")) == refusal


async def test_dingtalk_refuses_a_wrong_missing_or_doubly_encoded_signature(twin: Twin) -> None:
    path = twin.add_chat("县教育局", "dingtalk", secret="SECdemo")
    stamp = str(round(WALL.timestamp() * 1000))
    doubly = dingtalk.sign("SECdemo", stamp).replace("=", "%3D").replace("+", "%2B").replace("/", "%2F")
    for query in ({}, {"timestamp": stamp}, {"timestamp": "soon", "sign": "x"}, {"timestamp": stamp, "sign": doubly}):
        assert await code(twin, str(httpx.URL(path).copy_merge_params(query)), text("一")) == 310000
    assert twin.received("县教育局") == []


@pytest.mark.parametrize(("late", "refusal"), [(0, 0), (3600, 0), (3601, 19021), (-3601, 19021)])
async def test_feishu_signature_is_held_against_wall_time(twin: Twin, late: int, refusal: int) -> None:
    path = twin.add_chat("县教育局", "feishu", secret="demo")
    stamp = str(round(WALL.timestamp() - late))
    assert await code(twin, path, {**lark("一"), "timestamp": stamp, "sign": feishu.sign("demo", stamp)}) == refusal


@pytest.mark.parametrize("more", [{}, {"sign": "x"}, {"timestamp": str(round(WALL.timestamp())), "sign": "签"}])
async def test_feishu_refuses_a_wrong_or_missing_signature(twin: Twin, more: dict[str, str]) -> None:
    path = twin.add_chat("县教育局", "feishu", secret="demo")
    assert await code(twin, path, {**lark("一"), **more}) == 19021


async def codes(twin: Twin, path: str, payload: object, times: int) -> list[int]:
    return [await code(twin, path, payload) for _ in range(times)]


async def test_wecom_takes_twenty_in_any_minute(twin: Twin, clock: Clock) -> None:
    path = twin.add_chat("县教育局", "wecom")
    assert await codes(twin, path, text("一"), 22) == [0] * 20 + [45009] * 2
    clock.wind(59.9)
    assert await code(twin, path, text("一")) == 45009
    clock.wind(0.1)
    assert await code(twin, path, text("一")) == 0


async def test_dingtalk_shuts_a_robot_for_ten_minutes(twin: Twin, clock: Clock) -> None:
    path = twin.add_chat("县教育局", "dingtalk")
    assert await codes(twin, path, text("一"), 21) == [0] * 20 + [130101]
    clock.wind(599)
    assert await code(twin, path, text("一")) == 130101
    clock.wind(1)
    assert await code(twin, path, text("一")) == 0


async def test_feishu_takes_five_a_second_and_a_hundred_a_minute(twin: Twin, clock: Clock) -> None:
    path = twin.add_chat("县教育局", "feishu")
    assert await codes(twin, path, lark("一"), 6) == [0] * 5 + [11232]
    for _ in range(19):
        clock.wind(1)
        assert await codes(twin, path, lark("一"), 5) == [0] * 5
    clock.wind(1)
    assert await code(twin, path, lark("一")) == 11232
    clock.wind(40)
    assert await code(twin, path, lark("一")) == 0


async def test_pace_is_counted_for_each_robot_by_itself(twin: Twin) -> None:
    first, second = twin.add_chat("甲", "wecom"), twin.add_chat("乙", "wecom")
    await codes(twin, first, text("一"), 21)
    assert await code(twin, second, text("一")) == 0


def good(dialect: str) -> bytes:
    robot = Robot("县教育局#1", dialect, SecretStr("http://127.0.0.1:9"), style=platform(dialect).styles[0])
    return platform(dialect).encode(Message("督办", ()), robot, WALL).body


@pytest.mark.parametrize("dialect", [name for name, each in platforms().items() if each.codes.meanings])
async def test_any_known_code_can_be_ordered_and_healed(twin: Twin, clock: Clock, dialect: str) -> None:
    path, codes = twin.add_chat("县教育局", dialect), platform(dialect).codes
    for times, refusal in enumerate(codes.meanings, start=1):
        twin.refuse("县教育局", refusal)
        assert (await post(twin, path, good(dialect)))[codes.code_fields[0]] == refusal
        twin.heal("县教育局")
        assert (await post(twin, path, good(dialect)))[codes.code_fields[0]] == 0, refusal
        assert len(twin.received("县教育局")) == times
        clock.wind(60)


def test_fault_in_an_unknown_chat_is_a_mistake(twin: Twin) -> None:
    with pytest.raises(KeyError):
        twin.refuse("县教育局", 45009)


async def test_mounted_twin_answers_below_its_folder(twin: Twin) -> None:
    from starlette.applications import Starlette
    from starlette.routing import Mount

    path = twin.add_chat("县教育局", "feishu")
    outer = Starlette(routes=[Mount("/twin", app=twin.asgi)])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(outer), base_url="http://127.0.0.1") as client:
        assert (await client.post(f"/twin{path}", json=lark("督办"))).json()["code"] == 0
        assert (await client.get(f"/twin{path}")).status_code == 405
