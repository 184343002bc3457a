from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from bot.state.disk.journal import DamagedState, Journal, JournalBroken, StorageFailed
from tests.kit.faulty_disks import Camera, FailingDisk

TEXTS = ["民乐县教育局", "义务教育优质均衡发展", "控辍保学", "8 22 0badcafe quoted", "控"]
PAYLOADS = [f'{{"单位":"{text}"}}'.encode() for text in TEXTS]


def recovered(folder: Path) -> tuple[list[bytes], list[bytes]]:
    """Snapshot lines and payloads found by opening the folder; closes it again."""
    journal = Journal.open(folder)
    found = journal.recovered
    journal.close()
    assert found is not None
    return found.snapshot, found.records


def write(folder: Path, payloads: list[bytes]) -> Path:
    """A folder holding these records; returns its journal file."""
    journal = Journal.open(folder)
    for payload in payloads:
        journal.append(payload)
    journal.close()
    return journal.file


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state"


def test_an_empty_folder_is_created_and_starts_empty(folder: Path) -> None:
    assert recovered(folder) == ([], [])


def test_what_was_appended_comes_back_in_order(folder: Path) -> None:
    write(folder, PAYLOADS)
    assert recovered(folder) == ([], PAYLOADS)


def test_a_journal_can_be_read_with_text_tools(folder: Path) -> None:
    lines = write(folder, PAYLOADS).read_text().splitlines()
    assert [line.split(" ", 3)[3] for line in lines] == [payload.decode() for payload in PAYLOADS]
    assert [int(line.split(" ")[1]) for line in lines] == [len(payload) for payload in PAYLOADS]


def test_a_payload_of_two_lines_is_refused(folder: Path) -> None:
    journal = Journal.open(folder)
    with pytest.raises(ValueError, match="single line"):
        journal.append(b"{\n}")
    journal.close()


def test_only_the_owner_can_read_the_files(folder: Path) -> None:
    assert write(folder, PAYLOADS).stat().st_mode & 0o077 == 0


def test_cut_at_every_byte_recovers_exactly_the_prefix(folder: Path, tmp_path: Path) -> None:
    data = write(folder, PAYLOADS).read_bytes()
    ends = [index + 1 for index, byte in enumerate(data) if byte == 0x0A]
    for size in range(len(data)):
        copy = tmp_path / str(size)
        copy.mkdir()
        (copy / "journal-0.log").write_bytes(data[:size])
        whole = sum(end <= size for end in ends)
        assert recovered(copy) == ([], PAYLOADS[:whole]), size
        good = max([end for end in ends if end <= size], default=0)
        assert contents(copy).get("damaged-1.bin", b"") == data[good:size], size


def test_the_cut_off_tail_is_told_once_and_kept(folder: Path) -> None:
    file = write(folder, PAYLOADS)
    file.write_bytes(file.read_bytes()[:-5])
    journal = Journal.open(folder)
    assert journal.recovered is not None
    kept = journal.recovered.kept_as
    assert kept == folder / "damaged-1.bin"
    assert kept is not None
    assert str(kept) in journal.recovered.warning
    assert journal.recovered.cut_bytes == kept.stat().st_size
    journal.append(PAYLOADS[-1])
    journal.close()
    again = Journal.open(folder)
    assert again.recovered is not None
    assert again.recovered.records == PAYLOADS
    assert again.recovered.warning == ""
    again.close()


def test_a_second_tail_does_not_overwrite_the_first(folder: Path) -> None:
    for tail in (b"first", b"second"):
        file = write(folder, [])
        file.write_bytes(file.read_bytes() + tail)
        recovered(folder)
    assert (folder / "damaged-1.bin").read_bytes() == b"first"
    assert (folder / "damaged-2.bin").read_bytes() == b"second"


@pytest.mark.parametrize("changed", [0x01, 0x80, 0x0A, 0x30, 0x37, 0x20, 0x00])
def test_no_wrong_byte_silently_loses_a_record_before_the_last(folder: Path, tmp_path: Path, changed: int) -> None:
    """0x01 and 0x80 flip that bit; the others overwrite the byte: newline, digits, space, zero."""
    data = write(folder, PAYLOADS).read_bytes()
    last = data.rindex(b"\n", 0, -1) + 1
    for offset in range(len(data)):
        wrong = data[offset] ^ changed if changed in (0x01, 0x80) else changed
        if wrong == data[offset]:
            continue
        copy = tmp_path / str(offset)
        copy.mkdir()
        (copy / "journal-0.log").write_bytes(data[:offset] + bytes([wrong]) + data[offset + 1 :])
        if offset < last:
            before = contents(copy)
            with pytest.raises(DamagedState) as caught:
                Journal.open(copy)
            assert caught.value.offset <= offset < caught.value.offset + max(map(len, PAYLOADS)) + 20
            assert contents(copy) == before
        else:
            assert recovered(copy) == ([], PAYLOADS[:-1]), offset


