"""Who lost their chat keeps it for a grace (群聊宽限), so that a chats.yaml that is half saved decides nothing.

Meanwhile their messages wait, and new ones are made for the same chat. The state keeps where each addressee is told
(`places`: 县教育局 → 县教育局, 县教育局→基础教育股 → 基础教育股) and since when a place has been missing (`lost_chats`), so
that a restart neither begins the grace anew nor forgets who had a chat.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from loguru import logger

from bot.core.deciding.addressees import ADMIN, ALSO, LEADING_GROUP, SUPERVISOR, Directory, name_of
from bot.core.rules.rulebook import Rulebook
from bot.core.rules.succession import Succession
from bot.sending.chats import Chats
from bot.state.store import Store

#: Addressee → chat.
Places = Mapping[str, str]


class LostChats:
    """Compares the chats of the configuration with those that were in force."""

    def __init__(self, store: Store, grace: timedelta) -> None:
        self._store, self._grace = store, grace

    def in_force(self, configured: Chats, rulebook: Rulebook, now: datetime) -> Chats:
        """The configured chats, and the places that have been missing there for less than the grace. Inside a unit of work."""
        known = _of_today(self._store.meta("places", {}), rulebook)
        if not configured.robots:  # nobody can be told anything, so nothing is decided
            return replace(configured, directory=_with(configured.directory, known))
        fresh = _places(configured.directory)
        lost = {key: chat for key, chat in known.items() if key not in fresh}
        since = self._noted(lost, rulebook.succession, now)
        within = {key: chat for key, chat in lost.items() if now - since[key] < self._grace}
        self._note(fresh | within, {key: since[key] for key in within}, set(lost) - set(within))
        directory = replace(_with(configured.directory, within), lost=frozenset(within))
        return replace(configured, directory=directory)

    def next_instant(self, now: datetime) -> datetime | None:
        """When the first grace that is running is over."""
        return min((end for end in self._ends() if end > now), default=None)

    def over(self, now: datetime) -> bool:
        """Whether a grace has come to its end."""
        return any(end <= now for end in self._ends())

    def _ends(self) -> list[datetime]:
        return [at + self._grace for at in self._since().values()]

    def clock_was_set(self, step: timedelta) -> None:
        """A grace goes on by elapsed time although the wall clock was set by `step`."""
        with self._store.work():
            self._keep({key: at + step for key, at in self._since().items()})

    def _noted(self, lost: Places, names: Succession, now: datetime) -> dict[str, datetime]:
        """Since when each place has been missing: what lies ahead, after the clock was set back, since now."""
        before = {names.chat(key): at for key, at in self._since().items()}
        return {key: min(before.get(key, now), now) for key in lost}

    def _note(self, places: Places, since: Mapping[str, datetime], over: set[str]) -> None:
        before = self._since()
        self._store.set_meta("places", dict(places))
        self._keep(since)
        if fresh := since.keys() - before.keys():
            logger.warning("群聊配置里没有了{}，消息先留着，等{}", "、".join(sorted(fresh)), _words(self._grace))
        if back := before.keys() - since.keys() - over:
            logger.info("群聊配置里又有了{}", "、".join(sorted(back)))
        if over:
            logger.warning("{}没有群聊已满{}，不再等待", "、".join(sorted(over)), _words(self._grace))

    def _since(self) -> dict[str, datetime]:
        kept: dict[str, str] = self._store.meta("lost_chats", {})
        return {key: datetime.fromisoformat(at) for key, at in kept.items()}

    def _keep(self, since: Mapping[str, datetime]) -> None:
        if since or self._store.meta("lost_chats"):
            self._store.set_meta("lost_chats", {key: at.isoformat() for key, at in since.items()})


def _words(grace: timedelta) -> str:
    return f"{grace // timedelta(minutes=1)}分钟"


def _places(directory: Directory) -> dict[str, str]:
    """Where each addressee is told; each further chat is an addressee of its own."""
    further = {f"{name}{ALSO}{chat}": chat for name, chats in directory.also.items() for chat in chats}
    return {**directory.chats, **further}


def _of_today(places: Places, rulebook: Rulebook) -> dict[str, str]:
    """Under today's names; without the chats of who is in the rules no more, or was merged."""
    names, known = rulebook.succession, {ADMIN, LEADING_GROUP, *rulebook.addressable}
    today = {names.chat(key): names.chat(chat) for key, chat in places.items() if not names.gone(key)}
    return {key: chat for key, chat in today.items() if name_of(key).removesuffix(f"·{SUPERVISOR}") in known}


def _with(directory: Directory, places: Places) -> Directory:
    """The directory with these places in addition to its own; one of them takes the place of another chat."""
    chats, also = dict(directory.chats), dict(directory.also)
    for key, chat in places.items():
        name, further, _ = key.partition(ALSO)
        if not further:
            chats[key] = chat
        elif chat not in also.get(name, ()):
            also[name] = (*also.get(name, ()), chat)
    return replace(directory, chats=chats, also=also)
