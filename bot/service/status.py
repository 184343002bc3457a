"""How the service stands, as the probes, the status page and /metrics show it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bot import __version__
from bot.service.app import App
from bot.sources.clock import wall


@dataclass(frozen=True)
class Status:
    """How the service stands. `reasons` say in Chinese why it is not ready; `counts` are entries by state.

    `gaps` are what the self-audit at `audited` found missing; `broken` counts robots that a person must mend.
    """

    alive: bool
    ready: bool
    reasons: tuple[str, ...]
    now: datetime  # business time
    clock: str  # real, drill
    plan: str
    version: str
    counts: Mapping[str, int]
    audited: datetime | None = None
    gaps: tuple[str, ...] = ()
    evaluated: datetime | None = None
    broken: int = 0


def status_of(app: App | None) -> Status:
    """The status of a service; None stands for one that is still starting."""
    if app is None:
        return Status(True, False, ("正在启动",), wall(), "", "", __version__, {})
    reasons = () if app.chats.has_admin else ("没有配置管理员群聊",)
    evaluated = app.store.meta("evaluated")
    return Status(
        alive=app.alive,
        ready=not reasons,
        reasons=reasons,
        now=app.clock.now(),
        clock=app.clock.kind,
        plan=app.rulebook.plan.title,
        version=__version__,
        counts=Counter(entry.state.value for entry in app.store.entries.values()),
        audited=app.audit.at if app.audit else None,
        gaps=tuple(map(str, app.audit.gaps)) if app.audit else (),
        evaluated=datetime.fromisoformat(evaluated) if evaluated else None,
        broken=sum(bool(robot.broken) for robot in app.store.robots.values()),
    )
