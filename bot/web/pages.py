"""The probes, the status page, and the routes that other modules add.

Every answer, errors included, carries the same strict headers: pages load nothing from other sites and run no inline script.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from datetime import datetime

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.core.telling.wording import WEEKDAYS
from bot.service.status import Status
from bot.web.metrics import exposition

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

_SENTENCES = {
    400: "网址里的内容不对，请从首页重新打开。",
    404: "没有这个页面，请检查网址。",
    405: "这个网址不能这样访问。",
    500: "程序出错了，详情见日志。",
    503: "服务正在启动，请稍后再试。",
}

_PLACES = {"/preview": "今后的提醒", "/preview/diff": "规则改动的后果"}
_CLOCKS = {"real": "真实时钟", "drill": "演练时钟"}


def pages(status: Callable[[], Status], extra: Sequence[BaseRoute | Mount] = ()) -> Starlette:
    """The web application. `extra` comes after the probes and before the status page, so it may replace `/`."""

    async def healthz(_: Request) -> Response:
        alive = status().alive
        return _json({"状态": "正常" if alive else "已停止"}, 200 if alive else 503)

    async def readyz(_: Request) -> Response:
        now = status()
        if now.alive and now.ready:
            return _json({"状态": "就绪"}, 200)
        return _json({"状态": "未就绪", "原因": list(now.reasons) if now.alive else ["服务已停止", *now.reasons]}, 503)

    async def metrics(_: Request) -> Response:
        return Response(exposition(status()), media_type="text/plain; version=0.0.4; charset=utf-8")

    async def home(_: Request) -> Response:
        return HTMLResponse(page("督办", _status(status(), _links(extra))))

    async def style(_: Request) -> Response:
        return Response(_STYLE, media_type="text/css")

    own = {"/healthz": healthz, "/readyz": readyz, "/metrics": metrics, "/pages.css": style}
    app = Starlette(
        routes=[*(Route(path, answer) for path, answer in own.items()), *extra, Route("/", home)],
        middleware=[Middleware(_Headers)],
        exception_handlers={HTTPException: _refusal, Exception: _failure},
    )
    app.router.redirect_slashes = False  # the redirect would lead to whatever host the client named in its request
    return app


def _json(body: object, code: int) -> Response:
    return JSONResponse(body, code, media_type="application/json; charset=utf-8")


class _Headers:
    """Adds the headers to every answer. Bodies are not buffered, so streams work."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self._app(scope, receive, sent)


async def _refusal(_: Request, error: Exception) -> Response:
    """A Chinese page for an HTTP error. Headers of the error, such as Allow, are kept."""
    assert isinstance(error, HTTPException)
    sentence = _SENTENCES.get(error.status_code, f"请求没有被接受（{error.status_code}）。")
    return HTMLResponse(page("督办", _sorry(sentence)), error.status_code, error.headers)


async def _failure(_: Request, error: Exception) -> Response:
    """The page for an unexpected error. Starlette calls it outside all middleware, so it sets the headers itself."""
    del error
    return HTMLResponse(page("督办", _sorry(_SENTENCES[500])), 500, HEADERS)


def _sorry(sentence: str) -> str:
    return f'<p class="lead">{html.escape(sentence)}</p><p><a href="/">回到首页</a></p>'


def moment(at: datetime) -> str:
    """2026年11月24日（周二）08:31."""
    return f"{at.year}年{at.month}月{at.day}日（周{WEEKDAYS[at.weekday()]}）{at:%H:%M}"


