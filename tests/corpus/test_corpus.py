"""Every way to break the shipped rule files is noticed: the right complaint at the right line, and nothing is let through."""

from __future__ import annotations

import pytest

from bot.rulefiles.loader import assemble
from tests.corpus.mutations import FORMS, MUTATIONS, RULES, Mutation
from tests.corpus.number_mutations import NUMBER_MUTATIONS

EVERY = (*MUTATIONS, *NUMBER_MUTATIONS)


@pytest.mark.parametrize("file", dict.fromkeys(mutation.file for mutation in EVERY))
def test_a_broken_rule_file_is_refused_at_the_line_that_is_broken(file: str) -> None:
    """What is shown when it fails: each mutation that slipped through, and what was said about it instead."""
    answers = {mutation.name: complaints(mutation) for mutation in EVERY if mutation.file == file}
    assert {name: said for name, said in answers.items() if said} == {}


def complaints(mutation: Mutation) -> list[object]:
    """Nothing when the right complaint came at the right line; else whatever came, which begins with what was missed."""
    files, line = mutation.files()
    loaded = assemble(files)
    wanted = (f"rules/{mutation.file}", line, mutation.code)
    found = {(one.file, one.line, one.code) for one in loaded.problems if one.is_error}
    return [] if loaded.rulebook is None and wanted in found else [wanted, *found]


def test_the_shipped_rules_themselves_only_lack_the_baselines_nobody_gave() -> None:
    loaded = assemble(RULES)
    assert loaded.rulebook is not None
    assert {(one.code, one.severity) for one in loaded.problems} == {("no-baseline", "info")}


def test_the_corpus_is_large_and_breaks_every_form() -> None:
    assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS) >= 150
    assert all(sum(mutation.file == file for mutation in MUTATIONS) >= 20 for file in FORMS)