def test_damage_names_the_file_the_byte_and_the_way_out(folder: Path) -> None:
    file = write(folder, PAYLOADS)
    data = bytearray(file.read_bytes())
    data[30] ^= 1
    file.write_bytes(data)
    with pytest.raises(DamagedState) as caught:
        Journal.open(folder)
    assert str(file) in str(caught.value)
    assert "第 0 字节" in str(caught.value)
    assert "备份" in str(caught.value)
    assert "没有改动任何文件" in str(caught.value)


@pytest.mark.parametrize("missing", range(len(PAYLOADS) - 1))
def test_a_missing_or_repeated_record_is_damage(folder: Path, missing: int) -> None:
    file = write(folder, PAYLOADS)
    lines = file.read_bytes().splitlines(keepends=True)
    for wrong in (lines[:missing] + lines[missing + 1 :], [*lines[: missing + 1], *lines[missing:]]):
        file.write_bytes(b"".join(wrong))
        with pytest.raises(DamagedState, match="此处应为第"):
            Journal.open(folder)


def test_a_torn_record_that_quotes_an_older_one_is_still_a_torn_tail(folder: Path) -> None:
    file = write(folder, PAYLOADS)
    first = file.read_bytes().splitlines(keepends=True)[0]
    file.write_bytes(file.read_bytes() + b"6 999 00000000 " + first)
    assert recovered(folder) == ([], PAYLOADS)


def test_compaction_moves_the_state_into_the_snapshot(folder: Path) -> None:
    journal = Journal.open(folder)
    journal.append(PAYLOADS[0])
    journal.compact(PAYLOADS[:2])
    assert journal.journal_bytes == 0
    assert journal.snapshot_bytes == (folder / "snapshot.jsonl").stat().st_size
    journal.append(PAYLOADS[2])
    journal.close()
    assert sorted(contents(folder)) == ["journal-1.log", "snapshot.jsonl"]
    assert recovered(folder) == (PAYLOADS[:2], [PAYLOADS[2]])


def test_every_wrong_byte_of_a_snapshot_is_refused(folder: Path) -> None:
    journal = Journal.open(folder)
    journal.compact(PAYLOADS)
    journal.close()
    file = folder / "snapshot.jsonl"
    data = file.read_bytes()
    for offset in range(len(data)):
        for wrong in (data[offset] ^ 1, data[offset] ^ 0x80):
            file.write_bytes(data[:offset] + bytes([wrong]) + data[offset + 1 :])
            with pytest.raises(DamagedState) as caught:
                Journal.open(folder)
            assert caught.value.file == file
    for size in range(len(data)):
        file.write_bytes(data[:size])
        with pytest.raises(DamagedState):
            Journal.open(folder)


@pytest.mark.parametrize("lost", ["snapshot.jsonl", "journal-1.log"])
def test_a_lost_file_does_not_pass_for_an_empty_one(folder: Path, lost: str) -> None:
    journal = Journal.open(folder)
    journal.compact(PAYLOADS[:1])
    journal.append(PAYLOADS[1])
    journal.close()
    (folder / lost).unlink()
    with pytest.raises(DamagedState, match="不见了"):
        Journal.open(folder)


def test_an_old_snapshot_put_back_alone_is_refused(folder: Path) -> None:
    journal = Journal.open(folder)
    journal.compact(PAYLOADS[:1])
    shutil.copy(folder / "snapshot.jsonl", folder / "old")
    journal.append(PAYLOADS[1])
    journal.compact(PAYLOADS[:2])
    journal.append(PAYLOADS[2])
    journal.close()
    (folder / "old").replace(folder / "snapshot.jsonl")
    with pytest.raises(DamagedState):
        Journal.open(folder)


def test_a_crash_or_power_cut_at_any_point_of_a_compaction_leaves_a_valid_pair(tmp_path: Path) -> None:
    folder, album = tmp_path / "state", tmp_path / "album"
    camera = Camera(folder, album)
    journal = Journal.open(folder, camera)
    for payload in PAYLOADS[:3]:
        journal.append(payload)
    journal.sync()
    camera.rolling = True
    journal.compact(PAYLOADS[:3])
    camera.rolling = False
    journal.close()
    switched = [bool(recovered(shot)[0]) for shot in camera.shots]
    assert switched == sorted(switched)
    assert {False, True} == set(switched)
    for shot, new in zip(camera.shots, switched, strict=True):
        assert recovered(shot) == ((PAYLOADS[:3], []) if new else ([], PAYLOADS[:3]))
    for shot in camera.shots:
        names = set(contents(shot))
        assert names in ({"journal-0.log"}, {"snapshot.jsonl", "journal-1.log"}), names


