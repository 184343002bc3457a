"""config/chats.yaml: which unit has which group chat, and the robots that speak there.

Addresses and secrets are references (env:NAME, file:PATH); a literal one is accepted for loopback only, so that no webhook
ever stands in a file that is copied around.
"""

from __future__ import annotations

import hashlib
import os
import re
import ssl
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr

from bot.core.deciding.addressees import ADMIN, LEADING_GROUP, SUPERVISOR, Directory, key_of
from bot.core.rules.forms import Names
from bot.core.rules.rulebook import Form
from bot.core.rules.succession import UNCHANGED, Succession
from bot.core.telling.message import Message
from bot.core.time.near import suggest
from bot.platforms import Robot, Style, platform, platforms
from bot.rulefiles.text.problems import Problem
from bot.rulefiles.text.sheet import Placed, Sheet
from bot.rulefiles.text.tree import read
from bot.sending.gate import is_loopback

FILE = "config/chats.yaml"
_PROXY = re.compile(r"http://(?:[^\s/@]+@)?[^\s/@:]+:\d{1,5}/?", re.ASCII)


def _dialects() -> str:
    """Every dialect with what people call it."""
    return "、".join(f"{name} {each.title}" for name, each in platforms().items())


def _styles() -> str:
    """The usual styles, and for each dialect those that only it has."""
    usual = ("markdown", "text")
    own = {name: [style for style in each.styles if style not in usual] for name, each in platforms().items()}
    more = [f"；{name} 还可写 {'、'.join(styles)}" for name, styles in own.items() if styles]
    return "、".join(usual) + "".join(more)


class RobotForm(Form):
    """One robot of a chat."""

    dialect: str = Field(alias="方言", description=_dialects())
    url: str = Field(alias="地址", description="env:变量名 或 file:文件路径", repr=False)
    secret: str | None = Field(default=None, alias="密钥", description="env:变量名 或 file:文件路径", repr=False)
    keyword: str = Field(default="", alias="关键词")
    style: Style | None = Field(default=None, alias="格式", description=_styles())
    success: Literal["2xx", "json", "slack"] | None = Field(
        default=None,
        alias="送达判据",
        description="webhook 怎样算送达：2xx、json（code、errcode 为 0，ok、success 为 true）或 slack（答 ok）",
    )
    proxy: str | None = Field(default=None, alias="代理", description="env:变量名 或 file:文件路径", repr=False)
    authority: str = Field(default="", alias="根证书", description="单位自建证书的根证书文件（PEM）")
    inside: bool = Field(default=False, alias="允许内网", description="平台在内网时写 是")


class ChatsForm(Form):
    """The file: a chat's robots, or the name of another entry whose chat is shared; and who is told in further chats."""

    chats: dict[str, tuple[RobotForm, ...] | str] = Field(alias="群聊")
    also: dict[str, Names] = Field(default_factory=dict, alias="也发")


@dataclass(frozen=True)
class Chats:
    """Robots by chat, the directory of who has which chat, and the secret files they were read from."""

    robots: Mapping[str, tuple[Robot, ...]] = field(default_factory=dict)
    directory: Directory = field(default_factory=lambda: Directory({}))
    files: tuple[Path, ...] = ()

    @property
    def has_admin(self) -> bool:
        """Whether anything can be said to the admin at all."""
        return bool(self.robots.get(ADMIN))


def load_chats(
    home: Path, units: Collection[str] | None, names: Succession = UNCHANGED
) -> tuple[Chats, tuple[Problem, ...]]:
    """The chats of a home folder and every problem; what cannot be resolved has no robot, and says so.

    `units` are the names a chat may have; None while the rule files are broken, then any may. A chat under a unit's former
    name is that unit's; the chat of a merged unit is nobody's any more. Raises OSError.
    """
    path = home / "config" / "chats.yaml"
    if not path.exists():
        return Chats(), ()
    tree, found = read(path.read_bytes(), FILE)
    problems = list(found)
    if tree is None:
        return Chats(), tuple(problems)
    placed = Sheet(FILE, tree, problems).form(ChatsForm)
    if placed is None:
        return Chats(), tuple(problems)
    return _resolve(placed, home, units, names), tuple(problems)


