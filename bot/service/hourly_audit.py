"""The hourly self-audit of a running service: runs `bot/core/audit/self_audit.py` and reports to log, admin, page and heartbeat."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from loguru import logger

from bot.core.audit.owed import Books
from bot.core.audit.self_audit import Gap, Report, SelfAudit
from bot.core.deciding.office import Trouble
from bot.core.time.zone import day_of
from bot.service.app import App
from bot.service.maintenance import REST
from bot.state.store import Store

HOUR = timedelta(hours=1)
FIRST_LINES = 10


class HourlyAudit:
    """The audits of one service. While anything is missing the heartbeat stops; reminders go on."""

    def __init__(self, app: App) -> None:
        self._app, self._audit = app, SelfAudit()
        self._last: datetime | None = None
        self._since: datetime | None = None  # since when something is missing
        self._said: frozenset[str] = frozenset()
        self._failure = ""

    def before(self, now: datetime) -> None:
        """Audits before the first pass, so that what is owed at a restart is known to the audit after that pass."""
        if self._last is None:
            self.look(now)

    def after(self, now: datetime) -> None:
        """Called after each pass; audits once an hour, and at once after the clock was set back."""
        if self._last is None or not timedelta() <= now - self._last < HOUR:
            self.look(now)

    def look(self, now: datetime) -> None:
        """One audit. An audit that fails counts as a doubt: it stops the heartbeat and nothing else."""
        self._last = now
        try:
            report = self._audit.audit(books(self._app, now), now)
        except Exception as error:
            logger.opt(exception=error).error("自查没有做成")
            self._failure = f"自查没有做成（{type(error).__name__}）"
            return
        self._failure, self._app.audit = "", report
        self._since = None if report.agrees else self._since or now
        self._log(report)

    def gaps(self) -> Sequence[str]:
        """What is missing, in Chinese: numbers, units and dates only. While there is any, the heartbeat stops."""
        report = self._app.audit
        found = tuple(map(str, report.gaps)) if report else ()
        return (self._failure, *found) if self._failure else found

    def troubles(self) -> list[Trouble]:
        """What the admin hears daily while anything is missing."""
        report = self._app.audit
        if report is None or self._since is None:
            return []
        lines = "按规则应当告知而没有记录，心跳已停：", *shortened(report.gaps)
        return [Trouble("自查", "自查有出入", self._since, lines)]

    def _log(self, report: Report) -> None:
        """Logs what is newly missing, and once when nothing is missing any more."""
        said = frozenset(map(str, report.gaps))
        for line in sorted(said - self._said)[:FIRST_LINES]:
            logger.error("自查有出入：{}", line)
        if self._said and not said:
            logger.info("自查又一致了")
        for gap in report.unasked[:FIRST_LINES]:
            logger.warning("自查提示：{}", gap)
        self._said = said


def shortened(gaps: Sequence[Gap]) -> list[str]:
    """The first lines, and how many there are in all."""
    lines = [str(gap) for gap in gaps[:FIRST_LINES]]
    return lines + ([f"……共{len(gaps)}处"] if len(gaps) > FIRST_LINES else [])


def books(app: App, now: datetime) -> Books:
    """What an audit of this service reads."""
    return Books(
        rulebook=app.rulebook,
        facts=app.store.facts,
        memory=app.store.tellings,
        directory=app.chats.directory,
        hours=app.hours,
        entries=app.store.entries.values(),
        findings=app.findings,
        spoken=frozenset(app.chats.robots),
        unarchived=_unarchived(app.store, now),
        numbers=app.store.numbers(),
    )


def _unarchived(store: Store, now: datetime) -> date:
    """The first day whose entries are all still live: the first of the month not yet archived."""
    first = day_of(now - REST).replace(day=1)
    month = store.seal.month
    return max(first, (date.fromisoformat(f"{month}-28") + timedelta(days=4)).replace(day=1)) if month else first
