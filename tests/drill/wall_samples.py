"""A small county for the wall: messages as the platforms' own encoders write them, posted to the twin."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

from pydantic import SecretStr

from bot.core.telling.message import Line, LineKind, Message, Paint
from bot.core.telling.outcome import Verdict
from bot.drill.twin import Twin
from bot.drill.wall import Wall
from bot.platforms import Call, Robot, parts, platform

PLAN = "民乐县全面推进教育强县建设实施方案"
START = datetime(2026, 11, 24, 8, 31, tzinfo=ZoneInfo("Asia/Shanghai"))
REAL = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
CHATS: Mapping[str, str] = {
    "县教育局": "wecom",
    "县财政局": "dingtalk",
    "县人社局": "feishu",
    "县发展改革局": "wecom",
    "县卫生健康局": "dingtalk",
    "县委编办": "feishu",
    "县民政局": "wecom",
    "县妇联": "dingtalk",
    "县残联": "feishu",
    "团县委": "wecom",
    "各学校": "dingtalk",
    "管理员": "feishu",
}


def foot(number: str) -> tuple[Line, ...]:
    return (
        Line("依据：实施方案（征求意见稿）　联系：县委教育工作领导小组秘书组 0936-4421234", LineKind.NOTE),
        Line(f"编号 {number} · 本消息由系统自动发送，无需在群内回复", LineKind.NOTE),
    )


def line(text: str, light: str = "", paint: Paint = Paint.NONE, kind: LineKind = LineKind.ITEM) -> Line:
    return Line(text, kind, light, paint)


def digest(chat: str, day: str, *, lights: bool = True) -> Message:
    """A day's digest; without lights, its words are not painted."""
    made = Message(
        f"【督办汇总】{chat} · {day}",
        (
            line("共4项：逾期1、临期2、近期到期1"),
            line("一、逾期", "逾期", Paint.RED, LineKind.HEADING),
            line("1. 控辍保学学期排查（T05-R1@2026-2）　时限9月15日，已逾期70天　请反馈进展或申请延期"),
            line("二、临期", "临期", Paint.BLUE, LineKind.HEADING),
            line("1. 义务教育优质均衡发展县级自评（T05-M1-01）　时限12月1日，剩余7天（5个工作日）"),
            line("2. 学前教育普及普惠督导材料报送（T04-M2）　时限11月30日，剩余6天（4个工作日）"),
            line("三、近期到期", "近期到期", Paint.GREEN, LineKind.HEADING),
            line("1. 教师全员培训年度计划（T11-R2@2026）　时限12月31日，剩余37天（27个工作日）"),
        ),
        foot("2026-0412"),
        number="2026-0412",
    )
    return made if lights else replace(made, lines=tuple(line(one.text, kind=one.kind) for one in made.lines))


def single(light: str, colour: str, paint: Paint, days: str) -> Message:
    return Message(
        f"【{light}提醒】控辍保学学期排查",
        (
            line(f"编号：T05-R1@2026-2　灯号：{colour}（{light}）", light, paint),
            line("牵头单位：县教育局；配合单位：县民政局、县妇联、县残联"),
            line(f"完成时限：2026年9月15日（{days}）"),
            line("依据：实施方案（征求意见稿）第（五）项“健全控辍保学长效机制”"),
            line("台账：https://duban.example.cn/t/k7Qm2"),
            line("请反馈进展；确需延期，请说明原因和新时限。"),
        ),
        foot("2026-0413"),
        number="2026-0413",
    )


def assigned(chat: str) -> Message:
    return Message(
        f"【事项交办】{chat} · 11月24日（周二）",
        (
            line("一、交办", kind=LineKind.HEADING),
            line("1. 第（五）项　高质量推动义务教育优质均衡发展（牵头）"),
            line("· 义务教育优质均衡发展创建工作通过国家评估认定（T05-M1）　2027年底"),
            line("· 控辍保学学期排查（T05-R1）　每年3月15日、9月15日"),
            line("2. 指标　高中阶段毛入学率（数据报送）：2027年达到97%，2035年97.5%以上"),
        ),
        foot("2026-0401"),
        number="2026-0401",
    )


class Story:
    """A hand-wound story clock: what the wall may turn, and the time."""

    def __init__(self, now: datetime = START) -> None:
        self._now = now
        self.speed: float | None = None
        self.pause = 2.0
        self.paused = False
        self.over = asyncio.Event()

    def now(self) -> datetime:
        return self._now

    def wind(self, **how: float) -> None:
        self._now += timedelta(**how)


class County:
    """The clock, the twin with one robot for each chat, and the wall that hangs on it."""

    def __init__(self, chats: Mapping[str, str] = CHATS) -> None:
        self.clock = Story()
        self.twin = Twin(self.clock.now, lambda: REAL)
        self.wall = Wall(self.clock, list(chats), PLAN)
        self.twin.on_bubble(self.wall.show)
        self._robots = {
            chat: Robot(f"{chat}#1", dialect, SecretStr(f"http://127.0.0.1{self.twin.add_chat(chat, dialect)}"))
            for chat, dialect in chats.items()
        }

    def say(self, chat: str, message: Message) -> None:
        """Posts the message to the chat's robot, in as many parts as its platform asks for."""
        robot = self._robots[chat]
        for part in parts(message, robot):
            request = platform(robot.dialect).encode(part, robot, REAL)
            address = urlsplit(request.url.get_secret_value())
            call = Call(dict(parse_qsl(address.query)), "application/json", request.body, REAL)
            token = address.path.rpartition("/")[2] if robot.dialect == "feishu" else next(iter(call.query.values()))
            answer = self.twin.answer(robot.dialect, token, call)
            assert platform(robot.dialect).read_reply(200, answer.body).verdict is Verdict.DELIVERED, answer

    def fill(self) -> None:
        """Two mornings in every chat but the last two units'."""
        quiet = {"县残联", "团县委"}
        speakers = [chat for chat in self._robots if chat not in quiet]
        for chat in speakers:
            self.say(chat, assigned(chat))
            self.clock.wind(minutes=3)
        self.clock.wind(days=1)
        for index, chat in enumerate(speakers):
            self.say(chat, digest(chat, "11月25日（周三）"))
            if index % 2 == 0:
                self.say(chat, single("逾期", "红灯", Paint.RED, "已逾期71天"))
            elif index % 3 == 0:
                self.say(chat, single("临期", "蓝灯", Paint.BLUE, "剩余7天（5个工作日）"))
            self.clock.wind(minutes=2)
