"""TinyDB on the journal: a write costs only what it changes, and a unit of work over several tables is one journal record.

All documents are held in memory as JSON text, as in the journal. Text is compact, the garbage collector need not walk it, and
every reader gets a copy of its own. A write replaces a document's text; a rollback puts the old text back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple, Self, cast

import tinydb
from tinydb.queries import QueryLike
from tinydb.storages import Storage
from tinydb.table import Document

from bot.state.disk.collector import undisturbed
from bot.state.disk.errors import DamagedState, JournalBroken, NotStorable, StateError, StorageFailed
from bot.state.disk.files import read_files
from bot.state.disk.journal import Journal
from bot.state.disk.json_text import dumps, encoded, loads
from bot.state.disk.rows import Changes, ReadView, Rows, UpdateView

__all__ = [
    "DamagedState",
    "Database",
    "JournalBroken",
    "NotStorable",
    "StateError",
    "StateStorage",
    "StateTable",
    "StorageFailed",
]

_Old = dict[str, Changes]  # table → document id → the text before the change; None: no document

COMPACT_BYTES = 16 * 1024 * 1024  # of journal; reading as much takes a tenth of a second at the next start


class Recovery(NamedTuple):
    """What was recovered on opening; `warning` is a Chinese sentence for the log, empty if no torn tail was cut off."""

    documents: int
    records: int
    warning: str


class _Level:
    """One level of nested units of work, as a context manager; a class costs half as much as a generator."""

    __slots__ = ("_durable", "_state")

    def __init__(self, state: StateStorage, durable: bool) -> None:
        self._state, self._durable = state, durable

    def __enter__(self) -> None:
        self._state.begin()

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None:
            self._state.commit(self._durable)
        else:
            self._state.abandon()


class StateStorage(Storage):
    """All tables in memory, and the units of work that append changes to the journal (if there is one)."""

    def __init__(self, journal: Journal | None, compact_bytes: int) -> None:
        self.journal = journal
        self.rollbacks = 0  # when this has changed, tables look up their highest id again
        self.compaction_error: StateError | None = None
        self._compact_bytes = compact_bytes
        self._tables: dict[str, Rows] = {}  # never holds an empty table
        self._levels: list[_Old] = []  # innermost unit of work last
        self._owner: object = None  # the task whose unit of work is open
        self._compact_at = 0
        self.recovery = self._recover()

    def load(self, snapshot: Iterable[bytes], records: Iterable[bytes]) -> None:
        """Loads the lines of a snapshot, then applies the payloads of the later journal records."""
        for line in map(loads, snapshot):
            self._tables.setdefault(line["table"], {})[str(line["id"])] = dumps(line["document"])
        for payload in records:
            for name, documents in loads(payload).items():
                changes = {key: None if document is None else dumps(document) for key, document in documents.items()}
                self._put(name, self._tables.setdefault(name, {}), changes)

    def read(self) -> dict[str, ReadView]:  # type: ignore[override]  # TinyDB declares dicts and reads
        """Every table, for TinyDB's reading methods."""
        return {name: ReadView(rows) for name, rows in self._tables.items()}

    def write(self, data: Mapping[str, Mapping[str, Any]]) -> None:
        """Makes the whole state equal `data`, as one unit of work. TinyDB uses this to drop tables."""
        with _Level(self, durable=True):
            for name in {*self._tables, *data}:
                new = data.get(name, {})
                gone: Changes = dict.fromkeys(self.rows(name).keys() - new.keys())
                self.apply(name, gone | {key: encoded(document) for key, document in new.items()})

    def close(self) -> None:
        if self.journal is not None:
            self.journal.close()

    def rows(self, name: str) -> Rows:
        """The rows of one table, not copied: do not change them."""
        return self._tables.get(name, {})

    def apply(self, name: str, changes: Changes) -> None:
        """Stores documents as texts, or removes them (None), in the open unit of work, else in one of its own."""
        if not self._levels:
            with _Level(self, durable=True):
                self.apply(name, changes)
            return
        rows, level = self._tables.setdefault(name, {}), self._levels[-1]
        old = level.get(name)
        if old is None:
            old = level[name] = {}
        for key in changes:
            if key not in old:
                old[key] = rows.get(key)
        self._put(name, rows, changes)

    def begin(self) -> None:
        """Opens a level. It must not stay open across an await: changes of another task would become part of it."""
        task = _current_task()
        if not self._levels:
            self._owner = task
        elif self._owner is not task:
            raise RuntimeError("another task's unit of work is still open: do not await inside one")
        self._levels.append({})

    def commit(self, durable: bool) -> None:
        """Ends the innermost level; its changes go to the enclosing level, or from the outermost one to the journal."""
        old = self._levels[-1]
        if len(self._levels) > 1:
            self._levels.pop()
            _merge(self._levels[-1], old)
            return
        try:
            changes = self._changes(old)
            if changes and self.journal is not None:
                self.journal.append(_payload(changes))
        except BaseException:
            self.abandon()
            raise
        self._levels.pop()
        if changes and self.journal is not None:
            self._settle(self.journal, old, durable)

    def abandon(self) -> None:
        """Ends the innermost level and rolls back its changes."""
        self._roll_back(self._levels.pop())

    def durable(self) -> Awaitable[None]:
        """See `Database.durable`."""
        if self._levels:
            raise RuntimeError("await durable() outside the unit of work")
        return self.journal.durable() if self.journal is not None else _at_once()

    def compact(self) -> None:
        """See `Database.compact`."""
        if self._levels:
            raise RuntimeError("compact outside the unit of work")
        if self.journal is not None:
            self.journal.compact(self._lines())
            self._plan_compaction(self.journal)

    def _put(self, name: str, rows: Rows, changes: Changes) -> None:
        for key, document in changes.items():
            if document is None:
                rows.pop(key, None)
            else:
                rows[key] = document
        if not rows:
            del self._tables[name]

    def _changes(self, old: _Old) -> dict[str, Changes]:
        """The new text of every document that differs from its old text: the record's payload."""
        changes: dict[str, Changes] = {}
        for name, before in old.items():
            rows = self.rows(name)
            for key, was in before.items():
                new = rows.get(key)
                if was != new:
                    changes.setdefault(name, {})[key] = new
        return changes

    def _settle(self, journal: Journal, old: _Old, durable: bool) -> None:
        """Flushes an appended record, and compacts if needed. Only a failed flush rolls back; an interruption does not."""
        if durable:
            try:
                journal.sync()
            except StateError:
                self._roll_back(old)
                raise
        if journal.journal_bytes >= self._compact_at:
            self._try_to_compact(journal)

    def _roll_back(self, old: _Old) -> None:
        for name, before in old.items():
            rows = self._tables.setdefault(name, {})
            removed = any(document is not None and key not in rows for key, document in before.items())
            self._put(name, rows, before)
            if removed:  # documents put back are at the end: restore the order of ids
                self._tables[name] = dict(sorted(rows.items(), key=lambda row: int(row[0])))
        self.rollbacks += 1

    def _try_to_compact(self, journal: Journal) -> None:
        """Compacts. A failure is only noted and tried again later: the commit that triggered it is already on disk."""
        try:
            self.compact()
            self.compaction_error = None
        except StateError as error:
            self.compaction_error = error
            self._plan_compaction(journal)

    def _plan_compaction(self, journal: Journal) -> None:
        """Sets the journal size of the next compaction: at least the snapshot's, so that the cost per change stays constant."""
        self._compact_at = journal.journal_bytes + max(self._compact_bytes, journal.snapshot_bytes)

    def _lines(self) -> Iterable[bytes]:
        for name, rows in self._tables.items():
            table = dumps(name)
            for key, text in rows.items():
                yield b'{"table":%b,"id":%b,"document":%b}' % (table, key.encode(), text)

    def _recover(self) -> Recovery:
        journal = self.journal
        if journal is None or journal.recovered is None:
            return Recovery(0, 0, "")
        recovered, journal.recovered = journal.recovered, None
        with undisturbed():
            self.load(recovered.snapshot, recovered.records)
        self._compact_at = max(self._compact_bytes, journal.snapshot_bytes)
        return Recovery(sum(map(len, self._tables.values())), len(recovered.records), recovered.warning)


