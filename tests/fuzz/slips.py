"""Ways to spoil a text file: what hands, keyboards, editors, converters and disks do to it, and what nobody does."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import reduce

from hypothesis import strategies as st

Slip = Callable[[bytes], bytes]

ODD = (
    *"：，；、。“”‘’（）【】〔〕　%％①½〇９٣𝟙é\ufeff\u200b\u202e\u2028\x85\x00\x1b\x7f\t\r\n😀\ud7ff\U0010ffff",
    "e\u0301", "\U0001f468\u200d\U0001f469", "- ", ": ", "? ", "#", "&a ", "*a", "<<: *a", "!!python/name:os.system ",
    "!!binary ", "!x ", "---\n", "...\n", "|\n", ">\n", "%YAML 9.9\n", "{", "[", "]", "}", "'", '"', "@", "`", "~", "null",
    "是", "NO", "0571", "12:30", "1_000", "0x1f", "………",
)  # fmt: skip
HUGE = (
    "9" * 400, "9" * 5000, "1e999999", "-1e-999999", "-0", "0", "NaN", "inf", ".inf", "99999年底", "0年", "0000-00-00",
    "9999-12-31", "0001-01-01", "2027年99月99日", "提前99999999999天", "提前9999999个工作日", "逾期每0天", "逾期每99999999天",
    "每99999999个工作日", "第99999999季度", "1000000000%", "每季度末", "每年13月32日", "T05-M1@9999", "二〇二七年",
)  # fmt: skip
DEEP = ("[", "{a: ", "- ", "? ", "!!seq [", '["', "&a [", "{[")


def _at(raw: bytes, where: float) -> int:
    return int(where * len(raw))


def _line_at(raw: bytes, where: float) -> tuple[list[bytes], int]:
    lines = raw.splitlines(keepends=True) or [b""]
    return lines, int(where * len(lines))


def flipped(where: float, bits: int) -> Slip:
    """One byte of it is another."""

    def slip(raw: bytes) -> bytes:
        place = _at(raw, where)
        return raw[:place] + bytes(byte ^ bits for byte in raw[place : place + 1]) + raw[place + 1 :]

    return slip


def inserted(where: float, text: bytes) -> Slip:
    """Something stands in it that does not belong there."""
    return lambda raw: raw[: _at(raw, where)] + text + raw[_at(raw, where) :]


def without_line(where: float, count: int) -> Slip:
    """Some of its lines are gone."""

    def slip(raw: bytes) -> bytes:
        lines, place = _line_at(raw, where)
        return b"".join(lines[:place] + lines[place + count :])

    return slip


def with_lines_again(where: float, to: float, count: int) -> Slip:
    """Some of its lines stand in it once more, elsewhere."""

    def slip(raw: bytes) -> bytes:
        lines, place = _line_at(raw, where)
        there = int(to * len(lines))
        return b"".join(lines[:there] + lines[place : place + count] + lines[there:])

    return slip


def indented(where: float, by: int) -> Slip:
    """A line stands further in, or further out."""

    def slip(raw: bytes) -> bytes:
        lines, place = _line_at(raw, where)
        line = lines[place] if place < len(lines) else b""
        moved = b" " * by + line if by > 0 else line[min(-by, len(line) - len(line.lstrip(b" "))) :]
        return b"".join([*lines[:place], moved, *lines[place + 1 :]])

    return slip


def replaced(where: float, pattern: bytes, text: bytes) -> Slip:
    """Something that it says is something else."""

    def slip(raw: bytes) -> bytes:
        found = list(re.finditer(pattern, raw))
        if not found:
            return raw
        one = found[int(where * len(found))]
        return raw[: one.start()] + text + raw[one.end() :]

    return slip


def cut(where: float) -> Slip:
    """It ends too early."""
    return lambda raw: raw[: _at(raw, where)]


def converted(encoding: str) -> Slip:
    """An editor saved it otherwise."""
    return lambda raw: raw.decode("utf-8", "replace").encode(encoding, "replace")


places = st.floats(0, 1, exclude_max=True)
odd = st.sampled_from(ODD).map(str.encode) | st.text(max_size=8).map(lambda text: text.encode("utf-8", "replace"))
huge = st.sampled_from(HUGE).map(str.encode)
deep = st.builds(lambda one, count: one.encode() * count, st.sampled_from(DEEP), st.integers(2, 4000))
long = st.builds(lambda one, count: one.encode() * count, st.sampled_from("长a　 9：#"), st.integers(100, 60_000))
slips: st.SearchStrategy[Slip] = st.one_of(
    st.builds(flipped, places, st.integers(1, 255)),
    st.builds(inserted, places, odd | st.binary(max_size=6)),
    st.builds(without_line, places, st.integers(1, 5)),
    st.builds(with_lines_again, places, places, st.integers(1, 8)),
    st.builds(indented, places, st.integers(-6, 6)),
    st.builds(
        replaced, places, st.sampled_from([rb"\d+", rb"(?<=: )[^\n#]+", rb"[^\s:]{1,30}(?=:)"]), odd | huge | deep
    ),
    st.builds(replaced, places, st.just(rb"(?<=: )[^\n]*"), long),
    st.builds(inserted, places, deep | long),
    st.builds(cut, places),
    st.builds(converted, st.sampled_from(["gb18030", "gbk", "utf-16", "utf-8-sig", "big5", "utf-32"])),
)


def spoilt(raw: bytes, ways: list[Slip]) -> bytes:
    """The file after one slip after the other."""
    return reduce(lambda found, slip: slip(found), ways, raw)
