"""The pages that look ahead, over real HTTP beside a real service: what they show, what they keep to themselves, and that
looking disturbs nothing."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import httpx
import pytest

from bot.authoring.preview import YEARS_AHEAD, Previews
from bot.core.preview.preview import preview_of
from bot.core.time.zone import ZONE
from bot.service.app import App
from bot.service.home import open_store, read_home
from bot.service.status import Status
from bot.service.wiring import listen, make_app
from bot.sources.clock import StoryClock
from bot.web.pages import HEADERS, pages
from bot.web.preview import preview_routes
from bot.web.server import PageServer
from tests.kit.rules_factory import TASK, edited, write_rules

NOW = datetime(2027, 2, 26, 10, 5, tzinfo=ZONE)
SENSITIVE = edited(TASK, "名称: 控辍保学学期排查", "名称: 很要紧的排查\n    敏感: true")


@dataclass
class Site:
    """A service in a folder, its pages on a port of this machine."""

    folder: Path
    app: App
    previews: Previews
    client: httpx.AsyncClient
    apps: list[App]

    async def text(self, path: str) -> str:
        reply = await self.client.get(path)
        assert reply.status_code == 200
        return reply.text

    def rewrite(self, task: str) -> None:
        write_rules(self.folder, {"tasks/05.yaml": task})

    def reload(self) -> None:
        """What the service's next pass does with edited files."""
        self.app.look_around()


@contextmanager
def running(folder: Path, task: str) -> Iterator[App]:
    write_rules(folder, {"tasks/05.yaml": task})
    home = read_home(folder)
    store, lock = open_store(folder / "state" / "drill", "drill", as_confirmed=True)
    try:
        app = make_app(home, store, StoryClock(NOW), home.chats)
        listen(app, home)
        app.take_in()
        yield app
    finally:
        store.close()
        lock.release()


async def served(folder: Path, task: str = TASK) -> AsyncIterator[Site]:
    with running(folder, task) as app:
        apps = [app]
        previews = Previews(folder / "rules", folder / "state" / "drill", lambda: apps[0] if apps else None)
        status = Status(True, True, (), NOW, "drill", "方案", "1", {})
        server = PageServer()
        port = await server.start(pages(lambda: status, preview_routes(previews.ahead, previews.edit)), "127.0.0.1", 0)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            yield Site(folder, app, previews, client, apps)
        await server.stop()


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async for one in served(tmp_path):
        yield one


@pytest.fixture
async def sensitive(tmp_path: Path) -> AsyncIterator[Site]:
    async for one in served(tmp_path, SENSITIVE):
        yield one


def plain(page: str) -> str:
    return re.sub(r"<[^>]*>", " ", page)


# --- /preview -------------------------------------------------------------------


async def test_the_coming_ninety_days_stand_by_day_and_chat_with_totals(site: Site) -> None:
    page = await site.text("/preview")
    assert "2027年2月26日（周五）至2027年5月27日（周四）" in page
    assert "<h2>2027年3月10日（周三）</h2>" in page
    assert "T05-R1@2027-1" in page
    assert "控辍保学学期排查" in page
    assert re.search(r'<th scope="row">县教育局</th><td>\d+</td><td>\d+</td>', page)


async def test_the_page_shows_every_telling_of_the_preview(site: Site) -> None:
    until = datetime(2027, 5, 27, 23, 59, tzinfo=ZONE)
    coming = [row.item for draft, _ in preview_of(site.app.scene(), NOW, until) for row in draft.tellings]
    page = await site.text("/preview")
    assert len(coming) > 3
    assert sorted(re.findall(r"<b>([^<]+)</b>", page)) == sorted(coming)


async def test_a_month_may_be_picked(site: Site) -> None:
    page = await site.text("/preview?month=2027-12")
    assert "2027年12月1日（周三）至2027年12月31日（周五）" in page
    assert "T05-M1" in page
    assert '<a href="/preview?month=2027-11">上一月</a>' in page
    assert '<a href="/preview?month=2028-01">下一月</a>' in page


