"""Wiring: makes an App of a home folder, a store and a clock, and ties to it what it looks at."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta

from pydantic import SecretStr

from bot.core.deciding.addressees import ADMIN, LEADING_GROUP, Directory
from bot.core.deciding.look import Scene
from bot.core.facts.facts import Facts
from bot.core.rules.rulebook import Rulebook
from bot.core.telling.entry import Entry
from bot.core.telling.outcome import Outcome
from bot.platforms import Robot
from bot.sending.chats import Chats
from bot.sending.courier import Courier
from bot.sending.delivery import Deliveries
from bot.sending.robots import Robots
from bot.service.app import App
from bot.service.clock_steps import ClockSteps
from bot.service.edits import Edits, mended, rejected
from bot.service.heartbeat import heartbeat
from bot.service.home import Home, everybody, rules_of_before, usable_rulebook
from bot.service.hourly_audit import HourlyAudit
from bot.service.lost_chats import LostChats
from bot.service.mail import Mail
from bot.service.maintenance import Maintenance
from bot.sources.clock import Clock, wall
from bot.state.disk.database import Database
from bot.state.sent import Sent
from bot.state.store import Store


def make_app(
    home: Home,
    store: Store,
    clock: Clock,
    chats: Chats,
    *,
    mark: str = "",
    on_outcome: Callable[[Entry, Outcome], None] | None = None,
    courier: Courier | None = None,
) -> App:
    """One App with everything in it; `courier` in place of the one that goes over the network."""
    before = rules_of_before(home, store)
    rulebook = usable_rulebook(home, store)
    robots = Robots(chats.robots, store, clock.elapsed, clock.now())
    courier = courier or Courier(home.settings.allowed_hosts, loopback_only=clock.kind != "real")
    hours = home.settings.office_hours
    sent = Sent(home.state(clock.kind) / "archive")
    deliveries = Deliveries(store, robots, courier, hours, clock.now, wall, on_outcome, sent)
    lost = LostChats(store, timedelta(minutes=home.settings.chat_grace))
    with store.work():
        in_force = lost.in_force(chats, rulebook, clock.now())
    app = App(
        rulebook=rulebook, store=store, configured=chats, lost=lost, chats=in_force, robots=robots,
        deliveries=deliveries, clock=clock, hours=hours, letterhead=home.settings.letterhead(mark),
    )  # fmt: skip
    app.before_pass.append(app.end_graces)
    app.adopt(rulebook, before)
    app.note_recovery()
    _note_soundness(home, store, clock)
    return app


def _note_soundness(home: Home, store: Store, clock: Clock) -> None:
    """Keeps that the rule files cannot be used; or that they can again, of which nobody is told: who starts the service knows."""
    now = clock.now()
    unusable = home.rulebook is None
    event = rejected(store, home.files, home.loaded_problems, now) if unusable else mended(store, now, quietly=True)
    if event is not None:
        with store.work():
            store.keep(event)


def listen(app: App, home: Home, *, config: bool = True) -> None:
    """Gives the app its sources, in the order in which they are looked at, and what the real service does beside passes.

    `config` says whether edits of the chats count; a drill's chats are its own.
    """
    home.inbox.mkdir(parents=True, exist_ok=True)
    mail = Mail(app, home.inbox)
    app.sources += [*Edits(app, home).sources(config), mail.inbox]
    app.after_pass.append(mail.clear)
    if app.clock.kind == "real":
        maintenance = Maintenance(app.store, home.state("real"), home.backups if home.settings.backup else None)
        audit = HourlyAudit(app)
        app.before_pass += [ClockSteps(app).look, maintenance.look, audit.before]
        beating = heartbeat(home.state("real"), home.folder, home.settings.heartbeat_url, audit.gaps)
        app.after_pass += [audit.after, beating.beat]
        app.more_troubles += [maintenance.troubles, beating.troubles, audit.troubles]


def scene_of(home: Home, rulebook: Rulebook, store: Store) -> Scene:
    """What a look into the future starts from: the state as it is, under today's names, and the chats as configured."""
    store.follow(rulebook.succession)
    return Scene(
        rulebook=rulebook,
        facts=store.facts,
        memory=store.tellings,
        directory=home.chats.directory,
        hours=home.settings.office_hours,
        used=store.used,
        troubles=tuple(store.troubles()),
    )


def scene_for_drill(home: Home) -> tuple[Scene, Rulebook]:
    """A state not begun, everything confirmed, everybody with a chat."""
    store = Store(Database.in_memory(), Facts(all_confirmed=True))
    rulebook = usable_rulebook(home, store)
    return replace(scene_of(home, rulebook, store), directory=everybody(rulebook)), rulebook


def drill_chats(units: Iterable[str], address: Callable[[str, str], str]) -> Chats:
    """A twin for everybody; the three dialects that counties use most take turns."""
    names = [*units, ADMIN, LEADING_GROUP]
    dialects = ("wecom", "dingtalk", "feishu")
    robots = {name: (_twin_robot(name, dialects[index % len(dialects)], address),) for index, name in enumerate(names)}
    return Chats(robots, Directory({name: name for name in names}))


def _twin_robot(name: str, dialect: str, address: Callable[[str, str], str]) -> Robot:
    return Robot(f"{name}#1", dialect, SecretStr(address(name, dialect)))