def _resolve(placed: Placed[ChatsForm], home: Path, units: Collection[str] | None, names: Succession) -> Chats:
    reading = _Reading(placed, home)
    robots: dict[str, tuple[Robot, ...]] = {}
    shared: dict[str, tuple[str, str]] = {}
    written = {key_of(name) for name in placed.form.chats}
    for name, value in placed.form.chats.items():
        key = _key_today(placed, name, names, written)
        if not key:
            continue
        if key in robots or key in shared:
            _report_name(placed, "duplicate-chat", name, f"“{name}”写了两次", "合并到一处")
        elif units is not None:
            _check_name(placed, name, key, {*units, *_further(placed)})
        if isinstance(value, str):
            shared[key] = (name, names.chat(key_of(value)))
        else:
            robots[key] = reading.robots(name, key, value)
    chats = {chat: chat for chat, found in robots.items() if found}
    for key, (name, other) in shared.items():
        if other in chats:
            chats[key] = other
        else:
            message = f"“{name}”要共用“{other}”的群聊，但它没有可用的机器人"
            placed.report("unknown-chat", ("群聊", name), message, suggest(other, list(robots)))
    also = _also(placed, {key: key for key in robots} | chats, units, names)
    spoken = {chat: found for chat, found in robots.items() if found}
    return Chats(spoken, Directory(chats, also), tuple(reading.files))


def _further(placed: Placed[ChatsForm]) -> set[str]:
    """Chats that somebody is told in besides his own; they need not be a unit's."""
    return {key_of(chat) for chats in placed.form.also.values() for chat in chats}


def _also(
    placed: Placed[ChatsForm], chats: Mapping[str, str], units: Collection[str] | None, names: Succession
) -> dict[str, tuple[str, ...]]:
    """The further chats of each name, each once and none its own. One whose robots cannot be used keeps its messages."""
    found: dict[str, tuple[str, ...]] = {}
    for name, wanted in placed.form.also.items():
        key, loc = names.chat(key_of(name)), ("也发", name)
        known = [ADMIN, LEADING_GROUP, *(chats if units is None else units)]
        if key.removesuffix(f"·{SUPERVISOR}") not in known:
            said = f"“{name}”不是责任单位，也不是管理员或领导小组"
            placed.sheet.report("unknown-unit", (*placed.path, *loc), said, suggest(key, known), key=True)
            continue
        for other in wanted:
            chat = chats.get(names.chat(key_of(other)))
            if chat is None:
                hint = suggest(other, list(chats)) or "先在 群聊 下写上这个群的机器人"
                placed.report("unknown-chat", loc, f"“{name}”要也发到“{other}”，但 群聊 里没有它", hint)
            elif chat == chats.get(key) or chat in found.get(key, ()):
                placed.report("same-chat", loc, f"“{other}”已经是“{name}”的群", "删去多写的一个")
            else:
                found[key] = (*found.get(key, ()), chat)
    return found


def _key_today(placed: Placed[ChatsForm], name: str, names: Succession, written: Collection[str]) -> str:
    """The name a chat counts under today; nothing where it is not to be spoken to. The rule files are ahead of this one."""
    key = key_of(name)
    today = names.chat(key)
    if names.gone(key):
        heir = names.addressee(key)
        said = f"“{name}”已并入“{names.unit(key.partition('·')[0])}”，不再发到这个群"
        _report_name(placed, "merged-chat", name, said, f"可以删去；“{heir}”的群要另外写", info=True)
        return ""
    if today == key:
        return key
    if today in written:
        _report_name(
            placed, "former-name", name, f"“{name}”是“{today}”的曾用名，已按“{today}”一处发", "可以删去", info=True
        )
        return ""
    _report_name(placed, "former-name", name, f"“{name}”已改名为“{today}”，按新名称发", f"请改写为“{today}”", info=True)
    return today


