"""Peers whose messages a platform refused: size, pace, signature, keyword and stray characters (F20–F26)."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from pydantic import SecretStr

from bot.core.rules.rulebook import Rulebook
from bot.core.telling.entry import EntryState
from bot.core.telling.message import Message
from bot.core.telling.outcome import Verdict
from bot.platforms import Robot, parts, platform
from tests.kit.builders import a_milestone, a_rulebook
from tests.kit.house import furnished
from tests.kit.post_office import Office, marked, numbers, post_office
from tests.kit.rules_factory import TASK, edited
from tests.leak.test_secrets import command
from tests.platforms.samples import NOW, Chat, filled, measured, message, narrow
from tests.stories.timeline import Timeline

THREE = ("dingtalk", "feishu", "wecom")
every_dialect = pytest.mark.parametrize("dialect", THREE)


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with post_office(tmp_path) as made:
        yield made


# --- F20 --------------------------------------------------------------------------------------------


@every_dialect
@pytest.mark.parametrize("extra", [-1, 0, 1])
def test_f20_at_every_byte_around_the_limit_nothing_is_refused_and_nothing_lost(dialect: str, extra: int) -> None:
    """WeCom 40058, DingTalk 460101, Feishu 19036: too long, refused whole."""
    chat = Chat(dialect)
    whole = filled(chat, extra)
    cut = parts(whole, chat.robot)
    assert len(cut) == (1 if extra <= 0 else 2)
    assert {chat.post(part).verdict for part in cut} == {Verdict.DELIVERED}
    assert "".join(line.text for part in cut for line in part.lines) == whole.lines[0].text


@every_dialect
def test_f20_parts_of_a_long_message_with_emoji_are_numbered(dialect: str) -> None:
    """The same with emoji: four bytes each, and never half of one."""
    chat = Chat(dialect)
    whole = message(*[f"{n}. 控辍保学👨‍👩‍👧学期排查🎓" + "高标准" * 40 for n in range(150)])
    cut = parts(whole, chat.robot)
    assert {chat.post(part).verdict for part in cut} == {Verdict.DELIVERED}
    assert [part.headline[-5:] for part in cut[:2]] == [f"（1/{len(cut)}）"[-5:], f"（2/{len(cut)}）"[-5:]]
    assert [line for part in cut for line in part.lines] == list(whole.lines)


# --- F21 --------------------------------------------------------------------------------------------


@every_dialect
def test_f21_a_cut_is_measured_in_bytes_and_falls_between_items(dialect: str) -> None:
    """Apprise 2.2.0 cuts WeCom's text at 2048 characters, which is 6144 bytes of Chinese."""
    chat = Chat(dialect)
    link = "https://duban.example.cn/t/" + "Ab9_" * 30
    whole = message(*[f"{n}. 义务教育优质均衡发展创建工作　台账：{link}" for n in range(120)])
    cut = parts(whole, chat.robot)
    assert len(cut) > 1
    for part in cut:
        size, limit = measured(dialect, chat.request(part).body)
        assert size <= limit
        assert chat.post(part).verdict is Verdict.DELIVERED
    assert [line for part in cut for line in part.lines] == list(whole.lines)  # no item, and so no link, is cut
    assert sum(bubble.source.count(f"]({link})") for bubble in chat.twin.received("县教育局")) == 120


# --- F22 --------------------------------------------------------------------------------------------


async def test_f22_a_hundred_messages_keep_every_rolling_minute_over_restarts_and_all_arrive(office: Office) -> None:
    """DingTalk 130101, Feishu 9499: more than the limit in a minute, and the rest is gone."""
    limit = platform("wecom").limits.our_per_minute
    promised = [office.promise(form="单发") for _ in range(100)]
    for turn in range(40):
        await office.send()
        if turn % 3 == 2:
            await office.die()
            office.open()
        office.now += timedelta(seconds=20)
        if len(office.seen()) == 100:
            break
    sent = [bubble.at for bubble in office.seen()]
    assert all(later - first >= timedelta(minutes=1) for first, later in zip(sent, sent[limit:], strict=False))
    assert numbers(office.seen()) == promised
    assert not any(marked(office.seen()))
    assert "稍后重试" not in office.outcomes


# --- F23 --------------------------------------------------------------------------------------------

TWENTY = [f"第{index}中学" for index in range(1, 21)]


def crowd() -> Rulebook:
    units = "责任单位:\n" + "".join(f"  - {{编号: zx{n}, 名称: {name}}}\n" for n, name in enumerate(TWENTY))
    items = [
        a_milestone(
            f"T05-M{n}", "2027-03-10", more=f"牵头: {{单位: {TWENTY[n % 20]}, 依据: 管理员}}", ladder="一般节点"
        )
        for n in range(60)
    ]
    return a_rulebook(*items, units=", ".join(TWENTY), unit_file=units, lead_unit=TWENTY[0])