class StateTable(tinydb.table.Table):
    """TinyDB's table over `StateStorage`. Documents returned are copies, which the caller may change.

    A write by id costs O(change). A query makes TinyDB parse every document of the table; there is no query cache.
    """

    def __init__(self, storage: StateStorage, name: str) -> None:
        super().__init__(storage, name, cache_size=0)
        self._state = storage
        self._rollbacks = storage.rollbacks
        self._highest: int | None = None  # highest id in use; None until looked up

    def put(self, doc_id: int, document: Mapping[str, Any]) -> None:
        """Stores a whole document under this id; replaces any document there. O(document)."""
        self._keep({_key(doc_id): encoded(dict(document))}, doc_id)

    def keep(self, doc_id: int | None, text: bytes) -> int:
        """Stores a document given as JSON text on one line, unchecked; without an id, under a new one. Returns the id."""
        doc_id = self._get_next_id() if doc_id is None else doc_id
        self._keep({str(doc_id): text}, doc_id)
        return doc_id

    def text(self, doc_id: int) -> bytes | None:
        """The stored JSON text of a document; None if there is none."""
        return self._state.rows(self._name).get(str(doc_id))

    def texts(self) -> Iterator[tuple[int, bytes]]:
        """Id and stored JSON text of every document. Do not write to this table while iterating."""
        return ((int(key), text) for key, text in self._state.rows(self._name).items())

    def get(self, cond: QueryLike | None = None, doc_id: int | None = None, doc_ids: list[int] | None = None) -> Any:
        """Like TinyDB's: one document or None for a query or `doc_id`, a list for `doc_ids`."""
        if doc_id is not None:
            text = self.text(doc_id)
            return None if text is None else self.document_class(loads(text), doc_id)
        return super().get(cond, None, doc_ids)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[Document]:
        for doc_id, text in list(self.texts()):
            yield self.document_class(loads(text), doc_id)

    def truncate(self) -> None:
        super().truncate()
        self._highest = None

    def _get_next_id(self) -> int:
        if self._highest is None or self._rollbacks != self._state.rollbacks:
            self._highest = max(map(int, self._state.rows(self.name)), default=0)
            self._rollbacks = self._state.rollbacks
        self._highest += 1
        return self._highest

    def _update_table(self, updater: Callable[[Any], None]) -> None:
        """All of TinyDB's writes call this. Its cost depends on the documents that `updater` touches."""
        view = UpdateView(self._state.rows(self._name))
        changes: Changes = {}
        try:
            updater(view)
            for doc_id, document in view.touched.items():
                changes[_key(doc_id)] = None if document is None else encoded(document)
        except BaseException:  # only the id counter has changed so far
            self._highest = None
            raise
        if changes:
            self._keep(changes, max(view.touched))

    def _keep(self, changes: Changes, highest: int) -> None:
        if self._highest is not None and highest > self._highest:  # the caller chose the id
            self._highest = highest
        self._state.apply(self._name, changes)


