"""What is remembered about robots, and which of them stand out, so that nobody has to go through ten thousand to find none."""

from __future__ import annotations

from pydantic import AwareDatetime, BaseModel, ConfigDict


class RobotState(BaseModel):
    """What is remembered about one robot: recent send instants, how long it must rest, why it is broken.

    `address` tells whose history this is, `setup` also covers secret and keyword: a change there mends a broken robot
    by itself. Both are fingerprints.
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
    """By name; `ailing` names those that are broken or must rest."""

    def __init__(self) -> None:
        super().__init__()
        self.ailing: dict[str, None] = {}

    def __setitem__(self, name: str, state: RobotState) -> None:
        super().__setitem__(name, state)
        if state.broken or state.blocked_until:
            self.ailing[name] = None
        else:
            self.ailing.pop(name, None)
