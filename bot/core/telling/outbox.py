"""What becomes of an entry of the outbox 待发箱: every transition there is, each a named function of values. Nothing here sends.

    promised ─▶ sending ─▶ part_done ─▶ … ─▶ settled: delivered, or later, refused, undeliverable
        │          └ recovered (found in 发送中 and in nobody's hands: interrupted)
        ├ pruned (without tellings that are no longer true), put_off, merged, cancelled
        ├ readdressed, succeeded (chats or names changed), asked_again (a person orders it)
        └ parked, woken (no robot may speak now; one may again)

Delivery, orders, the store and the app call these and write down what they return. Sending may drop tellings, put them off or send
them to another chat; it never adds one. Waiting is a state (`next_attempt_at`), never a sleeping task.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from bot.core.deciding.addressees import ADMIN, ALSO, ASKED_UPWARD, INFORMED_UPWARD, Addressee, Directory, name_of
from bot.core.deciding.decisions import weigh
from bot.core.deciding.desk import Desk, silence_of
from bot.core.deciding.findings import Finding
from bot.core.deciding.reasons import Reason
from bot.core.rules.item import State, long_date
from bot.core.rules.ladder import rungs_for
from bot.core.rules.rulebook import Delivery, Role
from bot.core.rules.succession import ASSIGNED, UNCHANGED, Succession
from bot.core.telling.digest import Draft
from bot.core.telling.entry import Entry, EntryState, Telling
from bot.core.telling.message import RESENT, Message, items_of
from bot.core.telling.outcome import Outcome, Verdict
from bot.core.telling.retries import INTERRUPTED, RESENDS, UNKNOWN_CAP, resend_wait, retry_wait
from bot.core.time.zone import ZONE, day_of, midnight

#: What a person hears when a message went several times and nobody knows whether it arrived.
UNCLEAR = "多次发送都没有收到明确答复，结果不明：请到群里核对，没有收到的用 duban outbox resend 补发"

#: Begins the mark of what a person sends to another chat.
ORDERED = "原应发到"

#: Reasons of tellings that may be about what is closed.
ENDS = {Reason.RECOVERED.name, Reason.REGISTERED.name}
#: Reasons of tellings that take back an earlier one.
TAKE_BACK = {Reason.RECOVERED.name, Reason.VOIDED.name}

#: Moves an instant into the hours in which the entry's chat may be written to.
Allowed = Callable[[datetime], datetime]


# --- promised -------------------------------------------------------------------


def promised(draft: Draft, number: str, rules: str = "") -> Entry:
    """A new entry for a draft, under a number of its own."""
    return Entry(
        number=number, chat=draft.chat, form=draft.form, slot=draft.slot, tellings=draft.tellings, at=draft.at,
        next_attempt_at=draft.at, rules=rules,
    )  # fmt: skip


def said_together(entries: Iterable[Entry], besides: Iterable[Entry] = ()) -> tuple[Telling, ...]:
    """What entries say as one digest: of each item the last telling, with its own dates and doubt, without what goes `besides`."""
    tellings: dict[tuple[str, str], Telling] = {}
    for entry in sorted(entries, key=lambda e: e.at):
        perhaps = entry.perhaps_told
        for telling in entry.tellings:
            tellings[telling.item, telling.addressee] = _in_a_digest(telling, perhaps)
    for telling in (telling for entry in besides for telling in entry.tellings):
        tellings.pop((telling.item, telling.addressee), None)
    return tuple(tellings.values())


def _in_a_digest(telling: Telling, perhaps: Iterable[Telling]) -> Telling:
    """The telling as a line of a digest; `perhaps` are those that members may have seen, of whatever mark."""
    form = telling.form if telling.form == Delivery.MONTHLY.value else Delivery.DIGEST.value
    seen = any((one.item, one.addressee) == (telling.item, telling.addressee) for one in perhaps)
    return replace(telling, form=form, seen=seen)


def merged(entries: Sequence[Entry], tellings: tuple[Telling, ...], number: str, now: datetime) -> Entry:
    """What waited too long for one chat, as one digest of these tellings."""
    first = entries[0]
    return Entry(
        number=number,
        chat=first.chat,
        form=Delivery.DIGEST.value,
        slot=True,
        tellings=tellings,
        at=now,
        next_attempt_at=now,
        busy=max(entry.busy for entry in entries),
        interrupted=max(entry.interrupted for entry in entries),
        rules=first.rules,
        why=f"合并{'、'.join(entry.number for entry in entries)}",
        carries=tuple(number for entry in entries for number in (*entry.carries, entry.number)),
    )


def taking_over(entry: Entry, others: Iterable[Entry]) -> Entry:
    """The entry with the numbers of those of `others` that say anything of what it says: it says it in their place."""
    mine = {(telling.item, telling.addressee) for telling in entry.tellings}
    theirs = [one for one in others if any((said.item, said.addressee) in mine for said in one.tellings)]
    numbers = tuple(number for one in theirs for number in (*one.carries, one.number))
    return _with(entry, carries=(*entry.carries, *numbers)) if numbers else entry


def cancelled(entry: Entry, why: str) -> Entry:
    """Given up because it is no longer true, or because another entry says it."""
    return _with(entry, state=EntryState.CANCELLED, why=why, pieces=())


# --- right before it is sent ------------------------------------------------------


def pruned(entry: Entry, findings: Mapping[str, Finding], the_desk: Desk) -> tuple[Entry, tuple[Telling, ...]]:
    """The entry without the tellings that are no longer true, and those; cancelled when none is left.

    `the_desk` has no record of the entry (`WithoutMessage`) and no budget. Once a part was accepted, only what the other parts
    speak of is asked.
    """
    if entry.parts_done and not entry.pieces:  # of before 2026-12, when they were not kept
        entry = begun_anew(entry)
    if entry.parts_done:
        return _pruned_rest(entry, findings, the_desk)
    reasons = [untrue(one, findings.get(one.item), the_desk, entry.chat) for one in entry.tellings]
    gone = tuple(one for one, why in zip(entry.tellings, reasons, strict=True) if why)
    if not gone:
        return entry, ()
    kept = tuple(one for one, why in zip(entry.tellings, reasons, strict=True) if not why)
    if kept and all(_rides(one, findings[one.item], the_desk) for one in kept):
        return cancelled(entry, Reason.RIDING.words), entry.tellings  # owed again: it is no message of its own
    return _with(entry, tellings=kept) if kept else cancelled(entry, next(filter(None, reasons))), gone


def _pruned_rest(entry: Entry, findings: Mapping[str, Finding], the_desk: Desk) -> tuple[Entry, tuple[Telling, ...]]:
    """The same for an entry of which parts were accepted; it is done when nothing is left to say."""
    left = items_of(entry.rest)
    gone = {
        one: why
        for one in entry.tellings
        if one.item in left and (why := untrue(one, findings.get(one.item), the_desk, entry.chat))
    }
    kept = tuple(one for one in entry.tellings if one not in gone)
    if not gone:
        return entry, ()
    if not kept:
        return cancelled(entry, next(iter(gone.values()))), tuple(gone)
    if any(one.item in left for one in kept):
        return _with(entry, tellings=kept), tuple(gone)
    done = {
        "state": EntryState.DELIVERED,
        "delivered_at": the_desk.now,
        "pieces": (),
        "why": "其余内容已有变化，不再发送",
    }
    return _with(entry, tellings=kept, **done), tuple(gone)


def _rides(telling: Telling, finding: Finding, the_desk: Desk) -> bool:
    """Whether it only goes along with something else, on this day."""
    addressee = the_desk.directory.hearer(finding, telling.addressee, telling.role)
    return addressee is not None and weigh(finding, addressee, the_desk).rides is not None


def untrue(telling: Telling, finding: Finding | None, the_desk: Desk, chat: str) -> str:
    """Why a telling is not to be said any more, or nothing.

    It is true while the deciding engine, knowing nothing of it, would tell the same addressee of the item now.
    """
    if finding is None:
        return "事项已不在规则中"
    addressee = the_desk.directory.hearer(finding, telling.addressee, telling.role)
    if addressee is None:
        return f"按现行规则不再由{telling.addressee}以{telling.role}接收"
    decision = weigh(finding, addressee, the_desk)
    over = finding.state in (State.CLOSED, State.AWAITING_CHECK)
    if over and not (telling.reason in ENDS and telling.reason == decision.reason.name):
        return finding.detail or decision.reason.words
    if finding.due_on != telling.due_on or (telling.known and finding.known != telling.known):
        return _moved(finding)
    if decision.reason is Reason.SILENCED:
        return _silence(telling, the_desk, decision.chat)
    if not decision.reason.tells and not _passed_meanwhile(telling, finding, addressee, decision.reason):
        return f"{decision.by}{decision.reason.words}"
    if decision.reason is Reason.REGISTERED and telling.reason != decision.reason.name:
        return decision.reason.words
    if telling.reason != decision.reason.name and {telling.reason, decision.reason.name} & TAKE_BACK:
        return "事项已重新打开" if telling.reason in TAKE_BACK else decision.reason.words
    return _silence(telling, the_desk, chat)


def _passed_meanwhile(telling: Telling, finding: Finding, addressee: Addressee, reason: Reason) -> bool:
    """Whether the date went by while the message waited and no later rung speaks: then it is all that is ever heard of the item."""
    rungs = rungs_for(finding.item.rule, addressee.roles, telling.state)
    return reason in (Reason.PASSED, Reason.TOO_LATE) and telling.rung in {rung.offset.words() for rung in rungs}


def _moved(finding: Finding) -> str:
    """Why a telling of another date is void: the deadline is another one, or another value has become known."""
    happened = finding.anchor is not None and finding.anchor.happened
    return "数值已更新，另行告知" if happened else f"时限已改为{long_date(finding.due_on)}"


def _silence(telling: Telling, the_desk: Desk, chat: str) -> str:
    found = silence_of(telling.item, telling.rule, telling.addressee, chat, the_desk.facts, the_desk.now)
    return f"静默至{found.until.astimezone(ZONE):%Y-%m-%d %H:%M}" if found else ""


def late(waiting: Iterable[Entry], now: datetime) -> list[Entry]:
    """Entries that wait for their chat's digest and whose time has come."""
    return [one for one in waiting if one.behind(day_of(now)) and one.next_attempt_at <= now]