def test_f23_sixty_rules_of_one_morning_are_spread_over_the_hour_and_stay_at_their_minutes() -> None:
    """Every rule of a day at 09:00 sharp; Prometheus had to spread them by a hash."""
    story = Timeline(crowd(), start="2027-03-01")
    story.at("2027-03-02 18:00")
    minutes = {}
    for day in ("2027-03-03", "2027-03-12"):
        sent = [one for one in story.at(f"{day} 18:00").sent if one.at.date().isoformat() == day]
        minutes[day] = {one.draft.chat: f"{one.at:%H:%M}" for one in sent if one.draft.form == "汇总"}
    first = minutes["2027-03-03"]
    assert set(first) >= set(TWENTY)
    assert not any(minute.endswith((":00", ":30")) for minute in first.values())
    assert max(Counter(first.values()).values()) <= 4
    assert all(minutes["2027-03-12"].get(chat, minute) == minute for chat, minute in first.items())


# --- F24 --------------------------------------------------------------------------------------------


async def test_f24_a_message_that_waited_three_hours_is_signed_when_it_is_sent(office: Office) -> None:
    """ElastAlert2 adds one more timestamp and signature to the same stored address at each send."""
    office.robot("县民政局", "dingtalk", secret="SEC-d3b07384d113")
    office.known.note_setups()
    office.twin.refuse("县民政局", -1)
    number = office.promise("县民政局")
    await office.send()
    office.ahead += timedelta(hours=3)
    office.twin.heal("县民政局")
    await office.retry(number)
    assert office.entry(number).state is EntryState.DELIVERED  # an hour-old signature is refused


def test_f24_a_thousand_sends_do_not_lengthen_the_address() -> None:
    """The same, counted."""
    robot = Robot(
        "一", "dingtalk", SecretStr("https://oapi.dingtalk.com/robot/send?access_token=x"), SecretStr("SECdemo")
    )
    urls = [
        platform("dingtalk").encode(Message("督办", ()), robot, NOW + timedelta(hours=n)).url.get_secret_value()
        for n in range(1000)
    ]
    queries = [parse_qsl(urlsplit(url).query) for url in urls]
    assert {tuple((name, len(value)) for name, value in query) for query in queries} == {
        (("access_token", 1), ("timestamp", 13), ("sign", 44))
    }


# --- F25 --------------------------------------------------------------------------------------------


async def test_f25_a_drill_to_a_group_that_asks_for_a_keyword_says_in_chinese_what_is_missing(tmp_path: Path) -> None:
    """DingTalk's keyword rule answers HTTP 200 and shows nothing."""
    async with furnished(tmp_path, begin=False) as house:
        path = house.twin.add_chat("测试群", "dingtalk", keyword="教育强县")
        entry = f"    - {{方言: dingtalk, 地址: 'http://127.0.0.1:{house.port}{path}'"
        (tmp_path / "config").mkdir()
        for keyword, expected in (("", 1), (", 关键词: 教育强县", 0)):
            text = f"群聊:\n  管理员:\n{entry}{keyword}}}\n"
            (tmp_path / "config" / "chats.yaml").write_text(text, "utf-8")
            code, said = await command(tmp_path, "drill", "--to", "管理员", "--most", "1")
            assert code == expected, said
            assert ("被拒收 310000" in said and "核对群聊配置中的关键词" in said) == bool(expected)
        assert all("教育强县" in bubble.source and "演练" in bubble.title for bubble in house.twin.received("测试群"))
        assert house.twin.received("测试群")


# --- F26 --------------------------------------------------------------------------------------------

NASTY = "\"引号\"'单'<尖>&amp;*星*\\斜[括](号)`码`_线_"


async def test_f26_signs_in_a_title_arrive_as_they_were_written_on_every_platform(tmp_path: Path) -> None:
    """Nightingale renders its JSON through an HTML template."""
    quoted = NASTY.replace("'", "''")
    task = edited(TASK, "名称: 创建工作通过国家评估认定", f"名称: '{quoted}'")
    async with furnished(tmp_path, "2027-11-30T08:00", changes={"tasks/05.yaml": task}) as house:
        await house.live("2027-12-01T18:00")
        seen = {bubble.dialect: bubble for bubble in house.all_seen() if "（T05-M1）" in bubble.source}
        assert set(seen) == set(THREE)
        assert not house.entries(EntryState.UNDELIVERABLE, EntryState.LATER)
        for dialect in ("wecom", "dingtalk"):  # at most a sign is shown in its full width
            assert narrow(NASTY) in narrow(seen[dialect].source)


@every_dialect
def test_f26_as_plain_text_every_sign_arrives_byte_for_byte(dialect: str) -> None:
    """The same where a client renders nothing."""
    chat = Chat(dialect, "text")
    assert chat.post(message(f"1. {NASTY}　剩余7天")).verdict is Verdict.DELIVERED
    assert f"1. {NASTY}　剩余7天" in chat.shown().source