class Database(tinydb.TinyDB):
    """TinyDB over a state folder, for one process and one event loop; acquire a StateLock first."""

    table_class = StateTable  # type: ignore[assignment]  # TinyDB declares its own class instead of a type
    default_storage_class = StateStorage  # type: ignore[assignment]

    def __init__(self, journal: Journal | None, compact_bytes: int = COMPACT_BYTES) -> None:
        """Over a journal opened by the caller, or in memory only (None); most callers use `open` or `in_memory`."""
        self._state = StateStorage(journal, compact_bytes)
        super().__init__(storage=lambda: self._state)

    @classmethod
    def open(cls, folder: Path, *, compact_bytes: int = COMPACT_BYTES) -> Self:
        """Opens and recovers the state in `folder`, which is created if absent. Raises DamagedState or StorageFailed.

        The commit that makes the journal larger than `compact_bytes` and than the snapshot also compacts.
        """
        return cls(Journal.open(folder), compact_bytes)

    @classmethod
    def in_memory(cls) -> Self:
        """The same tables and units of work without a file; `durable` returns at once."""
        return cls(None)

    @classmethod
    def of_files(cls, files: Mapping[str, bytes]) -> Self:
        """A database in memory with the content of a snapshot and a journal (file name → bytes). Raises DamagedState."""
        database = cls.in_memory()
        database._state.load(*read_files(files))
        return database

    def table(self, name: str, **kwargs: Any) -> StateTable:
        """The table of that name; options are not supported."""
        return cast(StateTable, super().table(name, **kwargs))

    def work(self, *, durable: bool = True) -> AbstractContextManager[None]:
        """A unit of work: all changes to any tables inside the block become one journal record, or none does.

        Leaving the outermost block writes the record, and flushes it if `durable` (else see `durable()`). An exception rolls
        back all changes; one caught inside an outer block rolls back only the inner one's. Without changes, nothing is
        written. Never await inside the block. Raises StorageFailed (nothing changed, the database is usable) or
        JournalBroken (rolled back in memory, stop the process).
        """
        return _Level(self._state, durable)

    def durable(self) -> Awaitable[None]:
        """Await it: returns when every finished unit of work is on disk; coroutines that wait together share one flush.

        Raises JournalBroken; only the next start can tell what is on the disk then.
        """
        return self._state.durable()

    def sync(self) -> None:
        """Like `durable`, but blocks for the flush."""
        if self._state.journal is not None:
            self._state.journal.sync()

    def compact(self) -> None:
        """Writes a new snapshot and starts an empty journal. Blocks 15–50 ms for 10,000 documents, 150–350 ms for 100,000."""
        self._state.compact()

    @property
    def recovery(self) -> Recovery:
        """What was recovered on opening; log its warning."""
        return self._state.recovery

    @property
    def compaction_error(self) -> StateError | None:
        """Why the last automatic compaction failed (commits still work); None if it succeeded."""
        return self._state.compaction_error

    @property
    def snapshot_bytes(self) -> int:
        return self._state.journal.snapshot_bytes if self._state.journal is not None else 0

    @property
    def journal_bytes(self) -> int:
        return self._state.journal.journal_bytes if self._state.journal is not None else 0


def _key(doc_id: int) -> str:
    if type(doc_id) is not int:
        raise NotStorable(f"文档编号 {doc_id!r} 不是整数")
    return str(doc_id)


def _payload(changes: dict[str, Changes]) -> bytes:
    """The JSON text of a record: the changes of each table."""
    return b"{%b}" % b",".join(
        [b"%b:{%b}" % (dumps(name), b",".join(_members(rows))) for name, rows in changes.items()]
    )


def _members(rows: Changes) -> Iterator[bytes]:
    for key, text in rows.items():
        yield b'"%b":%b' % (key.encode(), b"null" if text is None else text)


def _merge(outer: _Old, inner: _Old) -> None:
    """Adds an inner level's old texts to the outer level's; where both have one, the outer level's is older and stays."""
    for name, before in inner.items():
        outer[name] = before | outer.get(name, {})


async def _at_once() -> None:
    """Returns at once: without a journal nothing has to be flushed."""


def _current_task() -> object:
    try:
        return asyncio.current_task()
    except RuntimeError:  # no event loop here
        return None
