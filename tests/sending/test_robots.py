"""Robots: never more than the platform takes, whatever happens to the process or the clock; broken until somebody mends."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from bot.core.telling.outcome import Outcome, Scope, Verdict
from bot.core.time.zone import ZONE
from bot.platforms import Robot, platform
from bot.sending.robots import Robots, Wait
from bot.state.disk.database import Database
from bot.state.store import Store

NOW = datetime(2027, 12, 24, 8, 47, tzinfo=ZONE)
MINUTE = timedelta(minutes=1)
WECOM = platform("wecom").limits.our_per_minute


def robot(name: str = "县教育局#1", dialect: str = "wecom", address: str = "", keyword: str = "") -> Robot:
    return Robot(name, dialect, SecretStr(f"http://127.0.0.1/{address or name}"), None, keyword)


class Known(Robots):
    """Robots with their store at hand: whoever calls them opens the unit of work."""

    def __init__(
        self,
        by_chat: Mapping[str, Sequence[Robot]],
        store: Store,
        ticks: Callable[[], float] | None = None,
        now: datetime | None = None,
    ) -> None:
        super().__init__(by_chat, store, ticks, now)
        self.store = store


def robots(
    *those: Robot, store: Store | None = None, ticks: Callable[[], float] | None = None, now: datetime | None = None
) -> Known:
    """Robots of one chat each, named by what stands before the #."""
    by_chat: dict[str, tuple[Robot, ...]] = {}
    for one in those:
        chat = one.name.partition("#")[0]
        by_chat[chat] = (*by_chat.get(chat, ()), one)
    found = Known(by_chat, store or Store(Database.in_memory()), ticks, now)
    found.note_setups()
    return found


def send(those: Known, now: datetime, chat: str = "县教育局") -> Robot | None:
    """One send if there is room, as delivery does it."""
    chosen = those.choose(chat, now)
    if isinstance(chosen, Wait):
        return None
    with those.store.work():
        those.stamp(chosen, now)
    return chosen


def refused(those: Known, one: Robot, now: datetime = NOW) -> None:
    with those.store.work():
        those.learn(one, Outcome(Verdict.REFUSED, "93000", "invalid webhook url", "请重新添加机器人"), now)


def later(those: Known, one: Robot, seconds: float, scope: Scope = Scope.ROBOT, now: datetime = NOW) -> None:
    outcome = Outcome(Verdict.LATER, "45009", "", "限流", wait_seconds=seconds, scope=scope, counts=False)
    with those.store.work():
        those.learn(one, outcome, now)


# --- pace ----------------------------------------------------------------------------


def test_after_a_full_minute_the_robot_waits_until_the_oldest_send_is_a_minute_old() -> None:
    those = robots(robot())
    for second in range(WECOM):
        assert send(those, NOW + timedelta(seconds=second))
    wait = those.choose("县教育局", NOW + timedelta(seconds=WECOM))
    assert isinstance(wait, Wait)
    assert wait.until == NOW + MINUTE
    assert send(those, NOW + MINUTE)
    assert not send(those, NOW + MINUTE)


def test_a_robot_that_counts_seconds_too_is_held_to_both() -> None:
    limits = platform("feishu").limits
    assert limits.our_per_second
    those = robots(robot(dialect="feishu"))
    sent = [send(those, NOW) for _ in range(limits.our_per_second + 1)]
    assert sent.count(None) == 1
    wait = those.choose("县教育局", NOW)
    assert isinstance(wait, Wait)
    assert wait.until == NOW + timedelta(seconds=1)


def test_the_minute_is_remembered_over_a_restart(tmp_path: Path) -> None:
    store = Store(Database.open(tmp_path))
    those = robots(robot(), store=store)
    for _ in range(WECOM):
        assert send(those, NOW)
    store.close()
    store = Store(Database.open(tmp_path))
    assert send(robots(robot(), store=store), NOW + timedelta(seconds=59)) is None
    assert send(robots(robot(), store=store), NOW + MINUTE)
    store.close()


JUMPS = {"back": timedelta(hours=-2), "forward": timedelta(minutes=7), "step": timedelta(seconds=40)}


class Elapsed:
    """A clock nobody sets, in seconds."""

    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> float:
        return self.at.timestamp()


