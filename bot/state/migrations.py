"""Schema versions of the state, and the migration step to each. A state is migrated when it is opened.

    1   first release: what recovery cut off was recorded in meta under "cut"
    2   "notes": everything the admin must be told about the state; "archive": how far the archive reaches

To change what the tables hold, add a step from the previous version, describe it here, and keep a state written by the
previous version in tests/data/.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bot.state.disk.database import Database
from bot.state.disk.errors import NewerState

SCHEMA = 2


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


_STEPS: dict[int, Callable[[Database], None]] = {1: _from_1}
