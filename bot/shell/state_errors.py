"""What can go wrong with the state folder. Each error's text is the help an admin reads.

StateError
├── StateLocked      another process owns the folder
├── DamagedState     a file is not what was written; nothing was changed
├── StorageFailed    the disk refused one operation; the store still stands where it was before it
├── JournalBroken    a flush failed, so nothing more can be promised in this process
└── NotStorable      a document holds something JSON cannot keep (also a ValueError)
"""

# ruff: noqa: N818  (these names say what is the case)
from __future__ import annotations

import errno
from pathlib import Path

_CAUSES = {
    errno.ENOSPC: "磁盘已满",
    errno.EDQUOT: "磁盘配额已用完",
    errno.EIO: "磁盘读写出错",
    errno.EROFS: "磁盘是只读的",
    errno.EACCES: "没有权限",
    errno.EPERM: "没有权限",
    errno.EMFILE: "打开的文件太多",
    errno.ENAMETOOLONG: "路径太长",
}


class StateError(Exception):
    """Anything that keeps the bot from reading or keeping its state."""


class StateLocked(StateError):
    """`pid` and `host` are None when the holder has not written them (yet)."""

    def __init__(self, folder: Path, pid: int | None = None, host: str | None = None) -> None:
        self.folder, self.pid, self.host = folder, pid, host
        holder = f"（进程号 {pid}，主机 {host}）" if pid is not None else ""
        super().__init__(
            f"状态文件夹 {folder} 正由另一个督办程序使用{holder}。同一文件夹只能由一个程序打开：请先停止它，再启动本程序。"
        )


class DamagedState(StateError):
    """`file` is not what was written; the first wrong byte known is `offset` (from 0). Nothing was changed."""

    def __init__(self, file: Path, offset: int, finding: str) -> None:
        self.file, self.offset, self.finding = file, offset, finding
        super().__init__(
            f"状态文件 {file} 自第 {offset} 字节起损坏：{finding}。程序拒绝启动，没有改动任何文件。"
            f"请先把整个文件夹 {file.parent} 另存一份，再用最近一次备份的状态文件夹替换它，然后重新启动。"
        )


class StorageFailed(StateError):
    """One file operation failed and was undone; what was stored before it still is, and the store can be used on."""

    def __init__(self, action: str, file: Path, error: OSError) -> None:
        self.file, self.errno = file, error.errno
        super().__init__(
            f"{action}失败：{file}，{describe(error)}。这一次改动没有保存，此前已保存的内容不受影响。"
            "请检查磁盘空间和文件夹权限后重试。"
        )


class JournalBroken(StateError):
    """A flush failed: the kernel may have dropped the data, and a later flush that succeeds would prove nothing."""

    def __init__(self, file: Path, cause: str) -> None:
        self.file = file
        super().__init__(
            f"状态日志 {file} 写盘未获确认：{cause}。为免误报已保存，程序不再写入。"
            "请检查磁盘，再重新启动；启动时会按磁盘上确实存在的内容恢复。"
        )


class NotStorable(StateError, ValueError):
    """`path` leads to the value inside the document, outermost key first."""

    def __init__(self, reason: str, path: tuple[str, ...] = ()) -> None:
        self.reason, self.path = reason, path
        where = f"（位置 {'.'.join(path)}）" if path else ""
        super().__init__(f"这份数据不能保存{where}：{reason}。只能保存文字、数、真假、空值以及由它们组成的列表和字典。")

    def under(self, key: object) -> NotStorable:
        """The same finding, seen from one level further out."""
        return NotStorable(self.reason, (str(key), *self.path))


def describe(error: OSError) -> str:
    """Chinese cause with the system's own number: 磁盘已满（errno 28）."""
    return f"{_CAUSES.get(error.errno or 0, '系统拒绝了这次操作')}（errno {error.errno}）"
