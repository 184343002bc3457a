"""config/chats.yaml: which unit has which group chat, and the robots that speak there.

Addresses and secrets are references (env:NAME, file:PATH); a literal one is accepted for loopback only, so that no webhook
ever stands in a file that is copied around.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr

from bot.core.notices import ADMIN, LEADING_GROUP, SUPERVISOR, Directory
from bot.core.rulebook import Form
from bot.platforms import Robot, platforms
from bot.shell.problems import Problem, suggest
from bot.shell.sheet import Placed, Sheet
from bot.shell.yamltree import read

FILE = "config/chats.yaml"


class RobotForm(Form):
    """One robot of a chat."""

    dialect: str = Field(alias="方言", description="wecom 企业微信、dingtalk 钉钉、feishu 飞书")
    url: str = Field(alias="地址", description="env:变量名 或 file:文件路径", repr=False)
    secret: str | None = Field(default=None, alias="密钥", description="env:变量名 或 file:文件路径", repr=False)
    keyword: str = Field(default="", alias="关键词")
    style: Literal["markdown", "text"] = Field(default="markdown", alias="格式")


class ChatsForm(Form):
    """The file: a chat's robots, or the name of another entry whose chat is shared."""

    chats: dict[str, tuple[RobotForm, ...] | str] = Field(alias="群聊")


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


def key_of(name: str) -> str:
    """县教育局分管领导, 县教育局/分管领导 and 县教育局·分管领导 are one key."""
    head = name.removesuffix(SUPERVISOR).rstrip("·/ 　")
    return f"{head}·{SUPERVISOR}" if name.endswith(SUPERVISOR) and head else name


def load_chats(home: Path, units: Collection[str] | None) -> tuple[Chats, tuple[Problem, ...]]:
    """The chats of a home folder and every problem; what cannot be resolved has no robot, and says so.

    `units` are the names a chat may have; None while the rule files are broken, then any may. Raises OSError.
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
    return _resolve(placed, home, units), tuple(problems)


def _resolve(placed: Placed[ChatsForm], home: Path, units: Collection[str] | None) -> Chats:
    reading = _Reading(placed, home)
    robots: dict[str, tuple[Robot, ...]] = {}
    shared: dict[str, tuple[str, str]] = {}
    for name, value in placed.form.chats.items():
        key = key_of(name)
        if key in robots or key in shared:
            _report_name(placed, "duplicate-chat", name, f"“{name}”写了两次", "合并到一处")
        elif units is not None:
            _check_name(placed, name, key, units)
        if isinstance(value, str):
            shared[key] = (name, key_of(value))
        else:
            robots[key] = reading.robots(name, key, value)
    chats = {chat: chat for chat, found in robots.items() if found}
    for key, (name, other) in shared.items():
        if other in chats:
            chats[key] = other
        else:
            message = f"“{name}”要共用“{other}”的群聊，但它没有可用的机器人"
            placed.report("unknown-chat", ("群聊", name), message, suggest(other, list(robots)))
    return Chats({chat: found for chat, found in robots.items() if found}, Directory(chats), tuple(reading.files))


def _check_name(placed: Placed[ChatsForm], name: str, key: str, units: Collection[str]) -> None:
    known = [ADMIN, LEADING_GROUP, *units]
    if key.removesuffix(f"·{SUPERVISOR}") not in known:
        hint = suggest(key, known)
        _report_name(placed, "unknown-unit", name, f"“{name}”不是责任单位，也不是管理员或领导小组", hint)


def _report_name(placed: Placed[ChatsForm], code: str, name: str, message: str, hint: str) -> None:
    placed.sheet.report(code, (*placed.path, "群聊", name), message, hint, key=True)


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
        local = url is not None and _is_loopback(url)
        secret = self._reference((*where, "密钥"), form.secret, local=local) if form.secret else None
        if url is None or (form.secret and secret is None):
            return None
        key = SecretStr(secret) if secret else None
        return self._known((*where, "地址"), Robot(name, form.dialect, SecretStr(url), key, form.keyword, form.style))

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
        if local or _is_loopback(text):
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


def _is_loopback(text: str) -> bool:
    with suppress(ValueError):
        host = urlsplit(text).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    return False


def address_of(robot: Robot) -> str:
    """Tells an address from another without keeping it: a short hash of a long random text."""
    return _hash(f"{robot.dialect} {robot.url.get_secret_value()}")


def setup_of(robot: Robot) -> str:
    """The same for everything a platform checks: address, secret and keyword."""
    secret = robot.secret.get_secret_value() if robot.secret else ""
    return _hash(f"{robot.dialect} {robot.url.get_secret_value()} {secret} {robot.keyword}")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