def put_off(entry: Entry, until: datetime) -> Entry:
    """A late entry that waits for its chat's next digest, for a chat gets one a day."""
    return _with(entry, state=EntryState.LATER, next_attempt_at=until)


def waiting_on(entry: Entry, step: timedelta) -> Entry:
    """The entry after the wall clock was set back by `step` (negative): it waits as long as before. Set on, it just waits less."""
    set_back = step < timedelta() and entry.state is EntryState.LATER
    return _with(entry, next_attempt_at=entry.next_attempt_at + step) if set_back else entry


def waiting_no_longer(entry: Entry, than: datetime) -> Entry:
    """The entry after a restart, when the wall clock may have been set: it waits until `than` at most."""
    too_long = entry.state is EntryState.LATER and entry.next_attempt_at > than
    return _with(entry, next_attempt_at=than) if too_long else entry


def parked(entry: Entry, until: datetime | None, why: str) -> Entry:
    """An entry for which no robot may speak now: until an instant, or without one until a person mends a robot."""
    if until is None:
        return _with(entry, state=EntryState.REFUSED, why=why)
    return _with(entry, state=EntryState.LATER, next_attempt_at=until, why=why)


def woken(entry: Entry, now: datetime) -> Entry:
    """An entry that waited for a robot to be mended, due at once."""
    return _with(entry, state=EntryState.LATER, next_attempt_at=now)


