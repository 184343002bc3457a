"""Rule kinds: one file here is one kind; dropping in a file is all it takes to add one."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType

from bot.core.item import RuleKind


@cache
def kinds() -> Mapping[str, RuleKind]:
    """Every kind found in this folder, by the word an admin writes."""
    modules = (import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__))
    return MappingProxyType({module.KIND.name: module.KIND for module in modules})
