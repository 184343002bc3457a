"""The platforms of a simulation instead of connections: the drill's twin without a network, in as bad a mood as the dice want."""

from __future__ import annotations

from asyncio import sleep
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random

import httpx

from bot.drill.twin import Bubble, Twin
from bot.platforms import Answer, Call, Limits, Shown, platform, platforms
from tests.kit.house import SAYS
from tests.simulation.stage import PowerCut, StageClock, Violation

#: How a platform may behave; the first is how it should.
MOODS = (
    "well", "slow", "mute", "cut", "away", "html", "junk", "busy", "dead", "never", "unknown", "gateway", "limited",
)  # fmt: skip
#: Moods in which the platform may have posted all the same: none of its answers proves a refusal.
UNSURE = ("html", "junk", "busy", "unknown", "gateway")
#: Moods in which the platform says that it refused before posting anything.
SURE = ("limited", "dead", "never")
JUNK = (b"", b"{}", b"[]", b"null", b'{"errcode":"0"}', b"\xff\xfe", b'{"errmsg":"ok"}')
HOST = "http://127.0.0.1:9"


@dataclass
class Address:
    """One robot's address at the platforms."""

    chat: str
    dialect: str
    token: str
    url: str
    mood: str = "well"
    calls: deque[float] = field(default_factory=deque)


@contextmanager
def narrow(per_minute: int) -> Iterator[None]:
    """Platforms that take so few messages a minute from one robot that every digest in parts meets its pace."""
    every = [each.limits for each in platforms().values()]
    usual = [(limits.per_minute, limits.our_per_minute) for limits in every]
    for limits in every:
        _set_pace(limits, per_minute, per_minute - 1)
    try:
        yield
    finally:
        for limits, pace in zip(every, usual, strict=True):
            _set_pace(limits, *pace)


def _set_pace(limits: Limits, per_minute: int, our_per_minute: int) -> None:
    """In place: senders, robots and the twin share the one table."""
    object.__setattr__(limits, "per_minute", per_minute)
    object.__setattr__(limits, "our_per_minute", our_per_minute)


class Wires:
    """Every address there is; what reaches them is shown by the twin or not."""

    def __init__(self, clock: StageClock, dice: Random) -> None:
        self.clock, self._dice = clock, dice
        self.twin = Twin(clock.true, clock.true)
        self.twin.on_bubble(self._shown)
        self.by_token: dict[str, Address] = {}
        self.cut_in: int | None = None  # exchanges until the power goes
        self.on_cut: Callable[[], PowerCut] = PowerCut
        self.on_bubble: Callable[[Bubble], object] = lambda bubble: None
        self.on_written: Callable[[str, Shown], object] = lambda chat, shown: None
        self.on_refused: Callable[[str, Shown], object] = lambda chat, shown: None
        self.dead = False
        self.on_slip: Callable[[Exception], object] = lambda error: None

    def _shown(self, bubble: Bubble) -> None:
        self.on_bubble(bubble)

    def add(self, chat: str, dialect: str) -> Address:
        """A new robot."""
        path = self.twin.add_chat(chat, dialect)
        token = path.rpartition("/")[2].rpartition("=")[2]
        self.by_token[token] = Address(chat, dialect, token, HOST + path)
        return self.by_token[token]

    def heal(self) -> None:
        """Everybody is well again."""
        for address in self.by_token.values():
            address.mood = "well"
        self.cut_in = None

    def transport(self) -> httpx.AsyncBaseTransport:
        """What the courier sends over in place of a connection."""
        return httpx.MockTransport(self._exchange)

    async def _exchange(self, request: httpx.Request) -> httpx.Response:
        try:
            status, body = await self._post(request)
        except httpx.TransportError:
            raise
        except Exception as error:  # a slip of the stage must not pass for a platform's whim
            self.on_slip(error)
            raise
        headers = {"Content-Type": "application/json"}
        return httpx.Response(status, headers=headers, stream=httpx.ByteStream(body))

    async def _post(self, request: httpx.Request) -> tuple[int, bytes]:
        """One exchange, in virtual time."""
        target = httpx.URL(request.extensions["target"].decode())
        query = dict(target.params)
        address = self.by_token[query.get("key") or query.get("access_token") or target.path.rpartition("/")[2]]
        if self.dead:
            raise PowerCut
        when = self._power()
        if when == "before":
            raise self.on_cut()
        if address.mood == "away":
            await sleep(self._dice.uniform(0.01, 4))
            raise httpx.ConnectError("away")
        await sleep(self._dice.uniform(0.01, 0.3))
        self._pace(address)
        call = Call(query, request.headers["Content-Type"], request.content, self.clock.true())
        written = platform(address.dialect).server.read(call, None, None)
        self.on_written(address.chat, written)
        reply = self._answer(address, call)
        if when == "after":
            raise self.on_cut()
        if address.mood in SURE:
            self.on_refused(address.chat, written)
        return await self._back(address, *reply)

    def _power(self) -> str:
        if self.cut_in is None:
            return ""
        self.cut_in -= 1
        if self.cut_in >= 0:
            return ""
        self.cut_in = None
        return self._dice.choice(("before", "after"))

    def _pace(self, address: Address) -> None:
        """Requests and not only messages shown: a platform counts what reaches it."""
        now = self.clock.true().timestamp()
        address.calls.append(now)
        while address.calls[0] <= now - 60:
            address.calls.popleft()
        if len(address.calls) > platform(address.dialect).limits.per_minute:
            at = f"{self.clock.true():%Y-%m-%d %H:%M:%S}"
            raise Violation(f"{at} 6 {len(address.calls)} requests to one robot of {address.chat} in 60 s")

    def _answer(self, address: Address, call: Call) -> tuple[int, bytes]:
        mood, server = address.mood, platform(address.dialect).server
        if mood in UNSURE and self._dice.random() < 0.4:
            self.twin.answer(address.dialect, address.token, call)  # posted, whatever is said of it
        if mood == "html":
            return 200, "<html>上网认证</html>".encode()
        if mood == "junk":
            return 200, self._dice.choice(JUNK)
        if mood in SAYS:
            return _of(server.answer(SAYS[mood][address.dialect], "no"))
        if mood == "unknown":
            return _of(server.answer(98765, "what"))
        if mood == "limited":
            return _of(server.answer(server.too_fast, "slow down"))
        if mood == "gateway":
            return self._dice.choice((500, 502, 503)), b"<html>Bad Gateway</html>"
        return _of(self.twin.answer(address.dialect, address.token, call))

    async def _back(self, address: Address, status: int, body: bytes) -> tuple[int, bytes]:
        match address.mood:
            case "slow":
                await sleep(self._dice.uniform(2, 9))
            case "mute":
                await sleep(600)
            case "cut":
                raise httpx.ReadError("cut")
        return status, body


def _of(answer: Answer) -> tuple[int, bytes]:
    return answer.status, answer.body
