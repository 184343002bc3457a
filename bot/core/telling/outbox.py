"""待发箱: what has been promised to a chat and is not settled yet; retry arithmetic; nothing here sends.

An entry is made in the same durable write as the decision behind it and ends as delivered, undeliverable or cancelled.
Waiting is a state (`next_attempt_at`), never a sleeping task.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from bot.core.deciding.addressees import ALSO, name_of
from bot.core.deciding.decisions import Addressee, Directory, Reason
from bot.core.deciding.findings import Finding
from bot.core.facts.facts import Facts
from bot.core.rules.item import State, long_date
from bot.core.rules.rulebook import Delivery, Role
from bot.core.rules.succession import ASSIGNED, Succession
from bot.core.telling.entry import Entry, EntryState, Telling
from bot.core.telling.outcome import Outcome, Verdict
from bot.core.time.zone import ZONE

#: Seconds before attempt n+1 when the platform named no wait of its own.
BACKOFF = (20, 60, 300, 900, 1800, 3600)
#: Seconds before each 补发 of a message whose platform gave no clear answer; after the last a person must look.
RESENDS = (300, 3600, 4 * 3600)
#: What a person hears then.
UNCLEAR = "多次发送都没有收到明确答复，结果不明：请到群里核对，没有收到的用 duban outbox resend 补发"
#: Seconds up to which a short wait grows when a platform asks for it again and again.
LONGEST_SHORT_WAIT = 60.0
#: Attempts after which any wait a platform asks for grows further, and seconds up to which: a limit that stays is not asked every minute.
PATIENCE, LONGEST_GROWN_WAIT = 10, 1800.0
#: Attempts the platform may answer with a code nobody knows before a person must look.
UNKNOWN_CAP = 5


def obsolete(telling: Telling, finding: Finding | None, facts: Facts, now: datetime, chat: str = "") -> str:
    """Why a telling need not be said any more, or nothing: checked right before sending to `chat`, on today's findings."""
    if finding is None:
        return "事项已不在规则中"
    if finding.state is State.CLOSED and telling.reason != Reason.RECOVERED.name:
        return finding.detail or "已销号"
    if finding.state is not State.CLOSED and telling.reason == Reason.RECOVERED.name:
        return "事项已重新打开"
    if finding.state is State.AWAITING_CHECK:
        return "已报办结，待核"
    if finding.due_on != telling.due_on:
        return f"时限已改为{long_date(finding.due_on)}"
    if not finding.confirmed:
        return "已不再确认"
    if finding.suppressed_by:
        return "由上级事项统一提醒"
    asked = (
        facts.item_silences.get(telling.item),
        facts.item_silences.get(telling.rule),
        facts.chat_silences.get(chat),
    )
    until = max((silence.until for silence in asked if silence and now < silence.until), default=None)
    return f"静默至{until.astimezone(ZONE):%Y-%m-%d %H:%M}" if until else ""


def sending(entry: Entry, robot: str) -> Entry:
    """The entry as written down right before the network is touched; a further part of one attempt is no new attempt."""
    attempts = entry.attempts + (entry.state is not EntryState.SENDING)
    return entry.model_copy(update={"state": EntryState.SENDING, "robot": robot, "attempts": attempts})


def recovered(entry: Entry, now: datetime) -> Entry:
    """An entry found in 发送中 at start: nobody knows whether it arrived, so it goes again at once, marked 补发.

    It counts as unclear like an answer nobody understands: one that brings the process down every time ends with a person.
    """
    found: dict[str, object] = {"resent": True, "unclear": entry.unclear + 1}
    if entry.unclear >= len(RESENDS):
        return entry.model_copy(update=found | {"state": EntryState.UNDELIVERABLE, "why": UNCLEAR})
    found |= {"state": EntryState.PENDING, "next_attempt_at": now, "why": "重启前正在发送，结果不明"}
    return entry.model_copy(update=found)


def readdressed(
    entry: Entry, directory: Directory, sound: Container[str], mended: Container[str], now: datetime
) -> Entry:
    """An open entry after chats changed: one whose chat is gone follows its addressee, a refused one tries again."""
    if entry.state is EntryState.SENDING:
        return entry
    if entry.chat not in sound:
        own = tuple(telling for telling in entry.tellings if ALSO not in telling.addressee)
        if not own:
            gone = cancelled(entry, "不再也发到这个群，本单位自己的群另有一份")
            return entry if _still_also(entry, directory) else gone
        chat, tellings = _rerouted(own, directory)
        if chat in sound:
            moved = {"chat": chat, "tellings": tellings, "state": EntryState.LATER, "next_attempt_at": now}
            return entry.model_copy(update=moved)
    if entry.state is EntryState.REFUSED and entry.chat in mended:
        return entry.model_copy(update={"state": EntryState.LATER, "next_attempt_at": now})
    return entry


