"""`duban doctor`: whether anything on this machine keeps the service from running."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path

import click

from bot.cli.common import OK, PROBLEMS, in_home, opened, say_json
from bot.service.checkup import Grade, Sign, connections, examine
from bot.service.home import Home
from bot.sources.clock import wall


@click.command("doctor")
@click.option("--offline", is_flag=True, help="不试连各平台")
@click.option("--json", "json_", is_flag=True, help="输出 JSON")
@in_home
def doctor(folder: Path, offline: bool, json_: bool) -> int:
    """体检：磁盘、配置、规则、状态、时钟、备份、到各平台的连接；不发消息，不改任何东西。"""
    home = opened(folder)
    signs = list(examine(home, wall()))
    if not json_:
        for sign in signs:
            click.echo(str(sign))
    if not offline:
        signs += asyncio.run(_connections(home, aloud=not json_))
    if json_:
        say_json([asdict(sign) for sign in signs])
    else:
        click.echo(_summary(signs))
    return PROBLEMS if any(sign.grade is Grade.BAD for sign in signs) else OK


async def _connections(home: Home, *, aloud: bool) -> list[Sign]:
    """Prints each as soon as it is known: a platform that does not answer is waited for."""
    found = []
    async for sign in connections(home):
        found.append(sign)
        if aloud:
            click.echo(str(sign))
    return found


def _summary(signs: list[Sign]) -> str:
    counts = {grade: sum(sign.grade is grade for sign in signs) for grade in (Grade.BAD, Grade.HEED)}
    said = "，".join(f"{count}处{grade}" for grade, count in counts.items() if count)
    return f"查了{len(signs)}项：{said}。" if said else f"查了{len(signs)}项，都正常。"


COMMANDS = (doctor,)
