"""The wall: what was shown stands there, news flows to open pages, and only our own page turns the clock."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

import bot.drill.wall
from bot.core.telling.message import Paint
from bot.drill.twin import Bubble
from bot.drill.wall import KEPT, Wall
from bot.service.status import Status
from bot.sources.clock import StoryClock
from bot.web.pages import pages
from bot.web.server import PageServer
from tests.drill.wall_samples import PLAN, START, County, Story, digest, single

FOLDER = Path(bot.drill.wall.__file__).parent
CHATS = {"县教育局": "wecom", "县财政局": "dingtalk", "县人社局": "feishu"}


def bubble(chat: str = "县教育局", title: str = "【督办汇总】县教育局", at: datetime = START) -> Bubble:
    return Bubble(chat, at, "wecom", {}, "markdown", title, f"**{title}**")


def status() -> Status:
    return Status(True, True, (), START, "drill", PLAN, "1.0", {})


@asynccontextmanager
async def opened(wall: Wall) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application without a network between."""
    transport = httpx.ASGITransport(pages(status, wall.routes()))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8866") as client:
        yield client


async def get(wall: Wall, path: str) -> Any:
    async with opened(wall) as client:
        reply = await client.get(path)
    assert reply.headers["content-type"] == "application/json; charset=utf-8"
    return reply.json()


# --- the page ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "kind"), [("/", "text/html"), ("/wall/wall.css", "text/css"), ("/wall/wall.js", "text/javascript")]
)
async def test_the_page_and_its_files_are_served(path: str, kind: str) -> None:
    async with opened(Wall(Story(), ())) as client:
        reply = await client.get(path)
        head = await client.head(path)
    assert reply.status_code == head.status_code == 200
    assert reply.headers["content-type"] == f"{kind}; charset=utf-8"
    assert "script-src 'self'" in reply.headers["content-security-policy"]


def test_the_page_needs_nothing_from_elsewhere_and_nothing_inline() -> None:
    page = (FOLDER / "wall.html").read_text("utf-8")
    for address in re.findall(r"(?:src|href)=\"([^\"]*)\"", page):
        assert address.startswith(("/wall/", "data:image/svg+xml,", "#")), address
    assert not re.search(r"\son\w+=|\sstyle=|<style|<script>", page)
    for name in ("wall.css", "wall.js"):
        assert not re.search(r"https?://|@import|url\(|eval\(", (FOLDER / name).read_text("utf-8")), name


def test_every_part_the_script_reaches_for_is_on_the_page() -> None:
    page = (FOLDER / "wall.html").read_text("utf-8")
    script = (FOLDER / "wall.js").read_text("utf-8")
    ids = set(re.findall(r"byId\(\"([\w-]+)\"\)", script)) | set(re.findall(r"made\(\"([\w-]+)\"\)", script))
    assert len(ids) > 10
    assert ids <= set(re.findall(r"id=\"([\w-]+)\"", page))


def test_only_what_the_server_made_is_inserted_as_html() -> None:
    script = (FOLDER / "wall.js").read_text("utf-8")
    assert set(re.findall(r"innerHTML = ([^;]+);", script)) == {"message.html", "last.html"}
    assert not re.search(r"outerHTML|insertAdjacentHTML|document\.write", script)


# --- state and messages --------------------------------------------------------


async def test_every_chat_stands_on_the_wall_before_its_first_message() -> None:
    state = await get(County(CHATS).wall, "/wall/state")
    assert [chat["name"] for chat in state["chats"]] == list(CHATS)
    assert [(chat["count"], chat["last"]) for chat in state["chats"]] == [(0, None)] * 3
    assert state["plan"] == PLAN
    assert state["clock"] == {"now": "2026年11月24日（周二）08:31", "paused": False, "pace": "slow", "over": False}


