"""Whatever lies in the inbox, it is taken in, or set aside with a sentence that says why; never is it an error of ours."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.facts.events import PAYLOADS, EventRejected
from bot.core.facts.facts import Facts
from bot.service.app import App
from bot.service.home import Home, read_home
from bot.service.wiring import drill_chats, listen, make_app
from bot.sources.clock import StoryClock
from bot.state.disk.database import Database
from bot.state.store import Store
from tests.fuzz.amounts import much, tried
from tests.fuzz.slips import HUGE, ODD, Slip, slips, spoilt
from tests.kit.house import at
from tests.kit.rules_factory import LADDERS, TASK, edited, write_rules

CASES = """\
  - 编号: T05-C1
    类型: 办件
    名称: 控辍保学个案
    依据: 建议
    步骤:
      - {名称: 核查, 时限: 5个工作日}
      - {名称: 处理, 时限: 10个工作日}
"""
STEPS = "办件:\n  - {时点: 逾期1个工作日, 对象: 牵头单位, 形式: 单发}\n"
FOLDER = tempfile.TemporaryDirectory(prefix="duban-fuzz-")  # gone with the process
WHEN = "2027-03-01T08:00:00+08:00"
GOOD: tuple[tuple[str, dict[str, Any]], ...] = (
    ("duban.observed", {"indicator": "I4", "period": "2026", "value": "96.5"}),
    ("duban.done", {"item": "T05-M1"}),
    ("duban.closed", {"item": "T05-R1@2027-1", "by": "办公室"}),
    ("duban.returned", {"item": "T05-M1", "reason": "材料不全"}),
    ("duban.extended", {"item": "T05-M1", "to": "2028-06-30", "rule_due": "2027-12-31", "reason": "施工", "by": "办公室"}),
    ("duban.silenced", {"item": "T05-M1", "until": "2027-04-01T00:00:00+08:00", "reason": "专班"}),
    ("duban.silenced", {"chat": "县教育局", "until": "2027-04-01T00:00:00+08:00", "reason": "专班"}),
    ("duban.confirmed", {"rules": {"T05-R1": "x"}, "leads": {"T05": "x"}}),
    ("duban.case_opened", {"rule": "T05-C1", "case": "2027-1", "on": "2027-03-01"}),
    ("duban.case_advanced", {"item": "T05-C1@2027-1-1", "on": "2027-03-01"}),
    ("duban.case_paused", {"rule": "T05-C1", "case": "2027-1", "on": "2027-03-01", "reason": "补材料"}),
    ("duban.case_resumed", {"rule": "T05-C1", "case": "2027-1", "on": "2027-03-01"}),
    ("duban.withdrawn", {"what": "case_opened", "rule": "T05-C1", "case": "2027-1"}),
    ("duban.resend_asked", {"numbers": ["2027-0001"], "by": "管理员"}),
    ("duban.robot_mended", {"robot": "县教育局#1"}),
)  # fmt: skip


@cache
def a_home() -> Home:
    folder = Path(FOLDER.name)
    cases = edited(TASK, "待建规则:", f"{CASES}待建规则:")
    write_rules(folder, {"tasks/05.yaml": cases, "ladders.yaml": LADDERS + STEPS})
    home = read_home(folder)
    assert home.rulebook is not None
    return home


@contextmanager
def a_bot() -> Iterator[App]:
    """A bot that knows nothing yet, at work on the home."""
    home = a_home()
    assert home.rulebook is not None
    for path in [*home.inbox.glob("*"), *home.inbox.glob("rejected/*")] if home.inbox.is_dir() else ():
        if path.is_file():
            path.unlink()
    chats = drill_chats(home.rulebook.addressable, lambda name, dialect: f"http://127.0.0.1:9/{dialect}/{name}")
    app = make_app(
        home, Store(Database.in_memory(), Facts(all_confirmed=True)), StoryClock(at("2027-03-01T09:07")), chats
    )
    app.start()
    listen(app, home, config=False)
    app.clock.kind = "real"  # type: ignore[misc]  # so that letters leave the inbox
    yield app


def assert_taken_in_or_set_aside(*letters: bytes) -> App:
    with a_bot() as app:
        app.take_in()
        events = len(app.store.events)
        for number, raw in enumerate(letters):
            (a_home().inbox / f"{number}.json").write_bytes(raw)
        app.look_around()
        app.take_in()
        for tidy_up in app.after_pass:
            tidy_up(app.clock.now())
        said = [event.payload for event in app.store.events]
        problems = [one.problem for one in said if isinstance(one, EventRejected)]
        assert not any("处理时出错" in problem for problem in problems), problems
        assert all(len(problem) < 1000 for problem in problems)
        aside = list((a_home().inbox / "rejected").glob("*.json"))
        assert list(a_home().inbox.glob("*.json")) == []
        assert len(aside) == len(problems)
        assert len(app.store.events) - events <= len(letters)
    return app


def letter(kind: object, data: object, key: object = "1", when: object = WHEN) -> bytes:
    event = {"specversion": "1.0", "id": key, "source": "fuzz", "type": kind, "time": when, "data": data}
    return json.dumps(event, ensure_ascii=True).encode()


def test_each_sample_is_understood_once_what_it_speaks_of_is_there() -> None:
    opened = letter(*GOOD[8], key="opened")
    for kind, data in (one for one in GOOD if one[0] not in ("duban.case_opened", "duban.case_resumed")):
        app = assert_taken_in_or_set_aside(opened, letter(kind, data, "second"))
        assert kind in {event.type for event in app.store.events}


def test_a_page_where_a_word_belongs_is_not_read_out_to_the_admin() -> None:
    app = assert_taken_in_or_set_aside(letter("长" * 20_000, {}))
    [problem] = [event.payload.problem for event in app.store.events if isinstance(event.payload, EventRejected)]
    assert "不认识的事件类型 长长" in problem
    assert problem.endswith("……。文件已移到 rejected 文件夹。")
    assert len(problem) < 700


@pytest.mark.parametrize("value", ["1e999999", "9" * 400, "1e-999999", 1e300, "-1e15"])
def test_a_value_nobody_could_reckon_with_is_set_aside(value: object) -> None:
    app = assert_taken_in_or_set_aside(letter("duban.observed", {"indicator": "I4", "period": "2026", "value": value}))
    [problem] = [event.payload.problem for event in app.store.events if isinstance(event.payload, EventRejected)]
    assert "I4的数值过大或位数过多" in problem


odd = st.sampled_from(ODD + HUGE)
scalars = (
    st.none() | st.booleans() | st.integers() | st.integers(10**300, 10**301) | st.floats() | st.text(max_size=8) | odd
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3), max_leaves=6
)  # fmt: skip


@st.composite
def changed(draw: st.DrawFn) -> bytes:
    """A sound event with some of what it says replaced, left out or added."""
    kind, data = draw(st.sampled_from(GOOD))
    data = {**data}
    for key in draw(
        st.lists(st.sampled_from([*sorted(data), "by", "note", "chat", "final", "x"]), min_size=1, max_size=3)
    ):
        if draw(st.booleans()):
            data[key] = draw(values)
        else:
            data.pop(key, None)
    kinds = st.just(kind) | st.sampled_from(sorted(PAYLOADS)) | values
    keys, times = st.just("1") | values, st.just(WHEN) | odd | st.datetimes().map(str) | values
    return letter(draw(kinds), draw(st.just(data) | values), draw(keys), draw(times))


@given(letters=st.lists(changed(), min_size=1, max_size=3))
@much(100)
def test_events_that_say_anything_are_taken_in_or_set_aside(letters: list[bytes]) -> None:
    tried()
    assert_taken_in_or_set_aside(letter(*GOOD[8], key="opened"), *letters)


@given(sample=st.sampled_from(GOOD), ways=st.lists(slips, min_size=1, max_size=3))
@much(60)
def test_spoilt_files_are_taken_in_or_set_aside(sample: tuple[str, dict[str, Any]], ways: list[Slip]) -> None:
    tried()
    assert_taken_in_or_set_aside(letter(*GOOD[8], key="opened"), spoilt(letter(*sample), ways))


@given(raw=st.binary(max_size=200) | values.map(lambda value: json.dumps(value).encode()))
@much(40)
def test_files_of_anything_are_set_aside(raw: bytes) -> None:
    tried()
    assert_taken_in_or_set_aside(raw)
