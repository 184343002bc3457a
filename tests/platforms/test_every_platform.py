"""What every platform owes, whatever its dialect: one set of sentences over all files in `bot/platforms`."""

from __future__ import annotations

import json
from bisect import bisect
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from bot.core.telling.message import Line, LineKind, Message, Paint
from bot.core.telling.outcome import Outcome, Verdict
from bot.drill.dialects import DIALECTS
from bot.drill.servers import Call
from bot.drill.twin import Bubble, Twin
from bot.platforms import Request, Robot, Style, _surely_fits, parts, platform, platforms, smaller
from bot.platforms._text import plain

NOW = datetime(2027, 12, 24, 8, 47, 5, tzinfo=UTC)
HOST = "https://robots.example.cn"
EVERY = [pytest.param(name, style, id=f"{name}-{style}") for name, each in platforms().items() for style in each.styles]
#: What each can sign with; WeCom cannot.
SECRETS = {
    "dingtalk": "SECdemo0123456789",
    "feishu": "SECdemo0123456789",
    "lanxin": "SECdemo0123456789",
    "webhook": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
}
every_platform = pytest.mark.parametrize(("dialect", "style"), EVERY)


class Chat:
    """One robot of the twin, written to without a network."""

    def __init__(self, dialect: str, style: Style = "markdown", secret: str | None = None, keyword: str = "") -> None:
        self.seconds = 0.0
        self.twin = Twin(clock=self.clock, wall=lambda: NOW)
        self.url = HOST + self.twin.add_chat("县教育局", dialect, secret, keyword or None)
        self.robot = Robot(
            "县教育局#1", dialect, SecretStr(self.url), SecretStr(secret) if secret else None, keyword, style
        )

    def clock(self) -> datetime:
        """An hour passes between any two calls: pace is not the matter here."""
        self.seconds += 3600
        return datetime.fromtimestamp(NOW.timestamp() + self.seconds, UTC)

    def request(self, message: Message) -> Request:
        return platform(self.robot.dialect).encode(message, self.robot, NOW)

    def post(self, message: Message) -> Outcome:
        request = self.request(message)
        address = urlsplit(request.url.get_secret_value())
        query = dict(parse_qsl(address.query))
        named = query.get("key") or query.get("access_token") or query.get("hook_token")
        headers = {name.lower(): value for name, value in request.headers}
        call = Call(query, headers["content-type"], request.body, NOW, headers)
        answer = self.twin.answer(self.robot.dialect, named or address.path.rpartition("/")[2], call)
        return platform(self.robot.dialect).read_reply(answer.status, answer.body, answer.headers)

    def shown(self) -> Bubble:
        return self.twin.received("县教育局")[-1]


def measured(dialect: str, body: bytes) -> tuple[int, int]:
    """Bytes that count, and the limit they count against."""
    limits = platform(dialect).limits
    if limits.body is not None:
        return len(body), limits.body
    payload = json.loads(body)
    limit = limits.text if payload["msgtype"] == "text" else limits.markdown
    return len(payload[payload["msgtype"]]["content"].encode()), cast(int, limit)


def message(*texts: str, **fields: Any) -> Message:
    foot = (Line("依据：实施方案（征求意见稿）　联系：秘书组 0936-0000000", LineKind.NOTE),)
    return Message("【督办汇总】县教育局", tuple(map(Line, texts)), foot, number="2027-0412", **fields)


