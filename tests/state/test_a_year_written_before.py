"""A state that lived from 2026-12-01 to 2027-12-15 under the version of 2026-11-29, opened by today's.

`tests/data/state-year-2027.tar.gz` was written on the county's rules by that version, with a service restarted every month
and played people: three of four dated items done, some returned or extended, values reported and corrected, three cases under
T09-C1, a silence, two dead robots and a busy one at the end. It is never changed. Its rules are kept in it.
"""

from __future__ import annotations

import tarfile
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.core.deciding.decisions import ripe
from bot.core.deciding.look import Scene, look
from bot.core.preview.preview import preview_of
from bot.core.rules.rulebook import Rulebook
from bot.core.telling.entry import EntryState
from bot.core.time.windows import OfficeHours
from bot.rulefiles.loader import assemble
from bot.service.home import everybody
from bot.state.archive import Archive
from bot.state.disk.database import Database
from bot.state.store import Store
from bot.state.verify import verify

YEAR = Path(__file__).parents[1] / "data" / "state-year-2027.tar.gz"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("year")
    with tarfile.open(YEAR) as packed:
        packed.extractall(target, filter="data")
    return target


@pytest.fixture
def store(folder: Path) -> Iterator[Store]:
    kept = Store(Database.open(folder))
    kept.follow(rules_of(kept).succession)
    yield kept
    kept.close()


def rules_of(store: Store) -> Rulebook:
    rulebook = assemble({name: text.encode() for name, text in store.meta("rules").items()}).rulebook
    assert rulebook is not None
    return rulebook


def scene_of(store: Store) -> Scene:
    rulebook = rules_of(store)
    return Scene(rulebook, store.facts, store.tellings, everybody(rulebook), OfficeHours(), store.used)


def last_look(store: Store) -> datetime:
    return datetime.fromisoformat(store.meta("evaluated"))


def test_nothing_is_lost(store: Store, folder: Path) -> None:
    assert len(store.events) == 231
    states = Counter(entry.state for entry in store.entries.values())
    assert states == {EntryState.DELIVERED: 28, EntryState.REFUSED: 1, EntryState.LATER: 1}
    archived = Archive(folder / "archive")
    assert sum(link.kind == "outbox" for link in archived.links(store.seal)) == store.seal.rows["outbox"] == 464
    assert verify(folder).events == 231


def test_steps_of_cases_keep_their_place(store: Store) -> None:
    done = {number: sorted(case.done) for (rule, number), case in store.facts.cases.items() if rule == "T09-C1"}
    assert done == {"2027-001": [1, 2, 3, 4], "2027-002": [1, 2], "2027-003": [1]}


def test_nothing_that_was_told_is_told_again(store: Store) -> None:
    now = last_look(store)
    _, decisions = look(scene_of(store), now)
    assert ripe(decisions, now) == []
    for draft, _ in preview_of(scene_of(store), now, now + timedelta(days=20)):
        for telling in draft.tellings:
            before = store.tellings.last(telling.item, telling.due_on, telling.addressee)
            assert before is None or telling.rung_on > before.rung_on, telling
