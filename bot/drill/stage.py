"""The stage of a drill: the twin of the platforms and the wall that shows it, as routes of one server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from starlette.routing import BaseRoute, Mount

from bot.drill.twin import Bubble, Twin
from bot.drill.wall import StoryTime, Wall

PREFIX = "/twin"


class Stage:
    """The twin and the wall of one drill. `now` is the business time, `wall_time` the real one."""

    def __init__(
        self,
        clock: StoryTime,
        now: Callable[[], datetime],
        wall_time: Callable[[], datetime],
        chats: Sequence[str],
        plan: str,
    ) -> None:
        self.twin = Twin(now, wall_time)
        self.wall = Wall(clock, chats, plan)
        self.twin.on_bubble(self.wall.show)

    def watch(self, callback: Callable[[Bubble], object]) -> None:
        """Calls `callback` with every message as it is shown."""
        self.twin.on_bubble(callback)

    def routes(self) -> list[BaseRoute]:
        """The wall's pages and the platforms' paths."""
        return [*self.wall.routes(), Mount(PREFIX, self.twin.asgi)]

    def address(self, port: int) -> Callable[[str, str], str]:
        """A function that makes an address on this server from a chat and a dialect."""
        return lambda chat, dialect: f"http://127.0.0.1:{port}{PREFIX}{self.twin.add_chat(chat, dialect)}"
