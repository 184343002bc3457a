"""Settings: config/bot.yaml, overridden by DUBAN_… in the environment, as one frozen value.

Only `service` and the rooms above it import this; they pass plain values down.
"""

from __future__ import annotations

import json
import re
from datetime import time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from bot.core.rules.rulebook import Form
from bot.core.telling.wording import Letterhead
from bot.core.time.windows import OfficeHours, SeasonalHours, Spans
from bot.rulefiles.text.problems import START, Problem, explain
from bot.rulefiles.text.sheet import SWITCHES, Sheet
from bot.rulefiles.text.tree import read

NAME = "config/bot.yaml"
PREFIX = "DUBAN_"
PLATFORM_HOSTS = ("qyapi.weixin.qq.com", "oapi.dingtalk.com", "open.feishu.cn", "open.larksuite.com")


def _split(value: Any) -> Any:
    """A list from the environment, where it is written with commas, 顿号 or spaces."""
    return [part for part in re.split(r"[,，、\s]+", value) if part] if isinstance(value, str) else value


def _unpacked(value: Any) -> Any:
    """A table from the environment, where it is written as JSON."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise ValueError("应写成JSON") from None


def _span(text: str) -> tuple[time, time]:
    found = re.fullmatch(r"(\d{1,2})[:：](\d\d)\s*[-—－~～]\s*(\d{1,2})[:：](\d\d)", text.strip())
    if not found:
        raise ValueError(f"时段应写作 8:30-12:00，这里是“{text}”")
    a, b, c, d = (int(part) for part in found.groups())
    if max(a, c) > 23 or max(b, d) > 59:
        raise ValueError(f"时段“{text}”不是一天中的时间")
    return time(a, b), time(c, d)


def _spans(value: Any) -> Spans:
    parts = _split(value)
    if not isinstance(parts, list | tuple):
        raise ValueError("办公时间应是列表，如 [8:30-12:00, 14:30-17:30]")
    spans = tuple(_span(part) if isinstance(part, str) else part for part in parts)
    return OfficeHours(spans).spans


def _reference(text: str) -> str:
    """A reference to an address. The address is a password, so it may not stand in the file, and the error does not repeat it."""
    if text and not re.fullmatch(r"(env|file)\s*[:：].+", text):
        raise ValueError("心跳地址应写成 env:变量名 或 file:文件路径")
    return text


def _switch(value: Any) -> Any:
    """是 and 否 as every rule file writes them."""
    return SWITCHES.get(value, value) if isinstance(value, str) else value


SwitchField = Annotated[bool, BeforeValidator(_switch)]
SpansField = Annotated[Any, NoDecode, BeforeValidator(_spans)]
ListField = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
ReferenceField = Annotated[str, AfterValidator(_reference)]


class SeasonForm(Form):
    """Office hours of a part of the year, such as 夏季."""

    starts: str = Field(alias="起", pattern=r"^\d\d-\d\d$", description="月-日，如 05-01")
    ends: str = Field(alias="止", pattern=r"^\d\d-\d\d$")
    spans: SpansField = Field(alias="时段")

    @model_validator(mode="after")
    def _possible(self) -> Self:
        self.season()
        return self

    def season(self) -> SeasonalHours:
        """As a value of the core. Raises ValueError for impossible dates."""
        (m1, d1), (m2, d2) = ((int(x) for x in text.split("-")) for text in (self.starts, self.ends))
        return SeasonalHours((m1, d1), (m2, d2), self.spans)


SeasonsField = Annotated[tuple[SeasonForm, ...], NoDecode, BeforeValidator(_unpacked)]
Colour = Literal["none", "blue", "green", "yellow", "red"]
PaintField = Annotated[dict[str, Colour], NoDecode, BeforeValidator(_unpacked)]


def _named(chinese: str, name: str, **more: Any) -> Any:
    return Field(alias=chinese, validation_alias=AliasChoices(chinese, f"{PREFIX}{name}"), **more)


class BotForm(Form):
    """What config/bot.yaml may say. The defaults suit a county office."""

    office: str = _named("落款", "OFFICE", default="督办办公室", description="消息里的联系单位")
    phone: str = _named("联系电话", "PHONE", default="")
    hours: SpansField = _named(
        "办公时间", "HOURS", default=OfficeHours().spans, description="如 [8:30-12:00, 14:30-17:30]"
    )
    seasons: SeasonsField = _named("季节办公时间", "SEASONS", default=())
    entry_pause: int = _named(
        "录入静候",
        "ENTRY_PAUSE",
        default=30,
        ge=0,
        le=240,
        description="数值录入后静候几分钟再告知，免得只录了一半就发",
    )
    chat_grace: int = _named(
        "群聊宽限",
        "CHAT_GRACE",
        default=10,
        ge=0,
        le=240,
        description="群聊从 chats.yaml 里没有了，消息先留几分钟再请管理员转告，免得只存了一半就改道",
    )
    paint: PaintField = _named("灯号颜色", "PAINT", default_factory=dict, description="状态 → 颜色，如 {临期: blue}")
    host: str = _named("监听地址", "HOST", default="127.0.0.1")
    port: int = _named("端口", "PORT", default=8866, ge=0, le=65535)
    allowed_hosts: ListField = _named("允许主机", "ALLOWED_HOSTS", default=PLATFORM_HOSTS)
    heartbeat: int = _named("心跳秒数", "HEARTBEAT", default=30, ge=5, le=60)
    heartbeat_url: ReferenceField = _named("心跳地址", "HEARTBEAT_URL", default="", repr=False)
    backup: SwitchField = _named("每夜备份", "BACKUP", default=True)
    backup_folder: str = _named("备份文件夹", "BACKUP_FOLDER", default="state/backup")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = _named("日志级别", "LOG_LEVEL", default="INFO")


class Settings(BotForm, BaseSettings):
    """The settings in force: the environment over the file, the file over the defaults."""

    # Variables are not read by field name: HOST and PORT often mean something else.
    model_config = SettingsConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, populate_by_name=False)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment comes before the file."""
        del settings_cls, dotenv_settings, file_secret_settings
        return env_settings, init_settings

    @property
    def office_hours(self) -> OfficeHours:
        """As a value of the core. Raises ValueError when spans contradict each other."""
        seasons = tuple(season.season() for season in self.seasons)
        return OfficeHours(self.hours, seasons, timedelta(minutes=self.entry_pause))

    def letterhead(self, mark: str = "") -> Letterhead:
        """What every message carries: 落款, phone, colours, and the mark of a drill."""
        return Letterhead(self.office, self.phone, self.paint, mark)