def begun_anew(entry: Entry) -> Entry:
    """The entry with all parts to be worded and sent again, marked 补发 if any was accepted."""
    resent = entry.resent or entry.parts_done > 0
    return _with(entry, parts_done=0, begun=0, pieces=(), resent=resent)


def unsaid(entry: Entry) -> Entry:
    """The entry as what is left of a message is worded anew, with what members may have seen of that."""
    left, seen = items_of(entry.rest), {telling.item for telling in entry.perhaps_told}
    tellings = (_left(telling, left) for telling in entry.tellings if telling.item in left)
    return _with(entry, tellings=tuple(replace(one, seen=one.item in seen) for one in tellings), resent=False)


def _left(telling: Telling, left: Container[str]) -> Telling:
    """Of a 交办 the rules that are left."""
    return (
        telling if telling.hands is None else replace(telling, hands=tuple(one for one in telling.hands if one in left))
    )


def _in_doubt(entry: Entry) -> dict[str, object]:
    """What makes the next attempt a 补发; of a message of several parts only the one that was on its way."""
    pieces = enumerate(entry.pieces)
    marked = (replace(piece, mark=RESENT) if place == entry.parts_done else piece for place, piece in pieces)
    return {"resent": True, "pieces": tuple(marked)}


# --- sending ----------------------------------------------------------------------


def sending(entry: Entry, robot: str, now: datetime, pieces: tuple[Message, ...] = ()) -> Entry:
    """The entry as written down right before the network is touched; a further part of one attempt is no new attempt."""
    attempts = entry.attempts + (entry.state is not EntryState.SENDING)
    begun = {"begun": entry.parts_done + 1, "pieces": pieces, "tried_at": now}
    return _with(entry, state=EntryState.SENDING, robot=robot, attempts=attempts, **begun)


