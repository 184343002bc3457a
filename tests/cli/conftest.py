"""Running a command the way a shell does: `home` is each file's own, `duban` is everybody's, and previews begin on one day."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bot.cli import main
from tests.kit.builders import moment

Run = Callable[..., tuple[int, str, str]]

#: A preview begins today: tests of it give the same answer on every day they run.
TODAY = moment("2026-11-23 08:00")


@pytest.fixture(autouse=True)
def today(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pins the day on which previews and explanations are asked for."""
    for command in ("preview", "explain"):
        monkeypatch.setattr(f"bot.cli.{command}.wall", lambda: TODAY)


@pytest.fixture
def duban(home: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: str, at: Path = home) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["--home", str(at), *arguments])
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out, captured.err

    return run
