"""The contract of a platform: whatever file is dropped into `bot/platforms` keeps these promises."""

from __future__ import annotations

import json
import re
from bisect import bisect
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from bot.core.telling.message import Line, LineKind, Message, Paint
from bot.core.telling.outcome import Verdict
from bot.platforms import Robot, Style, _surely_fits, as_read, parts, platform, platforms, smaller, words_of
from bot.platforms._text import plain
from bot.sending.chats import RobotForm
from tests.platforms.samples import NOW, Chat, filled, lines_of, measured, message, narrow, sample

Owed = Callable[[str, Style], None]

ROOT = Path(__file__).parents[2]
#: Every check that a new platform must pass, whatever its dialect.
CONTRACT: list[Callable[[str], None]] = []


def owed(check: Owed) -> Callable[[str], None]:
    """A check of the contract, run for every dialect; a failure says in which of its styles."""

    def in_every_style(dialect: str) -> None:
        for style in platform(dialect).styles:
            try:
                check(dialect, style)
            except BaseException as error:
                error.add_note(f"in the style {style}")
                raise

    in_every_style.__name__ = check.__name__
    CONTRACT.append(in_every_style)
    return pytest.mark.parametrize("dialect", platforms())(in_every_style)


def test_every_dialect_is_found_in_the_order_of_the_names() -> None:
    assert list(platforms()) == ["dingtalk", "feishu", "lanxin", "webhook", "wecom"]
    assert [each.title for each in platforms().values()] == ["钉钉", "飞书", "蓝信", "通用网络回调", "企业微信"]


def test_unknown_dialect_is_named_in_chinese() -> None:
    with pytest.raises(ValueError, match="没有方言“slack”"):
        platform("slack")


#: Where people choose a dialect: the words that list them all, and those that tell of unusual styles.
CHOSEN_IN = {
    "config/chats.example.yaml": (r"# 方言：(.+)", r"# 格式：(.+)"),
    "docs/设置.md": (r"\| 方言 \| ([^|；]+)", r"\| 格式 \| ([^|]+)"),
}


@pytest.mark.parametrize("file", CHOSEN_IN)
def test_every_dialect_is_named_where_people_choose_one(file: str) -> None:
    names, styles = (re.findall(pattern, (ROOT / file).read_text("utf-8"))[0] for pattern in CHOSEN_IN[file])
    named = re.findall(r"([a-z]\w*) ", names)
    missing = [f"{name} {each.title}" for name, each in platforms().items() if name not in named]
    assert not missing, f"add to the dialects in {file}: {'、'.join(missing)}"
    assert not set(named) - set(platforms()), f"{file} names a dialect that is no file in bot/platforms"
    for name, each in platforms().items():
        unusual = set(each.styles) - {"markdown", "text"} or len(each.styles) < 2
        assert not unusual or name in styles, f"add to the styles in {file}: {name} {'、'.join(each.styles)}"


def test_the_hint_of_chats_yaml_names_every_dialect_and_style() -> None:
    said = RobotForm.model_fields["dialect"].description or ""
    assert said.split("、") == [f"{name} {each.title}" for name, each in platforms().items()]
    assert RobotForm.model_fields["style"].description == "markdown、text；webhook 还可写 slack"


@owed
def test_chinese_up_to_the_limit_goes_whole(dialect: str, style: Style) -> None:
    chat = Chat(dialect, style, secret=sample(dialect).secret)
    for extra in (-1, 0):
        text = filled(chat, extra)
        size, limit = measured(dialect, chat.request(text).body)
        assert size == limit + extra
        assert parts(text, chat.robot) == (text,)
        assert chat.post(text).verdict is Verdict.DELIVERED, extra


SHORT = (
    "a", "汉", "😀", "<", "&", '"', "\\", "*", "_", "#", "1. ", "\n", "\t", "\u202e", "http://a.cn/b ", "http://a ",
    "<@all>", "\x7f", "\ud800",
)  # fmt: skip


def in_one_line(text: str, count: int) -> Message:
    return message(text * count, mark="补发")


def a_line_each(text: str, count: int) -> Message:
    return replace(message(mark="补发"), lines=(Line(text, LineKind.NOTE, text, Paint.RED),) * count)


