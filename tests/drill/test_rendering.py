"""What members see: each client's own mark-up, and nothing a message could smuggle in."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.telling.message import Line, LineKind, Message, Paint
from bot.drill.rendering import rendered
from bot.drill.twin import Bubble
from bot.platforms import Markup, platforms
from tests.drill.wall_samples import County, digest, single

AT = datetime(2026, 11, 24, 0, 31, tzinfo=UTC)
DIALECTS = [name for name, each in platforms().items() if "markdown" in each.styles]


def bubble(dialect: str, source: str, markup: Markup = "markdown", payload: dict[str, Any] | None = None) -> Bubble:
    return Bubble("县教育局", AT, dialect, payload or {}, markup, "【督办汇总】县教育局", source)


def card(*elements: dict[str, Any], template: str = "blue", title: str = "【督办汇总】县教育局") -> Bubble:
    header = {"title": {"tag": "plain_text", "content": title}, "template": template}
    payload = {"msg_type": "interactive", "card": {"header": header, "elements": list(elements)}}
    return Bubble("县教育局", AT, "feishu", payload, "markdown", title, "")


def lark(content: str) -> dict[str, Any]:
    return {"tag": "lark_md", "content": content}


@pytest.mark.parametrize(
    ("dialect", "source", "shown"),
    [
        ("wecom", "## 一、逾期", "<h3>一、逾期</h3>"),
        ("wecom", "**一、逾期**", "<p><strong>一、逾期</strong></p>"),
        ("wecom", '<font color="warning">逾期</font>1项', '<p><span class="paint orange">逾期</span>1项</p>'),
        ("wecom", '<font color="info">达标</font>', '<p><span class="paint green">达标</span></p>'),
        ("wecom", '<font color="comment">编号 3</font>', '<p><span class="paint grey">编号 3</span></p>'),
        ("wecom", '**一、<font color="info">达标</font>**', "<p><strong>一、<span"),
        ("wecom", "> 备注\n> 第二行\n正文", "<blockquote><p>备注</p><p>第二行</p></blockquote><p>正文</p>"),
        ("wecom", "第一行\n第二行", "<p>第一行</p><p>第二行</p>"),
        ("wecom", "- 不是列表", "<p>- 不是列表</p>"),
        ("wecom", "<@lixiaoming>", '<p><span class="mention">@lixiaoming</span></p>'),
        ("dingtalk", "### 标题\n\n正文", "<h3>标题</h3><p>正文</p>"),
        ("dingtalk", "第一行\n第二行", "<p>第一行 第二行</p>"),
        ("dingtalk", "前文\n- 甲\n- 乙", "<p>前文</p><ul><li>甲</li><li>乙</li></ul>"),
        ("dingtalk", "3. 甲\n4. 乙\n\n后", '<ol><li value="3">甲</li><li value="4">乙</li></ol><p>后</p>'),
        ("dingtalk", "> 备注", "<blockquote><p>备注</p></blockquote>"),
        ("dingtalk", "甲\n\n---\n\n乙", "<p>甲</p><hr><p>乙</p>"),
        ("dingtalk", '<font color="info">甲</font>', "<p>&lt;font color=&quot;info&quot;&gt;甲&lt;/font&gt;</p>"),
        ("feishu", "5 &#42; 3 &#60;b&#62; **粗**", "<p>5 * 3 &lt;b&gt; <strong>粗</strong></p>"),
        ("feishu", "<font color='grey'>小字</font>", '<p><span class="paint grey">小字</span></p>'),
        ("feishu", "<text_tag color='red'>逾期</text_tag>", '<p><span class="tag red">逾期</span></p>'),
        ("feishu", "<text_tag color='粉'>逾期</text_tag>", "<p>&lt;text_tag"),
        ("feishu", "<at id=ou_3f></at>", '<p><span class="mention">@ou_3f</span></p>'),
        ("wecom", "灯号：红灯（逾期）", '<p>灯号：<span class="lamp red">红灯</span>（逾期）</p>'),
    ],
)
def test_each_client_obeys_its_own_marks(dialect: str, source: str, shown: str) -> None:
    assert rendered(bubble(dialect, source)).startswith(shown)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_link_opens_elsewhere_and_tells_nobody_whence(dialect: str) -> None:
    shown = rendered(bubble(dialect, "台账：[duban.example.cn/…](https://duban.example.cn/t/k?a=1&b=2)"))
    assert 'href="https://duban.example.cn/t/k?a=1&amp;b=2"' in shown
    assert 'rel="noopener noreferrer nofollow"' in shown
    assert ">duban.example.cn/…</a>" in shown


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "//evil.example", "https://a'b\"c"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_is_no_web_address_is_no_link(dialect: str, url: str) -> None:
    assert "<a" not in rendered(bubble(dialect, f"[点这里]({url})"))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_text_style_shows_marks_as_they_stand(dialect: str) -> None:
    shown = rendered(bubble(dialect, "**不粗**\n# 不是标题 [甲](https://a.example)", "text"))
    assert shown == '<div class="text">**不粗**\n# 不是标题 [甲](https://a.example)</div>'


def test_feishu_text_style_knows_mentions_only() -> None:
    shown = rendered(bubble("feishu", '请看 <at user_id="ou_3f"></at> <b>', "text"))
    assert shown == '<div class="text">请看 <span class="mention">@ou_3f</span> &lt;b&gt;</div>'


def test_a_card_shows_header_elements_and_note() -> None:
    shown = rendered(
        card(
            {"tag": "div", "text": lark("**一、逾期**\n1．控辍保学")},
            {"tag": "hr"},
            {"tag": "note", "elements": [lark("编号 2026-0412"), {"tag": "plain_text", "content": "**督办**"}]},
            template="red",
        )
    )
    assert shown == (
        '<h3 class="card-head red">【督办汇总】县教育局</h3>'
        "<div><p><strong>一、逾期</strong></p><p>1．控辍保学</p></div><hr>"
        '<div class="note"><p>编号 2026-0412</p><p>**督办**</p></div>'
    )


# --- nothing gets in ---------------------------------------------------------------

ALLOWED = {
    **{tag: set[str]() for tag in ("h3", "p", "strong", "blockquote", "ul", "ol", "hr")},
    "div": {"class"},
    "span": {"class"},
    "li": {"value"},
    "a": {"href", "target", "rel"},
}
CLASS = re.compile(r"[a-z -]+")


class Strict(HTMLParser):
    """Fails on any tag, attribute or value that `rendered` has no business making."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ALLOWED, tag
        for name, value in attrs:
            assert name in ALLOWED[tag] or (tag, name) == ("h3", "class"), (tag, name)
            assert name != "class" or CLASS.fullmatch(value or ""), value
            assert name != "href" or re.match(r"https?://", value or ""), value
            assert name != "value" or (value or "").isdigit(), value

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(decl)

    def handle_pi(self, data: str) -> None:
        raise AssertionError(data)


