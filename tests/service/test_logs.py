"""Logs: what looks like a webhook's secret does not get through, not even in a traceback."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from loguru import logger

from bot.service.logs import redact, set_up

KEY = "693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa"


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    before = (root.level, list(root.handlers))
    yield
    root.setLevel(before[0])
    root.handlers[:] = before[1]
    logger.remove()


@pytest.mark.parametrize(
    "address",
    [
        f"https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key={KEY}",
        f"https://oapi.dingtalk.com/robot/send?access_token={KEY}&timestamp=1&sign={KEY}",
        f"https://open.feishu.cn/open-apis/bot/v2/hook/{KEY}",
    ],
)
def test_keys_tokens_and_signatures_are_taken_out_of_an_address(address: str) -> None:
    assert KEY not in redact(f'POST "{address}" 200')
    assert redact(f'"{address}"').endswith('***"')


def test_plain_text_is_left_alone() -> None:
    assert redact("县教育局#1 第2次：已送达 0") == "县教育局#1 第2次：已送达 0"


def test_messages_of_other_libraries_pass_the_same_net(capsys: pytest.CaptureFixture[str]) -> None:
    set_up()
    logging.getLogger("other").warning("GET %s", f"https://x/cgi-bin/webhook/send?key={KEY}")
    shown = capsys.readouterr().err
    assert "key=***" in shown
    assert KEY not in shown


def test_what_an_exception_says_passes_the_net_too(capsys: pytest.CaptureFixture[str]) -> None:
    set_up()
    secret = KEY  # the value of a local variable must not be shown either
    try:
        raise ValueError(f"https://x/send?key={secret}")
    except ValueError as error:
        logger.opt(exception=error).error("出错")
        logging.getLogger("other").exception("出错")
    shown = capsys.readouterr().err
    assert shown.count("ValueError") >= 2
    assert KEY not in shown


@pytest.mark.parametrize("library", ["httpx", "httpcore", "apscheduler", "uvicorn.access", "watchfiles"])
def test_libraries_that_talk_of_addresses_are_quiet(library: str, capsys: pytest.CaptureFixture[str]) -> None:
    set_up("DEBUG")
    logging.getLogger(library).info("HTTP Request: POST https://x/%s", KEY)
    assert capsys.readouterr().err == ""


def test_a_level_leaves_out_what_lies_below_it(capsys: pytest.CaptureFixture[str]) -> None:
    set_up("WARNING")
    logger.info("小事")
    logger.warning("大事")
    shown = capsys.readouterr().err
    assert "大事" in shown
    assert "小事" not in shown