async def test_what_the_twin_accepts_is_on_the_wall() -> None:
    county = County(CHATS)
    county.say("县财政局", digest("县财政局", "11月24日（周二）"))
    county.clock.wind(minutes=5)
    county.say("县人社局", single("逾期", "红灯", Paint.RED, "已逾期71天"))
    state = await get(county.wall, "/wall/state")
    assert [chat["count"] for chat in state["chats"]] == [0, 1, 1]
    last = state["chats"][2]["last"]
    assert (last["day"], last["time"]) == ("2026年11月24日（周二）", "08:36")
    assert (last["dialect"], last["platform"]) == ("feishu", "飞书")
    assert last["title"] == "【逾期提醒】控辍保学学期排查"
    assert 'class="card-head red"' in last["html"]


async def test_messages_of_a_chat_come_in_order_and_of_no_other_chat() -> None:
    wall = Wall(Story(), ("县教育局", "县财政局"))
    for number in range(3):
        wall.show(bubble(title=f"第{number}条"))
        wall.show(bubble("县财政局"))
    messages = (await get(wall, "/wall/messages?chat=县教育局"))["messages"]
    assert [message["title"] for message in messages] == ["第0条", "第1条", "第2条"]
    assert [message["number"] for message in messages] == [1, 3, 5]


async def test_a_long_digest_shows_its_parts_and_a_second_try_its_mark() -> None:
    county = County(CHATS)
    message = digest("县教育局", "11月24日（周二）")
    county.say("县教育局", replace(message, lines=message.lines * 8, mark="补发"))
    messages = (await get(county.wall, "/wall/messages?chat=县教育局"))["messages"]
    assert len(messages) > 1
    assert [one["part"] for one in messages] == [f"第{n}/{len(messages)}部分" for n in range(1, len(messages) + 1)]
    assert {one["mark"] for one in messages} == {"补发"}


async def test_only_the_last_messages_of_a_chat_are_kept_but_all_are_counted() -> None:
    wall = Wall(Story(), ("县教育局",))
    for number in range(KEPT + 5):
        wall.show(bubble(title=f"第{number}条"))
    messages = (await get(wall, "/wall/messages?chat=县教育局"))["messages"]
    assert (len(messages), messages[0]["title"]) == (KEPT, "第5条")
    assert (await get(wall, "/wall/state"))["chats"][0]["count"] == KEPT + 5


async def test_an_unknown_chat_is_a_chinese_404() -> None:
    async with opened(Wall(Story(), ())) as client:
        reply = await client.get("/wall/messages", params={"chat": "没有的局"})
    assert (reply.status_code, reply.json()) == (404, {"错误": "没有这个群"})


async def test_a_chat_that_was_not_announced_joins_the_wall_with_its_first_message() -> None:
    wall = Wall(Story(), ("县教育局",))
    wall.show(bubble("专班群"))
    assert [chat["name"] for chat in (await get(wall, "/wall/state"))["chats"]] == ["县教育局", "专班群"]


# --- the hand on the clock -------------------------------------------------------


async def press(wall: Wall, action: object, **headers: str) -> httpx.Response:
    async with opened(wall) as client:
        return await client.post("/wall/control", json={"action": action}, headers=headers)


@pytest.mark.parametrize(
    ("action", "speed", "pause", "pace"),
    [("slow", None, 2.0, "slow"), ("fast", None, 0.1, "fast"), ("live", 1.0, 0.0, "live")],
)
async def test_the_buttons_set_the_pace(action: str, speed: float | None, pause: float, pace: str) -> None:
    clock = StoryClock(START, speed=60.0, pause=9.0)
    reply = await press(Wall(clock, ()), action)
    assert (clock.speed, clock.pause) == (speed, pause)
    assert reply.json()["pace"] == pace


async def test_pause_holds_the_clock_and_keeps_its_pace() -> None:
    clock = StoryClock(START, pause=1.2)
    wall = Wall(clock, ())
    assert (await press(wall, "pause")).json()["paused"] is True
    assert clock.paused
    assert clock.pause == 1.2
    await press(wall, "resume")
    assert not clock.paused


async def test_whoever_waits_for_the_clock_hears_of_a_press() -> None:
    heard: list[bool] = []
    clock = Story()
    wall = Wall(clock, ())
    wall.on_control(lambda: heard.append(clock.paused))
    await press(wall, "pause")
    await press(wall, "没有")
    await press(wall, "resume")
    assert heard == [True, False]