@settings(max_examples=100)
@given(
    st.lists(
        st.tuples(st.floats(0, 40), st.sampled_from(["", "", "", "restart", "back", "forward", "step"])), max_size=80
    )
)
def test_no_rolling_minute_holds_more_than_allowed_whatever_happens_to_process_and_clock(
    steps: list[tuple[float, str]],
) -> None:
    """But for a clock put forward after the last send and left so over a restart, which nothing can tell from time."""
    database = Database.in_memory()
    true = Elapsed()
    ahead = lowest = timedelta()  # of the wall clock; `lowest` since the last send
    those = robots(robot(), store=Store(database), ticks=true, now=NOW)
    sent: list[datetime] = []  # in true time, as the platform counts
    for seconds, happening in steps:
        ahead += JUMPS.get(happening, timedelta())
        lowest = min(lowest, ahead)
        if happening == "restart":
            ahead = lowest
            those = robots(robot(), store=Store(database), ticks=true, now=true.at + ahead)
        true.at += timedelta(seconds=seconds / 10)
        while send(those, true.at + ahead):
            sent.append(true.at)
            lowest = ahead
    assert all(b - a >= MINUTE for a, b in zip(sent, sent[WECOM:], strict=False))


@pytest.mark.parametrize(
    "jumps",
    [
        [timedelta(minutes=5)],
        [-timedelta(hours=2)],
        [timedelta(days=1), -timedelta(days=1)],
        [-MINUTE, timedelta(days=1)],
    ],
    ids=["forward", "backward", "forward then back", "back then forward"],
)
def test_a_wall_clock_that_jumps_changes_nothing_about_the_minute(jumps: list[timedelta]) -> None:
    elapsed, wall = 1000.0, NOW
    those = robots(robot(), ticks=lambda: elapsed)
    for _ in range(WECOM):
        assert send(those, wall)
    for jump in jumps:
        elapsed, wall = elapsed + 10, wall + jump + timedelta(seconds=10)
        assert not send(those, wall)
    wait = those.choose("县教育局", wall)
    assert isinstance(wait, Wait)
    left = 60 - 10 * len(jumps)
    assert wait.until == wall + timedelta(seconds=left)
    elapsed, wall = elapsed + left, wall + timedelta(seconds=left)
    assert [bool(send(those, wall)) for _ in range(WECOM + 1)] == [True] * WECOM + [False]


def test_a_jump_before_the_first_message_of_a_process_forgets_nothing_either(tmp_path: Path) -> None:
    store = Store(Database.open(tmp_path))
    those = robots(robot(), store=store)
    while send(those, NOW):
        pass
    elapsed = 0.0
    those = robots(robot(), store=store, ticks=lambda: elapsed, now=NOW + timedelta(seconds=20))
    elapsed = 39.0
    assert not send(those, NOW + timedelta(days=1))
    elapsed = 40.0
    assert send(those, NOW)
    store.close()


def test_after_a_restart_under_a_clock_set_back_the_robot_waits_a_minute_and_not_for_hours() -> None:
    store, elapsed = Store(Database.in_memory()), 0.0
    those = robots(robot(), store=store)
    while send(those, NOW):
        pass
    past = NOW - timedelta(hours=2)
    those = robots(robot(), store=store, ticks=lambda: elapsed, now=past)
    wait = those.choose("县教育局", past)
    assert isinstance(wait, Wait)
    assert wait.until == past + MINUTE


def test_two_robots_of_one_chat_take_turns() -> None:
    those = robots(robot("县教育局#1"), robot("县教育局#2"))
    spoke = [one.name for second in range(6) if (one := send(those, NOW + timedelta(seconds=second)))]
    assert all(a != b for a, b in pairwise(spoke))


def test_a_message_begun_by_one_robot_is_finished_by_it() -> None:
    those = robots(robot("县教育局#1"), robot("县教育局#2"))
    first = send(those, NOW)
    assert first
    assert those.choose("县教育局", NOW, going_on=first.name) == first
    refused(those, first)
    assert those.choose("县教育局", NOW, going_on=first.name) != first


# --- rest ------------------------------------------------------------------------------


def test_a_robot_told_to_wait_rests_that_long_and_no_longer() -> None:
    one, other = robot("县教育局#1"), robot("县财政局#1")
    those = robots(one, other)
    later(those, one, 600)
    wait = those.choose("县教育局", NOW)
    assert isinstance(wait, Wait)
    assert wait.until == NOW + timedelta(seconds=600)
    assert those.choose("县财政局", NOW) == other
    assert those.choose("县教育局", NOW + timedelta(seconds=600)) == one
    assert those.next_instant(NOW) == NOW + timedelta(seconds=600)
    assert those.next_instant(NOW + timedelta(seconds=600)) is None


def test_a_rest_is_remembered_over_a_restart(tmp_path: Path) -> None:
    store = Store(Database.open(tmp_path))
    those = robots(robot(), store=store)
    later(those, robot(), 600)
    store.close()
    store = Store(Database.open(tmp_path))
    assert send(robots(robot(), store=store), NOW + timedelta(seconds=599)) is None
    store.close()


