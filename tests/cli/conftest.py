"""Running a command the way a shell does: `home` is each file's own, `duban` is everybody's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bot.cli import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def duban(home: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: str, at: Path = home) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["--home", str(at), *arguments])
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out, captured.err

    return run
