"""Peers that took a typo for a rule, died unheard, lost history by name, or logged a key (F33–F37)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from time import monotonic
from typing import Any

import httpx
import pytest
from loguru import logger

from bot.core.deciding.addressees import ADMIN
from bot.core.telling import wording
from bot.core.telling.entry import EntryState
from bot.sending import delivery
from bot.service.heartbeat import NAME, Heartbeat
from bot.service.home import read_home
from bot.service.logs import set_up
from bot.service.status import status_of
from bot.web.pages import pages
from tests.cli.conftest import Run, duban  # noqa: F401
from tests.kit.house import SAYS, at, furnished, until
from tests.kit.rules_factory import INDICATORS, TASK, edited, place_of, write_rules
from tests.leak.test_secrets import DIALECTS, assert_nothing_shows, command, everything_printed, one_morning, secretive
from tests.service.test_edits import edit, look, tellings, write_chats
from tests.service.test_heartbeat import beats, real_bot
from tests.service.test_reform_while_running import RENAMED, heard, new_names


@pytest.fixture(autouse=True)
def _quiet() -> None:
    logger.remove()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    write_rules(tmp_path)
    return tmp_path


# --- F33 --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("right", "wrong", "near"),
    [
        ("名称: 创建", "名程: 创建", "名称"),
        ("县财政局]", "县财正局]", "县财政局"),
        ("督办阶梯: 重大节点", "督办阶梯: 重大结点", "重大节点"),
        ("类型: 周期", "类型: 周其", "周期"),
        ("完成时限: 2027年底", "完成时限: 2027年低", "2027年"),
    ],
)
def test_f33_a_slip_of_the_pen_is_an_error_with_its_place_and_a_near_match(
    home: Path,
    duban: Run,  # noqa: F811
    right: str,
    wrong: str,
    near: str,
) -> None:
    """Alertmanager #5167: valid syntax, wrong receiver, and nobody is ever told."""
    slipped = edited(TASK, right, wrong)
    write_rules(home, {"tasks/05.yaml": slipped})
    code, said, _ = duban("check")
    line, _ = place_of(slipped, wrong)
    [complaint] = [text for text in said.splitlines() if f"rules/tasks/05.yaml:{line}:" in text and "错误" in text]
    after = said[said.index(complaint) :]
    assert code == 1
    assert near in after


def test_f33_an_item_that_does_not_exist_is_refused_with_a_near_one(home: Path, duban: Run) -> None:  # noqa: F811
    """The same at the command line."""
    code, _, said = duban("done", "T05-M11")
    assert code != 0
    assert "T05-M1" in said.replace("T05-M11", "")


# --- F34 --------------------------------------------------------------------------------------------


