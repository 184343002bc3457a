"""How the state folder's two kinds of file are framed. Pure: bytes in, bytes out.

A journal is a sequence of records, one line each:   SEQUENCE LENGTH CRC32 JSON\\n
A snapshot is JSON lines: one header line, then whatever lines the owner gave, each as   {"crc32":"…","of":JSON}\n
(Format 1, read but no longer written, had the bare lines: damage in it has no finer address than the file.)

CRC-32 (zlib, in the standard library) finds every error of up to 32 bits in a row, so every wrong byte, in about a
nanosecond per byte; nobody is expected to forge a file (the receipt chain has its own hash for that). It covers the
numbers before it too. LENGTH counts bytes of JSON, so that framing does not hang on the newline, which may itself be the wrong byte.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from bot.state.disk.errors import DamagedState

_HEADER = re.compile(rb"([0-9]{1,19}) ([0-9]{1,10}) ([0-9a-f]{8}) ")
_ANY_HEADER = re.compile(rb"(?=[0-9]{1,19} [0-9]{1,10} [0-9a-f]{8} )")  # zero-width: also inside another's digits
_SNAPSHOT = re.compile(
    rb'(\{"duban":"snapshot","format":([12]),"generation":([0-9]{1,10}),"sequence":([0-9]{1,19}),"bytes":([0-9]{1,15}),)'
    rb'"crc32":"([0-9a-f]{8})"\}\n'
)
_LINE = b'{"crc32":"%08x","of":%b}\n'
_BARE = slice(len(_LINE % (0, b"")) - 2, -1)  # where in such a line, its newline taken off, the owner's is


class Record(NamedTuple):
    sequence: int
    payload: bytes
    end: int  # offset of the byte after its newline


class Snapshot(NamedTuple):
    """The whole state after record `sequence`; later records are in the journal of the same generation."""

    generation: int
    sequence: int
    lines: list[bytes]


class Replay(NamedTuple):
    """What a journal holds: its payloads in order, and how many of its bytes are good; the rest is a torn tail."""

    payloads: list[bytes]
    good_bytes: int


def encode_record(sequence: int, payload: bytes) -> bytes:
    """One line. `payload` is JSON text; a newline in it would make the file unreadable to text tools."""
    if b"\n" in payload:
        raise ValueError("a journal payload must be a single line")
    head = b"%d %d " % (sequence, len(payload))
    return b"%b%08x %b\n" % (head, crc32(payload, crc32(head)), payload)


def record_at(data: bytes, offset: int) -> Record | None:
    """The record starting exactly at `offset`, or None when what is there is not one, whole and unaltered."""
    header = _HEADER.match(data, offset)
    if header is None:
        return None
    start = header.end()
    end = start + int(header[2])
    payload = data[start:end]
    if data[end : end + 1] != b"\n" or crc32(payload, crc32(data[offset : header.start(3)])) != int(header[3], 16):
        return None
    return Record(int(header[1]), payload, end + 1)


def read_records(file: Path, data: bytes, after: int) -> Replay:
    """Every record of a journal that starts after sequence number `after`. `file` is for the error only.

    Raises DamagedState for a gap in the numbers, or a bad record with a good one anywhere behind it.
    """
    payloads: list[bytes] = []
    offset, size = 0, len(data)
    while offset < size:
        record = record_at(data, offset)
        if record is None:
            _must_be_torn(file, data, offset, after)
            break
        if record.sequence != after + 1:
            raise DamagedState(file, offset, f"此处应为第 {after + 1} 号记录，却是第 {record.sequence} 号")
        payloads.append(record.payload)
        after, offset = record.sequence, record.end
    return Replay(payloads, offset)


def good_prefix(data: bytes, after: int) -> int:
    """How many bytes of a journal are whole records in order, whatever stands behind them."""
    offset = 0
    while (record := record_at(data, offset)) is not None and record.sequence == after + 1:
        after, offset = record.sequence, record.end
    return offset


def _must_be_torn(file: Path, data: bytes, offset: int, after: int) -> None:
    """A torn tail is the end of the file: nothing good follows. Numbers up to `after` are only quotations of the past."""
    for header in _ANY_HEADER.finditer(data, offset + 1):
        record = record_at(data, header.start())
        if record is not None and record.sequence > after:
            raise DamagedState(
                file,
                offset,
                f"第 {after + 1} 号记录校验不符，而第 {header.start()} 字节起还有完好的第 {record.sequence} 号记录，不是断电留下的残尾",
            )


def encode_snapshot(generation: int, sequence: int, lines: Iterable[bytes]) -> bytes:
    """The file's whole content. Each line is JSON text without a newline."""
    body = b"".join([_LINE % (crc32(line), line) for line in lines])
    head = b'{"duban":"snapshot","format":2,"generation":%d,"sequence":%d,"bytes":%d,' % (
        generation,
        sequence,
        len(body),
    )
    return b'%b"crc32":"%08x"}\n%b' % (head, crc32(body, crc32(head)), body)


def read_snapshot(file: Path, data: bytes) -> Snapshot:
    """Raises DamagedState when a single byte is not as written. `file` is for the error only."""
    header = _SNAPSHOT.match(data)
    if header is None:
        raise DamagedState(file, 0, "文件头不是本程序写的快照")
    start, checked = header.end(), header[2] == b"2"
    body = data[start:]
    if len(body) != int(header[5]) or crc32(body, crc32(header[1])) != int(header[6], 16):
        raise _damage(file, header, body, checked)
    lines = body.split(b"\n")[:-1]
    return Snapshot(int(header[3]), int(header[4]), [line[_BARE] for line in lines] if checked else lines)


def _damage(file: Path, header: re.Match[bytes], body: bytes, checked: bool) -> DamagedState:
    """What is wrong with a snapshot, as near as its checksums tell."""
    offset = header.end()
    for number, line in enumerate(body.splitlines(keepends=True), 2) if checked else ():
        bare = line[:-1][_BARE]
        if line != _LINE % (crc32(bare), bare):
            return DamagedState(file, offset, f"快照第 {number} 行校验不符")
        offset += len(line)
    if len(body) != int(header[5]):
        finding = f"正文应为 {int(header[5])} 字节，实为 {len(body)} 字节"
        return DamagedState(file, min(header.end() + len(body), header.end() + int(header[5])), finding)
    return DamagedState(file, header.end() if not checked else 0, "快照校验不符")