def of_today(entry: Entry, names: Succession) -> Entry:
    """The entry with today's names, every telling once.

    What a merged unit was about to be assigned (交办) it hears no more: the unit it went to hears its own.
    """
    if not names or entry.parts_done:
        return entry
    tellings = {
        _telling(telling): telling
        for telling in (_row_of_today(telling, names) for telling in entry.tellings)
        if not (telling.item.startswith(ASSIGNED) and names.gone(telling.addressee))
    }
    found = tuple(tellings.values())
    if found == entry.tellings:
        return entry
    return (
        entry.model_copy(update={"tellings": found})
        if found
        else cancelled(entry, "单位已并入，由并入后的单位接收交办")
    )


def _row_of_today(telling: Telling, names: Succession) -> Telling:
    """A telling by the names of today; whose it is is settled first, for 交办 by itself."""
    unit = (
        names.unit(telling.unit) if names.hearer(telling.item, telling.addressee) != telling.addressee else telling.unit
    )
    item, rule, hearer = (
        names.item(telling.item),
        names.item(telling.rule),
        names.hearer(telling.item, telling.addressee),
    )
    return replace(telling, item=item, rule=rule, unit=unit, addressee=hearer)


def succeeded(entries: Iterable[Entry], names: Succession) -> Iterator[Entry]:
    """The open entries that read otherwise after a reform; what the unit of today was told, or is about to be, is left out."""
    told = [entry for entry in entries if entry.state.open or entry.state is EntryState.DELIVERED]
    said = {
        _telling(telling)
        for entry in told
        for telling in (entry if entry.state.open else of_today(entry, names)).tellings
    }
    for entry in (one for one in told if one.state.open):
        moved, own = of_today(entry, names), set(map(_telling, entry.tellings))
        tellings = tuple(
            telling for telling in moved.tellings if _telling(telling) in own or _telling(telling) not in said
        )
        said.update(map(_telling, tellings))
        if not tellings and moved.state.open:
            yield cancelled(entry, "并入后的单位已有同样的提醒")
        elif moved != entry:
            yield moved.model_copy(update={"tellings": tellings})


def _telling(telling: Telling) -> tuple[str, str, date, str]:
    return telling.item, telling.addressee, telling.rung_on, telling.rung


def given_up(entry: Entry, moved: Entry) -> tuple[Telling, ...]:
    """The tellings that an entry says no more after it was readdressed; nobody was told them."""
    kept = {telling.addressee for telling in moved.tellings} if moved.state.open else ()
    return tuple(telling for telling in entry.tellings if telling.addressee not in kept)


def _still_also(entry: Entry, directory: Directory) -> bool:
    """Whether any of it is still to be told in its chat besides the addressee's own."""
    return any(entry.chat in directory.also.get(name_of(telling.addressee), ()) for telling in entry.tellings)


def _rerouted(own: Sequence[Telling], directory: Directory) -> tuple[str, tuple[Telling, ...]]:
    """The chat of an entry's first addressee today, and its tellings with the marks they need there."""
    routes = [
        directory.route(
            Addressee(
                telling.addressee, telling.unit, Role(telling.role), frozenset({Role(telling.role)}), telling.mark
            )
        )
        for telling in own
    ]
    tellings = (replace(telling, mark=mark) for telling, (_, mark) in zip(own, routes, strict=True))
    return routes[0][0], tuple(tellings)


def settle(entry: Entry, outcome: Outcome, now: datetime, allowed: Callable[[datetime], datetime]) -> Entry:
    """What an outcome makes of an entry. `allowed` moves an instant into the hours in which the chat may be written to."""
    update: dict[str, object] = {"code": outcome.code, "why": outcome.remedy or outcome.text}
    match outcome.verdict:
        case Verdict.DELIVERED:
            update |= {"state": EntryState.DELIVERED, "delivered_at": now}
        case Verdict.REFUSED:
            update |= {"state": EntryState.REFUSED}
        case Verdict.UNDELIVERABLE:
            update |= {"state": EntryState.UNDELIVERABLE}
        case Verdict.RESHAPE if entry.compact:
            update |= {"state": EntryState.UNDELIVERABLE}
        case Verdict.RESHAPE:
            update |= {"state": EntryState.LATER, "compact": True, "next_attempt_at": now}
        case Verdict.AMBIGUOUS:
            update |= _unclear(entry, now, allowed)
        case Verdict.LATER:
            update |= _later(entry, outcome, now, allowed)
    return entry.model_copy(update=update)


