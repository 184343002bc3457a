"""The wall in a real browser: it shows, it follows, its buttons work, and it talks to nobody but us."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

import pytest
import pytest_asyncio

from bot.core.telling.message import Paint
from bot.drill.twin import Bubble
from bot.service.status import Status
from bot.web.pages import pages
from bot.web.server import PageServer
from tests.drill.wall_samples import PLAN, START, County, digest, single

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
)

pytest.importorskip("playwright", reason="浏览器测试没有运行：没有装 playwright（pip install playwright）")
pytestmark = [
    pytest.mark.skipif(not CHROMIUM, reason="浏览器测试没有运行：没有找到 Chromium（apt-get install chromium）"),
    pytest.mark.asyncio(loop_scope="module"),  # one browser for all: starting it takes longer than any test
]

from playwright.async_api import Browser, Page, async_playwright, expect  # noqa: E402

PATIENCE = 120_000  # milliseconds

FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]


@dataclass
class Visit:
    """One page open in one window, and everything it did that it should not have."""

    page: Page
    address: str
    complaints: list[str] = field(default_factory=list)

    def watch(self) -> None:
        self.page.on("console", lambda said: self.complaints.append(f"{said.type}: {said.text}"))
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        self.page.on("request", lambda asked: self._check(asked.url))

    def _check(self, url: str) -> None:
        if urlsplit(url).scheme != "data" and urlsplit(url).hostname != "127.0.0.1":
            self.complaints.append(f"request: {url}")


@pytest.fixture
def county() -> County:
    county = County()
    county.fill()
    return county


@pytest_asyncio.fixture(loop_scope="module")
async def address(county: County) -> AsyncIterator[str]:
    server = PageServer()
    status = Status(True, True, (), START, "drill", PLAN, "1.0", {})
    port = await server.start(pages(lambda: status, county.wall.routes()), "127.0.0.1", 0)
    yield f"http://127.0.0.1:{port}/"
    await server.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    expect.set_options(timeout=PATIENCE)
    async with async_playwright() as play:
        browser = await play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()


def paused(county: County) -> bool:
    return county.clock.paused


async def visited(browser: Browser, address: str, width: int, height: int) -> Visit:
    page = await browser.new_page(viewport={"width": width, "height": height}, locale="zh-CN")
    page.set_default_timeout(PATIENCE)
    visit = Visit(page, address)
    visit.watch()
    await page.goto(address)
    return visit


@pytest_asyncio.fixture(loop_scope="module")
async def desk(browser: Browser, address: str) -> AsyncIterator[Visit]:
    """A desktop's window; whatever the test did, the page had nothing to complain about."""
    visit = await visited(browser, address, 1280, 800)
    yield visit
    await visit.page.close()
    assert visit.complaints == []


@pytest_asyncio.fixture(loop_scope="module")
async def phone(browser: Browser, address: str) -> AsyncIterator[Visit]:
    visit = await visited(browser, address, 360, 740)
    yield visit
    await visit.page.close()
    assert visit.complaints == []


async def test_the_overview_shows_every_group(desk: Visit) -> None:
    page = desk.page
    await expect(page.get_by_role("heading", level=1)).to_have_text(PLAN)
    await expect(page.get_by_text("没有任何消息发到真实的群")).to_be_visible()
    await expect(page.locator("#now")).to_have_text("2026年11月25日（周三）09:21")
    await expect(page.locator(".card")).to_have_count(12)
    card = page.locator(".card", has_text="县人社局").first
    await expect(card.locator(".badge")).to_have_text("飞书")
    await expect(card.locator(".unread")).to_have_text("3")
    await expect(card.locator(".lamp.red")).to_have_text("红灯")
    await expect(page.locator(".bar")).to_have_css("background-color", "rgb(31, 64, 104)")  # the style has arrived


async def test_a_click_opens_a_group_and_news_arrives_in_it(desk: Visit, county: County) -> None:
    page = desk.page
    await page.locator(".card-name", has_text="县财政局").click()
    await expect(page.get_by_role("heading", level=2)).to_have_text("县财政局")
    await expect(page.locator(".message")).to_have_count(2)
    await expect(page.locator(".day")).to_have_text(["2026年11月24日（周二）", "2026年11月25日（周三）"])
    row = page.locator(".row", has_text="县财政局")
    await expect(row.locator(".unread")).to_be_hidden()
    county.clock.wind(days=1)
    county.say("县财政局", single("临期", "蓝灯", Paint.BLUE, "剩余6天"))
    county.say("县妇联", digest("县妇联", "11月26日（周四）"))
    await expect(page.locator(".message")).to_have_count(3)
    await expect(page.locator(".message").last).to_contain_text("剩余6天")
    await expect(page.locator(".message").last).to_be_in_viewport()
    await expect(row.locator(".unread")).to_be_hidden()
    await expect(page.locator(".row", has_text="县妇联").locator(".unread")).to_have_text("3")
    await expect(page.locator("#now")).to_have_text("2026年11月26日（周四）09:21")


