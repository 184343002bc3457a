"""Logs: loguru to stderr, the standard library's logging led into it, and secrets of webhooks struck out."""

from __future__ import annotations

import logging
import re
import sys
from typing import TYPE_CHECKING

from loguru import logger

from bot.core.time.zone import ZONE

if TYPE_CHECKING:
    from loguru import Record

SECRETS = re.compile(r"((?:key|access_token|sign|hook_token|timestamp)=)[^&\s\"']+|(/bot/v2/hook/)[^\s\"'?]+")


def redact(text: str) -> str:
    """The text without anything that looks like a webhook's key, token or signature."""
    return SECRETS.sub(lambda found: f"{found.group(1) or found.group(2)}***", text)


class _Bridge(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        logger.opt(depth=6, exception=record.exc_info).log(record.levelname, "{}", record.getMessage())


def _write(text: str) -> None:
    """Writes a finished line. Secrets are struck out here, so that texts of exceptions are covered as well."""
    sys.stderr.write(redact(text))


def _line(record: Record) -> str:
    """The format of a line. Its time is Beijing's, whatever the zone of the machine."""
    at = record["time"].astimezone(ZONE)
    return f"{at.isoformat(' ', 'seconds')} {{level: <7}} {{message}}\n{{exception}}"


def set_up(level: str = "INFO") -> None:
    """One sink, without values of variables in tracebacks; httpx and httpcore log addresses and are kept quiet."""
    logger.remove()
    logger.add(
        _write,
        level=level,
        diagnose=False,
        backtrace=False,
        format=_line,
    )
    logging.basicConfig(handlers=[_Bridge()], level=logging.INFO, force=True)
    for noisy in ("httpx", "httpcore", "apscheduler", "uvicorn.access", "watchfiles"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
