"""Schema versions of the state, each with the one step that leads to it. A state moves forward at its next opening.

    1   as first released: what recovery had cut off stood in meta under "cut"
    2   "notes": everything the admin must hear about the state; "archive": how far the archive reaches

To change what the tables hold: add the step from the version before, describe it here, and keep a state written by that
version in tests/data/.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bot.state.disk.database import Database
from bot.state.disk.errors import NewerState

SCHEMA = 2


def migrate(database: Database) -> None:
    """Brings a state up to `SCHEMA`, all steps in one durable record; a new one is stamped by its first writer.

    Raises NewerState when a later version of the bot wrote it, and then has changed nothing.
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
    """The schema a state was written in; an empty one has today's."""
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
    """ "cut" becomes a note."""
    cut = _get(database, "cut")
    if cut is not None:
        at, text = cut["value"]
        _put(database, "notes", {"状态恢复": [at, "状态日志曾截去末尾", text]})
        _remove(database, "cut")


_STEPS: dict[int, Callable[[Database], None]] = {1: _from_1}
