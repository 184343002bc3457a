from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bot.state.disk.lock import StateLock, StateLocked

HOLD = """
import sys
from pathlib import Path
from bot.state.disk.lock import StateLock
StateLock(Path(sys.argv[1])).acquire()
print("held", flush=True)
sys.stdin.read()
"""


def hold_in_a_child(folder: Path) -> subprocess.Popen[str]:
    """A process that holds the lock until its input ends or it dies."""
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    return child


def test_the_second_holder_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    with StateLock(tmp_path), pytest.raises(StateLocked) as caught:
        StateLock(tmp_path).acquire()
    assert caught.value.pid == os.getpid()
    assert f"进程号 {os.getpid()}" in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_a_released_lock_is_free(tmp_path: Path) -> None:
    lock = StateLock(tmp_path)
    lock.acquire()
    lock.release()
    lock.release()
    with StateLock(tmp_path):
        pass


def test_the_folder_is_created(tmp_path: Path) -> None:
    with StateLock(tmp_path / "new" / "state"):
        assert (tmp_path / "new" / "state" / "lock").exists()


def test_another_process_is_refused_with_its_number(tmp_path: Path) -> None:
    with hold_in_a_child(tmp_path) as child:
        with pytest.raises(StateLocked, match=f"进程号 {child.pid}"):
            StateLock(tmp_path).acquire()
        child.kill()


def test_the_lock_is_free_after_its_holder_was_killed(tmp_path: Path) -> None:
    with hold_in_a_child(tmp_path) as child:
        child.send_signal(signal.SIGKILL)
    with StateLock(tmp_path), pytest.raises(StateLocked) as caught:
        StateLock(tmp_path).acquire()
    assert caught.value.pid == os.getpid()


def test_a_refused_attempt_does_not_disturb_the_holder(tmp_path: Path) -> None:
    with StateLock(tmp_path):
        for _ in range(2):
            with pytest.raises(StateLocked):
                StateLock(tmp_path).acquire()


def test_a_holder_that_wrote_nothing_is_not_guessed_at(tmp_path: Path) -> None:
    with StateLock(tmp_path):
        (tmp_path / "lock").write_text("?")
        with pytest.raises(StateLocked) as caught:
            StateLock(tmp_path).acquire()
    assert caught.value.pid is None
    assert "进程号" not in str(caught.value)


def test_a_program_started_meanwhile_does_not_keep_the_lock(tmp_path: Path) -> None:
    lock = StateLock(tmp_path)
    lock.acquire()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        lock.release()
        with StateLock(tmp_path):
            child.kill()
