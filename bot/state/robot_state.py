"""The recorded state of robots, with an index of those that are broken or resting, so that nobody must scan all of them."""

from __future__ import annotations

from pydantic import AwareDatetime, BaseModel, ConfigDict


class RobotState(BaseModel):
    """The recorded state of one robot: recent send times, until when it must rest, why it is broken.

    `address` and `setup` are fingerprints of the robot's configuration. `address` identifies the robot this history belongs
    to; `setup` also covers secret and keyword, and a broken robot is tried again when it changes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    address: str = ""
    setup: str = ""
    sends: tuple[AwareDatetime, ...] = ()
    blocked_until: AwareDatetime | None = None
    broken: str = ""
    broken_since: AwareDatetime | None = None


class RobotStates(dict[str, RobotState]):
    """Robot states by name; `ailing` has the names of those that are broken or must rest."""

    def __init__(self) -> None:
        super().__init__()
        self.ailing: dict[str, None] = {}

    def __setitem__(self, name: str, state: RobotState) -> None:
        super().__setitem__(name, state)
        if state.broken or state.blocked_until:
            self.ailing[name] = None
        else:
            self.ailing.pop(name, None)
