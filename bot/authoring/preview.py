"""Previews of a home folder: what will be told, and what an edit of the rule files would change in it.

A preview reads the folder and a copy of its state, so it never disturbs the service and may run in a thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from bot.core.deciding.findings import Finding, asked_anew, moved_by_calendar, redated
from bot.core.deciding.hearing import AskedAnew
from bot.core.deciding.look import Scene
from bot.core.deciding.memory import moved_again
from bot.core.preview.difference import Difference, PreviewTelling, difference
from bot.core.preview.preview import preview_of
from bot.core.rules.rulebook import Rulebook
from bot.core.telling.digest import Draft
from bot.core.time.zone import ZONE, day_of, midnight
from bot.rulefiles.loader import assemble, read_files
from bot.rulefiles.run_tests import proven
from bot.rulefiles.text.problems import Problem
from bot.service.app import App
from bot.service.home import Home, everybody, own_chats, peek_store
from bot.service.wiring import scene_of
from bot.sources.rule_files import digest
from bot.state.store import Store

Found = TypeVar("Found")
DAYS_AHEAD = 90  # days
KEPT = 16  # the latest pages

DraftOfDay = tuple[Draft, Mapping[str, Finding]]
Watch = Callable[[Iterable[DraftOfDay], datetime, datetime], Iterable[DraftOfDay]]


#: What lies further away than this is not shown.
YEARS_AHEAD = 12


@dataclass(frozen=True)
class Preview:
    """The tellings from `since` to `until`; `today` is the business day on which the preview was made."""

    today: date
    since: date
    until: date
    tellings: Sequence[PreviewTelling]


@dataclass(frozen=True)
class EditPreview:
    """What an edit that is not in force would change.

    Without an edit `waits` is false; an edit that is refused has `problems`, any other has `changes`.
    """

    since: date
    until: date
    waits: bool = False
    problems: tuple[str, ...] = ()
    changes: Sequence[Difference] = ()


@dataclass(frozen=True)
class PreviewSpan:
    """The time that a preview shows: from `since` to `until`. `now` is the instant at which it is asked for."""

    now: datetime
    since: datetime
    until: datetime

    def start(self, rulebook: Rulebook, store: Store) -> datetime:
        """The instant from which it is played, whatever is shown: now, or where the state stands if that is later."""
        return max(self.now, begun(rulebook, store))


def begun(rulebook: Rulebook, store: Store) -> datetime:
    """The instant of the last decision; for a service that has never run, the plan's first day (起算日)."""
    return evaluated(store) or midnight(rulebook.plan.starts_on)


def evaluated(store: Store) -> datetime | None:
    """The instant of the last decision; nothing for a state that has never run."""
    text = store.meta("evaluated")
    return datetime.fromisoformat(text) if text else None


def scene(home: Home, rulebook: Rulebook, store: Store) -> Scene:
    """The scene under any rulebook, not only the folder's own. While no chat is configured, every addressee has one."""
    return replace(scene_of(home, rulebook, store), directory=own_chats(home.chats, rulebook).directory)


def drafts(scene: Scene, start: datetime, span: PreviewSpan, watch: Watch | None = None) -> Iterable[DraftOfDay]:
    """The messages of the span. `watch` sees every message from `start` on, for a progress bar."""
    coming: Iterable[DraftOfDay] = preview_of(scene, start, span.until)
    return (one for one in (watch(coming, start, span.until) if watch else coming) if one[0].at >= span.since)


def tellings(scene: Scene, store: Store, span: PreviewSpan, watch: Watch | None = None) -> list[PreviewTelling]:
    """Every telling of the span, in time order."""
    found = drafts(scene, span.start(scene.rulebook, store), span, watch)
    return [
        PreviewTelling(draft.at.astimezone(ZONE), draft.chat, telling)
        for draft, _ in found
        for telling in draft.tellings
    ]


def changes(
    home: Home, before: Rulebook, after: Rulebook, store: Store, span: PreviewSpan, watch: Watch | None = None
) -> list[Difference]:
    """What is told differently if `after` replaces `before`. Both start from the same memory of what was told."""
    old = tellings(scene(home, before, store), store, span, watch)
    new = tellings(_moved(scene(home, after, store), before, span), store, span, watch)
    return difference([one.under(after.succession) for one in old], new)


def in_force(store: Store) -> Rulebook | None:
    """The last good rulebook the service ran on; none if it never ran."""
    kept: Mapping[str, str] | None = store.meta("rules")
    return assemble({name: text.encode() for name, text in kept.items()}).rulebook if kept else None


def other_rules(folder: Path) -> tuple[Rulebook | None, tuple[Problem, ...]]:
    """The rulebook of another folder (a rules folder, or one that has a rules folder), or its errors."""
    rules = folder / "rules" if (folder / "rules").is_dir() else folder
    loaded = assemble(read_files(rules))
    return loaded.rulebook, tuple(problem for problem in loaded.problems if problem.is_error)


