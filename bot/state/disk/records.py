"""The file formats of journal and snapshot. Pure functions: bytes in, bytes out.

A journal is a sequence of records, one line each:   SEQUENCE LENGTH CRC32 JSON\\n
A snapshot is JSON lines: one header line, then the lines given by the caller, each as   {"crc32":"…","of":JSON}\n
(Format 1, which is read but no longer written, has bare lines: damage in it can be located only as somewhere in the file.)

CRC-32 (zlib, in the standard library) detects every error of up to 32 consecutive bits, and so every single wrong byte, in
about a nanosecond per byte. It is no protection against forgery; the receipt chain has its own hash for that. It also covers
the numbers before it. LENGTH counts bytes of JSON, so that a record can be read even if its newline is the wrong byte.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from bot.state.disk.errors import DamagedState

_HEADER = re.compile(rb"([0-9]{1,19}) ([0-9]{1,10}) ([0-9a-f]{8}) ")
_ANY_HEADER = re.compile(rb"(?=[0-9]{1,19} [0-9]{1,10} [0-9a-f]{8} )")  # a lookahead: matches at every offset
_SNAPSHOT = re.compile(
    rb'(\{"duban":"snapshot","format":([12]),"generation":([0-9]{1,10}),"sequence":([0-9]{1,19}),"bytes":([0-9]{1,15}),)'
    rb'"crc32":"([0-9a-f]{8})"\}\n'
)
_LINE = b'{"crc32":"%08x","of":%b}\n'
_BARE = slice(len(_LINE % (0, b"")) - 2, -1)  # place of the caller's line within a snapshot line without its newline


class Record(NamedTuple):
    sequence: int
    payload: bytes
    end: int  # offset of the byte after its newline


class Snapshot(NamedTuple):
    """The whole state after record `sequence`. Later records are in the journal of the same generation."""

    generation: int
    sequence: int
    lines: list[bytes]


class Replay(NamedTuple):
    """The content of a journal: its payloads in order, and the number of good bytes; the rest is a torn tail."""

    payloads: list[bytes]
    good_bytes: int


def encode_record(sequence: int, payload: bytes) -> bytes:
    """One record as a line. `payload` is JSON text without a newline, so that text tools can read the file."""
    if b"\n" in payload:
        raise ValueError("a journal payload must be a single line")
    head = b"%d %d " % (sequence, len(payload))
    return b"%b%08x %b\n" % (head, crc32(payload, crc32(head)), payload)


def record_at(data: bytes, offset: int) -> Record | None:
    """The record that starts at `offset`; None if there is no complete and undamaged record."""
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
    """All records of a journal that begins after sequence number `after`. `file` is only used in errors.

    Raises DamagedState for a gap in the numbers, or for a bad record that a good one follows.
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
    """The number of bytes of complete records in order, from the journal's start up to its end or the first damage."""
    offset = 0
    while (record := record_at(data, offset)) is not None and record.sequence == after + 1:
        after, offset = record.sequence, record.end
    return offset


def _must_be_torn(file: Path, data: bytes, offset: int, after: int) -> None:
    """Raises DamagedState if a good record follows the bad one: then it is damage and not a torn tail.

    Records with numbers up to `after` do not count: such bytes can only be part of a payload.
    """
    for header in _ANY_HEADER.finditer(data, offset + 1):
        record = record_at(data, header.start())
        if record is not None and record.sequence > after:
            raise DamagedState(
                file,
                offset,
                f"第 {after + 1} 号记录校验不符，而第 {header.start()} 字节起还有完好的第 {record.sequence} 号记录，不是断电留下的残尾",
            )


def encode_snapshot(generation: int, sequence: int, lines: Iterable[bytes]) -> bytes:
    """The whole content of a snapshot file. Each line is JSON text without a newline."""
    body = b"".join([_LINE % (crc32(line), line) for line in lines])
    head = b'{"duban":"snapshot","format":2,"generation":%d,"sequence":%d,"bytes":%d,' % (
        generation,
        sequence,
        len(body),
    )
    return b'%b"crc32":"%08x"}\n%b' % (head, crc32(body, crc32(head)), body)


def read_snapshot(file: Path, data: bytes) -> Snapshot:
    """Reads and verifies a snapshot. Raises DamagedState if any byte is wrong; `file` is only used in the error."""
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
    """The error for a damaged snapshot, located as precisely as its checksums allow."""
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
