"""The heartbeat: a file written after passes and, if configured, a ping to an outside watch.

Both stop when passes stop, when the file cannot be written, and while the self-audit finds something missing. The watch raises the
alarm when it hears nothing, so it works even if this machine is gone. While the audit finds gaps, the file names them and keeps
the time of its last beat.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from functools import cached_property
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from ipaddress import ip_address
from pathlib import Path
from ssl import SSLContext, create_default_context
from urllib.parse import SplitResult, urlsplit

from loguru import logger
from pydantic import Secret, SecretStr

from bot import __version__
from bot.core.deciding.office import Trouble
from bot.core.time.zone import ZONE
from bot.sources.clock import wall

NAME = "heartbeat.json"
PERIOD = timedelta(minutes=1)
FIRST_GAPS = 10  # how many gaps the file lists
SECONDS = 10.0  # for each step of a ping


class Heartbeat:
    """The heartbeat of one state folder. `beat` is called after each pass and acts at most once a minute."""

    def __init__(
        self,
        folder: Path,
        ping: Callable[[], object] | None = None,
        *,
        gaps: Callable[[], Sequence[str]] = tuple,
        trouble: str = "",
    ) -> None:
        self._file = folder / NAME
        self._ping, self._doubts = ping, gaps
        self._why: Sequence[str] = ()  # the gaps that the file names now
        self._last: datetime | None = None
        self._trouble = Trouble("心跳地址", "心跳地址不能用", wall(), (trouble,)) if trouble else None

    def beat(self, now: datetime) -> None:
        """Notes that a pass went well at `now`. Never raises for errors of disk or network."""
        if self._last is not None and timedelta() <= now - self._last < PERIOD:
            return
        gaps = self._doubts()
        if gaps and gaps == self._why:
            return
        try:
            self._write(now, gaps)
        except OSError as error:
            logger.error("心跳文件写不了：{}", error.strerror)
            return
        self._why = gaps
        if gaps:
            return
        self._last = now
        if self._ping:
            self._ping()

    def troubles(self) -> list[Trouble]:
        """What the admin must hear: an address of the watch that cannot be used."""
        return [self._trouble] if self._trouble else []

    def _write(self, now: datetime, gaps: Sequence[str]) -> None:
        """Replaces the file in one step. It is not flushed: after a power cut it is out of date anyway.

        With gaps the file keeps the time of its last beat, in its text and as its time of change.
        """
        touched = self._touched()
        beat = (self._last or datetime.fromtimestamp(touched, ZONE)) if gaps else now
        said = {"时间": beat.isoformat(timespec="seconds"), "进程号": os.getpid(), "版本": __version__}
        if gaps:
            said |= {"心跳已停": f"自查有{len(gaps)}处出入", "出入": list(gaps[:FIRST_GAPS])}
        draft = self._file.with_suffix(".tmp")
        draft.write_text(json.dumps(said, ensure_ascii=False) + "\n", "utf-8")
        if gaps:
            os.utime(draft, (touched, touched))
        draft.replace(self._file)

    def _touched(self) -> float:
        """When the file was last written, in seconds since the epoch; 0 if there is none."""
        try:
            return self._file.stat().st_mtime
        except FileNotFoundError:
            return 0.0


class Ping:
    """A GET to one address under the courier's rules: https unless loopback, no redirect, no proxy, no address in logs.

    It runs in its own thread, so that a slow answer does not block the loop. There is at most one at a time.
    """

    def __init__(self, address: SecretStr) -> None:
        """Raises ValueError for an address that may not be called; the text is Chinese and does not contain it."""
        self._url = _checked(address)
        self._thread: threading.Thread | None = None
        self._well = True

    def __call__(self) -> threading.Thread:
        """Starts a ping, or returns the one under way."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._send, name="heartbeat", daemon=True)
            self._thread.start()
        return self._thread

    def _send(self) -> None:
        try:
            with closing(self._connection()) as connection:
                connection.request("GET", self._path, headers={"Connection": "close"})
                status = connection.getresponse().status
        except (OSError, HTTPException, ValueError) as error:
            self._note(type(error).__name__)
        else:
            self._note("" if 200 <= status < 300 else f"HTTP {status}")

    def _note(self, failure: str) -> None:
        """Logs once when pings begin to fail and once when they work again."""
        if failure and self._well:
            logger.warning("心跳没有送到外部看护（{}），以后每分钟再试", failure)
        elif not failure and not self._well:
            logger.info("心跳又送到外部看护了")
        self._well = not failure

    @property
    def _path(self) -> str:
        url = self._url.get_secret_value()
        return (url.path or "/") + (f"?{url.query}" if url.query else "")

    def _connection(self) -> HTTPConnection:
        url = self._url.get_secret_value()
        assert url.hostname is not None
        if url.scheme == "https":
            return HTTPSConnection(url.hostname, url.port, timeout=SECONDS, context=self._tls)
        return HTTPConnection(url.hostname, url.port, timeout=SECONDS)

    @cached_property
    def _tls(self) -> SSLContext:
        """Kept, because making it reads every root certificate."""
        return create_default_context()


def heartbeat(folder: Path, home: Path, reference: str, gaps: Callable[[], Sequence[str]] = tuple) -> Heartbeat:
    """The heartbeat of a state folder. A watch whose address is wrong is reported; the service runs without it."""
    if not reference:
        return Heartbeat(folder, gaps=gaps)
    try:
        return Heartbeat(folder, Ping(_resolved(reference, home)), gaps=gaps)
    except ValueError as error:
        logger.warning("{}", error)
        return Heartbeat(folder, gaps=gaps, trouble=str(error))


def _resolved(reference: str, home: Path) -> SecretStr:
    """The address that env:NAME or file:PATH refers to. Raises ValueError (Chinese)."""
    kind, _, name = reference.replace("：", ":", 1).partition(":")
    if kind.strip() == "env":
        value = os.environ.get(name.strip(), "").strip()
        missing = f"心跳地址：环境变量 {name.strip()} 没有设置"
    else:
        try:
            value = (home / name.strip()).read_text("utf-8-sig").strip()
        except (OSError, ValueError):
            value = ""
        missing = "心跳地址：密钥文件读不到或是空的"
    if not value:
        raise ValueError(missing)
    return SecretStr(value)


def _checked(address: SecretStr) -> Secret[SplitResult]:
    try:
        url = urlsplit(address.get_secret_value())
        host, _ = url.hostname or "", url.port
    except ValueError:
        raise ValueError("心跳地址不是网址") from None
    if not host:
        raise ValueError("心跳地址不是网址")
    if url.scheme != "https" and not (url.scheme == "http" and _is_loopback(host)):
        raise ValueError("心跳地址应以 https 开头")
    return Secret(url)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
