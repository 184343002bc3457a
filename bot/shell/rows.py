"""A table's rows as TinyDB's updaters see them."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any

from bot.shell.jsontext import clone

Stored = dict[str, Any]  # one document, plain
Rows = dict[str, Stored]  # document id as TinyDB writes it → document
Changes = dict[str, Stored | None]  # document id → its new value, None: removed


class View(MutableMapping[int, Stored]):
    """A table as TinyDB's updaters see it: integer keys, and a document is copied only when it is touched."""

    __slots__ = ("_rows", "touched")

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self.touched: dict[int, Stored | None] = {}  # None: removed

    def __getitem__(self, doc_id: int) -> Stored:
        document = self.touched[doc_id] if doc_id in self.touched else clone(self._rows.get(str(doc_id)))
        if document is None:
            raise KeyError(doc_id)
        self.touched[doc_id] = document
        return document

    def __setitem__(self, doc_id: int, document: Stored) -> None:
        self.touched[doc_id] = document

    def __delitem__(self, doc_id: int) -> None:
        if doc_id not in self:
            raise KeyError(doc_id)
        self.touched[doc_id] = None

    def __contains__(self, doc_id: object) -> bool:
        if doc_id in self.touched:
            return self.touched[doc_id] is not None
        return str(doc_id) in self._rows

    def __iter__(self) -> Iterator[int]:
        for key in self._rows:
            if self.touched.get(int(key), self) is not None:
                yield int(key)
        for doc_id, document in self.touched.items():
            if document is not None and str(doc_id) not in self._rows:
                yield doc_id

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def clear(self) -> None:
        self.touched = {int(key): None for key in self._rows}