async def test_the_buttons_turn_the_clock_and_show_it(desk: Visit, county: County) -> None:
    page = desk.page
    await page.get_by_role("button", name="暂停").click()
    await expect(page.get_by_role("button", name="继续")).to_be_visible()
    assert paused(county)
    await page.get_by_role("button", name="继续").click()
    await expect(page.get_by_role("button", name="暂停")).to_be_visible()
    assert not paused(county)
    for word, pause, speed in (("快", 0.1, None), ("实时", 0.0, 1.0), ("慢", 2.0, None)):
        button = page.get_by_role("button", name=word, exact=True)
        await button.click()
        await expect(button).to_have_attribute("aria-pressed", "true")
        assert (county.clock.pause, county.clock.speed) == (pause, speed)


async def test_the_keyboard_reaches_groups_and_buttons(desk: Visit, county: County) -> None:
    page = desk.page
    await expect(page.locator(".card")).to_have_count(12)
    reached: list[str] = []
    for _ in range(9):
        await page.keyboard.press("Tab")
        reached.append(await page.locator(":focus").inner_text())
    assert reached[0] == "跳到内容"
    assert {"暂停", "慢", "快", "实时", "总览", "群聊", "县教育局"} <= set(reached)
    await page.locator(".card-name", has_text="县民政局").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=2)).to_have_text("县民政局")


async def test_a_message_cannot_run_anything(desk: Visit, county: County) -> None:
    evil = "<script>document.title='坏'</script><img src=x onerror=\"document.title='坏'\">**粗**"
    county.wall.show(Bubble("县教育局", county.clock.now(), "wecom", {}, "markdown", evil, evil))
    page = desk.page
    await page.goto(f"{desk.address}#/{quote('县教育局')}")
    last = page.locator(".message .bubble").last
    await expect(last).to_contain_text("<script>document.title='坏'</script><img src=x")
    await expect(last.locator("strong")).to_have_text("粗")
    await expect(
        page.locator(".bubble :is(script, img), .preview :is(script, img), .row :is(script, img)")
    ).to_have_count(0)
    assert "坏" not in await page.title()


async def test_on_a_phone_the_list_comes_first_and_then_the_chat(phone: Visit, county: County) -> None:
    page = phone.page
    await expect(page.locator(".row").first).to_be_visible()
    await expect(page.locator(".chat")).to_be_hidden()
    await page.locator(".row", has_text="县人社局").click()
    await expect(page.locator(".list")).to_be_hidden()
    await expect(page.locator(".message")).to_have_count(3)
    await expect(page.get_by_text("没有任何消息发到真实的群")).to_be_visible()
    await page.get_by_role("button", name="暂停").click()
    await expect(page.get_by_role("button", name="继续")).to_be_visible()
    await page.get_by_role("link", name="返回全部群聊").click()
    await expect(page.locator(".row").first).to_be_visible()


@pytest.mark.parametrize("where", ["", "#/县人社局", "#/县教育局", "#/县财政局"])
async def test_nothing_is_wider_than_a_phone(phone: Visit, where: str) -> None:
    page = phone.page
    await page.goto(f"{phone.address}{quote(where, safe='#/')}")
    await expect(page.locator(".message" if where else ".row").first).to_be_visible()
    widths = await page.evaluate(
        "[...document.querySelectorAll('body, body *')].map(e => e.getBoundingClientRect().right)"
    )
    assert max(widths) <= 360


async def test_the_page_says_so_when_the_program_is_gone(browser: Browser, county: County) -> None:
    server = PageServer()
    status = Status(True, True, (), START, "drill", PLAN, "1.0", {})
    port = await server.start(pages(lambda: status, county.wall.routes()), "127.0.0.1", 0)
    visit = await visited(browser, f"http://127.0.0.1:{port}/", 1280, 800)
    await expect(visit.page.locator(".card")).to_have_count(12)
    await expect(visit.page.locator("#trouble")).to_have_text("")
    await server.stop()
    await expect(visit.page.locator("#trouble")).to_contain_text("连接断了")
