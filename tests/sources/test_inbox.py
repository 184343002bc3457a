"""The inbox: whole files in, whole files out; what cannot be understood becomes a sentence for the admin."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.core.facts.events import Closed, Event, EventRejected
from bot.core.time.zone import ZONE
from bot.sources.inbox import LARGEST, Inbox, Letter, read

NOW = datetime(2027, 3, 1, 9, 0, tzinfo=ZONE)
EVENT = Event.of(Closed(item="T05-M1", by="办公室"), key="1", time=NOW, source="test")


def raw(**changes: Any) -> dict[str, Any]:
    """The event as JSON, with changes; None takes a key out."""
    whole = {**json.loads(EVENT.model_dump_json()), **changes}
    return {key: value for key, value in whole.items() if value is not None}


def written(folder: Path, content: object, name: str = "a.json") -> Letter:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content, ensure_ascii=False).encode())
    return read(path, NOW)


def problem(letter: Letter) -> str:
    assert letter.rejected
    payload = letter.event.payload
    assert isinstance(payload, EventRejected)
    return payload.problem


def test_what_is_posted_is_read_and_goes_when_settled(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path / "state" / "inbox")
    inbox.post(EVENT)
    [letter] = inbox.letters(NOW)
    assert letter.event == EVENT
    assert not letter.rejected
    assert list(inbox.letters(NOW)) == [letter]  # only settling takes it out
    letter.settle()
    letter.settle()
    assert list(inbox.folder.iterdir()) == []


def test_a_folder_not_there_yet_is_an_empty_inbox(tmp_path: Path) -> None:
    assert list(Inbox(tmp_path / "inbox").letters(NOW)) == []


def test_posting_never_shows_half_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox = Inbox(tmp_path)
    seen: list[int] = []
    monkeypatch.setattr("os.fsync", lambda _: seen.append(len(list(inbox.letters(NOW)))))
    inbox.post(EVENT)
    assert seen == [0]
    assert len(list(inbox.letters(NOW))) == 1


def test_letters_come_oldest_first(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    for days in (2, 0, 1):
        inbox.post(EVENT.model_copy(update={"id": str(days), "time": NOW + timedelta(days=days)}))
    assert [letter.event.id for letter in inbox.letters(NOW)] == ["0", "1", "2"]


def test_what_is_still_being_written_or_is_no_letter_is_left_alone(tmp_path: Path) -> None:
    for name in ("a.json.tmp", ".b.json", "c.tmp", "notes.txt", "d.JSON~"):
        (tmp_path / name).write_text("{", "utf-8")
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "rejected").mkdir()
    (tmp_path / "rejected" / "old.json").write_text("{", "utf-8")
    assert list(Inbox(tmp_path).letters(NOW)) == []


def test_a_file_with_a_byte_order_mark_is_understood(tmp_path: Path) -> None:
    assert not written(tmp_path, b"\xef\xbb\xbf" + EVENT.model_dump_json().encode()).rejected


def test_unknown_attributes_of_the_envelope_are_ignored(tmp_path: Path) -> None:
    assert not written(tmp_path, raw(subject="x", traceparent="y")).rejected


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "不是有效的JSON（第1行第1列）"),
        (b'{"id": 1,\n  oops}', "不是有效的JSON（第2行第3列）"),
        ("民乐".encode("gb18030"), "不是UTF-8编码"),
        (b"[1, 2]", "内容：写法不对"),
        (b"[" * 100_000, "内容过于复杂"),
        (b"9" * 5000, "内容过于复杂"),
        (b" " * (LARGEST + 1), "文件超过256KB"),
        (raw(id=None), "id：没有填写"),
        (raw(id="x" * 201), "id：写法不对"),
        (raw(specversion="0.3"), "specversion：写法不对"),
        (raw(time="2027-03-01T09:00:00"), "time：缺少时区"),
        (raw(time="yesterday"), "time：写法不对"),
        (raw(type="duban.closd"), "type：不认识的事件类型 duban.closd"),
        (raw(data={"item": "T05-M1"}), "by：没有填写"),
        (raw(data={"item": "T05-M1", "by": "x", "buy": "y"}), "buy：不认识这一项"),
        (raw(data=None), "data：没有填写"),
        (raw(data="closed"), "内容：写法不对"),
        (raw(data={"item": "\ud800", "by": "x"}), "item：写法不对"),
    ],
)
def test_what_cannot_be_understood_is_said_in_chinese(tmp_path: Path, content: object, says: str) -> None:
    if isinstance(content, dict):
        content = json.dumps(content).encode()
    letter = written(tmp_path, content)
    assert problem(letter).startswith(f"a.json：{says}")
    assert problem(letter).endswith("文件已移到 rejected 文件夹。")


def test_a_refused_file_is_set_aside_whole(tmp_path: Path) -> None:
    letter = written(tmp_path, b"{oops")
    letter.settle()
    assert not (tmp_path / "a.json").exists()
    assert (tmp_path / "rejected" / "a.json").read_bytes() == b"{oops"


def test_the_same_bad_file_makes_the_same_event_and_another_one_its_own(tmp_path: Path) -> None:
    first = written(tmp_path, b"{oops").event
    assert written(tmp_path, b"{oops").event.id == first.id
    assert written(tmp_path, b"{other").event.id != first.id
    assert written(tmp_path, b"{oops", "b.json").event.id != first.id


def test_a_letter_may_be_refused_for_what_it_says(tmp_path: Path) -> None:
    refused = written(tmp_path, raw()).refused("没有事项“T05-M1”", NOW)
    assert problem(refused) == "a.json：没有事项“T05-M1”。文件已移到 rejected 文件夹。"
    refused.settle()
    assert (tmp_path / "rejected" / "a.json").exists()


def test_a_file_taken_back_meanwhile_is_no_letter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox = Inbox(tmp_path)
    inbox.post(EVENT)
    found = list(tmp_path.glob("*.json"))
    monkeypatch.setattr(Path, "glob", lambda *_: found)
    found[0].unlink()
    assert list(inbox.letters(NOW)) == []
