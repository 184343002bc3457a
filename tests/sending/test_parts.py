"""A message of several parts, interrupted: what was accepted stays accepted, and what is left goes on as it was worded."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.core.facts.events import Closed
from bot.core.rules.succession import UNCHANGED
from bot.core.telling.entry import Entry, EntryState
from bot.core.telling.receipts import in_words, receipts
from bot.drill.twin import Bubble
from bot.platforms import Answer, Call
from bot.rulefiles.loader import assemble
from bot.state.sent import texts_of
from tests.kit.house import until
from tests.kit.post_office import Office, marked, post_office
from tests.kit.rules_factory import TASK, edited, rule_files

COUNT = 100
TITLES = {f"T05-M{index}": f"第{index}项" + "推动义务教育优质均衡发展的建设任务" * 3 for index in range(2, COUNT + 2)}
MANY = edited(TASK, "待建规则:", "".join(
    f"  - {{编号: {item}, 类型: 节点, 名称: {title}, 完成时限: 2027-12-31, 依据: 方案, 督办阶梯: 一般节点}}\n"
    for item, title in TITLES.items()
) + "待建规则:")  # fmt: skip
RULES = assemble(rule_files({"tasks/05.yaml": MANY})).rulebook


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with post_office(tmp_path) as made:
        made.look(RULES)
        yield made


def digest(office: Office) -> str:
    """A digest of many items, a line each, in several parts."""
    return office.promise("县教育局", *(office.row(item) for item in TITLES))


def said(bubbles: list[Bubble]) -> Counter[str]:
    """How often each item was said."""
    return Counter(item for bubble in bubbles for item in re.findall(r"（(T05-M\d+)）", bubble.source))


def place(bubble: Bubble) -> str:
    return f"{bubble.part}/{bubble.parts}"


async def killed_in_flight(office: Office, accepted: int) -> None:
    """So many parts are accepted; the next one is shown, and the process is gone before the answer."""
    last = len(office.seen()) + accepted + 1
    office.twin.on_bubble(lambda _: office.twin.hang("县教育局", 60) if len(office.seen()) == last - 1 else None)
    if not accepted:
        office.twin.hang("县教育局", 60)
    office.deliveries.start()
    await until(lambda: len(office.seen()) == last)
    await office.die()
    office.twin.heal("县教育局")
    office.open()


async def next_day(office: Office) -> None:
    office.now += timedelta(days=3 if office.now.weekday() == 4 else 1)
    office.look()


async def until_one_is_accepted(office: Office) -> None:
    """The first part is accepted, then the platform asks to wait."""
    office.twin.on_bubble(lambda _: office.twin.refuse("县教育局", 45009) if len(office.seen()) == 1 else None)
    await office.send()
    assert [bubble.part for bubble in office.seen()] == [1]
    office.twin.heal("县教育局")


async def once_a_day(office: Office, days: int) -> None:
    """Every morning a part is accepted and the process is killed at the next."""
    for _ in range(days):
        await killed_in_flight(office, accepted=1)
        await next_day(office)


async def test_killed_in_flight_every_morning_each_part_arrives_and_only_the_one_in_flight_again(
    office: Office,
) -> None:
    number = digest(office)
    await once_a_day(office, 3)
    await office.send()
    bubbles = office.seen()
    assert office.entry(number).state is EntryState.DELIVERED
    assert said(bubbles).keys() == TITLES.keys()
    first: dict[str, Bubble] = {}
    for bubble in bubbles:
        before = first.setdefault(place(bubble), bubble)
        assert ("补发" in bubble.title) == (before is not bubble)
        assert bubble.source.replace("【补发】", "") == before.source  # as it was worded, whatever the day
    assert list(first) == [f"{part}/{bubbles[0].parts}" for part in range(1, bubbles[0].parts + 1)]
    assert len(bubbles) == len(first) + 3
    assert office.entry(number).interrupted == 3
    assert office.entry(number).pieces == ()


async def test_what_is_left_is_worded_anew_without_what_is_no_longer_true(office: Office) -> None:
    number = digest(office)
    await until_one_is_accepted(office)
    first = said(office.seen())
    gone = [item for item in TITLES if item not in first][-1]
    office.event(Closed(item=gone, by="办公室"))
    await next_day(office)
    await office.send()
    assert said(office.seen()) == Counter(TITLES.keys() - {gone})
    assert not any(marked(office.seen()))
    assert "12月27日" in office.seen()[1].title
    assert [bubble.part for bubble in office.seen()] == list(range(1, len(office.seen()) + 1))
    assert gone not in {telling.item for telling in office.entry(number).tellings}
    assert not office.store.tellings.of(gone, "县教育局")


async def test_a_part_in_doubt_that_is_worded_anew_says_so(office: Office) -> None:
    digest(office)
    await once_a_day(office, 1)
    gone = [item for item in TITLES if item not in said(office.seen())][-1]
    office.event(Closed(item=gone, by="办公室"))
    await office.send()
    accepted, in_flight, *rest = office.seen()
    lines = [line for bubble in rest for line in bubble.source.splitlines() if re.search(r"（T05-M\d+）", line)]
    again = {match[1] for line in lines if "补发，可能已收到" in line and (match := re.search(r"（(T05-M\d+)）", line))}
    assert again == said([in_flight]).keys()
    assert not any(marked(rest))
    assert said(rest) == Counter(TITLES.keys() - said([accepted]).keys() - {gone})
    assert said([in_flight]).keys() <= said(rest).keys()


async def test_what_changed_in_an_accepted_part_leaves_the_others_as_they_are(office: Office) -> None:
    digest(office)
    await until_one_is_accepted(office)
    office.event(Closed(item=next(iter(said(office.seen()))), by="办公室"))
    await next_day(office)
    await office.send()
    assert said(office.seen()) == Counter(TITLES.keys())
    assert {bubble.title.partition("（")[0] for bubble in office.seen()} == {"【督办汇总】县教育局 · 12月24日"}
    assert not any(marked(office.seen()))


async def test_when_nothing_that_is_left_is_true_the_message_is_done(office: Office) -> None:
    number = digest(office)
    await until_one_is_accepted(office)
    for item in TITLES.keys() - said(office.seen()).keys():
        office.event(Closed(item=item, by="办公室"))
    await next_day(office)
    await office.send()
    entry = office.entry(number)
    assert (entry.state, len(office.seen())) == (EntryState.DELIVERED, 1)
    assert {telling.item for telling in entry.tellings} == said(office.seen()).keys()


async def test_only_the_part_without_a_clear_answer_goes_again_marked(office: Office) -> None:
    number = digest(office)
    office.twin.on_bubble(lambda bubble: office.twin.drop_after_accept("县教育局") if bubble.part == 1 else None)
    await office.send()
    office.twin.heal("县教育局")
    await office.retry(number)
    assert [bubble.part for bubble in office.seen()] == [1, 2, *range(2, office.seen()[0].parts + 1)]
    assert marked(office.seen()) == [False, False, True, *[False] * (office.seen()[0].parts - 2)]
    assert office.entry(number).interrupted == 0


async def test_a_first_part_without_a_clear_answer_marks_no_other(office: Office) -> None:
    number = digest(office)
    office.twin.drop_after_accept("县教育局")
    await office.send()
    office.twin.heal("县教育局")
    await office.retry(number)
    assert [bubble.part for bubble in office.seen()] == [1, *range(1, office.seen()[0].parts + 1)]
    assert marked(office.seen()) == [False, True, *[False] * (office.seen()[0].parts - 1)]


async def test_a_message_in_parts_of_a_state_of_before_is_sent_whole_and_marked(office: Office) -> None:
    number = digest(office)
    await until_one_is_accepted(office)
    entry = office.entry(number)
    old = entry.model_dump_json(by_alias=True, exclude={"pieces", "begun", "interrupted"})
    with office.store.work():
        office.store.put(Entry.model_validate_json(old.replace("{", '{"cut":"0123456789abcdef",', 1)))
    await next_day(office)
    await office.send()
    assert said(office.seen()[1:]) == Counter(TITLES.keys())
    assert all(marked(office.seen()[1:]))


async def test_the_receipt_shows_each_part_once_as_it_read_whenever_it_went(office: Office) -> None:
    number = digest(office)
    await until_one_is_accepted(office)
    gone = [item for item in TITLES if item not in said(office.seen())][-1]
    office.event(Closed(item=gone, by="办公室"))
    await next_day(office)
    await office.send()
    [receipt] = receipts([office.entry(number)], frozenset({"T05-M2"}), UNCHANGED)
    lines = in_words(receipt, texts_of(office.folder / "archive", {number}))
    heads = [line for line in lines if line.startswith("　原文")]
    assert [line.partition("（")[0] for line in heads] == [f"　原文{place(bubble)}" for bubble in office.seen()]
    assert Counter(re.findall(r"（(T05-M\d+)）", "\n".join(lines[5:]))) == Counter(TITLES.keys() - {gone})
    assert not any("此前还发过" in line for line in lines)


async def test_parts_that_are_too_long_for_the_platform_are_cut_smaller_behind_the_accepted_ones(
    office: Office,
) -> None:
    number = digest(office)
    answer = office.twin.answer
    calls: list[str] = []

    def second_call_too_long(dialect: str, token: str, call: Call) -> Answer:
        calls.append(dialect)
        return Answer({"errcode": 40058, "errmsg": ""}) if len(calls) == 2 else answer(dialect, token, call)

    office.twin.answer = second_call_too_long  # type: ignore[method-assign]
    await office.send()
    await office.retry(number)  # they are more than the platform takes in a minute
    first, *rest = office.seen()
    assert [bubble.part for bubble in office.seen()] == list(range(1, len(office.seen()) + 1))
    assert len({bubble.parts for bubble in rest}) == 1
    assert rest[0].parts > first.parts
    items = Counter(item for bubble in office.seen() for item in re.findall(r"（(T05-M\d+)）", bubble.source))
    assert items.keys() == TITLES.keys()
    assert not any(marked(office.seen()))