def filled(chat: Chat, extra: int) -> Message:
    """A Chinese message `extra` bytes longer than the limit; a letter more is a byte more."""

    def of(size: int) -> Message:
        return message("汉" * (size // 3) + "a" * (size % 3))

    empty, limit = measured(chat.robot.dialect, chat.request(of(30)).body)
    return of(30 + limit - empty + extra)


def test_every_dialect_is_found_and_has_its_server() -> None:
    assert list(platforms()) == ["dingtalk", "feishu", "lanxin", "webhook", "wecom"] == sorted(DIALECTS)
    assert [each.title for each in platforms().values()] == ["钉钉", "飞书", "蓝信", "通用网络回调", "企业微信"]


def test_unknown_dialect_is_named_in_chinese() -> None:
    with pytest.raises(ValueError, match="没有方言“slack”"):
        platform("slack")


@every_platform
@pytest.mark.parametrize("extra", [-1, 0])
def test_chinese_up_to_the_limit_goes_whole(dialect: str, style: Style, extra: int) -> None:
    chat = Chat(dialect, style, secret=SECRETS.get(dialect))
    text = filled(chat, extra)
    size, limit = measured(dialect, chat.request(text).body)
    assert size == limit + extra
    assert parts(text, chat.robot) == (text,)
    assert chat.post(text).verdict is Verdict.DELIVERED


NASTY = [
    "a",
    "汉",
    "😀",
    "<",
    "&",
    '"',
    "\\",
    "*",
    "_",
    "#",
    "1. ",
    "\n",
    "\t",
    "\u202e",
    "http://a.cn/b ",
    "http://a ",
    "<@all>",
    "\x7f",
    "\ud800",
]


@every_platform
@pytest.mark.parametrize("nasty", NASTY, ids=ascii)
@pytest.mark.parametrize("lined", [False, True], ids=["in one line", "a line each"])
def test_what_is_taken_for_short_unmeasured_does_fit(dialect: str, style: Style, nasty: str, lined: bool) -> None:
    robot = Chat(dialect, style, secret=SECRETS.get(dialect), keyword="督办").robot

    def of(count: int) -> Message:
        if lined:
            lines = [Line(nasty, LineKind.NOTE, nasty, Paint.RED) for _ in range(count)]
            return replace(message(mark="补发"), lines=tuple(lines))
        return message(nasty * count, mark="补发")

    limits = platform(dialect).limits
    if _surely_fits(of(0), robot, limits):
        longest = bisect(range(1, 20_000), False, key=lambda count: not _surely_fits(of(count), robot, limits))
        assert platform(dialect).fits(of(longest), robot)


@every_platform
def test_one_byte_above_the_limit_is_split(dialect: str, style: Style) -> None:
    chat = Chat(dialect, style, secret=SECRETS.get(dialect))
    text = filled(chat, 1)
    assert chat.post(text).verdict is Verdict.RESHAPE
    cut = parts(text, chat.robot)
    assert [part.headline[-5:] for part in cut] == ["（1/2）", "（2/2）"]
    assert {chat.post(part).verdict for part in cut} == {Verdict.DELIVERED}
    assert "".join(line.text for part in cut for line in part.lines) == text.lines[0].text


@every_platform
def test_long_digest_of_chinese_emoji_and_links_loses_nothing(dialect: str, style: Style) -> None:
    chat = Chat(dialect, style, keyword="督办")
    link = "https://duban.example.cn/t/" + "Ab9_-" * 40
    texts = [
        f"{n}. 义务教育优质均衡发展👨‍👩‍👧🎓（T05-M1-{n:02}）　剩余7天　{link if n % 5 == 0 else ''}"
        for n in range(1, 121)
    ]
    whole = message(*texts, "一行很长的说明：" + "高标准通过国家评估认定，" * 900)
    cut = parts(whole, chat.robot)
    assert len(cut) > 2
    assert {chat.post(part).verdict for part in cut} == {Verdict.DELIVERED}
    lines = [line.text for part in cut for line in part.lines]
    assert lines[:120] == texts
    assert "".join(lines[120:]) == whole.lines[120].text
    seen = "".join(bubble.source for bubble in chat.twin.received("县教育局"))
    assert seen.count("🎓") == 120
    assert seen.count(link) == 24
    assert [(b.part, b.parts) for b in chat.twin.received("县教育局")] == [
        (n, len(cut)) for n in range(1, len(cut) + 1)
    ]


@every_platform
def test_keyword_stands_in_every_part(dialect: str, style: Style) -> None:
    chat = Chat(dialect, style, keyword="教育强县*提醒")
    cut = parts(message(*["控辍保学学期排查"] * 2000), chat.robot)
    assert len(cut) > 1
    assert {chat.post(part).verdict for part in cut} == {Verdict.DELIVERED}
    assert all("教育强县*提醒" in json.dumps(b.payload, ensure_ascii=False) for b in chat.twin.received("县教育局"))


@every_platform
def test_keyword_that_is_there_is_not_added(dialect: str, style: Style) -> None:
    with_keyword = Chat(dialect, style, keyword="督办汇总")
    without = Chat(dialect, style)
    assert with_keyword.request(message("一")).body == without.request(message("一")).body


@every_platform
def test_number_and_mark_are_visible_once(dialect: str, style: Style) -> None:
    chat = Chat(dialect, style)
    chat.post(message("控辍保学学期排查", mark="补发"))
    assert chat.shown().title.startswith("【补发】【督办汇总】县教育局")
    assert chat.shown().source.count("2027-0412") == 1
    said = Message("督办汇总", (), (Line("编号 2027-0412 · 无需在群内回复"),), "2027-0412")
    chat.post(said)
    assert chat.shown().source.count("2027-0412") == 1


@every_platform
def test_message_of_a_title_alone_is_accepted(dialect: str, style: Style) -> None:
    assert Chat(dialect, style).post(Message("机器人已接入", ())).verdict is Verdict.DELIVERED


@every_platform
def test_body_is_compact_utf8_json(dialect: str, style: Style) -> None:
    body = Chat(dialect, style).request(message("控辍保学")).body
    assert "控辍保学" in body.decode()
    assert body == json.dumps(json.loads(body), ensure_ascii=False, separators=(",", ":")).encode()


@every_platform
@pytest.mark.parametrize("paint", [paint for paint in Paint if paint is not Paint.NONE])
def test_light_is_painted_in_markdown_and_its_word_stays(dialect: str, style: Style, paint: Paint) -> None:
    chat = Chat(dialect, style)
    line = Line("1. 控辍保学　逾期100天", light="逾期", paint=paint)
    chat.post(replace(message(), lines=(line,)))
    painted = chat.shown().source
    chat.post(replace(message(), lines=(line._replace(paint=Paint.NONE),)))
    assert "逾期" in painted
    assert (painted == chat.shown().source) == (style != "markdown")


@every_platform
@pytest.mark.parametrize("everyone", ["all", "@all", "ALL", "所有人", "x></at><at id=all", "a b"])
def test_nobody_but_named_people_is_rung(dialect: str, style: Style, everyone: str) -> None:
    chat = Chat(dialect, style)
    assert chat.request(message("一", mentions=(everyone,))).body == chat.request(message("一")).body


NASTY = [
    "<@all> <at id=all></at> <at user_id=\"all\">所有人</at>",
    "</font><font color=\"info\">正常",
    "# 标题", "> 引用", "- 列表", "+ 列表", "1. 列表", "1) 列表", "===", "---", "***", "___", "```", "~~~",
    "*斜体* **粗体** _斜_ __粗__ ~~删~~ `码` [名](www.example.cn) ![图](x)",
    "&lt;b&gt; &#42; \\* \\", "| 表 | 格 |", "<!-- 注 -->", "<script>alert(1)</script>", "\"引号\" '单' {\"a\":1}",
    "上\n# 下\r\n> 三\u2028四\x0b五\x85六\t七", "零\u200b宽\u200e\u202e右\u2066到左\ufeff\x00\x1b\x7f", "半个\ud800字",
    ":DONE: $a$ %0A", "    缩进", "末尾两个空格  ",
]  # fmt: skip


@every_platform
@pytest.mark.parametrize("nasty", NASTY)
def test_nasty_text_is_accepted_and_stays_one_line_each(dialect: str, style: Style, nasty: str) -> None:
    chat = Chat(dialect, style)
    assert chat.post(everywhere(nasty)).verdict is Verdict.DELIVERED
    assert_calm(chat, nasty)


anything = st.text(st.characters() | st.sampled_from("<>[]()*_`#\\\"'&|~!-+=:@/\n\r\t \u200b\u200d\u202e\ufeff0123.🎓"))


@every_platform
@given(text=anything)
def test_arbitrary_text_is_accepted_and_stays_one_line_each(dialect: str, style: Style, text: str) -> None:
    chat = Chat(dialect, style)
    assert chat.post(everywhere(text)).verdict is Verdict.DELIVERED
    assert_calm(chat, text)


def everywhere(text: str) -> Message:
    """The text wherever people's text can stand, between words of ours."""
    lines = (
        Line(f"头{text}尾", LineKind.HEADING),
        Line(f"首{text}", light="首", paint=Paint.RED),
        Line(text),
        Line("收"),
    )
    return Message(f"题{text}", lines, (Line(f"脚{text}", LineKind.NOTE),), number="2027-0412")


def assert_calm(chat: Chat, text: str) -> None:
    """No mention, no tag of a stranger, nothing unseen, as many lines as were written, every word still there."""
    body = chat.request(everywhere(text)).body.decode()
    assert not any(unseen in body for unseen in ("\u200b", "\u202e", "\ufeff", "\\u0000", "\x7f"))
    assert not any(tag in chat.shown().source for tag in MENTION_TAGS[chat.robot.dialect])
    shown = [line for line in rows(chat.shown()) if line]
    wanted = [f"题{text}", f"头{text}尾", f"首{text}", text, "收", f"脚{text}", "编号 2027-0412"]
    assert [narrow(line) for line in shown] == [narrow(plain(line)) for line in wanted if plain(line)]


#: DingTalk rings by its lists alone, a receiver of our JSON by its own; Slack's body has tags.
MENTION_TAGS = {"wecom": ("<@",), "feishu": ("<at", "</at"), "dingtalk": (), "lanxin": (), "webhook": ()}

_NARROW = str.maketrans({chr(0xFEE0 + code): chr(code) for code in range(0x21, 0x7F)})


def narrow(text: str) -> str:
    return text.translate(_NARROW)


def rows(bubble: Bubble) -> Iterator[str]:
    """What a reader sees, line by line: our own mark-up taken off, Feishu's entities read."""
    if bubble.markup == "text":
        yield from bubble.source.split("\n")
    elif bubble.dialect == "feishu":
        yield bubble.title
        yield from (entities_read(off(line, FEISHU_TAGS)) for line in bubble.source.split("\n") if line != "---")
    else:
        tags = WECOM_TAGS if bubble.dialect == "wecom" else DINGTALK_TAGS
        yield from (off(line, tags) for line in bubble.source.split("\n"))


WECOM_TAGS = ("**", '<font color="comment">', '<font color="warning">', "</font>")
DINGTALK_TAGS = ("**", "#### ", "### ", "> ")
FEISHU_TAGS = ("**", "<font color='grey'>", "</font>", "<text_tag color='red'>", "</text_tag>")


def off(line: str, tags: tuple[str, ...]) -> str:
    for tag in tags:
        line = line.replace(tag, "")
    assert not set(line) & set("<>*`[]_~")
    return line


def entities_read(line: str) -> str:
    for code in map(ord, "<>*_~`[]\\#!:$"):
        line = line.replace(f"&#{code};", chr(code))
    return line.replace("&#38;", "&")


@every_platform
def test_bare_link_is_a_link_that_shows_its_host(dialect: str, style: Style) -> None:
    chat = Chat(dialect, style)
    url = "https://duban.example.cn:8443/t/a_b-c~d?k=1&x=%E5#y"
    chat.post(message(f"反馈进展：{url}。谢谢", "见 http://a.example.cn", "https://a.example.cn@evil.example.cn/"))
    source = chat.shown().source
    if style != "markdown":
        assert f"反馈进展：{url}。谢谢" in source
    else:
        assert f"[duban.example.cn:8443/…]({url})。谢谢" in source
        assert "[a.example.cn](http://a.example.cn)" in source
        assert "](https://a.example.cn)@evil" in source


@every_platform
def test_secrets_are_in_no_repr(dialect: str, style: Style) -> None:
    chat = Chat(dialect, style, secret=SECRETS.get(dialect))
    request = chat.request(message("一"))
    printed = f"{chat.robot!r} {chat.robot} {request!r} {request} {chat.post(message('一'))!r}"
    token = chat.url.rpartition("=" if "=" in chat.url else "/")[2]
    assert token not in printed
    assert SECRETS.get(dialect, "SECdemo")[:12] not in printed
    assert "sign" not in printed


@every_platform
def test_after_a_refusal_for_length_parts_are_half_as_large(dialect: str, style: Style) -> None:
    chat = Chat(dialect, style)
    text = filled(chat, 0)
    chat.robot = smaller(chat.robot)
    cut = parts(text, chat.robot)
    assert len(cut) > 1
    assert {chat.post(part).verdict for part in cut} == {Verdict.DELIVERED}
    for part in cut:
        size, limit = measured(dialect, chat.request(part).body)
        assert size <= limit / 2


@every_platform
def test_pace_we_allow_ourselves_is_below_the_servers(dialect: str, style: Style) -> None:
    limits = platform(dialect).limits
    assert 0 < limits.our_per_minute < limits.per_minute
    assert (limits.our_per_second or 0) < (limits.per_second or 1)


@pytest.mark.parametrize("paint", list(Paint))
@pytest.mark.parametrize("name", list(platforms()))
def test_a_painted_word_in_a_heading_never_doubles_the_marks_of_the_heading(name: str, paint: Paint) -> None:
    line = Line("二、临期", LineKind.HEADING, "临期", paint)
    robot = Robot("县教育局#1", name, SecretStr("http://127.0.0.1/hook"), style=platform(name).styles[0])
    body = platform(name).encode(Message("【督办汇总】", (line,)), robot, NOW).body.decode()
    assert "****" not in body
    assert "临期" in body
