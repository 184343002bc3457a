"""已知: what has happened before the day of a rule test, in the admin's words.

One line of `VERBS` per event is all there is to add: the verb, the payload, and what each of its fields is called. A field
named `on` is the day of the event itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cache
from typing import Annotated, Any, ClassVar, get_args

from pydantic import AwareDatetime, Field, create_model

from bot.core.deciding.decisions import ADMIN, LEADING_GROUP, SUPERVISOR
from bot.core.deciding.findings import find_item
from bot.core.facts import events as e
from bot.core.facts.facts import Facts
from bot.core.rules.rulebook import Form, Names, Rulebook, Text
from bot.core.time.grammar import PlainDate
from bot.core.time.zone import ZONE

EVERYTHING = "全部"


class Known(Form):
    """What every line of 已知 may say; its first key is the verb. Without a day it happened the day before."""

    verb: ClassVar[str] = ""
    day: PlainDate | None = Field(default=None, alias="日期", description="哪天的事；不填则是前一天")
    by: str = Field(default="", alias="经办")
    note: str = Field(default="", alias="说明")


@dataclass(frozen=True)
class Verb:
    """How one event is written; `keys` say what fields are called, the first one being named by the verb itself.

    `make` turns the values into those of the payload where a name alone does not say which field it fills.
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
        """The payload; raises pydantic.ValidationError when the values do not add up to one."""
        fields = self.payload.model_fields
        values = {name: getattr(known, name) for name in self.keys if getattr(known, name) is not None}
        common = {"by": known.by, "note": known.note, "on": day}
        values |= {name: value for name, value in common.items() if name in fields}
        return self.payload.model_validate(self.make(values, rulebook))


def _extended(values: dict[str, Any], rulebook: Rulebook) -> dict[str, Any]:
    """Granted against the date the rule has now; an item that has none is refused later, with a near match."""
    found = find_item(rulebook, values["item"], values["to"], Facts())
    return {**values, "rule_due": found.due_on if found and found.due_on else values["to"]}


def _silenced(values: dict[str, Any], rulebook: Rulebook) -> dict[str, Any]:
    """A chat or an item, to the end of a day."""
    target = values.pop("item")
    name = rulebook.unit_aliases.get(target, target)
    chats = (*rulebook.addressable, ADMIN, LEADING_GROUP)
    which = "chat" if name.removesuffix(f"·{SUPERVISOR}") in chats else "item"
    return {**values, which: name, "until": datetime.combine(values["until"], time(23, 59, 59), ZONE)}


def _confirmed(values: dict[str, Any], rulebook: Rulebook) -> dict[str, Any]:
    """Rules and leads as they stand, of these items and tasks; unknown names are refused later."""
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


#: The verbs of 已知. Everything that can happen from outside is here (a test holds it).
VERBS: Mapping[str, Verb] = {
    verb.word: verb
    for verb in (
        Verb("报送", e.Observed, {"indicator": "报送", "period": "期别", "value": "值", "final": "终值"}),
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
    )
}
#: Kept with an event and never judged by: a test need not say it.
PROSE = frozenset({"reason", "by", "note"})
#: Types as an admin writes them.
WRITTEN: Mapping[Any, Any] = {date: PlainDate, AwareDatetime: PlainDate, dict[str, str]: Names, str: Text}


@cache
def _form(word: str) -> type[Known]:
    verb = VERBS[word]
    fields: dict[str, Any] = {name: _field(verb.payload, name, key) for name, key in verb.keys.items()}
    made: type[Known] = create_model(f"Known_{verb.payload.__name__}", __base__=Known, **fields)
    made.verb = word
    return made


def _field(payload: type[e.Payload], name: str, key: str) -> tuple[Any, Any]:
    """A field of a payload under its Chinese key; what is only kept for the record may be left out."""
    info = payload.model_fields[name]
    kind = datetime if AwareDatetime in (info.annotation, *get_args(info.annotation)) else info.annotation
    required = info.is_required() and name not in PROSE
    written = WRITTEN.get(info.annotation, PlainDate if kind is datetime else info.annotation)
    if written is Text and not required:
        written = str
    for constraint in info.metadata:
        written = Annotated[written, constraint]
    # `静默` takes a unit or an item: the payload's own field for an item may be empty, the verb's value may not.
    if key in VERBS and not required:
        return Text if written is str else written, Field(alias=key)
    if required:
        return written, Field(alias=key)
    return written, Field(default="" if info.is_required() else info.default, alias=key)