def load_settings(home: Path) -> tuple[Settings | None, tuple[Problem, ...]]:
    """The settings of a home folder, or every problem with its place; a missing or empty file means defaults."""
    problems: list[Problem] = []
    path = home / "config" / "bot.yaml"
    data = _file(path.read_bytes(), problems) if path.exists() else {}
    try:
        settings = Settings(**data)
    except ValidationError as error:  # the file was checked before; this is the environment
        problems += [_of_environment(one) for one in error.errors(include_url=False)]
        return None, tuple(problems)
    return (None if any(problem.is_error for problem in problems) else settings), tuple(problems)


def _file(raw: bytes, problems: list[Problem]) -> dict[str, Any]:
    """The values of the file; none of them if any is wrong."""
    tree, found = read(raw, NAME)
    if [problem.code for problem in found] == ["empty-file"]:
        return {}
    problems += found
    if tree is None or Sheet(NAME, tree, problems).form(BotForm) is None or not isinstance(tree.data, dict):
        return {}
    return {key: value for key, value in tree.data.items() if value is not None}


def _of_environment(error: ErrorDetails) -> Problem:
    chinese = error["loc"][0]
    choices = (info.validation_alias for info in BotForm.model_fields.values() if info.alias == chinese)
    names = [str(name) for choice in choices if isinstance(choice, AliasChoices) for name in choice.choices]
    variable = names[-1] if names else str(chinese)
    code, message, hint = explain(error, BotForm)
    return Problem.at("环境变量", START, code, f"{variable}：{message}", hint)
