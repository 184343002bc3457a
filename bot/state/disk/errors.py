"""Errors of the state folder. The text of each is written for the admin.

StateError
├── StateLocked      another process owns the folder
├── DamagedState     a file differs from what was written; nothing was changed
├── DamagedArchive   a row of the archive differs from what was written; reminders work without the archive
├── ForgottenEvent   a live event differs from its archived copy, or is missing
├── UnreadableState  checksums are right, but a document has content that the bot does not write
├── NewerState       a later version of the bot wrote this state
├── BadBackup        a backup is incomplete or damaged; nothing was changed
├── StorageFailed    one disk operation failed and was undone; the store is usable
├── JournalBroken    a flush failed: this process cannot store anything durably any more
└── NotStorable      a document contains a value that JSON cannot hold (also a ValueError)
"""

# ruff: noqa: N818  (the names state the condition, without the suffix Error)
from __future__ import annotations

import errno
from pathlib import Path

_CAUSES = {
    errno.ENOSPC: "磁盘已满",
    errno.EDQUOT: "磁盘配额已用完",
    errno.EIO: "磁盘读写出错",
    errno.EROFS: "磁盘是只读的",
    errno.EFBIG: "文件超过系统允许的大小",
    errno.ENOENT: "文件或文件夹不见了",
    errno.EACCES: "没有权限",
    errno.EPERM: "没有权限",
    errno.EMFILE: "打开的文件太多",
    errno.ENAMETOOLONG: "路径太长",
}


class StateError(Exception):
    """Base of all errors that keep the bot from reading or writing its state."""


class StateLocked(StateError):
    """Another process holds the lock; `pid` and `host` are None if it has not written them (yet)."""

    def __init__(self, folder: Path, pid: int | None = None, host: str | None = None) -> None:
        self.folder, self.pid, self.host = folder, pid, host
        holder = f"（进程号 {pid}，主机 {host}）" if pid is not None else ""
        super().__init__(
            f"状态文件夹 {folder} 正由另一个督办程序使用{holder}。同一文件夹只能由一个程序打开：请先停止它，再启动本程序。"
        )


class DamagedState(StateError):
    """`file` differs from what was written; `offset` (from 0) is the first byte known to be wrong. Nothing was changed."""

    def __init__(self, file: Path, offset: int, finding: str) -> None:
        self.file, self.offset, self.finding = file, offset, finding
        super().__init__(
            f"状态文件 {file} 自第 {offset} 字节起损坏：{finding}。程序拒绝启动，没有改动任何文件。"
            "恢复办法：duban restore 列出可用的备份，duban restore 备份文件 换上其中一份，"
            "duban restore --salvage 只留下损坏之前的内容；被换下的文件都另存，不会删除。"
        )


class DamagedArchive(StateError):
    """A row of the receipt chain differs from what was written; `line` counts from 1, `offset` is that of its first byte."""

    def __init__(self, file: Path, line: int, offset: int, finding: str) -> None:
        self.file, self.line, self.offset, self.finding = file, line, offset, finding
        super().__init__(
            f"归档 {file} 第 {line} 行（第 {offset} 字节起）：{finding}。提醒照常发送，新的归档暂停。"
            "请从备份中取回这个文件，再用 duban verify 核对。"
        )


class ForgottenEvent(StateError):
    """An event in the live state is missing or differs from its archived copy; `row` counts the chain's rows from 1."""

    def __init__(self, archive: Path, row: int, event: str) -> None:
        self.row = row
        super().__init__(
            f"事件 {event} 与归档 {archive} 全链第 {row} 行的副本不一致：现行状态里的被改过或删去。"
            "请核对是谁改动了状态文件，必要时用 duban restore 换上备份。"
        )


class UnreadableState(StateError):
    """All checksums are right, but a document has content that the bot does not write."""

    def __init__(self, folder: Path, kind: str) -> None:
        super().__init__(
            f"状态文件夹 {folder} 的校验都对，但有内容不是本程序写的（{kind}），可能被人改过。请用 duban restore 换上备份。"
        )


class NewerState(StateError):
    """The state's schema version is later than this version of the bot knows."""

    def __init__(self, found: int, known: int) -> None:
        super().__init__(
            f"状态文件夹由更新的版本写成（格式 {found}，本版本只认得到 {known}）。没有改动任何文件，请改用新版本的督办。"
        )


class BadBackup(StateError):
    """A backup file that cannot be restored; `finding` says why."""

    def __init__(self, file: Path, finding: str) -> None:
        self.file = file
        super().__init__(f"备份 {file} 不能用：{finding}。没有改动任何文件，请换一份备份。")


class StorageFailed(StateError):
    """One file operation failed and was undone; everything stored before is intact, and the store is usable."""

    def __init__(self, action: str, file: Path, error: OSError) -> None:
        self.file, self.errno = file, error.errno
        super().__init__(
            f"{action}失败：{file}，{describe(error)}。这一次改动没有保存，此前已保存的内容不受影响。"
            "请检查磁盘空间和文件夹权限后重试。"
        )


class JournalBroken(StateError):
    """A flush failed. The kernel may have dropped the data, so even a later flush that succeeds would not prove it stored."""

    def __init__(self, file: Path, cause: str) -> None:
        self.file = file
        super().__init__(
            f"状态日志 {file} 写盘未获确认：{cause}。为免误报已保存，程序不再写入。"
            "请检查磁盘；状态重新打开时会按磁盘上确实存在的内容恢复。"
        )


class NotStorable(StateError, ValueError):
    """A document contains a value that JSON cannot hold; `path` leads to it, outermost key first."""

    def __init__(self, reason: str, path: tuple[str, ...] = ()) -> None:
        self.reason, self.path = reason, path
        where = f"（位置 {'.'.join(path)}）" if path else ""
        super().__init__(f"这份数据不能保存{where}：{reason}。只能保存文字、数、真假、空值以及由它们组成的列表和字典。")

    def under(self, key: object) -> NotStorable:
        """The same error with one more outer key in its path."""
        return NotStorable(self.reason, (str(key), *self.path))


def describe(error: OSError) -> str:
    """The cause in Chinese, with the system's error number: 磁盘已满（errno 28）."""
    return f"{_CAUSES.get(error.errno or 0, '系统拒绝了这次操作')}（errno {error.errno}）"