def test_a_power_cut_while_appending_keeps_what_was_flushed(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    camera = Camera(folder, tmp_path / "album")
    journal = Journal.open(folder, camera)
    camera.rolling = True
    promised: list[int] = []  # for each shot: how many records had been flushed before
    for count, payload in enumerate(PAYLOADS):
        journal.append(payload)
        journal.sync()
        promised += [count] * (len(camera.shots) - len(promised))
    camera.rolling = False
    journal.close()
    for shot, count in zip(camera.shots, promised, strict=True):
        _, records = recovered(shot)
        assert records in (PAYLOADS[:count], PAYLOADS[: count + 1])


def test_a_full_disk_refuses_the_record_and_takes_the_next_one(folder: Path) -> None:
    disk = FailingDisk("write")
    journal = Journal.open(folder, disk)
    journal.append(PAYLOADS[0])
    disk.arm(0)
    with pytest.raises(StorageFailed, match="磁盘已满"):
        journal.append(PAYLOADS[1])
    assert journal.journal_bytes == journal.file.stat().st_size
    journal.append(PAYLOADS[2])
    journal.close()
    assert recovered(folder) == ([], [PAYLOADS[0], PAYLOADS[2]])


def test_a_record_interrupted_by_ctrl_c_is_taken_back(folder: Path) -> None:
    class Interrupted(FailingDisk):
        def write(self, file: int, data: bytes) -> int:
            os.write(file, data)
            if self._step("write") or self.count == 1:
                raise KeyboardInterrupt
            return len(data)

    journal = Journal.open(folder, Interrupted("write"))
    with pytest.raises(KeyboardInterrupt):
        journal.append(PAYLOADS[0])
    journal.append(PAYLOADS[1])
    journal.close()
    assert recovered(folder) == ([], [PAYLOADS[1]])


def test_when_half_a_record_cannot_be_removed_nothing_more_is_written(folder: Path) -> None:
    class Stuck(FailingDisk):
        def cut(self, file: int, size: int) -> None:
            raise OSError(errno.EIO, "stuck")

    disk = Stuck("write")
    journal = Journal.open(folder, disk)
    disk.arm(0)
    with pytest.raises(JournalBroken):
        journal.append(PAYLOADS[0])
    with pytest.raises(JournalBroken, match="磁盘读写出错"):
        journal.append(PAYLOADS[1])
    journal.close()
    assert recovered(folder) == ([], [])


def test_after_a_failed_flush_nothing_is_promised_again(folder: Path) -> None:
    disk = FailingDisk("flush", errno.EIO)
    journal = Journal.open(folder, disk)
    journal.append(PAYLOADS[0])
    disk.arm(0)
    with pytest.raises(JournalBroken, match="磁盘读写出错"):
        journal.sync()
    for again in (journal.sync, lambda: journal.append(PAYLOADS[1]), lambda: journal.compact([]), journal.durable):
        with pytest.raises(JournalBroken):
            again()
    journal.close()


# The steps: open, write, flush the draft; open, flush the next journal; flush the folder; rename; flush the folder; remove.
@pytest.mark.parametrize("step", range(7))
def test_a_compaction_that_fails_before_its_switch_leaves_the_old_pair_in_use(folder: Path, step: int) -> None:
    disk = FailingDisk()
    journal = Journal.open(folder, disk)
    journal.append(PAYLOADS[0])
    disk.arm(step)
    with pytest.raises(StorageFailed, match="磁盘已满"):
        journal.compact([PAYLOADS[0]])
    assert sorted(contents(folder)) == ["journal-0.log"]
    journal.append(PAYLOADS[1])
    journal.compact(PAYLOADS[:2])
    journal.close()
    assert recovered(folder) == (PAYLOADS[:2], [])


def test_when_the_switch_itself_cannot_be_flushed_nothing_more_is_written(folder: Path) -> None:
    disk = FailingDisk()
    journal = Journal.open(folder, disk)
    journal.append(PAYLOADS[0])
    disk.arm(7)
    with pytest.raises(JournalBroken):
        journal.compact([PAYLOADS[0]])
    with pytest.raises(JournalBroken):
        journal.append(PAYLOADS[1])
    journal.close()
    assert recovered(folder) == ([PAYLOADS[0]], [])


def test_an_old_journal_that_cannot_be_removed_goes_at_the_next_start(folder: Path) -> None:
    disk = FailingDisk()
    journal = Journal.open(folder, disk)
    disk.arm(8)
    journal.compact([PAYLOADS[0]])
    journal.close()
    assert (folder / "journal-0.log").exists()
    assert recovered(folder) == ([PAYLOADS[0]], [])
    assert not (folder / "journal-0.log").exists()


@pytest.mark.parametrize("step", range(8))
def test_an_opening_that_fails_at_any_step_can_be_tried_again(folder: Path, step: int) -> None:
    """The steps: open, write, flush the kept tail; open, cut, remove the draft, flush the journal, flush the folder."""
    file = write(folder, PAYLOADS)
    file.write_bytes(file.read_bytes() + b"half a rec")
    disk = FailingDisk()
    disk.arm(step)
    with pytest.raises(StorageFailed):
        Journal.open(folder, disk)
    assert recovered(folder) == ([], PAYLOADS)


def test_a_folder_that_cannot_be_opened_says_why(folder: Path) -> None:
    disk = FailingDisk("open", errno.EACCES)
    disk.arm(0)
    with pytest.raises(StorageFailed, match="没有权限"):
        Journal.open(folder, disk)


def test_a_closed_journal_refuses(folder: Path) -> None:
    journal = Journal.open(folder)
    journal.close()
    journal.close()
    with pytest.raises(JournalBroken, match="已关闭"):
        journal.append(PAYLOADS[0])
