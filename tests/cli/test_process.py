"""The command as a process of its own: what the shell it was typed in gets to see."""

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from bot.cli.service import AGAIN, waited_out
from bot.state.disk.errors import JournalBroken, StateError, StorageFailed
from tests.kit.rules_factory import write_rules

ROOT = Path(__file__).parents[2]
RULE = """\
版本: 1
条目:
  - 编号: T05-M1
    类型: 节点
    出处: 第5项
"""


def duban(home: Path, *args: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "bot", "--home", str(home), *args]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_the_exit_code_and_all_of_the_text_reach_the_shell(tmp_path: Path) -> None:
    write_rules(tmp_path, {"tasks/05.yaml": RULE})
    out, _ = (running := duban(tmp_path, "check")).communicate()
    assert running.returncode == 1
    assert "rules/tasks/05.yaml" in out.decode()


def test_a_wrong_use_ends_with_code_2(tmp_path: Path) -> None:
    _, err = (running := duban(tmp_path, "没有这个命令")).communicate()
    assert (running.returncode, bool(err)) == (2, True)


def test_a_reader_that_has_seen_enough_gets_no_traceback() -> None:
    with duban(ROOT, "preview", "--as-confirmed", "--until", "2035-12-31") as running:
        assert running.stdout is not None
        assert running.stderr is not None
        assert running.stdout.readline()
        running.stdout.close()
        assert running.stderr.read() == b""
        assert running.wait() in (0, 1)


def storage(code: int) -> StorageFailed:
    return StorageFailed("锁定状态文件夹", Path("state/lock"), OSError(code, ""))


@pytest.mark.parametrize("error", [storage(errno.EROFS), JournalBroken(Path("journal-000001.log"), "磁盘是只读的")])
def test_a_state_that_cannot_be_written_for_a_while_is_opened_anew(error: StateError) -> None:
    troubles, waits = [error, error], list[float]()

    def serve(asked: list[bool]) -> int:
        if troubles:
            raise troubles.pop()
        return 0

    assert waited_out(serve, waits.append) == 0
    assert waits == [AGAIN, AGAIN]


@pytest.mark.parametrize(("error", "asks"), [(storage(errno.EACCES), False), (storage(errno.EROFS), True)])
def test_what_does_not_pass_or_was_asked_to_stop_is_not_begun_again(error: StateError, asks: bool) -> None:
    def serve(asked: list[bool]) -> int:
        asked += [True] * asks
        raise error

    with pytest.raises(StorageFailed):
        waited_out(serve, lambda _: None)
