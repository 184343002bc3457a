"""Rule kinds: one file here is one kind. To add a kind, add a file; nothing else has to be registered.

A file whose name begins with an underscore holds what several kinds share. May import `core/time`, `core/rules` and
`core/facts`; no kind imports another."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType

from bot.core.rules.kind import RuleKind


@cache
def kinds() -> Mapping[str, RuleKind]:
    """Every kind found in this folder, by the word an admin writes."""
    names = (found.name for found in iter_modules(__path__) if not found.name.startswith("_"))
    modules = (import_module(f"{__name__}.{name}") for name in names)
    return MappingProxyType({module.KIND.name: module.KIND for module in modules})
