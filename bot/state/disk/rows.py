"""A table's rows, held as the JSON text that is on disk, and two views of them for TinyDB."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

from bot.state.disk.json_text import loads

Rows = dict[str, bytes]  # document id as text → document
Changes = dict[str, bytes | None]  # document id → its new value, None: removed


class ReadView(Mapping[str, dict[str, Any]]):
    """A table for TinyDB's reading methods: every access decodes a new document, which the caller may change."""

    __slots__ = ("rows",)

    def __init__(self, rows: Rows) -> None:
        self.rows = rows

    def __getitem__(self, key: str) -> dict[str, Any]:
        found: dict[str, Any] = loads(self.rows[key])
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self.rows)

    def __contains__(self, key: object) -> bool:
        return key in self.rows

    def __len__(self) -> int:
        return len(self.rows)


class UpdateView(MutableMapping[int, dict[str, Any]]):
    """A table for TinyDB's updaters: keys are integers, and only documents that are accessed are decoded."""

    __slots__ = ("_rows", "touched")

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self.touched: dict[int, dict[str, Any] | None] = {}  # None: removed

    def __getitem__(self, doc_id: int) -> dict[str, Any]:
        document = self.touched[doc_id] if doc_id in self.touched else self._stored(doc_id)
        if document is None:
            raise KeyError(doc_id)
        self.touched[doc_id] = document
        return document

    def __setitem__(self, doc_id: int, document: dict[str, Any]) -> None:
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

    def _stored(self, doc_id: int) -> dict[str, Any] | None:
        text = self._rows.get(str(doc_id))
        return None if text is None else loads(text)
