"""Reading an answer by a platform's table. HTTP 200 alone means nothing; only the integer code 0 does."""

from __future__ import annotations

import json
import re
from typing import Any

from bot.core.outcome import Outcome, Verdict
from bot.platforms._text import plain
from bot.platforms.limits import HTTP, HTTP_HUNDREDS, UNKNOWN_CODE, Meaning, Wire

TEXT_LENGTH = 200  # characters of the server's words that are kept

# The server's words may hold our address, its links and, in principle, the key that was sent to it.
_PRIVATE = re.compile(
    r"""https?://\S+ | from\s+ip:\s*\S+
      | \b(?:key|access_token|token|sign|secret)=[^\s&,;]+
      | \b\d{1,3}(?:\.\d{1,3}){3}\b | (?:[0-9a-f]{0,4}:){3,7}[0-9a-f]{0,4}
      | [A-Za-z0-9_-]{24,}""",
    re.IGNORECASE | re.VERBOSE | re.ASCII,
)


def redacted(text: str) -> str:
    """A server's words with addresses, links and anything long enough to be a key taken out, cut to a line."""
    return _PRIVATE.sub("…", plain(text[: TEXT_LENGTH * 4]))[:TEXT_LENGTH]


def parsed(body: bytes) -> dict[str, Any]:
    """The body as a JSON object; empty when it is anything else."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def read(wire: Wire, status: int, body: bytes) -> Outcome:
    """What HTTP `status` with `body` means on this platform."""
    reply = parsed(body)
    code = _code(wire, reply)
    said = reply.get(wire.text_field, reply.get("StatusMessage"))
    text = redacted(said) if isinstance(said, str) else ""
    if status // 100 == 3 or code is None or (code == 0 and status != 200):
        return outcome(_by_status(status), f"HTTP {status}", text or "答复中没有返回码")
    if code == 0:
        return Outcome(Verdict.DELIVERED, "0", text, _warning(text))
    return outcome(wire.codes.get(code, UNKNOWN_CODE), str(code), text)


def outcome(meaning: Meaning, code: str, text: str) -> Outcome:
    """A row of a table as the outcome of an attempt."""
    return Outcome(meaning.verdict, code, text, meaning.remedy, meaning.wait, meaning.scope, meaning.counts)


def _code(wire: Wire, reply: dict[str, Any]) -> int | None:
    """The code, only when it is truly an integer: "0", 0.0 and false are not."""
    value = next((reply[name] for name in wire.code_fields if name in reply), None)
    return value if type(value) is int else None


def _by_status(status: int) -> Meaning:
    return HTTP.get(status) or HTTP_HUNDREDS.get(status // 100) or HTTP_HUNDREDS[2]


def _warning(text: str) -> str:
    """WeCom may say 0 and "Warning: wrong json format": sent, perhaps in part; sending again would only repeat it."""
    return "平台提示消息格式有误，可能只显示了一部分：请到群里核对，并告知维护人员" if "warning" in text.lower() else ""