async def test_f34_one_message_that_cannot_be_worded_goes_in_plain_words_and_the_admin_hears(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ElastAlert2 disables a rule after one uncaught error."""
    async with furnished(tmp_path, "2027-11-30T08:00") as house:
        word = wording.word

        def failing(entry: Any, words: Any) -> Any:
            if entry.chat == "县教育局" and house.clock.now() < at("2027-12-02T00:00"):
                raise KeyError("a slip in a wording")
            return word(entry, words)

        monkeypatch.setattr(delivery, "word", failing)
        await house.live("2027-12-24T18:00")
        plain = [bubble.source for bubble in house.seen("县教育局") if "【督办提醒】县教育局" in bubble.source]
        assert any("通过国家评估认定（T05-M1）　在办（未到期）　时限2027年12月31日" in source for source in plain), (
            plain
        )
        assert any("义务教育优质均衡发展（T05）　交办\n" in source for source in plain), plain
        assert not house.entries(EntryState.UNDELIVERABLE)
        assert any("措辞出错（KeyError），已改用简短文字发出" in bubble.source for bubble in house.seen(ADMIN))
        assert any("（T05-M1）" in bubble.source for bubble in house.seen("县财政局"))
        assert house.app.alive


# --- F35 --------------------------------------------------------------------------------------------


async def test_f35_when_the_loop_dies_health_turns_red_the_page_says_so_and_the_heart_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Healthchecks #363, #433: nobody notices that the worker is not running."""
    async with real_bot(tmp_path) as app:
        pings: list[str] = []
        app.after_pass[-1] = Heartbeat(tmp_path / "state", lambda: pings.append("ping")).beat
        running = asyncio.create_task(app.run())
        await until(lambda: bool(pings))
        web = httpx.AsyncClient(
            transport=httpx.ASGITransport(pages(lambda: status_of(app))), base_url="http://127.0.0.1"
        )
        assert (await web.get("/healthz")).status_code == 200
        beat = beats(tmp_path / "state")
        app.clock.stop()  # the alarm clock dies: nothing wakes the loop again
        later = monotonic() + 2 * 60 + 11  # two cycles of the longest heartbeat
        monkeypatch.setattr("bot.service.app.monotonic", lambda: later)
        assert (await web.get("/healthz")).status_code == 503
        assert "已停止" in (await web.get("/")).text
        assert (beats(tmp_path / "state"), pings) == (beat, ["ping"])
        await web.aclose()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert (tmp_path / "state" / NAME).exists()


# --- F36 --------------------------------------------------------------------------------------------


async def test_f36_history_and_rungs_stay_when_a_rule_or_a_unit_is_renamed(tmp_path: Path) -> None:
    """ElastAlert2 looks pending rows up by the rule's name."""
    async with furnished(tmp_path, "2027-12-01T08:00", begin=False) as house:
        write_chats(house, "管理员", "县教育局", "县委教育工委", "县财政局")
        house.open(read_home(tmp_path).chats)
        await look(house, "2027-12-01T09:33")
        before = heard(house, "县教育局", "T05-M1")
        told = {(item, on) for item, who, on in tellings(house) if who == "县教育局"}
        assert before >= 1
        task = new_names(edited(TASK, "创建工作通过国家评估认定", "通过国家级评估认定"))
        edit(house, units=RENAMED, tasks_05=task, indicators=new_names(INDICATORS))
        await look(house, "2027-12-01T10:02")
        await look(house, "2027-12-02T09:33")
        assert house.app.rulebook.by_id["T05-M1"].title == "通过国家级评估认定"
        assert heard(house, "县教育局", "T05-M1") == before
        memory = house.store.tellings
        due = house.app.findings["T05-M1"].due_on
        last = memory.last("T05-M1", due, "县教育和科技局")
        assert last is not None
        assert ("T05-M1", last.rung_on) in told
        await house.app.deliveries.close()


# --- F37 --------------------------------------------------------------------------------------------


async def test_f37_no_key_in_logs_state_exports_or_error_pages_after_a_run_with_every_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """PrometheusAlert, Nightingale and ElastAlert2 print addresses with their keys."""
    set_up("DEBUG")
    async with secretive(tmp_path, monkeypatch) as (house, secrets):
        house.twin.drop_after_accept("县教育局")
        house.twin.refuse("县财政局", SAYS["dead"][DIALECTS["县财政局"]])
        await one_morning(house)
        web = httpx.ASGITransport(pages(lambda: status_of(house.app)), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=web, base_url="http://127.0.0.1") as client:
            shown = [(await client.get(path)).text for path in ("/", "/healthz", "/readyz", "/nothing")]
        printed = everything_printed(house)
        house.close()
        outputs = [
            (await command(tmp_path, *arguments))[1]
            for arguments in (
                ("outbox", "--drill", "--all", "--json"),
                ("receipt", "T05-M1"),
                ("ledger", "export", "--text"),
            )
        ]
        logged = capsys.readouterr()
        assert logged.err
        assert_nothing_shows(secrets, tmp_path / "state", printed, logged.out, logged.err, *shown, *outputs)
        assert all(outputs)
