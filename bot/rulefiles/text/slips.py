"""Typical typing errors in YAML written with Chinese keyboards and editors: encodings, full-width signs, blanks, quotes.

Each has its own message. The functions work on the text alone; `tree.py` decides which findings matter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml

from bot.rulefiles.text.problems import START, Place, Problem

Words = tuple[str, str, str]  # code, message, hint

MAX_BYTES = 1_000_000
UTF8 = "用“另存为”重新保存，编码选UTF-8"
_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # YAML's line breaks
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_INDENT = re.compile(r"( *)([\u3000\u00a0\t])[\s\u3000]*[^\s#]")
_CURLY = re.compile("“[^“”]*”|‘[^‘’]*’|”[^“”]*”|“[^“”]*“")
_BRACKETED = re.compile(r"［.*[］\]]|｛.*[｝}]|【.*】|\[.*］")
_OPENED_WIDE = re.compile(r"(?:[：:]|^\s*(?:- +)+) *([｛［【])")  # where a value may begin
_SEPARATOR = re.compile(r"""(?P<lead>\s*(?:-\s+)*)(?P<key>[^\s:：,，。；\[\]{}"'#“”]{1,12})(?P<sign>：|:(?=[^ \t/]))""")


def split_lines(text: str) -> list[str]:
    """The lines of a text as the YAML parser counts them."""
    return _BREAK.split(text)


def decode(raw: bytes, file: str) -> str | Problem:
    """The text without its byte order mark, or the problem with its encoding."""
    if len(raw) > MAX_BYTES:
        return Problem.at(
            file, START, "too-big", f"文件太大，超过{MAX_BYTES // 1000}KB", "规则文件只写规则，请检查是否放错了文件"
        )
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return Problem.at(file, START, "not-utf8", "文件是UTF-16编码（记事本里叫Unicode）", UTF8)
    try:
        text = raw.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        return _not_utf8(raw, error.start, file)
    odd = _UNPRINTABLE.search(text)
    if odd is None:
        return text
    place = _place(text, odd.start())
    if odd[0] == "\0":
        return Problem.at(
            file, place, "nul", "文件里有空字符，可能不是文本文件", "确认没有放错文件，再用“另存为”重新保存"
        )
    return Problem.at(
        file, place, "control-character", f"这里有一个看不见的控制字符（U+{ord(odd[0]):04X}）", "删去这个字符"
    )


def _not_utf8(raw: bytes, offset: int, file: str) -> Problem:
    before = raw[:offset].decode("utf-8").removeprefix("\ufeff")
    try:
        raw.decode("gb18030")
    except UnicodeDecodeError:
        return Problem.at(file, _place(before, len(before)), "not-utf8", "文件不是UTF-8编码，从这里起读不出文字", UTF8)
    return Problem.at(file, _place(before, len(before)), "gbk", "文件是GBK（GB18030）编码，请另存为UTF-8", UTF8)


def _place(text: str, index: int) -> Place:
    before = split_lines(text[:index])
    return Place(len(before), len(before[-1]) + 1)


def wrapped_in_curly(text: str) -> bool:
    """Whether the whole text is in one pair of Chinese quotes."""
    return _CURLY.fullmatch(text) is not None


def wrapped_in_brackets(text: str) -> bool:
    """Whether the whole text is in brackets of which at least one is full-width, so that YAML does not read a list."""
    return _BRACKETED.fullmatch(text) is not None


BRACKET_WORDS: Words = ("full-width-bracket", "这里用了全角括号，不会被当作列表或分组", "括号改成半角的“[ ]”“{ }”")


def odd_indents(lines: list[str]) -> Iterator[tuple[Place, Words]]:
    """Lines indented with other characters than plain blanks."""
    for number, line in enumerate(lines, 1):
        found = _INDENT.match(line)
        if found is None:
            continue
        place = Place(number, found.start(2) + 1)
        if found[2] == "\t":
            yield place, ("tab-indent", "缩进用了Tab键", "每一级缩进改成两个半角空格")
        else:
            yield place, ("full-width-space", "缩进用了全角空格", "每一级缩进改成两个半角空格")


def separators(line: str, start: Place) -> Iterator[tuple[Place, Words]]:
    """Problems of a key at the line's beginning: a full-width colon, or one without a blank after it. `start` is column 1."""
    found = _SEPARATOR.match(line)
    if found is None or (found["sign"] == ":" and not re.search("[\u4e00-\u9fff]", found["key"])):
        return
    place = Place(start.line, start.column + found.start("sign"))
    key = found["key"]
    if found["sign"] == "：":
        yield place, ("full-width-colon", f"“{key}”后面用了全角冒号“：”", "改成半角冒号“:”，后面空一格")
    elif line[found.end() : found.end() + 1] in ("\u3000", "\u00a0"):
        yield place, ("full-width-space", f"“{key}:”后面是全角空格", "改成一个半角空格")
    else:
        yield place, ("no-space", f"“{key}:”后面缺一个空格", "半角冒号后面空一格")


def complaint(error: yaml.MarkedYAMLError, lines: list[str], file: str) -> tuple[Problem, ...]:
    """Problems for a parser error: the typing errors that can cause it, or else the parser's message in Chinese."""
    mark = error.problem_mark or error.context_mark
    place = Place(mark.line + 1, mark.column + 1) if mark else START
    slips = list(odd_indents(lines))
    for number, line in enumerate(lines, 1):
        slips.extend(separators(line, Place(number, 1)))
    if any(where.line <= place.line for where, _ in slips):
        return tuple(Problem.at(file, where, *words) for where, words in slips)
    where, words = _in_chinese(error, place, lines)
    return (Problem.at(file, where, *words),)


def _in_chinese(error: yaml.MarkedYAMLError, place: Place, lines: list[str]) -> tuple[Place, Words]:
    text = f"{error.context or ''} {error.problem or ''}"
    opened = Place(error.context_mark.line + 1, error.context_mark.column + 1) if error.context_mark else place
    out_of_place = "mapping values are not allowed" in text or "block mapping" in text
    if out_of_place and (wide := _OPENED_WIDE.search(_line(place, lines)[: place.column - 1])):
        return Place(place.line, wide.start(1) + 1), BRACKET_WORDS
    if "mapping values are not allowed" in text:
        return _second_colon(place, lines)
    if "cannot start any token" in text:
        return place, _reserved(_char(place, lines))
    if "flow sequence" in text or "flow mapping" in text:
        return _in_brackets(opened, place, lines)
    if "could not find expected ':'" in text:
        return opened, ("no-colon", "这一行缺少冒号", "写成“键: 值”，冒号用半角，后面空一格")
    if "quoted scalar" in text:
        return opened, ("open-quote", "引号没有成对", "在文字末尾补上同样的英文引号")
    for sign, words in _BY_PARSER_TEXT.items():
        if sign in text:
            return (opened if sign in _BLAMED_AT_START else place), words
    return place, ("bad-yaml", f"这里的写法读不懂（{error.problem}）", "对照其他规则文件检查缩进、冒号和引号")


_BY_PARSER_TEXT: dict[str, Words] = {
    "single document": ("two-documents", "一个文件里有两份内容，用“---”隔开了", "删去“---”，或分成两个文件"),
    "undefined alias": ("alias", "“*”开头的文字被当作引用", "用英文双引号把文字括起来"),
    "scanning an alias": ("alias", "“*”开头的文字被当作引用", "用英文双引号把文字括起来"),
    "scanning an anchor": ("alias", "“&”开头的文字被当作引用的名字", "用英文双引号把文字括起来"),
    "block scalar": ("reserved", "“|”和“>”开头的文字有特殊含义", "用英文双引号把文字括起来"),
    "block mapping": ("indent", "缩进没有对齐，或这里多了内容", "同一级的各行左边对齐；文字里有引号时整个用引号括起来"),
    "block collection": ("indent", "列表没有对齐", "同一列表的“-”左边对齐"),
    "sequence entries": ("list-mark", "“-”不能写在这里", "列表从下一行开始，每项一行"),
    "undefined tag": ("yaml-tag", "不能用“!”开头的标记", "需要感叹号时，用英文双引号把文字括起来"),
    "a tag": ("yaml-tag", "不能用“!”开头的标记", "需要感叹号时，用英文双引号把文字括起来"),
    "directive": ("reserved", "“%”开头的行有特殊含义", "用英文双引号把文字括起来"),
    "node content": ("reserved", "文字不能以这个符号开头", "用英文双引号把文字括起来"),
    "tab character": ("tab-indent", "缩进用了Tab键", "每一级缩进改成两个半角空格"),
}

_BLAMED_AT_START = frozenset({"scanning an alias", "scanning an anchor", "a tag"})


def _line(place: Place, lines: list[str]) -> str:
    return lines[place.line - 1] if place.line <= len(lines) else ""


def _char(place: Place, lines: list[str]) -> str:
    return _line(place, lines)[place.column - 1 : place.column]


def _reserved(sign: str) -> Words:
    if sign == "\t":
        return "tab-indent", "这里用了Tab键", "改成半角空格"
    return "reserved", f"文字不能以“{sign}”开头", f'用英文双引号括起来，如 "{sign}…"'


def _second_colon(place: Place, lines: list[str]) -> tuple[Place, Words]:
    if re.search(r":\s", _line(place, lines)[: place.column - 1]):
        return place, ("second-colon", "这一行有两个冒号，分不清哪个在前", "把后面的文字用英文双引号括起来")
    return place, ("indent", "这一行的缩进和上一行对不上，或上一行的文字没有写完", "同一级的各行左边对齐")


def _in_brackets(opened: Place, place: Place, lines: list[str]) -> tuple[Place, Words]:
    """The problem of a list or mapping in brackets that does not end: usually a full-width sign inside."""
    for signs in ("[，：；］｝【】]", "、"):  # 、 last, as it may be part of a name: 国庆节、中秋节
        for number in range(opened.line, min(place.line, len(lines)) + 1):
            start = opened.column if number == opened.line else 0
            found = re.compile(signs).search(lines[number - 1], start)
            if found:
                words = ("full-width-comma", f"括号里用了全角符号“{found[0]}”", "括号、逗号、冒号都用半角")
                return Place(number, found.start() + 1), words
    return opened, ("open-bracket", "这里的括号没有配对，或里面少了逗号", "补上右括号，各项之间用半角逗号")
