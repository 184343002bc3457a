"""The receipt chain and the receipt 送达凭证: what was settled, each row carrying the hash of the one before.

A row is one line of JSON:   {"sha256":"…","before":"…","kind":"outbox","row":{…}}
`sha256` is of everything behind it on the line, `before` is the sha256 of the row before (across files), so that a changed
row accuses itself, and a row taken out, put in or moved is noticed at the next one.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.core.deciding.reasons import Reason
from bot.core.rules.item import State, long_date
from bot.core.rules.succession import Succession
from bot.core.telling.entry import Entry, EntryState, Telling
from bot.core.time.zone import ZONE

#: The hash that the first row of the chain carries.
NOTHING = "0" * 64
#: Shown where the words are gone or no longer have their hash.
MISSING = "（原文缺失或被改过，无法出具）"

_ROW = re.compile(rb'\{"sha256":"([0-9a-f]{64})",("before":"([0-9a-f]{64})","kind":"([a-z]+)","row":(\{.*\})\})')


def linked(before: str, kind: str, row: bytes) -> tuple[bytes, str]:
    """The line (without newline) that puts `row`, JSON text of an object, behind the row `before`; and its hash."""
    rest = b'"before":"%b","kind":"%b","row":%b}' % (before.encode(), kind.encode(), row)
    sha = hashlib.sha256(rest).hexdigest()
    return b'{"sha256":"%b",%b' % (sha.encode(), rest), sha


@dataclass(frozen=True, slots=True)
class Link:
    """One line of the chain whose hashes are right: its hash, its kind and its row."""

    sha256: str
    kind: str
    text: bytes

    @property
    def row(self) -> dict[str, Any]:
        """The document."""
        found: dict[str, Any] = json.loads(self.text)
        return found


def read_link(line: bytes, before: str) -> Link | str:
    """The link in a line (without newline) that follows the row `before`, or in Chinese what is wrong with it."""
    found = _ROW.fullmatch(line)
    if found is None:
        return "不是归档的一行"
    if hashlib.sha256(found[2]).hexdigest() != found[1].decode():
        return "内容与本行记下的散列不符，这一行被改过"
    if found[3].decode() != before:
        return "前一行的散列对不上，这一行之前有删去、插入或替换"
    return Link(found[1].decode(), found[4].decode(), found[5])


# --- 送达凭证 --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Receipt:
    """One telling of one item: the entry that carried it, and its telling there."""

    entry: Entry
    telling: Telling


@dataclass(frozen=True, slots=True)
class Sheet:
    """The text of one part as it was kept; `part` is its place in that sending, 1/2."""

    part: str
    text: str

    @property
    def place(self) -> int:
        """Which part it is; 0 if nobody knows."""
        return int(self.part.partition("/")[0] or 0)

    @property
    def total(self) -> int:
        """Of how many; 0 if nobody knows."""
        return int(self.part.partition("/")[2] or 0)


NO_TEXTS: Mapping[str, Sheet] = {}


def receipts(entries: Iterable[Entry], wanted: frozenset[str], names: Succession) -> Iterator[Receipt]:
    """Every time one of the `wanted` items, or an item of a wanted rule, was put into a message; in the order of `entries`.

    What was sent under a former number counts.
    """
    for entry in entries:
        for telling in entry.tellings:
            if wanted & {telling.item, telling.rule, names.item(telling.item), names.item(telling.rule)}:
                yield Receipt(entry, telling)


def in_words(receipt: Receipt, texts: Mapping[str, Sheet] = NO_TEXTS) -> list[str]:
    """A receipt as Chinese lines, what was sent at the end (`texts` by hash). Chats by their names only; no entry has an address."""
    entry, telling = receipt.entry, receipt.telling
    due = f"，时限{long_date(telling.due_on)}" if telling.due_on else ""
    lines = [
        f"编号 {entry.number}　{entry.state.value}{'（补发）' if entry.resent or telling.seen else ''}",
        f"　内容：{telling.title}（{telling.item}）{due}，{State(telling.state).shown}；"
        f"级次“{telling.rung}”（{telling.rung_on}），理由：{Reason[telling.reason].words}",
        f"　对象：{telling.addressee}（{telling.role}）　群聊：{entry.chat}　形式：{entry.form}",
        f"　决定：{_minute(entry.at)}　规则版本：{entry.rules[:12] or '未记'}",
    ]
    if entry.delivered_at:
        lines.append(f"　送达：{_minute(entry.delivered_at)}　机器人：{entry.robot}　第{entry.attempts}次发送")
    elif entry.attempts:
        lines.append(f"　已尝试{entry.attempts}次　机器人：{entry.robot}")
    answer = " ".join(part for part in (entry.code, entry.why) if part)
    lines.append(f"　{'说明' if entry.state is EntryState.CANCELLED else '平台答复'}：{answer or '无'}")
    return [*lines, *_originals(entry, texts)]


def _originals(entry: Entry, texts: Mapping[str, Sheet]) -> Iterator[str]:
    """Each part once, as it was sent last; what a later sending replaced is only counted.

    The parts of one message may say different totals, for what was left of it may have been cut anew.
    """
    sheets = {sha: texts.get(sha, Sheet("", MISSING)) for sha in entry.texts}
    total = next((one.total for one in reversed(sheets.values()) if one.part), 0)
    last = {one.place or sha: sha for sha, one in sheets.items() if one.place <= total}
    for sha in sorted(last.values(), key=lambda sha: sheets[sha].place):
        yield f"　原文{sheets[sha].part if total > 1 else ''}（散列 {sha}）："
        yield from (f"　　{line}" for line in sheets[sha].text.splitlines())
    if earlier := len(sheets) - len(last):
        yield f"　此前还发过{earlier}段，可能已被看到，全文见 --json"


def as_json(receipt: Receipt, texts: Mapping[str, Sheet] = NO_TEXTS) -> dict[str, Any]:
    """A receipt for programs; times in Asia/Shanghai, `text` null where the words are not kept or were changed."""
    entry, telling = receipt.entry, receipt.telling
    return {
        "number": entry.number,
        "item": telling.item,
        "title": telling.title,
        "state": telling.state,
        "rung": telling.rung,
        "rung_on": telling.rung_on.isoformat(),
        "due_on": telling.due_on.isoformat() if telling.due_on else None,
        "reason": telling.reason,
        "理由": Reason[telling.reason].words,
        "addressee": telling.role,
        "unit": telling.unit,
        "chat": entry.chat,
        "form": entry.form,
        "decided_at": entry.at.astimezone(ZONE).isoformat(timespec="seconds"),
        "rules": entry.rules,
        "outcome": entry.state.value,
        "delivered_at": entry.delivered_at.astimezone(ZONE).isoformat(timespec="seconds")
        if entry.delivered_at
        else None,
        "robot": entry.robot,
        "attempts": entry.attempts,
        "resent": entry.resent or telling.seen,
        "code": entry.code,
        "why": entry.why,
        "sent": [
            {"sha256": sha, "part": one.part if one else None, "text": one.text if one else None}
            for sha, one in ((sha, texts.get(sha)) for sha in entry.texts)
        ],
    }


def _minute(at: datetime) -> str:
    return f"{at.astimezone(ZONE):%Y-%m-%d %H:%M}"