@pytest.mark.parametrize("action", ["没有", "", None, 3, ["pause"], {"pause": 1}])
async def test_an_unknown_action_is_refused_in_chinese(action: object) -> None:
    clock = Story()
    reply = await press(Wall(clock, ()), action)
    assert reply.status_code == 400
    assert "没有这个操作" in reply.json()["错误"]
    assert (clock.paused, clock.speed, clock.pause) == (False, None, 2.0)


@pytest.mark.parametrize("body", [b"", b"[]", b'"pause"', b"{", b"\xff", b"[" * 100_000])
async def test_what_is_no_press_is_refused(body: bytes) -> None:
    async with opened(Wall(Story(), ())) as client:
        reply = await client.post("/wall/control", content=body, headers={"Content-Type": "application/json"})
    assert reply.status_code == 400


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, 200),  # no browser
        ({"Origin": "http://127.0.0.1:8866"}, 200),
        ({"Origin": "http://127.0.0.1:8866", "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://127.0.0.1:9999"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:8866", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Content-Type": "text/plain"}, 403),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 403),
    ],
)
async def test_only_our_own_page_may_press_a_button(headers: dict[str, str], code: int) -> None:
    clock = Story()
    reply = await press(Wall(clock, ()), "pause", **headers)
    assert reply.status_code == code
    assert clock.paused is (code == 200)


async def test_a_get_never_turns_the_clock() -> None:
    clock = Story()
    async with opened(Wall(clock, ())) as client:
        assert (await client.get("/wall/control?action=pause")).status_code == 405
    assert not clock.paused


# --- the stream ------------------------------------------------------------------


@dataclass
class Stream:
    """An open stream, read event by event."""

    reply: httpx.Response
    chunks: AsyncIterator[str]
    text: str = ""

    async def block(self) -> str:
        """The next event or comment as it was written, without the blank line."""
        while "\n\n" not in self.text:
            self.text += await anext(self.chunks)
        block, self.text = self.text.split("\n\n", 1)
        return block

    async def event(self) -> tuple[str, Any, str]:
        """Name, data and id of the next event."""
        fields = dict(line.split(": ", 1) for line in (await self.block()).split("\n"))
        return fields["event"], json.loads(fields["data"]), fields.get("id", "")

    async def rest(self) -> str:
        return self.text + "".join([chunk async for chunk in self.chunks])


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[PageServer]:
    monkeypatch.setattr(bot.drill.wall, "LOOKS", 0.01)
    one = PageServer()
    yield one
    await one.stop()


@asynccontextmanager
async def listening(server: PageServer, wall: Wall, after: int = 0, **headers: str) -> AsyncIterator[Stream]:
    port = await server.start(pages(status, wall.routes()), "127.0.0.1", 0)
    async with (
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=10) as client,
        client.stream("GET", f"/wall/stream?after={after}", headers=headers) as reply,
    ):
        yield Stream(reply, reply.aiter_text())


async def test_a_new_bubble_flows_to_an_open_page(server: PageServer) -> None:
    county = County(CHATS)
    async with listening(server, county.wall) as stream:
        assert stream.reply.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert (await stream.event())[0] == "clock"
        county.say("县财政局", digest("县财政局", "11月24日（周二）"))
        name, data, number = await stream.event()
    assert (name, number) == ("bubble", "1")
    assert (data["chat"], data["count"], data["message"]["number"]) == ("县财政局", 1, 1)
    assert "控辍保学学期排查" in data["message"]["html"]


async def test_a_page_hears_what_came_after_the_last_it_knows_in_order(server: PageServer) -> None:
    wall = Wall(Story(), ())
    for chat in ("甲局", "乙局", "甲局", "丙局"):
        wall.show(bubble(chat))
    async with listening(server, wall, after=1) as stream:
        heard = [await stream.event() for _ in range(3)]
    assert [(data["chat"], number) for _, data, number in heard] == [("乙局", "2"), ("甲局", "3"), ("丙局", "4")]