async def test_a_month_that_is_over_or_too_far_is_the_nearest_one_that_is_shown(site: Site) -> None:
    assert "2027年2月26日（周五）至2027年2月28日（周日）" in await site.text("/preview?month=2020-01")
    found = await site.previews.ahead(date(2999, 1, 1))
    assert found is not None
    assert found.since == date(2027 + YEARS_AHEAD, 12, 1)


@pytest.mark.parametrize("month", ["xx", "2027-13", "2027-3", "<script>", "2027-03-01"])
async def test_a_month_that_is_none_is_refused_in_chinese(site: Site, month: str) -> None:
    reply = await site.client.get("/preview", params={"month": month})
    assert reply.status_code == 400
    assert "请从首页重新打开" in reply.text
    assert "script" not in reply.text


async def test_sensitive_items_come_by_number_only(sensitive: Site) -> None:
    page = await sensitive.text("/preview")
    assert "T05-R1@2027-1" in page
    assert "很要紧" not in page


async def test_the_pages_load_nothing_from_elsewhere_and_keep_the_strict_headers(site: Site) -> None:
    for path in ("/preview", "/preview/diff"):
        reply = await site.client.get(path)
        assert {name: reply.headers[name] for name in HEADERS} == HEADERS
        assert re.findall(r'(?:src|href|action)="(?!/|data:)', reply.text) == []
        assert "style=" not in reply.text


async def test_a_page_is_worked_out_once_until_something_happens(site: Site) -> None:
    first, again = await site.previews.ahead(None), await site.previews.ahead(None)
    assert again is first
    with site.app.store.work():
        site.app.store.set_meta("anything", 1)
    assert await site.previews.ahead(None) is not first


async def test_looking_takes_nothing_from_the_service(site: Site) -> None:
    before = sorted(path.read_bytes() for path in (site.folder / "state").rglob("*.log"))
    told = list(site.app.store.entries)
    await asyncio.gather(site.text("/preview"), site.text("/preview/diff"), site.text("/preview?month=2027-12"))
    assert sorted(path.read_bytes() for path in (site.folder / "state").rglob("*.log")) == before
    assert list(site.app.store.entries) == told


async def test_before_the_start_both_pages_ask_for_patience(site: Site) -> None:
    site.apps.clear()
    for path in ("/preview", "/preview/diff"):
        reply = await site.client.get(path)
        assert reply.status_code == 503
        assert "正在启动" in reply.text


async def test_the_home_page_names_both(site: Site) -> None:
    page = await site.text("/")
    assert '<a href="/preview">今后的提醒</a>' in page
    assert '<a href="/preview/diff">规则改动的后果</a>' in page


# --- /preview/diff ----------------------------------------------------------------


async def test_without_an_edit_there_is_nothing_to_see(site: Site) -> None:
    assert "没有待生效的改动" in await site.text("/preview/diff")


async def test_an_edit_shows_what_it_will_change_until_it_is_in_force(site: Site) -> None:
    site.rewrite(edited(TASK, "每年3月15日、9月15日", "每年3月18日、9月15日"))
    page = plain(await site.text("/preview/diff"))
    assert "共1处：改期1项，涉及1个群。" in page
    assert "2027-03-10→2027-03-15" in page
    site.reload()
    assert "没有待生效的改动" in await site.text("/preview/diff")


async def test_an_edit_that_changes_no_telling_says_so(site: Site) -> None:
    site.rewrite(edited(TASK, "名称: 控辍保学学期排查", "名称: 控辍保学排查"))
    assert "提醒没有变化" in await site.text("/preview/diff")


async def test_a_refused_edit_lists_its_problems_at_their_places(site: Site) -> None:
    site.rewrite(edited(TASK, "2027年底", "2027年13月<b>"))
    site.reload()
    page = await site.text("/preview/diff")
    assert "改动没有生效" in page
    assert "rules/tasks/05.yaml:10:" in page
    assert "<b>" not in page


async def test_a_sensitive_item_s_change_comes_by_number_only(sensitive: Site) -> None:
    sensitive.rewrite(edited(SENSITIVE, "每年3月15日、9月15日", "每年3月18日、9月15日"))
    page = await sensitive.text("/preview/diff")
    assert "T05-R1@2027-1" in page
    assert "很要紧" not in page