def recovered(entry: Entry, now: datetime) -> Entry:
    """An entry found in 发送中 and in nobody's hands, as after a restart: it may have arrived, so it goes again at once as 补发.

    The interruption is counted apart from unclear answers, for the platform has no part in it, and is no reason to give up; an
    entry that was interrupted often is tried every half hour at most, since members see each copy. Between two parts nothing was
    on its way, so that nothing is marked.
    """
    going_on = _with(entry, state=EntryState.PENDING, next_attempt_at=now)
    if not entry.in_flight:
        return _with(going_on, why="重启前发了一部分，接着发")
    found = _with(going_on, **_in_doubt(entry), interrupted=entry.interrupted + 1, why="重启前正在发送，结果不明")
    return _with(found, state=EntryState.LATER, next_attempt_at=now + INTERRUPTED) if found.yields else found


def perhaps_shown(outcome: Outcome) -> bool:
    """Whether members may have seen the part: it was accepted, or nobody knows."""
    return outcome.verdict in (Verdict.DELIVERED, Verdict.AMBIGUOUS) or outcome.perhaps


def part_done(entry: Entry, outcome: Outcome, text: str = "") -> Entry:
    """The entry after one part was answered: accepted or not, and the hash of the words that were, or may have been, shown."""
    done = entry.parts_done + (outcome.verdict is Verdict.DELIVERED)
    texts = entry.texts if not text or text in entry.texts else (*entry.texts, text)
    return _with(entry, parts_done=done, texts=texts)


def settle(
    entry: Entry, outcome: Outcome, now: datetime, allowed: Allowed, *, parts: int = 0, another: bool = False
) -> Entry:
    """What the answer to one of its `parts` makes of an entry; it stays in 发送中 while parts remain.

    `another` says whether its chat has a sound robot besides the one that failed: then a refused entry goes on at once.
    """
    if outcome.verdict is Verdict.DELIVERED and entry.parts_done < parts:
        return entry
    update: dict[str, object] = {"code": outcome.code, "why": outcome.remedy or outcome.text}
    if outcome.perhaps:
        update |= _in_doubt(entry)
    match outcome.verdict:
        case Verdict.DELIVERED:
            return _with(entry, **update, state=EntryState.DELIVERED, delivered_at=now, pieces=())
        case Verdict.REFUSED:
            update |= {"state": EntryState.LATER, "next_attempt_at": now} if another else {"state": EntryState.REFUSED}
        case Verdict.UNDELIVERABLE:
            update |= {"state": EntryState.UNDELIVERABLE}
        case Verdict.RESHAPE:
            update |= _reshaped(entry, now)
        case Verdict.AMBIGUOUS:
            update |= _unclear(entry, now, allowed)
        case Verdict.LATER:
            update |= _later(entry, outcome, now, allowed)
    return _with(entry, **update)


def handed_on(entry: Entry, now: datetime) -> Entry:
    """An entry that need not wait for the robot that failed, for its chat has another one that may speak."""
    return _with(entry, next_attempt_at=now)


def _reshaped(entry: Entry, now: datetime) -> dict[str, object]:
    """The next attempt uses a smaller shape. If this one did already, the platform can never accept the message."""
    if entry.compact:
        return {"state": EntryState.UNDELIVERABLE}
    return {"state": EntryState.LATER, "compact": True, "next_attempt_at": now}


def _unclear(entry: Entry, now: datetime, allowed: Allowed) -> dict[str, object]:
    """It may have arrived: it goes again marked 补发, after growing waits, and at last only when a person says so."""
    found = {**_in_doubt(entry), "unclear": entry.unclear + 1}
    if entry.unclear >= len(RESENDS):
        return found | {"state": EntryState.UNDELIVERABLE, "why": UNCLEAR}
    return found | {"state": EntryState.LATER, "next_attempt_at": allowed(now + resend_wait(entry, entry.unclear))}


