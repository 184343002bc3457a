"""Peers that were wrong about time: zones, edges of a date, windows, years without data, jumps, muted days (F27–F32)."""

from __future__ import annotations

import os
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest
from loguru import logger

from bot.core.deciding.addressees import ADMIN
from bot.core.time.windows import OfficeHours, is_open
from bot.settings import load_settings
from tests.kit.builders import LADDERS, a_milestone, a_rulebook
from tests.kit.house import at, furnished
from tests.leak.test_secrets import command
from tests.service.test_app import shown
from tests.service.test_edits import write_chats
from tests.stories.timeline import Timeline


@pytest.fixture(autouse=True)
def _quiet() -> None:
    logger.remove()


# --- F27 --------------------------------------------------------------------------------------------


async def test_f27_in_a_container_in_utc_without_zone_files_every_time_is_beijing_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PrometheusAlert has eight reports of the same eight hours."""
    said = []
    for zone in ("UTC", "Asia/Shanghai", "America/New_York"):
        monkeypatch.setenv("TZ", zone)
        monkeypatch.setenv("PYTHONTZPATH", str(tmp_path / "no zones"))
        home = tmp_path / zone.replace("/", "-")
        async with furnished(home, "2026-11-23T09:31", begin=False) as house:
            write_chats(house, "县教育局", "管理员")
            house.twin.refuse("管理员", 93000)
            texts = [
                (await command(home, *arguments))[1]
                for arguments in (
                    ("once", "--at", "2026-11-23T09:31", "--as-confirmed"),
                    ("outbox", "--drill", "--all", "--json"),
                    ("preview", "--text"),
                )
            ]
            said.append((texts[0].partition(" WARNING")[2], *texts[1:], [b.source for b in house.seen("县教育局")]))
        assert "+08:00 WARNING" in texts[0]  # the log says whose time it is
        assert "2026-11-23T09:31:00+08:00" in texts[1]
        assert "+00:00" not in "".join(texts)
    assert said[0] == said[1] == said[2]
    assert said[0][3]
    assert os.environ["TZ"] == "America/New_York"


# --- F28 --------------------------------------------------------------------------------------------


def test_f28_a_deadline_is_met_until_midnight_in_beijing() -> None:
    """OpenProject and GitLab count a day in the server's zone."""
    story = Timeline(a_rulebook(a_milestone()), start="2027-12-30")
    states = {}
    for moment in ("2027-12-31 00:01", "2027-12-31 23:59", "2028-01-01 00:00"):
        story.at(moment)
        states[moment[5:]] = story.state("T05-M1")
    assert list(states.values()) == ["临期", "临期", "逾期"]


@pytest.mark.parametrize(
    ("due", "rung", "on"),
    [
        ("2028-03-01", "提前1天", "2028-02-29"),
        ("2028年2月底", "提前7天", "2028-02-22"),
        ("2027年2月底", "提前7天", "2027-02-21"),
        ("2028-02-29", "提前30天", "2028-01-30"),
        ("2028-01-30", "提前30天", "2027-12-31"),
        ("2027年底", "提前7天", "2027-12-24"),
        ("2028-01-01", "提前1天", "2027-12-31"),
        ("2027年11月底", "提前30天", "2027-10-31"),
    ],
)
def test_f28_rungs_at_the_end_of_february_of_a_month_and_of_a_year(due: str, rung: str, on: str) -> None:
    """Alertmanager mended the end of a month in 2026."""
    ladders = f"单级:\n  - {{时点: {rung}, 对象: 牵头单位, 形式: 汇总}}\n{LADDERS}"
    start = date.fromisoformat(on) - timedelta(days=20)
    story = Timeline(a_rulebook(a_milestone(due=due, ladder="单级"), ladders=ladders), start=str(start))
    rows = [row for row in story.at(str(date.fromisoformat(on) + timedelta(days=1))).rows if row.item == "T05-M1"]
    assert [(row.rung, str(row.rung_on)) for row in rows] == [(rung, on)]


# --- F29 --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hours", ["22:00-6:00", "8:00-8:00", "8:00-12:00, 12:00-12:00"])
def test_f29_hours_over_midnight_or_without_length_are_refused_with_their_place(tmp_path: Path, hours: str) -> None:
    """NAV #68 and Nightingale #1590 take them and are then open always, or never."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "bot.yaml").write_text(f"办公时间: [{hours}]\n", "utf-8")
    settings, [problem] = load_settings(tmp_path)
    assert settings is None
    assert (problem.line, "结束应晚于开始" in problem.message) == (1, True)


def test_f29_each_minute_of_a_day_is_open_exactly_inside_the_hours() -> None:
    """The same over twenty-four hours."""
    calendar = a_rulebook(a_milestone()).calendar
    for minute in range(24 * 60):
        now = at("2027-03-03T00:00") + timedelta(minutes=minute)
        inside = time(8, 30) <= now.time() < time(12) or time(14, 30) <= now.time() < time(17, 30)
        assert is_open(now, OfficeHours(), calendar) == inside


# --- F30 --------------------------------------------------------------------------------------------


def test_f30_a_year_without_data_runs_on_weekdays_and_only_the_admin_hears_of_it() -> None:
    """chinese-calendar raises NotImplementedError each January."""
    story = Timeline(a_rulebook(a_milestone(due="2030-01-16"), starts="2029-11-01"), start="2029-11-01")
    early = story.at("2029-11-14 18:00")
    assert not any(row.item.startswith("系统:日历") for row in early.rows)
    later = story.at("2030-02-28 18:00")
    heard = [row.addressee for row in later.rows if row.item == "系统:日历@2030"]
    assert len(heard) > 5
    assert set(heard) == {ADMIN}
    told = [sent for sent in later.sent if "T05-M1" in " ".join(sent.lines())]
    assert told
    assert all(sent.at.weekday() < 5 for sent in later.sent)


# --- F31 --------------------------------------------------------------------------------------------


async def test_f31_a_clock_set_back_two_hours_repeats_no_rung(tmp_path: Path) -> None:
    """A step of NTP, while the bot runs and over a restart."""
    async with furnished(tmp_path, "2027-12-01T08:00") as house:
        await house.live("2027-12-01T10:00")
        before = shown(house)
        assert before
        for restarted in (False, True):
            house.clock.jump(at("2027-12-01T08:00"))
            house.reopen()
            for instant in () if restarted else ("2027-12-01T08:00", "2027-12-01T09:00"):
                house.clock.jump(at(instant))
                await house.app.one_pass()
            await house.live("2027-12-01T10:00")
            assert shown(house) == before


# --- F32 --------------------------------------------------------------------------------------------


def test_f32_what_falls_on_a_saturday_is_said_once_on_monday_and_repeats_keep_their_count() -> None:
    """Alertmanager #3367 swallows what is muted; Nagios #1050 makes 72 hours daily."""
    ladders = f"每周:\n  - {{时点: 逾期每7天, 对象: 牵头单位, 形式: 汇总}}\n{LADDERS}"
    story = Timeline(a_rulebook(a_milestone(due="2027-03-06", ladder="每周"), ladders=ladders), start="2027-03-08")
    told: list[datetime] = [s.at for s in story.at("2027-04-01 18:00").sent if "T05-M1 逾期" in " ".join(s.lines())]
    assert [f"{moment:%m-%d %H:%M}" for moment in told] == ["03-15 09:26", "03-22 09:26", "03-29 09:26"]
