"""Where a test's database lives, and what is in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bot.state.disk.database import Database

ENTRY = {"群聊": "县教育局", "状态": "待发", "次数": 0, "级次": ["提前30天", "提前7天"], "回执": {"码": None}}


class Place:
    """Where a test's database lives; `again` is what a restart would find (in memory nothing restarts)."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.db = Database.in_memory() if folder is None else Database.open(folder)

    def again(self) -> Database:
        if self.folder is not None:
            self.db.close()
            self.db = Database.open(self.folder)
        return self.db


def everything(db: Database) -> dict[str, dict[int, dict[str, Any]]]:
    return {name: {doc.doc_id: dict(doc) for doc in db.table(name)} for name in db.tables()}