def _later(entry: Entry, outcome: Outcome, now: datetime, allowed: Allowed) -> dict[str, object]:
    """It waits and goes again; after a few unknown codes a person must look."""
    unknown = entry.unknown_answers + (1 if outcome.counts and outcome.code else 0)
    if unknown >= UNKNOWN_CAP:
        return {"state": EntryState.UNDELIVERABLE, "unknown_answers": unknown}
    update: dict[str, object] = {"unknown_answers": unknown, "state": EntryState.LATER}
    if outcome.perhaps and not outcome.counts:  # members may have seen it: few copies on one day, then one a day
        few = entry.busy < len(RESENDS)
        wait = resend_wait(entry, entry.busy) if few else midnight(day_of(now) + timedelta(days=1)) - now
        return update | {"busy": entry.busy + 1, "next_attempt_at": allowed(now + wait)}
    return update | {"next_attempt_at": allowed(now + retry_wait(entry, outcome.wait_seconds))}


def failed(entry: Entry, error: str) -> Entry:
    """Given up because the program could not make the message."""
    return _with(entry, state=EntryState.UNDELIVERABLE, why=f"程序出错（{error}），请告知维护人员")


def perhaps_seen(entry: Entry) -> Entry:
    """An open entry of a state put back from a backup: it may have arrived since, so its next attempt is a 补发."""
    pieces = entry.pieces if entry.rest else ()  # what nobody has seen is worded anew
    return _with(entry, resent=True, pieces=tuple(replace(piece, mark=RESENT) for piece in pieces))


# --- where it goes, when chats or names change or a person orders it ---------------------


def asked_again(entry: Entry, why: str, now: datetime, chat: str = "") -> Entry:
    """An entry that a person sends again, perhaps to another chat; 补发 when anybody may have seen any of it."""
    tellings = entry.tellings
    if chat and chat != entry.chat:
        mark = f"{ORDERED}{entry.chat}，请转告"
        tellings = tuple(replace(one, mark=one.mark or mark, by_order=True) for one in tellings)
    return _with(
        entry, state=EntryState.LATER, next_attempt_at=now, why=why, chat=chat or entry.chat, tellings=tellings,
        resent=entry.doubtful, parts_done=0, begun=0, pieces=(), unknown_answers=0, unclear=0, busy=0, interrupted=0, attempts=0,
        compact=False, robot="",
    )  # fmt: skip


def readdressed(
    entry: Entry,
    directory: Directory,
    sound: Container[str],
    mended: Container[str],
    now: datetime,
    names: Succession = UNCHANGED,
) -> tuple[Entry, ...]:
    """An open entry after chats changed: every telling goes where it belongs today, a refused one tries again.

    The first of the entries keeps the number; the others, for further chats, have none yet (`numbered`). Who lost their chat
    and has it again gets what was to be passed on to them, unless it was sent.
    """
    if entry.state is EntryState.SENDING or (entry.parts_done and entry.chat in sound):
        return (entry,)
    places = _places(entry, directory, sound)
    if not places:
        return (cancelled(entry, "不再也发到这个群，本单位自己的群另有一份"),)
    chats = sorted(places, key=lambda chat: chat != entry.chat)  # what stays keeps the number
    first = _brought(entry, chats[0], places[chats[0]], now, names)
    if first.state is EntryState.REFUSED and first.chat in mended:
        first = woken(first, now)
    others = (_brought(entry, chat, places[chat], now, names) for chat in chats[1:])
    return (first, *(_with(one, number="", carries=(*entry.carries, entry.number)) for one in others))


def numbered(entry: Entry, number: str) -> Entry:
    """An entry that left another one, under a number of its own."""
    return _with(entry, number=number)


def _places(entry: Entry, directory: Directory, sound: Container[str]) -> dict[str, tuple[Telling, ...]]:
    """What an entry tells, by the chat where it belongs today, without what belongs in a further chat that is none any more."""
    found: dict[str, tuple[Telling, ...]] = {}
    for telling in entry.tellings:
        chat, told = _place(telling, entry.chat, directory, sound)
        if chat:
            found[chat] = (*found.get(chat, ()), told)
    return found


def _place(telling: Telling, chat: str, directory: Directory, sound: Container[str]) -> tuple[str, Telling]:
    """The chat where a telling belongs, nothing if there is none any more, and the telling with the mark it needs there.

    Where nobody can speak is no better place than where it is.
    """
    ordered = telling.by_order or telling.mark.startswith(ORDERED)
    if (ordered and chat in sound) or directory.waits(telling.addressee, chat):
        return chat, telling
    if ALSO in telling.addressee:
        further = telling.addressee.partition(ALSO)[2]
        return (further if further in directory.also.get(name_of(telling.addressee), ()) else ""), telling
    role = Role(telling.role)
    own = telling.mark if telling.addressee == ADMIN else ""
    there, mark = directory.route(Addressee(telling.addressee, telling.unit, role, frozenset({role}), own))
    if there not in sound or (there == chat and mark and telling.mark):
        return chat, telling
    if telling.state == State.CLOSED.value or telling.reason == Reason.REGISTERED.name:
        mark = mark.replace(ASKED_UPWARD, INFORMED_UPWARD)
    return there, replace(telling, mark=mark, by_order=False)