def _status(now: Status, links: str) -> str:
    ready = now.alive and now.ready
    word = "正常运行" if ready else ("尚未就绪" if now.alive else "已停止")
    word += "，自查有出入" if now.gaps else ""
    reasons = "".join(f"<li>{html.escape(reason)}</li>" for reason in (*now.reasons, *now.gaps))
    rows = {
        "方案": f"《{now.plan}》" if now.plan else "尚未载入",
        "业务时间": f"{moment(now.now)}　{_CLOCKS.get(now.clock, now.clock)}",
        "版本": now.version,
        "消息": "　".join(f"{state} {count}" for state, count in now.counts.items()) or "还没有消息",
    }
    if now.audited:
        rows["自查"] = f"{moment(now.audited)}　{f'{len(now.gaps)}处出入，心跳已停' if now.gaps else '一致'}"
    listed = "".join(f"<dt>{name}</dt><dd>{html.escape(text)}</dd>" for name, text in rows.items())
    return (
        f'<p class="lead {"well" if ready and not now.gaps else "unwell"}">{word}</p>'
        f"{f'<ul>{reasons}</ul>' if reasons else ''}<dl>{listed}</dl>{links}"
    )


def _links(routes: Sequence[BaseRoute | Mount]) -> str:
    """Links to those pages that are mounted."""
    mounted = {route.path for route in routes if isinstance(route, Route)}
    found = [f'<a href="{path}">{name}</a>' for path, name in _PLACES.items() if path in mounted]
    return f"<p>{'　'.join(found)}</p>" if found else ""


def page(title: str, body: str, wide: bool = False) -> str:
    """A whole HTML page; `body` is HTML. `wide` gives room for tables."""
    return (
        '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f'<title>{html.escape(title)}</title><link rel="stylesheet" href="/pages.css"></head>'
        f"<body><main{' class=wide' if wide else ''}><h1>{html.escape(title)}</h1>{body}"
        "<p class=zone>时间均为北京时间。</p></main></body></html>"
    )


_STYLE = """
:root { color-scheme: light dark; --ground: #f3f5f8; --sheet: #fff; --ink: #1c2733; --quiet: #55616e; --line: #dde3ea;
  --well: #1b6e42; --unwell: #a8480a; --link: #1d4f8c; }
@media (prefers-color-scheme: dark) { :root { --ground: #12171d; --sheet: #1b222b; --ink: #e6ebf1; --quiet: #a3afbc;
  --line: #323c48; --well: #6cc596; --unwell: #f0a35e; --link: #8fbcf0; } }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 16px/1.7 "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif; }
main { box-sizing: border-box; max-width: 40rem; margin: 8vh auto; padding: 2rem; background: var(--sheet);
  border: 1px solid var(--line); border-radius: 10px; }
h1 { margin: 0; font-size: 1rem; letter-spacing: .2em; color: var(--quiet); }
.lead { margin: .3rem 0 1rem; font-size: 1.5rem; font-weight: 600; }
.well { color: var(--well); } .unwell { color: var(--unwell); }
dl { display: grid; grid-template-columns: 5em 1fr; gap: .4rem 1rem; margin: 0; padding-top: 1rem;
  border-top: 1px solid var(--line); }
.wide { max-width: 64rem; margin: 2rem auto; }
h2 { margin: 2rem 0 .5rem; font-size: 1.1rem; }
table { width: 100%; border-collapse: collapse; font-size: .95rem; } .sums table { width: auto; }
.wide > table { table-layout: fixed; } .wide > table th:first-child { width: 8.5em; }
.wide > table th:last-child { width: 38%; }
th, td { padding: .35rem .6rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top;
  overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
th { font-weight: 600; color: var(--quiet); min-width: 4em; } summary { cursor: pointer; padding: .4rem 0; }
input, button { font: inherit; padding: .2rem .6rem; }
@media (max-width: 40rem) { .wide { margin: 0; padding: 1rem; border: 0; border-radius: 0; }
  .wide th, .wide td { padding: .3rem; font-size: .85rem; } .wide > table th:first-child { width: 5.5em; } .lead { font-size: 1.2rem; } }
dt, .zone { color: var(--quiet); } dd { margin: 0; overflow-wrap: anywhere; } a { color: var(--link); }
"""
