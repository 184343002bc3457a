"""Probes and the status page: plain facts in Chinese, under strict headers whatever is asked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from bot.service.status import Status
from bot.web.pages import HEADERS, pages

WELL = Status(
    alive=True,
    ready=True,
    reasons=(),
    now=datetime(2026, 11, 24, 8, 31, tzinfo=ZoneInfo("Asia/Shanghai")),
    clock="real",
    plan="民乐县全面推进教育强县建设实施方案",
    version="1.2.3",
    counts={"已送达": 128, "待发": 2},
)
UNREADY = replace(WELL, ready=False, reasons=("未配置管理员群聊",))
DEAD = replace(WELL, alive=False)


async def ask(path: str, status: Status = WELL, extra: Sequence[BaseRoute] = (), method: str = "GET") -> httpx.Response:
    transport = httpx.ASGITransport(pages(lambda: status, extra), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        return await client.request(method, path)


@pytest.mark.parametrize(
    ("path", "status", "code", "body"),
    [
        ("/healthz", WELL, 200, {"状态": "正常"}),
        ("/healthz", UNREADY, 200, {"状态": "正常"}),
        ("/healthz", DEAD, 503, {"状态": "已停止"}),
        ("/readyz", WELL, 200, {"状态": "就绪"}),
        ("/readyz", UNREADY, 503, {"状态": "未就绪", "原因": ["未配置管理员群聊"]}),
        ("/readyz", DEAD, 503, {"状态": "未就绪", "原因": ["服务已停止"]}),
    ],
)
async def test_probes_say_how_the_service_stands(path: str, status: Status, code: int, body: object) -> None:
    reply = await ask(path, status)
    assert (reply.status_code, reply.json()) == (code, body)
    assert reply.headers["content-type"] == "application/json; charset=utf-8"


async def test_the_status_page_shows_what_the_self_audit_found() -> None:
    audited = replace(WELL, audited=WELL.now)
    assert "<dt>自查</dt><dd>2026年11月24日（周二）08:31　一致</dd>" in (await ask("/", audited)).text
    text = (await ask("/", replace(audited, gaps=("T05-M1 县教育局 提前7天：没有<告知>过",)))).text
    for shown in ("正常运行，自查有出入", 'class="lead unwell"', "没有&lt;告知&gt;过", "1处出入，心跳已停"):
        assert shown in text


async def test_the_status_page_shows_plan_time_version_and_outbox() -> None:
    text = (await ask("/")).text
    for shown in (
        "正常运行",
        f"《{WELL.plan}》",
        "2026年11月24日（周二）08:31",
        "真实时钟",
        "1.2.3",
        "已送达 128",
        "待发 2",
    ):
        assert shown in text


async def test_the_status_page_says_why_it_is_not_ready() -> None:
    text = (await ask("/", UNREADY)).text
    assert "尚未就绪" in text
    assert "未配置管理员群聊" in text
    assert "已停止" in (await ask("/", DEAD)).text


async def test_what_comes_from_rule_files_is_escaped() -> None:
    text = (await ask("/", replace(UNREADY, plan="<script>甲</script>", reasons=("<img src=x onerror=乙>",)))).text
    assert "<script" not in text
    assert "<img" not in text
    assert "&lt;script&gt;甲" in text


async def broken(_: Request) -> Response:
    raise RuntimeError("key=很机密")


async def other_home(_: Request) -> Response:
    return PlainTextResponse("墙")


EXTRA = [Route("/", other_home), Route("/broken", broken)]


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/pages.css", "/没有", "/broken"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
async def test_every_answer_carries_the_strict_headers_and_its_charset(path: str, method: str) -> None:
    reply = await ask(path, extra=EXTRA[1:], method=method)
    assert {name: reply.headers[name] for name in HEADERS} == HEADERS
    assert reply.headers["content-type"].endswith("; charset=utf-8")


def test_the_headers_allow_nothing_inline_and_nothing_from_elsewhere() -> None:
    policy = dict(part.split(" ", 1) for part in HEADERS["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert HEADERS["X-Content-Type-Options"] == "nosniff"
    assert HEADERS["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/pages.css"])
async def test_head_is_answered_like_get_without_a_body(path: str) -> None:
    reply = await ask(path, method="HEAD")
    assert (reply.status_code, reply.headers["content-length"]) == (200, str(len((await ask(path)).content)))


@pytest.mark.parametrize("path", ["/没有", "/healthz/", "/../etc/passwd", "/%00", "/%2F%2Fevil.example/"])
async def test_an_unknown_path_is_a_chinese_404_that_repeats_nothing(path: str) -> None:
    reply = await ask(path)
    assert reply.status_code == 404
    assert "没有这个页面" in reply.text
    assert "evil" not in reply.text


async def test_another_method_is_refused_in_chinese() -> None:
    reply = await ask("/healthz", method="POST")
    assert reply.status_code == 405
    assert "不能这样访问" in reply.text
    assert "GET" in reply.headers["allow"]


async def test_an_error_inside_is_a_chinese_500_that_tells_no_detail() -> None:
    reply = await ask("/broken", extra=EXTRA)
    assert reply.status_code == 500
    assert "详情见日志" in reply.text
    assert "机密" not in reply.text


async def test_extra_routes_may_take_the_home_page_but_not_the_probes() -> None:
    extra = [*EXTRA, Route("/healthz", other_home)]
    assert (await ask("/", extra=extra)).text == "墙"
    assert (await ask("/healthz", extra=extra)).json() == {"状态": "正常"}


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """One application over several requests, its status changing in between."""
    states = iter([UNREADY, WELL])
    transport = httpx.ASGITransport(pages(lambda: next(states)))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as one:
        yield one


async def test_the_status_is_asked_anew_each_time(client: httpx.AsyncClient) -> None:
    assert [(await client.get("/readyz")).status_code for _ in range(2)] == [503, 200]


async def test_metrics_count_everything_and_name_nobody() -> None:
    full = replace(WELL, audited=WELL.now, evaluated=WELL.now, broken=2, gaps=("T05-M1 县教育局：没有告知过",))
    reply = await ask("/metrics", full)
    lines = reply.text.splitlines()
    for line in (
        "duban_up 1",
        "duban_ready 1",
        'duban_entries{state="delivered"} 128',
        'duban_entries{state="pending"} 2',
        'duban_entries{state="undeliverable"} 0',
        "duban_broken_robots 2",
        f"duban_last_evaluation_timestamp_seconds {WELL.now.timestamp():.0f}",
        "duban_audit_agrees 0",
        "duban_audit_gaps 1",
    ):
        assert line in lines
    assert "教育" not in reply.text
    assert reply.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"


async def test_metrics_of_a_service_that_has_only_begun_say_no_more_than_is_known() -> None:
    text = (await ask("/metrics", replace(DEAD, counts={}))).text
    assert "duban_up 0" in text
    assert "audit" not in text
    assert "evaluation" not in text
