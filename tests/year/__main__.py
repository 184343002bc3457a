"""`python -m tests.year --seed 1` plays and judges a year; `--read 县教育局` prints what one chat saw of it."""

from __future__ import annotations

import argparse
import sys

from tests.year.book import Book
from tests.year.judge import by_kind, judged
from tests.year.player import played_by
from tests.year.record import shown, written
from tests.year.shape import sheet
from tests.year.stage import played


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.year", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="which year")
    parser.add_argument("--read", default="", metavar="CHAT", help="all messages of a chat, as its members see them")
    parser.add_argument("--kind", default="", help="every finding of a kind")
    parser.add_argument("--json", action="store_true", help="the whole year as data")
    given = parser.parse_args()
    year = played(played_by(given.seed))
    if given.json:
        _print(written(year))
    elif given.read:
        _print("\n".join(shown(message) for message in year.messages if message.chat == given.read))
    else:
        findings = judged(year)
        for found in findings:
            if given.kind in ("all", found.kind):
                _print(f"{found.kind} {found.case} {found.at} {found.chat}：{found.line}　←　{found.why}")
        _print("\n".join(f"{kind}　{count}" for kind, count in by_kind(findings).most_common()))
        _print(sheet(Book(year)))
        _print(f"{year.seconds}秒")
    return 0


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
