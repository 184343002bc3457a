"""python -m bot and the console script: one command in a process of its own."""

import gc
import os
import sys

gc.disable()  # what is imported stays, so that looking for cycles in it is lost time
from bot.cli import main  # noqa: E402

gc.freeze()
gc.enable()


def program() -> None:
    """Runs the command and ends the process at once.

    By then every file is closed and every state durable; taking a long preview's rows apart one by one would cost a second.
    """
    code: object = 0
    try:
        main()
    except SystemExit as ended:
        code = ended.code
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:  # the reader (head, less) has seen enough
        pass
    os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    program()
