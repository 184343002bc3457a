"""What the documents claim, read back from the code."""

from __future__ import annotations

import re
from pathlib import Path

import click

from bot.cli import duban
from bot.settings import Settings
from tests.project.test_imports import MAY_IMPORT

ROOT = Path(__file__).parents[2]


def text(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def test_every_command_of_the_readme_exists_and_every_command_has_help() -> None:
    named = set(re.findall(r"duban (\w+)", text("README.md"))) | set(re.findall(r"· (\w+)", text("CHANGELOG.md")))
    context = click.Context(duban)
    commands = {name: duban.get_command(context, name) for name in duban.list_commands(context)}
    assert named - {"duban"} <= set(commands)
    assert all(command and command.help for command in commands.values())


def test_the_readme_s_two_commands_are_targets_of_the_makefile() -> None:
    targets = set(re.findall(r"^(\w+):", text("Makefile"), re.MULTILINE))
    promised = set(re.findall(r"make (\w+)", text("README.md")))
    assert promised <= targets
    assert {"run", "test"} <= promised
    assert "make test" in text(".ci/run")


def test_the_hook_before_a_commit_is_make_check_and_fetches_nothing() -> None:
    hooks = text(".pre-commit-config.yaml")
    assert re.findall(r"repo: (\S+)", hooks) == ["local"]
    assert re.findall(r"entry: (.+)", hooks) == ["make check"]


def test_every_setting_is_documented_under_both_names() -> None:
    page = text("docs/设置.md")
    for field in Settings.model_fields.values():
        assert f"| {field.alias} |" in page
        choices = getattr(field.validation_alias, "choices", [])
        assert all(str(choice) in page for choice in choices)


def test_every_table_of_the_state_is_described() -> None:
    tables = set(re.findall(r'table\("(\w+)"\)', text("bot/state/store.py")))
    assert tables
    assert all(f"| {name} |" in text("state/README.md") for name in tables)


def test_the_journey_lists_every_room_from_the_ground_up() -> None:
    listed = re.findall(r"^\| `bot/([\w/]+?)(?:/|\.py)` \| \w", text("docs/journey.md"), re.MULTILINE)
    rooms = [name.replace("/", ".") for name in listed]
    assert set(rooms) == set(MAY_IMPORT) - {"core", "__main__", "__init__"}
    assert all(MAY_IMPORT[room] & set(rooms) <= set(rooms[:place]) for place, room in enumerate(rooms))


def test_every_decision_is_in_the_index_under_its_number() -> None:
    files = {path.name for path in (ROOT / "docs" / "decisions").glob("0*.md")}
    listed = re.findall(r"^\| \[(\d{4})\]\((\1-[\w-]+\.md)\) \|", text("docs/decisions/README.md"), re.MULTILINE)
    assert [number for number, _ in listed] == sorted(number for number, _ in listed)
    assert {name for _, name in listed} == files
    assert all(text(f"docs/decisions/{name}").startswith(f"# {name[:4]} ") for name in files)


def test_the_license_is_named_in_both_places() -> None:
    assert "Mulan PSL v2" in text("README.md")
    assert "MulanPSL-2.0" in text("pyproject.toml")