def check(one: Bubble) -> str:
    shown = rendered(one)
    strict = Strict()
    strict.feed(shown)
    strict.close()
    return shown


ATTACKS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "**<svg onload=alert(1)>**",
    '[x](https://a.example/"onmouseover="alert(1))',
    "[<img src=x onerror=alert(1)>](https://a.example)",
    '<font color="info" onclick="alert(1)">x</font>',
    '<font color="info"><script>alert(1)</script></font>',
    "<text_tag color='red'><iframe src=//evil.example></text_tag>",
    "<@x onclick=alert(1)>",
    "<at id=x onclick=alert(1)></at>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "1. <b onclick=alert(1)>x</b>",
    "> <!-- x --><style>*{display:none}</style>",
    "</p></div><form action=//evil.example>",
]


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_attack_is_shown_as_text(dialect: str, attack: str) -> None:
    for one in (
        bubble(dialect, attack),
        bubble(dialect, attack, "text"),
        card({"tag": "div", "text": lark(attack)}, title=attack, template=attack),
        card({"tag": "note", "elements": [lark(attack), {"tag": "plain_text", "content": attack}]}),
    ):
        check(one)


BITS = st.sampled_from(
    [
        *("**", "[", "]", "(", ")", "https://a.example/", "<", ">", '"', "'", "&", "&#60;", "\n", "# ", "> ", "- "),
        *(
            '<font color="info">',
            "<font color='grey'>",
            "</font>",
            "<text_tag color='red'>",
            "</text_tag>",
            "<@",
            "1. ",
        ),
        *("<script>", "<img src=x onerror=1>", "红灯", "督办", " ", "javascript:", '<at user_id="'),
    ]
)


@given(st.sampled_from(DIALECTS), st.sampled_from(["markdown", "text"]), st.lists(BITS | st.text(), max_size=30))
def test_whatever_a_message_says_only_our_tags_come_out(dialect: str, markup: Markup, bits: list[str]) -> None:
    source = "".join(bits)
    check(bubble(dialect, source, markup))
    check(card({"tag": "div", "text": lark(source)}))


# --- what our own encoders write -----------------------------------------------------


def words(shown: str) -> str:
    return re.sub(r"<[^>]*>", "", shown)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_digest_of_ours_shows_every_line_and_no_marks(dialect: str) -> None:
    county = County({"县教育局": dialect})
    message = digest("县教育局", "11月24日（周二）", lights=False)
    county.say("县教育局", message)
    shown = words(check(county.twin.received("县教育局")[0]))
    plain = shown.replace("．", ".")
    for line in (*message.lines, *message.foot):
        assert line.text.replace(". ", ".") in plain.replace(". ", ".")
    assert message.headline in shown
    assert "*" not in shown
    assert "#" not in shown


@pytest.mark.parametrize(("dialect", "painted"), [("wecom", 'paint orange">逾期'), ("feishu", 'tag red">逾期')])
def test_a_light_is_a_word_and_a_colour(dialect: str, painted: str) -> None:
    county = County({"县教育局": dialect})
    county.say("县教育局", single("逾期", "红灯", Paint.RED, "已逾期71天"))
    shown = check(county.twin.received("县教育局")[0])
    assert painted in shown
    assert '<span class="lamp red">红灯</span>' in shown


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_officials_type_is_shown_as_they_typed_it(dialect: str) -> None:
    typed = "增幅 5%，小学<初中，A*B，见“附件1”"
    county = County({"县教育局": dialect})
    message = digest("县教育局", "11月24日（周二）", lights=False)
    county.say("县教育局", Message(message.title, (Line(typed, LineKind.ITEM),), message.foot, message.number))
    shown = words(check(county.twin.received("县教育局")[0])).translate(str.maketrans("＜＊", "<*"))
    assert typed in shown.replace("&lt;", "<")
