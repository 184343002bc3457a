"""Whatever happened to the files of a state, what loads is the state after one of its records, or the wrong byte is named."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bot.state.disk.database import Database
from bot.state.disk.errors import DamagedState
from bot.state.disk.files import read_pair
from tests.fuzz.amounts import much, tried
from tests.fuzz.slips import Slip, cut, flipped, inserted, places, spoilt, with_lines_again, without_line
from tests.kit.places import everything
from tests.state.test_damage import opened, starts, written

State = dict[str, dict[int, dict[str, Any]]]
wounds: st.SearchStrategy[Slip] = st.one_of(
    st.builds(flipped, places, st.integers(1, 255)),
    st.builds(inserted, places, st.binary(min_size=1, max_size=40)),
    st.builds(inserted, places, st.builds(lambda one, count: one * count, st.sampled_from([b"\0", b"\n"]), st.integers(1, 5000))),
    st.builds(without_line, places, st.integers(1, 4)),
    st.builds(with_lines_again, places, places, st.integers(1, 4)),
    st.builds(cut, places),
)  # fmt: skip


@cache
def a_state() -> Mapping[str, bytes]:
    """A snapshot of eight days, and a journal of eight more behind it."""
    with tempfile.TemporaryDirectory() as folder:
        written(Path(folder), 16, compact_after=7)
        return dict(read_pair(Path(folder)).files())


def journal_name() -> str:
    return next(name for name in a_state() if name.startswith("journal"))


@cache
def after_each_record() -> list[State]:
    """The states that this state ever was in since its snapshot."""
    files, name = a_state(), journal_name()
    data = files[name]
    return [opened({**files, name: data[:end]}) for end in [*starts(data), len(data)]]


def opening(folder: Path) -> tuple[DamagedState | None, Database | None]:
    """What is wrong, or what was loaded."""
    try:
        return None, Database.open(folder)
    except DamagedState as damage:
        return damage, None


def assert_a_state_or_a_named_byte(files: Mapping[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, raw in files.items():
            (folder / file).write_bytes(raw)
        damage, db = opening(folder)
        if damage is not None:
            assert damage.file.parent == folder
            assert 0 <= damage.offset <= len(files.get(damage.file.name, b""))
            assert f"第 {damage.offset} 字节" in str(damage)
            assert {path.name: path.read_bytes() for path in folder.iterdir()} == files
            return
        assert db is not None
        assert everything(db) in after_each_record()
        kept = b"".join(path.read_bytes() for path in folder.glob("damaged-*"))
        assert files[journal_name()] == (folder / journal_name()).read_bytes() + kept
        db.close()


@given(ways=st.lists(wounds, min_size=1, max_size=3))
@much(150)
def test_a_wounded_journal_is_a_state_it_once_was_or_names_its_wrong_byte(ways: list[Slip]) -> None:
    tried()
    files, name = a_state(), journal_name()
    assert_a_state_or_a_named_byte({**files, name: spoilt(files[name], ways)})


@given(of_snapshot=st.lists(wounds, min_size=1, max_size=2), of_journal=st.lists(wounds, max_size=1))
@much(100)
def test_a_wounded_snapshot_is_whole_or_names_its_wrong_byte(of_snapshot: list[Slip], of_journal: list[Slip]) -> None:
    tried()
    files, name = a_state(), journal_name()
    snapshot = spoilt(files["snapshot.jsonl"], of_snapshot)
    assert_a_state_or_a_named_byte({"snapshot.jsonl": snapshot, name: spoilt(files[name], of_journal)})
