"""config/chats.yaml: which unit has which group chat, and the robots that speak there.

Addresses and secrets are references (env:NAME, file:PATH); a literal one is accepted for loopback only, so that no webhook
ever stands in a file that is copied around.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
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
    """Robots by chat, and the directory of who has which chat."""

    robots: Mapping[str, tuple[Robot, ...]] = field(default_factory=dict)
    directory: Directory = field(default_factory=lambda: Directory({}))

    @property
    def has_admin(self) -> bool:
        """Whether anything can be said to the admin at all."""
        return bool(self.robots.get(ADMIN))


def key_of(name: str) -> str:
    """县教育局分管领导, 县教育局/分管领导 and 县教育局·分管领导 are one key."""
    head = name.removesuffix(SUPERVISOR).rstrip("·/ 　")
    return f"{head}·{SUPERVISOR}" if name.endswith(SUPERVISOR) and head else name


def load_chats(home: Path, units: Collection[str]) -> tuple[Chats, tuple[Problem, ...]]:
    """The chats of a home folder and every problem; what cannot be resolved has no robot, and says so."""
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


def _resolve(placed: Placed[ChatsForm], home: Path, units: Collection[str]) -> Chats:
    robots: dict[str, tuple[Robot, ...]] = {}
    shared: dict[str, str] = {}
    for name, value in placed.form.chats.items():
        key = key_of(name)
        _check_name(placed, name, key, units)
        if isinstance(value, str):
            shared[key] = key_of(value)
        else:
            found = (_robot(placed, key, index, form, home) for index, form in enumerate(value))
            robots[key] = tuple(robot for robot in found if robot is not None)
    chats = {chat: chat for chat, found in robots.items() if found}
    for key, other in shared.items():
        if other in chats:
            chats[key] = other
        else:
            placed.report(
                "unknown-chat",
                ("群聊", key),
                f"“{key}”要共用“{other}”的群聊，但它没有可用的机器人",
                suggest(other, list(robots)),
            )
    return Chats({chat: found for chat, found in robots.items() if found}, Directory(chats))


def _check_name(placed: Placed[ChatsForm], name: str, key: str, units: Collection[str]) -> None:
    known = [ADMIN, LEADING_GROUP, *units]
    if key.removesuffix(f"·{SUPERVISOR}") not in known:
        hint = suggest(key, known)
        placed.report("unknown-unit", ("群聊", name), f"“{name}”不是责任单位，也不是管理员或领导小组", hint)


def _robot(placed: Placed[ChatsForm], chat: str, index: int, form: RobotForm, home: Path) -> Robot | None:
    where = ("群聊", chat, index)
    if form.dialect not in platforms():
        placed.report(
            "unknown-dialect", (*where, "方言"), f"没有方言“{form.dialect}”", suggest(form.dialect, list(platforms()))
        )
        return None
    url = _reference(placed, (*where, "地址"), form.url, home)
    secret = _reference(placed, (*where, "密钥"), form.secret, home) if form.secret else None
    if url is None or (form.secret and secret is None):
        return None
    name = f"{chat}#{index + 1}"
    return Robot(name, form.dialect, SecretStr(url), SecretStr(secret) if secret else None, form.keyword, form.style)


def _reference(placed: Placed[ChatsForm], loc: tuple[str | int, ...], text: str, home: Path) -> str | None:
    """The value behind env:NAME or file:PATH; never repeated in a complaint."""
    kind, _, name = text.replace("：", ":", 1).partition(":")
    if kind == "env":
        value = os.environ.get(name.strip(), "").strip()
        if not value:
            placed.report("missing-secret", loc, f"环境变量 {name.strip()} 没有设置")
        return value or None
    if kind == "file":
        try:
            return (home / name.strip()).read_text("utf-8").strip() or None
        except (OSError, UnicodeDecodeError):
            placed.report("missing-secret", loc, "密钥文件读不到", "核对路径和权限，文件用 UTF-8 保存")
            return None
    if _is_loopback(text):
        return text
    placed.report("literal-secret", loc, "地址和密钥不能直接写在文件里", "写成 env:变量名 或 file:文件路径")
    return None


def _is_loopback(text: str) -> bool:
    host = urlsplit(text).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")


def fingerprint(robot: Robot) -> str:
    """Tells whether an address changed, without keeping it: a short hash of a long random address."""
    text = f"{robot.dialect} {robot.url.get_secret_value()} {robot.secret.get_secret_value() if robot.secret else ''}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]
