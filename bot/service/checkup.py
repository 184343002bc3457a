"""The checks of `duban doctor`: disk, configuration, rules, state, clock, outbox, copies, network.

They send nothing to any chat and change nothing; a running bot is not disturbed. A new check is added to `CHECKS`.
"""

from __future__ import annotations

import json
import platform
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import chain
from pathlib import Path

from bot import __version__
from bot.core.deciding.office import NOTICE_MISSING
from bot.core.telling.entry import EntryState
from bot.core.time.zone import ZONE
from bot.platforms import Robot
from bot.sending.courier import Courier, place_of
from bot.service.heartbeat import NAME as HEARTBEAT
from bot.service.home import Home, missing_chats, peek_store
from bot.state.disk.errors import StateError, describe
from bot.state.store import Store
from bot.state.verify import verify

#: Free bytes on the disk of the state below which it is said. A year of a county takes tens of megabytes.
LITTLE, TOO_LITTLE = 1 << 30, 64 << 20
#: Without a beat for this long the service has stopped; docs/运维.md names the same time.
BEAT = timedelta(minutes=3)
OLD_COPY = timedelta(days=2)


class Grade(StrEnum):
    """How bad it is."""

    GOOD = "正常"
    HEED = "注意"
    BAD = "不行"


@dataclass(frozen=True, slots=True)
class Sign:
    """One thing looked at: what it is, how it is, and what to do about it."""

    grade: Grade
    subject: str
    said: str
    mend: str = ""

    def __str__(self) -> str:
        return f"{self.grade}　{self.subject}：{self.said}" + (f"。{self.mend}" if self.mend else "")


@dataclass
class Patient:
    """What the checks look at. `store` is None if there is no state, or none that can be read."""

    home: Home
    now: datetime
    store: Store | None = field(default=None, init=False)

    @property
    def state(self) -> Path:
        """The state of the real service."""
        return self.home.state("real")


def good(subject: str, said: str) -> Sign:
    """Nothing to do."""
    return Sign(Grade.GOOD, subject, said)


def heed(subject: str, said: str, mend: str = "") -> Sign:
    """The service runs, but somebody should look."""
    return Sign(Grade.HEED, subject, said, mend)


def bad(subject: str, said: str, mend: str) -> Sign:
    """Reminders cannot go out until it is mended."""
    return Sign(Grade.BAD, subject, said, mend)


# --- this machine -------------------------------------------------------------------------------------------------------


def _program(patient: Patient) -> Iterator[Sign]:
    yield good(
        "程序", f"督办{__version__}，Python {platform.python_version()}，现在是{patient.now:%Y-%m-%d %H:%M}（北京时间）"
    )


def _disk(patient: Patient) -> Iterator[Sign]:
    """Whether the folders of the service can be written to and have room."""
    for name, folder in {"state": patient.state, "备份文件夹": patient.home.backups}.items():
        there = next(path for path in (folder, *folder.resolve().parents) if path.is_dir())
        try:
            with tempfile.TemporaryFile(dir=there) as file:
                file.write(b"\0" * 4096)
                file.flush()
        except OSError as error:
            mend = "让运行督办的用户能写这个文件夹；容器里看挂载是不是只读"
            yield bad("磁盘", f"{name}（{folder}）写不进去：{describe(error)}", mend)
            continue
        yield _room(name, shutil.disk_usage(there).free)


def _room(name: str, free: int) -> Sign:
    said = f"{name}可写，剩余{free / 2**30:.1f} GB"
    if free < TOO_LITTLE:
        return bad("磁盘", said, "请清理磁盘：写不进状态就不能发消息")
    return heed("磁盘", said, "请留意磁盘") if free < LITTLE else good("磁盘", said)


# --- what people wrote ------------------------------------------------------------------------------------------------


def _rules(patient: Patient) -> Iterator[Sign]:
    errors = [problem for problem in patient.home.loaded_problems if problem.is_error]
    for file, subject in (("rules", "规则"), ("config", "配置")):
        found = [problem for problem in errors if problem.file.startswith(file)]
        if found:
            mend = f"第一处：{found[0]}" + ("" if len(found) == 1 else "；其余见 duban check")
            yield bad(subject, f"{len(found)}处错误", mend)
        elif file == "rules" and patient.home.rulebook is not None:
            plan = patient.home.rulebook.plan
            yield good(subject, f"《{plan.title}》（{plan.status}）{len(patient.home.rulebook.rules)}条规则，没有错误")


def _calendar(patient: Patient) -> Iterator[Sign]:
    rulebook = patient.home.rulebook
    if rulebook is None:
        return
    today = patient.now.date()
    years = [today.year, *([today.year + 1] if (today.month, today.day) >= NOTICE_MISSING else [])]
    for year in years:
        if rulebook.calendar.is_provisional(today.replace(year=year, month=1, day=4)):
            law = (
                ""
                if rulebook.calendar.knows_law_of(year)
                else f"，法定节日.yaml 里没有{year}年，清明、端午、中秋当作工作日"
            )
            yield heed("日历", f"{year}年放假安排没有录入，按暂定日历计算{law}", "通知公布后用 duban calendar add 录入")
        else:
            yield good("日历", f"{year}年放假安排已录入")


def _chats(patient: Patient) -> Iterator[Sign]:
    chats, rulebook = patient.home.chats, patient.home.rulebook
    if not chats.robots:
        yield heed("群聊", "一个机器人也没有，消息都留在待发箱", "在 config/chats.yaml 里配置")
        return
    count = sum(map(len, chats.robots.values()))
    yield good("群聊", f"{len(chats.robots)}个群聊，{count}个机器人")
    if not chats.has_admin:
        yield bad("群聊", "没有管理员的群聊，出了问题没有人知道", "在 config/chats.yaml 里给“管理员”配一个机器人")
    without = missing_chats(rulebook, chats) if rulebook else []
    if without:
        yield heed("群聊", f"{len(without)}个单位没有群聊，提醒转管理员的群：{'、'.join(without)}")


