"""已知: the events before the day of a rule test, in the admin's words.

A new event needs one entry in `VERBS`: the verb, the payload, and the Chinese key of each field. A field named `on` is the
day of the event.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cache
from typing import Annotated, Any, ClassVar, get_args

from pydantic import AwareDatetime, Field, create_model

from bot.core.deciding.addressees import ADMIN, LEADING_GROUP, SUPERVISOR
from bot.core.deciding.admission import Refused
from bot.core.deciding.findings import find_item
from bot.core.facts import events as e
from bot.core.facts.facts import Facts
from bot.core.rules.rulebook import Form, Names, Rulebook, Text
from bot.core.time.grammar import PlainDate
from bot.core.time.zone import ZONE

EVERYTHING = "全部"


class Known(Form):
    """The keys that every line of 已知 may have; its first key is the verb. Without a day, the day before the test is meant."""

    verb: ClassVar[str] = ""
    day: PlainDate | None = Field(default=None, alias="日期", description="哪天的事；不填则是前一天")
    by: str = Field(default="", alias="经办")
    note: str = Field(default="", alias="说明")


@dataclass(frozen=True)
class Verb:
    """How one event is written. `keys` maps fields to their Chinese keys; the first field has the verb as its key.

    `make` converts the values to the payload's fields where the keys do not correspond to single fields.
    """

    word: str
    payload: type[e.Payload]
    keys: Mapping[str, str]
    make: Callable[[dict[str, Any], Rulebook], dict[str, Any]] = lambda values, rulebook: values

    @property
    def form(self) -> type[Known]:
        """The form of a line with this verb."""
        return _form(self.word)

    def event(self, known: Known, rulebook: Rulebook, day: date) -> e.Payload:
        """The payload of a line. Raises pydantic.ValidationError if the values are not valid for it."""
        fields = self.payload.model_fields
        values = {name: getattr(known, name) for name in self.keys if getattr(known, name) is not None}
        common = {"by": known.by, "note": known.note, "on": day}
        values |= {name: value for name, value in common.items() if name in fields}
        return self.payload.model_validate(self.make(values, rulebook))


def _observed(values: dict[str, Any], rulebook: Rulebook) -> dict[str, Any]:
    """A value in a rule test is meant as it is written."""
    del rulebook
    return {**values, "confirmed": True}


def _extended(values: dict[str, Any], rulebook: Rulebook) -> dict[str, Any]:
    """Adds the rule's present due date, which the extension is granted against; unknown items are refused later."""
    found = find_item(rulebook, values["item"], values["to"], Facts())
    return {**values, "rule_due": found.due_on if found and found.due_on else values["to"]}


def _silenced(values: dict[str, Any], rulebook: Rulebook) -> dict[str, Any]:
    """Decides whether a chat or an item is silenced; the silence ends with the day."""
    target = _chat_or_item(values.pop("item"), rulebook)
    return {**values, **target, "until": datetime.combine(values["until"], time(23, 59, 59), ZONE)}


def _chat_or_item(target: str, rulebook: Rulebook) -> dict[str, str]:
    name = rulebook.unit_aliases.get(target, target)
    chats = (*rulebook.addressable, ADMIN, LEADING_GROUP)
    return {"chat" if name.removesuffix(f"·{SUPERVISOR}") in chats else "item": name}


def _confirmed(values: dict[str, Any], rulebook: Rulebook) -> dict[str, Any]:
    """Adds the present content of the rules and leads of these items and tasks; unknown names are refused later."""
    names = set(values.pop("rules"))
    every = EVERYTHING in names
    rules = {rule.id: rule.fingerprint for rule in rulebook.rules if every or names & {rule.id, rule.owner}}
    leads = {rule.lead_key: rule.lead.unit for rule in rulebook.rules if rule.lead and rule.id in rules}
    for owner in rulebook.owners:
        lead = getattr(owner, "chosen_lead", owner.lead)
        if lead and (every or owner.id in names):
            leads[owner.id] = lead.unit
    unknown = names - {
        EVERYTHING,
        *rules,
        *(rule.owner for rule in rulebook.rules),
        *(one.id for one in rulebook.owners),
    }
    return {**values, "rules": {**rules, **dict.fromkeys(unknown, "")}, "leads": leads}


