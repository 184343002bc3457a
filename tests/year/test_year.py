"""A realistic year: people played with a seed, the real service, and what it said."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date

import pytest

from bot.core.deciding.findings import items_of
from bot.rulefiles.loader import assemble
from tests.year.judge import judged
from tests.year.plan import Plan
from tests.year.player import played_by
from tests.year.stage import played
from tests.year.turns import county

END = date(2028, 4, 30)


def test_a_seed_is_the_whole_script_and_another_seed_another_one() -> None:
    assert played_by(1) == played_by(1)
    assert played_by(1) != played_by(2)


def test_a_script_is_plain_data_in_the_order_of_time() -> None:
    script = played_by(1)
    assert json.loads(json.dumps(asdict(script)))["acts"][0]["do"] == "chats"
    assert [act.at for act in script.acts] == sorted(act.at for act in script.acts)


def test_the_plan_read_by_itself_has_the_dates_that_the_rules_have() -> None:
    files = county()
    rulebook = assemble({name: text.encode() for name, text in files.items()}).rulebook
    assert rulebook
    ours = {duty.id: duty.due for duty in Plan(files).duties.values() if duty.due <= END}
    theirs = {item.id: item.due_on for item in items_of(rulebook, END) if item.due_on and item.due_on <= END}
    watched = {
        name: due for name, due in theirs.items() if ("-B" not in name and not name.startswith("I")) or ":" in name
    }
    assert ours == watched


# --- judged ------------------------------------------------------------------------------------------------------

#: What the service still says wrongly, and why. Whoever mends a kind takes it out: a kind that is listed and no longer found fails.
NOT_YET_MENDED = {
    "too-many-messages": "every rung of every item finds its own day",
}


#: What somebody types in although its period has not begun.
OUGHT_TO_BE_REFUSED = "'indicator': 'I1', 'period': '2035'"


@pytest.mark.timeout(900)
def test_a_year_has_the_faults_that_are_known_and_no_other() -> None:
    """All questions to one year, which takes most of a minute to play: what is wrong, what is mended, what was refused."""
    year = played(played_by(1))
    found = {finding.kind: finding for finding in judged(year)}
    assert {kind: finding for kind, finding in found.items() if kind not in NOT_YET_MENDED} == {}
    assert set(NOT_YET_MENDED) - set(found) == set(), "mended: take it out of the list"
    assert [letter for letter in year.refused if OUGHT_TO_BE_REFUSED not in letter] == []


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(1, 21))
def test_many_years_have_no_fault_that_is_not_known(seed: int) -> None:
    findings = {found.kind: found for found in judged(played(played_by(seed))) if found.kind not in NOT_YET_MENDED}
    assert findings == {}