def test_a_wait_for_the_whole_platform_rests_every_robot_of_that_dialect() -> None:
    ding, other, wecom = robot("县教育局#1", "dingtalk"), robot("县财政局#1", "dingtalk"), robot("管理员#1")
    those = robots(ding, other, wecom)
    later(those, ding, 300, Scope.PLATFORM)
    assert isinstance(those.choose("县财政局", NOW), Wait)
    assert those.choose("管理员", NOW) == wecom


def test_a_shorter_wait_does_not_cut_a_longer_one_short() -> None:
    one, other = robot("县教育局#1", "dingtalk"), robot("县财政局#1", "dingtalk")
    those = robots(one, other)
    later(those, one, 600)
    later(those, other, 300, Scope.PLATFORM)
    wait = those.choose("县教育局", NOW)
    assert isinstance(wait, Wait)
    assert wait.until == NOW + timedelta(seconds=600)


def test_a_wait_that_counts_is_the_entry_s_and_not_the_robot_s() -> None:
    those = robots(robot())
    with those.store.work():
        those.learn(robot(), Outcome(Verdict.LATER, "777", "", "", wait_seconds=300), NOW)
    assert those.choose("县教育局", NOW) == robot()


# --- broken ------------------------------------------------------------------------------


def test_a_broken_robot_is_left_out_and_the_other_one_speaks() -> None:
    one, other = robot("县教育局#1"), robot("县教育局#2")
    those = robots(one, other)
    refused(those, one)
    assert [send(those, NOW), send(those, NOW)] == [other, other]
    refused(those, other)
    wait = those.choose("县教育局", NOW)
    assert isinstance(wait, Wait)
    assert wait.until is None


def test_a_chat_without_any_robot_waits_for_a_person() -> None:
    wait = robots().choose("县教育局", NOW)
    assert isinstance(wait, Wait)
    assert wait.until is None


def test_the_admin_hears_of_a_broken_robot_since_when_and_why() -> None:
    those = robots(robot())
    assert those.troubles() == []
    refused(those, robot())
    [trouble] = those.troubles()
    assert trouble.since == NOW
    assert "县教育局#1自12月24日起不可用：请重新添加机器人" in trouble.lines[0]


def test_a_robot_no_longer_configured_is_no_trouble() -> None:
    store = Store(Database.in_memory())
    refused(robots(robot(), store=store), robot())
    assert robots(robot("县财政局#1"), store=store).troubles() == []


def test_a_broken_robot_stays_broken_over_a_restart_with_the_same_address() -> None:
    store = Store(Database.in_memory())
    refused(robots(robot(), store=store), robot())
    again = Robots({"县教育局": (robot(),)}, store)
    assert again.note_setups() == []
    assert isinstance(again.choose("县教育局", NOW), Wait)


@pytest.mark.parametrize("change", [{"address": "new"}, {"keyword": "督办"}, {"dialect": "dingtalk"}])
def test_a_new_address_or_set_up_mends_a_broken_robot(change: dict[str, str]) -> None:
    store = Store(Database.in_memory())
    refused(robots(robot(), store=store), robot())
    again = Robots({"县教育局": (robot(**change),)}, store)
    assert again.note_setups() == ["县教育局"]
    assert again.choose("县教育局", NOW) == robot(**change)
    assert again.troubles() == []


def test_a_robot_that_only_moves_up_the_list_keeps_its_minute_and_its_fault() -> None:
    store = Store(Database.in_memory())
    busy, dead = robot("县教育局#1", address="busy"), robot("县教育局#2", address="dead")
    those = robots(busy, dead, store=store)
    refused(those, dead)
    for _ in range(WECOM):
        assert send(those, NOW) == busy
    moved = robot("县教育局#1", address="dead"), robot("县教育局#2", address="busy")
    again = Robots({"县教育局": moved}, store)
    again.note_setups()
    wait = again.choose("县教育局", NOW)
    assert isinstance(wait, Wait)
    assert wait.until == NOW + MINUTE
    assert [trouble.id for trouble in again.troubles()] == ["机器人:县教育局#1"]


def test_a_new_keyword_does_not_empty_the_minute() -> None:
    store = Store(Database.in_memory())
    those = robots(robot(), store=store)
    for _ in range(WECOM):
        assert send(those, NOW)
    assert send(robots(robot(keyword="督办"), store=store), NOW) is None


def test_nothing_of_an_address_is_stored(tmp_path: Path) -> None:
    store = Store(Database.open(tmp_path))
    those = robots(robot(address="key=0f2c9a31-secret"), store=store)
    send(those, NOW)
    store.close()
    assert b"0f2c9a31" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())