class Previews:
    """Previews for the pages, made in a thread and kept while rules, state, chats and day stay the same.

    `app` returns None until the service has started; `state` is the folder of its state.
    """

    def __init__(self, rules: Path, state: Path, app: Callable[[], App | None]) -> None:
        self._rules, self._state, self._app = rules, state, app
        self._known: dict[Hashable, Any] = {}
        self._busy = asyncio.Lock()

    async def ahead(self, month: date | None) -> Preview | None:
        """What will be told in a month, or in the coming 90 days. None while the service is starting."""
        app = self._app()
        if app is None:
            return None
        span = _span(app.clock.now(), month)
        return await self._once(app, ("ahead", span.since.date(), span.until), lambda scene: self._ahead(scene, span))

    async def edit(self) -> EditPreview | None:
        """What the rule files would change in the rules in force. None while the service is starting."""
        app = self._app()
        if app is None:
            return None
        files = await asyncio.to_thread(read_files, self._rules)
        span = _span(app.clock.now(), None)
        return await self._once(app, ("edit", digest(files), span.until), lambda scene: self._edit(scene, files, span))

    async def _once(self, app: App, what: tuple[Hashable, ...], work: Callable[[Scene], Found]) -> Found:
        """Makes one preview at a time; the same one is not made twice."""
        key = (*what, app.clock.now().astimezone(ZONE).date(), app.rulebook.digest, app.store.revision, id(app.chats))
        async with self._busy:
            if key not in self._known:
                latest = list(self._known.items())[1 - KEPT :]
                self._known = {**dict(latest), key: await asyncio.to_thread(work, app.scene())}
            found: Found = self._known[key]
            return found

    def _ahead(self, scene: Scene, span: PreviewSpan) -> Preview:
        store, rulebook, _ = self._in_force(scene)
        found = tellings(_beside(scene, rulebook, store), store, span)
        return Preview(span.now.date(), span.since.date(), span.until.date(), found)

    def _edit(self, scene: Scene, files: Mapping[str, bytes], span: PreviewSpan) -> EditPreview:
        store, before, kept = self._in_force(scene)
        since, until = span.since.date(), span.until.date()
        if files == kept:
            return EditPreview(since, until)
        loaded = proven(assemble(files))
        errors = tuple(str(problem) for problem in loaded.problems if problem.is_error)
        if loaded.rulebook is None:
            return EditPreview(since, until, True, errors)
        old = tellings(_beside(scene, before, store), store, span)
        new = tellings(_moved(_beside(scene, loaded.rulebook, store), before, span), store, span)
        renamed = [one.under(loaded.rulebook.succession) for one in old]
        return EditPreview(since, until, True, (), difference(renamed, new))

    def _in_force(self, scene: Scene) -> tuple[Store, Rulebook, Mapping[str, bytes]]:
        """A copy of the state and a rulebook for this thread; the service's own are not touched."""
        store = peek_store(self._state, as_confirmed=scene.facts.all_confirmed)
        files = {name: text.encode() for name, text in (store.meta("rules") or {}).items()}
        rulebook = assemble(files).rulebook
        assert rulebook is not None  # a running service has stored the rules it runs on
        return store, rulebook, files


def _moved(scene: Scene, before: Rulebook, span: PreviewSpan) -> Scene:
    """The scene with past tellings under the dates that its calendar moves and what is asked anew, as the service will have them."""
    anew = asked_anew(before, scene.rulebook, scene.facts, day_of(span.now))
    scene.memory.hearings.ask_anew({item: AskedAnew(span.now, new) for item, new in anew.items()})
    scene.memory.hearings.redate(dict.fromkeys(redated(before, scene.rulebook, day_of(span.now)), span.now))
    moved = moved_by_calendar(before, scene.rulebook, scene.facts, day_of(span.now))
    return replace(scene, memory=scene.memory.redated(moved_again({}, moved))) if moved else scene


def _beside(scene: Scene, rulebook: Rulebook, store: Store) -> Scene:
    """The service's scene with another rulebook and store."""
    store.follow(rulebook.succession)
    unaddressed = scene.directory == everybody(scene.rulebook)
    return replace(
        scene, rulebook=rulebook, facts=store.facts, memory=store.tellings, used=store.used,
        directory=everybody(rulebook) if unaddressed else scene.directory,
    )  # fmt: skip


def _span(now: datetime, month: date | None) -> PreviewSpan:
    """The part of a month that lies ahead, within the years that are shown; without a month the coming 90 days."""
    now = now.astimezone(ZONE)
    if month is None:
        return PreviewSpan(now, now, midnight(now.date() + timedelta(days=DAYS_AHEAD + 1)) - timedelta(minutes=1))
    first = min(max(month, now.date().replace(day=1)), date(now.year + YEARS_AHEAD, 12, 1))
    following = (first + timedelta(days=32)).replace(day=1)
    return PreviewSpan(now, max(now, midnight(first)), midnight(following) - timedelta(minutes=1))