@owed
def test_what_is_taken_for_short_unmeasured_does_fit(dialect: str, style: Style) -> None:
    robot = Chat(dialect, style, secret=sample(dialect).secret, keyword="督办").robot
    limits = platform(dialect).limits
    for text in SHORT:
        for written in (in_one_line, a_line_each):
            longest = bisect(range(1, 20_000), False, key=lambda n: not _surely_fits(written(text, n), robot, limits))
            if _surely_fits(written(text, 0), robot, limits):
                assert platform(dialect).fits(written(text, longest), robot), (written.__name__, ascii(text))


@owed
def test_one_byte_above_the_limit_is_split(dialect: str, style: Style) -> None:
    chat = Chat(dialect, style, secret=sample(dialect).secret)
    text = filled(chat, 1)
    assert chat.post(text).verdict is Verdict.RESHAPE
    cut = parts(text, chat.robot)
    assert [part.headline[-5:] for part in cut] == ["（1/2）", "（2/2）"]
    assert {chat.post(part).verdict for part in cut} == {Verdict.DELIVERED}
    assert "".join(line.text for part in cut for line in part.lines) == text.lines[0].text


@owed
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


@owed
def test_keyword_stands_in_every_part(dialect: str, style: Style) -> None:
    chat = Chat(dialect, style, keyword="教育强县*提醒")
    cut = parts(message(*["控辍保学学期排查"] * 1000), chat.robot)
    assert len(cut) > 1
    assert {chat.post(part).verdict for part in cut} == {Verdict.DELIVERED}
    assert all("教育强县*提醒" in json.dumps(b.payload, ensure_ascii=False) for b in chat.twin.received("县教育局"))


@owed
def test_keyword_that_is_there_is_not_added(dialect: str, style: Style) -> None:
    with_keyword = Chat(dialect, style, keyword="督办汇总")
    without = Chat(dialect, style)
    assert with_keyword.request(message("一")).body == without.request(message("一")).body


@owed
def test_number_and_mark_are_visible_once(dialect: str, style: Style) -> None:
    chat = Chat(dialect, style)
    chat.post(message("控辍保学学期排查", mark="补发"))
    assert chat.shown().title.startswith("【补发】【督办汇总】县教育局")
    assert chat.shown().source.count("2027-0412") == 1
    said = Message("督办汇总", (), (Line("编号 2027-0412 · 无需在群内回复"),), "2027-0412")
    chat.post(said)
    assert chat.shown().source.count("2027-0412") == 1


@owed
def test_message_of_a_title_alone_is_accepted(dialect: str, style: Style) -> None:
    assert Chat(dialect, style).post(Message("机器人已接入", ())).verdict is Verdict.DELIVERED


@owed
def test_body_is_compact_utf8_json(dialect: str, style: Style) -> None:
    body = Chat(dialect, style).request(message("控辍保学")).body
    assert "控辍保学" in body.decode()
    assert body == json.dumps(json.loads(body), ensure_ascii=False, separators=(",", ":")).encode()


@owed
def test_light_is_painted_in_markdown_and_its_word_stays(dialect: str, style: Style) -> None:
    chat = Chat(dialect, style)

    def shown(paint: Paint) -> str:
        line = Line("1. 控辍保学　逾期100天", light="逾期", paint=paint)
        chat.post(replace(message(), lines=(line,)))
        return chat.shown().source

    unpainted = shown(Paint.NONE)
    for paint in Paint:
        painted = shown(paint)
        assert "逾期" in painted
        assert (painted == unpainted) == (style != "markdown" or paint is Paint.NONE), paint


@owed
def test_a_painted_word_in_a_heading_never_doubles_the_marks_of_the_heading(dialect: str, style: Style) -> None:
    robot = Robot("县教育局#1", dialect, SecretStr("http://127.0.0.1/hook"), style=style)
    for paint in Paint:
        line = Line("二、临期", LineKind.HEADING, "临期", paint)
        body = platform(dialect).encode(Message("【督办汇总】", (line,)), robot, NOW).body.decode()
        assert "****" not in body, paint
        assert "临期" in body


@owed
def test_nobody_but_named_people_is_rung(dialect: str, style: Style) -> None:
    chat = Chat(dialect, style)
    for everyone in ("all", "@all", "ALL", "所有人", "x></at><at id=all", "a b"):
        assert chat.request(message("一", mentions=(everyone,))).body == chat.request(message("一")).body, everyone


