"""Kills of a real process, and any history at all against plain dicts."""

from __future__ import annotations

import contextlib
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from bot.state.disk.database import Database
from tests.kit.places import everything

# --- kills ------------------------------------------------------------------------------------------------------------------

COMMITS = """
import sys
from pathlib import Path
from bot.state.disk.database import Database
db = Database.open(Path(sys.argv[1]), compact_bytes=3000)
number = db.table("meta").get(doc_id=1)["号"] if len(db.table("meta")) else 0
while True:
    number += 1
    with db.work():
        db.table("meta").put(1, {"号": number, "错误": "超时" * 20 if number % 2 else ""})
        db.table("outbox").put(number % 50 + 1, {"号": number})
    print(number, flush=True)
"""


def kill_after(folder: Path, commits: int) -> int:
    """Lets a child commit until it acknowledged so many, kills it, returns the last one it acknowledged."""
    with subprocess.Popen([sys.executable, "-c", COMMITS, str(folder)], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        lines = [child.stdout.readline() for _ in range(commits)]
        child.kill()
        lines += child.stdout.readlines()
    return max(int(line) for line in lines if line.endswith(b"\n"))


def test_no_acknowledged_commit_is_lost_and_no_pair_is_halved_over_20_kills(tmp_path: Path) -> None:
    chance = random.Random(20261123)
    for _ in range(20):
        acknowledged = kill_after(tmp_path, chance.randrange(1, 120))
        db = Database.open(tmp_path)
        number = db.table("meta").get(doc_id=1)["号"]
        assert number in (acknowledged, acknowledged + 1)
        newest = {n % 50 + 1: {"号": n} for n in range(max(1, number - 49), number + 1)}
        assert everything(db)["outbox"] == newest
        db.close()


# --- anything goes ------------------------------------------------------------------------------------------------------------

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
DOCUMENTS = st.dictionaries(st.sampled_from("甲乙丙"), VALUES, max_size=3)
NAMES = st.sampled_from(["outbox", "told"])
IDS = st.integers(1, 6)
CHANGES = st.one_of(
    st.tuples(st.just("insert"), NAMES, DOCUMENTS),
    st.tuples(st.just("put"), NAMES, IDS, DOCUMENTS),
    st.tuples(st.just("update"), NAMES, IDS, DOCUMENTS),
    st.tuples(st.just("remove"), NAMES, IDS),
    st.tuples(st.just("truncate"), NAMES),
)
Model = dict[str, dict[int, dict[str, Any]]]


def change(db: Database, model: Model, step: tuple[Any, ...]) -> None:
    """The same change to the database and to plain dicts."""
    kind, name, *rest = step
    table, rows = db.table(name), model[name]
    if kind == "insert":
        rows[table.insert(*rest)] = rest[0]
    elif kind == "put":
        table.put(*rest)
        rows[rest[0]] = rest[1]
    elif kind == "update":
        table.update(rest[1], doc_ids=[rest[0]])
        if rest[0] in rows:
            rows[rest[0]] = rows[rest[0]] | rest[1]
    elif kind == "remove":
        table.remove(doc_ids=rest)
        rows.pop(rest[0], None)
    else:
        table.truncate()
        rows.clear()


class AnyHistory(RuleBasedStateMachine):
    """Units of work, nested and failing ones, restarts, torn tails and compactions against plain dicts."""

    def __init__(self) -> None:
        super().__init__()
        self.scratch = tempfile.TemporaryDirectory()
        self.folder = Path(self.scratch.name) / "state"
        self.db = Database.open(self.folder, compact_bytes=1500)
        self.memory = Database.in_memory()
        self.model: Model = {"outbox": {}, "told": {}}

    def run(self, db: Database, before: list[Any], inner: list[Any], fails: bool, undone: bool) -> Model:
        model = {name: dict(rows) for name, rows in self.model.items()}
        with contextlib.suppress(ZeroDivisionError), db.work(durable=not fails):
            for step in before:
                change(db, model, step)
            kept = {name: dict(rows) for name, rows in model.items()}
            with contextlib.suppress(KeyError), db.work():
                for step in inner:
                    change(db, model, step)
                if fails:
                    raise KeyError
                kept = model
            model = kept
            if undone:
                raise ZeroDivisionError
        return self.model if undone else model

    @rule(
        before=st.lists(CHANGES, max_size=4),
        inner=st.lists(CHANGES, max_size=3),
        fails=st.booleans(),
        undone=st.booleans(),
    )
    def work(self, before: list[Any], inner: list[Any], fails: bool, undone: bool) -> None:
        self.run(self.memory, before, inner, fails, undone)
        self.model = self.run(self.db, before, inner, fails, undone)

    @rule(step=CHANGES)
    def bare_change(self, step: tuple[Any, ...]) -> None:
        change(self.memory, {name: {} for name in self.model}, step)
        change(self.db, self.model, step)

    @rule()
    def compact(self) -> None:
        self.db.compact()

    @rule(tail=st.binary(max_size=30))
    def restart(self, tail: bytes) -> None:
        """In memory the id counter lives on, so that it is started again from what is stored, like the other."""
        self.db.close()
        (file,) = self.folder.glob("journal-*.log")
        file.write_bytes(file.read_bytes() + tail)
        self.db = Database.open(self.folder, compact_bytes=1500)
        assert bool(self.db.recovery.warning) == bool(tail)
        self.memory = Database.in_memory()
        for name, rows in self.model.items():
            for doc_id, document in rows.items():
                self.memory.table(name).put(doc_id, document)

    @invariant()
    def all_three_agree(self) -> None:
        expected = {name: rows for name, rows in self.model.items() if rows}
        text = json.dumps(expected, sort_keys=True)  # as text: for Python 1, 1.0 and True are equal
        assert json.dumps(everything(self.db), sort_keys=True) == text
        assert json.dumps(everything(self.memory), sort_keys=True) == text

    def teardown(self) -> None:
        self.db.close()
        self.scratch.cleanup()


AnyHistory.TestCase.settings = settings(max_examples=60, stateful_step_count=25)
TestAnyHistory = AnyHistory.TestCase
