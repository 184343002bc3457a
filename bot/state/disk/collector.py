"""The garbage collector, which walks everything there is again and again and finds nothing: not while loading, else seldom."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


def seldom() -> None:
    """Lets it look once in 20,000 new objects: a message leaves some fifty that stay, and no cycles."""
    gc.set_threshold(20_000, 20, 50)


@contextmanager
def undisturbed() -> Iterator[None]:
    """No collection meanwhile: for making many objects that stay. As before afterwards."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