async def test_a_browser_that_reconnects_says_itself_where_it_was(server: PageServer) -> None:
    wall = Wall(Story(), ())
    for _ in range(4):
        wall.show(bubble())
    async with listening(server, wall, after=0, **{"Last-Event-ID": "3"}) as stream:
        assert (await stream.event())[2] == "4"


async def test_the_clock_ticks_when_it_shows_something_else(server: PageServer) -> None:
    clock = Story()
    async with listening(server, Wall(clock, ())) as stream:
        assert (await stream.event())[1]["now"] == "2026年11月24日（周二）08:31"
        clock.wind(seconds=1)  # not shown
        await asyncio.sleep(0.05)
        clock.wind(days=1)
        assert (await stream.event())[1]["now"] == "2026年11月25日（周三）08:31"
        clock.paused = True
        assert (await stream.event())[1]["paused"] is True
        clock.over.set()
        assert (await stream.event())[1]["over"] is True


async def test_a_silent_stream_says_a_word_now_and_then(server: PageServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bot.drill.wall, "KEEPALIVE", 0.0)
    async with listening(server, Wall(Story(), ())) as stream:
        await stream.event()
        assert (await stream.block()).startswith(":")


async def test_a_stream_ends_when_the_server_stops(server: PageServer) -> None:
    async with listening(server, Wall(Story(), ())) as stream:
        await stream.event()
        await server.stop()
        assert await stream.rest() == ""


async def test_head_of_the_stream_ends() -> None:
    async with opened(Wall(Story(), ())) as client:
        reply = await client.head("/wall/stream")
    assert (reply.status_code, reply.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")


async def test_a_message_with_line_breaks_stays_one_event(server: PageServer) -> None:
    wall = Wall(Story(), ())
    wall.show(bubble(title="甲\r\n\r\nevent: clock\ndata: {}"))
    async with listening(server, wall) as stream:
        name, data, _ = await stream.event()
    assert (name, data["message"]["title"]) == ("bubble", "甲\r\n\r\nevent: clock\ndata: {}")


# --- colours that can be read ------------------------------------------------------

PAIRS = [
    *[(ink, ground) for ink in ("ink", "quiet") for ground in ("sheet", "ground", "bubble", "hover", "chosen")],
    *[(colour, ground) for colour in ("red", "orange", "green", "grey") for ground in ("bubble", "sheet")],
    *[(colour, f"{colour}-soft") for colour in ("red", "orange", "yellow", "green", "blue", "grey")],
    *[("accent", "sheet"), ("accent", "chosen"), ("ink", "grey-soft"), ("quiet", "grey-soft")],
    *[("notice-ink", "notice"), ("head-ink", "head"), ("head-quiet", "head")],
]


def palettes() -> list[dict[str, str]]:
    """The colours by name, for light and for dark."""
    css = (FOLDER / "wall.css").read_text("utf-8")
    light, dark = (re.findall(r"--([\w-]+): #(\w+)", block) for block in re.findall(r":root \{(.*?)\}", css, re.S))
    return [dict(light), {**dict(light), **dict(dark)}]


def brightness(colour: str) -> float:
    """Relative luminance of a hex colour, as WCAG 2 has it."""
    digits = colour if len(colour) == 6 else "".join(digit * 2 for digit in colour)
    shares = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("palette", palettes(), ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), PAIRS)
def test_text_stands_out_from_its_ground(palette: dict[str, str], ink: str, ground: str) -> None:
    lighter, darker = sorted((brightness(palette[ink]), brightness(palette[ground])), reverse=True)
    assert (lighter + 0.05) / (darker + 0.05) >= 4.5


async def test_a_story_clock_that_waits_takes_a_press_at_once_when_it_is_poked() -> None:
    """What `on_control` is for: live waits for the real length of the night, and fast must end that wait."""
    clock = StoryClock(START, speed=1.0)
    poke = asyncio.Event()
    wall = Wall(clock, ())
    wall.on_control(poke.set)
    waiting = asyncio.create_task(clock.wait(START + timedelta(hours=12), poke))
    await asyncio.sleep(0)
    await press(wall, "fast")
    await waiting
    assert clock.pause == 0.1
