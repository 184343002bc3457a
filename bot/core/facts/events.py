"""Events: what happened. Events and rule files are the only input of the bot.

The envelope is CloudEvents 1.0 JSON; `type` is `duban.<name>` and `data` one of the frozen payloads below.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator


class Payload(BaseModel):
    """Base of all payloads: frozen, unknown fields refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)
    type: ClassVar[str]


class Observed(Payload):
    """A value of an indicator for a period was reported (or revised: a later event for the same period wins).

    A preliminary value (`final` false: 快报数, 预算数 before the 决算) is kept but judged by nothing. `confirmed`: a person saw
    the value and stands by it, even where it differs much from all that is known.
    """

    type: ClassVar[str] = "duban.observed"
    indicator: str
    period: str
    value: Decimal = Field(allow_inf_nan=False)
    final: bool = True
    confirmed: bool = False
    by: str = ""
    note: str = ""


class Done(Payload):
    """办结: the unit says that it has finished; the office still has to check (待核)."""

    type: ClassVar[str] = "duban.done"
    item: str
    by: str = ""
    note: str = ""


class Closed(Payload):
    """销号: the office has checked it and closed it."""

    type: ClassVar[str] = "duban.closed"
    item: str
    by: str


class Returned(Payload):
    """退回: the office has checked it and sent it back."""

    type: ClassVar[str] = "duban.returned"
    item: str
    reason: str
    by: str = ""


class Extended(Payload):
    """延期: a new due date was granted against the rule's date of that day; void once the rule's date changes."""

    type: ClassVar[str] = "duban.extended"
    item: str
    to: date
    rule_due: date
    reason: str
    by: str


class Silenced(Payload):
    """静默: a person asked for no reminders of an item or to a chat until a time."""

    type: ClassVar[str] = "duban.silenced"
    item: str = ""
    chat: str = ""
    until: AwareDatetime
    reason: str
    by: str = ""


class Confirmed(Payload):
    """Proposed rules and leads were confirmed, each bound to the fingerprint it had then."""

    type: ClassVar[str] = "duban.confirmed"
    rules: dict[str, str] = Field(default_factory=dict)
    leads: dict[str, str] = Field(default_factory=dict)
    by: str = ""


class CaseOpened(Payload):
    """A case 办件 was opened under a rule: a number and dates, no names. `note` stays in the state and is never shown.

    `steps` are the names of the steps that the rule had then; whoever takes the event in fills them in.
    """

    type: ClassVar[str] = "duban.case_opened"
    rule: str
    case: str
    on: date
    category: str = ""
    steps: tuple[str, ...] = ()
    by: str = ""
    note: str = Field(default="", repr=False)


class CaseAdvanced(Payload):
    """The step a case has come to is finished; `item` is the step's own (T09-C1@2027-003#处理)."""

    type: ClassVar[str] = "duban.case_advanced"
    item: str
    on: date
    by: str = ""


class CasePaused(Payload):
    """暂停计时: the clock of a case stands still from that day."""

    type: ClassVar[str] = "duban.case_paused"
    rule: str
    case: str
    on: date
    reason: str = Field(repr=False)
    by: str = ""


class CaseResumed(Payload):
    """恢复计时: the first day on which the clock of a case runs again."""

    type: ClassVar[str] = "duban.case_resumed"
    rule: str
    case: str
    on: date
    by: str = ""


#: What can be withdrawn, by the name that its own event has after `duban.`.
Entered = Literal[
    "observed", "done", "closed", "returned", "extended", "silenced", "confirmed",
    "case_opened", "case_advanced", "case_paused", "case_resumed",
]  # fmt: skip


class Withdrawn(Payload):
    """撤回: something was entered by mistake and is taken back, as if it had not been entered.

    `what` is the name of its event; the other fields name the thing as that event does. A confirmation is named by `item`:
    a rule, or the task or area whose lead was confirmed.
    """

    type: ClassVar[str] = "duban.withdrawn"
    what: Entered
    indicator: str = ""
    period: str = ""
    item: str = ""
    chat: str = ""
    rule: str = ""
    case: str = ""
    by: str = ""
    note: str = Field(default="", repr=False)


class ResendAsked(Payload):
    """A person asked for messages (`numbers`) to be sent again, or to another chat (`chat`)."""

    type: ClassVar[str] = "duban.resend_asked"
    numbers: tuple[str, ...] = Field(min_length=1)
    chat: str = ""
    by: str = ""
    reason: str = ""


class RobotMended(Payload):
    """A person said that a robot works again on its platform; its waiting messages are tried again."""

    type: ClassVar[str] = "duban.robot_mended"
    robot: str
    by: str = ""


class RulesRejected(Payload):
    """An edit of the rule files was refused; the last good rulebook stays. Written by the bot itself."""

    type: ClassVar[str] = "duban.rules_rejected"
    digest: str
    problems: int
    first: tuple[str, ...]

    @property
    def key(self) -> str:
        """What the refusal is called while it stands."""
        return f"规则改动@{self.digest[:12]}"


class RulesMended(Payload):
    """After refused edits the rule files are sound again; `told` says whether any refusal had been told. Written by the bot itself."""

    type: ClassVar[str] = "duban.rules_mended"
    told: bool


class EventRejected(Payload):
    """A file in the inbox could not be understood; it was set aside. Written by the bot itself."""

    type: ClassVar[str] = "duban.event_rejected"
    name: str
    problem: str


PAYLOADS: dict[str, type[Payload]] = {
    payload.type: payload
    for payload in (
        *(Observed, Done, Closed, Returned, Extended, Silenced, Confirmed),
        *(CaseOpened, CaseAdvanced, CasePaused, CaseResumed, Withdrawn),
        *(ResendAsked, RobotMended),
        *(RulesRejected, RulesMended, EventRejected),
    )
}


class Event(BaseModel):
    """CloudEvents 1.0 in structured JSON. `time` is when it happened, aware; `id` + `source` make it unique."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    specversion: Literal["1.0"] = "1.0"
    id: Annotated[str, Field(min_length=1, max_length=200)]
    source: Annotated[str, Field(min_length=1, max_length=200)] = "duban"
    type: str
    time: AwareDatetime
    data: Annotated[Any, Field(repr=False)]

    @field_validator("type")
    @classmethod
    def _known_type(cls, value: str) -> str:
        if value not in PAYLOADS:
            raise ValueError(f"不认识的事件类型 {value}，可用：{'、'.join(PAYLOADS)}")
        return value

    @property
    def payload(self) -> Payload:
        """The data as its model; raises pydantic.ValidationError when it does not fit the type."""
        return PAYLOADS[self.type].model_validate(self.data)

    @classmethod
    def of(cls, payload: Payload, *, key: str, time: datetime, source: str = "duban") -> Self:
        """Wraps a payload."""
        return cls(id=key, source=source, type=payload.type, time=time, data=payload.model_dump(mode="json"))