def _brought(entry: Entry, chat: str, tellings: tuple[Telling, ...], now: datetime, names: Succession) -> Entry:
    """The entry with these of its tellings, in this chat. One that comes from another chat waits for this one's digest."""
    if chat == entry.chat:
        return entry if tellings == entry.tellings else _with(entry, tellings=tellings)
    there = _with(entry, chat=chat, tellings=tellings, state=EntryState.LATER, next_attempt_at=now)
    if names.chat(entry.chat) == chat:  # the same people under another name
        return there
    perhaps = entry.perhaps_told
    told = tuple(_in_a_digest(telling, perhaps) for telling in tellings)
    return _with(
        there, moved=True, form=Delivery.DIGEST.value, slot=True, tellings=told, why="", resent=False, tried_at=None,
        parts_done=0, begun=0, pieces=(), unknown_answers=0, unclear=0, busy=0, interrupted=0, attempts=0, compact=False, robot="",
    )  # fmt: skip


def redated(entry: Entry, moved: Mapping[str, tuple[date, date]]) -> Entry:
    """The entry with the due dates that a calendar moved, by item: old and new."""
    tellings = tuple(
        replace(one, due_on=moved[one.item][1]) if one.item in moved and one.due_on == moved[one.item][0] else one
        for one in entry.tellings
    )
    return entry if tellings == entry.tellings else _with(entry, tellings=tellings)


def of_today(entry: Entry, names: Succession) -> Entry:
    """The entry with today's names, every telling once.

    A merged unit is not told its 交办 any more: the unit it went to is told its own.
    """
    if not names or entry.parts_done:
        return entry
    tellings: dict[object, Telling] = {}
    for telling in (_telling_of_today(telling, names) for telling in entry.tellings):
        if not (telling.item.startswith(ASSIGNED) and names.gone(telling.addressee)):
            before = tellings.get(_same(telling))
            tellings[_same(telling)] = replace(telling, seen=True) if before and before.seen else telling
    found = tuple(tellings.values())
    if found == entry.tellings:
        return entry
    return _with(entry, tellings=found) if found else cancelled(entry, "单位已并入，由并入后的单位接收交办")


def _telling_of_today(telling: Telling, names: Succession) -> Telling:
    """A telling under today's names. 交办 of a merged unit keeps its addressee (`Succession.hearer`)."""
    hearer = names.hearer(telling.item, telling.addressee)
    unit = names.unit(telling.unit) if hearer != telling.addressee else telling.unit
    return replace(telling, item=names.item(telling.item), rule=names.item(telling.rule), unit=unit, addressee=hearer)


def succeeded(entries: Iterable[Entry], names: Succession) -> Iterator[Entry]:
    """Open entries changed by a reform, without tellings that today's unit was told already or is about to be told."""
    told = [entry for entry in entries if entry.state.open or entry.state is EntryState.DELIVERED]
    said = {
        _same(telling) for entry in told for telling in (entry if entry.state.open else of_today(entry, names)).tellings
    }
    for entry in (one for one in told if one.state.open):
        moved, own = of_today(entry, names), set(map(_same, entry.tellings))
        tellings = tuple(telling for telling in moved.tellings if _same(telling) in own or _same(telling) not in said)
        said.update(map(_same, tellings))
        if not tellings and moved.state.open:
            yield cancelled(entry, "并入后的单位已有同样的提醒")
        elif moved != entry:
            yield _with(moved, tellings=tellings)


def _same(telling: Telling) -> tuple[str, str, date, str]:
    """What makes two tellings one, whatever they say."""
    return telling.item, telling.addressee, telling.rung_on, telling.rung


def given_up(entry: Entry, after: Iterable[Entry]) -> tuple[Telling, ...]:
    """The tellings that an entry lost when it was readdressed; nobody was told them."""
    kept = {telling.addressee for one in after if one.state.open for telling in one.tellings}
    return tuple(telling for telling in entry.tellings if telling.addressee not in kept)


def _with(entry: Entry, **update: object) -> Entry:
    """The entry changed: every other function changes entries through this one."""
    return entry.model_copy(update=update)
