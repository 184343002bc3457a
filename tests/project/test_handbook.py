"""The admin handbook, followed to the letter: every recipe is carried out on a copy of the county's folder.

A recipe is a `##` section. Its fenced blocks say what to do, in order:
`yaml FILE 改前` / `yaml FILE 改后`  replace the first text by the second, which must stand in the file exactly once;
`yaml FILE 加在末尾`                 append; `yaml FILE 新文件` create;
`text FILE 文件`                     a text the recipe reads from a file (a notice pasted there);
`sh`                                 commands, one a line, each of which must succeed;
`text`                               lines that the last commands printed, in order; … stands for anything.
"""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.cli import main
from tests.kit.builders import moment

ROOT = Path(__file__).parents[2]
HANDBOOK = ROOT / "docs" / "管理员手册.md"
FENCE = re.compile(r"^( *)```(\w+)(?: +(\S+) +(\S+))?\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One fenced block: its language, the file it is about, what is to be done with it."""

    language: str
    file: str
    action: str
    body: str


def recipes() -> dict[str, list[Block]]:
    """Blocks by the heading they stand under; sections without any are prose."""
    sections = re.split(r"^## ", HANDBOOK.read_text("utf-8"), flags=re.MULTILINE)[1:]
    found = {section.partition("\n")[0]: [_block(match) for match in FENCE.finditer(section)] for section in sections}
    return {title: blocks for title, blocks in found.items() if any(block.language == "sh" for block in blocks)}


def _block(match: re.Match[str]) -> Block:
    indent, language, file, action, body = match.groups()
    lines = (line.removeprefix(indent) for line in body.splitlines(keepends=True))
    return Block(language, file or "", action or "", "".join(lines))


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh copy of what the county has on its server, on the plan's first day."""
    monkeypatch.setattr("bot.cli.preview.wall", lambda: moment("2026-11-23 08:00"))
    for name in ("rules", "config"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("chats.yaml", "bot.env", "secrets"))
    shutil.copytree(ROOT / "rules", tmp_path / "原来的规则")
    (tmp_path / "state").mkdir()
    return tmp_path


@dataclass
class Reader:
    """Somebody who does what the handbook says and compares what is printed."""

    home: Path
    capture: Callable[[], str]
    printed: str = ""
    before: str = ""

    def follow(self, block: Block) -> None:
        """Carries out one block."""
        if block.language == "sh":
            self.printed = "".join(self.run(line) for line in block.body.splitlines() if line.strip())
        elif block.file:
            self.write(block)
        else:
            self.compare(block.body)

    def run(self, line: str) -> str:
        """One command as typed; a file named in it stands in the home folder."""
        program, *arguments = shlex.split(line, comments=True)
        assert program == "duban"
        here = [str(self.home / one) if self._names_a_file(one) else one for one in arguments]
        with pytest.raises(SystemExit) as ended:
            main(["--home", str(self.home), *here])
        out = self.capture()
        assert not ended.value.code, f"{line}\n{out}"
        return out

    def _names_a_file(self, word: str) -> bool:
        """What stands in the home folder, or will."""
        return (self.home / word).exists() or word.endswith((".xlsx", ".yaml"))

    def write(self, block: Block) -> None:
        """Edits a file as the recipe says."""
        path = self.home / block.file
        if block.action == "改前":
            self.before = block.body
            return
        text = path.read_text("utf-8") if path.exists() else ""
        if block.action == "改后":
            assert text.count(self.before) == 1, f"{block.file} 里应恰有一处：\n{self.before}"
            text = text.replace(self.before, block.body)
        else:
            assert block.action == "加在末尾" or not path.exists()
            text = f"{text.rstrip()}\n\n{block.body}" if block.action == "加在末尾" else block.body
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")

    def compare(self, body: str) -> None:
        """Every line shown in the handbook was printed, in that order."""
        rest = self.printed
        for line in filter(None, map(str.strip, body.splitlines())):
            found = re.search(re.escape(line).replace("…", ".*"), rest)
            assert found, f"没有印出：{line}\n实际：\n{self.printed}"
            rest = rest[found.end() :]


@pytest.mark.parametrize("title", recipes())
def test_a_recipe_does_what_it_says(title: str, office: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def capture() -> str:
        captured = capsys.readouterr()
        return captured.out + captured.err

    reader = Reader(office, capture)
    for block in recipes()[title]:
        reader.follow(block)


def test_there_are_ten_recipes_and_every_one_shows_what_is_printed() -> None:
    found = recipes()
    assert len(found) >= 10
    assert [
        title for title, blocks in found.items() if not any(b.language == "text" and not b.file for b in blocks)
    ] == []


def test_a_slip_of_the_decimal_point_is_asked_about_as_the_handbook_says(
    office: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is refused has no block of its own in a recipe: blocks are commands that succeed."""
    wrong, meant = re.findall(r"把 (\S+) 打成了 (\S+)，会问“是不是\1%”", HANDBOOK.read_text("utf-8"))[0][::-1]
    codes = []
    for arguments in ((wrong,), (wrong, "--yes")):
        with pytest.raises(SystemExit) as ended:
            main(["--home", str(office), "report", "I4", "2026", *arguments])
        codes.append(ended.value.code)
        said = capsys.readouterr()
        assert f"是不是{meant}%" in said.err or "--yes" in arguments
    assert codes == [2, 0]
