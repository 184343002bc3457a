"""A state that lived from 2026-12-01 to 2027-12-15 under the version of 2026-11-29, opened by today's.

`tests/data/state-year-2027.tar.gz` was written on the county's rules by that version, with a service restarted every month
and played people: three of four dated items done, some returned or extended, values reported and corrected, three cases under
T09-C1, a silence, two dead robots and a busy one at the end. It is never changed. Its rules are kept in it.
"""

from __future__ import annotations

import tarfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.core.deciding.decision import ripe
from bot.core.deciding.findings import arisen_items
from bot.core.deciding.look import Scene, look
from bot.core.deciding.memory import PastTelling
from bot.core.preview.preview import preview_of
from bot.core.rules.item_ids import split_step
from bot.core.rules.rulebook import Rulebook
from bot.core.telling.entry import EntryState
from bot.core.time.windows import OfficeHours
from bot.rulefiles.loader import assemble
from bot.service.home import everybody, facts_of, read_home, usable_rulebook
from bot.state.archive import Archive
from bot.state.disk.database import Database
from bot.state.store import TOLD, Store
from bot.state.verify import verify

#: The steps of the cases under T09-C1, in the rules that the state was written under.
STEPS = ("监测", "核查", "处理", "通报")
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
    """That version named a step by its position: T09-C1@2027-003-1."""
    done = {number: list(case.done) for (rule, number), case in store.facts.cases.items() if rule == "T09-C1"}
    assert done == {"2027-001": list(STEPS), "2027-002": ["监测", "核查"], "2027-003": ["监测"]}
    assert reached(store) == {"2027-002": "处理", "2027-003": "核查"}
    told = {one.item for one in store.tellings if one.item.startswith("T09-C1@")}
    assert told
    assert all(split_step(item) and item.partition("#")[2] in STEPS for item in told)


def test_steps_keep_their_place_when_one_is_put_in_front_with_the_upgrade(folder: Path) -> None:
    """Positions are read by the steps of the rules that the state was written under, also after a restart."""
    with closing(Store(Database.open(folder))) as first:
        files = dict(first.meta("rules"))
        first.note_steps(rules_of(first).succession)
    after = assemble({name: text.encode() for name, text in with_one_more_in_front(files).items()}).rulebook
    assert after is not None
    assert after.succession.steps["T09-C1"] == ("立案", *STEPS)
    with closing(Store(Database.open(folder))) as again:
        again.follow(after.succession)
        assert reached(again, after) == {"2027-002": "处理", "2027-003": "核查"}
        assert not any("立案" in one.item for one in again.tellings)


def test_nothing_that_was_told_is_told_again(store: Store) -> None:
    now = last_look(store)
    _, decisions = look(scene_of(store), now)
    assert ripe(decisions, now) == []
    store.spell_out_hand_overs(rules_of(store).rules)
    _, decisions = look(scene_of(store), now)
    assert ripe(decisions, now) == []
    written = {(now_called(one.item), one.due_on, one.addressee, one.rung_on) for one in written_tellings(store)}
    for draft, _ in preview_of(scene_of(store), now, now + timedelta(days=60)):
        for telling in draft.tellings:
            before = store.tellings.last(telling.item, telling.due_on, telling.addressee)
            assert before is None or telling.rung_on > before.rung_on, telling
            assert (telling.item, telling.due_on, telling.addressee, telling.rung_on) not in written, telling


def written_tellings(store: Store) -> list[PastTelling]:
    """The record as it is on disk."""
    return [TOLD.validate_json(text) for _, text in store.database.table("told").texts()]


def now_called(item: str) -> str:
    """Today's id of an item as that version wrote it, worked out by hand."""
    case, _, position = item.rpartition("-")
    return f"{case}#{STEPS[int(position) - 1]}" if item.startswith("T09-C1@") else item


def reached(store: Store, rulebook: Rulebook | None = None) -> dict[str, str]:
    """The step at which each open case under T09-C1 is."""
    rulebook = rulebook or rules_of(store)
    items = [item for item in arisen_items(rulebook, store.facts) if item.rule.id == "T09-C1"]
    return {item.data.case.number: item.data.name for item in items if item.data.done_on is None}


def test_whoever_opens_the_state_first_notes_the_steps_it_was_written_under(tmp_path: Path) -> None:
    """A command, or the service, started for the first time beside rules that have one more step in front."""
    with tarfile.open(YEAR) as packed:
        packed.extractall(tmp_path / "state", filter="data")
    with closing(Store(Database.open(tmp_path / "state"))) as kept:
        files = with_one_more_in_front(kept.meta("rules"))
    for name, text in files.items():
        path = tmp_path / "rules" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    home = read_home(tmp_path, tests=False)
    assert home.rulebook is not None
    assert home.rulebook.succession.steps["T09-C1"] == ("立案", *STEPS)
    assert facts_of(home).cases["T09-C1", "2027-003"].steps == STEPS
    with closing(Store(Database.open(tmp_path / "state"))) as again:
        usable_rulebook(home, again)
        assert again.meta("steps")["T09-C1"] == list(STEPS)


def with_one_more_in_front(files: dict[str, str]) -> dict[str, str]:
    """The rule files with 立案 in front of the steps of T09-C1."""
    (name,) = (name for name, text in files.items() if "编号: T09-C1" in text)
    front = "    步骤:\n      - {名称: 立案, 时限: 3个工作日}\n      - {名称: 监测"
    return {**files, name: files[name].replace("    步骤:\n      - {名称: 监测", front)}