NASTY = [
    "<@all> <at id=all></at> <at user_id=\"all\">所有人</at>",
    "</font><font color=\"info\">正常",
    "# 标题", "> 引用", "- 列表", "+ 列表", "1. 列表", "1) 列表", "===", "---", "***", "___", "```", "~~~",
    "*斜体* **粗体** _斜_ __粗__ ~~删~~ `码` [名](www.example.cn) ![图](x)",
    "&lt;b&gt; &#42; \\* \\", "| 表 | 格 |", "<!-- 注 -->", "<script>alert(1)</script>", "\"引号\" '单' {\"a\":1}",
    "上\n# 下\r\n> 三\u2028四\x0b五\x85六\t七", "零\u200b宽\u200e\u202e右\u2066到左\ufeff\x00\x1b\x7f", "半个\ud800字",
    ":DONE: $a$ %0A", "    缩进", "末尾两个空格  ",
]  # fmt: skip


@owed
def test_nasty_text_is_accepted_and_stays_one_line_each(dialect: str, style: Style) -> None:
    chat = Chat(dialect, style)
    for nasty in NASTY:
        assert chat.post(everywhere(nasty)).verdict is Verdict.DELIVERED, ascii(nasty)
        assert_calm(chat, nasty)


anything = st.text(st.characters() | st.sampled_from("<>[]()*_`#\\\"'&|~!-+=:@/\n\r\t \u200b\u200d\u202e\ufeff0123.🎓"))


@owed
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
    bubble, by_its_own = chat.shown(), sample(chat.robot.dialect)
    assert not any(tag in bubble.source for tag in by_its_own.mention_tags), ascii(text)
    shown = [line for line in (lines_of if bubble.markup == "text" else by_its_own.rows)(bubble) if line]
    wanted = [f"题{text}", f"头{text}尾", f"首{text}", text, "收", f"脚{text}", "编号 2027-0412"]
    assert [narrow(line) for line in shown] == [narrow(plain(line)) for line in wanted if plain(line)], ascii(text)


@owed
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


@owed
def test_secrets_are_in_no_repr(dialect: str, style: Style) -> None:
    chat = Chat(dialect, style, secret=sample(dialect).secret)
    request = chat.request(message("一"))
    printed = f"{chat.robot!r} {chat.robot} {request!r} {request} {chat.post(message('一'))!r}"
    assert chat.token not in printed
    assert (sample(dialect).secret or "SECdemo")[:12] not in printed
    assert "sign" not in printed


@owed
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


@owed
def test_everything_people_read_is_among_the_words_kept_and_no_secret_is(dialect: str, style: Style) -> None:
    chat = Chat(dialect, style, secret=sample(dialect).secret, keyword="教育强县")
    body = chat.request(message("控辍保学学期排查", mark="补发")).body
    kept = words_of(body)
    for said in ("【补发】【督办汇总】县教育局", "控辍保学学期排查", "0936-0000000", "编号 2027-0412", "教育强县"):
        assert said in kept
    assert "sign" not in kept
    assert (sample(dialect).secret or "SECdemo") not in kept
    assert chat.token not in kept


@owed
def test_a_receipt_reads_as_the_message_did(dialect: str, style: Style) -> None:
    chat = Chat(dialect, style, secret=sample(dialect).secret)
    lines = (Line("逾期", LineKind.HEADING), Line("1. A&B <甲> 已逾期3天", light="已逾期", paint=Paint.RED))
    said = Message("【督办汇总】县教育局", lines, (Line("依据：方案", LineKind.NOTE),), "2027-0412")
    read = as_read(words_of(chat.request(said).body))
    assert not re.search(r"\*\*|^[#>] |</|&#|&amp;", read, re.MULTILINE)
    assert read.splitlines()[0] == "【督办汇总】县教育局"
    assert read.count("【督办汇总】县教育局") == 1
    assert read.splitlines()[1] == "逾期"
    assert "已逾期3天" in read


@pytest.mark.parametrize("dialect", platforms())
def test_pace_we_allow_ourselves_is_below_the_servers(dialect: str) -> None:
    limits = platform(dialect).limits
    assert 0 < limits.our_per_minute < limits.per_minute
    assert (limits.our_per_second or 0) < (limits.per_second or 1)
