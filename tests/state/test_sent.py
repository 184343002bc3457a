"""The words as they were sent: exact, beside the archive, proved by the entry's hash, without any secret."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.core.rules.succession import UNCHANGED
from bot.core.telling.entry import EntryState
from bot.core.telling.receipts import MISSING, Sheet, as_json, in_words, receipts
from bot.platforms import platforms
from bot.state.disk.errors import DamagedArchive
from bot.state.sent import Sent, check_sent, digest, texts_of
from tests.kit.house import at
from tests.kit.post_office import Office, long_digest, marked, post_office
from tests.platforms.samples import sample

NOW = at("2027-12-24T09:40")
BODY = '{"msgtype":"text","text":{"content":"第一行\\n第二行"}}'.encode()


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with post_office(tmp_path) as made:
        yield made


def told(office: Office, number: str) -> list[str]:
    """The words kept of a message, in order."""
    texts = texts_of(office.folder / "archive", {number})
    return [texts[one].text for one in office.entry(number).texts]


async def test_every_part_is_kept_exactly_as_its_readers_got_it(office: Office) -> None:
    number = long_digest(office)
    await office.send()
    assert len(office.seen()) > 1
    assert told(office, number) == [bubble.source for bubble in office.seen()]
    assert check_sent(office.folder / "archive") == len(office.seen())


@pytest.mark.parametrize("dialect", list(platforms()))
async def test_every_dialect_s_words_are_kept_and_no_secret_with_them(office: Office, dialect: str) -> None:
    secret = sample(dialect).secret
    robot = office.robot("新群", dialect, secret)
    number = office.promise("新群")
    await office.send()
    assert office.entry(number).state is EntryState.DELIVERED
    [text] = told(office, number)
    assert "创建工作通过国家评估认定" in text
    assert f"编号 {number}" in text
    [kept] = [path.read_text("utf-8") for path in (office.folder / "archive").glob("sent-*.jsonl")]
    assert secret is None or secret not in kept
    assert robot.url.get_secret_value() not in kept
    assert robot.url.get_secret_value().rpartition("/")[2] not in kept
    assert '"sign"' not in kept


async def test_what_may_have_arrived_is_kept_beside_what_was_sent_again(office: Office) -> None:
    office.twin.drop_after_accept("县教育局")
    number = office.promise()
    await office.send()
    office.twin.heal("县教育局")
    await office.retry(number)
    assert marked(office.seen()) == [False, True]
    assert told(office, number) == [bubble.source for bubble in office.seen()]


async def test_what_surely_was_not_shown_is_not_kept(office: Office) -> None:
    office.twin.refuse("县教育局", 45009)
    number = office.promise()
    await office.send()
    assert office.entry(number).texts == ()


async def test_a_receipt_gives_the_words_and_says_when_they_were_changed(office: Office) -> None:
    number = office.promise()
    await office.send()
    folder = office.folder / "archive"
    [receipt] = receipts([office.entry(number)], frozenset({"T05-M1"}), UNCHANGED)
    texts = texts_of(folder, {number})
    said = "\n".join(line.strip() for line in in_words(receipt, texts))
    assert all(line.strip() in said for line in office.seen()[0].source.splitlines())
    assert as_json(receipt, texts)["sent"][0]["text"] == office.seen()[0].source
    [path] = folder.glob("sent-*.jsonl")
    path.write_text(path.read_text("utf-8").replace("国家评估认定", "省级评估认定"), "utf-8")
    assert MISSING in "\n".join(in_words(receipt, texts_of(folder, {number})))
    with pytest.raises(DamagedArchive, match="原文"):
        check_sent(folder)


async def test_a_receipt_has_each_part_once_with_its_number(office: Office) -> None:
    number = long_digest(office)
    await office.send()
    texts = texts_of(office.folder / "archive", {number})
    [receipt, *_] = receipts([office.entry(number)], frozenset({"T05-M1"}), UNCHANGED)
    heads = [line.partition("（")[0].strip() for line in in_words(receipt, texts) if "原文" in line]
    assert len(heads) > 1
    assert heads == [f"原文{place}/{len(heads)}" for place in range(1, len(heads) + 1)]


async def test_a_message_of_one_part_that_went_twice_is_shown_as_it_went_last(office: Office) -> None:
    office.twin.drop_after_accept("县教育局")
    number = office.promise()
    await office.send()
    office.twin.heal("县教育局")
    await office.retry(number)
    texts = texts_of(office.folder / "archive", {number})
    [receipt] = receipts([office.entry(number)], frozenset({"T05-M1"}), UNCHANGED)
    said = "\n".join(in_words(receipt, texts))
    assert said.count("原文（散列") == said.count("【补发】") == 1
    assert "此前还发过1段" in said
    assert [one["part"] for one in as_json(receipt, texts)["sent"]] == ["1/1", "1/1"]


async def test_the_live_state_holds_a_hash_and_not_the_words(office: Office) -> None:
    number = office.promise()
    before = len(office.entry(number).model_dump_json())
    await office.send()
    grown = office.entry(number).model_copy(update={"texts": ()})
    assert len(office.entry(number).model_dump_json()) - len(grown.model_dump_json()) < 40
    assert len(office.entry(number).model_dump_json()) - before < 150


def test_a_line_torn_by_a_crash_costs_that_line_only(tmp_path: Path) -> None:
    sent = Sent(tmp_path)
    first = sent.keep("2027-0001", "1/1", BODY, NOW)
    sent.close()
    path = tmp_path / "sent-2027-12.jsonl"
    path.write_bytes(path.read_bytes() + b'{"sha256":"0')
    sent = Sent(tmp_path)
    sent.keep("2027-0002", "1/1", BODY, NOW)
    sent.close()
    assert texts_of(tmp_path, {"2027-0002"}) == {first: Sheet("1/1", "第一行\n第二行")}
    assert check_sent(tmp_path) == 2


def test_each_month_has_its_file(tmp_path: Path) -> None:
    sent = Sent(tmp_path)
    for moment in ("2027-12-31T17:00", "2028-01-04T09:00"):
        assert sent.keep("2027-0001", "1/1", BODY, at(moment)) == digest("第一行\n第二行")
    sent.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sent-2027-12.jsonl", "sent-2028-01.jsonl"]


def test_a_folder_that_cannot_be_written_costs_the_words_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "archive").write_text("a file where the folder should be", "utf-8")
    sent = Sent(tmp_path / "archive")
    assert sent.keep("2027-0001", "1/1", BODY, NOW) == digest("第一行\n第二行")
    sent.close()
