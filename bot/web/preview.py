"""/preview and /preview/diff: what will be told, by day and chat, and what a waiting edit of the rules would change.

Sensitive items are shown by number only: everyone may open these pages.
"""

from __future__ import annotations

import html
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from datetime import date, timedelta
from itertools import groupby

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from bot.authoring.preview import YEARS_AHEAD, EditPreview, Preview
from bot.core.deciding.reasons import Reason
from bot.core.preview.difference import Difference, PreviewTelling, by_chat, described, messages, totals
from bot.core.rules.item import State
from bot.core.rules.item_ids import without_step
from bot.core.telling.wording import WEEKDAYS
from bot.web.pages import page


def preview_routes(
    ahead: Callable[[date | None], Awaitable[Preview | None]], edit: Callable[[], Awaitable[EditPreview | None]]
) -> list[Route]:
    """Routes of both pages.

    `ahead` is called with the first day of a month, or with None for the coming 90 days. It returns None, as `edit` does, while the
    service is still starting.
    """

    async def preview(request: Request) -> Response:
        found = await ahead(_month(request.query_params.get("month", "")))
        if found is None:
            raise HTTPException(503)
        return HTMLResponse(page("今后的提醒", _ahead(found), wide=True))

    async def diff(_: Request) -> Response:
        found = await edit()
        if found is None:
            raise HTTPException(503)
        return HTMLResponse(page("改动的后果", _edit(found), wide=True))

    return [Route("/preview", preview), Route("/preview/diff", diff)]


def _month(text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        raise HTTPException(400) from None


# --- what will be told ------------------------------------------------------------


def _ahead(found: Preview) -> str:
    tellings = found.tellings
    lead = f"{_long(found.since)}至{_long(found.until)}"
    count = f"共{messages(tellings)}条消息，提醒{len(tellings)}项。" if tellings else "这段时间没有要发的提醒。"
    guess = (
        "标“暂定”的日期按暂定日历推算，放假安排公布后可能变动。" if any(t.telling.provisional for t in tellings) else ""
    )
    days = "".join(_day(day, list(group)) for day, group in groupby(tellings, key=lambda one: one.at.date()))
    return (
        f'<p class="lead">{lead}</p><p>如果没有新的办结、报数和改动，将发出以下提醒。{count}{guess}</p>'
        f"{_picker(found)}{_sums(tellings) if tellings else ''}{days}"
        '<p><a href="/preview/diff">规则改动的后果</a>　<a href="/">首页</a></p>'
    )


def _picker(found: Preview) -> str:
    first, last = found.today.replace(day=1), date(found.today.year + YEARS_AHEAD, 12, 1)
    month = found.since.replace(day=1)
    links = [("今后90天", "/preview")]
    if month > first:
        links.append(("上一月", _address(month - timedelta(days=1))))
    if month < last:
        links.append(("下一月", _address(month + timedelta(days=32))))
    listed = "　".join(f'<a href="{address}">{name}</a>' for name, address in links)
    return (
        f'<nav aria-label="时间段"><form action="/preview"><label for="month">月份</label> '
        f'<input type="month" id="month" name="month" placeholder="2027-03" pattern="[0-9]{{4}}-[0-9]{{2}}" required '
        f'min="{first:%Y-%m}" max="{last:%Y-%m}" value="{month:%Y-%m}"> <button>查看</button></form><p>{listed}</p></nav>'
    )


def _address(day: date) -> str:
    return f"/preview?month={day:%Y-%m}"


def _sums(tellings: Sequence[PreviewTelling]) -> str:
    by_name = sorted(tellings, key=lambda one: one.chat)
    groups = {chat: list(group) for chat, group in groupby(by_name, key=lambda one: one.chat)}
    order = sorted(groups, key=lambda chat: (-len(groups[chat]), chat))
    rows = "".join(
        f'<tr><th scope="row">{html.escape(chat)}</th><td>{messages(groups[chat])}</td><td>{len(groups[chat])}</td></tr>'
        for chat in order
    )
    head = (
        '<thead><tr><th scope="col">群</th><th scope="col">消息（条）</th><th scope="col">提醒（项）</th></tr></thead>'
    )
    return f'<details class="sums" open><summary>各群合计</summary><table>{head}<tbody>{rows}</tbody></table></details>'


def _day(day: date, tellings: Sequence[PreviewTelling]) -> str:
    head = "".join(f'<th scope="col">{name}</th>' for name in ("时间、群", "事项", "提醒"))
    rows = "".join(
        _message(list(group)) for _, group in groupby(tellings, key=lambda one: (one.at, one.chat, one.telling.form))
    )
    return f"<h2>{_long(day)}</h2><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _message(told: Sequence[PreviewTelling]) -> str:
    first = told[0]
    head = f'<th scope="rowgroup" rowspan="{len(told)}">{first.at:%H:%M}<br>{html.escape(first.chat)}<br>{first.telling.form}</th>'
    cells = (f"<td>{_named(one)}</td><td>{_why(one)}</td>" for one in told)
    return "".join(f"<tr>{head if index == 0 else ''}{cell}</tr>" for index, cell in enumerate(cells))


def _named(one: PreviewTelling) -> str:
    return f"<b>{html.escape(without_step(one.telling.item))}</b> {html.escape(one.telling.title)}"


def _why(one: PreviewTelling) -> str:
    words = [
        State(one.telling.state).shown,
        one.telling.rung,
        Reason[one.telling.reason].words,
        "暂定" if one.telling.provisional else "",
        one.telling.mark,
    ]
    return html.escape("　".join(word for word in words if word))


def _long(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日（周{WEEKDAYS[day.weekday()]}）"


# --- what an edit changes -----------------------------------------------------------


def _edit(found: EditPreview) -> str:
    if not found.waits:
        body = '<p class="lead well">没有待生效的改动</p><p>规则文件与生效中的规则相同。</p>'
    elif found.problems:
        body = _refused(found.problems)
    else:
        body = _changes(found)
    return f'{body}<p><a href="/preview">今后的提醒</a>　<a href="/">首页</a></p>'


def _refused(problems: Sequence[str]) -> str:
    listed = "".join(f"<li>{html.escape(problem)}</li>" for problem in problems)
    return (
        f'<p class="lead unwell">改动没有生效</p><p>规则文件有{len(problems)}处错误，仍按上一版规则运行。'
        f"改好后会自动生效。</p><ul>{listed}</ul>"
    )


def _changes(found: EditPreview) -> str:
    span = f"{_long(found.since)}至{_long(found.until)}"
    if not found.changes:
        return f'<p class="lead well">提醒没有变化</p><p>规则文件改过，{span}要发的提醒与生效中的规则相同。</p>'
    chats = by_chat(found.changes)
    lead = f"共{len(found.changes)}处：{totals(found.changes)}，涉及{len(chats)}个群。"
    return f'<p class="lead">{span}</p><p>与生效中的规则相比，{lead}</p>{"".join(_by_chat(chats))}'


def _by_chat(chats: dict[str, list[Difference]]) -> Iterator[str]:
    head = "".join(f'<th scope="col">{name}</th>' for name in ("改动", "事项", "怎么变"))
    for chat, changes in chats.items():
        rows = "".join(_changed(changes))
        yield f"<h2>{html.escape(chat)}：{totals(changes)}</h2>"
        yield f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _changed(changes: Iterable[Difference]) -> Iterator[str]:
    for one in changes:
        what = html.escape(f"{one.told.telling.rung}　{described(one)}")
        yield f'<tr><th scope="row">{one.change}</th><td>{_named(one.told)}</td><td>{what}</td></tr>'