def _unclear(entry: Entry, now: datetime, allowed: Callable[[datetime], datetime]) -> dict[str, object]:
    """It may have arrived: again marked 补发, ever slower, and then never by itself."""
    found: dict[str, object] = {"resent": True, "unclear": entry.unclear + 1}
    if entry.unclear >= len(RESENDS):
        return found | {"state": EntryState.UNDELIVERABLE, "why": UNCLEAR}
    wait = _jittered(RESENDS[entry.unclear], entry)
    return found | {"state": EntryState.LATER, "next_attempt_at": allowed(now + wait)}


def _later(entry: Entry, outcome: Outcome, now: datetime, allowed: Callable[[datetime], datetime]) -> dict[str, object]:
    unknown = entry.unknown_answers + (1 if outcome.counts and outcome.code else 0)
    if unknown >= UNKNOWN_CAP:
        return {"state": EntryState.UNDELIVERABLE, "unknown_answers": unknown}
    wait = timedelta(seconds=_grown(outcome.wait_seconds, entry)) if outcome.wait_seconds else _wait(entry)
    update: dict[str, object] = {"unknown_answers": unknown, "next_attempt_at": allowed(now + wait)}
    return update | {"state": EntryState.LATER, "resent": entry.resent or outcome.perhaps}


def _wait(entry: Entry) -> timedelta:
    """Backoff with a jitter of up to a fifth that is a hash, so that a replay waits exactly as long."""
    return _jittered(BACKOFF[min(entry.attempts, len(BACKOFF)) - 1] if entry.attempts else BACKOFF[0], entry)


def _grown(seconds: float, entry: Entry) -> float:
    """What the platform asked for; a few seconds double with every attempt up to a minute, after ten up to half an hour."""
    short = min(LONGEST_SHORT_WAIT, seconds * 2.0 ** min(entry.attempts - 1, 10))
    late = min(entry.attempts - PATIENCE, 10)
    return max(seconds, short, min(LONGEST_GROWN_WAIT, seconds * 2.0**late) if late > 0 else 0.0)


def _jittered(base: float, entry: Entry) -> timedelta:
    spread = hashlib.sha256(f"{entry.number}/{entry.attempts}".encode()).digest()[0] / 255
    return timedelta(seconds=base * (1 + spread / 5))


def asked_again(entry: Entry, why: str, now: datetime, chat: str = "") -> Entry:
    """An entry that a person sends again, perhaps to another chat; 补发 when anybody may have seen any of it."""
    chat = chat or entry.chat
    tellings = entry.tellings
    if chat != entry.chat:
        tellings = tuple(replace(telling, mark=telling.mark or f"原应发到{entry.chat}，请转告") for telling in tellings)
    fresh = {
        "state": EntryState.LATER,
        "next_attempt_at": now,
        "why": why,
        "chat": chat,
        "tellings": tellings,
        "resent": entry.doubtful,
    }
    begun_anew = {"parts_done": 0, "unknown_answers": 0, "unclear": 0, "attempts": 0, "compact": False, "robot": ""}
    return entry.model_copy(update=fresh | begun_anew)


def cancelled(entry: Entry, why: str) -> Entry:
    """Given up because it is no longer true, or because another entry says it."""
    return entry.model_copy(update={"state": EntryState.CANCELLED, "why": why})


def merged(entries: Sequence[Entry], number: str, now: datetime) -> Entry:
    """What waited too long for one chat, as one digest: every telling once, each keeping its own dates."""
    tellings: dict[tuple[str, str], Telling] = {}
    for entry in sorted(entries, key=lambda e: e.at):
        for telling in entry.tellings:
            form = telling.form if telling.form == Delivery.MONTHLY.value else Delivery.DIGEST.value
            tellings[telling.item, telling.addressee] = replace(telling, form=form)
    first = entries[0]
    return Entry(
        number=number,
        chat=first.chat,
        form=Delivery.DIGEST.value,
        slot=True,
        tellings=tuple(tellings.values()),
        at=now,
        next_attempt_at=now,
        resent=any(entry.resent for entry in entries),
        rules=first.rules,
        why=f"合并{'、'.join(entry.number for entry in entries)}",
        carries=tuple(number for entry in entries for number in (*entry.carries, entry.number)),
    )