def _withdrawn(values: dict[str, Any], rulebook: Rulebook) -> dict[str, Any]:
    """撤回 is followed by the verb of what it withdraws; 事项 is what stands behind that verb."""
    word, target = values.pop("what"), values.pop("item")
    verb = VERBS.get(word)
    if verb is None or verb.payload is e.Withdrawn:
        raise Refused(
            f"“撤回”后面写撤回什么：{'、'.join(one.word for one in VERBS.values() if one.make is not _withdrawn)}"
        )
    field = next(iter(verb.keys)).replace("rules", "item")
    thing = _chat_or_item(target, rulebook) if verb.payload is e.Silenced else {field: target}
    return {**values, **thing, "what": verb.payload.type.removeprefix("duban.")}


#: The verbs of 已知; a test checks that every event from outside has one.
VERBS: Mapping[str, Verb] = {
    verb.word: verb
    for verb in (
        Verb("报送", e.Observed, {"indicator": "报送", "period": "期别", "value": "值", "final": "终值"}, _observed),
        Verb("办结", e.Done, {"item": "办结"}),
        Verb("销号", e.Closed, {"item": "销号"}),
        Verb("退回", e.Returned, {"item": "退回", "reason": "原因"}),
        Verb("延期", e.Extended, {"item": "延期", "to": "至", "reason": "原因"}, _extended),
        Verb("静默", e.Silenced, {"item": "静默", "until": "至", "reason": "原因"}, _silenced),
        Verb("确认", e.Confirmed, {"rules": "确认"}, _confirmed),
        Verb("登记", e.CaseOpened, {"rule": "登记", "case": "编号", "category": "类别"}),
        Verb("办完步骤", e.CaseAdvanced, {"item": "办完步骤"}),
        Verb("暂停计时", e.CasePaused, {"rule": "暂停计时", "case": "编号", "reason": "原因"}),
        Verb("恢复计时", e.CaseResumed, {"rule": "恢复计时", "case": "编号"}),
        Verb("撤回", e.Withdrawn, {"what": "撤回", "item": "事项", "period": "期别", "case": "编号"}, _withdrawn),
    )
}
#: Fields of events that never affect a judgement: a rule test may leave them out.
PROSE = frozenset({"reason", "by", "note"})
#: Types of payload fields → types for what an admin writes.
WRITTEN: Mapping[Any, Any] = {
    date: PlainDate,
    AwareDatetime: PlainDate,
    dict[str, str]: Names,
    str: Text,
    e.Entered: Text,
}


@cache
def _form(word: str) -> type[Known]:
    verb = VERBS[word]
    fields: dict[str, Any] = {name: _field(verb.payload, name, key) for name, key in verb.keys.items()}
    made: type[Known] = create_model(f"Known_{verb.payload.__name__}", __base__=Known, **fields)
    made.verb = word
    return made


def _field(payload: type[e.Payload], name: str, key: str) -> tuple[Any, Any]:
    """A payload's field for a form; fields that are only kept for the record are optional."""
    info = payload.model_fields[name]
    kind = datetime if AwareDatetime in (info.annotation, *get_args(info.annotation)) else info.annotation
    required = info.is_required() and name not in PROSE
    written = WRITTEN.get(info.annotation, PlainDate if kind is datetime else info.annotation)
    if written is Text and not required:
        written = str
    for constraint in info.metadata:
        written = Annotated[written, constraint]
    # `静默` takes a unit or an item: the payload's field `item` may be empty, but the verb needs a value.
    if key in VERBS and not required:
        return Text if written is str else written, Field(alias=key)
    if required:
        return written, Field(alias=key)
    return written, Field(default="" if info.is_required() else info.default, alias=key)
