"""Splitting: nothing lost, order kept, cut where a reader would pause."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.telling.message import Line, LineKind, Message, split


def size(message: Message) -> int:
    """Bytes of a plain rendering: headline, lines and foot, one line each."""
    shown = [message.headline, *(line.text for line in (*message.lines, *message.foot))]
    return len("\n".join(shown).encode())


def parts(message: Message, limit: int) -> tuple[Message, ...]:
    return split(message, lambda part: size(part) <= limit)


def joined(message_parts: tuple[Message, ...]) -> str:
    return "".join(line.text for part in message_parts for line in part.lines)


def digest(*texts: str, foot: str = "依据：实施方案（征求意见稿）") -> Message:
    return Message("【督办汇总】县教育局", tuple(map(Line, texts)), (Line(foot, LineKind.NOTE),), "2027-0412")


def test_headline_carries_mark_and_part_number() -> None:
    assert Message("督办汇总", (), mark="补发", part=2, parts=3).headline == "【补发】督办汇总（2/3）"
    assert Message("督办汇总", ()).headline == "督办汇总"


def test_short_message_stays_whole() -> None:
    whole = digest("1. 控辍保学学期排查")
    assert parts(whole, 200) == (whole,)


def test_long_message_is_cut_at_line_borders_into_numbered_parts() -> None:
    texts = [f"{number}. 控辍保学学期排查　时限9月15日" for number in range(1, 21)]
    cut = parts(digest(*texts), 400)
    assert len(cut) > 1
    assert [line.text for part in cut for line in part.lines] == texts
    assert [(part.part, part.parts) for part in cut] == [(n, len(cut)) for n in range(1, len(cut) + 1)]
    assert all(size(part) <= 400 for part in cut)


def test_every_part_repeats_title_number_and_small_print() -> None:
    whole = digest(*["义务教育优质均衡发展"] * 30)
    assert {(part.title, part.number, part.foot) for part in parts(whole, 300)} == {
        (whole.title, whole.number, whole.foot)
    }


def test_only_the_last_part_mentions_people() -> None:
    whole = Message("汇总", (Line("义务教育优质均衡发展"),) * 30, mentions=("13800000000",))
    cut = parts(whole, 300)
    assert [part.mentions for part in cut] == [()] * (len(cut) - 1) + [("13800000000",)]


def test_heading_never_ends_a_part() -> None:
    lines = [
        Line(f"{'一二三四五'[n // 3]}、逾期", LineKind.HEADING)
        if n % 3 == 0
        else Line("控辍保学学期排查" * (n % 4 + 1))
        for n in range(15)
    ]
    for limit in range(120, 260):
        cut = parts(Message("汇总", tuple(lines)), limit)
        assert [part.lines[-1].kind for part in cut] == [LineKind.ITEM] * len(cut), limit
        assert joined(cut) == "".join(line.text for line in lines), limit


def test_line_too_long_alone_is_cut_after_a_pause() -> None:
    cut = parts(digest("国家评估认定；" * 40), 300)
    assert len(cut) > 2
    assert all(part.lines[-1].text.endswith("；") for part in cut)


def test_line_without_a_pause_is_cut_between_characters() -> None:
    text = "汉" * 500
    cut = parts(digest(text), 300)
    assert joined(cut) == text
    assert all(size(part) <= 300 for part in cut)


def test_link_is_not_cut() -> None:
    link = "https://duban.example.cn/t/" + "k" * 60
    text = "请点开台账" * 10 + link + "反馈进展" * 20
    cut = parts(digest(text), 320)
    assert joined(cut) == text
    assert sum(link in line.text for part in cut for line in part.lines) == 1


def test_joined_emoji_is_not_cut() -> None:
    family = "👨‍👩‍👧‍👦"
    for limit in range(150, 190):
        cut = parts(digest(family * 30), limit)
        assert joined(cut) == family * 30
        assert all(line.text.count("👨") * family == line.text for part in cut for line in part.lines)


def test_limit_below_the_small_print_is_an_error() -> None:
    with pytest.raises(ValueError, match="limit"):
        parts(digest("控辍保学学期排查" * 50), 40)


def test_limit_that_takes_the_small_print_but_no_character_is_an_error() -> None:
    empty = size(Message("汇总", (Line(""),), part=999, parts=999))
    with pytest.raises(ValueError, match="limit"):
        parts(Message("汇总", (Line("汉" * 20),)), empty + 2)


def test_heading_too_long_for_any_company_still_goes_out() -> None:
    heading, item = Line("逾期事项" * 40, LineKind.HEADING), Line("控辍保学" * 40)
    for limit in range(60, 130):
        cut = parts(Message("汇总", (heading, item, heading, item)), limit)
        assert joined(cut) == (heading.text + item.text) * 2
        assert all(size(part) <= limit for part in cut)


lines = st.builds(
    Line,
    st.text(alphabet=st.sampled_from("汉字，。 aZ9😀é\u200d/:htps"), max_size=120),
    st.sampled_from([LineKind.HEADING, LineKind.ITEM]),
)


@given(st.lists(lines, max_size=12).map(tuple), st.integers(90, 400))
def test_nothing_is_lost_and_order_is_kept(content: tuple[Line, ...], limit: int) -> None:
    cut = parts(Message("督办汇总", content, (Line("依据：实施方案"),)), limit)
    assert joined(cut) == "".join(line.text for line in content)
    assert all(size(part) <= limit for part in cut)