def _check_name(placed: Placed[ChatsForm], name: str, key: str, units: Collection[str]) -> None:
    known = [ADMIN, LEADING_GROUP, *units]
    if key.removesuffix(f"·{SUPERVISOR}") not in known:
        hint = suggest(key, known)
        _report_name(placed, "unknown-unit", name, f"“{name}”不是责任单位，也不是管理员或领导小组", hint)


def _report_name(
    placed: Placed[ChatsForm], code: str, name: str, message: str, hint: str, *, info: bool = False
) -> None:
    placed.sheet.report(code, (*placed.path, "群聊", name), message, hint, info=info, key=True)


class _Reading:
    """Robots on their way from the form to what stands behind their references."""

    def __init__(self, placed: Placed[ChatsForm], home: Path) -> None:
        self.files: list[Path] = []
        self._placed, self._home = placed, home
        self._owners: dict[str, str] = {}  # set-up → the robot's name where it stands first

    def robots(self, name: str, chat: str, forms: tuple[RobotForm, ...]) -> tuple[Robot, ...]:
        """The robots of one chat that can be used; `name` is how the file spells it."""
        found = (self._robot(("群聊", name, index), f"{chat}#{index + 1}", form) for index, form in enumerate(forms))
        return tuple(robot for robot in found if robot is not None)

    def _robot(self, where: tuple[str | int, ...], name: str, form: RobotForm) -> Robot | None:
        known = list(platforms())
        if form.dialect not in known:
            hint = suggest(form.dialect, known)
            self._placed.report("unknown-dialect", (*where, "方言"), f"没有方言“{form.dialect}”", hint)
            return None
        url = self._reference((*where, "地址"), form.url)
        local = url is not None and _on_loopback(url)
        secret = self._reference((*where, "密钥"), form.secret, local=local) if form.secret else None
        if url is None or (form.secret and secret is None):
            return None
        robot = Robot(name, form.dialect, SecretStr(url), SecretStr(secret) if secret else None, form.keyword)
        reached = self._way(where, robot, form)
        return self._known((*where, "地址"), reached) if reached and self._usable(where, reached) else None

    def _way(self, where: tuple[str | int, ...], robot: Robot, form: RobotForm) -> Robot | None:
        """The robot with its style and the way that leads to it; None when part of the way cannot be read."""
        self._check_success(where, form)
        styles = platform(form.dialect).styles
        if form.style and form.style not in styles:
            hint = f"可用：{'、'.join(styles)}"
            self._placed.report("unknown-style", (*where, "格式"), f"{form.dialect} 没有格式“{form.style}”", hint)
            return None
        proxy = self._proxy((*where, "代理"), form.proxy) if form.proxy else None
        authority = self._authority((*where, "根证书"), form.authority) if form.authority else ""
        if authority is None or (form.proxy and proxy is None):
            return None
        via = SecretStr(proxy) if proxy else None
        return replace(
            robot,
            style=form.style or styles[0],
            success=form.success or "",
            proxy=via,
            authority=authority,
            inside=form.inside,
        )

    def _check_success(self, where: tuple[str | int, ...], form: RobotForm) -> None:
        """A receiver without codes of its own should say what counts as a success; a platform with codes has no choice."""
        if form.success and platform(form.dialect).codes.code_fields:
            said = f"{form.dialect} 按平台的返回码判定送达，不用写 送达判据"
            self._placed.report("useless-success", (*where, "送达判据"), said, "删去这一项", info=True)
        elif not form.success and not platform(form.dialect).codes.code_fields:
            said = "没有写 送达判据：对方答 2xx 就算送达（答复里写明失败的除外）"
            hint = "对方答复 JSON 的写 送达判据: json，Slack 的写 slack，只看状态码的写 2xx"
            self._placed.report("no-success-rule", where, said, hint, info=True)

    def _proxy(self, loc: tuple[str | int, ...], text: str) -> str | None:
        """A proxy's address, which may hold a password; only http:// proxies exist here, https goes through them whole."""
        found = self._reference(loc, text)
        if found is not None and not _PROXY.fullmatch(found):
            self._placed.report(
                "bad-proxy", loc, "代理地址应写成 http://主机:端口", "用户名和密码写在主机前：http://名:密码@主机:端口"
            )
            return None
        return found

    def _authority(self, loc: tuple[str | int, ...], name: str) -> str | None:
        """The PEM text of a private root; what stands there is no secret."""
        path = self._home / name
        self.files.append(path)
        try:
            text = path.read_text("utf-8-sig")
            if not text.strip():
                raise ValueError("empty")
            ssl.create_default_context(cadata=text)
        except (OSError, ValueError):  # ssl.SSLError is an OSError
            self._placed.report(
                "bad-authority",
                loc,
                f"根证书文件 {name} 读不到，或不是 PEM 证书",
                "向平台管理员要根证书（.pem 或 .crt）",
            )
            return None
        return text

    def _usable(self, where: tuple[str | int, ...], robot: Robot) -> bool:
        """Whether the platform can sign with this robot's secret."""
        try:
            platform(robot.dialect).encode(Message("检查", ()), robot, datetime(2000, 1, 1, tzinfo=UTC))
        except ValueError as error:
            self._placed.report("bad-secret", (*where, "密钥"), str(error))
            return False
        return True

    def _known(self, loc: tuple[str | int, ...], robot: Robot) -> Robot:
        """One robot in two places keeps one name, and so one window of send instants."""
        owner = self._owners.setdefault(setup_of(robot), robot.name)
        if owner == robot.name:
            return robot
        hint = "几个单位合用一个群时，写成“单位: 另一个单位”，才不会超过每天的条数"
        self._placed.report("same-robot", loc, f"这个机器人已经用在{owner}", hint, info=True)
        return replace(robot, name=owner)

    def _reference(self, loc: tuple[str | int, ...], text: str, *, local: bool = False) -> str | None:
        """The value behind env:NAME or file:PATH; never repeated in a complaint. `local`: a literal one is for loopback."""
        kind, _, name = text.replace("：", ":", 1).partition(":")
        if kind.strip() == "env":
            return self._of_environment(loc, name.strip())
        if kind.strip() == "file":
            return self._of_file(loc, self._home / name.strip())
        if local or _on_loopback(text):
            return text
        self._placed.report("literal-secret", loc, "地址和密钥不能直接写在文件里", "写成 env:变量名 或 file:文件路径")
        return None

    def _of_environment(self, loc: tuple[str | int, ...], name: str) -> str | None:
        value = os.environ.get(name, "").strip()
        if not value:
            self._placed.report("missing-secret", loc, f"环境变量 {name} 没有设置")
        return value or None

    def _of_file(self, loc: tuple[str | int, ...], path: Path) -> str | None:
        self.files.append(path)
        try:
            value = path.read_text("utf-8-sig").strip()
        except (OSError, ValueError):
            self._placed.report("missing-secret", loc, "密钥文件读不到", "核对路径和权限，文件用 UTF-8 保存")
            return None
        if not value:
            self._placed.report("missing-secret", loc, "密钥文件是空的")
        return value or None


def _on_loopback(text: str) -> bool:
    with suppress(ValueError):
        return is_loopback(urlsplit(text).hostname or "")
    return False


def address_of(robot: Robot) -> str:
    """Tells an address from another without keeping it: a short hash of a long random text."""
    return _hash(f"{robot.dialect} {robot.url.get_secret_value()}")


def setup_of(robot: Robot) -> str:
    """The same for everything a platform checks, and for the way to it: a change of any may mend a broken robot."""
    secret = robot.secret.get_secret_value() if robot.secret else ""
    way = [robot.proxy.get_secret_value() if robot.proxy else "", robot.authority, "内网" if robot.inside else ""]
    more = f" {way}" if any(way) else ""
    return _hash(f"{robot.dialect} {robot.url.get_secret_value()} {secret} {robot.keyword}{more}")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
