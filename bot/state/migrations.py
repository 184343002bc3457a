"""Schema versions of the state, and the migration step to each. A state is migrated when it is opened.

    1   first release: what recovery cut off was recorded in meta under "cut"
    2   "notes": everything the admin must be told about the state; "archive": how far the archive reaches
    3   "heard": when each unit was first asked for what a rule asks, and when it first heard of it

To change what the tables hold, add a step from the previous version, describe it here, and keep a state written by the
previous version in tests/data/.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from bot.core.deciding.hearing import Hearing
from bot.state.disk.database import Database
from bot.state.disk.errors import NewerState

SCHEMA = 3


def migrate(database: Database) -> None:
    """Migrates a state to `SCHEMA`, all steps in one durable record. An empty state is left for its first writer to stamp.

    Raises NewerState if a later version of the bot wrote it; then nothing was changed.
    """
    found = version(database)
    if found > SCHEMA:
        raise NewerState(found, SCHEMA)
    if found < SCHEMA:
        with database.work():
            for step in range(found, SCHEMA):
                _STEPS[step](database)
            _put(database, "schema", SCHEMA)


def version(database: Database) -> int:
    """The schema version of a state; an empty state has the current one."""
    stamp = _get(database, "schema")
    if stamp is not None:
        return int(stamp["value"])
    return 1 if database.tables() else SCHEMA


def _get(database: Database, key: str) -> dict[str, Any] | None:
    return next((dict(doc) for doc in database.table("meta") if doc["key"] == key), None)


def _put(database: Database, key: str, value: object) -> None:
    table = database.table("meta")
    doc_id = next((doc.doc_id for doc in table if doc["key"] == key), None)
    document = {"key": key, "value": value}
    if doc_id is None:
        table.insert(document)
    else:
        table.put(doc_id, document)


def _remove(database: Database, key: str) -> None:
    table = database.table("meta")
    table.remove(doc_ids=[doc.doc_id for doc in table if doc["key"] == key])


def _from_1(database: Database) -> None:
    """Turns "cut" into a note."""
    cut = _get(database, "cut")
    if cut is not None:
        at, text = cut["value"]
        _put(database, "notes", {"状态恢复": [at, "状态日志曾截去末尾", text]})
        _remove(database, "cut")


#: The rule in front of what its item's id adds: T05-M1 of T05-M1-02.
_RULE = re.compile(r"[A-Z]\d+(?:-\d+)?-[A-Z]+\d+")


def _from_2(database: Database) -> None:
    """Notes as heard whatever was told: when it was told first, as far as the live state still has it.

    What waits in the outbox was asked for only. A hand-over stands for every rule of its task.
    """
    rows: dict[tuple[str, str], Hearing] = {}
    for row in _heard_before(database):
        before = rows.get((row.rule, row.unit), row)
        rows[row.rule, row.unit] = before.joined(row)
    for row in rows.values():
        database.table("heard").insert(_HEARD.dump_python(row, mode="json"))


def _heard_before(database: Database) -> Iterator[Hearing]:
    entries = [dict(doc) for doc in database.table("outbox")]
    waiting = {entry["number"] for entry in entries if entry["state"] in _WAITING}
    for told in map(dict, database.table("told")):
        at = datetime.fromisoformat(told["at"])
        yield from _under(told, at, None if told["number"] in waiting else at)
    for entry in entries:
        if entry["delivered_at"]:
            for telling in entry["rows"]:
                yield from _under(
                    telling, datetime.fromisoformat(entry["at"]), datetime.fromisoformat(entry["delivered_at"])
                )


def _under(told: dict[str, Any], asked: datetime, heard: datetime | None) -> Iterator[Hearing]:
    """The hearing of one telling, under the rule of its item; nothing of a further chat (也发)."""
    item = told["item"]
    name = item if item.startswith("交办:") else item.partition("@")[0]
    for rule in dict.fromkeys((name, *_RULE.findall(name)[:1])) if "→" not in told["addressee"] else ():
        yield Hearing(rule, told["addressee"], asked, heard)


#: States of an entry that is still to be delivered.
_WAITING = ("待发", "发送中", "稍后重试", "被拒收")
_HEARD: TypeAdapter[Hearing] = TypeAdapter(Hearing)
_STEPS: dict[int, Callable[[Database], None]] = {1: _from_1, 2: _from_2}
