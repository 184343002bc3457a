"""Reading an answer: by the platform's code table, and where the body has no code by the HTTP status.

HTTP 200 alone means nothing where there is a code; only the integer 0 is a delivery.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from email.utils import parsedate_to_datetime
from typing import Any

from bot.core.telling.outcome import Outcome, Verdict
from bot.platforms import NO_HEADERS
from bot.platforms._codes import (
    NEW_ROBOT,
    PACE,
    PROGRAM,
    TOO_LONG,
    CodeTable,
    Meaning,
    bug,
    busy,
    refused,
    reshape,
    unknown,
    wait,
)
from bot.platforms._text import plain

#: Where replies of any receiver say how it went: a code, which is 0 for success, or a yes.
CODE_FIELDS, YES_FIELDS = ("code", "errcode", "errCode", "StatusCode"), ("ok", "success")

TEXT_LENGTH = 200  # characters of the server's words that are kept
LONGEST_WAIT = 3600.0  # seconds a server may ask us to stay away; then we ask again

_ADDRESS = "地址被网关拒绝：请核对群聊配置中的地址，或联系网络管理员放行"

# A status that is not here is judged by its hundred. Of these, 4xx but 408 say that the request was not acted upon (RFC 9110,
# 15.5). Gateways answer 408 and 5xx after they forwarded a request, too, and so does a receiver that broke off while posting.
_STATUSES: Mapping[int, Meaning] = {
    400: bug(PROGRAM, ""),
    401: refused(_ADDRESS, ""),
    403: refused(_ADDRESS, ""),
    404: refused(NEW_ROBOT, ""),
    405: refused(_ADDRESS, ""),
    407: refused("代理服务器要求认证：请联系网络管理员", ""),
    408: busy(),
    410: refused(NEW_ROBOT, ""),
    413: reshape(TOO_LONG, ""),
    415: bug(PROGRAM, ""),
    422: bug(PROGRAM, ""),
    429: wait(60.0, PACE, ""),
}
_HUNDREDS: Mapping[int, Meaning] = {
    2: Meaning(Verdict.AMBIGUOUS, "平台的答复无法识别，消息可能已送达：将标明“补发”再发一次"),
    3: Meaning(Verdict.REFUSED, "地址被重定向，消息不会转投：请改用机器人的原始地址，并检查网络出口是否需要登录"),
    4: unknown("平台的答复无法识别，将少量重试；反复出现请核对地址，或联系网络管理员"),
    5: busy(),
}
_UNKNOWN_CODE = unknown("返回码不在已知范围内，将少量重试；反复出现请把返回码交给维护人员")

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
        value = json.loads(body, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; one that says the same thing twice counts as one that denies."""
    found = dict(pairs)
    return found if len(found) == len(pairs) else {"ok": False}


def read(table: CodeTable, status: int, body: bytes, headers: Mapping[str, str] = NO_HEADERS) -> Outcome:
    """What HTTP `status` with `body` means on the platform of this table."""
    reply = parsed(body)
    code = _code(table, reply)
    said = _first(table.text_fields, reply)
    text = redacted(said) if isinstance(said, str) else ""
    if status // 100 == 3 or code is None or (code == 0 and (status != 200 or denied(reply))):
        return foreign(by_status(status, text or "答复中没有返回码", headers))
    if code == 0:
        return Outcome(Verdict.DELIVERED, "0", text, _warning(text))
    found = _patient(outcome(table.meanings.get(code, _UNKNOWN_CODE), str(code), text), headers)
    rest = {name: value for name, value in reply.items() if value != code or value is True}
    return foreign(found) if affirmed(rest) else found


def outcome(meaning: Meaning, code: str, text: str) -> Outcome:
    """A meaning as the outcome of an attempt that was answered with `code` and the words `text`."""
    return Outcome(
        meaning.verdict, code, text, meaning.remedy, meaning.wait, meaning.scope, meaning.counts, meaning.perhaps
    )


def _code(table: CodeTable, reply: dict[str, Any]) -> int | None:
    """The code, only when it is truly an integer: "0", 0.0 and false are not."""
    value = _first(table.code_fields, reply)
    return value if type(value) is int else None


def _first(names: tuple[str, ...], reply: dict[str, Any]) -> object:
    return next((reply[name] for name in names if name in reply), None)


def by_status(status: int, text: str, headers: Mapping[str, str]) -> Outcome:
    """What an answer means whose body has no code."""
    meaning = _STATUSES.get(status) or _HUNDREDS.get(status // 100) or _HUNDREDS[2]
    return _patient(outcome(meaning, f"HTTP {status}", text), headers)


def foreign(found: Outcome) -> Outcome:
    """The outcome where a platform that has codes answered without one: something before it spoke, perhaps after forwarding."""
    return replace(found, perhaps=True) if found.verdict is not Verdict.DELIVERED else found


def denied(reply: Mapping[str, Any]) -> bool:
    """Whether a reply says by any of the usual fields that it did not succeed."""
    codes = [reply[name] for name in CODE_FIELDS if name in reply]
    return any(reply.get(name, True) is not True for name in YES_FIELDS) or any(code not in (0, "0") for code in codes)


def affirmed(reply: Mapping[str, Any]) -> bool:
    """Whether a reply says by any of the usual fields that it succeeded, and by none that it did not."""
    return any(name in reply for name in (*CODE_FIELDS, *YES_FIELDS)) and not denied(reply)


def _patient(found: Outcome, headers: Mapping[str, str]) -> Outcome:
    """The outcome, with the wait that the server asks for in its headers, if it does."""
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
