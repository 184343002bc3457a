"""Reading an answer by a platform's table. HTTP 200 alone means nothing; only the integer code 0 does."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from email.utils import parsedate_to_datetime
from typing import Any

from bot.core.telling.outcome import Outcome, Verdict
from bot.platforms import NO_HEADERS
from bot.platforms._text import plain
from bot.platforms.limits import HTTP, HTTP_HUNDREDS, UNKNOWN_CODE, Meaning, Wire

TEXT_LENGTH = 200  # characters of the server's words that are kept
LONGEST_WAIT = 3600.0  # seconds a server may ask us to stay away; then we ask again

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
    if text.isalpha() and len(text) < 24:  # "ok", "success"
        return text
    return _PRIVATE.sub("…", plain(text[: TEXT_LENGTH * 4]))[:TEXT_LENGTH]


def parsed(body: bytes) -> dict[str, Any]:
    """The body as a JSON object; empty when it is anything else."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def read(wire: Wire, status: int, body: bytes, headers: Mapping[str, str] = NO_HEADERS) -> Outcome:
    """What HTTP `status` with `body` means on this platform."""
    reply = parsed(body)
    code = _code(wire, reply)
    said = reply.get(wire.text_field, reply.get("StatusMessage"))
    text = redacted(said) if isinstance(said, str) else ""
    if status // 100 == 3 or code is None or (code == 0 and status != 200):
        return by_status(status, text or "答复中没有返回码", headers)
    if code == 0:
        return Outcome(Verdict.DELIVERED, "0", text, _warning(text))
    return _patient(outcome(wire.codes.get(code, UNKNOWN_CODE), str(code), text), headers)


def outcome(meaning: Meaning, code: str, text: str) -> Outcome:
    """A row of a table as the outcome of an attempt."""
    return Outcome(
        meaning.verdict, code, text, meaning.remedy, meaning.wait, meaning.scope, meaning.counts, meaning.perhaps
    )


def _code(wire: Wire, reply: dict[str, Any]) -> int | None:
    """The code, only when it is truly an integer: "0", 0.0 and false are not."""
    value = next((reply[name] for name in wire.code_fields if name in reply), None)
    return value if type(value) is int else None


def by_status(status: int, text: str, headers: Mapping[str, str]) -> Outcome:
    """What an answer means whose body has no code."""
    meaning = HTTP.get(status) or HTTP_HUNDREDS.get(status // 100) or HTTP_HUNDREDS[2]
    return _patient(outcome(meaning, f"HTTP {status}", text), headers)


def _patient(found: Outcome, headers: Mapping[str, str]) -> Outcome:
    """A wait as long as the server itself asks for in its headers."""
    asked = _asked(headers)
    if found.verdict is not Verdict.LATER or found.counts or asked is None:
        return found
    return replace(found, wait_seconds=min(max(asked, 1.0), LONGEST_WAIT))


def _asked(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait by Retry-After (a number, or a date held against the server's own) or Feishu's own header."""
    said = (headers.get("retry-after") or headers.get("x-ogw-ratelimit-reset", "")).strip()
    if re.fullmatch(r"\d{1,9}", said, re.ASCII):
        return float(said)
    try:
        return (parsedate_to_datetime(said) - parsedate_to_datetime(headers.get("date", ""))).total_seconds()
    except (TypeError, ValueError, OverflowError):
        return None


def _warning(text: str) -> str:
    """WeCom may say 0 and "Warning: wrong json format": sent, perhaps in part; sending again would only repeat it."""
    return "平台提示消息格式有误，可能只显示了一部分：请到群里核对，并告知维护人员" if "warning" in text.lower() else ""