def _secrets(patient: Patient) -> Iterator[Sign]:
    """Whether other users can read files that hold addresses of robots."""
    for path in patient.home.chats.files:
        with suppress(OSError):
            if path.stat().st_mode & 0o077:
                yield heed("密钥", f"{path} 别的用户也能读", f"chmod 600 {path}")


# --- what the service did ---------------------------------------------------------------------------------------------


def _state(patient: Patient) -> Iterator[Sign]:
    """Reads the whole state; later checks use what it holds."""
    if not patient.state.is_dir():
        yield heed("状态", "还没有状态：督办没有在这里运行过", "第一次运行会自己建立")
        return
    try:
        found = verify(patient.state)
        patient.store = peek_store(patient.state)
    except StateError as error:
        yield bad("状态", str(error), "见 docs/运维.md“出了事”")
        return
    except OSError as error:
        yield bad("状态", f"读不出来：{describe(error)}", "让运行督办的用户能读这个文件夹")
        return
    said = f"完好，事件{found.events}件，消息{found.entries}条"
    yield (
        heed("状态", f"{said}；末尾有{found.tail}字节没有写完", "启动时会截去并另存")
        if found.tail
        else good("状态", said)
    )


def _running(patient: Patient) -> Iterator[Sign]:
    try:
        said = json.loads((patient.state / HEARTBEAT).read_text("utf-8"))
        beat = datetime.fromisoformat(said["时间"]).astimezone(ZONE)
    except FileNotFoundError:
        return
    except (OSError, ValueError, KeyError, TypeError):
        yield heed("运行", f"{HEARTBEAT} 读不懂", "重启督办，它会重写")
        return
    if said.get("心跳已停"):
        yield bad("运行", f"{said['心跳已停']}：{'；'.join(said.get('出入', ())[:3])}", "见 docs/运维.md“自查”")
    elif beat > patient.now + BEAT:
        yield bad("运行", f"上次心跳在{beat:%Y-%m-%d %H:%M}，比现在还晚", "校准机器的时钟")
    elif patient.now - beat > BEAT:
        yield heed("运行", f"督办没有在运行，上次心跳{beat:%Y-%m-%d %H:%M}", "duban run，或启动容器")
    else:
        yield good("运行", f"督办正在运行，上次心跳{beat:%H:%M:%S}")


def _clock(patient: Patient) -> Iterator[Sign]:
    """Whether anything on record is later than now; then the clock is wrong."""
    times = [event.time for event in patient.store.events] if patient.store else []
    latest = max(times, default=patient.now).astimezone(ZONE)
    if latest > patient.now + BEAT:
        yield bad("时钟", f"记录里已有{latest:%Y-%m-%d %H:%M}的事，机器的时钟慢了或被调回", "校准机器的时钟（NTP）")


def _outbox(patient: Patient) -> Iterator[Sign]:
    if patient.store is None:
        return
    states = [entry.state for entry in patient.store.entries.values()]
    failed = states.count(EntryState.UNDELIVERABLE) + states.count(EntryState.REFUSED)
    waiting = sum(state.open for state in states)
    if failed:
        yield heed("待发箱", f"{failed}条没有送达、不再自动重试", "duban outbox 看原因，修好后 duban outbox resend")
    else:
        yield good("待发箱", f"待发{waiting}条，没有投递失败的")
    names = {robot.name for robots in patient.home.chats.robots.values() for robot in robots}
    for state in patient.store.robots.values():
        if state.broken and state.name in names:
            yield heed("群机器人", f"{state.name}不可用：{state.broken}", f"修好后 duban robot retry {state.name}")


def _copies(patient: Patient) -> Iterator[Sign]:
    if not patient.home.settings.backup or patient.store is None:
        return
    copies = sorted(path.stat().st_mtime for path in patient.home.backups.glob("duban-*.tar.gz"))
    age = patient.now - datetime.fromtimestamp(copies[-1], ZONE) if copies else None
    if age is None:
        yield heed("备份", "还没有备份", "督办每夜自己备份；现在就要：duban backup")
    elif age > OLD_COPY:
        yield heed("备份", f"最近一份是{age.days}天前的", "看督办是不是在运行、备份文件夹能不能写")
    else:
        yield good("备份", f"{len(copies)}份，最近一份{patient.now - age:%Y-%m-%d %H:%M}")


#: In the order of the output; `_state` comes before the checks that use the store it read.
CHECKS: Sequence[Callable[[Patient], Iterator[Sign]]] = (
    _program, _disk, _rules, _calendar, _chats, _secrets, _state, _running, _clock, _outbox, _copies,
)  # fmt: skip


def examine(home: Home, now: datetime) -> Iterator[Sign]:
    """Everything that can be seen without the network."""
    patient = Patient(home, now)
    for check in CHECKS:
        yield from check(patient)


async def connections(home: Home) -> AsyncIterator[Sign]:
    """Whether each platform can be reached: a connection and a handshake for each way to one, no request."""
    ways: dict[tuple[str, str, bool], list[Robot]] = {}
    for robot in chain.from_iterable(home.chats.robots.values()):
        ways.setdefault((place_of(robot), robot.authority, robot.inside), []).append(robot)
    courier = Courier(home.settings.allowed_hosts)
    for (place, *_), together in ways.items():
        outcome = await courier.reach(together[0])
        said = f"{place}（{len(together)}个机器人）"
        yield bad("连接", f"{said}{outcome.text}", outcome.remedy) if outcome else good("连接", f"{said}连得上")
